/*
 * Coherent objects between real pagers: what the threads of the tasks see.
 */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mach/kern_return.h>

#include "base/clock.h"
#include "service_family.h"

#define OBJECT_BYTES (64 * PAGE_BYTES)

static _Atomic uint64_t *word(uint64_t host, uint64_t offset)
{
	return (_Atomic uint64_t *)(void *)(views[host].at + offset);
}

START_TEST(a_store_is_seen_by_the_other_host)
{
	family_start(2, OBJECT_BYTES);
	atomic_store(word(0, 0), 1);
	ck_assert_uint_eq(atomic_load(word(1, 0)), 1);
	atomic_store(word(1, 0), 2);
	ck_assert_uint_eq(atomic_load(word(0, 0)), 2);
	atomic_store(word(0, 8), 3);
	ck_assert_uint_eq(atomic_load(word(1, 8)), 3);
	ck_assert_uint_eq(atomic_load(word(1, 0)), 2);
	family_stop();
}
END_TEST

START_TEST(what_was_there_before_the_join_is_seen)
{
	int memory = make_memory(OBJECT_BYTES);
	uint64_t value = 77;

	world_start(&world, 2);
	task_open(&tasks[0], &world, 0);
	task_open(&tasks[1], &world, 1);
	ck_assert_int_eq(pwrite(memory, &value, sizeof(value), 3 * PAGE_BYTES), sizeof(value));
	views[0] = task_share(&tasks[0], OBJECT_COHERENT, memory, OBJECT_BYTES, &object);
	atomic_store(word(0, 0), 78);
	close(memory);
	views[1] = task_use(&tasks[1], object);
	ck_assert_uint_eq(atomic_load(word(1, 3 * PAGE_BYTES)), 77);
	ck_assert_uint_eq(atomic_load(word(1, 0)), 78);
	/* a page that was mapped writable at home before must not be written unseen now */
	atomic_store(word(0, 0), 79);
	ck_assert_uint_eq(atomic_load(word(1, 0)), 79);
	family_stop();
}
END_TEST

START_TEST(untouched_pages_are_zero_everywhere_and_travel_as_a_flag)
{
	struct pager_statistics_reply before, after;

	family_start(2, OBJECT_BYTES);
	before = world_statistics(&world, 0);
	for (uint64_t at = 0; at < OBJECT_BYTES; at += PAGE_BYTES)
		ck_assert_uint_eq(atomic_load(word(1, at)), 0);
	after = world_statistics(&world, 0);
	ck_assert_uint_eq(after.pages_out - before.pages_out, 64);
	ck_assert_uint_lt(after.bytes_out - before.bytes_out, 64 * 512);
	for (uint64_t at = 0; at < OBJECT_BYTES; at += PAGE_BYTES)
		ck_assert_uint_eq(atomic_load(word(0, at)), 0);
	family_stop();
}
END_TEST

struct counter {
	unsigned int host;
	uint64_t rounds;
};

static void *count_up(void *data)
{
	const struct counter *counter = data;

	for (uint64_t i = 0; i < counter->rounds; i++)
		atomic_fetch_add(word(counter->host, 8 * PAGE_BYTES), 1);
	return NULL;
}

static void count_together(unsigned int hosts, unsigned int threads, uint64_t rounds)
{
	pthread_t ids[WORLD_MAX_HOSTS * 4];
	struct counter counters[WORLD_MAX_HOSTS * 4];
	unsigned int count = hosts * threads;

	for (unsigned int i = 0; i < count; i++) {
		counters[i] = (struct counter){.host = i % hosts, .rounds = rounds};
		ck_assert_int_eq(pthread_create(&ids[i], NULL, count_up, &counters[i]), 0);
	}
	for (unsigned int i = 0; i < count; i++)
		pthread_join(ids[i], NULL);
	for (unsigned int host = 0; host < hosts; host++)
		ck_assert_uint_eq(atomic_load(word(host, 8 * PAGE_BYTES)), count * rounds);
}

START_TEST(no_increment_is_lost_between_two_hosts)
{
	family_start(2, OBJECT_BYTES);
	count_together(2, 1, 500000);
	family_stop();
}
END_TEST

START_TEST(no_increment_is_lost_between_three_hosts_with_two_threads_each)
{
	family_start(3, OBJECT_BYTES);
	count_together(3, 2, 100000);
	family_stop();
}
END_TEST

#define SWAPS 150

static void *write_by_turns(void *data)
{
	uint64_t host = *(uint64_t *)data;

	for (uint64_t i = 0; i < SWAPS; i++) {
		uint64_t expected = 2 * i + host;

		while (!atomic_compare_exchange_strong(word(host, 0), &expected, 2 * i + host + 1))
			expected = 2 * i + host;
	}
	return NULL;
}

/* Each of 300 transfers would take a second if the page were kept for all of its hold: longer than
 * the test may take. */
