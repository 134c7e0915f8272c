/*
 * Runs a thread and turns KVM's exits into the few kinds the rest of the VMM knows.
 *
 * Nothing here trusts the program: an exit through a port counts only if its address is the stub's
 * and, for exceptions, if the CPU was in CPL 0; anything else is the program's own forbidden I/O
 * (#GP).
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "system_image.h"
#include "vcpu_internal.h"

#define VECTOR_GP	      13
#define VECTOR_PF	      14
#define OUT_INSTRUCTION_BYTES 2
/* Vectors that push an error code: #DF #TS #NP #SS #GP #PF #AC #CP #VC #SX. */
#define VECTORS_WITH_ERROR_CODE                                                                    \
	(1u << 8 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 17 | 1u << 21 |    \
	 1u << 29 | 1u << 30)

struct exception_frame {
	uint64_t rip, cs, rflags, rsp, ss;
};

static_assert(sizeof(struct exception_frame) + 8 <= NORMA_SYSTEM_STACK_BYTES,
	      "a frame fits its stack");

__attribute__((format(printf, 2, 3))) static void exit_internal(struct vcpu_exit *exit,
								const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	exit->kind = VCPU_EXIT_INTERNAL;
	vsnprintf(exit->text, sizeof(exit->text), format, arguments);
	va_end(arguments);
}

static void exit_exception(struct vcpu_exit *exit, uint8_t vector, uint32_t error_code)
{
	exit->kind = VCPU_EXIT_EXCEPTION;
	exit->vector = vector;
	exit->error_code = error_code;
}

static int was_in_cpl0(const struct vcpu *vcpu)
{
	return vcpu->run->s.regs.sregs.cs.dpl == 0 && vcpu->run->s.regs.sregs.ss.dpl == 0;
}

/* The frame is where IST1 starts, whatever the program did; supervisor-only, so nobody but the CPU
 * wrote it. */
static void exit_from_stub(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	uint64_t vector = (vcpu->state.rip - NORMA_SYSTEM_EXCEPTION_STUBS) / SYSTEM_STUB_BYTES;
	size_t top = (size_t)(vcpu->index + 1) * NORMA_SYSTEM_STACK_BYTES;
	const uint8_t *stack_top = vcpu->machine->stacks + top;
	struct exception_frame frame;
	uint64_t error_code = 0;
	memcpy(&frame, stack_top - sizeof(frame), sizeof(frame));
	if (VECTORS_WITH_ERROR_CODE >> vector & 1)
		memcpy(&error_code, stack_top - sizeof(frame) - sizeof(error_code),
		       sizeof(error_code));
	vcpu->state.rip = frame.rip;
	vcpu->state.rsp = frame.rsp;
	vcpu->state.rflags = frame.rflags & THREAD_RFLAGS_USER;
	vcpu->is_sregs_dirty = 1;
	exit_exception(exit, (uint8_t)vector, (uint32_t)error_code);
	if (vector == VECTOR_PF)
		exit->cr2 = vcpu->run->s.regs.sregs.cr2;
}

/* KVM reports the stub's address either of its out or behind it, depending on how it handled the
 * out. */
static int is_at_stub(uint64_t rip, uint64_t first, uint64_t bytes)
{
	return rip - first < bytes && rip % SYSTEM_STUB_BYTES <= 2;
}

/* KVM leaves rip at the out or behind it, and only KVM knows which. A program that names the
 * address behind it in rcx saves the round through KVM (6 of 32 us under KVM-PVM); one that lies
 * goes astray alone. */
static int exit_from_hypercall(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	exit->kind = VCPU_EXIT_HYPERCALL;
	uint64_t ahead = vcpu->state.rcx - vcpu->state.rip;
	if (ahead == 0 || ahead == OUT_INSTRUCTION_BYTES) {
		vcpu->state.rip = vcpu->state.rcx;
		return 0;
	}
	int ret = vcpu_finish(vcpu);
	vcpu_registers_load(vcpu);
	return ret;
}

static int exit_from_io(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	const struct kvm_run *run = vcpu->run;
	uint64_t rip = vcpu->state.rip;
	int is_plain_out =
	    run->io.direction == KVM_EXIT_IO_OUT && run->io.size == 1 && run->io.count == 1;
	if (is_plain_out && run->io.port == NORMA_PORT_HYPERCALL)
		return exit_from_hypercall(vcpu, exit);
	if (is_plain_out && run->io.port == NORMA_PORT_SYSCALL &&
	    is_at_stub(rip, NORMA_SYSTEM_SYSCALL_STUB, SYSTEM_STUB_BYTES)) {
		exit->kind = VCPU_EXIT_SYSCALL;
		vcpu->state.rip = vcpu->state.rcx;
		vcpu->state.rflags = vcpu->state.r11 & THREAD_RFLAGS_USER;
		return 0;
	}
	if (is_plain_out && run->io.port == NORMA_PORT_EXCEPTION && was_in_cpl0(vcpu) &&
	    is_at_stub(rip, NORMA_SYSTEM_EXCEPTION_STUBS, SYSTEM_VECTORS * SYSTEM_STUB_BYTES)) {
		exit_from_stub(vcpu, exit);
		return 0;
	}
	struct thread_state before = vcpu->state;
	int ret = vcpu_finish(vcpu);
	vcpu->state = before;
	exit_exception(exit, VECTOR_GP, 0);
	return ret;
}

