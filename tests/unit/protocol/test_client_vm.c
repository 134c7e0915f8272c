/*
 * The stubs of Mach's calls about memory, against a daemon in a thread: arguments travel in their
 * fields, results come back in theirs, and what a stub refuses itself has the right code and is not
 * sent.
 */
#include <stdlib.h>
#include <string.h>

#include "fake_script.h"
#include "run_suite.h"

START_TEST(vm_copy_names_both_ranges)
{
	SCRIPT(vm_copy);
	ck_assert_int_eq(vm_copy(FAKE_TASK, 1, 2, 3), KERN_SUCCESS);
	ASKED(vm_copy);
	ck_assert_uint_eq(asked.task, FAKE_TASK);
	ck_assert_uint_eq(asked.source_address, 1);
	ck_assert_uint_eq(asked.size, 2);
	ck_assert_uint_eq(asked.dest_address, 3);
}
END_TEST

static kern_return_t map(task_t task, vm_address_t *address, vm_size_t size, mach_port_t object,
			 vm_prot_t current, vm_prot_t maximum, vm_inherit_t inheritance)
{
	return vm_map(task, address, size, 0xffff, TRUE, object, 0x77, TRUE, current, maximum,
		      inheritance);
}

START_TEST(vm_map_carries_all_attributes)
{
	vm_address_t address = 0x5000;

	SCRIPT(vm_map, .address = 0x20000);
	ck_assert_int_eq(
	    map(FAKE_TASK, &address, 9, MACH_PORT_NULL, VM_PROT_READ, VM_PROT_ALL, VM_INHERIT_NONE),
	    KERN_SUCCESS);
	ck_assert_uint_eq(address, 0x20000);
	ASKED(vm_map);
	ck_assert_uint_eq(asked.address, 0x5000);
	ck_assert_uint_eq(asked.size, 9);
	ck_assert_uint_eq(asked.mask, 0xffff);
	ck_assert_uint_eq(asked.anywhere, 1);
	ck_assert_uint_eq(asked.cur_protection, 1);
	ck_assert_uint_eq(asked.max_protection, 7);
	ck_assert_uint_eq(asked.inheritance, 2);
}
END_TEST

