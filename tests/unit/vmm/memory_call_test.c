/*
 * vm_map, vm_copy, vm_behavior_set and the limit of a task's memory. Numbers in names are
 * the specification's cases.
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

static const struct space_attributes plain = {VM_PROT_DEFAULT, VM_PROT_ALL, VM_INHERIT_COPY};

static kern_return_t map_at(uint64_t address, uint64_t mask, bool is_anywhere, uint64_t bytes,
			    uint64_t *ret_address)
{
	struct space_place_request place = {address, mask, is_anywhere};

	return peer_map_region(&parent, &place, &plain, bytes, ret_address);
}

START_TEST(f143_vm_map_refuses_bad_arguments)
{
	struct space_place_request place = {R, 0, false};
	struct space_attributes bad[] = {{8, VM_PROT_ALL, 1},
					 {VM_PROT_ALL, 0x10, 1},
					 {-1, -1, 1},
					 {1, 7, 3},
					 {1, 7, 0xffffffff}};
	struct space_region_info info;
	uint64_t at;

	ck_assert_int_eq(map_at(R, 0, false, 0, &at), KERN_INVALID_ARGUMENT);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(peer_map_region(&parent, &place, &bad[i], P, &at),
				 KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(peer_region(&parent, 0, &info), KERN_INVALID_ADDRESS);
}
END_TEST

/* All combinations of attributes, a protection beyond the maximum among them. */
START_TEST(f145_f146_vm_map_sets_what_is_passed)
{
	for (int i = 0; i < 8 * 8 * 3; i++) {
		struct space_attributes attributes = {i & 7, (i >> 3) & 7, (vm_inherit_t)(i >> 6)};
		struct space_place_request place = {R + 2 * P * (uint64_t)i + 5, 0, false};
		uint64_t at;

		ck_assert_int_eq(peer_map_region(&parent, &place, &attributes, P + 1, &at), 0);
		ck_assert_uint_eq(at, R + 2 * P * (uint64_t)i);
		struct space_region_info info = region_of(&parent, at);
		ck_assert_int_eq(info.protection, attributes.protection);
		ck_assert_int_eq(info.max_protection, attributes.max_protection);
		ck_assert_uint_eq(info.inheritance, attributes.inheritance);
		if (attributes.protection & VM_PROT_READ)
			ck_assert_uint_eq(peer_get(&parent, at), 0);
	}
	/* A child of such a task gets the same. */
	struct peer child = peer_child(broker, &parent, EXPORT_CLONE);
	for (int i = 0; i < 8 * 8 * 3; i++) {
		struct space_region_info info = region_of(&child, R + 2 * P * (uint64_t)i);

		ck_assert_int_eq(info.protection, i & 7);
		ck_assert_int_eq(info.max_protection, (i >> 3) & 7);
	}
	peer_end(&child);
}
END_TEST

START_TEST(vm_map_honours_the_mask)
{
	uint64_t at;

	ck_assert_int_eq(map_at(0, 0, true, P, &at), 0);
	ck_assert_uint_eq(at, NORMA_USER_START);
	for (uint64_t mask = 0xfff; mask < 1ull << 32; mask = mask << 1 | 1) {
		ck_assert_int_eq(map_at(0, mask, true, P, &at), 0);
		ck_assert_uint_eq(at & mask, 0);
	}
	/* Any bits will do. */
	ck_assert_int_eq(map_at(0x5000, 0x1235a000, true, 3 * P, &at), 0);
	ck_assert_uint_eq(at & 0x1235a000, 0);
	/* From the address on, or else from the bottom. */
	ck_assert_int_eq(map_at(0x1000000123, 0, true, P, &at), 0);
	ck_assert_uint_eq(at, 0x1000000000);
	ck_assert_int_eq(map_at(NORMA_USER_END - P, 0, true, 2 * P, &at), 0);
	ck_assert_uint_lt(at, 0x1000000000);
	ck_assert_int_eq(map_at(0, NORMA_USER_END - 1, true, P, &at), KERN_NO_SPACE);
	ck_assert_int_eq(map_at(0, UINT64_MAX, true, P, &at), KERN_NO_SPACE);
	ck_assert_int_eq(map_at(0, 0, true, NORMA_USER_END, &at), KERN_NO_SPACE);
	ck_assert_int_eq(map_at(0, 0, true, UINT64_MAX, &at), KERN_NO_SPACE);
}
END_TEST

