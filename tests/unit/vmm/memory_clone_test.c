/*
 * Children's memory by inheritance and by clone, each task a process with a machine of its own, the
 * pager a test double on the same host. Numbers in names are the specification's cases.
 */
#include <check.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "run_suite.h"
#include "space_internal.h"
#include "memory_family.h"
#include "norma_abi.h"

START_TEST(b32_to_b41_each_inheritance_gives_what_it_says)
{
	parent_region(R, "SCN");
	struct peer child = peer_child(broker, &parent, EXPORT_CREATE);

	ck_assert_uint_eq(peer_get(&child, R), 1);
	ck_assert_uint_eq(peer_get(&child, R + P), 2);
	ck_assert_int_eq(touch(&child, R + 2 * P), KERN_INVALID_ADDRESS);
	ck_assert(is_shared_between(&parent, &child, R));
	ck_assert(!is_shared_between(&parent, &child, R + P));
	ck_assert(region_of(&parent, R).is_shared && region_of(&child, R).is_shared);
	ck_assert(!region_of(&parent, R + P).is_shared && !region_of(&child, R + P).is_shared);
	ck_assert_uint_eq(region_of(&child, R).inheritance, VM_INHERIT_SHARE);
	ck_assert_uint_eq(region_of(&child, R + P).inheritance, VM_INHERIT_COPY);
	/* The hole can be used, and is the child's own. */
	uint64_t hole = R + 2 * P;
	ck_assert_int_eq(peer_allocate(&child, &hole, P, SPACE_FIXED), KERN_SUCCESS);
	ck_assert_uint_eq(peer_get(&child, hole), 0);
	peer_put(&child, hole, 77);
	ck_assert_uint_eq(peer_get(&parent, hole), 3);
	peer_end(&child);
}
END_TEST

START_TEST(c63_to_c69_a_clone_shares_everything)
{
	parent_region(R, "SCN");
	struct peer child = peer_child(broker, &parent, EXPORT_CLONE);

	ck_assert_uint_eq(peer_pauses(&parent), 0);
	for (uint64_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(peer_get(&child, R + i * P), i + 1);
		ck_assert(is_shared_between(&parent, &child, R + i * P));
		ck_assert_uint_eq(region_of(&child, R + i * P).inheritance, i);
		ck_assert_uint_eq(region_of(&parent, R + i * P).inheritance, i);
		ck_assert(region_of(&parent, R + i * P).is_shared);
		ck_assert(region_of(&child, R + i * P).is_shared);
	}
	peer_end(&child);
}
END_TEST

/* Return: how many mappings of objects get their pages from cell 0. */
static unsigned int mappings_of_cell_0(const struct peer *peer)
{
	unsigned int count = 0;
	char path[64], line[512];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/numa_maps", peer->pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		count += strstr(line, "prefer") && strstr(line, ":0 ") && strstr(line, "/memfd:");
	if (file)
		fclose(file);
	return count;
}

/* The tasks of these tests are of cell 0: what the pager fills for them is to come from there. */
START_TEST(attached_objects_are_told_the_cell)
{
	struct peer child;

	if (access("/proc/self/numa_maps", R_OK) != 0)
		return;
	parent_region(R, "S");
	ck_assert_uint_eq(mappings_of_cell_0(&parent), 0);
	child = peer_child(broker, &parent, EXPORT_CLONE);
	ck_assert_uint_eq(mappings_of_cell_0(&child), 1);
	peer_end(&child);
}
END_TEST

START_TEST(b39_c69_untouched_memory_is_really_shared)
{
	uint64_t at = R;
	enum export_mode mode = _i ? EXPORT_CLONE : EXPORT_CREATE;

	ck_assert_int_eq(peer_allocate(&parent, &at, 64 * P, SPACE_FIXED), KERN_SUCCESS);
	peer_inherit(&parent, R, 64 * P, VM_INHERIT_SHARE);
	struct peer child = peer_child(broker, &parent, mode);
	peer_put(&child, R + 7 * P, 5);
	ck_assert_uint_eq(peer_get(&parent, R + 7 * P), 5);
	ck_assert_uint_eq(peer_get(&parent, R + 8 * P), 0);
	peer_end(&child);
}
END_TEST

START_TEST(b40_untouched_memory_copied_is_zero_and_private)
{
	uint64_t at = R;

	ck_assert_int_eq(peer_allocate(&parent, &at, 4 * P, SPACE_FIXED), KERN_SUCCESS);
	struct peer child = peer_child(broker, &parent, EXPORT_CREATE);
	ck_assert_uint_eq(peer_get(&child, R), 0);
	ck_assert(!is_shared_between(&parent, &child, R));
	peer_end(&child);
}
END_TEST

