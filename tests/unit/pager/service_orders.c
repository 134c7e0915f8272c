/*
 * What a host was asked for, and which answers it may give: exactly those, once, in one session.
 */
#include <check.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pager/service/frozen/orders.h"
#include "run_suite.h"

#define OBJECT	   7u
#define MEMBERSHIP 3u
#define FIRST	   100u
#define COUNT	   50u

static struct orders orders;
static struct store *store;

static const struct page_message request = {
    .object = OBJECT,
    .transaction = MEMBERSHIP,
    .first_page = FIRST,
    .page_count = COUNT,
};

static void setup(void)
{
	int fd = memfd_create("store", MFD_CLOEXEC);

	orders_init(&orders);
	ck_assert_int_eq(store_new(fd, 0, &store), 0);
	close(fd);
	ck_assert_int_eq(orders_add(&orders, &request, store), 0);
}

/* Nobody but the test holds the store then. */
static void teardown(void)
{
	orders_done(&orders);
	ck_assert_uint_eq(store->references, 1);
	store_put(store);
}

/* Return: whether the answer was taken for an ordered one. */
static bool take(uint32_t session, const struct page_message *answer)
{
	struct store *taken = orders_take(&orders, session, answer);

	ck_assert(!taken || taken == store);
	if (taken)
		store_put(taken);
	return taken != NULL;
}

static bool take_pages(uint32_t session, uint64_t first, uint32_t count)
{
	struct page_message answer = request;

	answer.first_page = first;
	answer.page_count = count;
	return take(session, &answer);
}

static const struct {
	struct page_message answer;
	bool is_ordered;
} answers[] = {
    {{.object = OBJECT, .transaction = MEMBERSHIP, .first_page = 100, .page_count = 50}, true},
    {{.object = OBJECT, .transaction = MEMBERSHIP, .first_page = 100, .page_count = 1}, true},
    {{.object = OBJECT, .transaction = MEMBERSHIP, .first_page = 149, .page_count = 1}, true},
    {{.object = OBJECT, .transaction = MEMBERSHIP, .first_page = 99, .page_count = 2}, false},
    {{.object = OBJECT, .transaction = MEMBERSHIP, .first_page = 149, .page_count = 2}, false},
    {{.object = OBJECT, .transaction = MEMBERSHIP, .first_page = 150, .page_count = 1}, false},
    {{.object = OBJECT, .transaction = MEMBERSHIP, .first_page = 100, .page_count = 51}, false},
    {{.object = OBJECT, .transaction = 4, .first_page = 100, .page_count = 50}, false},
    {{.object = 8, .transaction = MEMBERSHIP, .first_page = 100, .page_count = 50}, false},
    {{.object = OBJECT, .transaction = MEMBERSHIP, .first_page = UINT64_MAX, .page_count = 50},
     false},
};
#define ANSWERS (int)(sizeof(answers) / sizeof(answers[0]))

START_TEST(only_pages_that_were_asked_for_are_received)
{
	struct store *found = orders_find(&orders, 0, &answers[_i].answer);

	ck_assert_int_eq(found != NULL, answers[_i].is_ordered);
	if (found)
		store_put(found);
	ck_assert_int_eq(take(0, &answers[_i].answer), answers[_i].is_ordered);
}
END_TEST

/* Whatever came in pieces: nothing is left that a second copy could be received for. */
START_TEST(an_order_is_over_when_as_many_pages_came)
{
	ck_assert(take_pages(0, FIRST, 20));
	ck_assert(take_pages(0, FIRST + 20, 29));
	ck_assert(take_pages(0, FIRST + 49, 1));
	ck_assert(!take_pages(0, FIRST, COUNT));
	ck_assert_uint_eq(store->references, 1);
}
END_TEST

START_TEST(another_session_gets_nothing_of_the_last_one)
{
	orders_begin_session(&orders);
	ck_assert_uint_eq(store->references, 1);
	ck_assert(!take_pages(0, FIRST, COUNT));
	ck_assert(!take_pages(1, FIRST, COUNT));
	ck_assert_int_eq(orders_add(&orders, &request, store), 0);
	ck_assert(!take_pages(0, FIRST, COUNT));
	ck_assert(take_pages(1, FIRST, COUNT));
}
END_TEST

START_TEST(leaving_an_object_forgets_what_was_asked_for_as_its_member)
{
	struct page_message other = request;

	other.transaction++;
	ck_assert_int_eq(orders_add(&orders, &other, store), 0);
	orders_forget(&orders, OBJECT, MEMBERSHIP);
	ck_assert(!take_pages(0, FIRST, COUNT));
	ck_assert(take(0, &other));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pager orders");
	TCase *tests = tcase_create("orders");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, only_pages_that_were_asked_for_are_received, 0, ANSWERS);
	tcase_add_test(tests, an_order_is_over_when_as_many_pages_came);
	tcase_add_test(tests, another_session_gets_nothing_of_the_last_one);
	tcase_add_test(tests, leaving_an_object_forgets_what_was_asked_for_as_its_member);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
