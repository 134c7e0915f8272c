"""What the figures were measured on, and what is changed on the machine meanwhile and put back."""
import contextlib
import mmap
import os
import pathlib
import platform
import subprocess

SHMEM_ENABLED = pathlib.Path("/sys/kernel/mm/transparent_hugepage/shmem_enabled")


def chosen(setting):
    """The word in brackets of a setting like "always [never]"."""
    try:
        return setting.read_text().split("[")[1].split("]")[0]
    except (OSError, IndexError):
        return "absent"


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown"


def available_mib():
    for line in pathlib.Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return 0


def commit():
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True,
                          text=True, check=False, timeout=30)
    return done.stdout.strip() or "unknown"


def conditions():
    """What is the same for every figure of a run."""
    return {
        "commit": commit(),
        "kernel": platform.release(),
        "cpu": cpu_model(),
        "cpus": os.cpu_count(),
        "shmem_enabled": chosen(SHMEM_ENABLED),
    }


def warm_memory(mib):
    """Touches so much memory and gives it back, so that the machine has it at hand.

    Where the machine is itself a guest, free memory goes back to its hypervisor after a while
    (free page reporting), and touching it again costs up to 1.6 s of processor time a GiB.
    """
    if mib:
        mmap.mmap(-1, mib << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_POPULATE).close()


@contextlib.contextmanager
def huge_pages():
    """Shared memory may get huge pages where it is asked for; as it was, afterwards."""
    before = chosen(SHMEM_ENABLED)
    is_changed = before in ("never", "within_size") and os.access(SHMEM_ENABLED, os.W_OK)
    if is_changed:
        SHMEM_ENABLED.write_text("advise")
    try:
        yield
    finally:
        if is_changed:
            SHMEM_ENABLED.write_text(before)


@contextlib.contextmanager
def busy(is_wanted):
    """One process that computes for ever, at nice 0: it takes one of the processors."""
    if not is_wanted:
        yield
        return
    with subprocess.Popen(["sh", "-c", "while :; do :; done"]) as process:
        try:
            yield
        finally:
            process.kill()
