#!/bin/sh
# What norma says of a host with libvirt is what virsh and /proc say, and nothing waits for libvirt:
# not when it stands still, not while it is killed and started again.
. "$(dirname "$0")/functions.sh"
# shellcheck source=tests/integration/libvirtd.sh
. "$(dirname "$0")/libvirtd.sh"

requires_root
requires_kvm
requires_program libvirtd libvirt-daemon
requires_program virsh libvirt-clients
requires_program qemu-system-x86_64 qemu-system-x86
hostd=$(dirname "$norma")/../daemon/norma-hostd
features=$(dirname "$0")/../../hostd/cpu/features.def
[ -f "$(dirname "$norma")/../inventory/norma-libvirt.so" ] || skip "norma is built without libvirt"
NORMA_SOCKET=$work/run/hostd.sock
export NORMA_SOCKET

hostd_stop() {
	kill "$hostd_pid" 2>/dev/null
	wait "$hostd_pid" 2>/dev/null
}

# Prints what `norma nodes` says of this host under this name.
says() {
	"$norma" nodes --json 2>>"$work/says" | python3 -c 'import json, sys
print(json.load(sys.stdin)["nodes"][0][sys.argv[1]])' "$1" 2>>"$work/says"
}

is() {
	[ "$(says "$1")" = "$2" ]
}

virsh_memory() {
	echo $(($(virsh_do nodememstats | awk '$1 == "total" { print $3 }') * 1024))
}

proc_memory() {
	echo $(($(awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo) * 1024))
}

# Memory may be plugged in and out while this runs: the three agree at some moment.
memory_agrees() {
	is memory "$(proc_memory)" && is memory "$(virsh_memory)"
}

resident_agrees() {
	is guest_resident $(($(virsh_do dommemstat norma-test | awk '$1 == "rss" { print $2 }') * 1024))
}

host_model() {
	virsh_do domcapabilities --virttype kvm | python3 -c 'import sys, xml.etree.ElementTree as tree
print(tree.parse(sys.stdin).find("./cpu/mode[@name=\"host-model\"]/model").text)'
}

# model_has FEATURES...: of what norma and libvirt have the same names for, the baseline that was
# stored holds nothing that is not among these.
model_has() {
	python3 - "$features" "$work/cpu-baseline-0" "$@" <<-'END'
	import re, sys
	rows = re.findall(r'^FEATURE\(CPU_([0-9A-F]+)(?:_([0-9]))?_(E[A-D]X), (\d+), "([^"]+)", PROGRAM\)',
	                  open(sys.argv[1]).read(), re.M)
	registers = ["EAX", "EBX", "ECX", "EDX"]
	words = {}
	for word in open(sys.argv[2]).read().split()[1].split(","):
	    place, bits = word.split("=")
	    words[place] = int(bits, 16)
	promised = set()
	for leaf, subleaf, register, bit, name in rows:
	    place = f"{int(leaf, 16):x}.{subleaf or 0}.{registers.index(register)}"
	    if words.get(place, 0) >> int(bit) & 1:
	        promised.add(name)
	beyond = promised - set(sys.argv[3:])
	assert promised, "the baseline is empty"
	assert not beyond, f"libvirt's model lacks {beyond}"
	END
}

model_features() {
	virsh_do domcapabilities --virttype kvm >"$work/domain.xml"
	virsh_do hypervisor-cpu-baseline --virttype kvm --features "$work/domain.xml" |
		sed -n "s/.*policy='require' name='\(.*\)'.*/\1/p"
}

count_log() {
	[ "$(grep -c "libvirt=$1" "$work/hostd.log")" -eq "$2" ]
}

# measure FILE: times one `norma nodes` after another into $work/FILE until $work/enough is there.
measure() {
	python3 - "$norma" "$work/enough" >"$work/$1" <<-'END' &
	import os, subprocess, sys, time
	while not os.path.exists(sys.argv[2]):
	    start = time.monotonic()
	    subprocess.run([sys.argv[1], "nodes"], check=True, stdout=subprocess.DEVNULL)
	    print((time.monotonic() - start) * 1000, flush=True)
	END
	measure_pid=$!
}

measured() {
	touch "$work/enough"
	wait "$measure_pid"
	report $? "every answer came: $1"
	rm "$work/enough"
	sort -n "$work/$2" | awk -v what="$1" '{ ms[NR] = $1 } END {
		printf "# norma nodes, %s: n=%d p50=%.1f ms p99=%.1f ms max=%.1f ms\n", what, NR,
			ms[int((NR + 1) / 2)], ms[int((NR * 99 + 99) / 100)], ms[NR] }'
}

answers() {
	[ "$(wc -l <"$work/$1")" -ge "$2" ]
}

at_exit libvirtd_stop
libvirtd_prepare
libvirtd_start
holds "libvirtd starts" until_true 60 libvirtd_answers
holds "a guest starts" guest_start

mkdir "$work/run"
cat >"$work/hostd.ini" <<END
[host]
node = 0
run_dir = $work/run
state_dir = $work
libvirt = $libvirtd_uri
END
"$hostd" --config "$work/hostd.ini" 2>"$work/hostd.log" &
hostd_pid=$!
at_exit hostd_stop
holds "the inventory finds libvirt" until_true 60 is libvirt up

holds "its memory is that of virsh and of /proc" until_true 20 memory_agrees
holds "its cores are those of virsh" is cores "$(virsh_do nodeinfo | awk '$1 == "CPU(s):" { print $2 }')"
holds "its guests are those of virsh" is guests "$(virsh_do list --name | grep -c .)"
holds "with their processors" is guest_cpus 2
holds "and their memory" is guest_memory $((64 * 1024 * 1024))
holds "and what they hold of it" until_true 20 resident_agrees
holds "the CPU's name is that of virsh" until_true 60 is cpu_name "$(host_model)"
holds "its vendor is that of /proc" is vendor "$(awk '$1 == "vendor_id" { print $3; exit }' /proc/cpuinfo)"
holds "a guest that ends" virsh_do destroy norma-test
holds "is told by an event" until_true 4 is guests 0
holds "one that starts" guest_start
holds "too" until_true 4 is guests 1

runs "cpu-baseline" "$norma" cpu-baseline
out_has "has the model that virsh computes" "1 of 1 nodes can be its model $(host_model)"
runs "cpu-baseline --apply" "$norma" cpu-baseline --apply
# shellcheck disable=SC2046 # one argument per feature
holds "promises nothing that the model lacks" model_has $(model_features)

measure quiet
holds "nodes answers" until_true 60 answers quiet 300
measured "libvirt at rest" quiet

kill -STOP "$libvirtd_pid"
measure stopped
holds "with a libvirt that stands still, nodes answers" until_true 60 answers stopped 100
measured "libvirt stopped" stopped
kill -CONT "$libvirtd_pid"
holds "and goes on with it" until_true 60 is libvirt up
downs=$(grep -c libvirt=down "$work/hostd.log")
ups=$(grep -c libvirt=up.uri "$work/hostd.log")

measure killed
kill -KILL "$libvirtd_pid"
wait "$libvirtd_pid" 2>/dev/null
holds "a libvirtd that is killed is down" until_true 60 is libvirt down
holds "its guests are not known" is guests 0
libvirtd_start
holds "one that is started again is up" until_true 90 is libvirt up
holds "with the guest that was there all the time" is guests 1
measured "libvirt killed and started again" killed
holds "the log has one line of the end" count_log down $((downs + 1))
holds "and one of the beginning" count_log up.uri $((ups + 1))
holds "a daemon that ends does so at once" hostd_stop
finish
