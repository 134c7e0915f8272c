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

mkdir -p "$work/build-x/meson-logs"
one FAIL 'ok 1 - a\nnot ok 2 - file.c:7: b\n# err: because\nok 3 - c\n# err: not this\n1..3\n' \
	>"$work/build-x/meson-logs/bad"
fails "a failing point" 1 "$results" "$work/build-x/meson-logs/bad" "$work/good"
tail -n 4 "$work/out" >"$work/end"
mv "$work/end" "$work/out"
out_is "is counted, after its build and why" "failed in build-x: t (FAIL, exit status None)
    not ok 2 - file.c:7: b
    # err: because
4 passed, 1 failed, 2 skipped"

{
	one TIMEOUT 'ok 1 - a\nreached\n'
	printf '{"name": "t", "result": "ERROR", "stdout": "", "stderr": "%s\\n"}\n' 'a crash'
} >"$work/late"
fails "a time-out and a crash" 1 "$results" "$work/late"
out_has "are failures too" '^1 passed, 2 failed, 0 skipped$'
out_has "and where a test without a failing point had come to is said" '^    reached$'
out_has "and what it said on stderr" '^    stderr: a crash$'

fails "a missing log" 1 "$results" "$work/nothing"
out_has "is a failure" '^0 passed, 1 failed, 0 skipped$'
: >"$work/empty"
fails "no tests at all" 1 "$results" "$work/empty"
[ "$(tail -n 1 "$work/out")" = "0 passed, 0 failed, 0 skipped" ]
report $? "are said"
finish
