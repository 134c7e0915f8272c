/*
 * The state a thread starts with: 64-bit, CPL 3, the constant tables of the system image.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "system_image.h"
#include "vcpu_internal.h"

#define CR0_USER       UINT64_C(0x80050033) /* PG AM WP NE ET MP PE */
#define CR4_PAE	       (UINT64_C(1) << 5)
#define CR4_OSFXSR     (UINT64_C(1) << 9)
#define CR4_OSXMMEXCPT (UINT64_C(1) << 10)
#define CR4_UMIP       (UINT64_C(1) << 11)
#define CR4_FSGSBASE   (UINT64_C(1) << 16)
#define CR4_OSXSAVE    (UINT64_C(1) << 18)
/* SMEP and SMAP stay off: where `syscall` enters CPL 0 (VMX, SVM) its stub is a user page, because
 * under KVM-PVM the same stub runs in CPL 3. No guest kernel exists that they could protect. */
#define CR4_USER  (CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE)
#define EFER_USER UINT64_C(0xd01) /* NXE LMA LME SCE */

#define MSR_STAR  0xc0000081u
#define MSR_LSTAR 0xc0000082u
#define MSR_FMASK 0xc0000084u
#define FMASK	  UINT64_C(0x47700) /* AC NT IOPL DF IF TF */

#define XCR0_MINIMUM		 UINT64_C(0x3)
#define XCR0_WITH_AVX		 UINT64_C(0x7)
#define CPUID_LEAF7_EBX_FSGSBASE 1u
#define CPUID_LEAF7_ECX_UMIP	 (1u << 2)
#define SEGMENT_LIMIT		 0xfffff

static struct kvm_segment segment_user_code(void)
{
	return (struct kvm_segment){.limit = SEGMENT_LIMIT,
				    .selector = SYSTEM_SELECTOR_USER_CODE,
				    .type = 11,
				    .present = 1,
				    .s = 1,
				    .l = 1,
				    .g = 1,
				    .dpl = 3};
}

static struct kvm_segment segment_user_data(void)
{
	return (struct kvm_segment){.limit = SEGMENT_LIMIT,
				    .selector = SYSTEM_SELECTOR_USER_DATA,
				    .type = 3,
				    .present = 1,
				    .s = 1,
				    .db = 1,
				    .g = 1,
				    .dpl = 3};
}

static struct kvm_segment segment_tss(uint32_t index)
{
	return (struct kvm_segment){.base = NORMA_SYSTEM_TSS + index * SYSTEM_TSS_STRIDE_BYTES,
				    .limit = SYSTEM_TSS_LIMIT,
				    .selector = SYSTEM_SELECTOR_TSS,
				    .type = 11,
				    .present = 1};
}

/* Bits this CPU's KVM would refuse are left out: neither is needed, both are good to have. */
static uint64_t cr4_optional(const struct machine_host *host)
{
	for (uint32_t i = 0; i < host->cpuid.head.nent; i++) {
		const struct kvm_cpuid_entry2 *entry = &host->cpuid.head.entries[i];
		if (entry->function != 7 || entry->index != 0)
			continue;
		return (entry->ebx & CPUID_LEAF7_EBX_FSGSBASE ? CR4_FSGSBASE : 0) |
		       (entry->ecx & CPUID_LEAF7_ECX_UMIP ? CR4_UMIP : 0);
	}
	return 0;
}

static int sregs_setup(struct vcpu *vcpu)
{
	struct kvm_sregs *sregs = &vcpu->user_sregs;
	if (ioctl(vcpu->fd, KVM_GET_SREGS, sregs))
		return -errno;
	struct kvm_segment data = segment_user_data();
	sregs->cs = segment_user_code();
	sregs->ss = data;
	data.selector = 0;
	sregs->ds = sregs->es = sregs->fs = sregs->gs = data;
	sregs->ldt = (struct kvm_segment){.type = 2, .unusable = 1};
	sregs->tr = segment_tss(vcpu->index);
	sregs->gdt = (struct kvm_dtable){.base = NORMA_SYSTEM_GDT, .limit = SYSTEM_GDT_LIMIT};
	sregs->idt = (struct kvm_dtable){.base = NORMA_SYSTEM_IDT, .limit = SYSTEM_IDT_LIMIT};
	sregs->cr0 = CR0_USER;
	sregs->cr2 = 0;
	sregs->cr3 = NORMA_SYSTEM_PML4;
	sregs->cr4 = CR4_USER | cr4_optional(vcpu->machine->host);
	sregs->efer = EFER_USER;
	return ioctl(vcpu->fd, KVM_SET_SREGS, sregs) ? -errno : 0;
}

/* AVX-512 may be there on the host and still be refused by KVM: take the most that is accepted. */
static int xcr0_setup(struct vcpu *vcpu)
{
	uint64_t wanted = vcpu->machine->host->xcr0;
	const uint64_t choices[] = {wanted, wanted & XCR0_WITH_AVX, XCR0_MINIMUM};
	int ret = -EINVAL;
	for (size_t i = 0; i < sizeof(choices) / sizeof(choices[0]) && ret; i++) {
		struct kvm_xcrs xcrs = {.nr_xcrs = 1};
		xcrs.xcrs[0].value = choices[i];
		ret = ioctl(vcpu->fd, KVM_SET_XCRS, &xcrs) ? -errno : 0;
		vcpu->xcr0 = choices[i];
	}
	return ret;
}

static int msrs_setup(const struct vcpu *vcpu)
{
	static const struct kvm_msr_entry entries[] = {
	    {.index = MSR_STAR,
	     .data = (uint64_t)SYSTEM_SELECTOR_KERNEL_CODE << 32 |
		     (uint64_t)(SYSTEM_SELECTOR_USER_DATA - 8) << 48},
	    {.index = MSR_LSTAR, .data = NORMA_SYSTEM_SYSCALL_STUB},
	    {.index = MSR_FMASK, .data = FMASK},
	};
	union {
		struct kvm_msrs head;
		uint8_t bytes[sizeof(struct kvm_msrs) + sizeof(entries)];
	} msrs = {.head.nmsrs = sizeof(entries) / sizeof(entries[0])};
	memcpy(msrs.bytes + sizeof(msrs.head), entries, sizeof(entries));
	int n = ioctl(vcpu->fd, KVM_SET_MSRS, &msrs);
	if (n < 0)
		return -errno;
	return (uint32_t)n == msrs.head.nmsrs ? 0 : -ENOTSUP;
}

int vcpu_setup(struct vcpu *vcpu, const char **ret_step)
{
	*ret_step = "giving the vCPU its CPUID table";
	if (ioctl(vcpu->fd, KVM_SET_CPUID2, &vcpu->machine->host->cpuid))
		return -errno;
	*ret_step = "setting the vCPU's segments and control registers";
	int ret = sregs_setup(vcpu);
	if (ret)
		return ret;
	*ret_step = "enabling the vCPU's vector registers";
	ret = xcr0_setup(vcpu);
	if (ret)
		return ret;
	*ret_step = "setting the vCPU's system call entry";
	ret = msrs_setup(vcpu);
	if (ret)
		return ret;
	*ret_step = NULL;
	return 0;
}
