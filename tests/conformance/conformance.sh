#!/bin/sh
# Every case, as a guest and as a client, with the tested task on the caller's host and on another
# one. Both builds must say the same, line for line.
. "$(dirname "$0")/functions.sh"

hosts_up 3

# The results of a run without the name of its build and without remarks.
results_of() {
	sed -e '/^# /d' -e 's/ \(guest\|client\): /: /' "$work/$1"
}

runs "the program lists its cases" "$CONFORMANCE/conformance-client" list
cp "$work/out" "$work/list"
cut -d ' ' -f 1 "$work/list" | sort | uniq -d >"$work/twice"
fails "each case has a number of its own" 1 test -s "$work/twice"
for variant in local remote; do
	for build in guest client; do
		run_conformance "$build" "$variant" 0 3 >"$work/$build-$variant" 2>&1 </dev/null
		while read -r number sentence; do
			report_case "$work/$build-$variant" "$number" "$variant" "$build" "$sentence"
		done <"$work/list"
		grep '^# ' "$work/$build-$variant"
		sed -n '/^section/,$s/^/# /p' "$work/$build-$variant"
	done
	results_of "guest-$variant" >"$work/guest"
	results_of "client-$variant" >"$work/client"
	holds "guest and client say the same ($variant)" diff "$work/guest" "$work/client"
done
for build in guest client; do
	run_conformance "$build" local 1 3 166 >"$work/other-host" 2>&1 </dev/null
	report_case "$work/other-host" 166 local "$build" "the number of another host's node"
done
no_task_is_left 0

finish
