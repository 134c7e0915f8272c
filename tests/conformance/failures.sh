#!/bin/sh
# Case 101: the host that tasks are cloned to dies; each run has a host of its own to lose.
. "$(dirname "$0")/functions.sh"

hosts_up 6

# lose_host BUILD VARIANT HOST
lose_host() {
	run_conformance "$1" "$2" 0 $(($3 + 1)) 101 >"$work/result" 2>&1 </dev/null &
	run=$!
	holds "clones are being made ($2 $1)" \
		until_true 60 grep -q '^# case 101 clones' "$work/result"
	kill -KILL "$(daemon_of "$3")"
	wait $run
	report_case "$work/result" 101 "$2" "$1" "the host dies during a clone"
}

victim=5
for build in guest client; do
	for variant in local remote; do
		lose_host "$build" "$variant" "$victim"
		victim=$((victim - 1))
	done
done
no_task_is_left 1

finish
