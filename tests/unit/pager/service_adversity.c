/*
 * What must not happen when things go wrong: hangs, zeros, leaks, or one broken party taking
 * others down.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <mach/kern_return.h>

#include "base/clock.h"
#include "service_family.h"

#define OBJECT_BYTES (16 * PAGE_BYTES)

START_TEST(a_page_that_only_a_dead_host_had_is_an_error_and_the_rest_goes_on)
{
	family_start(3, OBJECT_BYTES);
	page_at(0, 0)[0] = 10;
	page_at(0, 1)[0] = 11;
	page_at(1, 2)[0] = 12; /* only host 1 has it */
	page_at(1, 3)[0] = 13;
	ck_assert_uint_eq(page_at(2, 3)[0], 13); /* hosts 1 and 2 have it */
	world_kill_host(&world, 1);
	ck_assert(read_faults(page_at(0, 2)));
	ck_assert(write_faults(page_at(2, 2)));
	ck_assert(write_faults(page_at(0, 2)));
	ck_assert_uint_eq(page_at(2, 3)[0], 13);
	ck_assert_uint_eq(page_at(0, 3)[0], 13);
	ck_assert_uint_eq(page_at(2, 0)[0], 10);
	page_at(2, 1)[0] = 21;
	ck_assert_uint_eq(page_at(0, 1)[0], 21);
	ck_assert_uint_ge(world_statistics(&world, 0).lost_pages, 1);
	family_stop();
}
END_TEST

START_TEST(without_home_what_is_here_stays_and_the_rest_is_an_error)
{
	family_start(2, OBJECT_BYTES);
	page_at(0, 0)[0] = 10;
	page_at(1, 1)[0] = 11;
	ck_assert_uint_eq(page_at(1, 0)[0], 10);
	world_kill_host(&world, 0);
	ck_assert_uint_eq(page_at(1, 0)[0], 10);
	page_at(1, 1)[0] = 12;
	ck_assert_uint_eq(page_at(1, 1)[0], 12);
	ck_assert(read_faults(page_at(1, 5)));
	ck_assert(write_faults(page_at(1, 5)));
	family_stop();
}
END_TEST

START_TEST(a_host_that_hangs_costs_the_deadline_not_for_ever)
{
	world.deadline_ms = SILENT_DEADLINE_MS;
	family_start(3, OBJECT_BYTES);
	page_at(1, 2)[0] = 12;
	kill(world.hosts[1].pid, SIGSTOP);
	ck_assert(read_faults(page_at(2, 2))); /* the test's own timeout is "for ever" */
	page_at(2, 4)[0] = 1;
	ck_assert_uint_eq(page_at(0, 4)[0], 1);
	kill(world.hosts[1].pid, SIGCONT);
	family_stop();
}
END_TEST

START_TEST(a_pager_that_was_restarted_does_not_know_old_objects)
{
	struct task task;

	family_start(2, OBJECT_BYTES);
	world_kill_host(&world, 0);
	world_start_host(&world, 0);
	world_await_links(&world);
	task_open(&task, &world, 1);
	ck_assert_int_eq(task_attach(&task, object, NULL, NULL), KERN_INVALID_OBJECT);
	task_close(&task);
	task_open(&task, &world, 0);
	ck_assert_int_eq(task_attach(&task, object, NULL, NULL), KERN_INVALID_OBJECT);
	task_close(&task);
	ck_assert(read_faults(page_at(1, 5)));
	family_stop();
}
END_TEST

/* A task in a process of its own that touches a page and never gets it. */
static pid_t fork_waiting_task(int ready)
{
	pid_t pid = fork();

	if (pid == 0) {
		struct task task;
		struct view view;

		task_open(&task, &world, 1);
		view = task_use(&task, object);
		if (write(ready, "r", 1) != 1)
			_exit(1);
		((volatile uint8_t *)view.at)[6 * PAGE_BYTES] = 1;
		_exit(0);
	}
	return pid;
}

