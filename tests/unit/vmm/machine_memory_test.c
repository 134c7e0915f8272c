/*
 * Accesses that find no memory: each becomes a fault with its exact address, and the thread goes on
 * at the same instruction once the memory is there.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "machine_harness.h"
#include "run_suite.h"

/* Since Linux 6.6; the headers here are older. */
struct uffdio_poison_request {
	struct uffdio_range range;
	uint64_t mode;
	int64_t updated;
};
#define UFFDIO_POISON_REQUEST _IOWR(UFFDIO, 0x08, struct uffdio_poison_request)

static struct harness harness;
static uint64_t poisoned_page;
static uint32_t data_rights;

static void setup(void)
{
	harness_setup(&harness);
	poisoned_page = UINT64_MAX;
	data_rights = FAULT_READ | FAULT_WRITE;
}

static void teardown(void)
{
	harness_teardown(&harness);
}

static uint32_t lookup(void *context, uint64_t gpa)
{
	(void)context;
	if (gpa >= HARNESS_CODE && gpa < HARNESS_CODE + HARNESS_CODE_BYTES)
		return FAULT_REGION_EXISTS | FAULT_READ | FAULT_WRITE | FAULT_EXECUTE;
	if (gpa < HARNESS_DATA || gpa >= HARNESS_STACK_TOP)
		return 0;
	return FAULT_REGION_EXISTS | data_rights |
	       (gpa / 4096 * 4096 == poisoned_page ? FAULT_REGION_POISONED : 0);
}

static struct fault_report run_to_fault(struct vcpu_exit *ret_exit)
{
	struct fault_report report;
	*ret_exit = harness_run(&harness, VCPU_EXIT_FAULT);
	ck_assert_int_eq(vcpu_fault_explain(harness.vcpu, ret_exit, lookup, NULL, &report), 0);
	ck_assert(report.is_address_known);
	return report;
}

SNIPPET_DECLARE(load);
SNIPPET_DECLARE(store);
SNIPPET_DECLARE(add);
SNIPPET_DECLARE(avx_store);
SNIPPET_DECLARE(sse_load);
SNIPPET_DECLARE(sse_store);
SNIPPET_DECLARE(rep_movsb);
SNIPPET_DECLARE(jump);
SNIPPET_DECLARE(push);
SNIPPET_DECLARE(call);
SNIPPET_DECLARE(ret);

#define ROW(name, access, offset)                                                                  \
	{                                                                                          \
#name, snippet_##name, snippet_##name##_end, access, offset                        \
	}

static const struct {
	const char *name;
	const uint8_t *code, *end;
	uint32_t access;
	int64_t offset; /* of the faulting address from rdi */
} accesses[] = {
    ROW(load, FAULT_READ, 0),
    ROW(store, FAULT_WRITE, 0),
    ROW(add, FAULT_READ | FAULT_WRITE, 0),
    ROW(avx_store, FAULT_WRITE, 0),
    ROW(sse_load, FAULT_READ, 0),
    ROW(sse_store, FAULT_WRITE, 0),
    ROW(rep_movsb, FAULT_WRITE, 0),
    ROW(push, FAULT_WRITE, -8),
    ROW(call, FAULT_WRITE, -8),
    ROW(ret, FAULT_READ, 0),
    ROW(jump, FAULT_EXECUTE, 0),
};

#define ACCESSES ((int)(sizeof(accesses) / sizeof(accesses[0])))
/* In the middle of a page, so that the neighbours matter as little as possible. */
#define MIDDLE 0x800

static struct thread_state *access_prepare(int number, uint64_t hole)
{
	size_t size = (size_t)(accesses[number].end - accesses[number].code);
	struct thread_state *state = harness_code(&harness, accesses[number].code, size);
	state->rdi = hole + MIDDLE;
	state->rsi = HARNESS_DATA;
	state->rcx = 16;
	return state;
}

