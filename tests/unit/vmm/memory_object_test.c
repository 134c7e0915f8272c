/*
 * What sharing and copying do to memory objects: which a child gets, what they cost, how long they
 * live.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory_family.h"
#include "norma_abi.h"
#include "run_suite.h"

START_TEST(discard_after_sharing_and_copying)
{
	parent_region(R, "CS");
	struct peer child = peer_child(broker, &parent, EXPORT_CREATE);

	ck_assert_int_eq(peer_discard(&parent, R, 2 * P), 0);
	ck_assert_uint_eq(peer_get(&parent, R), 0);
	ck_assert_uint_eq(peer_get(&child, R), 1);
	ck_assert_uint_eq(peer_get(&parent, R + P), 0);
	ck_assert_uint_eq(peer_get(&child, R + P), 0);
	ck_assert(is_shared_between(&parent, &child, R + P));
	peer_protect(&child, R + P, P, SPACE_PROTECT_CURRENT, VM_PROT_READ);
	ck_assert_int_eq(peer_discard(&child, R + P, P), -EACCES);
	peer_end(&child);
}
END_TEST

/* An object's id and bytes tell how much of the parent a child's pager could reach. */
START_TEST(a_child_reaches_no_page_that_it_was_not_given)
{
	static struct region_entry entries[EXPORT_MAX_REGIONS];
	uint32_t count;

	parent_region(R, "CCCC");
	struct peer child = peer_child(broker, &parent, EXPORT_CREATE);
	/* All of one frozen object: the child's child is given part of it. */
	ck_assert_int_eq(peer_inherit(&child, R + P, P, VM_INHERIT_NONE), KERN_SUCCESS);
	ck_assert_int_eq(peer_inherit(&parent, R + P, P, VM_INHERIT_NONE), KERN_SUCCESS);
	for (int i = 0; i < 2; i++) {
		struct peer *from = i ? &child : &parent;

		uint64_t bytes = peer_file_bytes(from);

		ck_assert_int_eq(peer_export(from, EXPORT_CREATE, entries, &count), KERN_SUCCESS);
		ck_assert_uint_eq(count, 2);
		ck_assert_uint_ne(entries[0].object, entries[1].object);
		ck_assert_uint_eq(entries[0].offset, 0);
		ck_assert_uint_eq(entries[1].offset, 0);
		/* One's own file is given in parts; another's, which may be incomplete, is copied.
		 */
		uint64_t copied = from == &parent ? 0 : 3 * P;
		ck_assert_uint_eq(peer_file_bytes(from), bytes + copied);
		struct peer last = peer_start(broker);
		ck_assert_int_eq(peer_import(&last, entries, count), KERN_SUCCESS);
		peer_export_end(from);
		ck_assert_uint_eq(peer_get(&last, R), 1);
		ck_assert_uint_eq(peer_get(&last, R + 3 * P), 4);
		ck_assert_int_eq(touch(&last, R + P), KERN_INVALID_ADDRESS);
		peer_end(&last);
		ck_assert_uint_eq(peer_get(from, R + P), 2);
	}
	/* Nothing kept back: one object for all, however it is split. */
	peer_inherit(&child, R, 4 * P, VM_INHERIT_COPY);
	peer_protect(&child, R + 2 * P, P, SPACE_PROTECT_CURRENT, VM_PROT_READ);
	ck_assert_int_eq(peer_export(&child, EXPORT_CREATE, entries, &count), KERN_SUCCESS);
	ck_assert_uint_eq(count, 4);
	ck_assert_uint_eq(entries[2].object, entries[3].object);
	peer_export_end(&child);
	peer_end(&child);
}
END_TEST

