/*
 * How values of messages become those of the public headers. Freestanding.
 */
#ifndef MACH_CONVERT_H
#define MACH_CONVERT_H

#include <stdint.h>

#include <mach/time_value.h>

static inline time_value_t mach_time_of_us(uint64_t us)
{
	return (time_value_t){
	    .seconds = (integer_t)(us / 1000000u),
	    .microseconds = (integer_t)(us % 1000000u),
	};
}

#endif
