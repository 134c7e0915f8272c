#!/bin/sh
# Several hundred clones of one task alive at once on one host, each having run; then they are ended,
# and nothing of them is left. ALIVE=1000 makes a thousand.
. "$(dirname "$0")/functions.sh"

# Meson has malloc(3) fill all memory: then buffers of which little is used cost all they might.
unset MALLOC_PERTURB_

hosts_up 1
daemon=$(daemon_of 0)

# What there is between two bursts: the pool gives back what a burst made it keep.
processes_of_host() {
	echo "$daemon $(pgrep -P "$daemon" | tr '\n' ' ')"
}

settled() {
	[ "$(processes_of_host | wc -w)" -le "$processes" ]
}

burst() {
	NORMA_SOCKET=$(socket_of 0) "$CLONE_MEMORY" "$GUESTS/guest-bench_parent" 64 "$1" >"$work/burst" 2>"$work/err"
	result=$?
	sed 's/^/# KB MADE_US ENDED_US: /' "$work/burst"
	sed 's/^/# /' "$work/err"
	return "$result"
}

processes=5
burst 10
report $? "ten clones are alive at once and have run"
until_true 60 settled
# shellcheck disable=SC2046 # one argument per process
count_everything $(processes_of_host) >"$work/ten"
burst "${ALIVE:-300}"
report $? "${ALIVE:-300} clones are alive at once and have run"
until_true 60 settled
report $? "every one of them has ended"
# shellcheck disable=SC2046
count_everything $(processes_of_host) >"$work/many"
paste "$work/ten" "$work/many" | sed 's/^/# ten: /; s/\t/   many: /'
for kind in processes descriptors memfds; do
	[ "$(value $kind "$work/ten")" -eq "$(value $kind "$work/many")" ]
	report $? "as many $kind"
done
# Of ended tasks the records stay, up to a limit.
[ "$(value kilobytes "$work/many")" -le $(($(value kilobytes "$work/ten") + 16384)) ]
report $? "as many kilobytes, but for 16 MiB of records of ended tasks"

finish
