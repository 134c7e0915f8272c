"""Single pages between two hosts, beside TCP ping-pong over the same veth."""
from tools import column, run, run_pair

PORT = 7791
GUEST = "guest-fault_time"


def ping_pong(bench, lab, mode, count):
    """Round trips between two hosts in us."""
    program = bench.program("raw_pingpong")
    where = (lab.address(1), PORT, mode)
    return run_pair(lab.on_host(1, program, "serve", *where),
                    lab.on_host(0, program, "measure", *where, count))[1]


def bare_faults(bench, lab, mode, count):
    """The same fault of a bare machine, with a peer that does nothing else, in us."""
    where = (lab.address(1), PORT, mode)
    return run_pair(lab.on_host(1, bench.program("raw_pingpong"), "serve", *where),
                    lab.on_host(0, bench.program("raw_fault"), *where, count))[1]


def bare_sharing(bench, lab, what, count):
    """The same between two bare machines, in us."""
    program = bench.program("raw_share")
    where = (lab.address(1), PORT, what, count)
    return run_pair(lab.on_host(1, program, "serve", *where),
                    lab.on_host(0, program, "measure", *where))[1]


# A figure: what the same is without norma, and what it is called, %s being how the ping-pong waits.
FLOORS = {
    "remote_fault": (bare_faults, "a bare machine's, %s peer"),
    "write_pingpong": (lambda bench, lab, _, count: bare_sharing(bench, lab, "pingpong", count),
                       "two bare machines'"),
    "upgrade": (lambda bench, lab, _, count: bare_sharing(bench, lab, "upgrade", count),
                "two bare machines', %s"),
}


def measure_pages(bench, name, modes):
    """`modes`: (how the ping-pong waits, the limit, the pager's `spin`)."""
    count = bench.choose(500, 2000)
    measure_floor, floor_name = FLOORS[name]
    for mode, limit, spin in modes:
        waiting = {"spin": "spinning", "block": "blocking"}[mode]
        with bench.lab(2, f"[pager]\nspin = {spin}\n") as lab:
            here = column(run([bench.program("raw_fault"), "local", count]), 0) \
                if name == "remote_fault" else [0]
            floor = []

            def references():
                floor.extend(column(measure_floor(bench, lab, mode, count), 0))
                return ping_pong(bench, lab, mode, count)

            rows, reference = bench.take_turns(
                3, 10, lambda: lab.run_guest(GUEST, 1, name, count), references)
        exit_us = bench.p50(here)
        samples = [us - exit_us for us in column(rows, 0)]
        bench.add(name, samples, f"{waiting} TCP round trip", column(reference, 0), limit=limit,
                  pager_spin=spin, exit_taken_off_us=round(exit_us, 1))
        bench.add(name, column(rows, 0), floor_name.replace("%s", waiting), floor,
                  pager_spin=spin)


def measure_remote_fault(bench):
    measure_pages(bench, "remote_fault", [("spin", 2.5, "auto"), ("block", 1.3, "off")])


def measure_write_pingpong(bench):
    measure_pages(bench, "write_pingpong", [("spin", 3, "auto")])


def measure_upgrade(bench):
    measure_pages(bench, "upgrade", [("spin", 1.5, "auto")])


FIGURES = [
    (["remote_fault"], measure_remote_fault),
    (["write_pingpong"], measure_write_pingpong),
    (["upgrade"], measure_upgrade),
]
