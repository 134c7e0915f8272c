/*
 * What a running thread can do and what comes back: calls, exceptions, protected tables, registers.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "exception.h"
#include "machine_harness.h"
#include "run_suite.h"
#include "vcpu_internal.h"

static struct harness harness;

static void setup(void)
{
	harness_setup(&harness);
}

static void teardown(void)
{
	harness_teardown(&harness);
}

SNIPPET_DECLARE(hypercall);
START_TEST(hypercall_round_trip)
{
	struct thread_state *state = SNIPPET_LOAD(&harness, hypercall);
	state->r15 = 0xabcdef;
	harness_run(&harness, VCPU_EXIT_HYPERCALL);
	ck_assert_uint_eq(state->rdi, 0x1234);
	ck_assert_uint_eq(state->rsi, 8);
	ck_assert_uint_eq(state->rdx, 0x5678);
	ck_assert_uint_eq(state->r10, 16);
	ck_assert_uint_eq(state->r15, 0xabcdef);
	state->rax = (uint64_t)-EINVAL;
	harness_run(&harness, VCPU_EXIT_HYPERCALL);
	ck_assert_uint_eq(state->rbx, (uint64_t)-EINVAL);
	ck_assert_uint_eq(state->rip,
			  HARNESS_CODE + (size_t)(snippet_hypercall_end - snippet_hypercall));
}
END_TEST

SNIPPET_DECLARE(hypercall_fast);
START_TEST(hypercall_with_return_address_goes_on_there)
{
	struct thread_state *state = SNIPPET_LOAD(&harness, hypercall_fast);
	size_t size = (size_t)(snippet_hypercall_fast_end - snippet_hypercall_fast);
	harness_run(&harness, VCPU_EXIT_HYPERCALL);
	ck_assert_uint_eq(state->rip, state->rcx);
	ck_assert_uint_eq(state->rip, HARNESS_CODE + 9);
	state->rax = 4711;
	harness_run(&harness, VCPU_EXIT_HYPERCALL);
	ck_assert_uint_eq(state->rbx, 4711);
	ck_assert_uint_eq(state->rip, HARNESS_CODE + size - 2);
	state->rcx = 0;
	harness_run(&harness, VCPU_EXIT_HYPERCALL);
	ck_assert_uint_eq(state->rip, HARNESS_CODE + size);
}
END_TEST

SNIPPET_DECLARE(syscall);
START_TEST(syscall_round_trip)
{
	struct thread_state *state = SNIPPET_LOAD(&harness, syscall);
	harness_run(&harness, VCPU_EXIT_SYSCALL);
	ck_assert_uint_eq(state->rax, 39);
	ck_assert_uint_eq(state->rdi, 1);
	ck_assert_uint_eq(state->r10, 4);
	ck_assert_uint_eq(state->r9, 6);
	ck_assert_uint_eq(state->rsp, HARNESS_STACK_TOP);
	state->rax = 4711;
	harness_run(&harness, VCPU_EXIT_HYPERCALL);
	ck_assert_uint_eq(state->rbx, 4711);
}
END_TEST

SNIPPET_DECLARE(divide);
SNIPPET_DECLARE(ud2);
SNIPPET_DECLARE(hlt);
SNIPPET_DECLARE(cli);
SNIPPET_DECLARE(mov_cr3);
SNIPPET_DECLARE(wrmsr);
SNIPPET_DECLARE(int3);
SNIPPET_DECLARE(int3_long);
SNIPPET_DECLARE(int4);
SNIPPET_DECLARE(single_step);
SNIPPET_DECLARE(alignment);
SNIPPET_DECLARE(x87);
SNIPPET_DECLARE(simd);
SNIPPET_DECLARE(far_jump);
SNIPPET_DECLARE(out_exception);
SNIPPET_DECLARE(out_syscall);
SNIPPET_DECLARE(out_other);
SNIPPET_DECLARE(in_hypercall);
SNIPPET_DECLARE(int80);
SNIPPET_DECLARE(int14);

#define ROW(name, offset, vector, exception)                                                       \
	{                                                                                          \
#name, snippet_##name, snippet_##name##_end, offset, vector, exception             \
	}
#define VECTOR_ANY 255

static const struct {
	const char *name;
	const uint8_t *code, *end;
	uint64_t rip_offset; /* OFFSET_ANY: differs between CPUs */
	uint8_t vector;	     /* VECTOR_ANY: #UD or #GP, depending on the CPU */
	int exception;
} exceptions[] = {
    ROW(divide, 9, 0, EXCEPTION_ARITHMETIC),
    ROW(ud2, 0, 6, EXCEPTION_BAD_INSTRUCTION),
    ROW(hlt, 0, 13, EXCEPTION_BAD_INSTRUCTION),
    ROW(cli, 0, 13, EXCEPTION_BAD_INSTRUCTION),
    ROW(mov_cr3, 0, 13, EXCEPTION_BAD_INSTRUCTION),
    ROW(wrmsr, 2, 13, EXCEPTION_BAD_INSTRUCTION),
    ROW(int3, 2, 3, EXCEPTION_BREAKPOINT),
    ROW(int3_long, 2, 3, EXCEPTION_BREAKPOINT),
    ROW(int4, 2, 4, EXCEPTION_ARITHMETIC),
    ROW(int80, 0, VECTOR_ANY, EXCEPTION_BAD_INSTRUCTION),
    ROW(int14, 0, VECTOR_ANY, EXCEPTION_BAD_INSTRUCTION),
    ROW(single_step, 10, 1, EXCEPTION_BREAKPOINT),
    ROW(alignment, 9, 17, EXCEPTION_BAD_ACCESS),
    ROW(x87, 16, 16, EXCEPTION_ARITHMETIC),
    ROW(simd, 30, 19, EXCEPTION_ARITHMETIC),
    ROW(far_jump, 10, 13, EXCEPTION_BAD_INSTRUCTION),
    ROW(out_exception, 0, 13, EXCEPTION_BAD_INSTRUCTION),
    ROW(out_other, 0, 13, EXCEPTION_BAD_INSTRUCTION),
    ROW(in_hypercall, 0, 13, EXCEPTION_BAD_INSTRUCTION),
};