START_TEST(a_task_killed_in_the_middle_of_a_fault_harms_nobody)
{
	int ready[2], status;
	char byte;
	pid_t pid;

	family_start(2, OBJECT_BYTES);
	ck_assert_int_eq(pipe(ready), 0);
	for (unsigned int round = 0; round < 20; round++) {
		pid = fork_waiting_task(ready[1]);
		ck_assert_int_gt(pid, 0);
		ck_assert_int_eq(read(ready[0], &byte, 1), 1);
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		page_at(0, 6)[0] = (uint8_t)(round + 100);
		ck_assert_uint_eq(page_at(1, 6)[0], round + 100);
	}
	close(ready[0]);
	close(ready[1]);
	family_stop();
}
END_TEST

static void *touch(void *at)
{
	return (void *)(uintptr_t) * (volatile uint8_t *)at;
}

START_TEST(a_thread_that_waits_in_a_range_that_goes_away_is_let_go)
{
	pthread_t thread;
	struct pager_statistics_reply before;

	family_start(2, OBJECT_BYTES);
	page_at(0, 7)[0] = 1;
	before = world_statistics(&world, 1);
	kill(world.hosts[0].pid, SIGSTOP);
	ck_assert_int_eq(pthread_create(&thread, NULL, touch, page_at(1, 7)), 0);
	while (world_statistics(&world, 1).faults == before.faults)
		;
	ck_assert_int_eq(task_unmap(&tasks[1], page_at(1, 7), PAGE_BYTES), 0);
	ck_assert_ptr_ne(mmap(page_at(1, 7), PAGE_BYTES, PROT_READ | PROT_WRITE,
			      MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
			 MAP_FAILED);
	pthread_join(thread, NULL); /* the test's own timeout is the deadline */
	kill(world.hosts[0].pid, SIGCONT);
	family_stop();
}
END_TEST

#define CUT_PAGES 65u /* what is sent at once, and one more */

/* The owner tries to cut its file short. A thread asks for the page at once, or when all the others
 * have come and nothing else of those 2 MiB has to be watched. */
START_TEST(a_frozen_file_cannot_be_cut_short_under_those_who_read_it)
{
	const uint64_t last = (CUT_PAGES - 1) * PAGE_BYTES;
	int memory = make_memory(last + PAGE_BYTES);
	struct task owner, user;
	struct view view;
	uint64_t id;

	world_start(&world, 2);
	task_open(&owner, &world, 0);
	task_open(&user, &world, 1);
	for (uint64_t at = 0; at <= last; at += PAGE_BYTES)
		ck_assert_int_eq(pwrite(memory, "x", 1, (off_t)at), 1);
	ck_assert_int_eq(task_publish(&owner, OBJECT_FROZEN, memory, 0, last + PAGE_BYTES, &id), 0);
	ck_assert_int_ne(ftruncate(memory, (off_t)last), 0);
	view = task_use(&user, id);
	for (uint64_t at = 0; _i == 1 && at < last; at += PAGE_BYTES)
		ck_assert_uint_eq(view.at[at], 'x');
	ck_assert_uint_eq(view.at[last], 'x');
	ck_assert_uint_eq(world_statistics(&world, 1).lost_pages, 0);
	close(memory);
	task_close(&user);
	task_close(&owner);
	view_done(&view);
	world_stop(&world);
}
END_TEST

/* Maps the first bytes of an object at a place of the test's choice. */
static void map_there(struct task *task, uint64_t id, int how, uint8_t *at, uint64_t bytes)
{
	int fd;

	ck_assert_int_eq(task_attach(task, id, &fd, NULL), 0);
	ck_assert_ptr_eq(mmap(at, bytes, PROT_READ | PROT_WRITE, how | MAP_FIXED, fd, 0), at);
	close(fd);
	ck_assert_int_eq(task_map(task, id, 0, at, bytes), 0);
}

/* One page of a frozen object is mapped, and coherent memory right behind it. When all of the
 * object has come, that page alone is not watched any more. */
START_TEST(what_lies_behind_a_page_that_came_stays_watched)
{
	int memory = make_memory(2 * OBJECT_BYTES);
	uint64_t frozen;
	uint8_t *area;

	family_start(2, OBJECT_BYTES);
	for (uint64_t page = 0; page < OBJECT_BYTES / PAGE_BYTES; page++)
		page_at(0, page)[0] = (uint8_t)(page + 1);
	area = mmap(NULL, PAGE_BYTES + OBJECT_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(area, MAP_FAILED);
	ck_assert_int_eq(
	    task_publish(&tasks[0], OBJECT_FROZEN, memory, 0, 2 * OBJECT_BYTES, &frozen), 0);
	close(memory);
	map_there(&tasks[1], object, MAP_SHARED, area + PAGE_BYTES, OBJECT_BYTES);
	map_there(&tasks[1], frozen, MAP_PRIVATE, area, PAGE_BYTES);
	while (world_statistics(&world, 1).pages_in < 2 * OBJECT_BYTES / PAGE_BYTES)
		; /* the test's own timeout is the deadline */
	for (uint64_t page = 0; page < OBJECT_BYTES / PAGE_BYTES; page++)
		ck_assert_uint_eq(area[(page + 1) * PAGE_BYTES], page + 1);
	ck_assert_uint_eq(area[0], 0);
	family_stop();
	munmap(area, PAGE_BYTES + OBJECT_BYTES);
}
END_TEST

START_TEST(a_thousand_rounds_leak_no_descriptor_and_no_object)
{
	unsigned int descriptors[2];

	family_start(2, OBJECT_BYTES);
	for (unsigned int node = 0; node < 2; node++)
		descriptors[node] = world_descriptors(&world, node);
	for (int round = 0; round < 1000; round++) {
		unsigned int home = (unsigned int)round % 2;
		int memory = make_memory(OBJECT_BYTES);
		uint32_t kind = round % 4 < 2 ? OBJECT_COHERENT : OBJECT_FROZEN;
		struct task owner, user;
		struct view at_owner, at_user;
		uint64_t id;

		task_open(&owner, &world, home);
		task_open(&user, &world, !home);
		at_owner = task_share(&owner, kind, memory, OBJECT_BYTES, &id);
		close(memory);
		at_user = task_use(&user, id);
		(void)*(volatile uint8_t *)at_user.at;
		at_user.at[PAGE_BYTES] = 1;
		task_close(round % 3 ? &owner : &user);
		task_close(round % 3 ? &user : &owner);
		view_done(&at_owner);
		view_done(&at_user);
	}
	for (unsigned int node = 0; node < 2; node++) {
		world_await_objects(&world, node, 1);
		world_await_descriptors(&world, node, descriptors[node]);
	}
	page_at(0, 0)[0] = 1;
	ck_assert_uint_eq(page_at(1, 0)[0], 1);
	family_stop();
}
END_TEST

static Suite *suite(void)
{
	Suite *all = suite_create("pager service: adversity");
	TCase *tests = tcase_create("adversity");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, a_page_that_only_a_dead_host_had_is_an_error_and_the_rest_goes_on);
	tcase_add_test(tests, without_home_what_is_here_stays_and_the_rest_is_an_error);
	tcase_add_test(tests, a_host_that_hangs_costs_the_deadline_not_for_ever);
	tcase_add_test(tests, a_pager_that_was_restarted_does_not_know_old_objects);
	tcase_add_test(tests, a_task_killed_in_the_middle_of_a_fault_harms_nobody);
	tcase_add_test(tests, a_thread_that_waits_in_a_range_that_goes_away_is_let_go);
	tcase_add_loop_test(tests, a_frozen_file_cannot_be_cut_short_under_those_who_read_it, 0, 2);
	tcase_add_test(tests, what_lies_behind_a_page_that_came_stays_watched);
	tcase_add_test(tests, a_thousand_rounds_leak_no_descriptor_and_no_object);
	suite_add_tcase(all, tests);
	return all;
}

int main(void)
{
	return world_main(suite());
}