START_TEST(b33_copies_never_change_afterwards)
{
	parent_region(R, "CCC");
	struct peer first = peer_child(broker, &parent, EXPORT_CREATE);
	peer_put(&parent, R, 11);
	struct peer second = peer_child(broker, &parent, EXPORT_CREATE);
	peer_put(&parent, R, 12);
	peer_put(&second, R + P, 13);
	struct peer third = peer_child(broker, &second, EXPORT_CREATE);
	peer_put(&second, R, 14);
	ck_assert_uint_eq(peer_get(&first, R), 1);
	ck_assert_uint_eq(peer_get(&second, R), 14);
	ck_assert_uint_eq(peer_get(&third, R), 11);
	ck_assert_uint_eq(peer_get(&third, R + P), 13);
	ck_assert_uint_eq(peer_get(&parent, R), 12);
	ck_assert_uint_eq(peer_get(&parent, R + P), 2);
	peer_end(&first);
	peer_end(&second);
	ck_assert_uint_eq(peer_get(&third, R), 11);
	peer_end(&third);
}
END_TEST

START_TEST(b44_shares_stay_shared_over_three_generations)
{
	parent_region(R, "S");
	struct peer child = peer_child(broker, &parent, EXPORT_CREATE);
	struct peer grandchild = peer_child(broker, &child, EXPORT_CREATE);

	ck_assert(is_shared_between(&parent, &grandchild, R));
	ck_assert(is_shared_between(&child, &grandchild, R));
	peer_end(&child);
	ck_assert(is_shared_between(&parent, &grandchild, R));
	peer_end(&grandchild);
}
END_TEST

START_TEST(b45_chain_of_ten_copies)
{
	struct peer chain[10];

	parent_region(R, "CC");
	for (int i = 0; i < 10; i++) {
		struct peer *from = i ? &chain[i - 1] : &parent;

		chain[i] = peer_child(broker, from, EXPORT_CREATE);
		peer_put(&chain[i], R, (uint8_t)(20 + i));
	}
	for (int i = 0; i < 10; i++) {
		ck_assert_uint_eq(peer_get(&chain[i], R), 20u + (unsigned)i);
		ck_assert_uint_eq(peer_get(&chain[i], R + P), 2);
	}
	for (int i = 0; i < 10; i++)
		peer_end(&chain[i]);
	ck_assert_uint_eq(peer_get(&parent, R), 1);
}
END_TEST

/* State 2 -> copy: a snapshot; the parent stays shared with the others. */
START_TEST(a_copy_of_shared_memory_is_a_snapshot)
{
	parent_region(R, "NNN");
	struct peer sharer = peer_child(broker, &parent, EXPORT_CLONE);

	peer_inherit(&parent, R, 3 * P, VM_INHERIT_COPY);
	peer_protect(&parent, R + P, P, SPACE_PROTECT_CURRENT, VM_PROT_NONE);
	peer_put(&sharer, R, 40);
	struct peer copy = peer_child(broker, &parent, EXPORT_CREATE);
	ck_assert_uint_eq(peer_get(&copy, R), 40);
	peer_put(&sharer, R, 41);
	ck_assert_uint_eq(peer_get(&copy, R), 40);
	ck_assert(is_shared_between(&parent, &sharer, R));
	ck_assert(!is_shared_between(&parent, &copy, R));
	/* b49: what could not be read was copied too. */
	ck_assert_int_eq(touch(&copy, R + P), KERN_PROTECTION_FAILURE);
	ck_assert_int_eq(peer_protect(&copy, R + P, P, SPACE_PROTECT_CURRENT, VM_PROT_READ), 0);
	ck_assert_uint_eq(peer_get(&copy, R + P), 2);
	ck_assert_int_eq(peer_copy_in(&parent, R), 0);
	ck_assert_int_eq(peer_copy_in(&parent, R + P), -EFAULT);
	peer_end(&sharer);
	peer_end(&copy);
}
END_TEST

