/*
 * Frozen objects between real pagers.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mach/kern_return.h>

#include "base/checked.h"
#include "base/clock.h"
#include "service_world.h"

#define SMALL_PAGES 300u
#define LARGE_PAGES 16384u

static struct world world;

/* What page `page` of every object here holds: zeros in every third. */
static void fill_page(uint64_t page, uint8_t *data)
{
	uint64_t value = page * 0x9e3779b97f4a7c15u;

	memset(data, 0, PAGE_BYTES);
	for (uint64_t at = 0; page % 3 != 2 && at < PAGE_BYTES; at += 8, value += at)
		memcpy(data + at, &value, sizeof(value));
}

static int make_source(uint64_t pages)
{
	int fd = make_memory(pages * PAGE_BYTES);
	uint8_t data[PAGE_BYTES];

	for (uint64_t page = 0; page < pages; page++) {
		fill_page(page, data);
		if (page % 3 != 2)
			ck_assert_int_eq(pwrite(fd, data, PAGE_BYTES, (off_t)(page * PAGE_BYTES)),
					 PAGE_BYTES);
	}
	return fd;
}

static void check_page(const struct view *view, uint64_t page)
{
	uint8_t data[PAGE_BYTES];

	fill_page(page, data);
	ck_assert_msg(memcmp(view->at + page * PAGE_BYTES, data, PAGE_BYTES) == 0,
		      "page %llu is wrong", (unsigned long long)page);
}

static void check_all(const struct view *view)
{
	for (uint64_t page = 0; page < view->bytes / PAGE_BYTES; page++)
		check_page(view, page);
}

/* Publishes an object at home 0 without mapping it. */
static uint64_t publish(struct task *home, uint64_t pages)
{
	int fd = make_source(pages);
	uint64_t id;

	ck_assert_int_eq(task_publish(home, OBJECT_FROZEN, fd, 0, pages * PAGE_BYTES, &id), 0);
	close(fd);
	return id;
}

static void await_pages_in(unsigned int node, uint64_t pages)
{
	uint64_t deadline = clock_now_ns() + 20 * NS_PER_S;

	while (world_statistics(&world, node).pages_in < pages)
		ck_assert_uint_lt(clock_now_ns(), deadline);
}

START_TEST(every_page_equals_the_source_from_first_to_last)
{
	struct task home, user;
	struct view view;

	world_start(&world, 2);
	task_open(&home, &world, 0);
	task_open(&user, &world, 1);
	view = task_use(&user, publish(&home, SMALL_PAGES));
	check_all(&view);
	task_close(&user);
	task_close(&home);
	view_done(&view);
	world_stop(&world);
}
END_TEST

START_TEST(every_page_equals_the_source_in_any_order)
{
	struct task home, user;
	struct view view;

	world_start(&world, 2);
	task_open(&home, &world, 0);
	task_open(&user, &world, 1);
	view = task_use(&user, publish(&home, LARGE_PAGES));
	for (uint64_t i = 0; i < LARGE_PAGES; i++)
		check_page(&view, (i * 7919 + 4321) % LARGE_PAGES);
	task_close(&user);
	task_close(&home);
	view_done(&view);
	world_stop(&world);
}
END_TEST

START_TEST(each_page_is_fetched_once_for_all_tasks_of_a_host)
{
	uint64_t before, id;
	struct task home, users[4];
	struct view views[4];

	world_start(&world, 2);
	before = world_statistics(&world, 1).pages_in;
	task_open(&home, &world, 0);
	id = publish(&home, SMALL_PAGES);
	for (int i = 0; i < 4; i++) {
		task_open(&users[i], &world, 1);
		views[i] = task_use(&users[i], id);
	}
	for (int i = 0; i < 4; i++)
		check_all(&views[i]);
	ck_assert_uint_eq(world_statistics(&world, 1).pages_in - before, SMALL_PAGES);
	for (int i = 0; i < 4; i++) {
		task_close(&users[i]);
		view_done(&views[i]);
	}
	task_close(&home);
	world_stop(&world);
}
END_TEST

