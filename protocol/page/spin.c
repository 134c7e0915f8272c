/*
 * Learning from the gaps between events, and from what looking found.
 */
#include "page/spin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define NEEDED_LEAST 4u
#define NEEDED_MOST  2048u

void spin_init(struct spin *spin, int microseconds)
{
	bool is_auto = microseconds == SPIN_AUTO;
	uint64_t limit_us = is_auto ? SPIN_AUTO_US : (uint64_t)microseconds;

	*spin = (struct spin){
	    .limit_ns = limit_us * NS_PER_US, .is_learning = is_auto, .needed = NEEDED_LEAST};
}

void spin_event(struct spin *spin, uint64_t now_ns)
{
	if (now_ns - spin->last_event_ns > spin->limit_ns)
		spin->close_events = 0;
	else if (spin->close_events < NEEDED_MOST)
		spin->close_events++;
	spin->last_event_ns = now_ns;
}

void spin_found(struct spin *spin)
{
	if (spin->needed > NEEDED_LEAST)
		spin->needed /= 2;
}

void spin_missed(struct spin *spin)
{
	if (spin->needed < NEEDED_MOST)
		spin->needed *= 2;
	spin->close_events = 0;
}

uint64_t spin_until_ns(const struct spin *spin, uint64_t now_ns)
{
	if (spin->limit_ns == 0 || (spin->is_learning && spin->close_events < spin->needed))
		return now_ns;
	return spin->last_event_ns + spin->limit_ns;
}

int spin_parse(const char *text, int *ret_microseconds)
{
	char *end;
	long number;

	if (strcmp(text, "auto") == 0 || strcmp(text, "off") == 0) {
		*ret_microseconds = *text == 'a' ? SPIN_AUTO : SPIN_OFF;
		return 0;
	}
	errno = 0;
	number = strtol(text, &end, 10);
	if (errno || end == text || *end || number < 0 || number > SPIN_MOST_US)
		return -EINVAL;
	*ret_microseconds = (int)number;
	return 0;
}
