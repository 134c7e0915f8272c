#!/bin/sh
# The reference model for hours: sequences over three hosts in which tasks' processes are killed,
# one host after another goes away and joins again while families live, and nothing is left behind.
# Not part of ./check:
#
#   tests/cluster/model_long_run.sh BUILD [SECONDS]      an hour when SECONDS are not given
if [ $# -lt 1 ]; then
	echo "usage: $0 BUILD [SECONDS]" >&2
	exit 2
fi
build=$(cd "$1" && pwd) || exit 2
seconds=${2:-3600}
NORMA=$build/hostd/cli/norma
GUESTS=$build/tests/guests
export NORMA
. "$(dirname "$0")/functions.sh"

model=$build/tests/conformance/model/model
hosts="0 1 2"

# Hosts that joined are not in the lab's records.
daemon_now() {
	cat "$work/daemon.$1" 2>/dev/null || daemon_of "$1"
}

is_gone() {
	! grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$1/status"
}

# leave HOST: its daemon ends, and all its tasks with it.
leave() {
	leaving=$(daemon_now "$1")
	kill -TERM "$leaving"
	until_true 20 is_gone "$leaving" || report 1 "host $1 ends"
}

leave_joined() {
	for host in $hosts; do
		[ -f "$work/daemon.$host" ] && leave "$host"
	done
	rm -f "$work"/daemon.*
}

# Writes $work/join, which starts the daemon of HOST and does not wait for it.
write_join() {
	cat >"$work/join" <<-END
	#!/bin/sh
	"$norma" lab exec --name $lab $1 -- "$program" --config /run/norma/$lab/$1/hostd.conf \
		>>/run/norma/$lab/$1/hostd.log 2>&1 </dev/null &
	echo \$! >"$work/daemon.$1"
	END
	chmod +x "$work/join"
}

processes_of_hosts() {
	for host in $hosts; do
		daemon_now "$host"
		pgrep -P "$(daemon_now "$host")"
	done | tr '\n' ' '
}

# Waiting VMMs are made again off the path.
settled() {
	[ "$(processes_of_hosts | wc -w)" -eq "$processes" ]
}

# short_run STATEMENT: so that every host has its links before and after, and its allocators what
# they need for this.
short_run() {
	runs "$1" on 0 "$model" --operations 20000 --nodes 3 --deaths /bin/busybox
}

# A host keeps records of its last 1024 ended tasks: full before as after, they are no growth.
fill_records() {
	for host in $hosts; do
		runs "$1, host $host has all its records of ended tasks" \
			on "$host" norma run "$GUESTS/guest-clone_loop" "$host" 1100
	done
}

# one_round HOST: it goes, comes back at a random call, and the model has nothing to object.
one_round() {
	leave "$1"
	write_join "$1"
	on 0 "$model" --operations 5000 --nodes 3 --deaths --away "$1" --join "$work/join" \
		/bin/busybox >"$work/out" 2>"$work/err" </dev/null
}

hosts_up 3
program=$(readlink "/proc/$(daemon_of 0)/exe")
at_exit leave_joined
processes=$(processes_of_hosts | wc -w)
fill_records "before"
short_run "a short run"
until_true 20 settled || report 1 "every host has its waiting VMMs"
# shellcheck disable=SC2046 # one argument per process
count_everything $(processes_of_hosts) >"$work/before"

rounds=0
until=$(($(date +%s) + seconds))
while [ "$(date +%s)" -lt "$until" ] && [ "$test_failures" -eq 0 ]; do
	rounds=$((rounds + 1))
	one_round $((1 + rounds % 2)) || report 1 "round $rounds: the host that joins is $((1 + rounds % 2))"
	grep -h operations "$work/out" | sed "s/^/# round $rounds: /"
done
report 0 "$rounds rounds in which a host left and joined"

[ "$test_failures" -eq 0 ] || finish
fill_records "after"
short_run "a short run at the end"
until_true 20 settled
report $? "as many processes once every host has its waiting VMMs"
# shellcheck disable=SC2046 # one argument per process
count_everything $(processes_of_hosts) >"$work/after"
paste "$work/before" "$work/after" | sed 's/^/# before: /; s/\t/   after: /'
for kind in processes descriptors memfds; do
	[ "$(value $kind "$work/before")" -eq "$(value $kind "$work/after")" ]
	report $? "as many $kind"
done
[ "$(value kilobytes "$work/after")" -le $(($(value kilobytes "$work/before") + 4096)) ]
report $? "as many kilobytes, but for allocators' slack of 4 MiB over all processes"
finish