START_TEST(a_second_copy_of_unchanged_memory_costs_nothing)
{
	static struct region_entry first[EXPORT_MAX_REGIONS], second[EXPORT_MAX_REGIONS];
	uint32_t count;

	parent_region(R, "CCCC");
	ck_assert_int_eq(peer_export(&parent, EXPORT_CREATE, first, &count), KERN_SUCCESS);
	uint64_t bytes = peer_file_bytes(&parent);
	ck_assert_int_eq(peer_export(&parent, EXPORT_CREATE, second, &count), KERN_SUCCESS);
	ck_assert_uint_eq(first[0].object, second[0].object);
	ck_assert_uint_eq(peer_file_bytes(&parent), bytes);
	/* One page changed: a new object, and holes stay holes. */
	peer_put(&parent, R, 5);
	ck_assert_int_eq(peer_export(&parent, EXPORT_CREATE, second, &count), KERN_SUCCESS);
	ck_assert_uint_ne(first[0].object, second[0].object);
	for (int i = 0; i < 3; i++)
		peer_export_end(&parent);
	ck_assert_uint_eq(broker_count(broker).objects, 1);
}
END_TEST

START_TEST(a_page_that_became_zero_is_zero_in_the_copy)
{
	static const uint8_t zeros[4096];

	parent_region(R, "CC");
	struct peer first = peer_child(broker, &parent, EXPORT_CREATE);
	ck_assert_int_eq(peer_write(&parent, R, zeros, sizeof(zeros)), KERN_SUCCESS);
	struct peer second = peer_child(broker, &parent, _i ? EXPORT_CLONE : EXPORT_CREATE);
	ck_assert_uint_eq(peer_get(&first, R), 1);
	ck_assert_uint_eq(peer_get(&second, R), 0);
	ck_assert_uint_eq(peer_get(&second, R + P), 2);
	peer_end(&first);
	peer_end(&second);
}
END_TEST

/* The plan is made while threads run; what it found clean may not be when they stand still. */
START_TEST(a_store_before_the_pause_is_in_the_copy)
{
	parent_region(R, "CCCC");
	struct peer first = peer_child(broker, &parent, EXPORT_CREATE);
	peer_store_at_pause(&parent, R + P, 70);
	struct peer second = peer_child(broker, &parent, EXPORT_CREATE);
	peer_put(&parent, R + P, 71);
	peer_store_at_pause(&parent, R + 2 * P, 72);
	struct peer third = peer_child(broker, &parent, EXPORT_CREATE);
	peer_store_at_pause(&third, R + 3 * P, 73);
	struct peer last = peer_child(broker, &third, _i ? EXPORT_CLONE : EXPORT_CREATE);
	ck_assert_uint_eq(peer_get(&first, R + P), 2);
	ck_assert_uint_eq(peer_get(&second, R + P), 70);
	ck_assert_uint_eq(peer_get(&second, R + 2 * P), 3);
	ck_assert_uint_eq(peer_get(&third, R + P), 71);
	ck_assert_uint_eq(peer_get(&third, R + 2 * P), 72);
	ck_assert_uint_eq(peer_get(&last, R + 3 * P), 73);
	ck_assert_uint_eq(peer_get(&last, R), 1);
	peer_end(&first);
	peer_end(&second);
	peer_end(&third);
	peer_end(&last);
}
END_TEST

START_TEST(objects_live_until_the_export_ends)
{
	static struct region_entry entries[EXPORT_MAX_REGIONS];
	enum export_mode mode = _i ? EXPORT_CLONE : EXPORT_CREATE;
	uint32_t count;

	parent_region(R, "CS");
	struct peer child = peer_start(broker);
	ck_assert_int_eq(peer_export(&parent, mode, entries, &count), KERN_SUCCESS);
	ck_assert_int_eq(peer_deallocate(&parent, R, 2 * P), KERN_SUCCESS);
	/* Two exports at once: both must have ended. */
	static struct region_entry none[EXPORT_MAX_REGIONS];
	uint32_t no_count;
	ck_assert_int_eq(peer_export(&parent, EXPORT_EMPTY, none, &no_count), KERN_SUCCESS);
	peer_export_end(&parent);
	ck_assert_uint_eq(broker_count(broker).objects, 2);
	ck_assert_int_eq(peer_import(&child, entries, count), KERN_SUCCESS);
	peer_export_end(&parent);
	ck_assert_uint_eq(peer_get(&child, R), 1);
	ck_assert_uint_eq(peer_get(&child, R + P), 2);
	peer_end(&child);
	ck_assert_uint_eq(broker_count(broker).objects, 0);
}
END_TEST

