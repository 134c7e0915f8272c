#!/usr/bin/env python3
"""Measures norma beside its references. ./bench builds what this needs and runs it.

  bench.py --build DIR [--quick] [--no-busy] [--out DIR] [FIGURE...]

Standard output: one JSON line for each figure, then a table for people, then the same with the
other processor busy. The exit status is 0 when every figure could be measured, whatever it is.
"""
import argparse
import json
import os
import pathlib
import signal
import sys
import time

import figures
import machine
import plots
from lab import Lab
from result import Result, markdown, percentile, table
from tools import Unable


QUICK_SECONDS = 3  # for taking turns, of each figure; a busy machine must not make it endless
FULL_SECONDS = 60
# What --quick measures again with the other processor busy: what waits for a processor most.
QUICK_BUSY = {"hypercall", "local_clone_template", "remote_share_clone", "remote_fault"}


class Bench:
    """What a figure's function gets: how much to measure, with what, and where it goes."""

    def __init__(self, options, is_busy):
        self.build = options.build.resolve()
        self.out = options.out / ("busy" if is_busy else "quiet")
        self.is_quick = options.quick
        self.is_brief = options.quick and is_busy and not options.figures  # one size will do
        self.conditions = {**machine.conditions(), "other_cpu": "busy" if is_busy else "free",
                           "quick": options.quick}
        self.title = ""
        self.results = []
        self.growth = {}
        self.unable = 0
        self.out.mkdir(parents=True, exist_ok=True)

    def choose(self, quick, full):
        return quick if self.is_quick else full

    def take_turns(self, quick, full, ours, reference, warm_mib=0):
        """Calls both alternately, `quick` or `full` times, or until the time for it is used up.

        Before each call so much memory is warmed. Return: the rows of ours, the rows of the
        reference. The first turn only warms up.
        """
        both = ([], [])
        deadline = None
        for turn in range(1 + self.choose(quick, full)):
            if turn > 1 and time.monotonic() > deadline:
                break
            for rows, measure in zip(both, (ours, reference)):
                machine.warm_memory(warm_mib)
                measured = measure()
                rows.extend(measured if turn else [])
            deadline = deadline or time.monotonic() + self.choose(QUICK_SECONDS, FULL_SECONDS)
        return both

    def program(self, name):
        return self.build / "tests/bench" / name

    def lab(self, hosts, settings=""):
        return Lab(self.build, hosts, settings)

    def need_memory(self, mib):
        available = machine.available_mib()
        if available < mib + 1024:
            raise Unable(f"needs {mib + 1024} MiB of free memory, there are {available}")

    @staticmethod
    def p50(samples):
        return percentile(samples, 0.5)

    @staticmethod
    def p99(samples):
        return percentile(samples, 0.99)

    def add(self, name, ours, ref, ref_samples, limit=None, unit="us", **conditions):
        """Keeps the samples as text, prints the JSON line."""
        result = Result(name, ours, ref, ref_samples, unit, limit, conditions)
        stem = "-".join([name] + [f"{key}-{value}" for key, value in conditions.items()])
        for kind, samples in (("ours", ours), ("reference", ref_samples)):
            path = self.out / f"{stem}.{kind}"
            path.write_text("".join(f"{sample}\n" for sample in samples))
        self.results.append(result)
        load = {"load": round(os.getloadavg()[0], 2)}
        print(result.line({**self.conditions, **load}), flush=True)

    def grow(self, name, mib, samples):
        """A point of the plot of growth with memory."""
        self.growth.setdefault(name, []).append((mib, percentile(samples, 0.5)))

    def skip(self, name, why):
        """Says that a figure cannot be measured."""
        self.unable += 1
        print(json.dumps({"bench": name, "unable": why, "conditions": self.conditions}),
              flush=True)
        print(f"{name}: cannot be measured: {why}", file=sys.stderr)

    def measure(self, names, function):
        print(f"measuring {', '.join(names)} ...", file=sys.stderr, flush=True)
        begin = time.monotonic()
        try:
            function(self)
        except Unable as why:
            self.skip(", ".join(names), str(why))
        print(f"... took {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)


def parse():
    parser = argparse.ArgumentParser(description="Measures norma beside its references.")
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--quick", action="store_true", help="fewer samples, within three minutes")
    parser.add_argument("--no-busy", action="store_true", help="without the second table")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("bench-out"),
                        help="where samples and plots go (bench-out)")
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help="only these")
    return parser.parse_args()


def chosen_figures(wanted):
    known = list(figures.all_figures())
    names = [name for group, _ in known for name in group]
    unknown = [name for name in wanted if name not in names]
    if unknown:
        sys.exit(f"bench: there is no figure `{unknown[0]}`; there are {', '.join(names)}")
    return [(group, function) for group, function in known
            if not wanted or set(wanted) & set(group)]


def measure_all(options, chosen, is_busy):
    """Return: what was measured."""
    bench = Bench(options, is_busy)
    with machine.busy(is_busy):
        for names, function in chosen:
            bench.measure(names, function)
    bench.title = "with the other processor busy" if is_busy else "quiet"
    print(f"\n{bench.title}:")
    print("\n".join(table(bench.results)), flush=True)
    plots.draw(bench)
    return bench


def chosen_for_busy(options, chosen):
    """All that were chosen by name; of all, with --quick, a few."""
    if options.figures or not options.quick:
        return chosen
    print("bench: --quick measures only these again with the other processor busy: "
          f"{', '.join(sorted(QUICK_BUSY))}", file=sys.stderr)
    return [(group, function) for group, function in chosen if QUICK_BUSY & set(group)]


def main():
    options = parse()
    chosen = chosen_figures(options.figures)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with machine.huge_pages():
        runs = [measure_all(options, chosen, is_busy=False)]
        if not options.no_busy:
            runs.append(measure_all(options, chosen_for_busy(options, chosen), is_busy=True))
    report = options.out / "results.md"
    report.write_text("\n".join(line for run in runs
                                for line in markdown(run.title, run.conditions, run.results)))
    print(f"bench: the tables for a document are in {report}", file=sys.stderr)
    unable = sum(run.unable for run in runs)
    if unable:
        print(f"{unable} figures could not be measured; why is said above.", file=sys.stderr)
    return 1 if unable else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
