"""What a live idle clone costs, everything counted."""
import pathlib
import time

from figures.idle import children, program
from tools import Unable, column

# As many waiting VMMs before as after.
SAME_POOL = "[limits]\nwaiting_vmms_most = 2\n"
SETTLE_LOOKS = 10  # so many looks in a row find as many VMMs
SETTLE_S = 20

# Of /proc/meminfo: what the kernel spends for processes and VMs, besides their own pages.
KERNEL_KB = ("Slab", "KernelStack", "PageTables", "SecPageTables", "Percpu")


def kernel_kb():
    lines = pathlib.Path("/proc/meminfo").read_text().splitlines()
    values = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return sum(values.get(name, 0) for name in KERNEL_KB)


def descendants(pid):
    for child in children(pid):
        yield child
        yield from descendants(child)


def private_kb(pid):
    """Memory that only this process has; what is shared with others (a zygote) is theirs."""
    sizes = {}
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, size = line.split(":")
        sizes[name] = int(size.split()[0])
    return sizes["Private_Clean"] + sizes["Private_Dirty"]


def vmms(lab):
    return [pid for pid in descendants(lab.daemon()) if program(pid) == "norma-vmm"]


def settle(lab):
    """Until nothing is being made or taken apart; no event tells."""
    alike, before, deadline = 0, [], time.monotonic() + SETTLE_S
    while alike < SETTLE_LOOKS:
        if time.monotonic() > deadline:
            raise Unable(f"VMMs come and go for {SETTLE_S} s")
        time.sleep(0.02)
        now = vmms(lab)
        alike = alike + 1 if now == before else 0
        before = now


def used_kb(lab):
    settle(lab)
    return sum(private_kb(pid) for pid in vmms(lab)) + kernel_kb()


def alive_client(bench, lab, mib, count):
    return lab.tool(bench.program("clone_rate"), "alive",
                    bench.build / "tests/guests/guest-bench_parent", mib, count)


def measure_memory(bench):
    """The difference that COUNT more live clones make, divided by COUNT."""
    for mib, limit in ((64, 300), (1024, 400)):
        bench.need_memory(2 * mib)
        count = bench.choose(50, 200)
        with bench.lab(1, SAME_POOL) as lab, alive_client(bench, lab, mib, count) as client:
            samples = []
            client.rounds(1)
            for _ in range(bench.choose(2, 4)):
                before = used_kb(lab)
                client.rounds(1)
                samples.append((used_kb(lab) - before) / count)
        bench.add("clone_memory_kb", samples, f"target, {limit} kB", [limit], limit=1, unit="kB",
                  resident_mib=mib, clones=count)


def measure_thousand(bench):
    """All of them have run before any of them ends; the time is for all of them together."""
    with bench.lab(1) as lab, alive_client(bench, lab, 64, 1000) as client:
        rows = client.rounds(1)
        alive = sum(program(pid) == "norma-vmm" for pid in descendants(lab.daemon()))
        if alive < 1000:
            raise Unable(f"only {alive} of 1000 clones were alive at the end")
    bench.add("thousand_alive", [us / 1000 for us in column(rows, 0)], "target, 10 ms each",
              [10000], limit=1, resident_mib=64)


FIGURES = [
    (["clone_memory_kb"], measure_memory),
    (["thousand_alive"], measure_thousand),
]
