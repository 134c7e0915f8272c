#!/bin/sh
# nodes, ps, regions, inherit, clone, create, kill: what they print, and that it is true.
. "$(dirname "$0")/functions.sh"

hosts_up 2

# Prints one cell of a region: region_cell TASK START COLUMN.
region_cell() {
	on 0 norma regions "$1" | awk -v start="$2" -v column="$3" '$1 == start { print $column }'
}

count_tasks() {
	[ "$(on 0 norma ps | grep -c '^0x')" -eq "$1" ]
}

runs "ps before there is a task" on 0 norma ps
out_is "is its heading" "TASK NODE PARENT UID STATE THREADS MEMORY AGE PID IMAGE"
runs "nodes" on 0 norma nodes
out_has "has this host" '^ *0 +self +0 +10\.77\.0\.1'
out_has "and the other" '^ *1 +(up|not tried) +[0-9]+ +10\.77\.1\.1'
runs "nodes as JSON" on 0 norma nodes --json
holds "is JSON" python3 -c 'import json, sys
nodes = json.load(open(sys.argv[1]))["nodes"]
assert [n["node"] for n in nodes] == [0, 1], nodes' "$work/out"

# It waits for input that never comes.
start_task 0 /bin/busybox sh -c 'read line'
parent=$task
for host in 0 1; do
	runs "ps on host $host" on $host norma ps
	out_has "lists the task on host $host" "^$parent +0 +- +0 +running +1 .* .*busybox"
done
runs "ps as JSON" on 1 norma ps --json
holds "has its name and numbers" python3 -c 'import json, sys
task = json.load(open(sys.argv[1]))["tasks"][0]
assert task["task"] == sys.argv[2] and task["node"] == 0 and task["memory"] > 4096, task' \
	"$work/out" "$parent"

runs "regions" on 1 norma regions "$parent"
out_has "lists code" '^0x[0-9a-f]+ +0x[0-9a-f]+ +[0-9]+ +r-x '
out_has "and data, inherited by copy" '^0x[0-9a-f]+ +0x[0-9a-f]+ +[0-9]+ +rw- +rw[x-] +copy +no'
start=$(awk '$4 == "rw-" { print $1; exit }' "$work/out")

runs "inherit none" on 1 norma inherit "$parent" "$start" 4K none
holds "is in regions" test "$(region_cell "$parent" "$start" 6)" = none
runs "inherit share" on 0 norma inherit "$parent" "$start" 4096 share
holds "is in regions too" test "$(region_cell "$parent" "$start" 6)" = share
fails "inherit of memory that is not there" 1 on 0 norma inherit "$parent" 0x1ffff00000 4K none
err_has "is refused with the task's name" "$parent"
fails "inherit with another word" 2 on 0 norma inherit "$parent" "$start" 4K all
fails "inherit of a size that is no number" 2 on 0 norma inherit "$parent" "$start" 4Q none

runs "inherit none again" on 0 norma inherit "$parent" "$start" 4K none
runs "clone to the other node" on 0 norma clone "$parent" --node 1
out_has "prints the child's name, which has its node" '^0x404[0-9a-f]+$'
clone=$(cat "$work/out")
holds "a clone has memory that is not inherited" \
	test "$(region_cell "$clone" "$start" 6)" = none
holds "shared with its parent" test "$(region_cell "$clone" "$start" 7)" = yes
runs "ps" on 0 norma ps
out_has "lists the clone with its parent and no threads" "^$clone +1 +$parent +0 +running +0 "

runs "create on the other node" on 0 norma create "$parent" --node 1
created=$(cat "$work/out")
holds "leaves out what is not inherited" test -z "$(region_cell "$created" "$start" 6)"
runs "create on the own node" on 1 norma create "$parent" --node 0
out_has "makes a task there" '^0x400[0-9a-f]+$'
own=$(cat "$work/out")

fails "clone to a node that does not exist" 1 on 0 norma clone "$parent" --node 9
err_has "says so" '9'
fails "clone without --node is a usage error" 2 on 0 norma clone "$parent"
holds "and makes no task" count_tasks 4

runs "kill takes several tasks, of any node" on 0 norma kill "$clone" "$created" "$own"
holds "and they are gone" count_tasks 1
runs "the parent" on 1 norma ps
out_has "runs on" "^$parent +0 .*running"
runs "kill from the other host" on 1 norma kill "$parent"
holds "ends it" count_tasks 0
fails "a task that has ended" 1 on 0 norma regions "$parent"
err_has "is named in the refusal" "$parent"
fails "a name that is none is a usage error" 2 on 0 norma regions busybox
finish
