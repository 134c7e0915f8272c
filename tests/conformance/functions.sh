# Sourced by the drivers of the conformance programs.
#
#   run_conformance client remote 0 3 42 >"$work/result"

# shellcheck source=tests/cluster/functions.sh
. "$(dirname "$0")/../cluster/functions.sh"

# Longer than any case waits for its threads.
run_seconds=600

# run_conformance BUILD VARIANT CALLER NODES [CASE...]
run_conformance() {
	run_build=$1
	variant=$2
	caller=$3
	nodes=$4
	shift 4
	set -- "$CONFORMANCE/conformance-$run_build" /bin/busybox "$caller" "$variant" "$nodes" "$@"
	[ "$run_build" = client ] || set -- norma run "$@"
	on "$caller" timeout "$run_seconds" "$@"
}

# report_case FILE NUMBER VARIANT BUILD SENTENCE: the line of a case must be there and say ok.
report_case() {
	line=$(grep "^case $2 $3 $4: " "$1")
	rm -f "$work/out" "$work/err"
	case $line in
	*": ok") report 0 "case $2 $3 $4: $5" ;;
	*)
		report 1 "case $2 $3 $4: $5"
		echo "# ${line:-the case did not come to an end}"
		;;
	esac
}

# no_task_is_left STATUS: asks host 0 about all hosts. STATUS is 1 when the test has lost some, which
# then do not answer; the others are listed all the same.
no_task_is_left() {
	fails "host 0 lists the tasks of all hosts" "$1" on 0 norma ps
	out_lacks "and none runs" 'running'
}
