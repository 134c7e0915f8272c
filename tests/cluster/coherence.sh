#!/bin/sh
# Two and three hosts, two threads each, on the same memory: increments, messages, Dekker, a model.
# All of it takes 25 s, and each of ten tests no more than SECONDS_EACH on a machine that is busy.
. "$(dirname "$0")/functions.sh"

hosts_up 3

for hosts in 2 3; do
	runs "$hosts hosts agree on every word" \
		on 0 norma run "$GUESTS/guest-coherence" $hosts 2 \
		"${INCREMENTS:-1000000}" "${ROUNDS:-100000}" "${OPERATIONS:-20000}" \
		"${SECONDS_EACH:-20}"
	sed 's/^/# /' "$work/out"
	out_lacks "none is wrong ($hosts hosts)" WRONG
done

finish
