"""Hosts for a figure: a lab of network namespaces, taken down whatever happens."""
import os
import pathlib
import subprocess
import sys
import tempfile

from tools import Tool, Unable, run

RUN_DIRECTORY = pathlib.Path("/run/norma")
TIMEOUT_S = 60


class Lab:
    """`hosts` hosts; `settings` is more text for every host's configuration."""
    count = 0

    def __init__(self, build, hosts, settings=""):
        Lab.count += 1
        self.name = f"bench-{os.getpid()}-{Lab.count}"
        self.build = build
        self.hosts = hosts
        self.settings = settings
        self.norma = build / "hostd/cli/norma"
        self.directory = None

    def __enter__(self):
        try:
            self._up()
        except BaseException:  # interrupted, too: half a lab would stay
            self.__exit__()
            raise
        return self

    def _up(self):
        environment = dict(os.environ)
        if self.settings:
            environment["NORMA_HOSTD"] = self._configured_hostd()
        try:
            up = subprocess.run([self.norma, "lab", "up", "--name", self.name, "--hosts",
                                 str(self.hosts)], capture_output=True, text=True, check=False,
                                env=environment, timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            raise Unable(f"no lab of {self.hosts} hosts within {TIMEOUT_S} s") from None
        if up.returncode:
            raise Unable(f"no lab of {self.hosts} hosts: {up.stderr.strip()}")

    def __exit__(self, *_):
        try:
            subprocess.run([self.norma, "lab", "down", "--name", self.name], check=False,
                           stdout=subprocess.DEVNULL, timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            print(f"bench: `norma lab down --name {self.name}` did not end within {TIMEOUT_S} s; "
                  "call it again", file=sys.stderr)
        if self.directory:
            self.directory.cleanup()

    def _configured_hostd(self):
        """A program that adds the settings to the configuration it is given, then is the daemon."""
        self.directory = tempfile.TemporaryDirectory(prefix="norma-bench.")
        path = pathlib.Path(self.directory.name) / "norma-hostd"
        path.write_text("#!/bin/sh\n"
                        'for word; do [ "${last-}" = --config ] && config=$word; last=$word; done\n'
                        f"printf '%s\\n' '{self.settings}' >>\"$config\"\n"
                        f'exec {self.build / "hostd/daemon/norma-hostd"} "$@"\n')
        path.chmod(0o755)
        return str(path)

    def environment(self, host=0):
        return {"NORMA_SOCKET": str(RUN_DIRECTORY / self.name / str(host) / "hostd.sock")}

    def tool(self, *arguments, host=0):
        """A client of a host's daemon, kept and asked for rounds."""
        return Tool(arguments, self.environment(host))

    def run(self, *arguments, host=0):
        return run(arguments, self.environment(host))

    def run_guest(self, guest, *arguments, node=0):
        """Runs a guest program as a task; its output as numbers."""
        return self.run(self.norma, "run", "--node", node, self.build / "tests/guests" / guest,
                        *arguments)

    def on_host(self, host, *arguments):
        """A command line that runs inside a host's network."""
        return [self.norma, "lab", "exec", "--name", self.name, str(host), "--", *arguments]

    @staticmethod
    def address(host):
        """A host's address on the network between them."""
        return f"10.77.{host}.1"

    def daemon(self, host=0):
        """The process number of a host's norma-hostd."""
        state = (RUN_DIRECTORY / self.name / "state").read_text()
        for line in state.splitlines():
            words = line.split()
            if words[0] == "process" and int(words[1]) == host:
                return int(words[2])
        raise Unable(f"the lab's state names no daemon of host {host}")