START_TEST(a_page_goes_on_as_soon_as_it_was_written)
{
	uint64_t hosts[] = {0, 1};
	pthread_t threads[2];

	world.hold_us = 1000000;
	family_start(2, OBJECT_BYTES);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, write_by_turns, &hosts[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(atomic_load(word(0, 0)), 2 * SWAPS);
	family_stop();
}
END_TEST

#define PASSES 2000

static void *send_values(void *data)
{
	(void)data;
	for (uint64_t i = 1; i <= PASSES; i++) {
		atomic_store_explicit(word(0, 0), i, memory_order_relaxed);
		atomic_store_explicit(word(0, PAGE_BYTES), i, memory_order_release);
		while (atomic_load_explicit(word(0, 2 * PAGE_BYTES), memory_order_acquire) != i)
			; /* the answer comes through the object itself */
	}
	return NULL;
}

/* Of a message that is lost the threads would never hear again: each pass has a deadline of its
 * own, because all of them together take as long as the machine is busy. */
START_TEST(data_is_never_older_than_its_flag)
{
	pthread_t sender;

	family_start(2, OBJECT_BYTES);
	ck_assert_int_eq(pthread_create(&sender, NULL, send_values, NULL), 0);
	for (uint64_t i = 1; i <= PASSES; i++) {
		uint64_t deadline = clock_now_ns() + 10 * NS_PER_S;

		while (atomic_load_explicit(word(1, PAGE_BYTES), memory_order_acquire) != i)
			ck_assert_uint_lt(clock_now_ns(), deadline);
		ck_assert_uint_eq(atomic_load_explicit(word(1, 0), memory_order_relaxed), i);
		atomic_store_explicit(word(1, 2 * PAGE_BYTES), i, memory_order_release);
	}
	pthread_join(sender, NULL);
	family_stop();
}
END_TEST

START_TEST(a_reader_becomes_a_writer_without_another_copy_of_the_page)
{
	struct pager_statistics_reply before, after;

	family_start(2, OBJECT_BYTES);
	atomic_store(word(0, 0), 5);
	ck_assert_uint_eq(atomic_load(word(1, 0)), 5);
	before = world_statistics(&world, 1);
	atomic_store(word(1, 0), 6);
	after = world_statistics(&world, 1);
	ck_assert_uint_eq(after.pages_in, before.pages_in);
	ck_assert_uint_eq(atomic_load(word(0, 0)), 6);
	family_stop();
}
END_TEST

START_TEST(readers_share_and_a_writer_invalidates_them_all)
{
	struct pager_statistics_reply before, after;

	family_start(3, OBJECT_BYTES);
	for (uint64_t i = 1; i <= 50; i++) {
		atomic_store(word(i % 3, 0), i);
		for (unsigned int host = 0; host < 3; host++)
			ck_assert_uint_eq(atomic_load(word(host, 0)), i);
	}
	before = world_statistics(&world, 1);
	for (int i = 0; i < 1000; i++)
		ck_assert_uint_eq(atomic_load(word(1, 0)), 50);
	after = world_statistics(&world, 1);
	ck_assert_uint_eq(after.faults, before.faults);
	family_stop();
}
END_TEST

START_TEST(two_tasks_of_one_host_see_the_other_host_alike)
{
	struct task sibling;
	struct view view;

	family_start(2, OBJECT_BYTES);
	task_open(&sibling, &world, 1);
	view = task_use(&sibling, object);
	for (uint64_t i = 1; i <= 20; i++) {
		atomic_store(word(0, 0), i);
		ck_assert_uint_eq(view.at[0], i);
		ck_assert_uint_eq(views[1].at[0], i);
		view.at[1] = (uint8_t)i;
		ck_assert_uint_eq(views[1].at[1], i);
		ck_assert_uint_eq(views[0].at[1], i);
		views[1].at[1] = 0;
	}
	task_close(&sibling);
	view_done(&view);
	family_stop();
}
END_TEST

START_TEST(a_host_that_leaves_gives_its_pages_back)
{
	family_start(3, OBJECT_BYTES);
	for (uint64_t at = 0; at < OBJECT_BYTES; at += PAGE_BYTES)
		atomic_store(word(1, at), at + 1);
	(void)atomic_load(word(2, 0));
	task_close(&tasks[1]);
	view_done(&views[1]);
	world_await_objects(&world, 1, 0);
	for (uint64_t at = 0; at < OBJECT_BYTES; at += PAGE_BYTES) {
		ck_assert_uint_eq(atomic_load(word(0, at)), at + 1);
		ck_assert_uint_eq(atomic_load(word(2, at)), at + 1);
	}
	ck_assert_uint_eq(world_statistics(&world, 0).lost_pages, 0);
	/* and may come back */
	task_open(&tasks[1], &world, 1);
	views[1] = task_use(&tasks[1], object);
	ck_assert_uint_eq(atomic_load(word(1, PAGE_BYTES)), PAGE_BYTES + 1);
	family_stop();
}
END_TEST

START_TEST(home_keeps_an_object_that_only_others_use)
{
	family_start(3, OBJECT_BYTES);
	atomic_store(word(0, 0), 42);
	task_close(&tasks[0]);
	view_done(&views[0]);
	ck_assert_uint_eq(atomic_load(word(1, 0)), 42);
	atomic_store(word(1, 0), 43);
	ck_assert_uint_eq(atomic_load(word(2, 0)), 43);
	ck_assert_uint_eq(world_statistics(&world, 0).objects, 1);
	task_open(&tasks[0], &world, 0);
	views[0] = task_use(&tasks[0], object);
	ck_assert_uint_eq(atomic_load(word(0, 0)), 43);
	family_stop();
}
END_TEST

static void store_everywhere(uint64_t value)
{
	for (uint64_t at = 0; at < OBJECT_BYTES; at += PAGE_BYTES)
		atomic_store(word(0, at), value);
}

START_TEST(alone_again_home_serves_itself_and_can_share_anew)
{
	struct pager_statistics_reply before, after;

	family_start(2, OBJECT_BYTES);
	for (uint64_t at = 0; at < OBJECT_BYTES; at += PAGE_BYTES)
		(void)atomic_load(word(1, at));
	task_close(&tasks[1]);
	view_done(&views[1]);
	world_await_objects(&world, 1, 0);
	store_everywhere(1); /* takes each page's write protection away, once */
	before = world_statistics(&world, 0);
	store_everywhere(2);
	after = world_statistics(&world, 0);
	ck_assert_uint_eq(after.faults, before.faults);
	ck_assert_uint_eq(after.pages_in, before.pages_in);
	task_open(&tasks[1], &world, 1);
	views[1] = task_use(&tasks[1], object);
	for (uint64_t at = 0; at < OBJECT_BYTES; at += PAGE_BYTES)
		ck_assert_uint_eq(atomic_load(word(1, at)), 2);
	family_stop();
}
END_TEST

#define SCAN_PAGES 1024u

static void check_scan(const struct view *view, uint64_t value)
{
	for (uint64_t page = 0; page < SCAN_PAGES; page++) {
		const volatile uint64_t *word = (const void *)(view->at + page * PAGE_BYTES);

		ck_assert_uint_eq(*word, value + page);
	}
}

static void write_all_pages(const struct view *view, uint64_t value)
{
	for (uint64_t page = 0; page < SCAN_PAGES; page++)
		*(volatile uint64_t *)(void *)(view->at + page * PAGE_BYTES) = value + page;
}

/* What was fetched before it was touched is as current as everything else. */
START_TEST(pages_that_are_read_in_sequence_come_ahead_and_stay_current)
{
	uint64_t bytes = SCAN_PAGES * PAGE_BYTES, before, faults, id;
	int memory = make_memory(bytes);
	struct task home, user;
	struct view mine, theirs;

	world_start(&world, 2);
	task_open(&home, &world, 0);
	task_open(&user, &world, 1);
	mine = task_share(&home, OBJECT_COHERENT, memory, bytes, &id);
	write_all_pages(&mine, 1000000);
	theirs = task_use(&user, id);
	before = world_statistics(&world, 1).faults;
	for (uint64_t round = 1; round <= 3; round++) {
		check_scan(&theirs, round * 1000000);
		if (round == 1) {
			faults = world_statistics(&world, 1).faults - before;
			ck_assert_uint_lt(faults, SCAN_PAGES / 2);
		}
		write_all_pages(round == 2 ? &theirs : &mine, (round + 1) * 1000000);
	}
	check_scan(&theirs, 4000000);
	check_scan(&mine, 4000000);
	close(memory);
	task_close(&user);
	task_close(&home);
	view_done(&theirs);
	view_done(&mine);
	world_stop(&world);
}
END_TEST

static Suite *suite(void)
{
	Suite *all = suite_create("pager service: coherent objects");
	TCase *tests = tcase_create("coherent");

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, a_store_is_seen_by_the_other_host);
	tcase_add_test(tests, what_was_there_before_the_join_is_seen);
	tcase_add_test(tests, untouched_pages_are_zero_everywhere_and_travel_as_a_flag);
	tcase_add_test(tests, no_increment_is_lost_between_two_hosts);
	tcase_add_test(tests, no_increment_is_lost_between_three_hosts_with_two_threads_each);
	tcase_add_test(tests, a_page_goes_on_as_soon_as_it_was_written);
	tcase_add_test(tests, data_is_never_older_than_its_flag);
	tcase_add_test(tests, a_reader_becomes_a_writer_without_another_copy_of_the_page);
	tcase_add_test(tests, readers_share_and_a_writer_invalidates_them_all);
	tcase_add_test(tests, two_tasks_of_one_host_see_the_other_host_alike);
	tcase_add_test(tests, a_host_that_leaves_gives_its_pages_back);
	tcase_add_test(tests, home_keeps_an_object_that_only_others_use);
	tcase_add_test(tests, alone_again_home_serves_itself_and_can_share_anew);
	tcase_add_test(tests, pages_that_are_read_in_sequence_come_ahead_and_stay_current);
	suite_add_tcase(all, tests);
	return all;
}

int main(void)
{
	return world_main(suite());
}
