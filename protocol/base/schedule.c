/*
 * sched_setattr, for which libc has no wrapper here.
 */
#include "base/schedule.h"

#include <errno.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Linux 6.12 takes `runtime` of an ordinary thread as the slice it wants, 0.1 ms at the least;
 * older kernels ignore it. */
#define SLICE_NS 100000u

struct kernel_sched_attr {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

int schedule_short_slices_only(void)
{
	struct kernel_sched_attr attributes = {
	    .size = sizeof(attributes),
	    /* Of a thread, not of the process: Linux counts both the same way. */
	    .nice = getpriority(PRIO_PROCESS, 0),
	    .runtime = SLICE_NS,
	};

	if (syscall(SYS_sched_setattr, 0, &attributes, 0))
		return -errno;
	return prctl(PR_SET_TIMERSLACK, 1UL) ? -errno : 0;
}
