/*
 * Coherent pages that are asked for in runs, because a task reads one after the other: between real
 * pagers, with others at the same pages.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "service_family.h"

/* Several units of 2 MiB, and an end inside one. */
#define PAGES	     (4 * 512 + 37u)
#define OBJECT_BYTES (PAGES * PAGE_BYTES)

static _Atomic uint64_t *word(unsigned int host, uint64_t page)
{
	return (_Atomic uint64_t *)(void *)page_at(host, page);
}

static void fill(unsigned int host, uint64_t value)
{
	for (uint64_t page = 0; page < PAGES; page++)
		atomic_store(word(host, page), value + page);
}

static void check_scan(unsigned int host, uint64_t value)
{
	for (uint64_t page = 0; page < PAGES; page++)
		ck_assert_uint_eq(atomic_load(word(host, page)), value + page);
}

/* The second time what was asked for is current, not what is left of the first. */
START_TEST(a_scan_reads_every_page_as_it_is_and_takes_few_faults)
{
	struct pager_statistics_reply before, after;

	family_start(2, OBJECT_BYTES);
	for (uint64_t round = 1; round <= 3; round++) {
		fill(0, round * 1000000);
		before = world_statistics(&world, 1);
		check_scan(1, round * 1000000);
		after = world_statistics(&world, 1);
		ck_assert_uint_lt(after.faults - before.faults, PAGES / 8);
		ck_assert_uint_eq(after.pages_in - before.pages_in, PAGES);
	}
	family_stop();
}
END_TEST

START_TEST(a_mapping_of_the_middle_is_read_like_the_whole)
{
	const uint64_t first = 300, count = 1500;
	struct task task;
	struct view view;
	int memory;

	family_start(2, OBJECT_BYTES);
	fill(0, 5000);
	task_open(&task, &world, 1);
	ck_assert_int_eq(task_attach(&task, object, &memory, NULL), 0);
	view.bytes = count * PAGE_BYTES;
	view.at = mmap(NULL, view.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory,
		       (off_t)(first * PAGE_BYTES));
	ck_assert_ptr_ne(view.at, MAP_FAILED);
	ck_assert_int_eq(task_map(&task, object, first * PAGE_BYTES, view.at, view.bytes), 0);
	for (uint64_t page = 0; page < count; page++)
		ck_assert_uint_eq(*(uint64_t *)(void *)(view.at + page * PAGE_BYTES),
				  5000 + first + page);
	close(memory);
	task_close(&task);
	view_done(&view);
	family_stop();
}
END_TEST

/* In the middle of runs there are pages that home has to get from elsewhere, or that are zero. */
START_TEST(pages_of_a_third_host_and_untouched_ones_come_in_their_places)
{
	family_start(3, OBJECT_BYTES);
	for (uint64_t page = 0; page < PAGES; page++)
		if (page % 5 != 0)
			atomic_store(word(page % 7 == 1 ? 2 : 0, page), page);
	for (uint64_t page = 0; page < PAGES; page++)
		ck_assert_uint_eq(atomic_load(word(1, page)), page % 5 ? page : 0);
	fill(2, 9000);
	check_scan(1, 9000);
	check_scan(0, 9000);
	family_stop();
}
END_TEST

static atomic_bool is_over;

/* Each store of home is one that a reader must never see undone. */
static void *write_on(void *unused)
{
	uint64_t value = 1;

	for (; !atomic_load(&is_over); value++)
		for (uint64_t i = 0; i < PAGES && !atomic_load(&is_over); i++)
			atomic_store(word(0, i * 769 % PAGES), value);
	return unused;
}

START_TEST(a_writer_at_home_and_a_scan_get_on_together)
{
	static uint64_t seen[PAGES];
	pthread_t writer;

	family_start(2, OBJECT_BYTES);
	ck_assert_int_eq(pthread_create(&writer, NULL, write_on, NULL), 0);
	for (unsigned int round = 0; round < 10; round++)
		for (uint64_t page = 0; page < PAGES; page++) {
			uint64_t value = atomic_load(word(1, page));

			ck_assert_uint_ge(value, seen[page]);
			seen[page] = value;
		}
	atomic_store(&is_over, true);
	pthread_join(writer, NULL);
	for (uint64_t page = 0; page < PAGES; page++)
		ck_assert_uint_eq(atomic_load(word(1, page)), atomic_load(word(0, page)));
	family_stop();
}
END_TEST

#define ROUNDS 4

/* Touches pages far before and behind the one that the scan is at. */
static void *add_here_and_there(void *host)
{
	for (uint64_t i = 0; i < ROUNDS * PAGES; i++)
		atomic_fetch_add(word(*(unsigned int *)host, (i * 1181 + 700) % PAGES), 1);
	return NULL;
}

