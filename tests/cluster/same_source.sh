#!/bin/sh
# One source, built as a guest and as a client, prints the same lines: on this host and on another.
. "$(dirname "$0")/functions.sh"

hosts_up 2

runs "as a guest" on 0 norma run "$CONFORMANCE/vm_calls-guest"
cp "$work/out" "$work/guest"
holds "it made all its calls" grep -q 'null task: protect' "$work/guest"
for node in 0 1; do
	runs "as a client, on a task of node $node" \
		on 0 "$CONFORMANCE/vm_calls-client" /bin/busybox "$node"
	holds "every line is the guest's (node $node)" diff "$work/guest" "$work/out"
done
runs "no task is left" on 0 norma ps
out_lacks "by the client" 'running'

finish
