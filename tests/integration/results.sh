#!/bin/sh
# What ./check says at its end is what happened: tests/results.py counts right.
. "$(dirname "$0")/functions.sh"

results=$(dirname "$0")/../results.py

# one RESULT STDOUT: a line of meson's log.
one() {
	printf '{"name": "t", "result": "%s", "stdout": "%s"}\n' "$1" "$2"
}

{
	one OK 'ok 1 - a\nok 2 - b # SKIP no kvm\n1..2\n'
	one OK 'anything'
	one SKIP '1..0 # SKIP nothing\n'
} >"$work/good"
runs "a log without failures" "$results" "$work/good"
out_has "is counted point by point" '^2 passed, 0 failed, 2 skipped$'

one FAIL 'ok 1 - a\nnot ok 2 - b\n1..2\n' >"$work/bad"
fails "a failing point" 1 "$results" "$work/good" "$work/bad"
out_has "is counted" '^3 passed, 1 failed, 2 skipped$'

one TIMEOUT 'ok 1 - a\n' >"$work/late"
one ERROR '' >>"$work/late"
fails "a time-out and a crash" 1 "$results" "$work/late"
out_has "are failures too" '^1 passed, 2 failed, 0 skipped$'

fails "a missing log" 1 "$results" "$work/nothing"
out_has "is a failure" '^0 passed, 1 failed, 0 skipped$'
: >"$work/empty"
fails "no tests at all" 1 "$results" "$work/empty"
[ "$(tail -n 1 "$work/out")" = "0 passed, 0 failed, 0 skipped" ]
report $? "are said"
finish
