# Sourced by the test of libvirt: a real libvirtd with its QEMU driver, whose configuration, state
# and users are its own: it runs in a mount namespace where these replace the host's.

libvirtd_root=$work/libvirt
libvirtd_uri="qemu+unix:///system?socket=$libvirtd_root/socket/libvirt-sock"
libvirtd_made=

# What it needs as mount points and this host does not have, to be removed again.
libvirtd_mount_point() {
	[ -d "$1" ] && return
	mkdir -p "$1"
	libvirtd_made="$1 $libvirtd_made"
}

libvirtd_prepare() {
	mkdir -p "$libvirtd_root/etc" "$libvirtd_root/lib" "$libvirtd_root/cache" \
		"$libvirtd_root/run" "$libvirtd_root/socket"
	for folder in /etc/libvirt /var/lib/libvirt /var/cache/libvirt /run/libvirt; do
		libvirtd_mount_point $folder
	done
	cat >"$libvirtd_root/etc/libvirtd.conf" <<-END
	unix_sock_dir = "$libvirtd_root/socket"
	auth_unix_rw = "none"
	auth_unix_ro = "none"
	unix_sock_rw_perms = "0700"
	END
	# As root, so that it can open /dev/kvm whatever its mode; without what only systemd has.
	cat >"$libvirtd_root/etc/qemu.conf" <<-END
	user = "root"
	group = "root"
	cgroup_controllers = [ ]
	namespaces = [ ]
	security_driver = "none"
	stdio_handler = "file"
	END
	# The driver looks these up before it reads that it needs neither.
	cp /etc/passwd /etc/group "$libvirtd_root"
	echo 'libvirt-qemu:x:64055:64055::/:/bin/false' >>"$libvirtd_root/passwd"
	echo 'libvirt-qemu:x:64055:' >>"$libvirtd_root/group"
	cat >"$libvirtd_root/start" <<-END
	set -e
	mount --bind "$libvirtd_root/etc" /etc/libvirt
	mount --bind "$libvirtd_root/lib" /var/lib/libvirt
	mount --bind "$libvirtd_root/cache" /var/cache/libvirt
	mount --bind "$libvirtd_root/run" /run/libvirt
	mount --bind "$libvirtd_root/passwd" /etc/passwd
	mount --bind "$libvirtd_root/group" /etc/group
	exec libvirtd -f /etc/libvirt/libvirtd.conf -p "$libvirtd_root/pid"
	END
}

libvirtd_start() {
	rm -f "$libvirtd_root/pid"
	unshare --mount sh "$libvirtd_root/start" >"$libvirtd_root/out" 2>&1 &
	libvirtd_pid=$!
}

virsh_do() {
	virsh --quiet --connect "$libvirtd_uri" "$@" 2>"$libvirtd_root/virsh"
}

libvirtd_answers() {
	virsh_do nodeinfo >"$libvirtd_root/out"
}

# A guest outlives its libvirtd.
libvirtd_stop() {
	for file in "$libvirtd_root"/run/qemu/*.pid; do
		[ -f "$file" ] && kill -9 "$(cat "$file")"
	done
	kill -CONT "$libvirtd_pid" 2>/dev/null
	kill "$libvirtd_pid" 2>/dev/null
	wait "$libvirtd_pid" 2>/dev/null
	for folder in $libvirtd_made; do
		rmdir "$folder"
	done
}

# A guest that is never run: it only holds memory.
guest_start() {
	cat >"$libvirtd_root/guest.xml" <<-END
	<domain type='qemu'><name>norma-test</name><memory unit='MiB'>64</memory><vcpu>2</vcpu>
	<os><type arch='x86_64' machine='q35'>hvm</type></os>
	<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
	<controller type='usb' model='none'/><memballoon model='none'/></devices></domain>
	END
	virsh_do create --paused "$libvirtd_root/guest.xml"
}
