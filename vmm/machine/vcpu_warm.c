/*
 * The first entry of a vCPU, made while nobody waits for it.
 */
#include <string.h>

#include "system_image.h"
#include "vcpu_internal.h"

int vcpu_warm(struct vcpu *vcpu, uint64_t gpa)
{
	struct vcpu_exit exit;
	if (gpa != VCPU_WARM_NO_PAGE)
		machine_slot_ensure(vcpu->machine, gpa);
	vcpu->state.rip = gpa == VCPU_WARM_NO_PAGE ? SYSTEM_WARM_STUB_OUT : SYSTEM_WARM_STUB;
	vcpu->state.rdi = gpa;
	vcpu->state.rcx = SYSTEM_WARM_STUB_NEXT;
	int ret = vcpu_run(vcpu, &exit);
	vcpu->code_block = vcpu->stack_block = UINT64_MAX;
	if (ret)
		return ret;
	if (exit.kind != VCPU_EXIT_HYPERCALL)
		return vcpu_reset(vcpu);
	memset(&vcpu->state, 0, sizeof(vcpu->state));
	return vcpu_finish(vcpu);
}
