#!/bin/sh
# How long norma_task_clone takes with little and with much resident memory, interleaved, on two
# hosts of one machine. Clock: from the call to the first instructions of the child's first thread
# (guest-clone_time reads CLOCK_MONOTONIC on both sides), to the call's return, and the longest time
# that a second thread of the parent, spinning, was not running meanwhile. That last one is the
# product's pause plus whatever the machine's scheduler did to the thread; what the product itself
# stopped is vmm_export's pause_ns in the daemon's log.
#
#   tests/bench/clone_time.sh [ROUNDS]        after a build in ./build
set -eu
cd "$(dirname "$0")/../.."
norma=$PWD/build/hostd/cli/norma
guest=$PWD/build/tests/guests/guest-clone_time
rounds=${1:-10}
lab=bench-$$
out=$(mktemp -d)
trap '"$norma" lab down --name "$lab"; rm -rf "$out"' EXIT
trap 'exit 130' INT TERM
"$norma" lab up --name "$lab" --hosts 2 >&2

for _ in 1 2 3 4 5; do
	for mib in 1 1024; do
		"$norma" lab exec --name "$lab" 0 -- "$norma" run "$guest" 1 $mib "$rounds" >>"$out/$mib"
	done
done

# summary FILE COLUMN NAME: median, p99 and largest of one column.
summary() {
	awk -v c="$2" '{ print $c }' "$1" | sort -n | awk -v name="$3" '
		{ v[NR] = $1 }
		END { printf "  %-34s p50 %8.1f  p99 %8.1f  max %8.1f us  n %d\n", name,
			v[int((NR + 1) / 2)], v[int((NR * 99 + 99) / 100)], v[NR], NR }'
}

for mib in 1 1024; do
	echo "parent with $mib MiB resident:"
	summary "$out/$mib" 1 "call to child's first instruction"
	summary "$out/$mib" 2 "call to its return"
	summary "$out/$mib" 3 "longest gap of the parent's thread"
done
awk '/pause_ns=/ { for (i = 1; i <= NF; i++) if ($i ~ /^pause_ns=/) { sub("pause_ns=", "", $i)
	if ($i + 0 > max) max = $i + 0 } } END { printf "longest pause made by norma: %.1f us\n", max / 1000 }' \
	"/run/norma/$lab/0/hostd.log"
printf 'load: %s\n' "$(cut -d' ' -f1-3 /proc/loadavg)"
