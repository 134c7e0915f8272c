/*
 * What thread_info() tells about a thread.
 */
#ifndef MACH_THREAD_INFO_H
#define MACH_THREAD_INFO_H

#include <mach/policy.h>
#include <mach/port.h>
#include <mach/time_value.h>
#include <mach/vm_types.h>

typedef natural_t thread_flavor_t;
typedef integer_t *thread_info_t; /* points to the struct of the flavor */

#define THREAD_BASIC_INFO 3

#define TH_STATE_RUNNING	 1 /* executes, or is ready to */
#define TH_STATE_STOPPED	 2 /* a suspend count is above 0, or it is held at an exception */
#define TH_STATE_WAITING	 3 /* in a call or system call that waits */
#define TH_STATE_UNINTERRUPTIBLE 4
#define TH_STATE_HALTED		 5 /* it has ended */

#define TH_FLAGS_SWAPPED 1
#define TH_FLAGS_IDLE	 2

#define TH_USAGE_SCALE 1000

struct thread_basic_info {
	time_value_t user_time;
	time_value_t system_time;
	integer_t cpu_usage; /* lately, of one CPU; TH_USAGE_SCALE is all of it */
	policy_t policy;
	integer_t run_state; /* TH_STATE_ */
	integer_t flags;     /* TH_FLAGS_ */
	integer_t suspend_count;
	integer_t sleep_time; /* seconds that it has been waiting */
};

typedef struct thread_basic_info thread_basic_info_data_t;
typedef struct thread_basic_info *thread_basic_info_t;

#define THREAD_BASIC_INFO_COUNT                                                                    \
	((mach_msg_type_number_t)(sizeof(thread_basic_info_data_t) / sizeof(natural_t)))

#endif
