"""What a program notices of being a task: calls, system calls, computing."""
from tools import Tool, column, run


def measure_call(bench, name):
    count = bench.choose(2000, 5000)
    with bench.lab(1) as lab, Tool([bench.program("raw_exit")]) as raw:
        ours, reference = bench.take_turns(
            4, 10,
            lambda: lab.run_guest("guest-bench_calls", name, count),
            lambda: raw.rounds(count))
    bench.add(name, column(ours, 0), "raw exit (out from CPL 3)", column(reference, 0), limit=1.15)


def measure_hypercall(bench):
    measure_call(bench, "hypercall")


def measure_syscall(bench):
    measure_call(bench, "syscall")


def measure_cpu(bench):
    native = bench.build / "tests/guests/guest-bench_compute"
    with bench.lab(1) as lab:
        ours, reference = bench.take_turns(
            6, 30,
            lambda: lab.run_guest("guest-bench_compute", 4),
            lambda: run([native, 4]))
    bench.add("cpu", column(ours, 0), "the same program on the host", column(reference, 0),
              limit=1.01)
    with Tool([bench.program("raw_compute")]) as raw:
        rows = raw.rounds(bench.choose(24, 120))
    bench.add("cpu_bare_machine", column(rows, 0), "the same rounds on the host", column(rows, 1))


FIGURES = [
    (["hypercall"], measure_hypercall),
    (["syscall"], measure_syscall),
    (["cpu"], measure_cpu),
]
