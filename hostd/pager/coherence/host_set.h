/*
 * A set of hosts, as one word. Hosts using one object have numbers 0 .. HOST_SET_MAX - 1.
 */
#ifndef COHERENCE_HOST_SET_H
#define COHERENCE_HOST_SET_H

#include <stdbool.h>
#include <stdint.h>

#define HOST_SET_MAX 64U

/* The hosts in the set, one bit each. Zero is the empty set. */
typedef uint64_t host_set;

static inline host_set host_set_of(unsigned int host)
{
	return UINT64_C(1) << host;
}

static inline bool host_set_has(host_set set, unsigned int host)
{
	return (set & host_set_of(host)) != 0;
}

/* Return: the lowest host of the set, or HOST_SET_MAX if it is empty. */
unsigned int host_set_first(host_set set);

/* Return: how many hosts are in the set. */
unsigned int host_set_count(host_set set);

/* Return: `preferred` if it is in the set, else host_set_first(). */
unsigned int host_set_choose(host_set set, unsigned int preferred);

#endif
