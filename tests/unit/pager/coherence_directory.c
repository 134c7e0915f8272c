/*
 * Every transition of the directory, one message at a time: what changes and which actions come
 * out, in which order; and the small tables below it.
 */
#include "coherence_actions.h"
#include "holder.h"

#include <errno.h>
#include <string.h>

static struct directory directory;
static uint32_t epochs[4];

static void set_up(void)
{
	ck_assert_int_eq(directory_init(&directory, OBJECT, HOME, PAGES), 0);
	epochs[HOME] = directory_host_epoch(&directory, HOME);
	for (unsigned int host = SELF; host <= THIRD; host++)
		ck_assert_int_eq(directory_host_join(&directory, host, &epochs[host]), 0);
}

static void tear_down(void)
{
	directory_done(&directory);
}

static int to_directory(enum coherence_message_type type, unsigned int from, uint64_t transaction,
			enum page_access access)
{
	struct message message = {.type = type,
				  .from = (uint8_t)from,
				  .epoch = epochs[from],
				  .object = OBJECT,
				  .transaction = transaction,
				  .access = access};
	return directory_message(&directory, &message, &sink);
}

static uint64_t transaction_of(unsigned int host, uint32_t sequence)
{
	return transaction_make(host, epochs[host], sequence);
}

static void expect_page(enum directory_state state, host_set hosts, enum directory_phase phase)
{
	ck_assert_str_eq(directory_state_name(directory_page_state(&directory, 0)),
			 directory_state_name(state));
	ck_assert_uint_eq(directory_page_hosts(&directory, 0), hosts);
	ck_assert_str_eq(directory_phase_name(directory_page_phase(&directory, 0)),
			 directory_phase_name(phase));
}

/* Host `from` asks, gets the page and says so. */
static void complete(enum coherence_message_type type, unsigned int from, uint32_t sequence)
{
	uint64_t transaction = transaction_of(from, sequence);
	to_directory(type, from, transaction, 0);
	to_directory(MESSAGE_DONE, from, transaction,
		     type == MESSAGE_READ_REQUEST ? ACCESS_READ : ACCESS_WRITE);
	action_count = 0;
}

START_TEST(zero_memory_means_home_owns)
{
	struct directory_page zero = {0};
	ck_assert_int_eq(memcmp(&directory.pages[0], &zero, sizeof(zero)), 0);
	expect_page(DIRECTORY_OWNED, host_set_of(HOME), PHASE_IDLE);
	struct holder_config config = {
	    .object = OBJECT, .page_count = PAGES, .epoch = epochs[HOME], .directory = &directory};
	struct holder at_home;
	ck_assert_int_eq(holder_init(&at_home, &config), 0);
	ck_assert_int_eq(at_home.pages[0].stored_state, 0);
	ck_assert_int_eq(holder_page_state(&at_home, 0), HOLDER_EXCLUSIVE);
	ck_assert_int_eq(holder_leave(&at_home, &sink), -EINVAL);
	holder_done(&at_home);
}
END_TEST

START_TEST(write_invalidates_all_but_the_source)
{
	complete(MESSAGE_READ_REQUEST, SELF, 1);
	complete(MESSAGE_READ_REQUEST, OTHER, 1);
	uint64_t transaction = transaction_of(THIRD, 1);
	to_directory(MESSAGE_WRITE_REQUEST, THIRD, transaction, 0);
	expect_actions("SEND:INVALIDATE SEND:INVALIDATE");
	expect_page(DIRECTORY_SHARED, host_set_of(HOME), PHASE_INVALIDATING);
	to_directory(MESSAGE_INVALIDATED, SELF, transaction, 0);
	to_directory(MESSAGE_INVALIDATED, SELF, transaction, 0); /* a duplicate counts once */
	expect_actions("");
	to_directory(MESSAGE_INVALIDATED, OTHER, transaction, 0);
	ck_assert_uint_eq(actions[0].host, HOME);
	ck_assert_int_eq(actions[0].message.mode, FETCH_TAKE);
	expect_actions("SEND:FETCH");
	to_directory(MESSAGE_DONE, THIRD, transaction, ACCESS_WRITE);
	expect_page(DIRECTORY_OWNED, host_set_of(THIRD), PHASE_IDLE);
	ck_assert_uint_eq(directory_busy_count(&directory), 0);
}
END_TEST

START_TEST(upgrade_is_granted_without_data)
{
	complete(MESSAGE_READ_REQUEST, SELF, 1);
	uint64_t transaction = transaction_of(SELF, 2);
	to_directory(MESSAGE_WRITE_REQUEST, SELF, transaction, 0);
	expect_actions("SEND:INVALIDATE");
	to_directory(MESSAGE_INVALIDATED, HOME, transaction, 0);
	expect_actions("SEND:GRANT");
	expect_page(DIRECTORY_SHARED, host_set_of(SELF), PHASE_GRANTING);
	ck_assert_int_eq(to_directory(MESSAGE_DONE, SELF, transaction, ACCESS_READ), -EPROTO);
	to_directory(MESSAGE_DONE, SELF, transaction, ACCESS_WRITE);
	expect_page(DIRECTORY_OWNED, host_set_of(SELF), PHASE_IDLE);
}
END_TEST

