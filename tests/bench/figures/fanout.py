"""One parent's children on eight hosts at once."""
from tools import column

MIB = 64
HOSTS = 8


def measure_fanout(bench):
    def client(lab, hosts):
        return lab.tool(bench.program("fanout_client"),
                        bench.build / "tests/guests/guest-bench_parent", MIB, hosts)

    bench.need_memory(MIB * (HOSTS + 2) * 2)
    with bench.lab(HOSTS + 1) as lab, client(lab, HOSTS) as ours, client(lab, 1) as one:
        rows, reference = bench.take_turns(3, 20, lambda: ours.rounds(1), lambda: one.rounds(1))
    size = {"resident_mib": MIB}
    bench.add("fanout8", column(rows, 0), "one host", column(reference, 0), limit=5, **size)
    bench.add("fanout8_read", column(rows, 1), "one host", column(reference, 1), **size)
    bench.add("fanout8_link", column(rows, 2), "memory touched", [MIB << 20], limit=1.05,
              unit="bytes", **size)


FIGURES = [
    (["fanout8"], measure_fanout),
]
