/*
 * Drives the guest: each question is one run from the question's instruction to the `out` behind
 * it, with the registers as cpuid left them.
 */
#include "cpu_probe.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "cpu_clear.h"
#include "machine.h"
#include "vcpu.h"

#define GUEST_CODE   UINT64_C(0x10000)
#define GUEST_CPUID  GUEST_CODE
#define GUEST_XGETBV (GUEST_CODE + 16)

#define LEAF_EXTENDED	0x80000000u
#define LEAF_HYPERVISOR 0x40000000u
#define RANGE_LEAVES	0x40u /* no range is longer today */
#define SUBLEAVES_MAX	32u   /* of leaves that are read until they end */
#define XSAVE_LEAF	0xdu
#define XSAVE_SUBLEAVES 63u

static const uint8_t guest_code[] = {
    [0] = 0x0f,		  0xa2, 0xe6, NORMA_PORT_HYPERCALL, /* cpuid; out %al, $port */
    [16] = 0x0f,	  0x01, 0xd0, 0xe6,
    NORMA_PORT_HYPERCALL, /* xgetbv; out %al, $port */
};

struct prober {
	struct machine machine;
	struct vcpu *vcpu;
	struct cpu_probe *probe;
};

/* Run from rip with these registers until the `out`. Return: 0, -EIO when it did something else. */
static int guest_ask(struct vcpu *vcpu, uint64_t rip, uint32_t rax, uint32_t rcx)
{
	struct vcpu_exit exit;
	*vcpu_state(vcpu) = (struct thread_state){.rip = rip, .rax = rax, .rcx = rcx};
	int ret = vcpu_run(vcpu, &exit);
	if (ret)
		return ret;
	return exit.kind == VCPU_EXIT_HYPERCALL ? 0 : -EIO;
}

static int guest_cpuid(struct vcpu *vcpu, uint32_t leaf, uint32_t subleaf,
		       struct cpu_probe_leaf *ret_leaf)
{
	int ret = guest_ask(vcpu, GUEST_CPUID, leaf, subleaf);
	if (ret)
		return ret;
	const struct thread_state *state = vcpu_state(vcpu);
	*ret_leaf = (struct cpu_probe_leaf){
	    .leaf = leaf,
	    .subleaf = subleaf,
	    .eax = (uint32_t)state->rax,
	    .ebx = (uint32_t)state->rbx,
	    .ecx = (uint32_t)state->rcx,
	    .edx = (uint32_t)state->rdx,
	};
	return 0;
}

/* Subleaves behind this one? Each of these leaves has its own way to say so. */
static int has_next(const struct cpu_probe_leaf *read, uint32_t first_eax)
{
	switch (read->leaf) {
	case 4:
	case 0x8000001d: /* caches: type 0 ends them */
		return read->eax & 0x1f;
	case 0xb:
	case 0x1f: /* topology: level type 0 ends it */
		return read->ecx & 0xff00;
	case 7:
	case 0x14:
	case 0x17:
	case 0x18: /* the first one's eax is the number of the last */
		return read->subleaf < first_eax;
	case 0xf:
	case 0x10:
	case 0x12:
		return read->subleaf < 1;
	case XSAVE_LEAF:
		return read->subleaf < XSAVE_SUBLEAVES - 1;
	default:
		return 0;
	}
}

/* A leaf that is not in the list counts as zeros. */
static int is_worth_keeping(const struct cpu_probe_leaf *read)
{
	return read->eax || read->ebx || (read->ecx != read->subleaf && read->ecx) || read->edx;
}

static int probe_leaf(struct prober *prober, uint32_t leaf)
{
	struct cpu_probe *probe = prober->probe;
	struct cpu_probe_leaf read;
	uint32_t first_eax = 0, subleaf = 0;
	uint32_t most = leaf == XSAVE_LEAF ? XSAVE_SUBLEAVES : SUBLEAVES_MAX;
	do {
		int ret = guest_cpuid(prober->vcpu, leaf, subleaf, &read);
		if (ret)
			return ret;
		if (subleaf == 0)
			first_eax = read.eax;
		if (probe->count == CPU_PROBE_LEAVES_MAX)
			return -E2BIG;
		if (is_worth_keeping(&read))
			probe->leaves[probe->count++] = read;
	} while (has_next(&read, first_eax) && ++subleaf < most);
	return 0;
}

