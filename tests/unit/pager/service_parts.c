/*
 * The parts of the pager that do no I/O: timers, the table of mappings, the command line.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pager/service/container.h"
#include "pager/service/tasks/mapping.h"
#include "pager/service/options.h"
#include "pager/service/timers.h"
#include "run_suite.h"

/* ---- timers ---- */

#define TIMERS 500u

struct numbered_timer {
	struct timer timer;
	uint64_t due_ns;
};

static uint64_t last_fired_ns;
static unsigned int fired_count;

static void fire(struct timer *timer)
{
	const struct numbered_timer *numbered = CONTAINER(timer, struct numbered_timer, timer);

	ck_assert_uint_ge(numbered->due_ns, last_fired_ns);
	last_fired_ns = numbered->due_ns;
	fired_count++;
}

START_TEST(timers_fire_in_order_however_they_were_started)
{
	static struct numbered_timer numbered[TIMERS];
	struct timers timers = {0};
	unsigned int stopped = 0;

	srand(7);
	for (unsigned int i = 0; i < TIMERS; i++) {
		numbered[i].timer.fire = fire;
		numbered[i].due_ns = (uint64_t)rand() % 10000;
		ck_assert_int_eq(timer_start(&timers, &numbered[i].timer, numbered[i].due_ns), 0);
	}
	for (unsigned int i = 0; i < TIMERS; i += 7) { /* moved */
		numbered[i].due_ns = (uint64_t)rand() % 10000;
		ck_assert_int_eq(timer_start(&timers, &numbered[i].timer, numbered[i].due_ns), 0);
	}
	for (unsigned int i = 3; i < TIMERS; i += 11, stopped++)
		timer_stop(&timers, &numbered[i].timer);
	timers_run(&timers, 5000);
	ck_assert_uint_le(last_fired_ns, 5000);
	ck_assert_uint_gt(timers_next_ns(&timers), 5000);
	timers_run(&timers, 10000);
	ck_assert_uint_eq(fired_count, TIMERS - stopped);
	ck_assert_uint_eq(timers_next_ns(&timers), UINT64_MAX);
	timers_done(&timers);
}
END_TEST

/* ---- mappings ---- */

#define PAGES(count) ((uint64_t)(count)*PAGE_BYTES)

static struct pager pager;
static struct object object;
static struct mapping_table table;

static void setup_mappings(void)
{
	TAILQ_INIT(&pager.unsettled);
	object = (struct object){.pager = &pager, .pages = 1000, .bytes = PAGES(1000)};
	LIST_INIT(&object.mappings);
}

static void teardown_mappings(void)
{
	mapping_table_done(&table);
	ck_assert(LIST_EMPTY(&object.mappings));
}

static int add(uint64_t first, uint64_t count)
{
	struct mapping mapping = {
	    .object = &object,
	    .address = PAGES(first),
	    .bytes = PAGES(count),
	    .first_page = first + 100,
	};
	struct mapping *added;

	return mapping_add(&table, &mapping, &added);
}

START_TEST(ranges_are_found_by_any_of_their_addresses)
{
	ck_assert_int_eq(add(10, 5), 0);
	ck_assert_int_eq(add(2, 3), 0);
	ck_assert_int_eq(add(20, 1), 0);
	ck_assert_ptr_null(mapping_at(&table, PAGES(1)));
	ck_assert_ptr_null(mapping_at(&table, PAGES(5)));
	ck_assert_ptr_null(mapping_at(&table, PAGES(21)));
	ck_assert_uint_eq(mapping_at(&table, PAGES(4) + 4095)->address, PAGES(2));
	ck_assert_uint_eq(mapping_at(&table, PAGES(14))->address, PAGES(10));
	ck_assert_uint_eq(mapping_from(&table, PAGES(5))->address, PAGES(10));
	ck_assert_ptr_null(mapping_from(&table, PAGES(21)));
	ck_assert(mapping_has_page(mapping_at(&table, PAGES(10)), 114));
	ck_assert(!mapping_has_page(mapping_at(&table, PAGES(10)), 115));
	ck_assert_uint_eq(mapping_address(mapping_at(&table, PAGES(10)), 114), PAGES(14));
}
END_TEST

