/*
 * Clocks and sleeping.
 */
#include "linux_internal.h"

#include <errno.h>
#include <sys/time.h>

static int clock_read(const struct linux_call *call, clockid_t clock, struct timespec *now)
{
	const struct linux_host *host = call_host(call);
	return host->clock_get(host->context, clock, now);
}

int64_t linux_clock_gettime(struct linux_call *call)
{
	struct timespec now;
	int ret = clock_read(call, (clockid_t)call->args[0], &now);
	return ret ? ret : call_copy_out(call, call->args[1], &now, sizeof(now));
}

int64_t linux_clock_getres(struct linux_call *call)
{
	struct timespec now;
	const struct timespec resolution = {0, 1};
	int ret = clock_read(call, (clockid_t)call->args[0], &now);
	if (ret || !call->args[1])
		return ret;
	return call_copy_out(call, call->args[1], &resolution, sizeof(resolution));
}

int64_t linux_gettimeofday(struct linux_call *call)
{
	struct timespec now;
	const struct timezone zone = {0, 0};
	int ret = clock_read(call, CLOCK_REALTIME, &now);
	const struct timeval time = {now.tv_sec, now.tv_nsec / 1000};
	if (!ret && call->args[0])
		ret = call_copy_out(call, call->args[0], &time, sizeof(time));
	if (!ret && call->args[1])
		ret = call_copy_out(call, call->args[1], &zone, sizeof(zone));
	return ret;
}

int64_t linux_time(struct linux_call *call)
{
	struct timespec now;
	int ret = clock_read(call, CLOCK_REALTIME, &now);
	if (!ret && call->args[0])
		ret = call_copy_out(call, call->args[0], &now.tv_sec, sizeof(now.tv_sec));
	return ret ? ret : now.tv_sec;
}

int64_t linux_nanosleep(struct linux_call *call)
{
	int64_t timeout_ns;
	int ret = linux_timespec_in(call, call->args[0], &timeout_ns);
	return ret ? ret : linux_sleep(call, timeout_ns);
}

int64_t linux_clock_nanosleep(struct linux_call *call)
{
	struct timespec now;
	int64_t timeout_ns;
	int ret = clock_read(call, (clockid_t)call->args[0], &now);
	if (!ret)
		ret = linux_timespec_in(call, call->args[2], &timeout_ns);
	if (ret)
		return ret;
	if (call->args[1] & TIMER_ABSTIME) {
		timeout_ns -= now.tv_sec * NANOSECONDS + now.tv_nsec;
		if (timeout_ns <= 0)
			return 0;
	}
	return linux_sleep(call, timeout_ns);
}
