"""A parent's memory on its way to a child by copy on another host, beside a raw stream and QEMU."""
import machine
import qemu
from tools import Unable, column, run_pair

PORT = 7790
WARM = 1.25  # times as much as is moved: what is made for it there, and what is needed besides
CARRIERS = 2  # streams between two pagers


def copy_client(bench, lab, mode, mib):
    return lab.tool(bench.program("copy_client"), mode,
                    bench.build / "tests/guests/guest-bench_parent", mib, 1,
                    lab.daemon(0), lab.daemon(1))


def raw_stream(bench, lab, mib, streams=1, *how):
    """Streams between the hosts: [wall time, processor time of both ends]."""
    program = bench.program("raw_stream")
    where = (lab.address(0), PORT, mib, streams)
    served, fetched = run_pair(lab.on_host(0, program, "serve", *where),
                               lab.on_host(1, program, "fetch", *where, *how))
    return [fetched[0][0], fetched[1][0] + served[0][0]]


def raw_streams(bench, lab, mib):
    """One stream; as many as norma has; the same into memory that is made as they come."""
    one = raw_stream(bench, lab, mib)
    many = raw_stream(bench, lab, mib, CARRIERS)
    machine.warm_memory((1 + WARM) * mib)  # the sender takes as much before the clock starts
    return [one + many + raw_stream(bench, lab, mib, CARRIERS, "fresh")]


def bare_scans(bench, lab, mib, count):
    """A bare machine reads what comes in one such stream: rows of [wall time]."""
    rows = []
    for _ in range(count):
        machine.warm_memory(WARM * mib)
        rows.append(bare_scan(bench, lab, mib)[0])
    return rows


def bare_scan(bench, lab, mib):
    where = (lab.address(0), PORT, mib)
    return run_pair(lab.on_host(0, bench.program("raw_stream"), "serve", *where, 1),
                    lab.on_host(1, bench.program("raw_scan"), "fetch", *where))[1]


def measure_copy(bench):
    """Both figures of norma_task_create, so that the parents are filled only once."""
    mib = bench.choose(256, 1024)
    bench.need_memory(4 * mib)
    with bench.lab(2) as lab, copy_client(bench, lab, "bulk", mib) as ours:
        rows, reference = bench.take_turns(10, 12, lambda: ours.rounds(1),
                                           lambda: raw_streams(bench, lab, mib),
                                           warm_mib=WARM * mib)
    size = {"resident_mib": mib, "memory": "warm"}
    bench.add("remote_copy_bulk_resident", column(rows, 1), "raw TCP stream", column(reference, 0),
              **size)
    bench.add("remote_copy_bulk_cpu", column(rows, 3), "raw TCP stream", column(reference, 1),
              limit=1.25, **size)
    bench.add("remote_copy_bulk_cpu", column(rows, 3), "two, into new memory",
              column(reference, 5), **size)
    bench.add("remote_copy_bulk", column(rows, 2), "raw TCP stream", column(reference, 0),
              limit=1 / 0.9, **size)
    for column_of, what in ((2, "two raw TCP streams"), (4, "two, into new memory")):
        bench.add("remote_copy_bulk", column(rows, 2), what, column(reference, column_of), **size)
    compare_with_qemu(bench, rows, reference, size)


def compare_with_qemu(bench, rows, reference, size):
    """Each of QEMU's modes in the same run; the best one counts."""
    try:
        qemu.need()
    except Unable as why:
        bench.skip("remote_copy_first", str(why))
        return
    rom = bench.program("qemu_payload.bin")
    moves = {}
    with qemu.random_memory(size["resident_mib"]) as directory:
        for _ in range(bench.choose(2, 6)):
            for mode in ("postcopy", "precopy", "multifd"):
                moves.setdefault(mode, []).append(qemu.migrate(
                    directory, rom, size["resident_mib"], mode,
                    lambda: machine.warm_memory(WARM * size["resident_mib"])))
    bench.add("remote_copy_first", column(rows, 0), "QEMU post-copy resumes",
              column(moves["postcopy"], 0), limit=1 / 20, **size)
    full = {mode: column(samples, 1) for mode, samples in moves.items()}
    best = min(full, key=lambda mode: bench.p50(full[mode]))
    bench.add("remote_copy_bulk", column(rows, 2), f"QEMU {best}, its best", full[best],
              limit=1 / 2, **size)
    bench.add("raw_streams", column(reference, 2), f"QEMU {best}, its best", full[best],
              streams=CARRIERS, **size)


def measure_scan(bench):
    """Reading all, page by page, against moving all: at least half its rate."""
    mib = bench.choose(256, 1024)
    bench.need_memory(4 * mib)
    for mode, memory in (("scan", "frozen"), ("shared", "coherent")):
        size = {"resident_mib": mib, "memory": memory}
        with bench.lab(2) as lab, copy_client(bench, lab, mode, mib) as ours, \
                copy_client(bench, lab, "bulk", mib) as bulk:
            rows, reference = bench.take_turns(10, 12, lambda: ours.rounds(1),
                                               lambda: bulk.rounds(1), warm_mib=WARM * mib)
            floor = None
            if memory == "coherent":
                floor = bare_scans(bench, lab, mib, bench.choose(3, 12))
        bench.add("seq_scan", column(rows, 1), "remote_copy_bulk", column(reference, 1), limit=2,
                  **size)
        if floor:
            bench.add("seq_scan", column(rows, 1), "a bare machine's", column(floor, 0), **size)


FIGURES = [
    (["remote_copy_first", "remote_copy_bulk"], measure_copy),
    (["seq_scan"], measure_scan),
]
