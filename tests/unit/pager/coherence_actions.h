/*
 * Records the actions of a state machine, to be compared as words in their order; and the hosts
 * that the transition tests have in common.
 */
#ifndef PAGER_COHERENCE_ACTIONS_H
#define PAGER_COHERENCE_ACTIONS_H

#include "message.h"

#include <check.h>

#define OBJECT 7
#define HOME   0U
#define SELF   1U
#define OTHER  2U
#define THIRD  3U
#define PAGES  8U

extern struct action actions[64];
extern unsigned int action_count;
extern const struct action_sink sink;

/* The actions since the last call, as words: "DROP SEND:INVALIDATED". */
void expect_actions(const char *words);
uint64_t last_transaction(void);

/* Runs tests[test_count] with the fixture. Return: the exit status of the program. */
int run_tests(const char *name, const TTest *const *tests, size_t test_count, void (*set_up)(void),
	      void (*tear_down)(void));

#endif
