/*
 * One thread of a task: a vCPU that always runs in CPL 3, 64-bit, and comes back with a reason.
 *
 * The host thread that calls vcpu_run owns the vCPU; vcpu_kick may be called by any thread. Between
 * two vcpu_run calls no guest instruction runs, and vcpu_state() is exact and may be changed.
 */
#ifndef MACHINE_VCPU_H
#define MACHINE_VCPU_H

#include <stddef.h>
#include <stdint.h>

#include "machine.h"
#include "thread_state.h"

enum vcpu_exit_kind {
	VCPU_EXIT_HYPERCALL, /* request in rdi, rsi, rdx, r10; put the result in rax */
	VCPU_EXIT_SYSCALL,   /* Linux convention; put the result in rax */
	VCPU_EXIT_EXCEPTION, /* the CPU raised one; rip is that of the CPU's own report */
	VCPU_EXIT_FAULT,     /* memory was not there or not allowed: see vcpu_fault_explain */
	VCPU_EXIT_KICKED,    /* vcpu_kick was called */
	VCPU_EXIT_INTERNAL,  /* this thread cannot go on; text says why */
	VCPU_EXIT_NUM_KINDS,
};

#define VCPU_EXIT_TEXT_BYTES 160

struct vcpu_exit {
	enum vcpu_exit_kind kind;
	/* EXCEPTION */
	uint8_t vector;
	uint32_t error_code;
	uint64_t cr2; /* only with vector 14 */
	/* FAULT */
	uint8_t is_poison;	  /* the page was marked lost (UFFDIO_POISON) */
	uint8_t is_address_known; /* KVM told the address */
	uint8_t is_write_pending; /* the instruction is done but for its store: the next vcpu_run
				     stores it */
	uint64_t address;
	uint32_t bytes;
	/* INTERNAL */
	char text[VCPU_EXIT_TEXT_BYTES];
};

/* Install this process's handlers for the kick signal, SIGBUS and SIGSEGV. Once, before the first
 * vcpu_run or guest_copy. A SIGBUS or SIGSEGV not caused by the task's memory still ends the
 * process. Return: 0 or -errno. */
int vcpu_signals_install(void);

/* The signal vcpu_kick sends; a thread that runs a vCPU must not block it. It has a handler without
 * SA_RESTART, so it also ends a blocking system call with EINTR. */
int vcpu_kick_signal(void);

/* Make vCPU number index (0..NORMA_VCPUS_MAX-1) with zeroed registers, or take the parked one of
 * that number. The machine owns it. Return: 0, -EINVAL, -EBUSY if the number is in use, -errno with
 * *ret_step naming the failed step. */
int vcpu_create(struct machine *machine, uint32_t index, struct vcpu **ret_vcpu,
		const char **ret_step);

/* Give a vCPU back that no thread runs. It stays parked for the next vcpu_create of its number,
 * because KVM destroys vCPUs only together with the VM (machine_done). NULL is fine. */
void vcpu_put(struct vcpu *vcpu);

/* Zero the registers, reset the XSAVE state and drop anything pending: as freshly created. Owner
 * only. Return: 0 or -errno. */
int vcpu_reset(struct vcpu *vcpu);

uint32_t vcpu_index(const struct vcpu *vcpu);
struct machine *vcpu_machine(const struct vcpu *vcpu);

/* The vector features this thread may use, and its time stamp counter's frequency (0 if KVM does
 * not say): what a host that takes over the thread must offer too. */
uint64_t vcpu_xcr0(const struct vcpu *vcpu);
uint32_t vcpu_tsc_khz(const struct vcpu *vcpu);

/* The thread's registers; write to them to change them. Valid while vcpu_run does not run. */
struct thread_state *vcpu_state(struct vcpu *vcpu);

/* Could the CPU load this state? Return: 0, -EINVAL with a non-canonical rip, fs_base or gs_base.
 */
int thread_state_check(const struct thread_state *state);

/* The XSAVE area in the processor's standard format, host->xsave_bytes long; bytes must be that.
 * Return: 0, -EINVAL, -errno. vcpu_xsave_set refuses what the CPU would refuse. */
int vcpu_xsave_get(struct vcpu *vcpu, void *area, size_t bytes);
int vcpu_xsave_set(struct vcpu *vcpu, const void *area, size_t bytes);

/* Run the thread until something needs the VMM. Fills *exit.
 * Return: 0, or -errno if KVM itself failed (exit->text says how). */
int vcpu_run(struct vcpu *vcpu, struct vcpu_exit *exit);

/*
 * Before the first thread is given to a new vCPU: enter the guest once, in the system area, so that
 * what KVM makes at a vCPU's first entry is there (90 of 125 us under KVM-PVM). With an address of
 * user space the page there is read as well, and then has a memory slot and is in KVM's tables.
 * fs_base and gs_base of vcpu_state() are loaded. Registers are zero afterwards. Owner only.
 * Return: 0, also when that page cannot be read; -errno.
 */
#define VCPU_WARM_NO_PAGE UINT64_MAX
int vcpu_warm(struct vcpu *vcpu, uint64_t gpa);

/* Make vcpu_run, now or at its next call, return VCPU_EXIT_KICKED. Any thread; never blocks.
 * Several kicks may be answered by one KICKED. Another exit that happens first is reported first.
 */
void vcpu_kick(struct vcpu *vcpu);

/* Forget a kick that was not answered yet. Owner only. */
void vcpu_kick_clear(struct vcpu *vcpu);

/* Forget what the thread was in the middle of: the store of a fault with is_write_pending, an
 * exception KVM was about to deliver when a kick came. Call it when the thread's state is replaced;
 * not while vcpu_run runs. */
void vcpu_pending_write_drop(struct vcpu *vcpu);

#endif
