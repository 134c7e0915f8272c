#!/bin/sh
# Three hosts with different limits for memory: `--node auto` finds the one with room, a clone that
# does not fit is refused with the figures, and one that fits nowhere says why for each host.
. "$(dirname "$0")/functions.sh"

# A child elsewhere of a parent with 64 MiB needs 64 to 80 MiB (huge pages are counted whole), one beside
# it 4 MiB: host 2 has room for one of them and by far not for two. norma's own processes take some of
# each limit.
# Meson has malloc(3) fill all memory: then norma's own processes hold more than they use.
unset MALLOC_PERTURB_

hosts_up 3 --set 0:limits.memory_bytes=115343360 --set 0:limits.tasks=3 \
	--set 1:limits.memory_bytes=41943040 --set 2:limits.memory_bytes=125829120

# Where a child goes is said by who lists it.
is_on() {
	on 0 norma ps | grep -Eq "^$2 +$1 "
}

tasks_everywhere() {
	on 0 norma ps | awk '/^0x/ { on[$2]++ } END { printf "%d %d %d", on[0], on[1], on[2] }'
}

start_task 0 "$GUESTS/guest-bench_parent" 64 0
parent=$task
process=$(on 0 norma ps --json | python3 -c 'import json, sys
print(json.load(sys.stdin)["tasks"][0]["pid"])')

# bench_parent prints when all is filled; nobody but us looks at its memory.
is_filled() {
	[ "$(awk '{ print $2 }' "/proc/$process/statm")" -ge 16384 ]
}
until_true 20 is_filled

fails "a clone to a host without room" 1 on 0 norma clone "$parent" --node 1
err_has "is refused with the figures" 'node 1: [0-9]+ MiB left under .limits. memory_bytes, (6[89]|7[0-9]) MiB needed'
holds "and leaves nothing" test "$(tasks_everywhere)" = "1 0 0"

# Host 0 looks at what its tasks hold once a second: until then it seems to have room.
goes_where_most_is_left() {
	child=$(on 0 norma clone "$parent" --node auto) || return 1
	is_on 2 "$child" && return
	on 0 norma kill "$child"
	return 1
}
until_true 20 goes_where_most_is_left
report $? "clone --node auto goes where most is left"
runs "another" on 0 norma clone "$parent" --node auto
holds "stays here, where less is needed than elsewhere" is_on 0 "$(cat "$work/out")"
runs "run --node auto" on 0 norma run --detach --node auto /bin/busybox sh -c 'read line'
holds "goes where most is left as well" is_on 2 "$(cat "$work/out")"
runs "which is ended" on 0 norma kill "$(cat "$work/out")"

before=$(tasks_everywhere)
fails "a copy of memory that is shared" 1 on 0 norma create "$parent" --node auto
err_has "needs as much here" 'node 0: [0-9]+ MiB left under .limits. memory_bytes, (6[89]|7[0-9]) MiB needed'
holds "and leaves nothing" test "$(tasks_everywhere)" = "$before"

start_task 0 /bin/busybox sh -c 'read line'
before=$(tasks_everywhere)
fails "a clone that fits nowhere" 1 on 0 norma clone "$parent" --node auto
err_has "says why not here" 'node 0: it has as many tasks as .limits. tasks allows'
err_has "and why not there" 'node 1: [0-9]+ MiB left under .limits. memory_bytes, (6[89]|7[0-9]) MiB needed'
err_has "nor there" 'node 2: [0-9]+ MiB left under .limits. memory_bytes, (6[89]|7[0-9]) MiB needed'
holds "and leaves nothing" test "$(tasks_everywhere)" = "$before"

kill -STOP "$(daemon_of 1)"
fails "a clone while a host is silent" 1 on 0 norma clone "$parent" --node auto
err_has "names the host" 'node 1: no answer within 500 ms'
kill -CONT "$(daemon_of 1)"

runs "the first child" on 0 norma kill "$child"
fits() {
	on 0 norma clone "$parent" --node auto >"$work/again" 2>"$work/err"
}
until_true 20 fits
holds "leaves its room to another" is_on 2 "$(cat "$work/again")"

kill -KILL "$(daemon_of 2)"
is_left_out() {
	! on 0 norma clone "$parent" --node auto 2>"$work/err" >"$work/out" && grep -q 'node 2: ' "$work/err"
}
until_true 20 is_left_out
holds "a host that is down is left out and named" grep -q 'node 2: ' "$work/err"
finish