static void hole_is_reported_and_filled(int number, uint64_t hole)
{
	struct thread_state *state = access_prepare(number, hole);
	struct vcpu_exit exit;
	struct fault_report report = run_to_fault(&exit);
	ck_assert_int_eq(report.code, FAULT_INVALID_ADDRESS);
	ck_assert_uint_eq(report.address, hole + MIDDLE + (uint64_t)accesses[number].offset);
	if (!exit.is_write_pending)
		ck_assert_uint_eq(report.access, accesses[number].access);
	/* Still a hole: the same again. */
	report = run_to_fault(&exit);
	ck_assert_uint_eq(report.address, hole + MIDDLE + (uint64_t)accesses[number].offset);
	harness_map(&harness, hole, 4096, PROT_READ | PROT_WRITE);
	uint8_t out[] = {0xe6, NORMA_PORT_HYPERCALL};
	uint64_t target = hole + 0x100;
	ck_assert_int_eq(guest_copy_out(&harness.machine, hole + 0x100, out, sizeof(out)), 0);
	if (accesses[number].code == snippet_jump)
		ck_assert_int_eq(guest_copy_out(&harness.machine, hole + MIDDLE, out, sizeof(out)),
				 0);
	if (accesses[number].code == snippet_ret)
		ck_assert_int_eq(
		    guest_copy_out(&harness.machine, hole + MIDDLE, &target, sizeof(target)), 0);
	harness_run(&harness, VCPU_EXIT_HYPERCALL);
	uint64_t found[2] = {0};
	ck_assert_int_eq(guest_copy_in(&harness.machine, hole + MIDDLE, found, sizeof(found)), 0);
	if (accesses[number].code == snippet_store || accesses[number].code == snippet_add)
		ck_assert_uint_eq(found[0], HARNESS_DATA);
	if (accesses[number].code == snippet_avx_store ||
	    accesses[number].code == snippet_sse_store)
		ck_assert(found[0] == UINT64_MAX && found[1] == UINT64_MAX);
	if (accesses[number].code == snippet_push)
		ck_assert_uint_eq(state->rsp, hole + MIDDLE - 8);
	if (accesses[number].code == snippet_rep_movsb)
		ck_assert_uint_eq(state->rcx, 0);
}

START_TEST(hole_in_an_arena)
{
	hole_is_reported_and_filled(_i, HARNESS_HOLE);
}
END_TEST

START_TEST(hole_outside_every_arena)
{
	hole_is_reported_and_filled(_i, HARNESS_HOLE_NOSLOT);
}
END_TEST

START_TEST(null_page_is_a_hole)
{
	struct thread_state *state = SNIPPET_LOAD(&harness, load);
	struct vcpu_exit exit;
	state->rdi = 0x10;
	struct fault_report report = run_to_fault(&exit);
	ck_assert_uint_eq(report.address, 0x10);
	ck_assert_int_eq(report.code, FAULT_INVALID_ADDRESS);
}
END_TEST

START_TEST(write_to_read_only_memory)
{
	struct thread_state *state = SNIPPET_LOAD(&harness, store);
	struct vcpu_exit exit;
	uint64_t found;
	state->rdi = HARNESS_DATA + 16;
	state->rsi = 99;
	ck_assert_int_eq(mprotect(machine_hva(&harness.machine, HARNESS_DATA), 4096, PROT_READ), 0);
	data_rights = FAULT_READ;
	struct fault_report report = run_to_fault(&exit);
	ck_assert_int_eq(report.code, FAULT_PROTECTION_FAILURE);
	ck_assert_uint_eq(report.address, HARNESS_DATA + 16);
	ck_assert_uint_eq(state->rip, HARNESS_CODE);
	ck_assert_int_eq(
	    mprotect(machine_hva(&harness.machine, HARNESS_DATA), 4096, PROT_READ | PROT_WRITE), 0);
	harness_run(&harness, VCPU_EXIT_HYPERCALL);
	ck_assert_int_eq(guest_copy_in(&harness.machine, HARNESS_DATA + 16, &found, sizeof(found)),
			 0);
	ck_assert_uint_eq(found, 99);
}
END_TEST

