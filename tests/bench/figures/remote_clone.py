"""A child on another host that shares all memory."""
from figures.local_clone import client
from tools import column

TARGET_US = 3000
PAUSE_US = 300


def measure_share(bench):
    medians = {}
    for mib in (1,) if bench.is_brief else (1, 1024, 4096):
        bench.need_memory(2 * mib)
        with bench.lab(2) as lab, \
                client(bench, lab, "--clone", "--node", 1, "--running", mib) as ours:
            ours.rounds(2)
            rows = ours.rounds(bench.choose(15, 60))
        first = column(rows, 0)
        bench.add("remote_share_clone", first, "target, 3 ms", [TARGET_US], limit=1,
                  resident_mib=mib)
        bench.add("remote_share_clone_pause", column(rows, 2), "target, 0.3 ms", [PAUSE_US],
                  limit=1, resident_mib=mib)
        bench.add("remote_share_clone_gap", column(rows, 3), "target, 0.3 ms", [PAUSE_US],
                  resident_mib=mib)
        medians[mib] = first
        bench.grow("remote_share_clone", mib, first)
    if not bench.is_brief:
        bench.add("remote_share_clone_growth", medians[4096], "the same with 1 MiB", medians[1],
                  limit=1.2)


FIGURES = [
    (["remote_share_clone"], measure_share),
]
