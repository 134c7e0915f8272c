/*
 * The two halves of vm_remap, in one task and between two: every state of the source, shared and
 * copied, later children of the result, failures at each step.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory_family.h"
#include "norma_abi.h"
#include "run_suite.h"
#include "space_internal.h"

#define TO UINT64_C(0x40000000)

static struct region_entry entries[EXPORT_MAX_REGIONS];
static uint32_t count;

/* From the parent into a task, which may be the parent itself. */
static kern_return_t remap(struct peer *target, uint64_t source, uint64_t bytes, bool is_copy,
			   uint64_t to)
{
	struct space_place_request place = {.address = to};
	kern_return_t code =
	    peer_export_range(&parent, (struct vm_extent){source, bytes}, is_copy, entries, &count);
	uint64_t at = 0;

	if (code)
		return code;
	code = peer_import_range(target, &place, VM_INHERIT_NONE,
				 (struct region_list){entries, count}, &at);
	peer_export_end(&parent);
	ck_assert(code || at == to);
	return code;
}

START_TEST(a_range_shared_within_a_task_is_one_memory)
{
	parent_region(R, "SCN");
	ck_assert_int_eq(remap(&parent, R, 3 * P, false, TO), 0);
	ck_assert_uint_eq(peer_pauses(&parent), 0);
	for (uint64_t i = 0; i < 3; i++) {
		uint8_t value = (uint8_t)(10 + i);

		ck_assert_uint_eq(peer_get(&parent, TO + i * P), i + 1);
		peer_put(&parent, TO + i * P, value);
		ck_assert_uint_eq(peer_get(&parent, R + i * P), value);
		ck_assert(region_of(&parent, R + i * P).is_shared);
		ck_assert(region_of(&parent, TO + i * P).is_shared);
		ck_assert_uint_eq(region_of(&parent, TO + i * P).inheritance, VM_INHERIT_NONE);
		ck_assert_uint_eq(region_of(&parent, R + i * P).inheritance, i);
	}
	/* Again, of the new one, and of part of it. */
	ck_assert_int_eq(remap(&parent, TO + P, P, false, TO + 16 * P), 0);
	peer_put(&parent, TO + 16 * P, 55);
	ck_assert_uint_eq(peer_get(&parent, R + P), 55);
	/* One goes, the others stay. */
	ck_assert_int_eq(peer_deallocate(&parent, R, 3 * P), 0);
	ck_assert_uint_eq(peer_get(&parent, TO + P), 55);
	peer_put(&parent, TO + P, 56);
	ck_assert_uint_eq(peer_get(&parent, TO + 16 * P), 56);
}
END_TEST

/* What children get of two mappings of one memory: by clone two mappings of it, by copy two copies.
 */
START_TEST(children_of_a_task_that_maps_memory_twice)
{
	parent_region(R, "CC");
	ck_assert_int_eq(remap(&parent, R, 2 * P, false, TO), 0);
	peer_inherit(&parent, TO, 2 * P, VM_INHERIT_COPY);
	struct peer clone = peer_child(broker, &parent, EXPORT_CLONE);
	struct peer copy = peer_child(broker, &parent, EXPORT_CREATE);

	peer_put(&clone, TO, 71);
	ck_assert_uint_eq(peer_get(&clone, R), 71);
	ck_assert_uint_eq(peer_get(&parent, R), 71);
	ck_assert_uint_eq(peer_get(&copy, R), 1);
	peer_put(&copy, R, 72);
	ck_assert_uint_eq(peer_get(&copy, TO), 1);
	ck_assert_uint_eq(peer_get(&parent, TO), 71);
	/* And the clone maps again what its parent gave it twice. */
	struct peer grandchild = peer_child(broker, &clone, EXPORT_CLONE);
	ck_assert(is_shared_between(&parent, &grandchild, TO + P));
	peer_end(&grandchild);
	peer_end(&clone);
	peer_end(&copy);
}
END_TEST