START_TEST(vm_map_looks_at_arguments_before_the_object)
{
	vm_address_t at = 0x5000;

	ck_assert_int_eq(map(FAKE_TASK, &at, 9, 1, 3, 7, 1), KERN_INVALID_OBJECT);
	ck_assert_int_eq(map(FAKE_TASK, &at, 9, FAKE_TASK, 3, 7, 1), KERN_INVALID_OBJECT);
	ck_assert_int_eq(map(TASK_NULL, &at, 9, 1, 3, 7, 1), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(map(FAKE_TASK, &at, 0, 1, 3, 7, 1), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(map(FAKE_TASK, &at, 9, 1, 8, 7, 1), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(map(FAKE_TASK, &at, 9, 1, 3, 0x10, 1), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(map(FAKE_TASK, &at, 9, 1, 3, 7, 3), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(map(A_HOST, &at, 9, MACH_PORT_NULL, 3, 7, 1), KERN_INVALID_ARGUMENT);
	ck_assert_uint_eq(fake.calls[MESSAGE_vm_map], 0);
	ck_assert_uint_eq(at, 0x5000);
}
END_TEST

START_TEST(vm_remap_names_both_tasks_and_gives_the_protections)
{
	vm_address_t address = 0x5000;
	vm_prot_t current = 0, maximum = 0;

	SCRIPT(vm_remap, .address = 0x9000, .cur_protection = 1, .max_protection = 3);
	ck_assert_int_eq(vm_remap(FAKE_TASK, &address, 7, 0xfff, FALSE, OTHER_TASK, 0x3000, 5,
				  &current, &maximum, VM_INHERIT_SHARE),
			 KERN_SUCCESS);
	ck_assert_uint_eq(address, 0x9000);
	ck_assert_int_eq(current, VM_PROT_READ);
	ck_assert_int_eq(maximum, VM_PROT_DEFAULT);
	ASKED(vm_remap);
	ck_assert_uint_eq(asked.target_task, FAKE_TASK);
	ck_assert_uint_eq(asked.source_task, OTHER_TASK);
	ck_assert_uint_eq(asked.address, 0x5000);
	ck_assert_uint_eq(asked.size, 7);
	ck_assert_uint_eq(asked.mask, 0xfff);
	ck_assert_uint_eq(asked.anywhere, 0);
	ck_assert_uint_eq(asked.source_address, 0x3000);
	ck_assert_uint_eq(asked.copy, 1);
	ck_assert_uint_eq(asked.inheritance, 0);
}
END_TEST

START_TEST(vm_wire_looks_at_the_host_then_at_the_task)
{
	ck_assert_int_eq(vm_wire(HOST_PRIV_NULL, TASK_NULL, START, 1, 8), KERN_INVALID_HOST);
	ck_assert_int_eq(vm_wire(FAKE_TASK, FAKE_TASK, START, 1, 1), KERN_INVALID_HOST);
	ck_assert_int_eq(vm_wire(A_HOST, TASK_NULL, START, 1, 8), KERN_INVALID_TASK);
	ck_assert_int_eq(vm_wire(A_HOST, A_THREAD, START, 1, 1), KERN_INVALID_TASK);
	ck_assert_uint_eq(fake.calls[MESSAGE_vm_wire], 0);
	SCRIPT(vm_wire);
	ck_assert_int_eq(vm_wire(A_HOST, FAKE_TASK, START, 1, 3), KERN_SUCCESS);
	ASKED(vm_wire);
	ck_assert_uint_eq(asked.access, 3);
}
END_TEST

START_TEST(vm_msync_looks_at_the_flags_then_at_the_task)
{
	ck_assert_int_eq(vm_msync(TASK_NULL, START, 1, VM_SYNC_SYNCHRONOUS | VM_SYNC_ASYNCHRONOUS),
			 KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(vm_msync(TASK_NULL, START, 1, VM_SYNC_SYNCHRONOUS), KERN_INVALID_TASK);
	ck_assert_int_eq(vm_msync(A_HOST, START, 1, 0), KERN_INVALID_TASK);
	ck_assert_uint_eq(fake.calls[MESSAGE_vm_msync], 0);
	SCRIPT(vm_msync);
	ck_assert_int_eq(vm_msync(FAKE_TASK, START, 1, VM_SYNC_SYNCHRONOUS | VM_SYNC_INVALIDATE),
			 KERN_SUCCESS);
	ASKED(vm_msync);
	ck_assert_uint_eq(asked.flags, 6);
}
END_TEST

START_TEST(advice_and_attributes_travel)
{
	vm_machine_attribute_val_t value = MATTR_VAL_GET;

	SCRIPT(vm_behavior_set);
	ck_assert_int_eq(vm_behavior_set(FAKE_TASK, START, 1, VM_BEHAVIOR_RSEQNTL), KERN_SUCCESS);
	{
		ASKED(vm_behavior_set);
		ck_assert_uint_eq(asked.behavior, 3);
	}
	SCRIPT(vm_machine_attribute, .value = MATTR_VAL_ON);
	ck_assert_int_eq(vm_machine_attribute(FAKE_TASK, START, 1, MATTR_CACHE, &value),
			 KERN_SUCCESS);
	ck_assert_int_eq(value, MATTR_VAL_ON);
	ASKED(vm_machine_attribute);
	ck_assert_uint_eq(asked.attribute, MATTR_CACHE);
	ck_assert_int_eq(asked.value, MATTR_VAL_GET);
}
END_TEST

/* Sizes around what fits the stack, one message, and several. */
static const vm_size_t sizes[] = {0, 1, 2048, 2049, 60 * 1024, 60 * 1024 + 1, 200 * 1000};
#define SIZE_COUNT ((int)(sizeof(sizes) / sizeof(sizes[0])))

START_TEST(vm_read_overwrite_fills_the_buffer_at_any_length)
{
	vm_size_t size = sizes[_i], got = 77;
	uint8_t *data = calloc(1, size + 1);

	ck_assert_int_eq(vm_read_overwrite(FAKE_TASK, START + 4321, size, (vm_address_t)data, &got),
			 KERN_SUCCESS);
	ck_assert_uint_eq(got, size);
	ck_assert(memcmp(data, fake.memory + 4321, size) == 0);
	ck_assert_uint_eq(data[size], 0);
	free(data);
}
END_TEST

START_TEST(vm_read_overwrite_that_fails_half_way_leaves_the_buffer)
{
	static uint8_t data[100000];
	vm_size_t got = 77;

	fake.refuse_type = MESSAGE_vm_read;
	fake.refuse_from = START + 61440;
	ck_assert_int_eq(
	    vm_read_overwrite(FAKE_TASK, START, sizeof(data), (vm_address_t)data, &got),
	    KERN_NO_SPACE);
	ck_assert_uint_eq(got, 77);
	ck_assert_uint_eq(fake.calls[MESSAGE_vm_read], 2);
	for (size_t i = 0; i < sizeof(data); i++)
		ck_assert_uint_eq(data[i], 0);
	ck_assert_int_eq(vm_read_overwrite(FAKE_TASK, ~0ul, 2, (vm_address_t)data, &got),
			 KERN_INVALID_ADDRESS);
}
END_TEST

static void add_all(TCase *tests)
{
	tcase_add_test(tests, vm_copy_names_both_ranges);
	tcase_add_test(tests, vm_map_carries_all_attributes);
	tcase_add_test(tests, vm_map_looks_at_arguments_before_the_object);
	tcase_add_test(tests, vm_remap_names_both_tasks_and_gives_the_protections);
	tcase_add_test(tests, vm_wire_looks_at_the_host_then_at_the_task);
	tcase_add_test(tests, vm_msync_looks_at_the_flags_then_at_the_task);
	tcase_add_test(tests, advice_and_attributes_travel);
	tcase_add_loop_test(tests, vm_read_overwrite_fills_the_buffer_at_any_length, 0, SIZE_COUNT);
	tcase_add_test(tests, vm_read_overwrite_that_fails_half_way_leaves_the_buffer);
}

int main(void)
{
	Suite *suite = suite_create("client_vm");
	TCase *tests = tcase_create("client_vm");

	suite_add_tcase(suite, tests);
	tcase_add_checked_fixture(tests, fake_setup, fake_teardown);
	add_all(tests);
	return run_suite(suite);
}
