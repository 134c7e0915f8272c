/*
 * A sequence of calls on the model and on the real system, and how a failing one becomes short.
 */
#ifndef MODEL_SEQUENCE_H
#define MODEL_SEQUENCE_H

#include <stddef.h>

#include "check.h"
#include "generate.h"

enum { SEQUENCE_MAX = 4096 };

struct sequence {
	struct operation operations[SEQUENCE_MAX];
	size_t count;
};

enum thoroughness { AS_SAID, EVERYTHING }; /* what to compare after each call */

/* Makes one call on both. Return: whether nothing differs. */
bool sequence_step(struct model *model, const struct operation *operation,
		   enum thoroughness thoroughness, struct difference *difference);

/*
 * Runs the sequence on fresh tasks and compares all at its end. Calls on tasks that do not exist in
 * it are taken out of it, and what follows the first difference too.
 * Return: whether there is a difference.
 */
bool sequence_differs(struct model *model, struct sequence *sequence,
		      enum thoroughness thoroughness, struct difference *difference);

/*
 * Runs it again and drops calls as long as it still fails, for at most `seconds`; *difference is
 * the last one's. Return: whether it failed again at all.
 */
bool sequence_shrink(struct model *model, struct sequence *sequence, unsigned int seconds,
		     struct difference *difference);

/* Prints its last calls. */
void sequence_print(const struct sequence *sequence, size_t count);

#endif
