/*
 * Keeping a connection to libvirt, with a libvirt that does what a script says: attempts that come
 * later each time, connections that end, calls that do not come back, and answers in all of that.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "fake_facts.h"
#include "inventory/libvirt_follower.h"
#include "run_suite.h"

#define WAIT_MS	      30000
#define LOOK_EVERY_MS 20 /* not everything is told of */

static char root[64];
static struct libvirt_follower *follower;
static struct libvirt_module_place place;
static struct snapshot_libvirt facts;
static char *cpu_xml;
static int changed_fd;

static void changed(void *context)
{
	(void)context;
	eventfd_write(changed_fd, 1);
}

static void script(const char *text)
{
	facts_put(root, "script", text);
}

static void start(const char *text)
{
	struct libvirt_follower_setup setup = {.place = &place, .changed = changed};

	script(text);
	ck_assert_int_eq(libvirt_follower_new(&setup, &follower), 0);
}

static void setup(void)
{
	char fifo[128];

	facts_make(root);
	snprintf(place.path, sizeof(place.path), "%s", getenv("NORMA_FAKE_LIBVIRT"));
	snprintf(place.uri, sizeof(place.uri), "fake:%s/script", root);
	snprintf(fifo, sizeof(fifo), "%s/script.hold", root);
	ck_assert_int_eq(mkfifo(fifo, 0600), 0);
	changed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

static void teardown(void)
{
	libvirt_follower_free(follower);
	free(cpu_xml);
	close(changed_fd);
	facts_remove(root);
}

static void look(void)
{
	free(cpu_xml);
	libvirt_follower_read(follower, &facts, &cpu_xml);
}

/* Waits for what the follower says of its changes. */
static void until(bool (*fact)(void), const char *what)
{
	uint64_t deadline_ns = clock_now_ns() + WAIT_MS * NS_PER_MS;
	struct pollfd event = {.fd = changed_fd, .events = POLLIN};
	eventfd_t value;

	for (look(); !fact(); look()) {
		ck_assert_msg(clock_now_ns() < deadline_ns, "waited in vain: %s", what);
		poll(&event, 1, LOOK_EVERY_MS);
		eventfd_read(changed_fd, &value);
	}
}

static bool is_up(void)
{
	return facts.state == LIBVIRT_UP && cpu_xml;
}

static bool is_down(void)
{
	return facts.state == LIBVIRT_DOWN && !strstr(facts.why, "not asked yet");
}

static bool has_guests(void)
{
	return facts.guests.count == 3;
}

/* The times of the attempts to connect. Return: how many there were. */
static unsigned int attempts(uint64_t times[16])
{
	unsigned int count = 0;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/script.opens", root);
	file = fopen(path, "re");
	while (file && count < 16 && fscanf(file, "%" SCNu64, &times[count]) == 1)
		count++;
	if (file)
		fclose(file);
	return count;
}

static bool were_three_attempts(void)
{
	uint64_t times[16];

	return attempts(times) >= 3;
}

static const struct {
	int waited_ms;
	bool was_useful;
	int next_ms;
} waits[] = {
    {0, false, 250},	   {250, false, 500},  {16000, false, 30000},
    {30000, false, 30000}, {30000, true, 250}, {0, true, 250},
};

START_TEST(waits_double_until_a_connection_was_of_use)
{
	ck_assert_int_eq(libvirt_follower_retry_ms(waits[_i].waited_ms, waits[_i].was_useful),
			 waits[_i].next_ms);
}
END_TEST

/* Only that it is not too early can be told of an attempt. */
START_TEST(attempts_come_later_each_time)
{
	uint64_t times[16];

	start("refuse\n");
	until(were_three_attempts, "it tries again");
	attempts(times);
	ck_assert_uint_ge(times[1] - times[0], 250 * NS_PER_MS);
	ck_assert_uint_ge(times[2] - times[1], 500 * NS_PER_MS);
	ck_assert(is_down());
	ck_assert_str_eq(facts.why, "nobody is there");
}
END_TEST

START_TEST(what_libvirt_says_is_known_and_followed)
{
	start("cpu Model\nguests 1\n");
	until(is_up, "it is up");
	ck_assert_uint_eq(facts.guests.count, 1);
	ck_assert_str_eq(facts.cpu_model, "Model");
	script("cpu Model\nguests 3\n");
	until(has_guests, "guests that started are known");
}
END_TEST

START_TEST(nothing_is_known_of_a_libvirt_that_is_gone)
{
	start("cpu Model\nguests 3\n");
	until(is_up, "it is up");
	script("close\n");
	until(is_down, "it is down");
	ck_assert_uint_eq(facts.guests.count, 0);
	ck_assert_str_eq(facts.cpu_model, "");
	ck_assert_ptr_null(cpu_xml);
	ck_assert_str_eq(facts.why, "it hung up");
	script("cpu Model\nguests 3\n");
	until(is_up, "it is up again");
	until(has_guests, "its guests are known again");
}
END_TEST

static struct inventory_baseline answer;

static bool is_answered(void)
{
	return libvirt_follower_answer(follower, &answer) == 0;
}

static const char *const xmls[] = {"<cpu/>", "<cpu/>"};

START_TEST(a_question_is_answered_once)
{
	start("cpu Model\n");
	until(is_up, "it is up");
	ck_assert_int_eq(libvirt_follower_answer(follower, &answer), -EAGAIN);
	ck_assert_int_eq(libvirt_follower_ask(follower, xmls, 2), 0);
	until(is_answered, "it answers");
	ck_assert_int_eq(answer.result, 0);
	ck_assert_str_eq(answer.model, "Fake-of-2");
	inventory_baseline_done(&answer);
	ck_assert_int_eq(libvirt_follower_answer(follower, &answer), -EAGAIN);
}
END_TEST

START_TEST(a_libvirt_that_is_down_is_not_asked)
{
	start("refuse\n");
	until(is_down, "it is down");
	ck_assert_int_eq(libvirt_follower_ask(follower, xmls, 2), -ENOTCONN);
}
END_TEST

/* Return: whether a call has been held back. */
static bool is_held(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/script.held", root);
	return access(path, F_OK) == 0;
}

/* Return: once somebody waits at the other end. */
static void release(void)
{
	uint64_t deadline_ns = clock_now_ns() + WAIT_MS * NS_PER_MS;
	char fifo[128];
	int fd;

	snprintf(fifo, sizeof(fifo), "%s/script.hold", root);
	while ((fd = open(fifo, O_WRONLY | O_NONBLOCK | O_CLOEXEC)) < 0)
		ck_assert_msg(clock_now_ns() < deadline_ns, "nobody waits to be released");
	close(fd);
}

/* Nobody takes the first answer: it does not stand in the way of the next. */
START_TEST(an_answer_that_nobody_took_makes_room)
{
	start("cpu Model\nhold baseline\n");
	until(is_up, "it is up");
	ck_assert_int_eq(libvirt_follower_ask(follower, xmls, 2), 0);
	ck_assert_int_eq(libvirt_follower_ask(follower, xmls, 1), -EBUSY);
	until(is_held, "libvirt is asked");
	script("cpu Model\n");
	release();
	while (libvirt_follower_ask(follower, xmls, 1) == -EBUSY)
		until(is_up, "it goes on");
	until(is_answered, "it answers");
	ck_assert_str_eq(answer.model, "Fake-of-1");
	inventory_baseline_done(&answer);
}
END_TEST

/* What is known stays readable while libvirt keeps its thread, and ending does not wait for it. */
START_TEST(a_call_that_does_not_come_back_keeps_nobody)
{
	uint64_t begin_ns;

	start("cpu Model\nguests 3\n");
	until(is_up, "it is up");
	script("cpu Model\nhold collect\n");
	until(is_held, "libvirt holds the thread");
	ck_assert_uint_eq(facts.guests.count, 3);
	begin_ns = clock_now_ns();
	libvirt_follower_free(follower);
	follower = NULL;
	ck_assert_uint_lt(clock_now_ns() - begin_ns, WAIT_MS * NS_PER_MS);
	release();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("follower");
	TCase *cases = tcase_create("scripts"), *pure = tcase_create("waits");

	tcase_set_timeout(cases, 120);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, attempts_come_later_each_time);
	tcase_add_test(cases, what_libvirt_says_is_known_and_followed);
	tcase_add_test(cases, nothing_is_known_of_a_libvirt_that_is_gone);
	tcase_add_test(cases, a_question_is_answered_once);
	tcase_add_test(cases, a_libvirt_that_is_down_is_not_asked);
	tcase_add_test(cases, an_answer_that_nobody_took_makes_room);
	tcase_add_test(cases, a_call_that_does_not_come_back_keeps_nobody);
	tcase_add_loop_test(pure, waits_double_until_a_connection_was_of_use, 0,
			    sizeof(waits) / sizeof(waits[0]));
	suite_add_tcase(suite, cases);
	suite_add_tcase(suite, pure);
	return run_suite(suite);
}
