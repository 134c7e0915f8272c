"""One parent's children on eight hosts at once, beside as many bare machines told over TCP to run."""
import contextlib

from tools import Tool, column

MIB = 64
HOSTS = 8
PORT = 7791


@contextlib.contextmanager
def bare_machines(bench, lab):
    """One waiting on each host; each round has [all of them run, one runs]."""
    program = bench.program("raw_fanout")
    where = (lab.address(0), PORT)
    with contextlib.ExitStack() as stack:
        for host in range(1, HOSTS + 1):
            stack.enter_context(Tool(lab.on_host(host, program, "child", *where)))
        yield stack.enter_context(Tool(lab.on_host(0, program, "home", *where, HOSTS)))


def measure_fanout(bench):
    def client(lab, hosts):
        return lab.tool(bench.program("fanout_client"),
                        bench.build / "tests/guests/guest-bench_parent", MIB, hosts)

    bench.need_memory(MIB * (HOSTS + 2) * 2)
    with bench.lab(HOSTS + 1) as lab, client(lab, HOSTS) as ours, client(lab, 1) as one:
        rows, reference = bench.take_turns(10, 20, lambda: ours.rounds(1), lambda: one.rounds(1))
        with bare_machines(bench, lab) as bare:
            bare.rounds(2)  # warms up
            floor = bare.rounds(bench.choose(10, 50))
    size = {"resident_mib": MIB}
    bench.add("fanout8", column(rows, 0), "one host", column(reference, 0), limit=5, **size)
    bench.add("fanout8", column(rows, 0), "eight bare machines", column(floor, 0), **size)
    bench.add("raw_fanout8", column(floor, 0), "one bare machine", column(floor, 1))
    bench.add("fanout8_read", column(rows, 1), "one host", column(reference, 1), **size)
    bench.add("fanout8_link", column(rows, 2), "memory touched", [MIB << 20], limit=1.05,
              unit="bytes", **size)


FIGURES = [
    (["fanout8"], measure_fanout),
]
