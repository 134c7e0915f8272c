"""Many children of one parent: one after another, and a hundred at once."""
from tools import Tool, column


def measure(bench, name, mode, count, ref, **limit):
    mib = 64
    with bench.lab(1) as lab, \
            lab.tool(bench.program("clone_rate"), mode,
                     bench.build / "tests/guests/guest-bench_parent", mib, count) as ours, \
            Tool([bench.program("raw_clone"), mode, mib, count]) as raw:
        rows, reference = bench.take_turns(3, 10, lambda: ours.rounds(1),
                                           lambda: raw.rounds(1))
    bench.add(name, column(rows, 0), ref, column(reference, 0), resident_mib=mib, **limit)


def measure_rate(bench):
    """As time for each clone: 0.8 of the raw rate is 1.25 of its time."""
    measure(bench, "clones_per_s", "rate", bench.choose(50, 200), "raw fork, VM, exit, reap",
            limit=1.25)


def measure_many(bench):
    measure(bench, "clones_100_one_call", "many", 100, "raw fork and VM, 100 at once", limit=1.2)


FIGURES = [
    (["clones_per_s"], measure_rate),
    (["clones_100_one_call"], measure_many),
]
