/*
 * Mach's calls on memory as messages: what each refuses, with which code, and what vm_region tells
 * afterwards. What they do to memory is in the memory tests. Numbers are the specification's cases.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mach/kern_return.h"
#include "mach/vm_attributes.h"
#include "mach/vm_behavior.h"
#include "mach/vm_sync.h"
#include "run_suite.h"
#include "task_harness.h"

#define R 0x100000u
#define P 4096u

static struct task_harness *harness;

static void setup(void)
{
	harness = harness_task();
}

static void teardown(void)
{
	harness_stop(harness);
}

/* Sends a request that has no reply worth looking at. Value: the result. */
#define CALL(name, ...)                                                                            \
	({                                                                                         \
		struct name##_request request_ = {TASK_NAME, __VA_ARGS__};                         \
		struct name##_reply reply_;                                                        \
		HARNESS_CALL(harness, name, &request_, &reply_);                                   \
	})

static struct vm_region_reply region_at(uint64_t address)
{
	struct vm_region_request request = {TASK_NAME, address, 10};
	struct vm_region_reply reply = {0};

	HARNESS_EXPECT(0, harness, vm_region, &request, &reply);
	return reply;
}

START_TEST(f143_f145_vm_map)
{
	struct vm_map_request request = {.task = TASK_NAME,
					 .address = R + 7,
					 .size = P + 1,
					 .cur_protection = 5,
					 .max_protection = 7,
					 .inheritance = 2};
	struct vm_map_reply reply = {0};

	HARNESS_EXPECT(0, harness, vm_map, &request, &reply);
	ck_assert_uint_eq(reply.address, R);
	struct vm_region_reply region = region_at(R + P);
	ck_assert_uint_eq(region.size, 2 * P);
	ck_assert_uint_eq(region.protection, 5);
	ck_assert_uint_eq(region.inheritance, 2);
	ck_assert_uint_eq(region.shared, 0);
	HARNESS_EXPECT(KERN_NO_SPACE, harness, vm_map, &request, &reply);
	request.size = 0;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, harness, vm_map, &request, &reply);
	request.size = P;
	request.max_protection = 0x10;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, harness, vm_map, &request, &reply);
	request.max_protection = 7;
	request.anywhere = 1;
	request.mask = 0xffffff;
	HARNESS_EXPECT(0, harness, vm_map, &request, &reply);
	ck_assert_uint_eq(reply.address, 0x1000000);
}
END_TEST

