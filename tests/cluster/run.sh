#!/bin/sh
# Ordinary programs as tasks on either host: output, input, arguments, environment, exit status.
. "$(dirname "$0")/functions.sh"

hosts_up 2

for node in 0 1; do
	runs "busybox runs on node $node" on 0 norma run --node $node /bin/busybox echo hello world
	out_is "and prints what it was told (node $node)" "hello world"
	fails "the exit status comes back (node $node)" 3 \
		on 0 norma run --node $node /bin/busybox sh -c 'exit 3'
done

fails "a program that complains" 1 on 0 norma run /bin/busybox cat /missing
err_has "does so on standard error" '^cat: .*/missing'
out_is "and not standard output" ""

runs "--env" on 0 norma run --env COLOR=blue --env EMPTY= /bin/busybox env
out_has "is in the environment" '^COLOR=blue$'
out_lacks "and nothing else of ours is" '^(HOME|PATH|NORMA_SOCKET)='

seq 1 20000 >"$work/numbers"
on 0 norma run --node 1 /bin/busybox cat <"$work/numbers" >"$work/copied" 2>"$work/err"
report $? "standard input is carried to the other host and back"
holds "and every byte of it" cmp "$work/numbers" "$work/copied"

fails "a file that is not there" 1 on 0 norma run /nonexistent
err_has "is named" '/nonexistent'
fails "a file that is no program" 1 on 0 norma run /etc/passwd
err_has "is said to be none" '/etc/passwd'
fails "a node that does not exist" 1 on 0 norma run --node 77 /bin/busybox true
err_has "is named" '77'
fails "a node that is no number is a usage error" 2 on 0 norma run --node one /bin/busybox true
fails "an --env without = is a usage error" 2 on 0 norma run --env COLOR /bin/busybox true

# Ctrl-C: the task ends, not only the command.
mkfifo "$work/input"
"$norma" lab exec --name "$lab" 0 -- norma run /bin/busybox cat \
	<"$work/input" >"$work/out" 2>"$work/err" &
attached=$!
exec 3>"$work/input"
echo started >&3
until_true 20 grep -q started "$work/out"
report $? "a task that waits for input is attached"
kill -INT $attached
wait $attached
status=$?
exec 3>&-
[ $status -eq 130 ]
report $? "Ctrl-C ends it with status 130"
runs "no task is left" on 0 norma ps
out_lacks "by Ctrl-C" 'running'

finish
