"""Pictures of a run: how latencies are distributed, and how they grow with memory. Needs gnuplot."""
import re
import shutil
import subprocess
import sys

DISTRIBUTIONS = {
    "local_clone": ["local_clone_template", "local_clone_live"],
    "remote": ["remote_share_clone", "remote_fault", "write_pingpong", "upgrade"],
    "calls": ["hypercall", "syscall"],
}
STYLE = ('set terminal svg size 900,420 font "sans,11" background "white"\n'
         "set grid\nset key outside right\n")


def quoted(text):
    return '"' + re.sub(r'[\\"]', "", text).replace("_", " ") + '"'


def gnuplot(script):
    subprocess.run(["gnuplot"], input=script, text=True, check=True, timeout=60)


def distribution(path, results):
    """Share of samples that took at most so long; a line for each figure, dashed for references."""
    blocks, lines = [], []
    for number, result in enumerate(results, start=1):
        size = " ".join(f"{value}" for value in result.conditions.values())
        for dash, title, samples in ((1, f"{result.bench} {size}", result.ours),
                                     (2, result.ref, result.ref_samples)):
            if len(samples) < 2:
                continue
            name = f"$d{len(blocks)}"
            points = (f"{sample} {(place + 1) / len(samples)}"
                      for place, sample in enumerate(sorted(samples)))
            blocks.append(f"{name} << E\n" + "\n".join(points) + "\nE\n")
            lines.append(f"{name} with steps lw 2 lc {number} dt {dash} title {quoted(title)}")
    if lines:
        gnuplot(STYLE + f'set output "{path}"\nset logscale x\nset xlabel "microseconds"\n'
                'set ylabel "share of samples"\nset yrange [0:1]\n' + "".join(blocks) +
                "plot " + ", ".join(lines) + "\n")


def growth(path, curves):
    blocks, lines = [], []
    for number, (name, points) in enumerate(curves.items()):
        blocks.append(f"$g{number} << E\n" + "\n".join(f"{x} {y}" for x, y in points) + "\nE\n")
        lines.append(f"$g{number} with linespoints lw 2 title {quoted(name)}")
    if lines:
        gnuplot(STYLE + f'set output "{path}"\nset logscale x 2\nset yrange [0:*]\n'
                'set xlabel "resident memory, MiB"\nset ylabel "median, microseconds"\n' +
                "".join(blocks) + "plot " + ", ".join(lines) + "\n")


def draw(bench):
    """Draws what was measured into the directory of samples."""
    if not shutil.which("gnuplot"):
        print("bench: no plots: gnuplot is missing (package gnuplot-nox)", file=sys.stderr)
        return
    for name, figures in DISTRIBUTIONS.items():
        distribution(bench.out / f"{name}.svg",
                     [result for result in bench.results if result.bench in figures])
    growth(bench.out / "growth.svg", bench.growth)
