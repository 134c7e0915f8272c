/*
 * Makes a failing sequence short (delta debugging): leaves out ever smaller pieces and keeps what
 * still fails.
 */
#include "sequence.h"

#include <time.h>

/* Short sequences can afford to compare everything after each call, and then end earlier. */
enum { SHORT_ENOUGH = 60, ATTEMPTS = 3 };

static bool fails(struct model *model, struct sequence *sequence, struct difference *difference)
{
	enum thoroughness how = sequence->count <= SHORT_ENOUGH ? EVERYTHING : AS_SAID;
	struct difference found;

	if (!sequence_differs(model, sequence, how, &found))
		return false;
	*difference = found;
	return true;
}

static void leave_out(const struct sequence *from, size_t first, size_t count, struct sequence *to)
{
	to->count = 0;
	for (size_t i = 0; i < from->count; i++)
		if (i < first || i >= first + count)
			to->operations[to->count++] = from->operations[i];
}

/* Leaves out pieces of this many calls. Return: whether any could be. */
static bool drop_pieces(struct model *model, struct sequence *sequence, size_t piece, time_t end,
			struct difference *difference)
{
	static struct sequence part;
	bool is_shorter = false;

	for (size_t first = 0; first < sequence->count && time(NULL) < end;) {
		leave_out(sequence, first, piece, &part);
		if (fails(model, &part, difference)) {
			*sequence = part;
			is_shorter = true;
		} else {
			first += piece;
		}
	}
	return is_shorter;
}

/* A task that need not be a child becomes a first one, so that its parents can go. */
static void orphan_tasks(struct model *model, struct sequence *sequence, time_t end,
			 struct difference *difference)
{
	static struct sequence changed;

	for (size_t i = 0; i < sequence->count && time(NULL) < end; i++) {
		changed = *sequence;
		if (!operation_makes_task(changed.operations[i].kind) ||
		    changed.operations[i].kind == MAKE_FIRST)
			continue;
		changed.operations[i].kind = MAKE_FIRST;
		if (fails(model, &changed, difference))
			*sequence = changed;
	}
}

bool sequence_shrink(struct model *model, struct sequence *sequence, unsigned int seconds,
		     struct difference *difference)
{
	time_t end = time(NULL) + (time_t)seconds;
	bool is_again = false;

	for (int i = 0; i < ATTEMPTS && !is_again; i++) {
		static struct sequence again;

		again = *sequence;
		is_again = fails(model, &again, difference);
		if (is_again)
			*sequence = again;
	}
	size_t piece = is_again ? sequence->count / 2 : 0;
	while (piece > 0 && time(NULL) < end) {
		bool is_shorter = drop_pieces(model, sequence, piece, end, difference);

		if (piece > 1 || !is_shorter)
			piece /= 2;
	}
	if (is_again) {
		orphan_tasks(model, sequence, end, difference);
		drop_pieces(model, sequence, 1, end, difference);
	}
	return is_again;
}
