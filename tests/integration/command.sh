#!/bin/sh
# The norma command without any daemon: usage, doctor, sentences and exit statuses.
. "$(dirname "$0")/functions.sh"

NORMA_SOCKET=$work/nobody-listens
export NORMA_SOCKET

runs "--version" "$norma" --version
out_has "prints it" '^norma [0-9]+\.[0-9]+'
runs "--help" "$norma" --help
out_has "lists the commands" '^  norma clone TASK --node N[|]auto'
commands=$(sed -n 's/^  norma \([a-z-]*\).*/\1/p' "$work/out")
for command in $commands "lab up" "lab exec" "lab status" "lab down"; do
	# shellcheck disable=SC2086 # words
	runs "norma $command --help" "$norma" $command --help
	out_has "says how it is used: norma $command" "^  norma $command "
done
for words in "" "nonsense" "run" "kill" "regions" "clone 0x40000040" "inherit 1 2 3" "ps --nonsense" \
	"ps -x" "ps --json=1" "clone --node" "run --env" "lab up --nonsense" "kill --nonsense" \
	"regions nonsense" "regions 0x80000001" "lab" "lab nonsense" "lab exec" "lab up --hosts x"; do
	# shellcheck disable=SC2086 # words
	fails "a usage error: norma $words" 2 "$norma" $words
	err_has "has a sentence: norma $words" '^norma: .*[.]$'
done
for words in "ps" "nodes" "regions 0x40000040" "kill 0x40000040" "clone 0x40000040 --node 0" \
	"inherit 0x40000040 0x10000 4K share" "console 0x40000040" "run /bin/busybox true"; do
	# shellcheck disable=SC2086 # words
	fails "no daemon: norma $words" 1 "$norma" $words
	err_has "names the socket: norma $words" "$work/nobody-listens"
done

"$norma" doctor --json >"$work/out" 2>"$work/err"
holds "doctor --json is JSON with a verdict for each check" python3 -c 'import json, sys
checks = json.load(open(sys.argv[1]))["doctor"]
names = [c["check"] for c in checks]
assert "kvm" in names and "userfaultfd" in names, names
assert all(c["verdict"] in ("ok", "warn", "FAIL") for c in checks), checks' "$work/out"
if [ -w /dev/kvm ]; then
	runs "doctor finds KVM" "$norma" doctor
	out_has "and says ok" '^ok +kvm'
fi
as_nobody() {
	setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
}
if [ "$(id -u)" -eq 0 ]; then
	if [ -e /dev/kvm ] && as_nobody test -x "$norma" && ! as_nobody test -w /dev/kvm; then
		fails "a user who may not open /dev/kvm" 1 as_nobody "$norma" doctor
		out_has "is told what to do" '-> run hostd as root'
	fi
	fails "few open files" 1 sh -c "ulimit -n 64; exec '$norma' doctor"
	out_has "are a failure" '^FAIL +open files +at most 64'
fi
finish
