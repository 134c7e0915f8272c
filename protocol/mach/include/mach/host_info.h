/*
 * What host_info() tells about a host.
 */
#ifndef MACH_HOST_INFO_H
#define MACH_HOST_INFO_H

#include <mach/machine.h>
#include <mach/port.h>
#include <mach/vm_types.h>

typedef natural_t host_flavor_t;
typedef integer_t *host_info_t; /* points to the struct of the flavor */

#define HOST_BASIC_INFO 1

struct host_basic_info {
	integer_t max_cpus;
	integer_t avail_cpus;  /* that are online */
	vm_size_t memory_size; /* in bytes */
	cpu_type_t cpu_type;
	cpu_subtype_t cpu_subtype;
};

typedef struct host_basic_info host_basic_info_data_t;
typedef struct host_basic_info *host_basic_info_t;

#define HOST_BASIC_INFO_COUNT                                                                      \
	((mach_msg_type_number_t)(sizeof(host_basic_info_data_t) / sizeof(natural_t)))

#endif