START_TEST(exception_is_reported)
{
	size_t size = (size_t)(exceptions[_i].end - exceptions[_i].code);
	struct thread_state *state = harness_code(&harness, exceptions[_i].code, size);
	struct vcpu_exit exit = harness_run(&harness, VCPU_EXIT_EXCEPTION);
	struct exception_description description;
	exception_describe(&exit, state, &description);
	if (exceptions[_i].vector == VECTOR_ANY)
		ck_assert(exit.vector == 6 || exit.vector == 13);
	else
		ck_assert_msg(exit.vector == exceptions[_i].vector, "%s: vector %u",
			      exceptions[_i].name, exit.vector);
	ck_assert_int_eq(description.exception, exceptions[_i].exception);
	ck_assert_uint_eq(state->rip, HARNESS_CODE + exceptions[_i].rip_offset);
	ck_assert_uint_eq(description.rip, state->rip);
	ck_assert(description.text[0] != '\0');
}
END_TEST

/* A port of ours used from the wrong place is the program's error, not a call. */
START_TEST(stub_ports_are_not_for_programs)
{
	SNIPPET_LOAD(&harness, out_syscall);
	struct vcpu_exit exit = harness_run(&harness, VCPU_EXIT_EXCEPTION);
	ck_assert_uint_eq(exit.vector, 13);
}
END_TEST

START_TEST(thread_goes_on_after_an_exception)
{
	struct thread_state *state = SNIPPET_LOAD(&harness, divide);
	harness_run(&harness, VCPU_EXIT_EXCEPTION);
	state->rcx = 1;
	harness_run(&harness, VCPU_EXIT_HYPERCALL);
	ck_assert_uint_eq(state->rax, 1);
}
END_TEST

SNIPPET_DECLARE(store);
SNIPPET_DECLARE(load);
SNIPPET_DECLARE(jump);

static const uint64_t system_addresses[] = {
    NORMA_SYSTEM_PML4,
    NORMA_SYSTEM_USER_PDS,
    NORMA_SYSTEM_GDT,
    NORMA_SYSTEM_IDT,
    NORMA_SYSTEM_TSS,
    NORMA_SYSTEM_STACKS,
    NORMA_SYSTEM_EXCEPTION_STUBS,
    NORMA_SYSTEM_SYSCALL_STUB,
    0x3000000000,
    0xffffffff80000000,
    NORMA_USER_END,
};

