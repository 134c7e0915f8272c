/*
 * Every transition of a holder, one message at a time: what changes and which actions come out, in
 * which order.
 */
#include "coherence_actions.h"
#include "holder.h"

#include <errno.h>

#define EPOCH 5U

static struct holder holder;

static void set_up(void)
{
	struct holder_config config = {.object = OBJECT,
				       .page_count = PAGES,
				       .hold_ns = 100,
				       .self = SELF,
				       .home = HOME,
				       .epoch = EPOCH};
	ck_assert_int_eq(holder_init(&holder, &config), 0);
}

static void tear_down(void)
{
	holder_done(&holder);
}

static int to_holder(enum coherence_message_type type, uint64_t transaction,
		     enum page_access access, enum fetch_mode mode)
{
	struct message message = {.type = type,
				  .from = HOME,
				  .to = OTHER,
				  .epoch = EPOCH,
				  .object = OBJECT,
				  .transaction = transaction,
				  .access = access,
				  .mode = mode};
	return holder_message(&holder, &message, 1000, &sink);
}

static void expect_state(enum holder_state state)
{
	ck_assert_str_eq(holder_state_name(holder_page_state(&holder, 0)),
			 holder_state_name(state));
}

static uint64_t fault(enum fault_kind kind, const char *words)
{
	ck_assert_int_eq(holder_fault(&holder, 0, kind, &sink), 0);
	uint64_t transaction = action_count > 0 ? last_transaction() : 0;
	expect_actions(words);
	return transaction;
}

static const uint64_t foreign = 0x4242000082; /* a transaction of host OTHER */

static void become_shared(void)
{
	uint64_t transaction = fault(FAULT_READ, "SEND:READ_REQUEST");
	expect_state(HOLDER_READING);
	ck_assert_int_eq(to_holder(MESSAGE_PAGE, transaction, ACCESS_READ, 0), 0);
	expect_actions("INSTALL SEND:DONE");
	expect_state(HOLDER_SHARED);
}

static void become_exclusive(void)
{
	uint64_t transaction = fault(FAULT_WRITE, "SEND:WRITE_REQUEST");
	expect_state(HOLDER_WRITING);
	ck_assert_int_eq(to_holder(MESSAGE_PAGE, transaction, ACCESS_WRITE, 0), 0);
	expect_actions("INSTALL SEND:DONE");
	expect_state(HOLDER_EXCLUSIVE);
}

START_TEST(faults_are_one_request_and_end_in_a_mapping)
{
	uint64_t transaction = fault(FAULT_READ, "SEND:READ_REQUEST");
	fault(FAULT_READ, "");
	fault(FAULT_WRITE, "");
	fault(FAULT_WRITE, "");
	to_holder(MESSAGE_PAGE, transaction, ACCESS_READ, 0);
	transaction = last_transaction();
	expect_actions("INSTALL SEND:DONE SEND:WRITE_REQUEST");
	expect_state(HOLDER_UPGRADING);
	fault(FAULT_READ, "MAP");
	to_holder(MESSAGE_GRANT, transaction, ACCESS_WRITE, 0);
	expect_actions("UNPROTECT SEND:DONE");
	expect_state(HOLDER_EXCLUSIVE);
	fault(FAULT_READ, "MAP");
	fault(FAULT_WRITE, "MAP");
}
END_TEST

START_TEST(a_hint_asks_only_for_what_is_not_here)
{
	fault(FAULT_HINT, "SEND:READ_REQUEST");
	fault(FAULT_HINT, "");
	holder_home_lost(&holder, &sink);
	expect_actions("POISON");
	ck_assert_int_eq(holder_fault(&holder, 1, FAULT_HINT, &sink), 0);
	expect_actions("");
	ck_assert_int_eq(holder_page_state(&holder, 1), HOLDER_NONE);
	fault(FAULT_HINT, "");
	fault(FAULT_READ, "POISON");
	fault(FAULT_WRITE, "POISON");
}
END_TEST

START_TEST(fetch_share_keeps_a_readable_copy)
{
	become_exclusive();
	to_holder(MESSAGE_FETCH, foreign, 0, FETCH_SHARE);
	ck_assert_uint_eq(actions[2].host, OTHER);
	expect_actions("PROTECT READ_OUT SEND_PAGE:PAGE");
	expect_state(HOLDER_SHARED);
	to_holder(MESSAGE_FETCH, foreign, 0, FETCH_SHARE);
	expect_actions("READ_OUT SEND_PAGE:PAGE");
}
END_TEST

START_TEST(fetch_take_drops_before_it_sends)
{
	become_exclusive();
	to_holder(MESSAGE_FETCH, foreign, 0, FETCH_TAKE);
	expect_actions("PROTECT READ_OUT DROP SEND_PAGE:PAGE");
	expect_state(HOLDER_NONE);
	to_holder(MESSAGE_FETCH, foreign, 0, FETCH_TAKE);
	expect_actions("");
	ck_assert_uint_eq(holder.ignored_count, 1);
}
END_TEST

START_TEST(an_invalidation_passes_an_upgrade)
{
	become_shared();
	uint64_t transaction = fault(FAULT_WRITE, "SEND:WRITE_REQUEST");
	expect_state(HOLDER_UPGRADING);
	to_holder(MESSAGE_INVALIDATE, foreign, 0, 0);
	expect_actions("DROP SEND:INVALIDATED");
	expect_state(HOLDER_WRITING);
	to_holder(MESSAGE_GRANT, transaction, ACCESS_WRITE, 0);
	expect_actions("");
	to_holder(MESSAGE_PAGE, transaction, ACCESS_WRITE, 0);
	expect_actions("INSTALL SEND:DONE");
	expect_state(HOLDER_EXCLUSIVE);
	ck_assert_int_eq(to_holder(MESSAGE_INVALIDATE, foreign, 0, 0), -EPROTO);
}
END_TEST

