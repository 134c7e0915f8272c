#!/bin/sh
# A thousand clones made and ended leave what ten leave: processes, descriptors, memfds, kilobytes.
. "$(dirname "$0")/functions.sh"

hosts_up 2

processes_of_hosts() {
	for host in 0 1; do
		daemon_of $host
		pgrep -P "$(daemon_of $host)"
	done | tr '\n' ' '
}

# Waiting VMMs are made again off the path; the numbers are taken once both hosts have theirs.
settled() {
	[ "$(processes_of_hosts | wc -w)" -eq "$processes" ]
}

runs "ten rounds" on 0 norma run "$GUESTS/guest-clone_loop" 1 10
until_true 20 test "$(processes_of_hosts | wc -w)" -ge 8
# shellcheck disable=SC2046 # one argument per process
count_everything $(processes_of_hosts) >"$work/ten"
processes=$(value processes "$work/ten")
runs "a thousand rounds" on 0 norma run "$GUESTS/guest-clone_loop" 1 "${CLONES:-1000}"
until_true 20 settled
# shellcheck disable=SC2046 # one argument per process
count_everything $(processes_of_hosts) >"$work/thousand"
paste "$work/ten" "$work/thousand" | sed 's/^/# ten: /; s/\t/   thousand: /'
for kind in processes descriptors memfds; do
	[ "$(value $kind "$work/ten")" -eq "$(value $kind "$work/thousand")" ]
	report $? "as many $kind"
done
# The console's and ended tasks' records are bounded; allocators keep a few pages.
[ "$(value kilobytes "$work/thousand")" -le $(($(value kilobytes "$work/ten") + 2048)) ]
report $? "as many kilobytes, but for allocators' slack of 2 MiB over all processes"

finish