START_TEST(f155_f154_f153_codes)
{
	harness_allocate(harness, R, 2 * P);
	ck_assert_int_eq(CALL(vm_behavior_set, R, P, 4), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(CALL(vm_behavior_set, R, 3 * P, 1), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(CALL(vm_behavior_set, R, P, VM_BEHAVIOR_RSEQNTL), 0);
	ck_assert_uint_eq(region_at(R).behavior, VM_BEHAVIOR_RSEQNTL);
	ck_assert_int_eq(CALL(vm_msync, R, P, VM_SYNC_SYNCHRONOUS | VM_SYNC_ASYNCHRONOUS),
			 KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(CALL(vm_msync, R, 9 * P, VM_SYNC_SYNCHRONOUS), 0);
	ck_assert_int_eq(CALL(vm_msync, 0, 0, VM_SYNC_INVALIDATE), 0);
	ck_assert_int_eq(CALL(vm_wire, R, 3 * P, 1), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(CALL(vm_wire, R, 2 * P, 3), 0);
	ck_assert_int_eq(CALL(vm_wire, R, P, 1), 0);
	ck_assert_int_eq(CALL(vm_wire, R, P, 0), 0);
	ck_assert_uint_eq(region_at(R).user_wired_count, 1);
	ck_assert_int_eq(CALL(vm_copy, R, 2 * P + 1, R), KERN_INVALID_ADDRESS);
	ck_assert_ptr_nonnull(strstr(harness->failure.text, "0x100000"));
	ck_assert_int_eq(CALL(vm_copy, R, P, R + P), 0);
}
END_TEST

START_TEST(machine_attributes_are_on)
{
	struct vm_machine_attribute_request request = {TASK_NAME, R, P, MATTR_CACHE, MATTR_VAL_GET};
	struct vm_machine_attribute_reply reply = {0};

	for (uint32_t attribute = 1; attribute <= 4; attribute *= 2) {
		request.attribute = attribute;
		request.value = MATTR_VAL_GET;
		HARNESS_EXPECT(0, harness, vm_machine_attribute, &request, &reply);
		ck_assert_int_eq(reply.value, MATTR_VAL_ON);
		request.value = MATTR_VAL_ON;
		HARNESS_EXPECT(0, harness, vm_machine_attribute, &request, &reply);
		request.value = MATTR_VAL_OFF;
		HARNESS_EXPECT(KERN_INVALID_ARGUMENT, harness, vm_machine_attribute, &request,
			       &reply);
	}
	request.attribute = 3;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, harness, vm_machine_attribute, &request, &reply);
	request = (struct vm_machine_attribute_request){TASK_NAME, 0, P, 1, 2};
	HARNESS_EXPECT(KERN_INVALID_ADDRESS, harness, vm_machine_attribute, &request, &reply);
	request.address = 0x2000000000 - P;
	request.size = P + 1;
	HARNESS_EXPECT(KERN_INVALID_ADDRESS, harness, vm_machine_attribute, &request, &reply);
	request.size = UINT64_MAX;
	HARNESS_EXPECT(KERN_INVALID_ADDRESS, harness, vm_machine_attribute, &request, &reply);
}
END_TEST

/* vm_remap within the task, as hostd carries it out. */
START_TEST(a_range_is_exported_and_imported)
{
	struct vmm_export_range_request request = {R + P, P, 0};
	struct vmm_export_range_reply exported = {0};
	struct region_entry entry;
	uint64_t value = 1234;

	harness_allocate(harness, R, 3 * P);
	HARNESS_EXPECT(0, harness, vmm_export_range, &request, &exported);
	ck_assert_uint_eq(exported.regions_count, 1);
	entry = exported.regions[0];
	ck_assert_uint_eq(entry.start, R + P);
	ck_assert_uint_eq(entry.bytes, P);
	ck_assert_uint_eq(entry.shared, 1);
	struct vmm_import_range_request import = {
	    .mask = 0xffff, .anywhere = 1, .inheritance = 2, .regions = &entry, .regions_count = 1};
	struct vmm_import_range_reply imported = {0};
	HARNESS_EXPECT(0, harness, vmm_import_range, &import, &imported);
	struct vmm_export_end_request end = {};
	struct vmm_export_end_reply ended;
	HARNESS_EXPECT(0, harness, vmm_export_end, &end, &ended);
	harness_write(harness, imported.address, &value, sizeof(value));
	ck_assert_uint_eq(harness_read_u64(harness, R + P), value);
	ck_assert_uint_eq(region_at(imported.address).shared, 1);
	ck_assert_uint_eq(region_at(R + P).shared, 1);
	ck_assert_uint_eq(region_at(R).shared, 0);
	ck_assert_uint_eq(region_at(imported.address).inheritance, 2);
	request.bytes = 3 * P;
	HARNESS_EXPECT(KERN_INVALID_ADDRESS, harness, vmm_export_range, &request, &exported);
	import.inheritance = 3;
	HARNESS_EXPECT(KERN_INVALID_ARGUMENT, harness, vmm_import_range, &import, &imported);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("task_memory");
	TCase *c = tcase_create("memory");

	tcase_set_timeout(c, 60);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, f143_f145_vm_map);
	tcase_add_test(c, f155_f154_f153_codes);
	tcase_add_test(c, machine_attributes_are_on);
	tcase_add_test(c, a_range_is_exported_and_imported);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite_kvm(suite());
}
