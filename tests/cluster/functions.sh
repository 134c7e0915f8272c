# Sourced by the cluster tests: hosts made of network namespaces, taken down at the end.
#
#   hosts_up 2
#   on 0 norma run --detach /bin/busybox ...

# shellcheck source=tests/integration/functions.sh
. "$(dirname "$0")/../integration/functions.sh"

lab=test-$$

hosts_down() {
	"$norma" lab down --name "$lab" >&2
}

# The logs of the hosts explain a failure better than anything else.
print_logs() {
	[ "$test_failures" -gt 0 ] || return 0
	for log in /run/norma/"$lab"/*/hostd.log; do
		[ -f "$log" ] && tail -n 40 "$log" | sed "s|^|# $log: |"
	done
}

# hosts_up COUNT [OPTION OF lab up]...: the hosts 0 to COUNT-1, or the end of the test.
hosts_up() {
	requires_root
	requires_program ip iproute2
	requires_kvm
	at_exit hosts_down
	at_exit print_logs
	hosts_count=$1
	shift
	if ! "$norma" lab up --name "$lab" --hosts "$hosts_count" "$@" >"$work/out" 2>"$work/err"; then
		report 1 "$hosts_count hosts come up"
		finish
	fi
}

# on HOST COMMAND...: the command, on that host.
on() {
	on_host=$1
	shift
	"$norma" lab exec --name "$lab" "$on_host" -- "$@"
}

# Where a host's daemon listens, for commands that do not need its network.
socket_of() {
	echo "/run/norma/$lab/$1/hostd.sock"
}

# The process of a host's daemon.
daemon_of() {
	awk -v host="$1" '$1 == "process" && $2 == host { print $3 }' "/run/norma/$lab/state"
}

# start_task HOST COMMAND...: runs it detached there; its name is in $task.
start_task() {
	task_host=$1
	shift
	task=$(on "$task_host" norma run --detach "$@" 2>"$work/err")
	case $task in
	0x*) ;;
	*)
		report 1 "a task starts on host $task_host"
		finish
		;;
	esac
}

# count_everything PID...: one line per kind, over these processes.
count_everything() {
	echo "processes $#"
	for pid; do
		ls -l "/proc/$pid/fd"
	done >"$work/fds"
	echo "descriptors $(grep -c -e '->' "$work/fds")"
	echo "memfds $(grep -c memfd "$work/fds")"
	for pid; do
		awk '/^Pss:/ { print $2 }' "/proc/$pid/smaps_rollup"
	done | awk '{ kilobytes += $1 } END { print "kilobytes", kilobytes }'
}

# value KIND FILE: what count_everything said in the file.
value() {
	awk -v key="$1" '$1 == key { print $2 }' "$2"
}
