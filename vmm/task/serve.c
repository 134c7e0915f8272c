/*
 * From vCPU exits to answers and Mach exceptions.
 */
#include "serve.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

#include "exception_text.h"
#include "exceptions.h"
#include "fault.h"
#include "hypercall.h"
#include "personality.h"
#include "space.h"
#include "task.h"
#include "vcpu.h"

/* A page that may be read and cannot be, although its region is still there afterwards, is lost. */
static bool page_is_lost(struct space *space, uint64_t gpa)
{
	vm_prot_t protection;
	uint8_t byte;

	return space_copy_in(space, gpa, &byte, sizeof(byte)) == -EFAULT &&
	       space_protection_at(space, gpa, &protection) && (protection & VM_PROT_READ);
}

/* The machine cannot enforce VM_PROT_EXECUTE: what may be read may be executed. */
static uint32_t fault_lookup(void *context, uint64_t gpa)
{
	vm_prot_t protection;
	uint32_t region = FAULT_REGION_EXISTS;

	if (!space_protection_at(context, gpa, &protection))
		return 0;
	if (protection & VM_PROT_READ)
		region |= FAULT_EXECUTE;
	if ((protection & VM_PROT_READ) && page_is_lost(context, gpa))
		region |= FAULT_REGION_POISONED;
	return region | (uint32_t)(protection & VM_PROT_ALL);
}

static_assert(FAULT_READ == VM_PROT_READ && FAULT_WRITE == VM_PROT_WRITE &&
		  FAULT_EXECUTE == VM_PROT_EXECUTE,
	      "protections are passed through as they are");

static void serve_internal(struct thread *thread, const char *text)
{
	struct exception_description exception = {
	    .exception = EXCEPTION_SOFTWARE,
	    .code = EXCEPTION_CODE_MACHINE,
	};

	snprintf(exception.text, sizeof(exception.text), "%s", text);
	exception_raise(thread, &exception);
}

static void serve_fault(struct thread *thread, const struct vcpu_exit *exit)
{
	struct exception_description exception;
	struct thread_state state;
	struct fault_report report;
	int error = vcpu_fault_explain(thread->runner->vcpu, exit, fault_lookup,
				       thread->task->space, &report);

	if (error == -EAGAIN)
		return;
	if (error) {
		serve_internal(thread, "an instruction fails although its memory is in order");
		return;
	}
	thread_registers_get(thread, &state);
	exception_describe_fault(&report, &state, &exception);
	exception_raise(thread, &exception);
}

static void serve_exception(struct thread *thread, const struct vcpu_exit *exit)
{
	struct exception_description exception;
	struct thread_state state;

	thread_registers_get(thread, &state);
	exception_describe(exit, &state, &exception);
	exception_raise(thread, &exception);
}

static void serve_hypercall(struct thread *thread)
{
	struct thread_state state;

	thread_registers_get(thread, &state);
	hypercall_serve(thread, &state);
	thread_registers_put(thread, &state);
}

static void serve_system_call(struct thread *thread)
{
	struct thread_state state;

	thread_registers_get(thread, &state);
	personality_serve(thread, &state);
	thread_registers_put(thread, &state);
}

void serve_exit(struct thread *thread, const struct vcpu_exit *exit, int run_error)
{
	if (run_error) {
		serve_internal(thread, exit->text);
		return;
	}
	switch (exit->kind) {
	case VCPU_EXIT_HYPERCALL:
		serve_hypercall(thread);
		return;
	case VCPU_EXIT_SYSCALL:
		serve_system_call(thread);
		return;
	case VCPU_EXIT_EXCEPTION:
		serve_exception(thread, exit);
		return;
	case VCPU_EXIT_FAULT:
		serve_fault(thread, exit);
		return;
	case VCPU_EXIT_KICKED:
		return;
	case VCPU_EXIT_INTERNAL:
	case VCPU_EXIT_NUM_KINDS:
		serve_internal(thread, exit->text);
		return;
	}
}