START_TEST(requests_wait_in_order)
{
	to_directory(MESSAGE_READ_REQUEST, SELF, transaction_of(SELF, 1), 0);
	to_directory(MESSAGE_WRITE_REQUEST, OTHER, transaction_of(OTHER, 1), 0);
	to_directory(MESSAGE_READ_REQUEST, THIRD, transaction_of(THIRD, 1), 0);
	to_directory(MESSAGE_READ_REQUEST, THIRD, transaction_of(THIRD, 2), 0);
	ck_assert_uint_eq(directory.ignored_count, 1);
	expect_actions("SEND:FETCH");
	to_directory(MESSAGE_DONE, SELF, transaction_of(SELF, 1), ACCESS_READ);
	expect_actions("SEND:INVALIDATE");
	directory_host_lost(&directory, OTHER, &sink);
	expect_actions("");
	to_directory(MESSAGE_INVALIDATED, SELF, transaction_of(OTHER, 1), 0);
	expect_actions("SEND:FETCH");
	to_directory(MESSAGE_DONE, THIRD, transaction_of(THIRD, 1), ACCESS_READ);
	expect_page(DIRECTORY_SHARED, host_set_of(HOME) | host_set_of(THIRD), PHASE_IDLE);
}
END_TEST

START_TEST(a_dead_owner_loses_its_page_and_only_that)
{
	complete(MESSAGE_WRITE_REQUEST, SELF, 1);
	directory_host_lost(&directory, SELF, &sink);
	expect_page(DIRECTORY_LOST, 0, PHASE_IDLE);
	ck_assert_int_eq(directory_page_state(&directory, 1), DIRECTORY_OWNED);
	to_directory(MESSAGE_READ_REQUEST, OTHER, transaction_of(OTHER, 1), 0);
	expect_actions("SEND:LOST");
	to_directory(MESSAGE_READ_REQUEST, SELF, transaction_of(SELF, 2), 0);
	expect_actions("");
}
END_TEST

START_TEST(a_dead_source_waits_for_what_the_requester_says)
{
	complete(MESSAGE_WRITE_REQUEST, SELF, 1);
	uint64_t transaction = transaction_of(OTHER, 1);
	to_directory(MESSAGE_WRITE_REQUEST, OTHER, transaction, 0);
	directory_host_lost(&directory, SELF, &sink);
	expect_actions("SEND:FETCH SEND:LOST");
	expect_page(DIRECTORY_LOST, 0, PHASE_LOSING);
	to_directory(MESSAGE_DONE, OTHER, transaction, ACCESS_WRITE); /* it had come before */
	expect_page(DIRECTORY_OWNED, host_set_of(OTHER), PHASE_IDLE);
}
END_TEST

START_TEST(another_sharer_replaces_a_dead_source)
{
	complete(MESSAGE_WRITE_REQUEST, SELF, 1);
	complete(MESSAGE_READ_REQUEST, OTHER, 1);
	to_directory(MESSAGE_READ_REQUEST, THIRD, transaction_of(THIRD, 1), 0);
	ck_assert_uint_eq(actions[0].host, SELF);
	directory_host_lost(&directory, SELF, &sink);
	ck_assert_uint_eq(actions[1].host, OTHER);
	expect_actions("SEND:FETCH SEND:FETCH");
}
END_TEST

START_TEST(the_death_of_a_requester_loses_only_what_it_may_have)
{
	complete(MESSAGE_WRITE_REQUEST, SELF, 1);
	to_directory(MESSAGE_READ_REQUEST, OTHER, transaction_of(OTHER, 1), 0);
	directory_host_lost(&directory, OTHER, &sink);
	expect_page(DIRECTORY_SHARED, host_set_of(SELF), PHASE_IDLE);
	to_directory(MESSAGE_WRITE_REQUEST, THIRD, transaction_of(THIRD, 1), 0);
	directory_host_lost(&directory, THIRD, &sink);
	expect_page(DIRECTORY_LOST, 0, PHASE_IDLE);
}
END_TEST

START_TEST(the_only_copy_is_recalled_and_home_is_satisfied)
{
	complete(MESSAGE_WRITE_REQUEST, SELF, 1);
	uint64_t transaction = transaction_of(SELF, 2);
	to_directory(MESSAGE_RETURN, SELF, transaction, 0);
	ck_assert_uint_eq(actions[0].message.to, HOME);
	ck_assert_uint_eq(actions[0].host, SELF);
	expect_actions("SEND:FETCH");
	ck_assert(directory_is_recalling(&directory, 0, transaction));
	ck_assert(!directory_host_is_clear(&directory, SELF));
	to_directory(MESSAGE_READ_REQUEST, HOME, transaction_of(HOME, 1), 0);
	to_directory(MESSAGE_DONE, HOME, transaction, ACCESS_WRITE);
	expect_actions("SEND:RETURNED");
	expect_page(DIRECTORY_OWNED, host_set_of(HOME), PHASE_IDLE);
	ck_assert(directory_host_is_clear(&directory, SELF));
}
END_TEST

