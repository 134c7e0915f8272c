"""One child on the parent's own host."""
import qemu
from tools import Tool, Unable, column

PARENT = "guest-bench_parent"


def client(bench, lab, *arguments):
    """A measuring client; the last arguments are its parent's MiB and options before it."""
    *options, mib = arguments
    return lab.tool(bench.program("clone_client"), *options,
                    bench.build / "tests/guests" / PARENT, mib)


def pool(lab):
    """Options: every child finds a waiting VMM, as those do that are not asked for in a burst."""
    return "--pool", lab.daemon()


def measure_steps(bench, mib):
    """What it costs to make the same with calls of Mach alone."""
    with bench.lab(1) as one, bench.lab(1) as other, \
            client(bench, one, *pool(one), "--steps", mib) as steps, \
            client(bench, other, *pool(other), mib) as ours:
        rows, reference = bench.take_turns(4, 20, lambda: steps.rounds(8), lambda: ours.rounds(8))
    bench.add("local_clone_template_steps", column(rows, 0), "one call", column(reference, 0),
              resident_mib=mib, calls=4)


def measure_size(bench, mib):
    bench.need_memory(3 * mib)
    with bench.lab(1) as lab, client(bench, lab, *pool(lab), mib) as ours, \
            Tool([bench.program("raw_clone"), "waiting", mib]) as raw:
        rows, reference = bench.take_turns(8, 40, lambda: ours.rounds(8), lambda: raw.rounds(8))
    samples = column(rows, 0)
    bench.add("local_clone_template", samples, "raw waiting process", column(reference, 0),
              limit=1.5, resident_mib=mib)
    bench.add("local_clone_template_reply", column(rows, 1), "raw waiting process",
              column(reference, 0), resident_mib=mib)
    bench.grow("local_clone_template", mib, samples)
    return samples


def measure_growth(bench):
    """The two by turns: what a machine does from minute to minute is no growth."""
    least, most = 64, 4096
    bench.need_memory(2 * most)
    with bench.lab(1) as one, bench.lab(1) as other, \
            client(bench, one, *pool(one), most) as large, \
            client(bench, other, *pool(other), least) as small:
        rows, reference = bench.take_turns(8, 40, lambda: large.rounds(8), lambda: small.rounds(8))
    bench.add("local_clone_template_growth", column(rows, 0), f"the same with {least} MiB",
              column(reference, 0), limit=1.2)


def measure_template(bench):
    if bench.is_brief:
        measure_size(bench, 64)
        return
    by_size = {mib: measure_size(bench, mib) for mib in (64, 1024, 4096)}
    measure_steps(bench, 64)
    compare_with_qemu(bench, by_size[1024])
    measure_growth(bench)
    bench.add("local_clone_template_p99", [bench.p99(samples) for samples in by_size.values()],
              "its own median", [bench.p50(samples) for samples in by_size.values()], limit=3)


def compare_with_qemu(bench, samples):
    """QEMU's child of a template: a new QEMU over the same memory, privately, and a saved state."""
    try:
        qemu.need()
    except Unable as why:
        bench.skip("local_clone_template against QEMU", str(why))
        return
    mib = 1024
    rom = bench.program("qemu_payload.bin")
    with qemu.random_memory(mib) as directory:
        qemu.save_template(directory, rom, mib)
        children = [qemu.template_child(directory, rom, mib) for _ in range(bench.choose(3, 20))]
    bench.add("local_clone_template", samples, "QEMU child of a template", column(children, 0),
              limit=1, resident_mib=mib)


def measure_live(bench):
    for mib, dirty in ((64, 16), (1024, 64)):
        bench.need_memory(4 * mib)
        with bench.lab(1) as lab, \
                client(bench, lab, "--running", "--dirty", dirty, mib) as ours, \
                Tool([bench.program("raw_clone"), "fork", mib, dirty]) as raw, \
                Tool([bench.program("raw_fork"), mib, dirty]) as bare:
            rows, reference = bench.take_turns(3, 15, lambda: ours.rounds(2),
                                               lambda: raw.rounds(2))
            pauses, forks = bench.take_turns(3, 15, lambda: ours.rounds(2),
                                             lambda: bare.rounds(2))
        size = {"resident_mib": mib, "dirty_mib": dirty}
        bench.add("local_clone_live", column(rows, 0), "raw fork and VM", column(reference, 0),
                  limit=1.25, **size)
        bench.add("parent_pause", column(pauses, 2), "bare fork()", column(forks, 0), limit=1.25,
                  **size)
        bench.add("parent_pause_seen", column(pauses, 3), "bare fork()", column(forks, 0), **size)


FIGURES = [
    (["local_clone_template"], measure_template),
    (["local_clone_live", "parent_pause"], measure_live),
]