START_TEST(ranges_never_overlap)
{
	ck_assert_int_eq(add(10, 5), 0);
	ck_assert_int_eq(add(14, 1), -EEXIST);
	ck_assert_int_eq(add(5, 6), -EEXIST);
	ck_assert_int_eq(add(5, 20), -EEXIST);
	ck_assert_int_eq(add(15, 1), 0);
	ck_assert_int_eq(add(9, 1), 0);
}
END_TEST

/* Every page is as a plain array says, after random adds and removes. */
START_TEST(removing_cuts_ranges_as_told)
{
	bool is_mapped[64] = {false};

	srand(3);
	for (int round = 0; round < 5000; round++) {
		uint64_t first = (uint64_t)rand() % 64, count = (uint64_t)rand() % (64 - first) + 1;

		if (rand() % 2) {
			bool is_free = true;

			for (uint64_t i = first; i < first + count; i++)
				is_free &= !is_mapped[i];
			ck_assert_int_eq(add(first, count), is_free ? 0 : -EEXIST);
			for (uint64_t i = first; is_free && i < first + count; i++)
				is_mapped[i] = true;
		} else {
			ck_assert_int_eq(mapping_remove(&table, PAGES(first), PAGES(count)), 0);
			for (uint64_t i = first; i < first + count; i++)
				is_mapped[i] = false;
		}
		for (uint64_t i = 0; i < 64; i++) {
			const struct mapping *mapping = mapping_at(&table, PAGES(i));

			ck_assert_int_eq(mapping != NULL, is_mapped[i]);
			if (mapping)
				ck_assert_uint_eq(mapping_address(mapping, i + 100), PAGES(i));
		}
	}
}
END_TEST

/* ---- options ---- */

