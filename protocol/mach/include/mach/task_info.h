/*
 * What task_info() tells about a task.
 */
#ifndef MACH_TASK_INFO_H
#define MACH_TASK_INFO_H

#include <mach/policy.h>
#include <mach/port.h>
#include <mach/time_value.h>
#include <mach/vm_types.h>

typedef natural_t task_flavor_t;
typedef integer_t *task_info_t; /* points to the struct of the flavor */

#define TASK_BASIC_INFO	    4
#define TASK_SECURITY_TOKEN 13

struct task_basic_info {
	integer_t suspend_count;
	integer_t base_priority;
	vm_size_t virtual_size;	 /* sum of all regions, in bytes */
	vm_size_t resident_size; /* of it in this node's memory, in bytes */
	time_value_t user_time;	 /* of all threads, ended ones included */
	time_value_t system_time;
	policy_t policy;
};

typedef struct task_basic_info task_basic_info_data_t;
typedef struct task_basic_info *task_basic_info_t;

#define TASK_BASIC_INFO_COUNT                                                                      \
	((mach_msg_type_number_t)(sizeof(task_basic_info_data_t) / sizeof(natural_t)))

/* Who the task belongs to. */
typedef struct security_token {
	unsigned int val[2]; /* the owner's Unix user number; 0 */
} security_token_t;

#define TASK_SECURITY_TOKEN_COUNT                                                                  \
	((mach_msg_type_number_t)(sizeof(security_token_t) / sizeof(natural_t)))

#endif
