#!/bin/sh
# Things that do not work say why: no daemon, another user's task, a host that is gone.
. "$(dirname "$0")/functions.sh"

hosts_up 2

NORMA_SOCKET=$work/nobody-listens
export NORMA_SOCKET
fails "without a daemon" 1 "$norma" ps
err_has "the socket is named" "$work/nobody-listens"
err_has "and what to do" 'start'
runs "doctor works without a daemon" "$norma" doctor
out_has "and says that it is not there" '^warn +hostd'
unset NORMA_SOCKET

start_task 0 /bin/busybox sh -c 'read line'

# Another user may connect where the socket lets it, but not touch root's task.
as_nobody() {
	NORMA_SOCKET=$(socket_of 0) setpriv --reuid 65534 --regid 65534 --clear-groups "$norma" "$@"
}
chmod 0666 "$(socket_of 0)"
for command in "kill $task" "regions $task" "clone $task --node 1" "console $task"; do
	# shellcheck disable=SC2086 # words
	fails "another user's ${command%% *}" 1 as_nobody $command
	err_has "is refused with the task's name" "$task"
done
runs "the task" on 0 norma ps
out_has "runs on" "^$task .*running"
chmod 0600 "$(socket_of 0)"
fails "a socket that the user may not open" 1 as_nobody ps
err_has "is a matter of permission" 'permission'

# A host dies: the other one knows.
start_task 1 /bin/busybox sh -c 'read line'
kill -KILL "$(daemon_of 1)"
is_down() {
	on 0 norma nodes | grep -Eq '^ *1 +down'
}
until_true 20 is_down
report $? "a host whose daemon was killed is down"
fails "its task" 1 on 0 norma regions "$task"
err_has "is on a node that is down" 'node 1'
fails "running a program there" 1 on 0 norma run --node 1 /bin/busybox true
err_has "says which node is down" 'node 1'
fails "ps lists the others but fails" 1 on 0 norma ps
out_has "with what is there" '^0x400'
fails "lab status" 1 "$norma" lab status --name "$lab"
out_has "says so too" '^host 1 +down'

# Nothing of a killed host stays behind.
no_processes() {
	[ -z "$(ip netns pids "norma-$lab-1")" ]
}
until_true 20 no_processes
report $? "its tasks and its pager ended with it"
finish
