"""What the daemons cost when nothing happens."""
import pathlib
import time

from tools import Unable

MEMORY_KB = 12 * 1024
CPU_US_PER_S = 1000  # 0.1 % of a processor counts as none


def children(pid):
    task = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in task.read_text().split()]


def program(pid):
    return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()


def cpu_us(pid):
    """Processor time of all its threads so far."""
    return sum(int((thread / "schedstat").read_text().split()[0])
               for thread in pathlib.Path(f"/proc/{pid}/task").iterdir()) / 1e3


def resident_kb(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1])
    raise Unable(f"process {pid} has no memory")


def measure_idle(bench):
    """The only thing waited for is that time passes: that is what is measured."""
    seconds = bench.choose(2, 10)
    with bench.lab(2) as lab, lab.tool(
            bench.program("clone_client"), "--clone", "--node", 1, "--running",
            bench.build / "tests/guests/guest-bench_parent", 64) as client:
        client.rounds(2)  # both hosts have served; then the parent is all that is left
        client.__exit__()
        hostd = lab.daemon()
        found = {program(pid): pid for pid in children(hostd)}
        if "norma-pager" not in found:
            raise Unable("norma-hostd has no norma-pager")
        pids = {"hostd": hostd, "pager": found["norma-pager"]}
        before = {name: cpu_us(pid) for name, pid in pids.items()}
        time.sleep(seconds)
        for name, pid in pids.items():
            bench.add("idle_cpu", [(cpu_us(pid) - before[name]) / seconds],
                      "target, 0.1 % of a CPU", [CPU_US_PER_S], limit=1, unit="us/s", process=name)
            bench.add("idle_memory", [resident_kb(pid)], "target, 12 MB", [MEMORY_KB], limit=1,
                      unit="kB", process=name)


FIGURES = [
    (["idle"], measure_idle),
]
