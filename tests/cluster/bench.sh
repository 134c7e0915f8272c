#!/bin/sh
# The benchmarks run: cheap figures with few samples give lines with all fields, samples are kept,
# and a figure that does not exist is refused. What the figures say is not looked at.

. "$(dirname "$0")/functions.sh"

requires_root
requires_program ip iproute2
requires_kvm

program=$(dirname "$0")/../bench/bench.py

bench() {
	python3 "$program" --build "$BUILD" --out "$work/samples" --quick --no-busy "$@"
}

# Every line of JSON has every field, and numbers where they belong.
lines_are_whole() {
	python3 - "$work/out" <<-'END'
		import json, sys
		lines = [json.loads(line) for line in open(sys.argv[1]) if line.startswith("{")]
		for line in lines:
		    assert all(isinstance(line[key], str) for key in ("bench", "unit", "ref")), line
		    assert all(line[key] >= 0 for key in ("p50", "p99", "max", "ref_p50", "ratio")), line
		    assert line["p50"] <= line["p99"] <= line["max"] and line["n"] > 0, line
		    assert line["conditions"]["other_cpu"] == "free", line
		names = {line["bench"] for line in lines}
		assert names == {"hypercall", "idle_cpu", "idle_memory"}, names
	END
}

has_hosts() {
	ip netns 2>/dev/null | grep -q "norma-bench-$1-"
}

has_no_hosts() {
	! has_hosts "$1"
}

runs "two figures are measured" bench hypercall idle
out_has "and there is a table" '^FIGURE .* RATIO'
holds "every line has every field" lines_are_whole
holds "the samples of ours are kept" test -s "$work/samples/quiet/hypercall.ours"
holds "and those of the reference" test -s "$work/samples/quiet/hypercall.reference"
holds "the table is there for documents" grep -q '^| hypercall | .*| raw exit' "$work/samples/results.md"
fails "a figure that does not exist is refused" 1 bench warp
err_has "and those that exist are named" 'no figure .warp.; there are hypercall,'

# Interrupted at its first measurement, it takes down what it has set up.
python3 "$program" --build "$BUILD" --out "$work/samples" hypercall >"$work/out" 2>"$work/err" &
interrupted=$!
holds "it has begun" until_true 30 has_hosts "$interrupted"
holds "it is interrupted" kill -TERM "$interrupted"
wait "$interrupted"
holds "it ends by itself, with a status that says so" test $? -eq 143
holds "and leaves no host behind" has_no_hosts "$interrupted"
finish
