"""QEMU, the reference for moving a machine: template children, post-copy, pre-copy and multifd.

Both machines of a migration are on this host and the stream goes over loopback. The destination has
been started and waits before the clock starts, as norma's waiting VMMs do. The clock stops at
the first byte that the machine's program writes there, or when QEMU says that all of memory has come.
"""
import contextlib
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from tools import Unable

PROGRAM = "qemu-system-x86_64"
TIMEOUT_S = 60
UNLIMITED = 1 << 40
CHANNELS = 2


def need():
    if not shutil.which(PROGRAM):
        raise Unable(f"{PROGRAM} is not installed (package qemu-system-x86)")


def connect(path, process):
    """Connects to a Unix socket that a process is about to make."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(TIMEOUT_S)
        try:
            client.connect(str(path))
            return client
        except OSError:
            client.close()
            if process.poll() is not None:
                raise Unable(f"QEMU ended: {process.stderr.read().decode().strip()}") from None
            if time.monotonic() > deadline:
                raise Unable(f"QEMU made no {path.name} within {TIMEOUT_S} s") from None
            time.sleep(0.001)  # nothing tells when the socket is there


class Machine:
    """One QEMU process with its control connection and what its program writes."""

    def __init__(self, directory, name, payload, memory, incoming=None):
        self.name = name
        paths = {kind: directory / f"{name}.{kind}" for kind in ("qmp", "con")}
        arguments = [PROGRAM, "-accel", "kvm", "-nodefaults", "-display", "none", "-no-user-config",
                     "-bios", str(payload), "-object", f"{memory},id=ram",
                     "-machine", "pc,memory-backend=ram", "-m", f"{memory_mib(memory)}M",
                     "-chardev", f"socket,id=con,path={paths['con']},server=on,wait=off",
                     "-device", "isa-debugcon,chardev=con,iobase=0xe9",
                     "-qmp", f"unix:{paths['qmp']},server=on,wait=off"]
        if incoming:
            arguments += ["-incoming", incoming]
        self.process = subprocess.Popen(arguments, stderr=subprocess.PIPE)
        self.console = connect(paths["con"], self.process)
        self.first_output = None  # when its program wrote something
        self.has_written = threading.Event()
        self.reader = threading.Thread(target=self._read_console, daemon=True)
        self.reader.start()
        self.control = connect(paths["qmp"], self.process)
        self.answers = self.control.makefile("r")
        self.answers.readline()
        self.command("qmp_capabilities")

    def _read_console(self):
        """Reads all that is written: QEMU would wait for a reader, and hold everything up."""
        with contextlib.suppress(OSError):
            while self.console.recv(65536):
                if not self.has_written.is_set():
                    self.first_output = time.monotonic()
                    self.has_written.set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()
        self.reader.join()
        self.answers.close()
        self.control.close()
        self.console.close()

    def command(self, name, **arguments):
        request = {"execute": name, "arguments": arguments}
        self.control.sendall(json.dumps(request).encode())
        while True:
            line = self.answers.readline()
            if not line:
                raise Unable(f"QEMU {self.name} ended at {name}")
            answer = json.loads(line)
            if "error" in answer:
                raise Unable(f"QEMU {self.name}: {name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def enable(self, *capabilities):
        self.command("migrate-set-capabilities", capabilities=[
            {"capability": name, "state": True} for name in capabilities])

    def wait_for_output(self):
        """Waits for the first that the machine's program writes. Return: when that was."""
        if not self.has_written.wait(TIMEOUT_S):
            raise Unable(f"QEMU {self.name}: its program did not run within {TIMEOUT_S} s")
        return self.first_output

    def wait_until(self, *states):
        """Waits until its migration has come to one of these states."""
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            status = self.command("query-migrate").get("status")
            if status in states:
                return
            if status in ("failed", "cancelled"):
                raise Unable(f"QEMU {self.name}: the migration {status}")
        raise Unable(f"QEMU {self.name}: the migration is still {status}")


def memory_mib(memory):
    return int(memory.split("size=")[1].split("M")[0])


def of_file(path, mib, share):
    return f"memory-backend-file,size={mib}M,mem-path={path},share={share}"


def of_memory(mib):
    return f"memory-backend-ram,size={mib}M"


@contextlib.contextmanager
def random_memory(mib):
    """A directory with a file `ram` of random bytes, in memory."""
    with tempfile.TemporaryDirectory(prefix="norma-qemu.", dir="/dev/shm") as name:
        directory = pathlib.Path(name)
        with open("/dev/urandom", "rb") as source, open(directory / "ram", "wb") as ram:
            for _ in range(mib):
                ram.write(source.read(1 << 20))
        yield directory


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def migrate(directory, payload, mib, mode, before_clock):
    """Moves a machine. Return: us until its first instruction there, us until all has come.

    before_clock is called when both machines are ready.
    """
    address = f"tcp:127.0.0.1:{free_port()}"
    capabilities = {"postcopy": ["postcopy-ram"], "multifd": ["multifd"], "precopy": []}[mode]
    with Machine(directory, "source", payload, of_file(directory / "ram", mib, "on")) as source, \
            Machine(directory, "target", payload, of_memory(mib), "defer") as target:
        source.wait_for_output()
        for machine in (source, target):
            if capabilities:
                machine.enable(*capabilities)
        if mode == "multifd":
            for machine in (source, target):
                machine.command("migrate-set-parameters", **{"multifd-channels": CHANNELS})
        target.command("migrate-incoming", uri=address)
        source.command("migrate-set-parameters", **{"max-bandwidth": UNLIMITED,
                                                    "max-postcopy-bandwidth": 0})
        before_clock()
        before = time.monotonic()
        source.command("migrate", uri=address)
        if mode == "postcopy":
            source.wait_until("active")
            source.command("migrate-start-postcopy")
        first = target.wait_for_output()
        source.wait_until("completed")
        return [(first - before) * 1e6, (time.monotonic() - before) * 1e6]


def save_template(directory, payload, mib):
    """Leaves the state of a machine, without its memory, in a file beside `ram`."""
    with Machine(directory, "parent", payload, of_file(directory / "ram", mib, "on")) as parent:
        parent.wait_for_output()
        parent.enable("x-ignore-shared")
        parent.command("stop")
        parent.command("migrate", uri=f"exec:cat >{directory / 'state'}")
        parent.wait_until("completed")


def template_child(directory, payload, mib):
    """A child over the template's memory. Return: us from starting QEMU to its first instruction."""
    before = time.monotonic()
    with Machine(directory, "child", payload, of_file(directory / "ram", mib, "off"),
                 "defer") as child:
        child.enable("x-ignore-shared")
        child.command("migrate-incoming", uri=f"exec:cat {directory / 'state'}")
        child.wait_until("completed")
        child.command("cont")
        return [(child.wait_for_output() - before) * 1e6]