/* State 3 -> 2, clean and dirty: older copies stay as they were. */
START_TEST(private_memory_can_be_shared_later)
{
	parent_region(R, "CCC");
	struct peer copy = peer_child(broker, &parent, EXPORT_CREATE);

	peer_put(&parent, R, 60);
	peer_protect(&parent, R + 2 * P, P, SPACE_PROTECT_CURRENT, VM_PROT_NONE);
	struct peer clone = peer_child(broker, &parent, EXPORT_CLONE);
	ck_assert_uint_eq(peer_get(&clone, R), 60);
	ck_assert_uint_eq(peer_get(&clone, R + P), 2);
	ck_assert(is_shared_between(&parent, &clone, R));
	ck_assert(is_shared_between(&parent, &clone, R + P));
	peer_protect(&clone, R + 2 * P, P, SPACE_PROTECT_CURRENT, VM_PROT_DEFAULT);
	peer_protect(&parent, R + 2 * P, P, SPACE_PROTECT_CURRENT, VM_PROT_DEFAULT);
	ck_assert_uint_eq(peer_get(&clone, R + 2 * P), 3);
	ck_assert(is_shared_between(&parent, &clone, R + 2 * P));
	ck_assert_uint_eq(peer_get(&copy, R), 1);
	ck_assert(!is_shared_between(&parent, &copy, R));
	/* The child of a copy, cloned in turn. */
	struct peer copy_clone = peer_child(broker, &copy, EXPORT_CLONE);
	ck_assert(is_shared_between(&copy, &copy_clone, R));
	ck_assert(!is_shared_between(&copy, &parent, R));
	peer_end(&copy_clone);
	peer_end(&clone);
	peer_end(&copy);
}
END_TEST

START_TEST(b48_protections_are_the_parents)
{
	static const vm_prot_t current[] = {3, 1, 0, 5, 1};
	static const vm_prot_t maximum[] = {7, 7, 7, 7, 1};
	enum export_mode mode = _i ? EXPORT_CLONE : EXPORT_CREATE;

	parent_region(R, "CCCCC");
	for (uint64_t i = 0; i < 5; i++) {
		peer_protect(&parent, R + i * P, P, SPACE_PROTECT_MAXIMUM, maximum[i]);
		peer_protect(&parent, R + i * P, P, SPACE_PROTECT_CURRENT, current[i]);
	}
	struct peer child = peer_child(broker, &parent, mode);
	for (uint64_t i = 0; i < 5; i++) {
		struct space_region_info info = region_of(&child, R + i * P);

		ck_assert_int_eq(info.protection, current[i]);
		ck_assert_int_eq(info.max_protection, maximum[i]);
		if (maximum[i] & VM_PROT_WRITE) {
			peer_protect(&child, R + i * P, P, SPACE_PROTECT_CURRENT, VM_PROT_DEFAULT);
			ck_assert_uint_eq(peer_get(&child, R + i * P), i + 1);
		}
		ck_assert_int_eq(region_of(&parent, R + i * P).protection, current[i]);
	}
	peer_end(&child);
}
END_TEST

START_TEST(c81_c85_later_changes_stay_in_one_task)
{
	uint64_t at = R + 16 * P;

	parent_region(R, "CC");
	struct peer child = peer_child(broker, &parent, EXPORT_CLONE);
	ck_assert_int_eq(peer_allocate(&parent, &at, P, SPACE_FIXED), KERN_SUCCESS);
	ck_assert_int_eq(touch(&child, at), KERN_INVALID_ADDRESS);
	peer_inherit(&parent, R, P, VM_INHERIT_NONE);
	ck_assert_uint_eq(region_of(&child, R).inheritance, VM_INHERIT_COPY);
	peer_protect(&child, R, P, SPACE_PROTECT_CURRENT, VM_PROT_READ);
	peer_put(&parent, R, 9);
	ck_assert_uint_eq(peer_get(&child, R), 9);
	/* Deallocated and allocated again it is nobody else's. */
	peer_deallocate(&parent, R, P);
	ck_assert_uint_eq(peer_get(&child, R), 9);
	at = R;
	ck_assert_int_eq(peer_allocate(&parent, &at, P, SPACE_FIXED), KERN_SUCCESS);
	ck_assert_uint_eq(peer_get(&parent, R), 0);
	peer_put(&parent, R, 3);
	ck_assert_uint_eq(peer_get(&child, R), 9);
	ck_assert(is_shared_between(&parent, &child, R + P));
	peer_end(&child);
}
END_TEST

