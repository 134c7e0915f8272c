/*
 * The real system: the tasks of the slots, and the calls on them.
 */
#ifndef MODEL_REAL_H
#define MODEL_REAL_H

#include "operation.h"

/* Connects and runs the waiting program that all first tasks are children of. Ends the program with
 * a sentence when that fails. */
void real_begin(const char *image, int nodes);

/* Makes the call. */
void real_perform(const struct operation *operation, int node, struct outcome *ret_outcome);

task_t real_task(int slot);

/* Ends all tasks of the slots. */
void real_end_tasks(void);

/* Ends the waiting program too. Return: whether no more tasks are left on nodes [0, nodes) than
 * there were. */
bool real_end(int nodes);

#endif
