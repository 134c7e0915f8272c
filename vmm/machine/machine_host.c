/*
 * Asks KVM what it can do and refuses early, in words, what this VMM cannot live without.
 */
#include "machine_host.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "system_image.h"

#define XCR0_X87_SSE	   0x3u
#define XCR0_AVX	   0x4u
#define XCR0_AVX512	   0xe0u
#define CPUID_ECX_OSXSAVE  (1u << 27)
#define XSAVE_LEGACY_BYTES 4096

#define XSAVE_FCW_OFFSET       0
#define XSAVE_MXCSR_OFFSET     24
#define XSAVE_XSTATE_BV_OFFSET 512
#define FCW_DEFAULT	       0x37f
#define MXCSR_DEFAULT	       0x1f80
#define XSTATE_X87_SSE	       3

static const struct {
	int capability;
	const char *step;
} required[] = {
    {KVM_CAP_USER_MEMORY, "finding KVM_CAP_USER_MEMORY in this host's KVM"},
    {KVM_CAP_READONLY_MEM, "finding KVM_CAP_READONLY_MEM in this host's KVM"},
    {KVM_CAP_IMMEDIATE_EXIT, "finding KVM_CAP_IMMEDIATE_EXIT in this host's KVM"},
    {KVM_CAP_XSAVE, "finding KVM_CAP_XSAVE in this host's KVM"},
    {KVM_CAP_XCRS, "finding KVM_CAP_XCRS in this host's KVM"},
};

/* PKRU and AMX stay off: they need more state than struct kvm_xsave and, for AMX, a permission. */
static uint64_t host_xcr0(void)
{
	unsigned int eax, ebx, ecx, edx;
	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & CPUID_ECX_OSXSAVE))
		return XCR0_X87_SSE;
	__asm__ volatile("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
	uint64_t xcr0 = XCR0_X87_SSE | (eax & XCR0_AVX);
	if ((xcr0 & XCR0_AVX) && (eax & XCR0_AVX512) == XCR0_AVX512)
		xcr0 |= XCR0_AVX512;
	return xcr0;
}

static int host_check_required(int kvm_fd, const char **ret_step)
{
	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, required[i].capability) > 0)
			continue;
		*ret_step = required[i].step;
		return -ENOTSUP;
	}
	int needed = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS | KVM_SYNC_X86_EVENTS;
	if ((ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_SYNC_REGS) & needed) != needed) {
		*ret_step =
		    "finding KVM_CAP_SYNC_REGS with registers and events in this host's KVM";
		return -ENOTSUP;
	}
	return 0;
}

static uint32_t positive_or(int value, uint32_t fallback)
{
	return value > 0 ? (uint32_t)value : fallback;
}

static int xsave_reset_make(struct machine_host *host)
{
	const uint16_t fcw = FCW_DEFAULT;
	const uint32_t mxcsr = MXCSR_DEFAULT;
	const uint64_t xstate_bv = XSTATE_X87_SSE;
	uint8_t *area = calloc(1, host->xsave_bytes);

	if (!area)
		return -ENOMEM;
	memcpy(area + XSAVE_FCW_OFFSET, &fcw, sizeof(fcw));
	memcpy(area + XSAVE_MXCSR_OFFSET, &mxcsr, sizeof(mxcsr));
	memcpy(area + XSAVE_XSTATE_BV_OFFSET, &xstate_bv, sizeof(xstate_bv));
	host->xsave_reset = area;
	return 0;
}

static int host_read(struct machine_host *host, const char **ret_step)
{
	int fd = host->kvm_fd;
	if (ioctl(fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
		*ret_step = "finding API version 12 in /dev/kvm";
		return -ENOTSUP;
	}
	int ret = host_check_required(fd, ret_step);
	if (ret)
		return ret;
	int run_bytes = ioctl(fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (run_bytes < (int)sizeof(struct kvm_run)) {
		*ret_step = "finding room for struct kvm_run (KVM_GET_VCPU_MMAP_SIZE)";
		return run_bytes < 0 ? -errno : -ENOTSUP;
	}
	host->run_bytes = (size_t)run_bytes;
	int xsave_bytes = ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);
	host->xsave_bytes = positive_or(xsave_bytes, XSAVE_LEGACY_BYTES);
	host->slots_max = positive_or(ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS), 32);
	host->vcpus_max = positive_or(ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS), 1);
	host->has_exit_on_emulation_failure =
	    ioctl(fd, KVM_CHECK_EXTENSION, KVM_CAP_EXIT_ON_EMULATION_FAILURE) > 0;
	host->xcr0 = host_xcr0();
	host->cpuid.head.nent = MACHINE_CPUID_ENTRIES_MAX;
	if (ioctl(fd, KVM_GET_SUPPORTED_CPUID, &host->cpuid)) {
		*ret_step = "reading the CPUID table KVM supports";
		return -errno;
	}
	*ret_step = "allocating the XSAVE state that threads start with";
	return xsave_reset_make(host);
}

int machine_host_open(struct machine_host *host, int system_image_fd, const char **ret_step)
{
	memset(host, 0, sizeof(*host));
	host->kvm_fd = -1;
	host->system_image_fd = system_image_fd;
	*ret_step = "checking the system image";
	int ret = system_image_check(system_image_fd);
	if (ret)
		return ret;
	*ret_step = "opening /dev/kvm";
	host->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (host->kvm_fd < 0)
		return -errno;
	ret = host_read(host, ret_step);
	if (ret) {
		machine_host_close(host);
		return ret;
	}
	*ret_step = NULL;
	return 0;
}

void machine_host_close(struct machine_host *host)
{
	if (host->kvm_fd >= 0)
		close(host->kvm_fd);
	host->kvm_fd = -1;
	free(host->xsave_reset);
	host->xsave_reset = NULL;
}
