/*
 * Memory whose pages come from elsewhere: copying what is not here yet, pages that are lost, and a
 * pager that dies. The test double supplies a child's pages on demand into memfds that begin empty.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory_peer.h"
#include "run_suite.h"

#define P UINT64_C(4096)
#define R UINT64_C(0x100000)

static struct broker *broker;
static struct peer parent, child;

static void setup(void)
{
	broker = broker_new(BROKER_REMOTE);
	parent = peer_start(broker);
}

static void teardown(void)
{
	peer_end(&parent);
	if (broker)
		broker_free(broker);
}

/* Pages of one region, page i holding i + 1, except those in `untouched`. */
static void parent_region(uint64_t address, uint64_t pages, uint64_t untouched)
{
	uint64_t at = address;

	ck_assert_int_eq(peer_allocate(&parent, &at, pages * P, SPACE_FIXED), KERN_SUCCESS);
	for (uint64_t i = 0; i < pages; i++)
		if (!(untouched >> i & 1))
			peer_put(&parent, at + i * P, (uint8_t)(i + 1));
}

static kern_return_t touch(struct peer *peer, uint64_t address)
{
	uint8_t byte;

	return peer_read(peer, address, &byte, 1);
}

START_TEST(pages_come_when_they_are_touched)
{
	parent_region(R, 8, 0);
	child = peer_child(broker, &parent, _i ? EXPORT_CLONE : EXPORT_CREATE);
	ck_assert_uint_eq(broker_count(broker).pages_supplied, 0);
	ck_assert_uint_eq(peer_get(&child, R + 5 * P), 6);
	ck_assert_uint_eq(broker_count(broker).pages_supplied, 1);
	peer_end(&child);
}
END_TEST

/* 3 -> 3 dirty and 3 -> 2, where most of the base was never here. */
START_TEST(a_copy_of_a_copy_is_complete_though_its_base_is_elsewhere)
{
	parent_region(R, 16, 1 << 9);
	ck_assert_int_eq(peer_protect(&parent, R + 12 * P, 4 * P, SPACE_PROTECT_CURRENT, 0), 0);
	child = peer_child(broker, &parent, EXPORT_CREATE);
	peer_put(&child, R + 3 * P, 70);
	ck_assert_int_eq(peer_protect(&child, R + 12 * P, 4 * P, SPACE_PROTECT_CURRENT, 3), 0);
	peer_put(&child, R + 13 * P, 71);
	ck_assert_int_eq(peer_protect(&child, R + 12 * P, 4 * P, SPACE_PROTECT_CURRENT, 0), 0);
	struct peer last = peer_child(broker, &child, _i ? EXPORT_CLONE : EXPORT_CREATE);
	ck_assert_int_eq(peer_protect(&last, R + 12 * P, 4 * P, SPACE_PROTECT_CURRENT, 3), 0);
	for (uint64_t i = 0; i < 16; i++) {
		uint8_t wanted = (uint8_t)(i == 3 ? 70 : i == 13 ? 71 : i == 9 ? 0 : i + 1);

		ck_assert_uint_eq(peer_get(&last, R + i * P), wanted);
	}
	ck_assert_uint_eq(peer_get(&parent, R + 3 * P), 4);
	ck_assert_int_eq(peer_copy_in(&child, R + 12 * P), -EFAULT);
	ck_assert_uint_eq(peer_get(&child, R + 15 * P - 12 * P), 70);
	peer_end(&last);
	peer_end(&child);
}
END_TEST

/* 2 -> copy, where the file here has only some of the pages. */
START_TEST(a_copy_of_shared_memory_fetches_what_is_elsewhere)
{
	parent_region(R, 8, 1 << 2);
	child = peer_child(broker, &parent, EXPORT_CLONE);
	ck_assert_uint_eq(peer_get(&child, R + P), 2);
	struct peer copy = peer_child(broker, &child, EXPORT_CREATE);
	for (uint64_t i = 0; i < 8; i++)
		ck_assert_uint_eq(peer_get(&copy, R + i * P), i == 2 ? 0 : i + 1);
	peer_end(&copy);
	peer_end(&child);
}
END_TEST

START_TEST(a_lost_page_is_an_error_to_readers_and_fails_copies)
{
	static struct region_entry entries[EXPORT_MAX_REGIONS];
	uint32_t count;

	parent_region(R, 8, 0);
	child = peer_child(broker, &parent, _i ? EXPORT_CLONE : EXPORT_CREATE);
	broker_lose_offset(broker, 6 * P);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(touch(&child, R + 6 * P), KERN_MEMORY_ERROR);
	ck_assert_uint_eq(peer_get(&child, R + 5 * P), 6);
	if (!_i)
		peer_put(&child, R, 50);
	ck_assert_int_eq(peer_export(&child, EXPORT_CREATE, entries, &count), KERN_MEMORY_ERROR);
	ck_assert_uint_eq(peer_get(&child, R), _i ? 1 : 50);
	ck_assert_uint_eq(peer_get(&child, R + 7 * P), 8);
	/* Given up, the rest can be copied. */
	ck_assert_int_eq(peer_deallocate(&child, R + 6 * P, P), KERN_SUCCESS);
	struct peer copy = peer_child(broker, &child, EXPORT_CREATE);
	ck_assert_uint_eq(peer_get(&copy, R + 7 * P), 8);
	peer_end(&copy);
	peer_end(&child);
}
END_TEST

