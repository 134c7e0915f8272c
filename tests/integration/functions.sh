# Sourced by every shell test. A test is a series of statements, reported as TAP:
#
#   runs "busybox prints" norma run /bin/busybox echo hello
#   out_is "what it was told" hello
#   fails "no such task" 1 norma regions 0x40000040
#   err_has "and says which" 'no task 0x40000040'
#   finish
#
# What a command printed is in $work/out and $work/err until the next one. $work is removed at the
# end, and functions given to at_exit run, last first, however the test ends.

set -u
work=$(mktemp -d "${TMPDIR:-/tmp}/norma-test.XXXXXX")
test_count=0
test_failures=0
exit_functions="remove_work"
norma=${NORMA:?the path of norma}
PATH=$(dirname "$norma"):$PATH

remove_work() {
	rm -rf "$work"
}

at_exit() {
	exit_functions="$1 $exit_functions"
}

run_exit_functions() {
	trap - EXIT
	for function in $exit_functions; do
		"$function"
	done
}
trap run_exit_functions EXIT
trap 'exit 1' INT TERM HUP

# skip REASON: this whole test cannot be done here.
skip() {
	echo "1..0 # SKIP $1"
	exit 0
}

requires_root() {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
}

requires_kvm() {
	[ -w /dev/kvm ] || skip "needs /dev/kvm, which is missing or closed here"
}

# requires_program PROGRAM PACKAGE
requires_program() {
	command -v "$1" >/dev/null || skip "needs $1 (package $2)"
}

# report STATUS STATEMENT: one line of TAP; what the last command printed explains a failure.
report() {
	test_count=$((test_count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $test_count - $2"
		return 0
	fi
	test_failures=$((test_failures + 1))
	echo "not ok $test_count - $2"
	for stream in out err; do
		[ -f "$work/$stream" ] && sed "s/^/# $stream: /" "$work/$stream"
	done
	return 0
}

# runs STATEMENT COMMAND...: the command must exit with 0.
runs() {
	statement=$1
	shift
	"$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	[ $status -eq 0 ] || echo "# exit status $status"
	report $status "$statement"
}

# fails STATEMENT STATUS COMMAND...: the command must exit with that status.
fails() {
	statement=$1
	expected=$2
	shift 2
	"$@" >"$work/out" 2>"$work/err" </dev/null
	status=$?
	[ $status -eq "$expected" ] || echo "# exit status $status, not $expected"
	[ $status -eq "$expected" ]
	report $? "$statement"
}

# out_is STATEMENT TEXT: the last command printed exactly this.
out_is() {
	[ "$(cat "$work/out")" = "$2" ]
	report $? "$1"
}

# out_has, err_has STATEMENT REGEX: a line of the last command's output matches.
out_has() {
	grep -Eq -- "$2" "$work/out"
	report $? "$1"
}

out_lacks() {
	! grep -Eq -- "$2" "$work/out"
	report $? "$1"
}

err_has() {
	grep -Eq -- "$2" "$work/err"
	report $? "$1"
}

# holds STATEMENT COMMAND...: like runs, without keeping output.
holds() {
	statement=$1
	shift
	"$@"
	report $? "$statement"
}

# until_true SECONDS COMMAND...: asks again until it is true; for what no event tells about. Only
# the deadline is a time.
until_true() {
	deadline=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt "$deadline" ] || return 1
	done
}

finish() {
	echo "1..$test_count"
	[ "$test_failures" -eq 0 ]
	exit $?
}
