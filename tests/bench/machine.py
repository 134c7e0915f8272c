"""What the figures were measured on, and what is changed on the machine meanwhile and put back."""
import contextlib
import mmap
import os
import pathlib
import platform
import subprocess
import time

REPORTING_PASSES = pathlib.Path("/sys/module/page_reporting/parameters/passes")
REPORTING_PERIOD_S = 2
SOON_USED_MIB = 512  # takes a small part of that time
MADV_POPULATE_WRITE = 23  # Linux 5.14; Python has no name for it yet
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


def reporting_passes():
    """How often the kernel has looked for free memory to give back; 0 where it does not say."""
    try:
        return int(REPORTING_PASSES.read_text())
    except OSError:
        return 0


def await_reporting():
    """Waits until the kernel has just given free memory back, if it does so at all."""
    before = reporting_passes()
    deadline = time.monotonic() + REPORTING_PERIOD_S * 1.25
    while before and reporting_passes() == before and time.monotonic() < deadline:
        time.sleep(0.002)  # nothing tells


def warm_memory(mib):
    """Touches so much memory and gives it back, so that the machine has it at hand.

    Where the machine is itself a guest, free memory goes back to its hypervisor (free page
    reporting), some every 2 s, and touching it again costs up to 1.9 s of processor time a GiB.
    What is to be used soon is touched, held until the kernel has done so, and freed: then there
    are 2 s to use it.
    """
    if not mib:
        return
    with mmap.mmap(-1, int(mib) << 20, flags=mmap.MAP_PRIVATE) as memory:
        memory.madvise(mmap.MADV_HUGEPAGE)
        memory.madvise(MADV_POPULATE_WRITE)
        if mib > SOON_USED_MIB:
            await_reporting()


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