START_TEST(access_across_a_page_end_names_the_missing_page)
{
	struct thread_state *state = SNIPPET_LOAD(&harness, load);
	struct vcpu_exit exit;
	state->rdi = HARNESS_STACK_TOP - 4;
	struct fault_report report = run_to_fault(&exit);
	ck_assert_uint_eq(report.address, HARNESS_STACK_TOP);
}
END_TEST

SNIPPET_DECLARE(gather);
START_TEST(gather_names_its_bad_element)
{
	struct thread_state *state = SNIPPET_LOAD(&harness, gather);
	struct vcpu_exit exit;
	state->rdi = HARNESS_DATA;
	state->rsi = (HARNESS_HOLE - HARNESS_DATA) / 4;
	struct fault_report report = run_to_fault(&exit);
	ck_assert_uint_eq(report.address, HARNESS_HOLE);
	ck_assert_int_eq(report.code, FAULT_INVALID_ADDRESS);
	harness_map(&harness, HARNESS_HOLE, 4096, PROT_READ | PROT_WRITE);
	harness_run(&harness, VCPU_EXIT_HYPERCALL);
}
END_TEST

/* The regions allow it, the host mapping does not: after many rounds that is said, not looped over.
 */
START_TEST(disagreement_ends)
{
	struct thread_state *state = SNIPPET_LOAD(&harness, load);
	struct fault_report report;
	state->rdi = HARNESS_DATA;
	ck_assert_int_eq(mprotect(machine_hva(&harness.machine, HARNESS_DATA), 4096, PROT_NONE), 0);
	int ret, rounds = 0;
	do {
		struct vcpu_exit exit = harness_run(&harness, VCPU_EXIT_FAULT);
		ret = vcpu_fault_explain(harness.vcpu, &exit, lookup, NULL, &report);
	} while (ret == -EAGAIN && rounds++ < 100000);
	ck_assert_int_eq(ret, -ELOOP);
}
END_TEST

static int uffd_open(uint64_t gpa, uint64_t bytes)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {
	    .range = {(uintptr_t)machine_hva(&harness.machine, gpa), bytes},
	    .mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ioctl(fd, UFFDIO_API, &api), 0);
	ck_assert_int_eq(ioctl(fd, UFFDIO_REGISTER, &range), 0);
	return fd;
}

START_TEST(poisoned_page_is_a_memory_error_until_it_is_supplied)
{
	int memfd = memfd_create("test", MFD_CLOEXEC);
	void *hva = machine_hva(&harness.machine, HARNESS_DATA);
	ck_assert_int_eq(ftruncate(memfd, HARNESS_DATA_BYTES), 0);
	ck_assert_ptr_eq(
	    mmap(hva, HARNESS_DATA_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, memfd, 0),
	    hva);
	int uffd = uffd_open(HARNESS_DATA, HARNESS_DATA_BYTES);
	struct uffdio_poison_request poison = {.range = {(uintptr_t)hva + 8192, 4096}};
	ck_assert_int_eq(ioctl(uffd, UFFDIO_POISON_REQUEST, &poison), 0);
	poisoned_page = HARNESS_DATA + 8192;
	struct thread_state *state = SNIPPET_LOAD(&harness, load);
	state->rdi = HARNESS_DATA + 8192 + 0x128;
	for (int i = 0; i < 3; i++) {
		struct vcpu_exit exit;
		struct fault_report report = run_to_fault(&exit);
		ck_assert(exit.is_poison);
		ck_assert_int_eq(report.code, FAULT_MEMORY_ERROR);
		ck_assert_uint_eq(report.address, HARNESS_DATA + 8192 + 0x128);
		ck_assert_uint_eq(state->rip, HARNESS_CODE);
	}
	uint64_t word;
	ck_assert_int_eq(guest_copy_in(&harness.machine, HARNESS_DATA + 8192, &word, sizeof(word)),
			 -EFAULT);
	ck_assert_int_eq(guest_copy_out(&harness.machine, HARNESS_DATA + 8192, &word, sizeof(word)),
			 -EFAULT);
	/* Supplied: poison markers go with the mapping's page, then the data is copied in. */
	ck_assert_int_eq(madvise((uint8_t *)hva + 8192, 4096, MADV_DONTNEED), 0);
	uint8_t page[4096];
	memset(page, 0x5a, sizeof(page));
	struct uffdio_copy copy = {(uintptr_t)hva + 8192, (uintptr_t)page, 4096, 0, 0};
	ck_assert_int_eq(ioctl(uffd, UFFDIO_COPY, &copy), 0);
	harness_run(&harness, VCPU_EXIT_HYPERCALL);
	ck_assert_uint_eq(state->rax, UINT64_C(0x5a5a5a5a5a5a5a5a));
	close(uffd);
	close(memfd);
}
END_TEST