START_TEST(system_area_cannot_be_written)
{
	struct thread_state *state = SNIPPET_LOAD(&harness, store);
	struct exception_description description;
	state->rdi = system_addresses[_i];
	struct vcpu_exit exit = harness_run(&harness, VCPU_EXIT_EXCEPTION);
	ck_assert_uint_eq(exit.vector, 14);
	ck_assert_uint_eq(exit.cr2, system_addresses[_i]);
	exception_describe(&exit, state, &description);
	ck_assert_int_eq(description.exception, EXCEPTION_BAD_ACCESS);
	ck_assert_int_eq(description.code, FAULT_INVALID_ADDRESS);
	ck_assert_uint_eq(description.address, system_addresses[_i]);
	ck_assert_uint_eq(state->rip, HARNESS_CODE);
}
END_TEST

START_TEST(only_the_syscall_stub_can_be_entered)
{
	struct thread_state *state = SNIPPET_LOAD(&harness, jump);
	state->rdi = NORMA_SYSTEM_EXCEPTION_STUBS;
	struct vcpu_exit exit = harness_run(&harness, VCPU_EXIT_EXCEPTION);
	ck_assert_uint_eq(exit.vector, 14);
	state = SNIPPET_LOAD(&harness, jump);
	state->rdi = NORMA_SYSTEM_SYSCALL_STUB;
	state->rcx = UINT64_C(1) << 60;
	harness_run(&harness, VCPU_EXIT_SYSCALL);
	exit = harness_run(&harness, VCPU_EXIT_EXCEPTION);
	ck_assert_uint_eq(exit.vector, 13);
	ck_assert_uint_eq(state->rip, UINT64_C(1) << 60);
}
END_TEST

START_TEST(not_canonical_is_general_protection)
{
	struct thread_state *state = SNIPPET_LOAD(&harness, load);
	state->rdi = UINT64_C(1) << 51;
	struct vcpu_exit exit = harness_run(&harness, VCPU_EXIT_EXCEPTION);
	ck_assert_uint_eq(exit.vector, 13);
	state = SNIPPET_LOAD(&harness, jump);
	state->rdi = UINT64_C(1) << 47;
	exit = harness_run(&harness, VCPU_EXIT_EXCEPTION);
	ck_assert_uint_eq(exit.vector, 13);
}
END_TEST

SNIPPET_DECLARE(vectors);
START_TEST(registers_and_vectors_can_be_read_and_set)
{
	struct thread_state *state = SNIPPET_LOAD(&harness, vectors);
	size_t bytes = harness.host.xsave_bytes;
	uint8_t *area = malloc(bytes), *again = malloc(bytes);
	ck_assert(area && again);
	state->rdi = 0x1122334455667788;
	state->fs_base = 0x7000;
	state->gs_base = 0x8000;
	harness_run(&harness, VCPU_EXIT_HYPERCALL);
	struct thread_state saved = *state;
	ck_assert_int_eq(vcpu_xsave_get(harness.vcpu, area, bytes), 0);
	ck_assert_int_eq(vcpu_reset(harness.vcpu), 0);
	ck_assert_int_eq(vcpu_xsave_set(harness.vcpu, area, bytes), 0);
	*state = saved;
	ck_assert_int_eq(vcpu_xsave_get(harness.vcpu, again, bytes), 0);
	ck_assert_mem_eq(area, again, bytes);
	harness_run(&harness, VCPU_EXIT_HYPERCALL);
	ck_assert_uint_eq(state->rbx, 0x1122334455667788);
	ck_assert_uint_eq(state->r12, 0x7000);
	ck_assert_uint_eq(state->r13, 0x8000);
	ck_assert_int_eq(vcpu_xsave_get(harness.vcpu, area, bytes - 1), -EINVAL);
	free(area);
	free(again);
}
END_TEST