START_TEST(one_of_several_sharers_is_released_when_it_says_so)
{
	complete(MESSAGE_READ_REQUEST, SELF, 1);
	uint64_t transaction = transaction_of(SELF, 2);
	to_directory(MESSAGE_RETURN, SELF, transaction, 0);
	expect_actions("SEND:RETURNED");
	expect_page(DIRECTORY_SHARED, host_set_of(HOME), PHASE_RELEASING);
	to_directory(MESSAGE_WRITE_REQUEST, OTHER, transaction_of(OTHER, 1), 0);
	expect_actions("");
	to_directory(MESSAGE_DONE, SELF, transaction, ACCESS_NONE);
	expect_actions("SEND:FETCH");
}
END_TEST

START_TEST(a_broken_link_is_gone_round)
{
	complete(MESSAGE_WRITE_REQUEST, SELF, 1);
	to_directory(MESSAGE_READ_REQUEST, OTHER, transaction_of(OTHER, 1), 0);
	struct message message = {.type = MESSAGE_LINK_LOST,
				  .from = OTHER,
				  .to = SELF,
				  .epoch = epochs[OTHER],
				  .object = OBJECT,
				  .transaction = transaction_make(SELF, epochs[SELF] + 1, 0)};
	ck_assert_int_eq(directory_message(&directory, &message, &sink), 0);
	expect_actions("SEND:FETCH"); /* a report about another life is ignored */
	message.transaction = transaction_make(SELF, epochs[SELF], 0);
	ck_assert_int_eq(directory_message(&directory, &message, &sink), 0);
	ck_assert(actions[0].message.by_home);
	expect_actions("SEND:FETCH");
	struct message page = {.type = MESSAGE_PAGE,
			       .from = SELF,
			       .to = OTHER,
			       .object = OBJECT,
			       .transaction = transaction_of(OTHER, 1)};
	ck_assert(message_is_for_directory(&page, HOME));
	ck_assert_int_eq(directory_message(&directory, &page, &sink), 0);
	ck_assert_uint_eq(actions[0].host, OTHER);
	expect_actions("FORWARD:PAGE");
}
END_TEST

START_TEST(senseless_messages_are_refused)
{
	ck_assert_int_eq(to_directory(MESSAGE_READ_REQUEST, SELF, transaction_of(OTHER, 1), 0),
			 -EPROTO);
	ck_assert_int_eq(to_directory(MESSAGE_FETCH, SELF, transaction_of(SELF, 1), 0), -EPROTO);
	struct message message = {.type = MESSAGE_READ_REQUEST, .from = SELF, .page = PAGES};
	ck_assert_int_eq(directory_message(&directory, &message, &sink), -EINVAL);
	uint32_t epoch = 0;
	ck_assert_int_eq(directory_host_join(&directory, SELF, &epoch), -EEXIST);
	ck_assert_int_eq(directory_host_join(&directory, HOST_SET_MAX, &epoch), -EINVAL);
	expect_actions("");
}
END_TEST

START_TEST(host_sets_and_slots)
{
	ck_assert_uint_eq(host_set_first(0), HOST_SET_MAX);
	ck_assert_uint_eq(host_set_first(host_set_of(63)), 63);
	ck_assert_uint_eq(host_set_count(~UINT64_C(0)), 64);
	ck_assert_uint_eq(host_set_choose(host_set_of(3) | host_set_of(5), 5), 5);
	ck_assert_uint_eq(host_set_choose(host_set_of(3), 5), 3);
	struct slot_pool pool;
	slot_pool_init(&pool, 12);
	for (uint32_t i = 1; i <= 100; i++) {
		ck_assert_int_eq(slot_pool_reserve(&pool, 1), 0);
		ck_assert_uint_eq(slot_pool_get(&pool), i);
	}
	slot_pool_put(&pool, 7);
	ck_assert_uint_eq(slot_pool_get(&pool), 7);
	ck_assert_uint_eq(pool.used_count, 100);
	slot_pool_done(&pool);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    zero_memory_means_home_owns,
	    write_invalidates_all_but_the_source,
	    upgrade_is_granted_without_data,
	    requests_wait_in_order,
	    a_dead_owner_loses_its_page_and_only_that,
	    a_dead_source_waits_for_what_the_requester_says,
	    another_sharer_replaces_a_dead_source,
	    the_death_of_a_requester_loses_only_what_it_may_have,
	    the_only_copy_is_recalled_and_home_is_satisfied,
	    one_of_several_sharers_is_released_when_it_says_so,
	    a_broken_link_is_gone_round,
	    senseless_messages_are_refused,
	    host_sets_and_slots,
	};
	return run_tests("coherence directory", tests, sizeof(tests) / sizeof(tests[0]), set_up,
			 tear_down);
}