START_TEST(guest_copy_survives_everything)
{
	uint8_t bytes[64] = {1};
	struct machine *machine = &harness.machine;
	ck_assert_int_eq(guest_copy_out(machine, HARNESS_DATA, bytes, sizeof(bytes)), 0);
	ck_assert_int_eq(guest_copy_in(machine, HARNESS_HOLE, bytes, sizeof(bytes)), -EFAULT);
	ck_assert_int_eq(guest_copy_in(machine, HARNESS_STACK_TOP - 8, bytes, sizeof(bytes)),
			 -EFAULT);
	ck_assert_int_eq(guest_copy_in(machine, NORMA_USER_END - 8, bytes, 64), -EFAULT);
	ck_assert_int_eq(guest_copy_in(machine, NORMA_SYSTEM_BASE, bytes, 1), -EFAULT);
	ck_assert_int_eq(guest_copy_in(machine, 0, bytes, 1), -EFAULT);
	ck_assert_int_eq(guest_copy_in(machine, UINT64_MAX - 4, bytes, 64), -EFAULT);
	ck_assert_int_eq(guest_copy_in(machine, HARNESS_DATA, bytes, 0), 0);
	ck_assert_int_eq(mprotect(machine_hva(machine, HARNESS_DATA), 4096, PROT_READ), 0);
	ck_assert_int_eq(guest_copy_out(machine, HARNESS_DATA, bytes, sizeof(bytes)), -EFAULT);
	ck_assert_int_eq(guest_copy_in(machine, HARNESS_DATA, bytes, sizeof(bytes)), 0);
}
END_TEST

#define ARENA(number) ((uint64_t)(number)*MACHINE_ARENA_BYTES)

START_TEST(slots_are_added_where_they_are_needed)
{
	struct machine *machine = &harness.machine;
	uint32_t slots = machine->slot_next;
	ck_assert_int_eq(machine_slot_ensure(machine, 0), -EINVAL);
	ck_assert_int_eq(machine_slot_ensure(machine, NORMA_USER_END), -EINVAL);
	ck_assert_int_eq(machine_slot_ensure(machine, UINT64_MAX), -EINVAL);
	ck_assert_uint_eq(machine->slot_next, slots);
	ck_assert_int_eq(machine_slot_ensure(machine, NORMA_USER_END - 1), 0);
	ck_assert_int_eq(machine_slot_ensure(machine, NORMA_USER_END - MACHINE_BLOCK_BYTES), 0);
	ck_assert_uint_eq(machine->slot_next, slots + 1);
	/* The third block of an arena, here between two others, brings the two gaps around it. */
	ck_assert_int_eq(machine_slot_ensure(machine, ARENA(9)), 0);
	ck_assert_int_eq(machine_slot_ensure(machine, ARENA(9) + 3 * MACHINE_BLOCK_BYTES), 0);
	ck_assert_uint_eq(machine->slot_next, slots + 3);
	ck_assert_int_eq(machine_slot_ensure(machine, ARENA(9) + 2 * MACHINE_BLOCK_BYTES), 0);
	ck_assert_uint_eq(machine->slot_next, slots + 5);
	for (uint64_t i = 0; i < MACHINE_BLOCK_COUNT; i++)
		ck_assert_int_eq(machine_slot_ensure(machine, ARENA(9) + i * MACHINE_BLOCK_BYTES),
				 0);
	ck_assert_uint_eq(machine->slot_next, slots + 5);
}
END_TEST

