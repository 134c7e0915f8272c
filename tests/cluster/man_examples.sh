#!/bin/sh
# The programs in the manual pages do what the pages say: each exits with 0 only then.
. "$(dirname "$0")/functions.sh"

hosts_up 2

for example in host memory inherit transfer map advise task threads ports limits exception; do
	runs "the $example example is right" on 0 norma run "$MAN_EXAMPLES/example-$example"
done
for node in 0 1; do
	runs "the clone example is right for node $node" \
		on 0 norma run "$MAN_EXAMPLES/example-clone" "$node"
	out_is "and says so" "node $node: the clone has 2, the other child 1"
done

runs "the client example runs a program" on 0 "$MAN_EXAMPLES/example-client" /bin/busybox cat
out_is "gives it input and prints its output" "input"
fails "and ends with its status" 3 \
	on 0 "$MAN_EXAMPLES/example-client" /bin/busybox sh -c 'exit 3'

start_task 1 /bin/busybox cat
runs "the inventory example lists" on 0 "$MAN_EXAMPLES/example-inventory"
out_has "the nodes" '^node 1 at '
out_has "and their tasks" "^  $task "

finish
