/*
 * Moves registers between KVM's struct kvm_run and the thread state a program sees. Everything is
 * written back at each entry: this is how a stub returns to user code.
 */
#include <errno.h>
#include <string.h>

#include "vcpu_internal.h"

void vcpu_registers_load(struct vcpu *vcpu)
{
	const struct kvm_regs *regs = &vcpu->run->s.regs.regs;
	const struct kvm_sregs *sregs = &vcpu->run->s.regs.sregs;
	vcpu->state = (struct thread_state){
	    .rax = regs->rax,
	    .rbx = regs->rbx,
	    .rcx = regs->rcx,
	    .rdx = regs->rdx,
	    .rsi = regs->rsi,
	    .rdi = regs->rdi,
	    .rsp = regs->rsp,
	    .rbp = regs->rbp,
	    .r8 = regs->r8,
	    .r9 = regs->r9,
	    .r10 = regs->r10,
	    .r11 = regs->r11,
	    .r12 = regs->r12,
	    .r13 = regs->r13,
	    .r14 = regs->r14,
	    .r15 = regs->r15,
	    .rip = regs->rip,
	    .rflags = regs->rflags & THREAD_RFLAGS_USER,
	    .fs_base = sregs->fs.base,
	    .gs_base = sregs->gs.base,
	};
	vcpu->is_sregs_dirty = sregs->cs.selector != vcpu->user_sregs.cs.selector ||
			       sregs->cs.dpl != 3 || sregs->ss.dpl != 3 ||
			       sregs->ss.selector != vcpu->user_sregs.ss.selector;
}

void vcpu_registers_store(struct vcpu *vcpu)
{
	const struct thread_state *state = &vcpu->state;
	struct kvm_sregs *sregs = &vcpu->run->s.regs.sregs;
	vcpu->run->s.regs.regs = (struct kvm_regs){
	    .rax = state->rax,
	    .rbx = state->rbx,
	    .rcx = state->rcx,
	    .rdx = state->rdx,
	    .rsi = state->rsi,
	    .rdi = state->rdi,
	    .rsp = state->rsp,
	    .rbp = state->rbp,
	    .r8 = state->r8,
	    .r9 = state->r9,
	    .r10 = state->r10,
	    .r11 = state->r11,
	    .r12 = state->r12,
	    .r13 = state->r13,
	    .r14 = state->r14,
	    .r15 = state->r15,
	    .rip = state->rip,
	    .rflags = (state->rflags & THREAD_RFLAGS_USER) | THREAD_RFLAGS_FIXED,
	};
	vcpu->run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
	if (!vcpu->is_sregs_dirty && state->fs_base == sregs->fs.base &&
	    state->gs_base == sregs->gs.base)
		return;
	*sregs = vcpu->user_sregs;
	sregs->fs.base = state->fs_base;
	sregs->gs.base = state->gs_base;
	vcpu->run->kvm_dirty_regs |= KVM_SYNC_X86_SREGS;
	vcpu->is_sregs_dirty = 0;
}

static int is_canonical(uint64_t address)
{
	return address < THREAD_CANONICAL_END || address >= -THREAD_CANONICAL_END;
}

int thread_state_check(const struct thread_state *state)
{
	return is_canonical(state->rip) && is_canonical(state->fs_base) &&
		       is_canonical(state->gs_base)
		   ? 0
		   : -EINVAL;
}
