/*
 * Recorded actions: see coherence_actions.h.
 */
#include "coherence_actions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "run_suite.h"

struct action actions[64];
unsigned int action_count;

static void record(void *context, const struct action *action)
{
	(void)context;
	ck_assert_uint_lt(action_count, 64);
	actions[action_count++] = *action;
}

const struct action_sink sink = {.emit = record};

void expect_actions(const char *words)
{
	char seen[256] = "";
	for (unsigned int i = 0; i < action_count; i++) {
		bool is_send = actions[i].type <= ACTION_FORWARD;
		size_t length = strlen(seen);
		snprintf(seen + length, sizeof(seen) - length, "%s%s%s%s", i == 0 ? "" : " ",
			 action_type_name(actions[i].type), is_send ? ":" : "",
			 is_send ? coherence_message_type_name(actions[i].message.type) : "");
	}
	action_count = 0;
	ck_assert_str_eq(seen, words);
}

uint64_t last_transaction(void)
{
	return actions[action_count - 1].message.transaction;
}

int run_tests(const char *name, const TTest *const *tests, size_t test_count, void (*set_up)(void),
	      void (*tear_down)(void))
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	tcase_add_checked_fixture(tcase, set_up, tear_down);
	for (size_t i = 0; i < test_count; i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
