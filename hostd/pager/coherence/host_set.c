/*
 * Sets of hosts: see host_set.h.
 */
#include "host_set.h"

unsigned int host_set_first(host_set set)
{
	return set == 0 ? HOST_SET_MAX : (unsigned int)__builtin_ctzll(set);
}

unsigned int host_set_count(host_set set)
{
	return (unsigned int)__builtin_popcountll(set);
}

unsigned int host_set_choose(host_set set, unsigned int preferred)
{
	return host_set_has(set, preferred) ? preferred : host_set_first(set);
}
