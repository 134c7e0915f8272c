/*
 * What norma asks of the kernel: KVM, userfaultfd on shared memory, io_uring, memfd, huge pages.
 */
#include "doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/io_uring.h>
#include <linux/kvm.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/shmem.h"

#define SHMEM_ENABLED "/sys/kernel/mm/transparent_hugepage/shmem_enabled"

/* Younger than the headers this may be built with. */
#ifndef UFFD_FEATURE_POISON
#define UFFD_FEATURE_POISON (1u << 14)
#endif

struct named_number {
	const char *name;
	unsigned long long number;
};

static void add_name(char *text, size_t capacity, const char *name)
{
	size_t used = strlen(text);

	snprintf(text + used, capacity - used, "%s%s", used ? ", " : "", name);
}

/* Return: whether a machine and a CPU can be made, errno otherwise. */
static int try_machine(int kvm)
{
	_cleanup_close_ int machine = ioctl(kvm, KVM_CREATE_VM, 0);
	_cleanup_close_ int cpu = -1;

	if (machine < 0)
		return -errno;
	cpu = ioctl(machine, KVM_CREATE_VCPU, 0);
	return cpu < 0 ? -errno : 0;
}

static void find_kvm_error(struct doctor_finding *ret_finding, int error)
{
	if (error == ENOENT || error == ENODEV)
		doctor_find(
		    ret_finding, DOCTOR_FAIL,
		    "load the module (modprobe kvm_intel or kvm_amd), switch virtualization "
		    "on in the firmware, or ask for nested virtualization in a VM",
		    "/dev/kvm is not there");
	else
		doctor_find(ret_finding, DOCTOR_FAIL,
			    "run hostd as root, or as a member of the group that owns /dev/kvm",
			    "/dev/kvm cannot be opened by this user: %s", strerror(error));
}

void doctor_kvm(struct doctor_finding *ret_finding)
{
	static const struct named_number needed[] = {
	    {"user memory", KVM_CAP_USER_MEMORY},
	    {"read-only memory", KVM_CAP_READONLY_MEM},
	    {"immediate exit", KVM_CAP_IMMEDIATE_EXIT},
	    {"register synchronization", KVM_CAP_SYNC_REGS},
	};
	char missing[DOCTOR_MAX_TEXT / 2] = "";
	_cleanup_close_ int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int version, r;

	if (kvm < 0) {
		find_kvm_error(ret_finding, errno);
		return;
	}
	version = ioctl(kvm, KVM_GET_API_VERSION, 0);
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (ioctl(kvm, KVM_CHECK_EXTENSION, needed[i].number) <= 0)
			add_name(missing, sizeof(missing), needed[i].name);
	}
	r = try_machine(kvm);
	if (version != KVM_API_VERSION)
		doctor_find(ret_finding, DOCTOR_FAIL, "use a kernel with KVM API version 12",
			    "KVM speaks API version %d, not %d", version, KVM_API_VERSION);
	else if (missing[0])
		doctor_find(ret_finding, DOCTOR_FAIL, "use a newer kernel", "KVM lacks: %s",
			    missing);
	else if (r < 0)
		doctor_find(ret_finding, DOCTOR_FAIL, "see dmesg for the reason",
			    "KVM cannot make a machine: %s", strerror(-r));
	else
		doctor_find(ret_finding, DOCTOR_OK, NULL,
			    "API version %d, machines can be made, at most %d memory slots",
			    version, ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS));
}

static int open_userfaultfd(void)
{
	int device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	int fd;

	if (device < 0)
		return (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	fd = ioctl(device, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
	close(device);
	return fd;
}

void doctor_userfaultfd(struct doctor_finding *ret_finding)
{
	static const struct named_number needed[] = {
	    {"missing pages of shared memory", UFFD_FEATURE_MISSING_SHMEM},
	    {"minor faults on shared memory", UFFD_FEATURE_MINOR_SHMEM},
	    {"write protection of shared memory", UFFD_FEATURE_WP_HUGETLBFS_SHMEM},
	    {"exact addresses", UFFD_FEATURE_EXACT_ADDRESS},
	    {"poisoned pages (Linux 6.6)", UFFD_FEATURE_POISON},
	};
	struct uffdio_api api = {.api = UFFD_API};
	char missing[DOCTOR_MAX_TEXT / 2] = "";
	_cleanup_close_ int fd = open_userfaultfd();

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0) {
		doctor_find(ret_finding, DOCTOR_FAIL,
			    errno == ENOSYS
				? "use a kernel built with CONFIG_USERFAULTFD"
				: "run hostd as root, let its user open /dev/userfaultfd, or set "
				  "vm.unprivileged_userfaultfd=1 (sysctl)",
			    "faults that the kernel takes for a guest cannot be handled: %s",
			    strerror(errno));
		return;
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (!(api.features & needed[i].number))
			add_name(missing, sizeof(missing), needed[i].name);
	}
	if (missing[0])
		doctor_find(ret_finding, DOCTOR_FAIL, "use Linux 6.6 or newer",
			    "userfaultfd lacks: %s", missing);
	else
		doctor_find(ret_finding, DOCTOR_OK, NULL,
			    "missing, minor, write-protect and poison on shared memory, "
			    "kernel faults included");
}

void doctor_io_uring(struct doctor_finding *ret_finding)
{
	struct io_uring_params parameters = {.flags = IORING_SETUP_SINGLE_ISSUER |
						      IORING_SETUP_DEFER_TASKRUN};
	_cleanup_close_ int fd = (int)syscall(SYS_io_uring_setup, 8, &parameters);

	if (fd >= 0)
		doctor_find(ret_finding, DOCTOR_OK, NULL, "rings can be made");
	else if (errno == EPERM)
		doctor_find(ret_finding, DOCTOR_FAIL,
			    "set kernel.io_uring_disabled=0 (sysctl), or allow io_uring in the "
			    "container's seccomp profile",
			    "this user may not make rings");
	else
		doctor_find(ret_finding, DOCTOR_FAIL, "use Linux 6.1 or newer with CONFIG_IO_URING",
			    "rings cannot be made: %s", strerror(errno));
}

void doctor_memfd(struct doctor_finding *ret_finding)
{
	_cleanup_close_ int fd = memfd_create("norma-doctor", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, 4096) < 0 || pwrite(fd, "x", 1, 0) != 1 ||
	    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) < 0)
		doctor_find(ret_finding, DOCTOR_FAIL,
			    "use a kernel with CONFIG_MEMFD_CREATE and CONFIG_TMPFS",
			    "anonymous files in memory do not work: %s", strerror(errno));
	else
		doctor_find(ret_finding, DOCTOR_OK, NULL, "files in memory work, holes too");
}

void doctor_huge_pages(struct doctor_finding *ret_finding)
{
	if (shmem_has_huge_pages())
		doctor_find(ret_finding, DOCTOR_OK, NULL, "tasks get huge pages for their memory");
	else
		doctor_find(ret_finding, DOCTOR_WARN, "echo advise > " SHMEM_ENABLED,
			    "tasks get no huge pages: stopping, copying and receiving large memory "
			    "takes two to four times the time it could");
}
