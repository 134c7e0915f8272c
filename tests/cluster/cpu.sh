#!/bin/sh
# Hosts whose CPUs differ by configuration: refused by name before a child exists, until they agree
# on a baseline.
. "$(dirname "$0")/functions.sh"

hosts_up 2 --set 1:cpu.hide=sse4.2,avx2

processes() {
	ip netns pids "norma-$lab-1" | wc -l
}

runs "doctor" on 0 norma doctor
out_has "says whether masking works" '^ok +cpu +.*(masking has no effect|can be masked)'

runs "nodes" on 0 norma nodes --json
holds "tells which hosts can take tasks of this one" python3 -c 'import json, sys
nodes = json.load(open(sys.argv[1]))["nodes"]
assert [n["compatible"] for n in nodes] == ["yes", "no"], nodes' "$work/out"

start_task 0 /bin/busybox sh -c 'read line'
old=$task
before=$(processes)
for call in clone create; do
	fails "$call to a host that hides features" 1 on 0 norma $call "$old" --node 1
	err_has "names them" 'sse4\.2, avx2'
	err_has "and the host" 'node 1'
done
holds "nothing is left there" test "$(processes)" -eq "$before"
runs "the parent" on 0 norma ps
out_has "runs on, alone" "^$old .*running"
holds "there is no other task" test "$(grep -c ^0x "$work/out")" -eq 1
runs "clone on its own host" on 0 norma clone "$old" --node 0

start_task 1 /bin/busybox sh -c 'read line'
runs "a host that has more takes what needs less" on 1 norma clone "$task" --node 0

runs "cpu-baseline" on 0 norma cpu-baseline
out_has "says what is not common" '^ *0 .*sse4\.2, avx2'
out_has "and that nothing was changed" '^Nothing was changed'
fails "which is so" 1 on 0 norma clone "$old" --node 1

runs "cpu-baseline --apply" on 0 norma cpu-baseline --apply
out_has "is applied here" '^ *0 .* applied '
out_has "and there" '^ *1 .* applied '
start_task 0 /bin/busybox sh -c 'read line'
runs "a task of now is cloned" on 0 norma clone "$task" --node 1
runs "and created" on 0 norma create "$task" --node 1
fails "one of before is not" 1 on 0 norma clone "$old" --node 1
err_has "as it may use what the baseline lacks" 'sse4\.2'

chmod 0666 "$(socket_of 0)"
fails "cpu-baseline --apply of another user" 1 env NORMA_SOCKET="$(socket_of 0)" \
	setpriv --reuid 65534 --regid 65534 --clear-groups "$norma" cpu-baseline --apply
err_has "is refused" 'only root'

kill -KILL "$(daemon_of 1)"
is_down() {
	on 0 norma nodes | grep -Eq '^ *1 +down'
}
until_true 20 is_down
runs "cpu-baseline without a host" on 0 norma cpu-baseline
out_has "says that its CPU is not known" '^ *1 +not known'
fails "cpu-baseline --apply without it" 1 on 0 norma cpu-baseline --apply
err_has "is refused" 'node 1'
finish