START_TEST(stores_stay_with_the_task_that_made_them)
{
	struct task home, users[2];
	struct view views[2];
	uint64_t id;

	world_start(&world, 2);
	task_open(&home, &world, 0);
	id = publish(&home, SMALL_PAGES);
	for (int i = 0; i < 2; i++) {
		task_open(&users[i], &world, 1);
		views[i] = task_use(&users[i], id);
	}
	for (uint64_t page = 0; page < SMALL_PAGES; page++)
		memset(views[0].at + page * PAGE_BYTES, 0xee, 10); /* first touch is a store */
	check_all(&views[1]);
	for (uint64_t page = 0; page < SMALL_PAGES; page++)
		ck_assert_uint_eq(views[0].at[page * PAGE_BYTES + 9], 0xee);
	for (int i = 0; i < 2; i++) {
		task_close(&users[i]);
		view_done(&views[i]);
	}
	task_close(&home);
	world_stop(&world);
}
END_TEST

START_TEST(the_rest_comes_without_being_touched_and_then_home_is_not_needed)
{
	struct task home, user, late;
	struct view view, late_view;
	uint64_t before, id;

	world_start(&world, 2);
	before = world_statistics(&world, 1).pages_in;
	task_open(&home, &world, 0);
	task_open(&user, &world, 1);
	id = publish(&home, LARGE_PAGES);
	view = task_use(&user, id);
	await_pages_in(1, before + LARGE_PAGES);
	world_kill_host(&world, 0);
	check_all(&view);
	task_open(&late, &world, 1);
	late_view = task_use(&late, id);
	check_all(&late_view);
	task_close(&late);
	task_close(&user);
	task_close(&home);
	view_done(&view);
	view_done(&late_view);
	world_stop(&world);
}
END_TEST

/* The pager sends from its own mapping, in which a touch would give a hole memory. */
START_TEST(what_home_sends_gets_no_memory_and_cannot_be_cut_short)
{
	int fd = make_source(LARGE_PAGES);
	uint64_t bytes = LARGE_PAGES * PAGE_BYTES, before, id;
	struct task home, user;
	struct stat then, now;
	struct view view;

	world_start(&world, 2);
	before = world_statistics(&world, 1).pages_in;
	task_open(&home, &world, 0);
	task_open(&user, &world, 1);
	ck_assert_int_eq(fstat(fd, &then), 0);
	ck_assert_int_eq(task_publish(&home, OBJECT_FROZEN, fd, 0, bytes, &id), 0);
	ck_assert_int_ne(ftruncate(fd, (off_t)(bytes - PAGE_BYTES)), 0);
	view = task_use(&user, id);
	await_pages_in(1, before + LARGE_PAGES);
	check_all(&view);
	ck_assert_int_eq(fstat(fd, &now), 0);
	ck_assert_int_eq(now.st_blocks, then.st_blocks);
	close(fd);
	task_close(&user);
	task_close(&home);
	view_done(&view);
	world_stop(&world);
}
END_TEST

#define HUGE_BYTES  ((uint64_t)4 << 30)
#define HUGE_STRIDE 1009u

