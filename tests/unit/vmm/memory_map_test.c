/*
 * The pure address map against the specification's cases A and F, and against a model that keeps
 * every page's attributes apart. Numbers in names are those of the cases.
 */
#include "memory_map_steps.h"
#include "run_suite.h"

#include <check.h>
#include <stdlib.h>

static void setup(void)
{
	vm_map_init(&map, MIN, MAX);
}

static vm_inherit_t inheritance_of(uint64_t address)
{
	const struct region *region = vm_map_at(&map, address);

	ck_assert_ptr_nonnull(region);
	return region->inheritance;
}

static void expect_inheritance(const char *pages)
{
	static const char names[] = "SCN";

	for (uint64_t i = 0; pages[i]; i++)
		ck_assert_msg(names[inheritance_of(R + i * P)] == pages[i], "page %d: %c not %c",
			      (int)i, names[inheritance_of(R + i * P)], pages[i]);
}

START_TEST(a1_to_a3_each_inheritance_is_kept)
{
	add(R, 1);
	for (vm_inherit_t value = 0; value <= VM_INHERIT_NONE; value++) {
		ck_assert_int_eq(vm_map_inherit(&map, R, P, value), KERN_SUCCESS);
		ck_assert_uint_eq(inheritance_of(R), value);
	}
}
END_TEST

START_TEST(a4_to_a6_bad_inheritance_is_refused_before_the_range_is_looked_at)
{
	static const vm_inherit_t bad[] = {3, 4, 0xffffffffu};

	add(R, 1);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(vm_map_inherit(&map, R, P, bad[i]), KERN_INVALID_ARGUMENT);
		ck_assert_int_eq(vm_map_inherit(&map, R + P, P, bad[i]), KERN_INVALID_ARGUMENT);
		ck_assert_int_eq(vm_map_inherit(&map, R, 0, bad[i]), KERN_INVALID_ARGUMENT);
	}
	expect_inheritance("C");
}
END_TEST

START_TEST(a7_to_a13_range_is_rounded_to_whole_pages)
{
	static const struct {
		uint64_t offset, bytes;
		const char *pages;
	} cases[] = {
	    {P, P, "CNC"},     {P + 1, 1, "CNC"}, {P - 1, 2, "NNC"}, {0, P + 1, "NNC"},
	    {0, 1, "NCC"},     {0, 3 * P, "NNN"}, {2 * P, P, "CCN"}, {P + 1, P, "CNN"},
	    {1, P - 1, "NCC"}, {1, 2 * P, "NNN"},
	};
	const size_t i = (size_t)_i;

	add(R, 3);
	ck_assert_int_eq(vm_map_inherit(&map, R + cases[i].offset, cases[i].bytes, VM_INHERIT_NONE),
			 KERN_SUCCESS);
	expect_inheritance(cases[i].pages);
}
END_TEST

START_TEST(a14_a15_size_zero_changes_nothing_anywhere)
{
	add(R, 1);
	ck_assert_int_eq(vm_map_inherit(&map, R, 0, VM_INHERIT_NONE), KERN_SUCCESS);
	ck_assert_int_eq(vm_map_inherit(&map, R + 1, 0, VM_INHERIT_NONE), KERN_SUCCESS);
	ck_assert_int_eq(vm_map_inherit(&map, 0, 0, VM_INHERIT_NONE), KERN_SUCCESS);
	ck_assert_int_eq(vm_map_inherit(&map, UINT64_MAX, 0, VM_INHERIT_NONE), KERN_SUCCESS);
	expect_inheritance("C");
	ck_assert_uint_eq(map.count, 1);
}
END_TEST