START_TEST(a_range_copied_within_a_task_is_as_of_now)
{
	parent_region(R, "SCN");
	ck_assert_int_eq(remap(&parent, R, 3 * P, true, TO), 0);
	for (uint64_t i = 0; i < 3; i++) {
		ck_assert(!region_of(&parent, R + i * P).is_shared);
		ck_assert(!region_of(&parent, TO + i * P).is_shared);
		peer_put(&parent, R + i * P, 50);
		ck_assert_uint_eq(peer_get(&parent, TO + i * P), i + 1);
		peer_put(&parent, TO + i * P, 60);
		ck_assert_uint_eq(peer_get(&parent, R + i * P), 50);
	}
	/* A copy of the copy, now dirty, and a copy of memory that is shared. */
	ck_assert_int_eq(remap(&parent, TO, 3 * P, true, TO + 16 * P), 0);
	peer_put(&parent, TO, 61);
	ck_assert_uint_eq(peer_get(&parent, TO + 16 * P), 60);
	ck_assert_int_eq(remap(&parent, TO, P, false, TO + 32 * P), 0);
	ck_assert_int_eq(remap(&parent, TO + 32 * P, P, true, TO + 48 * P), 0);
	peer_put(&parent, TO, 62);
	ck_assert_uint_eq(peer_get(&parent, TO + 32 * P), 62);
	ck_assert_uint_eq(peer_get(&parent, TO + 48 * P), 61);
	ck_assert_uint_eq(peer_get(&parent, TO + 16 * P), 60);
}
END_TEST