/* What a thread waits for is taken out of the run that it is in, and never comes twice. */
START_TEST(threads_that_touch_pages_of_runs_lose_no_increment)
{
	unsigned int hosts[] = {0, 1, 1};
	pthread_t threads[3];

	family_start(2, OBJECT_BYTES);
	for (unsigned int i = 0; i < 3; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, add_here_and_there, &hosts[i]),
				 0);
	for (unsigned int round = 0; round < 2 * ROUNDS; round++)
		for (uint64_t page = 0; page < PAGES; page++)
			ck_assert_uint_le(atomic_load(word(1, page)), 3 * ROUNDS);
	for (unsigned int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	for (unsigned int host = 0; host < 2; host++)
		for (uint64_t page = 0; page < PAGES; page++)
			ck_assert_uint_eq(atomic_load(word(host, page)), 3 * ROUNDS);
	family_stop();
}
END_TEST

static void *scan(void *host)
{
	for (unsigned int round = 0; round < ROUNDS; round++)
		check_scan(*(unsigned int *)host, 3000);
	return NULL;
}

START_TEST(two_hosts_may_scan_at_once)
{
	unsigned int hosts[] = {1, 2};
	pthread_t threads[2];

	family_start(3, OBJECT_BYTES);
	fill(0, 3000);
	for (unsigned int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, scan, &hosts[i]), 0);
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	family_stop();
}
END_TEST

START_TEST(who_leaves_in_the_middle_of_a_run_leaves_nothing_behind)
{
	family_start(2, OBJECT_BYTES);
	for (uint64_t round = 1; round <= 8; round++) {
		fill(0, round * 10000);
		for (uint64_t page = 0; page < round * 211; page++)
			ck_assert_uint_eq(atomic_load(word(1, page)), round * 10000 + page);
		task_close(&tasks[1]);
		view_done(&views[1]);
		if (round % 2)
			world_await_objects(&world, 1, 0);
		task_open(&tasks[1], &world, 1);
		views[1] = task_use(&tasks[1], object);
	}
	family_stop();
}
END_TEST

START_TEST(home_dies_in_the_middle_of_a_run_and_no_page_is_zero)
{
	unsigned int lost = 0;

	family_start(2, OBJECT_BYTES);
	fill(0, 70000);
	for (uint64_t page = 0; page < 600; page++)
		ck_assert_uint_eq(atomic_load(word(1, page)), 70000 + page);
	world_kill_host(&world, 0);
	for (uint64_t page = 0; page < PAGES; page++)
		if (read_faults(page_at(1, page)))
			lost++;
		else
			ck_assert_uint_eq(atomic_load(word(1, page)), 70000 + page);
	ck_assert_uint_gt(lost, 0);
	ck_assert_uint_lt(lost, PAGES - 599);
	family_stop();
}
END_TEST

START_TEST(a_home_that_hangs_in_the_middle_of_a_run_costs_the_deadline)
{
	world.deadline_ms = SILENT_DEADLINE_MS;
	family_start(2, OBJECT_BYTES);
	fill(0, 1);
	for (uint64_t page = 0; page < 600; page++)
		ck_assert_uint_eq(atomic_load(word(1, page)), 1 + page);
	kill(world.hosts[0].pid, SIGSTOP);
	ck_assert(read_faults(page_at(1, PAGES - 1))); /* the test's own timeout is "for ever" */
	kill(world.hosts[0].pid, SIGCONT);
	family_stop();
}
END_TEST

static Suite *suite(void)
{
	Suite *all = suite_create("pager service: runs of coherent pages");
	TCase *tests = tcase_create("runs");

	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, a_scan_reads_every_page_as_it_is_and_takes_few_faults);
	tcase_add_test(tests, a_mapping_of_the_middle_is_read_like_the_whole);
	tcase_add_test(tests, pages_of_a_third_host_and_untouched_ones_come_in_their_places);
	tcase_add_test(tests, a_writer_at_home_and_a_scan_get_on_together);
	tcase_add_test(tests, threads_that_touch_pages_of_runs_lose_no_increment);
	tcase_add_test(tests, two_hosts_may_scan_at_once);
	tcase_add_test(tests, who_leaves_in_the_middle_of_a_run_leaves_nothing_behind);
	tcase_add_test(tests, home_dies_in_the_middle_of_a_run_and_no_page_is_zero);
	tcase_add_test(tests, a_home_that_hangs_in_the_middle_of_a_run_costs_the_deadline);
	suite_add_tcase(all, tests);
	return all;
}

int main(void)
{
	return world_main(suite());
}
