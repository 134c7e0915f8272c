/*
 * libnorma and the call stubs, against a daemon in a thread.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fake_daemon.h"
#include "norma.h"
#include "run_suite.h"

static void start(void)
{
	fake_start(FAKE_ANSWERS);
	ck_assert_msg(norma_connect(fake_path) == 0, "%s", norma_last_error());
}

static void stop(void)
{
	norma_disconnect();
	fake_stop();
}

START_TEST(results_come_back)
{
	vm_address_t address = 0x5123;
	vm_size_t page_bytes = 0;
	int node = -1;

	start();
	ck_assert_int_eq(vm_allocate(FAKE_TASK, &address, 1, FALSE), KERN_SUCCESS);
	ck_assert_uint_eq(address, 0x5000);
	ck_assert_int_eq(vm_allocate(FAKE_TASK, &address, 1, TRUE), KERN_SUCCESS);
	ck_assert_uint_eq(address, 0x7000);
	ck_assert_int_eq(norma_node_self(mach_host_self(), &node), KERN_SUCCESS);
	ck_assert_int_eq(node, FAKE_NODE);
	ck_assert_int_eq(host_page_size(mach_host_self(), &page_bytes), KERN_SUCCESS);
	ck_assert_uint_eq(page_bytes, 4096);
	ck_assert_int_eq(host_page_size(HOST_NULL, &page_bytes), KERN_INVALID_ARGUMENT);
	stop();
}
END_TEST

START_TEST(a_refusal_is_a_code_and_a_sentence_and_changes_nothing)
{
	vm_address_t address = 0x5123;

	start();
	fake.refuse_type = MESSAGE_vm_allocate;
	ck_assert_int_eq(vm_allocate(FAKE_TASK, &address, 1, TRUE), KERN_NO_SPACE);
	ck_assert_uint_eq(address, 0x5123);
	ck_assert_str_eq(norma_last_error(), FAKE_SENTENCE);
	stop();
}
END_TEST

START_TEST(the_self_task_is_what_the_program_said)
{
	start();
	ck_assert_uint_eq(mach_task_self(), TASK_NULL);
	norma_set_self_task(FAKE_TASK);
	ck_assert_uint_eq(mach_task_self(), FAKE_TASK);
	ck_assert_uint_eq(mach_thread_self(), THREAD_NULL);
	stop();
	ck_assert_uint_eq(mach_task_self(), TASK_NULL);
}
END_TEST

/* Sizes around what fits the stack, one message, and several. */
static const vm_size_t sizes[] = {1, 2048, 2049, 60 * 1024, 60 * 1024 + 1, 200 * 1000};
#define SIZE_COUNT ((int)(sizeof(sizes) / sizeof(sizes[0])))

START_TEST(vm_read_gives_the_bytes_at_any_length)
{
	vm_size_t size = sizes[_i], offset = 4321;
	mach_msg_type_number_t count = 0;
	vm_offset_t data = 0;

	start();
	ck_assert_int_eq(vm_read(FAKE_TASK, FAKE_MEMORY_START + offset, size, &data, &count),
			 KERN_SUCCESS);
	ck_assert_uint_eq(count, size);
	ck_assert(memcmp((const void *)data, fake.memory + offset, size) == 0);
	ck_assert_uint_eq(fake.calls[MESSAGE_vm_read], (size + 61439) / 61440);
	ck_assert_int_eq(vm_deallocate(mach_task_self(), data, count), KERN_SUCCESS);
	ck_assert_uint_eq(fake.calls[MESSAGE_vm_deallocate], 0);
	stop();
}
END_TEST

START_TEST(vm_write_puts_the_bytes_at_any_length_and_names_the_whole_range)
{
	vm_size_t size = sizes[_i], offset = 999;
	uint8_t *data = malloc(size);

	start();
	memset(data, 0xa5, size);
	ck_assert_int_eq(vm_write(FAKE_TASK, FAKE_MEMORY_START + offset, (vm_offset_t)data,
				  (mach_msg_type_number_t)size),
			 KERN_SUCCESS);
	ck_assert(memcmp(data, fake.memory + offset, size) == 0);
	ck_assert_uint_ne(fake.memory[offset - 1], 0xa5);
	ck_assert_uint_eq(fake.check_address, FAKE_MEMORY_START + offset);
	ck_assert_uint_eq(fake.check_size, size);
	ck_assert_uint_eq(fake.calls[MESSAGE_vm_write], (size + 61439) / 61440);
	free(data);
	stop();
}
END_TEST

