/*
 * Names and allowed transitions of thread and task states.
 */
#include "life.h"

#include <assert.h>
#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TO(state)    (1u << (state))

static const char *const thread_names[] = {"free", "stopped", "running", "served", "held"};
static const char *const task_names[] = {"waiting", "becoming", "assigned", "ending", "reported"};
static_assert(COUNT(thread_names) == THREAD_NUM_LIVES, "every thread state has a name");
static_assert(COUNT(task_names) == TASK_NUM_LIVES, "every task state has a name");

static const unsigned int thread_transitions[] = {
    [THREAD_FREE] = TO(THREAD_STOPPED),
    [THREAD_STOPPED] = TO(THREAD_RUNNING) | TO(THREAD_FREE),
    [THREAD_RUNNING] = TO(THREAD_SERVED),
    [THREAD_SERVED] = TO(THREAD_RUNNING) | TO(THREAD_STOPPED) | TO(THREAD_HELD),
    [THREAD_HELD] = TO(THREAD_SERVED),
};
static_assert(COUNT(thread_transitions) == THREAD_NUM_LIVES, "every thread state has a row");

static const unsigned int task_transitions[] = {
    [TASK_WAITING] = TO(TASK_BECOMING),
    [TASK_BECOMING] = TO(TASK_WAITING) | TO(TASK_ASSIGNED),
    [TASK_ASSIGNED] = TO(TASK_ENDING),
    [TASK_ENDING] = TO(TASK_REPORTED),
    [TASK_REPORTED] = 0,
};
static_assert(COUNT(task_transitions) == TASK_NUM_LIVES, "every task state has a row");

const char *thread_life_name(enum thread_life life)
{
	return (unsigned int)life < THREAD_NUM_LIVES ? thread_names[life] : "unknown";
}

const char *task_life_name(enum task_life life)
{
	return (unsigned int)life < TASK_NUM_LIVES ? task_names[life] : "unknown";
}

bool thread_life_may_follow(enum thread_life from, enum thread_life to)
{
	return (unsigned int)from < THREAD_NUM_LIVES && (unsigned int)to < THREAD_NUM_LIVES &&
	       (thread_transitions[from] & TO(to)) != 0;
}

bool task_life_may_follow(enum task_life from, enum task_life to)
{
	return (unsigned int)from < TASK_NUM_LIVES && (unsigned int)to < TASK_NUM_LIVES &&
	       (task_transitions[from] & TO(to)) != 0;
}
