/*
 * What runs of coherent pages consist of, without pagers: see service_run.c for the rest.
 */
#include <check.h>
#include <stdlib.h>

#include "pager/service/coherent/coherent_gather.h"
#include "pager/service/coherent/coherent_run.h"
#include "run_suite.h"

#define RUN_TRANSACTION transaction_make(1, 5, 1000)

static void begin_run(struct peer *peer, uint64_t first, uint32_t count)
{
	struct run_rest *rest = calloc(1, sizeof(*rest));

	ck_assert_ptr_nonnull(rest);
	*rest = (struct run_rest){
	    .object = 7,
	    .membership = 5,
	    .transaction = RUN_TRANSACTION,
	    .run_first = first,
	    .first = first,
	    .count = count,
	};
	TAILQ_INIT(&peer->runs);
	TAILQ_INSERT_TAIL(&peer->runs, rest, of_peer);
	peer->run_count = 1;
}

/* Asks for a page of a run that begins at page 100, as its reader does who waits for it. */
static bool take_out(struct peer *peer, uint64_t page)
{
	struct page_message request = {
	    .object = 7,
	    .membership = 5,
	    .transaction = transaction_after(RUN_TRANSACTION, page - 100),
	    .first_page = page,
	    .page_count = 1,
	};

	return coherent_run_take_out(peer, &request);
}

static bool is_in_rests(const struct peer *peer, uint64_t page)
{
	const struct run_rest *rest;
	bool is_in = false;

	TAILQ_FOREACH (rest, &peer->runs, of_peer) {
		ck_assert_uint_gt(rest->count, 0);
		ck_assert_uint_eq(rest->run_first, 100);
		ck_assert_uint_eq(rest->transaction, RUN_TRANSACTION);
		if (page < rest->first || page - rest->first >= rest->count)
			continue;
		ck_assert(!is_in);
		is_in = true;
	}
	return is_in;
}

START_TEST(a_page_that_is_waited_for_is_taken_out_of_its_run_and_no_other_is)
{
	static const uint64_t taken[] = {100, 611, 300, 302, 301, 610, 101};
	struct peer peer = {0};
	size_t count = 0;

	begin_run(&peer, 100, 512);
	for (; count < sizeof(taken) / sizeof(taken[0]); count++) {
		ck_assert(take_out(&peer, taken[count]));
		ck_assert(take_out(&peer, taken[count])); /* of no run any more */
		for (uint64_t page = 90; page < 700; page++) {
			bool is_expected = page >= 100 && page < 612;

			for (size_t i = 0; i <= count; i++)
				is_expected &= page != taken[i];
			ck_assert_int_eq(is_in_rests(&peer, page), is_expected);
		}
	}
	ck_assert_uint_eq(peer.run_count, 2);
	coherent_run_serve_forget(&peer);
	ck_assert(TAILQ_EMPTY(&peer.runs));
	ck_assert_uint_eq(peer.run_count, 0);
}
END_TEST

START_TEST(only_the_transaction_of_the_run_takes_a_page_out)
{
	struct page_message other = {.object = 7,
				     .membership = 5,
				     .transaction = RUN_TRANSACTION,
				     .first_page = 101,
				     .page_count = 1};
	struct peer peer = {0};

	begin_run(&peer, 100, 4);
	ck_assert(coherent_run_take_out(&peer, &other));
	other.transaction = transaction_after(RUN_TRANSACTION, 1);
	other.membership = 4;
	ck_assert(coherent_run_take_out(&peer, &other));
	other.membership = 5;
	other.object = 8;
	ck_assert(coherent_run_take_out(&peer, &other));
	ck_assert(is_in_rests(&peer, 101));
	other.object = 7;
	ck_assert(coherent_run_take_out(&peer, &other));
	ck_assert(!is_in_rests(&peer, 101));
	coherent_run_serve_forget(&peer);
}
END_TEST

START_TEST(stretches_are_cut_off_in_order)
{
	struct gather gather = {.first = 1000, .count = GATHER_PAGES};
	uint64_t bits = 0x8000000000000ff6ull, all = UINT64_MAX, first;

	ck_assert_uint_eq(gather_take_stretch(&gather, &bits, &first), 2);
	ck_assert_uint_eq(first, 1001);
	ck_assert_uint_eq(gather_take_stretch(&gather, &bits, &first), 8);
	ck_assert_uint_eq(first, 1004);
	ck_assert_uint_eq(gather_take_stretch(&gather, &bits, &first), 1);
	ck_assert_uint_eq(first, 1063);
	ck_assert_uint_eq(bits, 0);
	ck_assert_uint_eq(gather_take_stretch(&gather, &all, &first), GATHER_PAGES);
	ck_assert_uint_eq(first, 1000);
	ck_assert_uint_eq(all, 0);
}
END_TEST

static void emit_nothing(void *context, const struct action *action)
{
	(void)context;
	(void)action;
}

static const struct action_sink quiet = {.emit = emit_nothing};

static void tell(struct holder *holder, enum coherence_message_type type, uint64_t page,
		 uint64_t transaction)
{
	struct message message = {
	    .type = type,
	    .to = 1,
	    .access = ACCESS_READ,
	    .epoch = 3,
	    .object = 7,
	    .page = page,
	    .transaction = transaction,
	};

	ck_assert_int_eq(holder_message(holder, &message, 1, &quiet), 0);
}

/* Answers that are counted for a run that they are not part of would end it too early. */
START_TEST(a_page_that_was_lost_and_asked_for_anew_is_not_its_runs_any_more)
{
	static const struct holder_config config = {
	    .object = 7, .page_count = 64, .self = 1, .home = 0, .epoch = 3};
	struct coherent coherent = {0};
	struct run run = {.first = 10, .count = 4, .left = 4};

	ck_assert_int_eq(holder_init(&coherent.holder, &config), 0);
	run.transaction = holder_next_transaction(&coherent.holder);
	LIST_INSERT_HEAD(&coherent.runs, &run, of_coherent);
	for (uint64_t page = 10; page < 14; page++)
		ck_assert_int_eq(holder_fault(&coherent.holder, page, FAULT_HINT, &quiet), 0);
	for (uint64_t page = 0; page < 64; page++)
		ck_assert_int_eq(coherent_run_of(&coherent, page) == &run, page >= 10 && page < 14);
	tell(&coherent.holder, MESSAGE_PAGE, 11, transaction_after(run.transaction, 1));
	ck_assert_ptr_null(coherent_run_of(&coherent, 11));
	tell(&coherent.holder, MESSAGE_INVALIDATE, 11, transaction_make(0, 1, 1));
	ck_assert_int_eq(holder_fault(&coherent.holder, 11, FAULT_READ, &quiet), 0);
	ck_assert_int_eq(holder_page_state(&coherent.holder, 11), HOLDER_READING);
	ck_assert_ptr_null(coherent_run_of(&coherent, 11));
	ck_assert_ptr_eq(coherent_run_of(&coherent, 12), &run);
	holder_done(&coherent.holder);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pager run parts");
	TCase *tests = tcase_create("runs");

	tcase_add_test(tests, a_page_that_is_waited_for_is_taken_out_of_its_run_and_no_other_is);
	tcase_add_test(tests, only_the_transaction_of_the_run_takes_a_page_out);
	tcase_add_test(tests, a_page_that_was_lost_and_asked_for_anew_is_not_its_runs_any_more);
	tcase_add_test(tests, stretches_are_cut_off_in_order);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
