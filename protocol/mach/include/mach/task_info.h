/*
 * What task_info() tells about a task.
 */
#ifndef MACH_TASK_INFO_H
#define MACH_TASK_INFO_H

#include <mach/port.h>
#include <mach/vm_types.h>

typedef natural_t task_flavor_t;
typedef integer_t *task_info_t; /* points to the struct of the flavor */

#define TASK_BASIC_INFO 4

typedef struct time_value {
	integer_t seconds;
	integer_t microseconds;
} time_value_t;

struct task_basic_info {
	integer_t suspend_count;
	integer_t base_priority;
	vm_size_t virtual_size;	 /* sum of all regions, in bytes */
	vm_size_t resident_size; /* of it in this node's memory, in bytes */
	time_value_t user_time;	 /* of all threads, ended ones included */
	time_value_t system_time;
	integer_t policy;
};

typedef struct task_basic_info task_basic_info_data_t;
typedef struct task_basic_info *task_basic_info_t;

#define TASK_BASIC_INFO_COUNT                                                                      \
	((mach_msg_type_number_t)(sizeof(task_basic_info_data_t) / sizeof(natural_t)))

#endif