START_TEST(vm_map_at_an_address)
{
	uint64_t at;

	ck_assert_int_eq(map_at(R + P, 0x1fff, false, P, &at), KERN_NO_SPACE);
	ck_assert_int_eq(map_at(R + 1, 0xfff, false, P, &at), 0);
	ck_assert_int_eq(map_at(R, 0, false, P, &at), KERN_NO_SPACE);
	ck_assert_int_eq(map_at(NORMA_USER_END - P, 0, false, 2 * P, &at), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(map_at(0, 0, false, P, &at), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(map_at(R + 9 * P, 0, false, UINT64_MAX - R, &at), KERN_INVALID_ADDRESS);
}
END_TEST

/* ---- vm_copy ---- */

#define COPY_BYTES (700u << 10)

static uint8_t pattern(uint64_t i)
{
	return (uint8_t)(i * 31 + i / 251);
}

/* A range filled with the pattern. */
static void fill(uint64_t address, uint64_t bytes)
{
	static uint8_t data[32768];

	for (uint64_t done = 0; done < bytes; done += sizeof(data)) {
		uint64_t count = bytes - done < sizeof(data) ? bytes - done : sizeof(data);

		for (uint64_t i = 0; i < count; i++)
			data[i] = pattern(done + i);
		ck_assert_int_eq(peer_write(&parent, address + done, data, count), 0);
	}
}

static void check_filled(uint64_t address, uint64_t first, uint64_t bytes)
{
	static uint8_t data[32768];

	for (uint64_t done = 0; done < bytes; done += sizeof(data)) {
		uint64_t count = bytes - done < sizeof(data) ? bytes - done : sizeof(data);

		ck_assert_int_eq(peer_read(&parent, address + done, data, count), 0);
		for (uint64_t i = 0; i < count; i++)
			ck_assert_msg(data[i] == pattern(first + done + i), "byte %llu is wrong",
				      (unsigned long long)(done + i));
	}
}

/* Ranges that overlap by all but a little, in both directions, and longer than any buffer. */
START_TEST(vm_copy_of_overlapping_ranges_is_as_if_read_first)
{
	static const int64_t shifts[] = {1, -1, 4096, -4096, 100001, -100001, 0, 262144, -262144};
	uint64_t at = R;
	uint64_t from = R + 400000;

	ck_assert_int_eq(peer_allocate(&parent, &at, 2 * COPY_BYTES, SPACE_FIXED), 0);
	fill(from, COPY_BYTES);
	uint64_t to = from + (uint64_t)shifts[_i];
	ck_assert_int_eq(peer_copy(&parent, from, COPY_BYTES, to), 0);
	check_filled(to, 0, COPY_BYTES);
	if (shifts[_i] > 0)
		check_filled(from, 0, (uint64_t)shifts[_i]);
}
END_TEST

START_TEST(vm_copy_checks_both_ranges_before_it_changes_anything)
{
	parent_region(R, "CCC");
	parent_region(R + 4 * P, "CCC");
	ck_assert_int_eq(peer_copy(&parent, R, 0, 1), 0);
	ck_assert_int_eq(peer_copy(&parent, 3, 0, R), 0);
	ck_assert_int_eq(peer_copy(&parent, R + 2 * P, 2 * P, R + 4 * P), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(peer_copy(&parent, R, 3 * P + 1, R + 4 * P), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(peer_copy(&parent, R, 2 * P, R + 6 * P), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(peer_copy(&parent, R, UINT64_MAX, R + 4 * P), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(peer_copy(&parent, R, P, UINT64_MAX - 5), KERN_INVALID_ADDRESS);
	peer_protect(&parent, R + P, P, SPACE_PROTECT_CURRENT, VM_PROT_WRITE);
	ck_assert_int_eq(peer_copy(&parent, R, 2 * P, R + 4 * P), KERN_PROTECTION_FAILURE);
	peer_protect(&parent, R + P, P, SPACE_PROTECT_CURRENT, VM_PROT_READ);
	peer_protect(&parent, R + 5 * P, P, SPACE_PROTECT_CURRENT, VM_PROT_READ);
	ck_assert_int_eq(peer_copy(&parent, R + P, 2 * P, R + 4 * P), KERN_PROTECTION_FAILURE);
	ck_assert_uint_eq(peer_get(&parent, R + 4 * P), 1);
	/* The source is looked at first. */
	ck_assert_int_eq(peer_copy(&parent, R + 3 * P, P, R + 5 * P), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(peer_copy(&parent, R + 5 * P, P, R + 3 * P), KERN_INVALID_ADDRESS);
	/* Allowed now; attributes of the destination stay. */
	peer_inherit(&parent, R + 6 * P, P, VM_INHERIT_NONE);
	ck_assert_int_eq(peer_copy(&parent, R + P, P, R + 6 * P), 0);
	ck_assert_uint_eq(peer_get(&parent, R + 6 * P), 2);
	ck_assert_uint_eq(region_of(&parent, R + 6 * P).inheritance, VM_INHERIT_NONE);
	ck_assert_int_eq(region_of(&parent, R + 6 * P).protection, VM_PROT_DEFAULT);
}
END_TEST

START_TEST(e120_vm_copy_onto_shared_memory_is_seen_by_sharers)
{
	parent_region(R, "SC");
	struct peer child = peer_child(broker, &parent, EXPORT_CREATE);

	ck_assert_int_eq(peer_copy(&parent, R + P, P, R), 0);
	ck_assert_uint_eq(peer_get(&child, R), 2);
	ck_assert(region_of(&parent, R).is_shared);
	ck_assert(is_shared_between(&parent, &child, R));
	/* Onto a private one it is not. */
	peer_put(&parent, R, 99);
	ck_assert_int_eq(peer_copy(&parent, R, P, R + P), 0);
	ck_assert_uint_eq(peer_get(&parent, R + P), 99);
	ck_assert_uint_eq(peer_get(&child, R + P), 2);
	peer_end(&child);
}
END_TEST

/* ---- vm_behavior_set and the limit ---- */

START_TEST(f155_behavior_is_checked_noted_and_inherited)
{
	parent_region(R, "CCC");
	ck_assert_int_eq(peer_behavior(&parent, R, P, 4), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(peer_behavior(&parent, R + 9 * P, P, -1), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(peer_behavior(&parent, R + P, 3 * P, VM_BEHAVIOR_RANDOM),
			 KERN_INVALID_ADDRESS);
	ck_assert_int_eq(region_of(&parent, R + P).behavior, VM_BEHAVIOR_DEFAULT);
	ck_assert_int_eq(peer_behavior(&parent, R + P, 1, VM_BEHAVIOR_SEQUENTIAL), 0);
	ck_assert_int_eq(region_of(&parent, R).behavior, VM_BEHAVIOR_DEFAULT);
	ck_assert_int_eq(region_of(&parent, R + P).behavior, VM_BEHAVIOR_SEQUENTIAL);
	ck_assert_int_eq(region_of(&parent, R + 2 * P).behavior, VM_BEHAVIOR_DEFAULT);
	struct peer child = peer_child(broker, &parent, EXPORT_CREATE);
	struct peer clone = peer_child(broker, &parent, EXPORT_CLONE);
	ck_assert_int_eq(region_of(&child, R + P).behavior, VM_BEHAVIOR_SEQUENTIAL);
	ck_assert_int_eq(region_of(&clone, R + P).behavior, VM_BEHAVIOR_SEQUENTIAL);
	peer_end(&child);
	peer_end(&clone);
}
END_TEST

START_TEST(limit_of_memory_is_enforced_however_memory_is_got)
{
	uint64_t at = R;

	ck_assert_int_eq(peer_allocate(&parent, &at, 8 * P, SPACE_FIXED), 0);
	peer_limit(&parent, 10 * P);
	ck_assert_int_eq(peer_allocate(&parent, &at, 3 * P, SPACE_ANYWHERE),
			 KERN_RESOURCE_SHORTAGE);
	ck_assert_int_eq(map_at(0, 0, true, 3 * P, &at), KERN_RESOURCE_SHORTAGE);
	struct space_map_request request = {.address = R + 6 * P,
					    .bytes = 5 * P,
					    .placement = SPACE_FIXED_REPLACE,
					    .protection = 3,
					    .max_protection = 7,
					    .inheritance = 1};
	ck_assert_int_eq(peer_map(&parent, &request, &at), -ENOMEM);
	/* What is replaced is given back. */
	request.bytes = 4 * P;
	ck_assert_int_eq(peer_map(&parent, &request, &at), 0);
	ck_assert_uint_eq(peer_virtual_bytes(&parent), 10 * P);
	ck_assert_int_eq(peer_grow(&parent, R + 6 * P, R + 10 * P, R + 11 * P), -ENOMEM);
	/* Lowered below what there is: that stays, no more comes. */
	peer_limit(&parent, P);
	ck_assert_int_eq(peer_allocate(&parent, &at, P, SPACE_ANYWHERE), KERN_RESOURCE_SHORTAGE);
	ck_assert_int_eq(peer_map(&parent, &request, &at), 0);
	ck_assert_int_eq(peer_discard(&parent, R, 8 * P), 0);
	ck_assert_int_eq(peer_deallocate(&parent, R, 10 * P), 0);
	ck_assert_int_eq(peer_allocate(&parent, &at, P, SPACE_ANYWHERE), 0);
	peer_limit(&parent, 0);
	ck_assert_int_eq(peer_allocate(&parent, &at, 100 * P, SPACE_ANYWHERE), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("memory_call");
	TCase *c = tcase_create("call");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, family_setup, family_teardown);
	tcase_add_test(c, f143_vm_map_refuses_bad_arguments);
	tcase_add_test(c, f145_f146_vm_map_sets_what_is_passed);
	tcase_add_test(c, vm_map_honours_the_mask);
	tcase_add_test(c, vm_map_at_an_address);
	tcase_add_loop_test(c, vm_copy_of_overlapping_ranges_is_as_if_read_first, 0, 9);
	tcase_add_test(c, vm_copy_checks_both_ranges_before_it_changes_anything);
	tcase_add_test(c, e120_vm_copy_onto_shared_memory_is_seen_by_sharers);
	tcase_add_test(c, f155_behavior_is_checked_noted_and_inherited);
	tcase_add_test(c, limit_of_memory_is_enforced_however_memory_is_got);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite_kvm(suite());
}