/* So large that home cannot have read all of it before it is stopped. */
START_TEST(what_had_not_come_when_home_died_is_an_error_not_zeros)
{
	uint64_t pages = HUGE_BYTES / PAGE_BYTES, lost = 0, id;
	int memory = make_memory(HUGE_BYTES);
	struct task home, user;
	struct view view;

	for (uint64_t page = 0; page < pages; page += HUGE_STRIDE)
		ck_assert_int_eq(pwrite(memory, "x", 1, (off_t)(page * PAGE_BYTES)), 1);
	world_start(&world, 2);
	task_open(&home, &world, 0);
	task_open(&user, &world, 1);
	ck_assert_int_eq(task_publish(&home, OBJECT_FROZEN, memory, 0, HUGE_BYTES, &id), 0);
	view = task_use(&user, id);
	kill(world.hosts[0].pid, SIGSTOP);
	world_kill_host(&world, 0);
	for (uint64_t page = 0; page < pages; page += HUGE_STRIDE)
		if (read_faults(view.at + page * PAGE_BYTES))
			lost++;
		else
			ck_assert_uint_eq(view.at[page * PAGE_BYTES], 'x');
	ck_assert_uint_gt(lost, 0);
	ck_assert_uint_ge(world_statistics(&world, 1).lost_pages, lost);
	close(memory);
	task_close(&user);
	task_close(&home);
	view_done(&view);
	world_stop(&world);
}
END_TEST

START_TEST(a_home_that_does_not_answer_is_an_error_in_time)
{
	struct task home, user;
	struct view view;

	world.deadline_ms = SILENT_DEADLINE_MS;
	world_start(&world, 2);
	task_open(&home, &world, 0);
	task_open(&user, &world, 1);
	view = task_use(&user, publish(&home, LARGE_PAGES));
	kill(world.hosts[0].pid, SIGSTOP);
	ck_assert(read_faults(view.at + (LARGE_PAGES - 1) * PAGE_BYTES));
	kill(world.hosts[0].pid, SIGCONT);
	task_close(&user);
	task_close(&home);
	view_done(&view);
	world_stop(&world);
}
END_TEST

START_TEST(a_window_inside_a_memfd_is_the_object)
{
	uint64_t id, first = 12, pages = 50;
	struct object_window window;
	struct task home, user, sibling;
	struct view view;
	int fd;

	world_start(&world, 2);
	task_open(&home, &world, 0);
	task_open(&sibling, &world, 0);
	task_open(&user, &world, 1);
	fd = make_source(100);
	ck_assert_int_eq(
	    task_publish(&home, OBJECT_FROZEN, fd, first * PAGE_BYTES, pages * PAGE_BYTES, &id), 0);
	close(fd);
	view = task_use(&user, id);
	ck_assert_uint_eq(view.bytes, pages * PAGE_BYTES);
	for (uint64_t page = 0; page < pages; page++) {
		uint8_t data[PAGE_BYTES];

		fill_page(first + page, data);
		ck_assert_int_eq(memcmp(view.at + page * PAGE_BYTES, data, PAGE_BYTES), 0);
	}
	ck_assert_int_eq(task_attach(&sibling, id, &fd, &window), 0);
	ck_assert_uint_eq(window.offset, first * PAGE_BYTES);
	close(fd);
	task_close(&user);
	task_close(&sibling);
	task_close(&home);
	view_done(&view);
	world_stop(&world);
}
END_TEST

/* ---- several hosts that fetch the same object ---- */

struct crowd {
	struct task home, users[2];
	struct view views[2];
	uint64_t id, out;
};

static void crowd_start(struct crowd *crowd, uint64_t pages)
{
	world_start(&world, 3);
	world_await_links(&world);
	crowd->out = world_statistics(&world, 0).pages_out;
	task_open(&crowd->home, &world, 0);
	crowd->id = publish(&crowd->home, pages);
	for (unsigned int i = 0; i < 2; i++)
		task_open(&crowd->users[i], &world, i + 1);
	for (int i = 0; i < 2; i++)
		crowd->views[i] = task_use(&crowd->users[i], crowd->id);
}

static void crowd_stop(struct crowd *crowd)
{
	for (int i = 0; i < 2; i++) {
		task_close(&crowd->users[i]);
		view_done(&crowd->views[i]);
	}
	task_close(&crowd->home);
	world_stop(&world);
}