START_TEST(a16_a17_a_hole_is_invalid_and_nothing_changes)
{
	add(R, 3);
	take(R + P, 1);
	ck_assert_int_eq(vm_map_inherit(&map, R + P, P, VM_INHERIT_NONE), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(vm_map_inherit(&map, R, 3 * P, VM_INHERIT_NONE), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(vm_map_inherit(&map, R - P, 2 * P, VM_INHERIT_NONE), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(vm_map_inherit(&map, R + 2 * P, 2 * P, VM_INHERIT_NONE),
			 KERN_INVALID_ADDRESS);
	ck_assert_uint_eq(inheritance_of(R), VM_INHERIT_COPY);
	ck_assert_uint_eq(inheritance_of(R + 2 * P), VM_INHERIT_COPY);
	ck_assert_uint_eq(map.count, 2);
}
END_TEST

START_TEST(a18_a_range_that_wraps_or_leaves_is_invalid)
{
	add(MAX - P, 1);
	ck_assert_int_eq(vm_map_inherit(&map, MAX - P, UINT64_MAX, 0), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(vm_map_inherit(&map, MAX - P, UINT64_MAX - MAX, 0), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(vm_map_inherit(&map, MAX - P, P + 1, 0), KERN_INVALID_ADDRESS);
	ck_assert_uint_eq(inheritance_of(MAX - P), VM_INHERIT_COPY);
	ck_assert_int_eq(vm_map_inherit(&map, MAX - 1, 1, 0), KERN_SUCCESS);
}
END_TEST

START_TEST(a22_to_a26_only_the_inheritance_changes_across_regions)
{
	add(R, 1);
	add(R + P, 1);
	ck_assert_int_eq(protect(R, P, VM_PROT_NONE, false), KERN_SUCCESS);
	ck_assert_int_eq(protect(R + P, P, VM_PROT_READ, true), KERN_SUCCESS);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(vm_map_inherit(&map, R, 2 * P, VM_INHERIT_SHARE), KERN_SUCCESS);
	expect_inheritance("SS");
	ck_assert_int_eq(vm_map_at(&map, R)->protection, VM_PROT_NONE);
	ck_assert_int_eq(vm_map_at(&map, R)->max_protection, VM_PROT_ALL);
	ck_assert_int_eq(vm_map_at(&map, R + P)->protection, VM_PROT_READ);
	ck_assert_int_eq(vm_map_at(&map, R + P)->max_protection, VM_PROT_READ);
	ck_assert_int_eq(vm_map_inherit(&map, R, 2 * P, VM_INHERIT_NONE), KERN_SUCCESS);
	expect_inheritance("NN");
}
END_TEST

START_TEST(a28_wiring_is_kept)
{
	add(R, 1);
	vm_map_at(&map, R)->user_wired_count = 2;
	ck_assert_int_eq(vm_map_inherit(&map, R, P, VM_INHERIT_NONE), KERN_SUCCESS);
	ck_assert_uint_eq(vm_map_at(&map, R)->user_wired_count, 2);
}
END_TEST

START_TEST(f126_to_f129_placing)
{
	struct vm_range range;

	ck_assert_int_eq(vm_map_place_anywhere(&map, 1, &range), KERN_SUCCESS);
	ck_assert_uint_eq(range.start, MIN);
	ck_assert_uint_eq(range.end, MIN + P);
	ck_assert_int_eq(vm_map_place_anywhere(&map, MAX - MIN, &range), KERN_SUCCESS);
	ck_assert_int_eq(vm_map_place_anywhere(&map, MAX - MIN + 1, &range), KERN_NO_SPACE);
	ck_assert_int_eq(vm_map_place_anywhere(&map, UINT64_MAX, &range), KERN_NO_SPACE);
	ck_assert_int_eq(vm_map_place_fixed(&map, R + 100, 1, &range), KERN_SUCCESS);
	ck_assert_uint_eq(range.start, R);
	ck_assert_uint_eq(range.end, R + P);
	ck_assert_int_eq(vm_map_place_fixed(&map, MIN - 1, 1, &range), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(vm_map_place_fixed(&map, 0, P, &range), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(vm_map_place_fixed(&map, MAX, 1, &range), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(vm_map_place_fixed(&map, MAX - P, 2 * P, &range), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(vm_map_place_fixed(&map, R, UINT64_MAX, &range), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(vm_map_place_fixed(&map, UINT64_MAX, P, &range), KERN_INVALID_ADDRESS);
	add(R, 2);
	ck_assert_int_eq(vm_map_place_fixed(&map, R - P, 2 * P, &range), KERN_NO_SPACE);
	ck_assert_int_eq(vm_map_place_fixed(&map, R + P, P, &range), KERN_NO_SPACE);
	ck_assert_int_eq(vm_map_place_fixed(&map, R + 2 * P, P, &range), KERN_SUCCESS);
}
END_TEST

START_TEST(first_fit_takes_the_lowest_hole_that_is_large_enough)
{
	uint64_t start;

	add(MIN, 1);
	add(MIN + 2 * P, 1);
	add(MIN + 5 * P, 1);
	ck_assert(vm_map_find_space(&map, P, &start));
	ck_assert_uint_eq(start, MIN + P);
	ck_assert(vm_map_find_space(&map, 2 * P, &start));
	ck_assert_uint_eq(start, MIN + 3 * P);
	ck_assert(vm_map_find_space(&map, 3 * P, &start));
	ck_assert_uint_eq(start, MIN + 6 * P);
	ck_assert_int_eq(add(MAX - P, 1), KERN_SUCCESS);
	ck_assert(!vm_map_find_space(&map, MAX - MIN - 6 * P, &start));
}
END_TEST

START_TEST(f135_to_f139_protect)
{
	add(R, 3);
	ck_assert_int_eq(protect(R, P, 8, false), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(protect(R, P, 0x10, false), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(protect(0, P, -1, false), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(protect(R + P, P, VM_PROT_READ, true), KERN_SUCCESS);
	ck_assert_int_eq(vm_map_at(&map, R + P)->protection, VM_PROT_READ);
	ck_assert_int_eq(vm_map_at(&map, R + P)->max_protection, VM_PROT_READ);
	/* The whole range is refused for its middle page. */
	ck_assert_int_eq(protect(R, 3 * P, VM_PROT_DEFAULT, false), KERN_PROTECTION_FAILURE);
	ck_assert_int_eq(protect(R, 3 * P, VM_PROT_ALL, true), KERN_PROTECTION_FAILURE);
	ck_assert_int_eq(protect(R, 3 * P, VM_PROT_NONE, false), KERN_SUCCESS);
	for (uint64_t i = 0; i < 3; i++)
		ck_assert_int_eq(vm_map_at(&map, R + i * P)->protection, VM_PROT_NONE);
	/* The maximum shrinks; the current protection never grows with it. */
	ck_assert_int_eq(protect(R, P, VM_PROT_READ, true), KERN_SUCCESS);
	ck_assert_int_eq(vm_map_at(&map, R)->protection, VM_PROT_NONE);
}
END_TEST

START_TEST(protect_reports_the_first_broken_rule_in_address_order)
{
	add(R, 1);
	add(R + 2 * P, 1);
	ck_assert_int_eq(protect(R, P, VM_PROT_READ, true), KERN_SUCCESS);
	ck_assert_int_eq(protect(R, 3 * P, VM_PROT_WRITE, false), KERN_PROTECTION_FAILURE);
	ck_assert_int_eq(protect(R + P, 2 * P, VM_PROT_WRITE, false), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(protect(R, 3 * P, VM_PROT_READ, false), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(protect(R, UINT64_MAX, VM_PROT_READ, false), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(protect(R, 0, VM_PROT_ALL, false), KERN_SUCCESS);
	ck_assert_int_eq(vm_map_at(&map, R)->protection, VM_PROT_READ);
	ck_assert_int_eq(protect(R + P, 0, VM_PROT_READ, false), KERN_INVALID_ADDRESS);
}
END_TEST

START_TEST(access_is_checked_over_the_whole_range)
{
	add(R, 2);
	protect(R + P, P, VM_PROT_READ, false);
	ck_assert_int_eq(vm_map_check_access(&map, R, 2 * P, VM_PROT_READ), KERN_SUCCESS);
	ck_assert_int_eq(vm_map_check_access(&map, R, P, VM_PROT_WRITE), KERN_SUCCESS);
	ck_assert_int_eq(vm_map_check_access(&map, R, P + 1, VM_PROT_WRITE),
			 KERN_PROTECTION_FAILURE);
	ck_assert_int_eq(vm_map_check_access(&map, R, 2 * P + 1, VM_PROT_READ),
			 KERN_INVALID_ADDRESS);
	ck_assert_int_eq(vm_map_check_access(&map, 0, 0, VM_PROT_READ), KERN_SUCCESS);
	ck_assert_int_eq(vm_map_check_access(&map, R, UINT64_MAX, VM_PROT_READ),
			 KERN_INVALID_ADDRESS);
}
END_TEST

START_TEST(a_full_map_refuses_what_needs_one_more_and_stays_as_it_is)
{
	for (uint64_t i = 0; i < VM_MAP_REGIONS_MAX; i++)
		ck_assert_int_eq(add(R + i * 4 * P, 3), KERN_SUCCESS);
	ck_assert_int_eq(add(R - P, 1), KERN_RESOURCE_SHORTAGE);
	ck_assert_int_eq(vm_map_inherit(&map, R + P, P, VM_INHERIT_NONE), KERN_RESOURCE_SHORTAGE);
	ck_assert_int_eq(protect(R, P, VM_PROT_READ, false), KERN_RESOURCE_SHORTAGE);
	expect_inheritance("CCC");
	ck_assert_int_eq(vm_map_inherit(&map, R, 3 * P, VM_INHERIT_NONE), KERN_SUCCESS);
	take(R, 3);
	ck_assert_int_eq(protect(R + 4 * P, P, VM_PROT_READ, false), KERN_SUCCESS);
	ck_assert_uint_eq(map.count, VM_MAP_REGIONS_MAX);
}
END_TEST

START_TEST(equal_parts_of_one_region_become_one_again)
{
	add(R, 3);
	add(R + 3 * P, 1);
	protect(R + P, P, VM_PROT_READ, false);
	ck_assert_uint_eq(map.count, 4);
	protect(R + P, P, VM_PROT_DEFAULT, false);
	/* The neighbour begins an object of its own, at offset 0. */
	ck_assert_uint_eq(map.count, 2);
	ck_assert_uint_eq(vm_map_at(&map, R)->end, R + 3 * P);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("memory_map");
	TCase *cases = tcase_create("map");

	tcase_add_checked_fixture(cases, setup, NULL);
	tcase_add_test(cases, a1_to_a3_each_inheritance_is_kept);
	tcase_add_test(cases, a4_to_a6_bad_inheritance_is_refused_before_the_range_is_looked_at);
	tcase_add_loop_test(cases, a7_to_a13_range_is_rounded_to_whole_pages, 0, 10);
	tcase_add_test(cases, a14_a15_size_zero_changes_nothing_anywhere);
	tcase_add_test(cases, a16_a17_a_hole_is_invalid_and_nothing_changes);
	tcase_add_test(cases, a18_a_range_that_wraps_or_leaves_is_invalid);
	tcase_add_test(cases, a22_to_a26_only_the_inheritance_changes_across_regions);
	tcase_add_test(cases, a28_wiring_is_kept);
	tcase_add_test(cases, f126_to_f129_placing);
	tcase_add_test(cases, first_fit_takes_the_lowest_hole_that_is_large_enough);
	tcase_add_test(cases, f135_to_f139_protect);
	tcase_add_test(cases, protect_reports_the_first_broken_rule_in_address_order);
	tcase_add_test(cases, access_is_checked_over_the_whole_range);
	tcase_add_test(cases, a_full_map_refuses_what_needs_one_more_and_stays_as_it_is);
	tcase_add_test(cases, equal_parts_of_one_region_become_one_again);
	suite_add_tcase(suite, cases);
	return run_suite(suite);
}
