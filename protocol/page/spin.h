/*
 * Whether to look for the next event for a while instead of sleeping at once. Waking a sleeping
 * thread costs more than a small message takes, so looking pays while events follow each other
 * closely, and only then: what the last ones did is what the next is expected to do. Where looking
 * is itself in the way of what is looked for (two pagers on one CPU), it is tried ever more seldom.
 * Pure; one thread.
 */
#ifndef PAGE_SPIN_H
#define PAGE_SPIN_H

#include <stdbool.h>
#include <stdint.h>

#define SPIN_OFF     0
#define SPIN_AUTO    (-1)
#define SPIN_MOST_US 1000
/*
 * What `auto` looks for at most: more than what passes between one request of a host that faults
 * again and again and the next, 60 to 130 us where KVM runs inside a guest.
 */
#define SPIN_AUTO_US 200u

struct spin {
	uint64_t limit_ns;	   /* look for so long, 0: never */
	bool is_learning;	   /* only while that has paid */
	unsigned int close_events; /* in a row, each within the limit of the one before */
	unsigned int needed;	   /* so many of them before it is tried again */
	uint64_t last_event_ns;
};

/* microseconds: SPIN_AUTO, SPIN_OFF or how long always. */
void spin_init(struct spin *spin, int microseconds);
/* Something came, found by looking or after sleeping. */
void spin_event(struct spin *spin, uint64_t now_ns);
/* How looking ended: something came, or it was given up. */
void spin_found(struct spin *spin);
void spin_missed(struct spin *spin);
/* Return: until when to look; not after now_ns: not at all. */
uint64_t spin_until_ns(const struct spin *spin, uint64_t now_ns);

/* Reads "auto", "off" or a number of microseconds, at most SPIN_MOST_US. Return: 0 or -EINVAL. */
int spin_parse(const char *text, int *ret_microseconds);

#endif