static void kill_broker(void)
{
	broker_free(broker);
	broker = NULL;
}

START_TEST(after_the_pagers_death_no_page_is_zero_or_stale)
{
	static struct region_entry entries[EXPORT_MAX_REGIONS];
	uint64_t shared = R, frozen = R + 100 * P, local = R + 200 * P;
	uint32_t count;

	parent_region(shared, 4, 0);
	ck_assert_int_eq(peer_inherit(&parent, shared, 4 * P, VM_INHERIT_SHARE), 0);
	parent_region(frozen, 4, 0);
	child = peer_child(broker, &parent, EXPORT_CREATE);
	ck_assert_int_eq(peer_allocate(&child, &local, P, SPACE_FIXED), KERN_SUCCESS);
	peer_put(&child, local, 9);
	peer_put(&child, shared, 40);
	ck_assert_uint_eq(peer_get(&child, shared + P), 2);
	ck_assert_uint_eq(peer_get(&child, frozen), 1);
	peer_put(&child, frozen + P, 50);
	kill_broker();
	peer_wait_pager_lost(&child);
	peer_wait_pager_lost(&parent);
	for (uint64_t i = 0; i < 4; i++) {
		uint8_t byte = 1;

		ck_assert_int_eq(touch(&child, shared + i * P), KERN_MEMORY_ERROR);
		ck_assert_int_eq(peer_write(&child, shared + i * P, &byte, 1), KERN_MEMORY_ERROR);
	}
	ck_assert_uint_eq(peer_get(&child, frozen), 1);
	ck_assert_uint_eq(peer_get(&child, frozen + P), 50);
	peer_put(&child, frozen, 51);
	ck_assert_uint_eq(peer_get(&child, frozen), 51);
	ck_assert_int_eq(touch(&child, frozen + 2 * P), KERN_MEMORY_ERROR);
	ck_assert_int_eq(touch(&child, frozen + 3 * P), KERN_MEMORY_ERROR);
	peer_put(&child, local, 10);
	ck_assert_uint_eq(peer_get(&child, local), 10);
	/* Nobody elsewhere was concerned with the parent's. */
	for (uint64_t i = 0; i < 4; i++) {
		ck_assert_uint_eq(peer_get(&parent, shared + i * P), i + 1);
		peer_put(&parent, frozen + i * P, 60);
		ck_assert_uint_eq(peer_get(&parent, frozen + i * P), 60);
	}
	ck_assert_int_eq(peer_export(&parent, EXPORT_CREATE, entries, &count), KERN_FAILURE);
	ck_assert_uint_eq(peer_get(&parent, frozen), 60);
	/* The addresses can be used for something else. */
	ck_assert_int_eq(peer_deallocate(&child, shared, 4 * P), KERN_SUCCESS);
	ck_assert_int_eq(peer_allocate(&child, &shared, 4 * P, SPACE_FIXED), KERN_SUCCESS);
	ck_assert_uint_eq(peer_get(&child, shared), 0);
	ck_assert_int_eq(peer_discard(&child, frozen, 4 * P), 0);
	ck_assert_uint_eq(peer_get(&child, frozen + 3 * P), 0);
	peer_end(&child);
}
END_TEST

/* Whoever waits for a page waits inside the space's lock: the death must end the wait, not wait for
 * the lock. */
START_TEST(the_pagers_death_ends_waits_for_its_pages)
{
	parent_region(R, 8, 0);
	child = peer_child(broker, &parent, _i % 2 ? EXPORT_CLONE : EXPORT_CREATE);
	if (_i % 2 == 0)
		peer_put(&child, R, 50);
	peer_watch_pager(&child);
	broker_stall(broker);
	if (_i < 2)
		peer_read_begin(&child, R + 5 * P);
	else
		peer_export_begin(&child, EXPORT_CREATE);
	broker_wait_stalled(broker);
	kill_broker();
	ck_assert_int_eq(peer_finish(&child), KERN_MEMORY_ERROR);
	ck_assert_int_eq(touch(&child, R + 5 * P), KERN_MEMORY_ERROR);
	peer_end(&child);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("memory_remote");
	TCase *cases = tcase_create("remote");

	tcase_set_timeout(cases, 60);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_loop_test(cases, pages_come_when_they_are_touched, 0, 2);
	tcase_add_loop_test(cases, a_copy_of_a_copy_is_complete_though_its_base_is_elsewhere, 0, 2);
	tcase_add_test(cases, a_copy_of_shared_memory_fetches_what_is_elsewhere);
	tcase_add_loop_test(cases, a_lost_page_is_an_error_to_readers_and_fails_copies, 0, 2);
	tcase_add_test(cases, after_the_pagers_death_no_page_is_zero_or_stale);
	tcase_add_loop_test(cases, the_pagers_death_ends_waits_for_its_pages, 0, 4);
	suite_add_tcase(suite, cases);
	return run_suite_kvm(suite);
}