START_TEST(reading_and_writing_nothing_still_asks_the_task)
{
	mach_msg_type_number_t count = 1;
	vm_offset_t data = 1;

	start();
	ck_assert_int_eq(vm_read(FAKE_TASK, FAKE_MEMORY_START, 0, &data, &count), KERN_SUCCESS);
	ck_assert_uint_eq(data, 0);
	ck_assert_uint_eq(count, 0);
	ck_assert_int_eq(vm_write(FAKE_TASK, FAKE_MEMORY_START, 0, 0), KERN_SUCCESS);
	ck_assert_uint_eq(fake.calls[MESSAGE_vm_read], 1);
	ck_assert_uint_eq(fake.calls[MESSAGE_vm_write], 1);
	stop();
}
END_TEST

START_TEST(a_read_that_fails_half_way_gives_nothing)
{
	mach_msg_type_number_t count = 77;
	vm_offset_t data = 77;

	start();
	fake.refuse_type = MESSAGE_vm_read;
	fake.refuse_from = FAKE_MEMORY_START + 61440;
	ck_assert_int_eq(vm_read(FAKE_TASK, FAKE_MEMORY_START, 100000, &data, &count),
			 KERN_NO_SPACE);
	ck_assert_uint_eq(data, 77);
	ck_assert_uint_eq(count, 77);
	ck_assert_uint_eq(fake.calls[MESSAGE_vm_read], 2);
	stop();
}
END_TEST

