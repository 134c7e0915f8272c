/*
 * What a pager waits for on purpose with frozen objects, without other pagers: home while children
 * are being made, and a thread that scans while pages come in the background. Time is told.
 */
#include <check.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "pager/service/frozen/frozen.h"
#include "pager/service/frozen/frozen_home.h"
#include "pager/service/tasks/mapping.h"
#include "pager/service/hosts/peer.h"
#include "pager/service/tasks/waits.h"
#include "run_suite.h"

/* As ARCHITECTURE.md says. */
#define ONE_HOST_NS   (4 * NS_PER_MS)
#define MANY_HOSTS_NS (10 * NS_PER_MS)
#define AT_MOST_NS    (50 * NS_PER_MS)

#define PAGES	1024u
#define HOME	1
#define ADDRESS 0x10000000u

static struct pager pager;
static struct peer home; /* never up: what is asked of it goes nowhere */
static struct vmm vmm;
static struct object object;
static struct mapping mapping;

static void setup(void)
{
	pager = (struct pager){.peers[HOME] = &home, .options.deadline_ns = NS_PER_S * 3600};
	home = (struct peer){.pager = &pager, .node = HOME};
	TAILQ_INIT(&home.background);
	orders_init(&home.orders);
	TAILQ_INIT(&pager.unsettled);
	frozen_hold_init(&pager);
	vmm = (struct vmm){.pager = &pager, .uffd = -1};
	object = (struct object){.pager = &pager,
				 .kind = OBJECT_FROZEN,
				 .phase = OBJECT_JOINED,
				 .home = HOME,
				 .pages = PAGES,
				 .bytes = PAGES * PAGE_BYTES,
				 .memory = memfd_create("waiting", MFD_CLOEXEC)};
	LIST_INIT(&object.mappings);
	ck_assert_int_ge(object.memory, 0);
	ck_assert_int_eq(frozen_open(&object), 0);
	timer_stop(&pager.timers, &object.frozen->start);
	mapping = (struct mapping){.vmm = &vmm,
				   .object = &object,
				   .address = ADDRESS,
				   .bytes = PAGES * PAGE_BYTES,
				   .grow_pages = PAGES};
}

static void teardown(void)
{
	waits_done(&object);
	frozen_close(&object);
	close(object.memory);
	orders_done(&home.orders);
	timers_done(&pager.timers);
}

/* ---- home ---- */

static void expect_held_for(int node, uint64_t ns)
{
	uint64_t before = clock_now_ns();

	frozen_hold(&pager, node);
	ck_assert(timer_is_running(&pager.hold));
	ck_assert_uint_ge(pager.hold.due_ns, before + ns);
	ck_assert_uint_le(pager.hold.due_ns, clock_now_ns() + ns);
}

START_TEST(home_holds_back_longer_when_more_than_one_host_joins)
{
	uint64_t due_ns;

	expect_held_for(2, ONE_HOST_NS);
	pager.hold_begin_ns += NS_PER_S * 3600; /* however slow this machine is */
	expect_held_for(2, ONE_HOST_NS);
	expect_held_for(3, MANY_HOSTS_NS);
	due_ns = pager.hold.due_ns;
	frozen_hold(&pager, 2);
	ck_assert_uint_ge(pager.hold.due_ns, due_ns);
}
END_TEST

START_TEST(home_never_holds_back_longer_than_it_may)
{
	expect_held_for(2, ONE_HOST_NS);
	pager.hold_begin_ns = clock_now_ns() - AT_MOST_NS + NS_PER_MS;
	frozen_hold(&pager, 3);
	ck_assert_uint_eq(pager.hold.due_ns, pager.hold_begin_ns + AT_MOST_NS);
}
END_TEST

START_TEST(home_serves_as_long_as_it_may_hold_back_before_it_does_again)
{
	expect_held_for(2, ONE_HOST_NS);
	timers_run(&pager.timers, pager.hold.due_ns);
	ck_assert(!timer_is_running(&pager.hold));
	frozen_hold(&pager, 2);
	if (clock_now_ns() - pager.hold_end_ns < AT_MOST_NS)
		ck_assert(!timer_is_running(&pager.hold));
	timer_stop(&pager.timers, &pager.hold);
	pager.hold_end_ns = clock_now_ns() - AT_MOST_NS;
	expect_held_for(2, ONE_HOST_NS);
}
END_TEST

/* ---- a scan ---- */

static const struct page_wait *fault(uint64_t page)
{
	frozen_fault(&mapping, ADDRESS + page * PAGE_BYTES);
	ck_assert_ptr_nonnull(wait_find(&object, page));
	return wait_find(&object, page);
}

static void let_patience_end(void)
{
	ck_assert(timer_is_running(&object.frozen->patience));
	timers_run(&pager.timers, object.frozen->patience.due_ns);
}

START_TEST(a_page_that_nothing_brings_is_asked_for_at_once)
{
	mapping.grow_next = 7;
	ck_assert(fault(7)->is_asked); /* a scan, but its unit was not asked for */
	bit_set(object.frozen->asked, 0);
	ck_assert(fault(9)->is_asked); /* under way, but no scan */
	mapping.grow_next = 11;
	mapping.grow_pages = 1;
	ck_assert(fault(11)->is_asked); /* nor is this one yet */
	ck_assert(!timer_is_running(&object.frozen->patience));
}
END_TEST

START_TEST(a_scan_waits_for_what_is_under_way_while_anything_arrives)
{
	const struct page_wait *wait;

	bit_set(object.frozen->asked, 0);
	mapping.grow_next = 7;
	wait = fault(7);
	ck_assert(!wait->is_asked);
	for (int arrivals = 0; arrivals < 3; arrivals++) {
		object.frozen->present_count++;
		let_patience_end();
		ck_assert(!wait->is_asked);
	}
	let_patience_end();
	ck_assert(wait->is_asked);
	ck_assert(!timer_is_running(&object.frozen->patience));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pager waiting");
	TCase *tests = tcase_create("holding back and scanning");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, home_holds_back_longer_when_more_than_one_host_joins);
	tcase_add_test(tests, home_never_holds_back_longer_than_it_may);
	tcase_add_test(tests, home_serves_as_long_as_it_may_hold_back_before_it_does_again);
	tcase_add_test(tests, a_page_that_nothing_brings_is_asked_for_at_once);
	tcase_add_test(tests, a_scan_waits_for_what_is_under_way_while_anything_arrives);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