START_TEST(each_page_leaves_home_once_for_all_hosts)
{
	uint64_t data = LARGE_PAGES - LARGE_PAGES / 3, out;
	struct crowd crowd;

	crowd_start(&crowd, LARGE_PAGES);
	await_pages_in(1, LARGE_PAGES);
	await_pages_in(2, LARGE_PAGES);
	out = world_statistics(&world, 0).pages_out - crowd.out;
	ck_assert_uint_ge(out, data);
	ck_assert_uint_le(out, data + data / 20);
	/* Each got what the other did not get from home, and no more. */
	out = world_statistics(&world, 1).pages_out + world_statistics(&world, 2).pages_out;
	ck_assert_uint_ge(out, data - data / 20);
	ck_assert_uint_le(out, data);
	for (int i = 0; i < 2; i++)
		check_all(&crowd.views[i]);
	crowd_stop(&crowd);
}
END_TEST

START_TEST(hosts_that_fetch_from_each_other_read_the_right_pages)
{
	struct crowd crowd;

	crowd_start(&crowd, LARGE_PAGES);
	for (uint64_t i = 0; i < LARGE_PAGES; i++) {
		check_page(&crowd.views[0], (i * 7919 + 4321) % LARGE_PAGES);
		check_page(&crowd.views[1], LARGE_PAGES - 1 - i);
	}
	crowd_stop(&crowd);
}
END_TEST

START_TEST(a_host_that_was_to_send_pages_is_not_needed)
{
	struct crowd crowd;

	if (_i == 1)
		world.deadline_ms = SILENT_DEADLINE_MS;
	crowd_start(&crowd, LARGE_PAGES);
	/* Something came: what host 1 was told to send is known to be on its way. */
	await_pages_in(2, 1);
	switch (_i) {
	case 0:
		world_kill_host(&world, 1);
		break;
	case 1: /* silent: it is given up after a while */
		kill(world.hosts[1].pid, SIGSTOP);
		break;
	case 2: /* the object is left by all its tasks there */
		task_drop(&crowd.users[0], &crowd.views[0]);
		ck_assert_int_eq(task_release(&crowd.users[0], crowd.id), 0);
		break;
	default: /* and used anew */
		task_drop(&crowd.users[0], &crowd.views[0]);
		ck_assert_int_eq(task_release(&crowd.users[0], crowd.id), 0);
		crowd.views[0] = task_use(&crowd.users[0], crowd.id);
	}
	check_all(&crowd.views[1]);
	await_pages_in(2, LARGE_PAGES);
	if (_i == 1)
		kill(world.hosts[1].pid, SIGCONT);
	if (_i == 3)
		check_all(&crowd.views[0]);
	crowd_stop(&crowd);
}
END_TEST

static Suite *suite(void)
{
	Suite *all = suite_create("pager service: frozen objects");
	TCase *tests = tcase_create("frozen");

	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, every_page_equals_the_source_from_first_to_last);
	tcase_add_test(tests, every_page_equals_the_source_in_any_order);
	tcase_add_test(tests, each_page_is_fetched_once_for_all_tasks_of_a_host);
	tcase_add_test(tests, stores_stay_with_the_task_that_made_them);
	tcase_add_test(tests, the_rest_comes_without_being_touched_and_then_home_is_not_needed);
	tcase_add_test(tests, what_home_sends_gets_no_memory_and_cannot_be_cut_short);
	tcase_add_test(tests, what_had_not_come_when_home_died_is_an_error_not_zeros);
	tcase_add_test(tests, a_home_that_does_not_answer_is_an_error_in_time);
	tcase_add_test(tests, a_window_inside_a_memfd_is_the_object);
	tcase_add_test(tests, each_page_leaves_home_once_for_all_hosts);
	tcase_add_test(tests, hosts_that_fetch_from_each_other_read_the_right_pages);
	tcase_add_loop_test(tests, a_host_that_was_to_send_pages_is_not_needed, 0, 4);
	suite_add_tcase(all, tests);
	return all;
}

int main(void)
{
	return world_main(suite());
}