START_TEST(a_range_that_wraps_is_refused_before_any_call)
{
	mach_msg_type_number_t count;
	vm_offset_t data;

	start();
	ck_assert_int_eq(vm_read(FAKE_TASK, ~0ul - 10, 100, &data, &count), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(vm_read(FAKE_TASK, 0, 1ul << 40, &data, &count), KERN_RESOURCE_SHORTAGE);
	ck_assert_uint_eq(fake.calls[MESSAGE_vm_read], 0);
	stop();
}
END_TEST

START_TEST(other_memory_is_deallocated_in_the_task)
{
	mach_msg_type_number_t count;
	vm_offset_t data;

	start();
	norma_set_self_task(FAKE_TASK);
	ck_assert_int_eq(vm_read(FAKE_TASK, FAKE_MEMORY_START, 10, &data, &count), KERN_SUCCESS);
	ck_assert_int_eq(vm_deallocate(mach_task_self(), FAKE_MEMORY_START, 10), KERN_SUCCESS);
	ck_assert_uint_eq(fake.last_deallocated, FAKE_MEMORY_START);
	/* Another task's memory at the same address is not ours. */
	ck_assert_int_eq(vm_deallocate(FAKE_TASK + 64, data, count), KERN_SUCCESS);
	ck_assert_uint_eq(fake.last_deallocated, data);
	ck_assert_int_eq(vm_deallocate(mach_task_self(), data, count), KERN_SUCCESS);
	ck_assert_uint_eq(fake.calls[MESSAGE_vm_deallocate], 2);
	stop();
}
END_TEST

START_TEST(task_threads_gives_a_list_or_none)
{
	thread_act_array_t threads = NULL;
	mach_msg_type_number_t count = 0;

	start();
	ck_assert_int_eq(task_threads(FAKE_TASK, &threads, &count), KERN_SUCCESS);
	ck_assert_uint_eq(count, 64);
	ck_assert_uint_eq(threads[63], 163);
	ck_assert_int_eq(
	    vm_deallocate(mach_task_self(), (vm_address_t)threads, count * sizeof(*threads)),
	    KERN_SUCCESS);
	ck_assert_int_eq(task_threads(FAKE_TASK + 64, &threads, &count), KERN_SUCCESS);
	ck_assert_uint_eq(count, 0);
	ck_assert_ptr_null(threads);
	stop();
}
END_TEST

START_TEST(registers_round_trip)
{
	struct x86_thread_state64 set, got;
	mach_msg_type_number_t count = x86_THREAD_STATE64_COUNT;

	start();
	for (size_t i = 0; i < sizeof(set); i++)
		((uint8_t *)&set)[i] = (uint8_t)(i * 3 + 1);
	ck_assert_int_eq(thread_set_state(1, x86_THREAD_STATE64, (thread_state_t)&set, count),
			 KERN_SUCCESS);
	ck_assert_uint_eq(fake.state_bytes, THREAD_STATE64_BYTES);
	ck_assert_mem_eq(fake.state, &set.rax, 8);
	ck_assert_int_eq(thread_get_state(1, x86_THREAD_STATE64, (thread_state_t)&got, &count),
			 KERN_SUCCESS);
	ck_assert_uint_eq(count, x86_THREAD_STATE64_COUNT);
	ck_assert_mem_eq(&set, &got, sizeof(set));
	stop();
}
END_TEST

START_TEST(float_state_round_trips_with_its_own_length)
{
	static struct x86_float_state64 set, got;
	mach_msg_type_number_t count = x86_FLOAT_STATE64_COUNT;

	start();
	memset(&set, 0x5c, sizeof(set));
	ck_assert_int_eq(thread_set_state(1, x86_FLOAT_STATE64, (thread_state_t)&set, 832 / 4),
			 KERN_SUCCESS);
	ck_assert_uint_eq(fake.state_bytes, 832);
	ck_assert_int_eq(thread_get_state(1, x86_FLOAT_STATE64, (thread_state_t)&got, &count),
			 KERN_SUCCESS);
	ck_assert_uint_eq(count, 832 / 4);
	ck_assert_mem_eq(&set, &got, 832);
	count = 832 / 4 - 1;
	ck_assert_int_eq(thread_get_state(1, x86_FLOAT_STATE64, (thread_state_t)&got, &count),
			 KERN_INVALID_ARGUMENT);
	stop();
}
END_TEST

START_TEST(wrong_flavors_and_short_counts_are_refused_without_a_call)
{
	natural_t room[100];
	vm_address_t address = 0;
	vm_size_t size;
	mach_msg_type_number_t count = 1;

	start();
	ck_assert_int_eq(thread_set_state(1, 99, room, 40), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(thread_set_state(1, x86_THREAD_STATE64, room, 39), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(thread_get_state(1, x86_THREAD_STATE64, room, &count),
			 KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(task_info(1, TASK_BASIC_INFO, (task_info_t)room, &count),
			 KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(
	    vm_region(1, &address, &size, VM_REGION_BASIC_INFO, (int *)room, &count, NULL),
	    KERN_INVALID_ARGUMENT);
	count = 100;
	ck_assert_int_eq(task_info(1, 99, (task_info_t)room, &count), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(vm_region(1, &address, &size, 99, (int *)room, &count, NULL),
			 KERN_INVALID_ARGUMENT);
	ck_assert_uint_eq(fake.calls[MESSAGE_vm_region] + fake.calls[MESSAGE_task_info], 0);
	stop();
}
END_TEST

START_TEST(region_and_task_facts_arrive_in_their_fields)
{
	struct vm_region_basic_info region;
	struct task_basic_info task;
	mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT;
	vm_address_t address = 0;
	vm_size_t size = 0;
	mach_port_t object = 5;

	start();
	ck_assert_int_eq(vm_region(1, &address, &size, VM_REGION_BASIC_INFO,
				   (vm_region_info_t)&region, &count, &object),
			 KERN_SUCCESS);
	ck_assert_uint_eq(address, FAKE_MEMORY_START);
	ck_assert_uint_eq(size, FAKE_MEMORY_BYTES);
	ck_assert_int_eq(region.protection, VM_PROT_DEFAULT);
	ck_assert_int_eq(region.max_protection, VM_PROT_ALL);
	ck_assert_uint_eq(region.inheritance, VM_INHERIT_COPY);
	ck_assert_int_eq(region.shared, TRUE);
	ck_assert_uint_eq(region.offset, 0x3000);
	ck_assert_int_eq(region.behavior, VM_BEHAVIOR_SEQUENTIAL);
	ck_assert_uint_eq(object, MACH_PORT_NULL);
	count = TASK_BASIC_INFO_COUNT;
	ck_assert_int_eq(task_info(1, TASK_BASIC_INFO, (task_info_t)&task, &count), KERN_SUCCESS);
	ck_assert_uint_eq(task.virtual_size, FAKE_MEMORY_BYTES);
	ck_assert_int_eq(task.user_time.seconds, 3);
	ck_assert_int_eq(task.user_time.microseconds, 7);
	stop();
}
END_TEST

static void add_calls(TCase *tests)
{
	tcase_add_test(tests, results_come_back);
	tcase_add_test(tests, a_refusal_is_a_code_and_a_sentence_and_changes_nothing);
	tcase_add_test(tests, the_self_task_is_what_the_program_said);
	tcase_add_loop_test(tests, vm_read_gives_the_bytes_at_any_length, 0, SIZE_COUNT);
	tcase_add_loop_test(tests, vm_write_puts_the_bytes_at_any_length_and_names_the_whole_range,
			    0, SIZE_COUNT);
	tcase_add_test(tests, reading_and_writing_nothing_still_asks_the_task);
	tcase_add_test(tests, a_read_that_fails_half_way_gives_nothing);
	tcase_add_test(tests, a_range_that_wraps_is_refused_before_any_call);
	tcase_add_test(tests, other_memory_is_deallocated_in_the_task);
	tcase_add_test(tests, task_threads_gives_a_list_or_none);
	tcase_add_test(tests, registers_round_trip);
	tcase_add_test(tests, float_state_round_trips_with_its_own_length);
	tcase_add_test(tests, wrong_flavors_and_short_counts_are_refused_without_a_call);
	tcase_add_test(tests, region_and_task_facts_arrive_in_their_fields);
}

int main(void)
{
	Suite *suite = suite_create("client");
	TCase *calls = tcase_create("calls");

	suite_add_tcase(suite, calls);
	add_calls(calls);
	return run_suite(suite);
}