START_TEST(between_tasks_by_every_state_of_the_source)
{
	bool is_copy = _i & 1;
	struct peer target = peer_start(broker);

	parent_region(R, "SCN");
	if (_i >= 2) {
		struct peer child = peer_child(broker, &parent, EXPORT_CREATE);
		peer_end(&child);
	}
	if (_i >= 4)
		peer_put(&parent, R + P, 9);
	uint8_t before = peer_get(&parent, R + P);
	ck_assert_int_eq(remap(&target, R + P + 5, P, is_copy, TO), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(peer_get(&target, TO), before);
	ck_assert_uint_eq(peer_get(&target, TO + P), 3);
	ck_assert_int_eq(touch(&target, TO + 2 * P), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(touch(&target, TO - P), KERN_INVALID_ADDRESS);
	for (uint64_t i = 0; i < 2; i++) {
		peer_put(&target, TO + i * P, 101);
		ck_assert_int_eq(peer_get(&parent, R + P + i * P) == 101, !is_copy);
		peer_put(&parent, R + P + i * P, 102);
		ck_assert_int_eq(peer_get(&target, TO + i * P) == 102, !is_copy);
		ck_assert(region_of(&target, TO + i * P).is_shared == !is_copy);
		ck_assert(region_of(&parent, R + P + i * P).is_shared == !is_copy);
	}
	ck_assert_uint_eq(peer_get(&parent, R), 1);
	/* The target keeps it when the source gives it up. */
	ck_assert_int_eq(peer_deallocate(&parent, R, 3 * P), 0);
	ck_assert_uint_eq(peer_get(&target, TO), is_copy ? 101 : 102);
	peer_end(&target);
}
END_TEST

START_TEST(exports_of_ranges_are_checked)
{
	parent_region(R, "CCC");
	ck_assert_int_eq(remap(&parent, R, 0, false, TO), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(remap(&parent, R, 4 * P, false, TO), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(remap(&parent, R - 1, P, true, TO), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(remap(&parent, R, UINT64_MAX, true, TO), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(remap(&parent, R, 3 * P, false, R + P), KERN_NO_SPACE);
	ck_assert_int_eq(remap(&parent, R, 3 * P, false, 0), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(remap(&parent, R, 3 * P, false, NORMA_USER_END - 2 * P),
			 KERN_INVALID_ADDRESS);
	ck_assert_uint_eq(peer_virtual_bytes(&parent), 3 * P);
	for (uint64_t i = 0; i < 3; i++)
		ck_assert_uint_eq(peer_get(&parent, R + i * P), i + 1);
}
END_TEST

START_TEST(imports_of_ranges_are_checked)
{
	struct space_place_request place = {
	    .address = 0x123456, .mask = 0xfffff, .is_anywhere = true};
	struct region_entry good[3];
	struct region_list list = {good, 3};
	uint64_t at;

	parent_region(R, "SCN");
	ck_assert_int_eq(
	    peer_export_range(&parent, (struct vm_extent){R, 3 * P}, false, entries, &count), 0);
	ck_assert_uint_eq(count, 3);
	memcpy(good, entries, sizeof(good));
	ck_assert_int_eq(peer_import_range(&parent, &place, 3, list, &at), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(peer_import_range(&parent, &place, 1, (struct region_list){good, 0}, &at),
			 KERN_INVALID_ARGUMENT);
	good[2].start += P;
	ck_assert_int_eq(peer_import_range(&parent, &place, 1, list, &at), KERN_INVALID_ADDRESS);
	good[2].start -= P;
	good[2].bytes = UINT64_MAX & ~(P - 1);
	ck_assert_int_eq(peer_import_range(&parent, &place, 1, list, &at), KERN_INVALID_ADDRESS);
	good[2] = entries[2];
	good[1].protection = 8;
	ck_assert_int_eq(peer_import_range(&parent, &place, 1, list, &at), KERN_INVALID_ARGUMENT);
	good[1] = entries[1];
	good[1].offset = 77 * P;
	ck_assert_int_eq(peer_import_range(&parent, &place, 1, list, &at), KERN_INVALID_ARGUMENT);
	good[1] = entries[1];
	peer_limit(&parent, 5 * P);
	ck_assert_int_eq(peer_import_range(&parent, &place, 1, list, &at), KERN_RESOURCE_SHORTAGE);
	ck_assert_uint_eq(peer_virtual_bytes(&parent), 3 * P);
	peer_limit(&parent, 6 * P);
	ck_assert_int_eq(peer_import_range(&parent, &place, 1, list, &at), 0);
	ck_assert_uint_eq(at, 0x200000);
	peer_export_end(&parent);
}
END_TEST

/* Shared is what somebody took, at this time or before. */
START_TEST(memory_that_nobody_took_is_not_shared)
{
	struct vm_extent all = {R, 3 * P};

	parent_region(R, "SCN");
	ck_assert_int_eq(peer_export_range(&parent, all, false, entries, &count), 0);
	ck_assert(region_of(&parent, R).is_shared);
	peer_export_refused(&parent);
	for (uint64_t i = 0; i < 3; i++)
		ck_assert(!region_of(&parent, R + i * P).is_shared);
	ck_assert_int_eq(remap(&parent, R + P, P, false, TO), 0);
	ck_assert_int_eq(peer_export_range(&parent, all, false, entries, &count), 0);
	peer_export_refused(&parent);
	for (uint64_t i = 0; i < 3; i++)
		ck_assert_int_eq(region_of(&parent, R + i * P).is_shared, i == 1);
	ck_assert(region_of(&parent, TO).is_shared);
	peer_put(&parent, TO, 77);
	ck_assert_uint_eq(peer_get(&parent, R + P), 77);
	ck_assert_uint_eq(peer_get(&parent, R), 1);
}
END_TEST

/* Every step fails once: the source is as before, the target has nothing, and then it works. */
START_TEST(a_failed_remap_leaves_nothing)
{
	struct peer target = peer_start(broker);
	bool is_copy = _i & 1;
	bool is_same = _i & 2;
	int failures = 0;

	parent_region(R, "SCN");
	struct peer child = peer_child(broker, &parent, EXPORT_CREATE);
	peer_put(&parent, R + P, 9);
	for (int step = 0; step < SPACE_NUM_STEPS; step++) {
		struct peer *to = is_same ? &parent : &target;
		uint64_t before = peer_virtual_bytes(to);

		peer_fail_at(&parent, step, 1);
		peer_fail_at(&target, step, 1);
		if (remap(to, R, 3 * P, is_copy, TO)) {
			failures++;
			ck_assert_uint_eq(peer_virtual_bytes(to), before);
		} else {
			ck_assert_int_eq(peer_deallocate(to, TO, 3 * P), 0);
		}
		peer_fail_at(&parent, step, 0);
		peer_fail_at(&target, step, 0);
		ck_assert_uint_eq(peer_get(&parent, R), 1);
		ck_assert_uint_eq(peer_get(&parent, R + P), 9);
		ck_assert_uint_eq(peer_get(&child, R + P), 2);
		ck_assert_uint_eq(peer_get(&parent, R + 2 * P), 3);
	}
	ck_assert_int_ge(failures, 4);
	ck_assert_int_eq(remap(&target, R, 3 * P, is_copy, TO), 0);
	ck_assert_uint_eq(peer_get(&target, TO + P), 9);
	peer_end(&target);
	peer_end(&child);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("memory_remap");
	TCase *c = tcase_create("remap");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, family_setup, family_teardown);
	tcase_add_test(c, a_range_shared_within_a_task_is_one_memory);
	tcase_add_test(c, children_of_a_task_that_maps_memory_twice);
	tcase_add_test(c, a_range_copied_within_a_task_is_as_of_now);
	tcase_add_loop_test(c, between_tasks_by_every_state_of_the_source, 0, 6);
	tcase_add_test(c, exports_of_ranges_are_checked);
	tcase_add_test(c, imports_of_ranges_are_checked);
	tcase_add_test(c, memory_that_nobody_took_is_not_shared);
	tcase_add_loop_test(c, a_failed_remap_leaves_nothing, 0, 4);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite_kvm(suite());
}
