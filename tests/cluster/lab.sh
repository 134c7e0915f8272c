#!/bin/sh
# The lab itself: up, status, down; two at once; nothing left after a failure or a crash.
. "$(dirname "$0")/functions.sh"

requires_root
requires_program ip iproute2
requires_kvm
other=$lab-b
others_down() {
	"$norma" lab down --name "$other"
}
at_exit hosts_down
at_exit others_down

nothing_left() {
	! ip netns list | grep -q "^norma-$1-" && [ ! -e "/run/norma/$1" ]
}

runs "a lab comes up" "$norma" lab up --name "$lab" --hosts 2
runs "its status" "$norma" lab status --name "$lab"
out_has "lists host 1" '^host 1 +up'
fails "the same name again" 1 "$norma" lab up --name "$lab"
err_has "is refused, with what to do" "norma lab down --name $lab"
runs "another lab beside it" "$norma" lab up --name "$other" --hosts 1
runs "answers" "$norma" lab exec --name "$other" 0 -- norma nodes
runs "and goes" "$norma" lab down --name "$other"
holds "without a trace" nothing_left "$other"
runs "the first one" "$norma" lab exec --name "$lab" 1 -- norma nodes
out_has "is still there" '^ *1 +self'
runs "down" "$norma" lab down --name "$lab"
holds "leaves nothing" nothing_left "$lab"
runs "down of nothing" "$norma" lab down --name "$lab"

fails "a daemon that does not start" 1 env NORMA_HOSTD=/bin/false "$norma" lab up --name "$lab"
err_has "is said" 'host [01] ended'
holds "and nothing is left" nothing_left "$lab"

runs "a lab whose daemons are killed" "$norma" lab up --name "$lab"
kill -KILL "$(daemon_of 0)" "$(daemon_of 1)"
runs "goes down" "$norma" lab down --name "$lab"
holds "and leaves nothing" nothing_left "$lab"

mkdir "$work/precious"
fails "a directory that is not a lab's" 1 "$norma" lab up --name "$lab" --dir "$work/precious"
runs "is not touched by down" "$norma" lab down --name "$lab" --dir "$work/precious"
holds "and is still there" test -d "$work/precious"
fails "a name with a slash is a usage error" 2 "$norma" lab up --name a/b
fails "no hosts is a usage error" 2 "$norma" lab up --hosts 0
finish