static int exit_decode(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	const struct kvm_run *run = vcpu->run;
	vcpu_registers_load(vcpu);
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		return exit_from_io(vcpu, exit);
	case KVM_EXIT_MMIO:
		return vcpu_finish_mmio(vcpu, exit);
	case KVM_EXIT_INTERNAL_ERROR:
		exit->kind = VCPU_EXIT_FAULT;
		if (run->internal.suberror != KVM_INTERNAL_ERROR_EMULATION)
			exit_internal(exit, "KVM internal error %u at address 0x%llx",
				      run->internal.suberror, (unsigned long long)vcpu->state.rip);
		return 0;
	case KVM_EXIT_HLT:
		exit_exception(exit, VECTOR_GP, 0);
		return 0;
	case KVM_EXIT_SHUTDOWN:
		exit_internal(exit, "the CPU shut down (triple fault) at address 0x%llx",
			      (unsigned long long)vcpu->state.rip);
		return 0;
	case KVM_EXIT_FAIL_ENTRY:
		exit_internal(exit, "the CPU refused the thread's state (hardware reason 0x%llx)",
			      (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
		return 0;
	default:
		exit_internal(exit, "KVM exit %u, which no thread should cause, at address 0x%llx",
			      run->exit_reason, (unsigned long long)vcpu->state.rip);
		return 0;
	}
}

/* The host mapping behind a slot did not allow the access; the instruction has not happened. */
static void exit_from_efault(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	exit->kind = VCPU_EXIT_FAULT;
	vcpu_registers_load(vcpu);
}

/* Return: 1 if *exit is filled, 0 to enter again. */
static int exit_from_eintr(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	uint64_t poison_hva = vcpu->poison_hva;
	vcpu->poison_hva = 0;
	if (poison_hva) {
		exit->kind = VCPU_EXIT_FAULT;
		exit->is_poison = 1;
		exit->is_address_known = 1;
		exit->address = poison_hva - (uintptr_t)vcpu->machine->reservation;
		exit->bytes = 1;
		vcpu_registers_load(vcpu);
		return 1;
	}
	__atomic_exchange_n(&vcpu->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
	if (!atomic_exchange(&vcpu->is_kicked, 0))
		return 0;
	exit->kind = VCPU_EXIT_KICKED;
	vcpu_registers_load(vcpu);
	return 1;
}

/* Return: 0 with *exit filled, -EAGAIN to enter again, another -errno if KVM failed. */
static int vcpu_enter(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	vcpu_current = vcpu;
	int error = ioctl(vcpu->fd, KVM_RUN, 0) ? errno : 0;
	vcpu_current = NULL;
	switch (error) {
	case 0:
		return exit_decode(vcpu, exit);
	case EINTR:
		return exit_from_eintr(vcpu, exit) ? 0 : -EAGAIN;
	case EAGAIN:
		return -EAGAIN;
	case EFAULT:
		exit_from_efault(vcpu, exit);
		return 0;
	default:
		exit_internal(exit, "KVM_RUN failed: %s", strerror(error));
		return -error;
	}
}

/* Code and stack are needed for sure: to find out by a fault takes longer, and the first
 * instruction of a new task is waited for. What has no slot then faults. */
static void ensure_code_and_stack(struct vcpu *vcpu)
{
	uint64_t code = vcpu->state.rip / MACHINE_BLOCK_BYTES;
	uint64_t stack = (vcpu->state.rsp - 1) / MACHINE_BLOCK_BYTES;
	if (code != vcpu->code_block)
		machine_slot_ensure(vcpu->machine, vcpu->state.rip);
	if (stack != vcpu->stack_block)
		machine_slot_ensure(vcpu->machine, vcpu->state.rsp - 1);
	vcpu->code_block = code;
	vcpu->stack_block = stack;
}

int vcpu_run(struct vcpu *vcpu, struct vcpu_exit *exit)
{
	memset(exit, 0, sizeof(*exit));
	/* CPUs differ in where they notice such an address, some only in the VMM's face. */
	if (thread_state_check(&vcpu->state)) {
		exit_exception(exit, VECTOR_GP, 0);
		return 0;
	}
	if (vcpu_pending_write_flush(vcpu, exit))
		return 0;
	int ret = vcpu->is_events_stale ? vcpu_events_drop(vcpu) : 0;
	if (ret) {
		exit_internal(exit, "KVM could not drop a pending exception: %s", strerror(-ret));
		return ret;
	}
	vcpu->is_events_stale = 0;
	ensure_code_and_stack(vcpu);
	if (!vcpu_thread_number)
		vcpu_thread_number = (int)syscall(SYS_gettid);
	atomic_store(&vcpu->tid, vcpu_thread_number);
	vcpu_registers_store(vcpu);
	do {
		ret = vcpu_enter(vcpu, exit);
	} while (ret == -EAGAIN);
	atomic_store(&vcpu->tid, 0);
	return ret;
}