/* A range says in its first leaf which one is the last. Where there is none the CPU answers with
 * another leaf, whose eax is no number of this range. */
static int probe_range(struct prober *prober, uint32_t first)
{
	struct cpu_probe_leaf head;
	int ret = guest_cpuid(prober->vcpu, first, 0, &head);
	if (ret || head.eax < first || head.eax - first >= RANGE_LEAVES)
		return ret;
	for (uint32_t leaf = first; leaf <= head.eax && !ret; leaf++)
		ret = probe_leaf(prober, leaf);
	return ret;
}

static int probe_all(struct prober *prober)
{
	struct vcpu *vcpu = prober->vcpu;
	int ret = probe_range(prober, 0);
	if (!ret)
		ret = probe_range(prober, LEAF_HYPERVISOR);
	if (!ret)
		ret = probe_range(prober, LEAF_EXTENDED);
	if (!ret)
		ret = guest_ask(vcpu, GUEST_XGETBV, 0, 0);
	if (ret)
		return ret;
	prober->probe->xcr0 = vcpu_state(vcpu)->rdx << 32 | (uint32_t)vcpu_state(vcpu)->rax;
	prober->probe->tsc_khz = vcpu_tsc_khz(vcpu);
	return 0;
}

/*
 * Is a feature that every x86-64-v2 CPU has (SSE3, leaf 1 ecx bit 0) seen by a second vCPU whose
 * table lacks it? On a CPU without it, masking is taken to work: nothing shows the opposite.
 */
static int probe_masking(struct prober *prober, struct machine_host *host, const char **ret_step)
{
	struct cpu_probe_leaf leaf;
	struct vcpu *masked;
	int ret = cpu_clear_apply("1.0.2=1", host->cpuid.head.entries, host->cpuid.head.nent);
	if (!ret)
		ret = vcpu_create(&prober->machine, 1, &masked, ret_step);
	if (ret)
		return ret;
	*ret_step = "running the probe guest with a feature masked";
	ret = guest_cpuid(masked, 1, 0, &leaf);
	vcpu_put(masked);
	prober->probe->applies = !ret && !(leaf.ecx & 1);
	return ret;
}

static int guest_load(struct machine *machine, const char **ret_step)
{
	*ret_step = "giving the probe guest its program";
	void *hva = mmap(machine_hva(machine, GUEST_CODE), NORMA_PAGE_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	if (hva == MAP_FAILED)
		return -errno;
	return guest_copy_out(machine, GUEST_CODE, guest_code, sizeof(guest_code));
}

int cpu_probe_run(struct machine_host *host, struct cpu_probe *ret_probe, const char **ret_step)
{
	struct prober prober = {.probe = ret_probe};
	memset(ret_probe, 0, sizeof(*ret_probe));
	int ret = machine_init(&prober.machine, host, ret_step);
	if (ret)
		return ret;
	ret = guest_load(&prober.machine, ret_step);
	if (!ret)
		ret = vcpu_create(&prober.machine, 0, &prober.vcpu, ret_step);
	if (!ret) {
		*ret_step = "running the probe guest";
		ret = probe_all(&prober);
		vcpu_put(prober.vcpu);
	}
	if (!ret) {
		union {
			struct kvm_cpuid2 head;
			uint8_t bytes[sizeof(host->cpuid)];
		} kept;
		memcpy(&kept, &host->cpuid, sizeof(kept));
		ret = probe_masking(&prober, host, ret_step);
		memcpy(&host->cpuid, &kept, sizeof(kept));
	}
	machine_done(&prober.machine);
	return ret;
}