static int parse(struct pager_options *options, const char *line)
{
	static char copy[512], text[200];
	char *argv[32] = {(char *)(uintptr_t) "norma-pager"}, *word;
	int argc = 1;

	strcpy(copy, line);
	for (word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	return options_parse(argc, argv, options, text, sizeof(text));
}

START_TEST(a_right_command_line_is_understood)
{
	struct pager_options options;

	ck_assert_int_eq(parse(&options,
			       "--control 5 --node 2 --listen [::1]:7 --peer 0=1.2.3.4:5 "
			       "--peer 63=9.9.9.9:9 --hold-us 10 --spin 20 --deadline-ms 250"),
			 0);
	ck_assert_int_eq(options.control_fd, 5);
	ck_assert_int_eq(options.node, 2);
	ck_assert(options.has_listen && options.has_peer[0] && options.has_peer[63]);
	ck_assert(!options.has_peer[1]);
	ck_assert_uint_eq(options.hold_ns, 10000);
	ck_assert_int_eq(options.spin_us, 20);
	ck_assert_uint_eq(options.deadline_ns, 250 * NS_PER_MS);
	ck_assert_int_eq(parse(&options, "--control 5 --node 0"), 0);
	ck_assert_int_eq(options.spin_us, SPIN_AUTO);
	ck_assert_int_eq(parse(&options, "--control 5 --node 0 --spin off"), 0);
	ck_assert_int_eq(options.spin_us, SPIN_OFF);
	ck_assert_int_eq(parse(&options, "--help"), -ECANCELED);
}
END_TEST

START_TEST(a_wrong_command_line_is_refused)
{
	static const char *const wrong[] = {
	    "",
	    "--control 5",
	    "--node 5",
	    "--control x --node 1",
	    "--control 5 --node 64",
	    "--control 5 --node -1",
	    "--control 5 --node 1 --peer 1=1.2.3.4:5",
	    "--control 5 --node 1 --peer 2=1.2.3.4:5 --peer 2=1.2.3.4:5",
	    "--control 5 --node 1 --peer 2=1.2.3.4:0",
	    "--control 5 --node 1 --peer 2",
	    "--control 5 --node 1 --listen 7100",
	    "--control 5 --node 1 --deadline-ms 1",
	    "--control 5 --node 1 --spin",
	    "--control 5 --node 1 --spin often",
	    "--control 5 --node 1 --spin 1001",
	    "--control 5 --node 1 --unknown",
	    "--control 5 --node 1 more",
	};
	struct pager_options options;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		ck_assert_msg(parse(&options, wrong[i]) == -EINVAL, "%s", wrong[i]);
}
END_TEST

START_TEST(looking_for_events_follows_what_the_last_ones_did)
{
	const uint64_t close = 10 * NS_PER_US, far = NS_PER_S;
	struct spin spin;
	uint64_t now = far;

	spin_init(&spin, SPIN_AUTO);
	ck_assert_uint_eq(spin_until_ns(&spin, now), now); /* nothing is known: sleep */
	for (int i = 0; i < 8; i++)
		spin_event(&spin, now += close);
	ck_assert_uint_gt(spin_until_ns(&spin, now), now);
	ck_assert_uint_le(spin_until_ns(&spin, now), now + SPIN_AUTO_US * NS_PER_US);
	for (int i = 0; i < 8; i++)
		spin_event(&spin, now += far);
	ck_assert_uint_eq(spin_until_ns(&spin, now), now);
}
END_TEST

START_TEST(looking_in_vain_is_tried_ever_more_seldom)
{
	struct spin spin;
	uint64_t now = NS_PER_S;
	unsigned int events = 0, last_events = 0;

	spin_init(&spin, SPIN_AUTO);
	for (int miss = 0; miss < 4; miss++, last_events = events) {
		for (events = 0; spin_until_ns(&spin, now) <= now; events++)
			spin_event(&spin, now += NS_PER_US);
		ck_assert_uint_gt(events, last_events);
		spin_missed(&spin);
	}
	for (int found = 0; found < 8; found++)
		spin_found(&spin);
	for (events = 0; spin_until_ns(&spin, now) <= now; events++)
		spin_event(&spin, now += NS_PER_US);
	ck_assert_uint_le(events, 4);
}
END_TEST

START_TEST(looking_for_events_can_be_told)
{
	struct spin spin;

	spin_init(&spin, SPIN_OFF);
	for (int i = 0; i < 8; i++)
		spin_event(&spin, 1000);
	ck_assert_uint_eq(spin_until_ns(&spin, 1000), 1000);
	spin_init(&spin, 7);
	spin_event(&spin, 1000);
	ck_assert_uint_eq(spin_until_ns(&spin, 1000), 8000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pager parts");
	TCase *tests = tcase_create("timers and options"), *mappings = tcase_create("mappings");

	tcase_add_test(tests, timers_fire_in_order_however_they_were_started);
	tcase_add_test(tests, a_right_command_line_is_understood);
	tcase_add_test(tests, a_wrong_command_line_is_refused);
	tcase_add_test(tests, looking_for_events_follows_what_the_last_ones_did);
	tcase_add_test(tests, looking_in_vain_is_tried_ever_more_seldom);
	tcase_add_test(tests, looking_for_events_can_be_told);
	suite_add_tcase(suite, tests);
	tcase_add_checked_fixture(mappings, setup_mappings, teardown_mappings);
	tcase_add_test(mappings, ranges_are_found_by_any_of_their_addresses);
	tcase_add_test(mappings, ranges_never_overlap);
	tcase_add_test(mappings, removing_cuts_ranges_as_told);
	suite_add_tcase(suite, mappings);
	return run_suite(suite);
}