START_TEST(three_hundred_regions_of_mixed_attributes)
{
	enum export_mode mode = _i ? EXPORT_CLONE : EXPORT_CREATE;
	char pages[301] = {0};

	for (int i = 0; i < 300; i++)
		pages[i] = "SCN"[i % 3];
	parent_region(R, pages);
	uint64_t first = NORMA_USER_START, last = NORMA_USER_END - P;
	ck_assert_int_eq(peer_allocate(&parent, &first, P, SPACE_FIXED), KERN_SUCCESS);
	ck_assert_int_eq(peer_allocate(&parent, &last, P, SPACE_FIXED), KERN_SUCCESS);
	peer_put(&parent, first, 1);
	peer_put(&parent, last, 2);
	struct peer child = peer_child(broker, &parent, mode);
	struct peer grandchild = peer_child(broker, &child, mode);
	for (uint64_t i = 0; i < 300; i++) {
		bool is_given = _i || pages[i] != 'N';

		ck_assert_int_eq(touch(&grandchild, R + i * P),
				 is_given ? KERN_SUCCESS : KERN_INVALID_ADDRESS);
		if (is_given)
			ck_assert_uint_eq(peer_get(&grandchild, R + i * P), (uint8_t)(i + 1));
	}
	ck_assert_uint_eq(peer_get(&grandchild, first), 1);
	ck_assert_uint_eq(peer_get(&grandchild, last), 2);
	ck_assert(is_shared_between(&parent, &grandchild, R));
	ck_assert(is_shared_between(&parent, &grandchild, R + P) == (mode == EXPORT_CLONE));
	ck_assert(is_shared_between(&parent, &grandchild, last) == (mode == EXPORT_CLONE));
	peer_end(&grandchild);
	peer_end(&child);
}
END_TEST

START_TEST(freed_after_sharing_costs_no_memory)
{
	uint8_t page[4096];
	uint64_t at = R;

	memset(page, 1, sizeof(page));
	ck_assert_int_eq(peer_allocate(&parent, &at, 64 * P, SPACE_FIXED), KERN_SUCCESS);
	uint64_t empty = peer_file_bytes(&parent);
	for (uint64_t i = 0; i < 64; i++)
		ck_assert_int_eq(peer_write(&parent, R + i * P, page, P), KERN_SUCCESS);
	struct peer child = peer_child(broker, &parent, _i ? EXPORT_CLONE : EXPORT_CREATE);
	ck_assert_int_eq(peer_deallocate(&parent, R, 64 * P), KERN_SUCCESS);
	ck_assert_uint_eq(peer_file_bytes(&parent), empty);
	ck_assert_uint_eq(peer_get(&child, R), 1);
	ck_assert_int_eq(peer_deallocate(&child, R, 64 * P), KERN_SUCCESS);
	ck_assert_uint_eq(broker_count(broker).objects, 0);
	ck_assert_uint_eq(broker_count(broker).mappings, 0);
	peer_end(&child);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("memory_object");
	TCase *cases = tcase_create("object");

	tcase_set_timeout(cases, 120);
	tcase_add_checked_fixture(cases, family_setup, family_teardown);
	tcase_add_test(cases, discard_after_sharing_and_copying);
	tcase_add_test(cases, a_child_reaches_no_page_that_it_was_not_given);
	tcase_add_test(cases, a_second_copy_of_unchanged_memory_costs_nothing);
	tcase_add_loop_test(cases, a_page_that_became_zero_is_zero_in_the_copy, 0, 2);
	tcase_add_loop_test(cases, a_store_before_the_pause_is_in_the_copy, 0, 2);
	tcase_add_loop_test(cases, objects_live_until_the_export_ends, 0, 2);
	tcase_add_loop_test(cases, three_hundred_regions_of_mixed_attributes, 0, 2);
	tcase_add_loop_test(cases, freed_after_sharing_costs_no_memory, 0, 2);
	suite_add_tcase(suite, cases);
	return run_suite_kvm(suite);
}