START_TEST(reset_clears_everything)
{
	struct thread_state *state = SNIPPET_LOAD(&harness, vectors);
	size_t bytes = harness.host.xsave_bytes;
	uint8_t *fresh = malloc(bytes), *after = malloc(bytes);
	ck_assert(fresh && after);
	state->rdi = 0x1122334455667788;
	ck_assert_int_eq(vcpu_reset(harness.vcpu), 0);
	ck_assert_int_eq(vcpu_xsave_get(harness.vcpu, fresh, bytes), 0);
	state = SNIPPET_LOAD(&harness, vectors);
	state->rdi = 0x1122334455667788;
	harness_run(&harness, VCPU_EXIT_HYPERCALL);
	vcpu_put(harness.vcpu);
	struct vcpu *again;
	const char *step;
	ck_assert_int_eq(vcpu_create(&harness.machine, 0, &again, &step), 0);
	ck_assert_ptr_eq(again, harness.vcpu);
	ck_assert_uint_eq(state->rdi, 0);
	ck_assert_int_eq(vcpu_xsave_get(harness.vcpu, after, bytes), 0);
	ck_assert_mem_eq(fresh, after, 512);
	ck_assert_int_eq(vcpu_create(&harness.machine, 0, &again, &step), -EBUSY);
	ck_assert_int_eq(vcpu_create(&harness.machine, NORMA_VCPUS_MAX, &again, &step), -EINVAL);
	free(fresh);
	free(after);
}
END_TEST

START_TEST(impossible_state_is_refused)
{
	struct thread_state *state = SNIPPET_LOAD(&harness, load);
	ck_assert_int_eq(thread_state_check(state), 0);
	state->fs_base = UINT64_C(1) << 50;
	ck_assert_int_eq(thread_state_check(state), -EINVAL);
	struct vcpu_exit exit = harness_run(&harness, VCPU_EXIT_EXCEPTION);
	ck_assert_uint_eq(exit.vector, 13);
}
END_TEST

/* A fault exception queued for the old state must not hit the new one. */
START_TEST(replaced_state_gets_no_old_exception)
{
	struct thread_state *state = SNIPPET_LOAD(&harness, hypercall);
	struct kvm_vcpu_events events;
	harness_run(&harness, VCPU_EXIT_HYPERCALL);
	ck_assert_int_eq(ioctl(harness.vcpu->fd, KVM_GET_VCPU_EVENTS, &events), 0);
	events.exception.injected = 1;
	events.exception.nr = 6;
	ck_assert_int_eq(ioctl(harness.vcpu->fd, KVM_SET_VCPU_EVENTS, &events), 0);
	state = SNIPPET_LOAD(&harness, hypercall);
	vcpu_pending_write_drop(harness.vcpu);
	harness_run(&harness, VCPU_EXIT_HYPERCALL);
	ck_assert_uint_eq(state->rdi, 0x1234);
}
END_TEST

START_TEST(cpu_is_described)
{
	ck_assert_uint_eq(vcpu_xcr0(harness.vcpu) & 3, 3);
	ck_assert_uint_eq(vcpu_xcr0(harness.vcpu) & ~harness.host.xcr0, 0);
	ck_assert_uint_gt(vcpu_tsc_khz(harness.vcpu), 100000);
	ck_assert_uint_gt(harness.host.cpuid.head.nent, 0);
	ck_assert_uint_eq(harness.host.cpuid.head.entries[0].function, 0);
}
END_TEST

START_TEST(flags_a_program_may_not_have_are_dropped)
{
	struct thread_state *state = SNIPPET_LOAD(&harness, hypercall);
	state->rflags = ~UINT64_C(0x40100); /* all but AC and TF */
	harness_run(&harness, VCPU_EXIT_HYPERCALL);
	ck_assert_uint_eq(state->rflags & ~THREAD_RFLAGS_USER, 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("machine_vcpu");
	TCase *c = tcase_create("vcpu");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, hypercall_round_trip);
	tcase_add_test(c, hypercall_with_return_address_goes_on_there);
	tcase_add_test(c, syscall_round_trip);
	tcase_add_loop_test(c, exception_is_reported, 0,
			    sizeof(exceptions) / sizeof(exceptions[0]));
	tcase_add_test(c, stub_ports_are_not_for_programs);
	tcase_add_test(c, thread_goes_on_after_an_exception);
	tcase_add_loop_test(c, system_area_cannot_be_written, 0,
			    sizeof(system_addresses) / sizeof(system_addresses[0]));
	tcase_add_test(c, only_the_syscall_stub_can_be_entered);
	tcase_add_test(c, not_canonical_is_general_protection);
	tcase_add_test(c, registers_and_vectors_can_be_read_and_set);
	tcase_add_test(c, reset_clears_everything);
	tcase_add_test(c, impossible_state_is_refused);
	tcase_add_test(c, replaced_state_gets_no_old_exception);
	tcase_add_test(c, cpu_is_described);
	tcase_add_test(c, flags_a_program_may_not_have_are_dropped);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite_kvm(suite());
}