START_TEST(b47_c86_memory_outlives_its_parent)
{
	parent_region(R, "SCN");
	struct peer clone = peer_child(broker, &parent, EXPORT_CLONE);
	struct peer child = peer_child(broker, &clone, EXPORT_CREATE);

	peer_end(&parent);
	parent = peer_start(broker);
	for (uint64_t i = 0; i < 3; i++)
		ck_assert_uint_eq(peer_get(&clone, R + i * P), i + 1);
	peer_end(&clone);
	ck_assert_uint_eq(peer_get(&child, R), 1);
	ck_assert_uint_eq(peer_get(&child, R + P), 2);
	peer_end(&child);
}
END_TEST

static uint32_t mappings_of_memory(const struct peer *peer)
{
	uint32_t count = 0;
	char path[64], line[512];

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)peer->pid);
	FILE *maps = fopen(path, "re");
	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps))
		count += strstr(line, "memfd:norma-memory") != NULL;
	fclose(maps);
	return count;
}

/* What was mapped before is unmapped by a thread that nobody waits for. */
static void wait_mappings(const struct peer *peer, uint32_t count)
{
	uint64_t deadline_ns = clock_now_ns() + 30 * NS_PER_S;

	while (mappings_of_memory(peer) != count && clock_now_ns() < deadline_ns)
		sched_yield();
	ck_assert_uint_eq(mappings_of_memory(peer), count);
}

/* Also one whose export fails when its mappings have been moved. */
START_TEST(large_memory_is_frozen_whole_and_its_old_mapping_goes)
{
	enum { PAGES = 32 << 8 }; /* 32 MiB, from a place that no page table begins at */
	struct region_entry entries[EXPORT_MAX_REGIONS];
	uint32_t entry_count;
	uint64_t at = R;

	ck_assert_int_eq(peer_allocate(&parent, &at, PAGES * P, SPACE_FIXED), KERN_SUCCESS);
	for (uint64_t i = 0; i < PAGES; i += 5)
		peer_put(&parent, R + i * P, (uint8_t)(i % 255 + 1));
	if (_i) {
		peer_fail_at(&parent, SPACE_STEP_REMAP, 2);
		at = R + 2 * PAGES * P;
		ck_assert_int_eq(peer_allocate(&parent, &at, P, SPACE_FIXED), KERN_SUCCESS);
		ck_assert_int_ne(peer_export(&parent, EXPORT_CREATE, entries, &entry_count),
				 KERN_SUCCESS);
		wait_mappings(&parent, 2);
	}
	struct peer child = peer_child(broker, &parent, EXPORT_CREATE);
	for (uint64_t i = 0; i < PAGES; i += 5)
		peer_put(&parent, R + i * P, 0);
	for (uint64_t i = 0; i < PAGES; i++)
		ck_assert_uint_eq(peer_get(&child, R + i * P), i % 5 ? 0 : i % 255 + 1);
	wait_mappings(&parent, _i ? 2 : 1);
	peer_end(&child);
}
END_TEST

/* All of it holds for children by copying and for children by forking. */
static void add_tests(TCase *cases, void (*setup)(void))
{
	tcase_set_timeout(cases, 120);
	tcase_add_checked_fixture(cases, setup, family_teardown);
	tcase_add_test(cases, b32_to_b41_each_inheritance_gives_what_it_says);
	tcase_add_test(cases, c63_to_c69_a_clone_shares_everything);
	tcase_add_test(cases, attached_objects_are_told_the_cell);
	tcase_add_loop_test(cases, b39_c69_untouched_memory_is_really_shared, 0, 2);
	tcase_add_test(cases, b40_untouched_memory_copied_is_zero_and_private);
	tcase_add_test(cases, b33_copies_never_change_afterwards);
	tcase_add_test(cases, b44_shares_stay_shared_over_three_generations);
	tcase_add_test(cases, b45_chain_of_ten_copies);
	tcase_add_test(cases, a_copy_of_shared_memory_is_a_snapshot);
	tcase_add_test(cases, private_memory_can_be_shared_later);
	tcase_add_loop_test(cases, b48_protections_are_the_parents, 0, 2);
	tcase_add_test(cases, c81_c85_later_changes_stay_in_one_task);
	tcase_add_test(cases, b47_c86_memory_outlives_its_parent);
	tcase_add_loop_test(cases, large_memory_is_frozen_whole_and_its_old_mapping_goes, 0, 2);
}

int main(void)
{
	Suite *suite = suite_create("memory_clone");
	TCase *cases = tcase_create("clone");
	TCase *forked = tcase_create("fork");

	add_tests(cases, family_setup);
	add_tests(forked, family_setup_forking);
	suite_add_tcase(suite, cases);
	suite_add_tcase(suite, forked);
	return run_suite_kvm(suite);
}
