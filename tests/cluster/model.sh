#!/bin/sh
# Random calls on families of tasks over three hosts mean what the reference model says, and a
# system with any of four deliberate mistakes is found out. Longer, for example:
#
#   OPERATIONS=100000 meson test -C build --suite cluster --verbose model
. "$(dirname "$0")/functions.sh"

hosts_up 3
model=$CONFORMANCE/model
operations=${OPERATIONS:-5000}

# The seed is in the output, which is kept whole: it is all that is needed to see a failure again.
runs "$operations calls mean what the model says" \
	on 0 "$model/model" --operations "$operations" --nodes 3 ${SEED:+--seed "$SEED"} /bin/busybox
sed 's/^/# /' "$work/out"

# finds_out MISTAKE STATEMENT: within a minute, with calls to see it by.
finds_out() {
	fails "$2 is found out within a minute" 1 timeout 60 "$norma" lab exec --name "$lab" 0 -- \
		"$model/model-$1" --operations 100000 --nodes 3 --shrink-seconds 20 /bin/busybox
	sed 's/^/# /' "$work/out"
	out_has "and shown by a short sequence" '^The shortest sequence found has [0-9]+ calls:'
}

finds_out copy_shares "inheritance by copy that shares"
finds_out share_copies "sharing that copies"
finds_out inherits_far "vm_inherit that reaches a page too far"
finds_out stale_page "a page that is once more read as it was"

on 0 norma ps >"$work/out"
out_lacks "no task is left" '^0x'

# Small families are copied otherwise: now every child of dirty memory here is a fork.
hosts_down
export NORMA_VMM_FORK_PAGES=0
hosts_up 3
runs "$operations calls mean the same when children are forks" \
	on 0 "$model/model" --operations "$operations" --nodes 3 ${SEED:+--seed "$SEED"} /bin/busybox
sed 's/^/# /' "$work/out"
holds "as some were" grep -q 'forked=1' /run/norma/"$lab"/*/hostd.log
finish
