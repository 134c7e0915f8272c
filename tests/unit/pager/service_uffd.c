/*
 * userfaultfd itself: that no thread is left asleep, and that who waits to write may. A thread of
 * this process stands in for a vCPU.
 */
#include <check.h>
#include <errno.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/checked.h"
#include "pager/service/tasks/uffd.h"
#include "service_world.h"

#define DEADLINE_S 20

static int uffd, memory;
static _Atomic uint8_t *page;
static uint64_t address;
static pthread_t thread;

static void setup(void)
{
	uint8_t value = 1;

	uffd = world_open_userfault();
	memory = make_memory(PAGE_BYTES);
	ck_assert_int_ge(uffd, 0);
	ck_assert_int_eq(pwrite(memory, &value, 1, 0), 1);
	page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	ck_assert_ptr_ne(page, MAP_FAILED);
	address = (uintptr_t)page;
}

static void teardown(void)
{
	munmap((void *)(uintptr_t)address, PAGE_BYTES);
	close(memory);
	close(uffd);
}

static void *increment(void *context)
{
	atomic_fetch_add(page, 1);
	return context;
}

/* Begins to write, and takes the fault that this is. */
static void begin_write(void)
{
	struct pollfd readable = {.fd = uffd, .events = POLLIN};
	struct uffd_msg event;

	ck_assert_int_eq(pthread_create(&thread, NULL, increment, NULL), 0);
	ck_assert_int_eq(poll(&readable, 1, DEADLINE_S * 1000), 1);
	ck_assert_int_eq(read(uffd, &event, sizeof(event)), (int)sizeof(event));
	ck_assert_uint_eq(page_floor(event.arg.pagefault.address), address);
}

static void expect_written(void)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += DEADLINE_S;
	ck_assert_msg(pthread_timedjoin_np(thread, NULL, &until) == 0, "the thread sleeps on");
	ck_assert_uint_eq(atomic_load(page), 2);
}

/* To stop watching wakes a thread only where missing pages were watched, too (Linux 6.18): so it
 * still sleeps, as one does whose fault began just before and waits just after. */
static void stop_watching(void)
{
	struct uffdio_range range = {.start = address, .len = PAGE_BYTES};

	ck_assert_int_eq(ioctl(uffd, UFFDIO_UNREGISTER, &range), 0);
}

static void watch_minor(void)
{
	struct uffdio_register request = {.range = {.start = address, .len = PAGE_BYTES},
					  .mode = UFFDIO_REGISTER_MODE_MINOR};

	ck_assert_int_eq(ioctl(uffd, UFFDIO_REGISTER, &request), 0);
}

START_TEST(mapping_what_is_not_watched_any_more_wakes_who_waits)
{
	watch_minor();
	begin_write();
	stop_watching();
	ck_assert_int_eq(uffd_map(uffd, address, 1, UFFD_WRITE, NULL), 0);
	expect_written();
}
END_TEST

START_TEST(unprotecting_what_is_not_watched_any_more_wakes_who_waits)
{
	watch_minor();
	begin_write();
	stop_watching();
	ck_assert_int_eq(uffd_unprotect(uffd, address), 0);
	expect_written();
}
END_TEST

static void map_for_reading(void)
{
	ck_assert_int_eq(uffd_register(uffd, address, PAGE_BYTES, UFFD_WATCH_COHERENT), 0);
	ck_assert_int_eq(uffd_map(uffd, address, 1, UFFD_READ, NULL), 0);
	ck_assert_uint_eq(atomic_load(page), 1);
}

START_TEST(a_page_mapped_for_reading_can_be_mapped_for_writing)
{
	map_for_reading();
	begin_write();
	ck_assert_int_eq(uffd_map(uffd, address, 1, UFFD_WRITE, NULL), 0);
	expect_written();
}
END_TEST

START_TEST(taking_the_protection_off_lets_who_waits_write)
{
	map_for_reading();
	begin_write();
	ck_assert_int_eq(uffd_unprotect(uffd, address), 0);
	expect_written();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pager uffd");
	TCase *tests = tcase_create("threads that wait");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 3 * DEADLINE_S);
	tcase_add_test(tests, mapping_what_is_not_watched_any_more_wakes_who_waits);
	tcase_add_test(tests, unprotecting_what_is_not_watched_any_more_wakes_who_waits);
	tcase_add_test(tests, a_page_mapped_for_reading_can_be_mapped_for_writing);
	tcase_add_test(tests, taking_the_protection_off_lets_who_waits_write);
	suite_add_tcase(suite, tests);
	return world_main(suite);
}