START_TEST(a_returning_page_answers_until_returned)
{
	become_exclusive();
	ck_assert_int_eq(holder_return(&holder, 0, &sink), 0);
	uint64_t transaction = last_transaction();
	expect_actions("PROTECT SEND:RETURN");
	fault(FAULT_READ, "MAP");
	to_holder(MESSAGE_FETCH, foreign, 0, FETCH_SHARE);
	expect_actions("READ_OUT SEND_PAGE:PAGE");
	to_holder(MESSAGE_INVALIDATE, foreign, 0, 0);
	expect_actions("DROP SEND:INVALIDATED");
	expect_state(HOLDER_RETURNING);
	fault(FAULT_READ, "");
	to_holder(MESSAGE_RETURNED, transaction, 0, 0);
	expect_actions("SEND:DONE SEND:READ_REQUEST");
	expect_state(HOLDER_READING);
}
END_TEST

START_TEST(a_leave_waits_for_answers)
{
	uint64_t transaction = fault(FAULT_READ, "SEND:READ_REQUEST");
	ck_assert_int_eq(holder_leave(&holder, &sink), 0);
	expect_actions("");
	to_holder(MESSAGE_PAGE, transaction, ACCESS_READ, 0);
	transaction = last_transaction();
	expect_actions("INSTALL SEND:DONE SEND:RETURN");
	to_holder(MESSAGE_RETURNED, transaction, 0, 0);
	expect_actions("DROP SEND:DONE");
	expect_state(HOLDER_NONE);
	ck_assert_uint_eq(holder.held_count, 0);
}
END_TEST

START_TEST(lost_is_answered_and_final)
{
	uint64_t transaction = fault(FAULT_WRITE, "SEND:WRITE_REQUEST");
	to_holder(MESSAGE_LOST, transaction, 0, 0);
	ck_assert_int_eq(actions[1].message.access, ACCESS_NONE);
	expect_actions("POISON SEND:DONE");
	expect_state(HOLDER_LOST);
	to_holder(MESSAGE_PAGE, transaction, ACCESS_WRITE, 0);
	expect_actions("");
	ck_assert_uint_eq(holder.held_count, 0);
}
END_TEST

START_TEST(without_home_shared_stays_readable_and_exclusive_goes_on)
{
	become_shared();
	holder_home_lost(&holder, &sink);
	expect_actions("");
	fault(FAULT_READ, "MAP");
	fault(FAULT_WRITE, "DROP POISON");
	expect_state(HOLDER_LOST);
}
END_TEST

START_TEST(late_and_foreign_messages_change_nothing)
{
	uint64_t transaction = fault(FAULT_READ, "SEND:READ_REQUEST");
	to_holder(MESSAGE_PAGE, transaction + 64, ACCESS_READ, 0);
	to_holder(MESSAGE_GRANT, transaction, ACCESS_WRITE, 0);
	to_holder(MESSAGE_RETURNED, transaction, 0, 0);
	to_holder(MESSAGE_LOST, foreign, 0, 0);
	expect_actions("");
	ck_assert_uint_eq(holder.ignored_count, 4);
	ck_assert_int_eq(to_holder(MESSAGE_DONE, transaction, 0, 0), -EPROTO);
	struct message message = {
	    .type = MESSAGE_LOST, .from = OTHER, .epoch = EPOCH, .object = OBJECT};
	ck_assert_int_eq(holder_message(&holder, &message, 0, &sink), -EPROTO);
	message.page = PAGES;
	ck_assert_int_eq(holder_message(&holder, &message, 0, &sink), -EINVAL);
	expect_state(HOLDER_READING);
}
END_TEST

START_TEST(a_granted_page_is_held)
{
	ck_assert(holder_may_give_up(&holder, 0, 0));
	become_exclusive(); /* at 1000, held for 100 */
	ck_assert(!holder_may_give_up(&holder, 0, 1099));
	ck_assert(holder_may_give_up(&holder, 0, 1100));
	ck_assert_uint_eq(holder_hold_until_ns(&holder, 0), 1100);
}
END_TEST

START_TEST(a_page_that_was_used_is_not_held)
{
	become_exclusive();
	ck_assert(holder_is_wanted(&holder, 0, 1100));
	ck_assert(!holder_is_wanted(&holder, 0, 1000000000));
	ck_assert(!holder_is_wanted(&holder, 1, 1100));
	holder_used(&holder, 0);
	ck_assert(holder_may_give_up(&holder, 0, 1000));
	to_holder(MESSAGE_FETCH, foreign, 0, FETCH_TAKE);
	expect_actions("PROTECT READ_OUT DROP SEND_PAGE:PAGE");
	become_exclusive(); /* of this grant nothing has been seen */
	ck_assert(!holder_may_give_up(&holder, 0, 1099));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    faults_are_one_request_and_end_in_a_mapping,
	    a_hint_asks_only_for_what_is_not_here,
	    fetch_share_keeps_a_readable_copy,
	    fetch_take_drops_before_it_sends,
	    an_invalidation_passes_an_upgrade,
	    a_returning_page_answers_until_returned,
	    a_leave_waits_for_answers,
	    lost_is_answered_and_final,
	    without_home_shared_stays_readable_and_exclusive_goes_on,
	    late_and_foreign_messages_change_nothing,
	    a_granted_page_is_held,
	    a_page_that_was_used_is_not_held,
	};
	return run_tests("coherence holder", tests, sizeof(tests) / sizeof(tests[0]), set_up,
			 tear_down);
}