START_TEST(slots_of_many_arenas_are_few)
{
	struct machine *machine = &harness.machine;
	uint32_t slots = machine->slot_next;
	for (uint64_t i = 100; i < 200; i++)
		ck_assert_int_eq(machine_slot_ensure(machine, ARENA(i)), 0);
	ck_assert_uint_eq(machine->slot_next, slots + 100);
	ck_assert_uint_eq(machine->partial_count, MACHINE_PARTIAL_MAX);
	/* The first arenas have a block each, the last ones all. */
	ck_assert_int_eq(machine_slot_ensure(machine, ARENA(199) + 5 * MACHINE_BLOCK_BYTES), 0);
	ck_assert_uint_eq(machine->slot_next, slots + 100);
	ck_assert_int_eq(machine_slot_ensure(machine, ARENA(100) + 5 * MACHINE_BLOCK_BYTES), 0);
	ck_assert_uint_eq(machine->slot_next, slots + 101);
}
END_TEST

static int child_runs(const struct thread_state *before)
{
	const char *step;
	struct vcpu_exit exit;
	if (machine_renew_after_fork(&harness.machine, &step) ||
	    vcpu_create(&harness.machine, 0, &harness.vcpu, &step) ||
	    machine_slot_ensure(&harness.machine, HARNESS_DATA))
		return 1;
	*vcpu_state(harness.vcpu) = *before;
	if (vcpu_run(harness.vcpu, &exit) || exit.kind != VCPU_EXIT_HYPERCALL)
		return 2;
	int is_right = vcpu_state(harness.vcpu)->rax == 4711;
	harness_teardown(&harness);
	return is_right ? 0 : 3;
}

START_TEST(forked_child_gets_a_machine_over_the_same_memory)
{
	const uint64_t word = 4711;
	int status;
	ck_assert_int_eq(guest_copy_out(&harness.machine, HARNESS_DATA, &word, sizeof(word)), 0);
	struct thread_state *state = SNIPPET_LOAD(&harness, load);
	state->rdi = HARNESS_DATA;
	struct thread_state before = *state;
	harness_run(&harness, VCPU_EXIT_HYPERCALL);
	pid_t pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		_exit(child_runs(&before));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	*state = before;
	harness_run(&harness, VCPU_EXIT_HYPERCALL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("machine_memory");
	TCase *c = tcase_create("memory");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, hole_in_an_arena, 0, ACCESSES);
	tcase_add_loop_test(c, hole_outside_every_arena, 0, ACCESSES);
	tcase_add_test(c, null_page_is_a_hole);
	tcase_add_test(c, write_to_read_only_memory);
	tcase_add_test(c, access_across_a_page_end_names_the_missing_page);
	tcase_add_test(c, gather_names_its_bad_element);
	tcase_add_test(c, disagreement_ends);
	tcase_add_test(c, poisoned_page_is_a_memory_error_until_it_is_supplied);
	tcase_add_test(c, guest_copy_survives_everything);
	tcase_add_test(c, slots_are_added_where_they_are_needed);
	tcase_add_test(c, slots_of_many_arenas_are_few);
	tcase_add_test(c, forked_child_gets_a_machine_over_the_same_memory);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite_kvm(suite());
}
