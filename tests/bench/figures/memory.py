"""What a live idle clone costs, everything counted."""
import pathlib
import time

from figures.idle import children, program
from tools import Tool, Unable, column

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


def used_kb(pids):
    """What these processes and all that the kernel keeps for any process take."""
    # Looking at a process leaves inodes and names of its files in /proc behind, which go when
    # somebody needs the memory; they are ours and not the process's.
    pathlib.Path("/proc/sys/vm/drop_caches").write_text("2")
    kernel = kernel_kb()
    return sum(private_kb(pid) for pid in pids) + kernel


def settled_kb(lab):
    settle(lab)
    return used_kb(vmms(lab))


def more_kb(used, client, rounds, count):
    """The difference that each round's COUNT processes more make, for each of them."""
    samples = []
    client.rounds(1)
    used()  # empties what the whole machine has gathered, and that not at once
    for _ in range(rounds):
        before = used()
        client.rounds(1)
        samples.append((used() - before) / count)
    return samples


def bare_kb(bench, mib, rounds, count):
    """The same of bare machines."""
    with Tool([bench.program("raw_clone"), "alive", mib, count]) as tool:
        return more_kb(lambda: used_kb(children(tool.process.pid)), tool, rounds, count)


def alive_client(bench, lab, mib, count):
    return lab.tool(bench.program("clone_rate"), "alive",
                    bench.build / "tests/guests/guest-bench_parent", mib, count)


def measure_memory(bench):
    """The difference that COUNT more live clones make, divided by COUNT."""
    for mib, limit in ((64, 300), (1024, 400)):
        bench.need_memory(2 * mib)
        count, rounds = bench.choose(50, 200), bench.choose(3, 4)
        with bench.lab(1, SAME_POOL) as lab, alive_client(bench, lab, mib, count) as client:
            samples = more_kb(lambda lab=lab: settled_kb(lab), client, rounds, count)
        bare = bare_kb(bench, mib, rounds, count)
        bench.add("clone_memory_kb", samples, f"target, {limit} kB", [limit], limit=1, unit="kB",
                  resident_mib=mib, clones=count)
        bench.add("clone_memory_kb", samples, "a bare machine in a process", bare, unit="kB",
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
