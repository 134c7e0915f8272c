/*
 * struct vcpu for the files that make up the vCPU; nobody else includes this.
 */
#ifndef MACHINE_VCPU_INTERNAL_H
#define MACHINE_VCPU_INTERNAL_H

#include <stdatomic.h>
#include <linux/kvm.h>

#include "vcpu.h"

/* A store KVM has taken out of an instruction and could not place: at most one vector register. */
#define VCPU_PENDING_BYTES_MAX 64

struct vcpu {
	struct machine *machine;
	uint32_t index;
	int fd;
	struct kvm_run *run;
	struct thread_state state;   /* what the program sees; loaded into run->s.regs at entry */
	struct kvm_sregs user_sregs; /* segments and control registers of user code, constant */
	uint64_t xcr0;		     /* what KVM accepted */
	uint8_t is_in_use;	     /* guarded by machine->lock */
	uint8_t is_sregs_dirty;	     /* run->s.regs.sregs is not what user code must run with */
	uint8_t pending_bytes;	     /* a store to do before the next entry */
	uint8_t is_events_stale;     /* drop KVM's pending exception at the next entry */
	uint64_t pending_gpa;
	uint8_t pending[VCPU_PENDING_BYTES_MAX];
	atomic_int is_kicked;
	atomic_int tid;		  /* thread inside vcpu_run, 0 if none */
	uint64_t unexplained_rip; /* see vcpu_fault_explain */
	uint32_t unexplained_count;
	/* Where code and stack were at the last entry, in blocks: they have slots. */
	uint64_t code_block, stack_block;
	uint64_t poison_hva; /* set by the SIGBUS handler of the same thread; 0: none */
};

/* The vCPU whose KVM_RUN this thread is in; the SIGBUS handler uses it. */
extern _Thread_local struct vcpu *vcpu_current;
/* This thread's number for the kernel, 0: not asked yet; the child of a fork asks again. */
extern _Thread_local int vcpu_thread_number;

/* guest_copy.c: called by the handler of SIGBUS and SIGSEGV with its context. Return: 1 if a copy
 * faulted, which then ends with -EFAULT; 0 if it was anything else. */
int guest_copy_recover(void *context);

/* vcpu_setup.c: put the constant state of a thread into a fresh or used KVM vCPU. */
int vcpu_setup(struct vcpu *vcpu, const char **ret_step);

/* vcpu.c: close and free; the machine's end. NULL is fine. */
void vcpu_destroy(struct vcpu *vcpu);

/* vcpu_registers.c: between run->s.regs and vcpu->state. */
void vcpu_registers_load(struct vcpu *vcpu);
void vcpu_registers_store(struct vcpu *vcpu);

/* vcpu_finish.c: let KVM complete what the last exit left half done, without running the guest. */
int vcpu_finish(struct vcpu *vcpu);
int vcpu_finish_mmio(struct vcpu *vcpu, struct vcpu_exit *exit);
/* Forget an exception KVM was about to deliver. Return: 0 or -errno. */
int vcpu_events_drop(struct vcpu *vcpu);
int vcpu_pending_write_flush(struct vcpu *vcpu, struct vcpu_exit *exit);

#endif
