/*
 * Who and where the program is: ids, the system's name, limits, randomness.
 */
#include "linux_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "norma_abi.h"

#define STACK_LIMIT_BYTES (UINT64_C(8) << 20)
#define DESCRIPTORS_LIMIT UINT64_C(1024)

int64_t linux_zero(struct linux_call *call)
{
	(void)call;
	return 0;
}

int64_t linux_getpid(struct linux_call *call)
{
	(void)call;
	return LINUX_PID;
}

int64_t linux_gettid(struct linux_call *call)
{
	return call->thread->id;
}

int64_t linux_getgroups(struct linux_call *call)
{
	(void)call;
	return 0;
}

int64_t linux_uname(struct linux_call *call)
{
	static const struct utsname name = {
	    .sysname = "Linux",
	    .nodename = "norma",
	    .release = "6.1.0",
	    .version = "#1 norma",
	    .machine = "x86_64",
	    .domainname = "(none)",
	};
	return call_copy_out(call, call->args[0], &name, sizeof(name));
}

int64_t linux_getrandom(struct linux_call *call)
{
	const struct linux_host *host = call_host(call);
	uint8_t buffer[256];
	uint64_t bytes = call->args[1] < INT32_MAX ? call->args[1] : INT32_MAX;
	if (call->args[2] & ~(uint64_t)(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
		return -EINVAL;
	for (uint64_t done = 0; done < bytes; done += sizeof(buffer)) {
		size_t chunk =
		    bytes - done < sizeof(buffer) ? (size_t)(bytes - done) : sizeof(buffer);
		int ret = host->random(host->context, buffer, chunk);
		if (!ret)
			ret = call_copy_out(call, call->args[0] + done, buffer, chunk);
		if (ret)
			return done ? (int64_t)done : ret;
	}
	return (int64_t)bytes;
}

static int limit_read(uint64_t resource, struct rlimit *limit)
{
	*limit = (struct rlimit){RLIM_INFINITY, RLIM_INFINITY};
	if (resource >= RLIM_NLIMITS)
		return -EINVAL;
	if (resource == RLIMIT_STACK)
		limit->rlim_cur = STACK_LIMIT_BYTES;
	else if (resource == RLIMIT_NOFILE)
		limit->rlim_cur = limit->rlim_max = DESCRIPTORS_LIMIT;
	else if (resource == RLIMIT_AS)
		limit->rlim_cur = limit->rlim_max = NORMA_USER_END;
	else if (resource == RLIMIT_CORE)
		limit->rlim_cur = limit->rlim_max = 0;
	return 0;
}

/* Limits are the task's, set by whoever made it; the program can only read them. */
int64_t linux_prlimit64(struct linux_call *call)
{
	struct rlimit limit;
	if (call->args[0] != 0 && call->args[0] != LINUX_PID)
		return -ESRCH;
	int ret = limit_read(call->args[1], &limit);
	if (ret)
		return ret;
	if (call->args[2])
		return -EPERM;
	return call->args[3] ? call_copy_out(call, call->args[3], &limit, sizeof(limit)) : 0;
}

int64_t linux_getrlimit(struct linux_call *call)
{
	struct rlimit limit;
	int ret = limit_read(call->args[0], &limit);
	return ret ? ret : call_copy_out(call, call->args[1], &limit, sizeof(limit));
}

/* The memory a program may plan with is its address space: what the host really has is not its
 * business. */
int64_t linux_sysinfo(struct linux_call *call)
{
	const struct linux_host *host = call_host(call);
	struct timespec up = {0};
	int ret = host->clock_get(host->context, CLOCK_BOOTTIME, &up);
	if (ret)
		return ret;
	const struct sysinfo info = {
	    .uptime = up.tv_sec,
	    .totalram = NORMA_USER_END / NORMA_PAGE_BYTES,
	    .freeram = NORMA_USER_END / NORMA_PAGE_BYTES,
	    .procs = 1,
	    .mem_unit = NORMA_PAGE_BYTES,
	};
	return call_copy_out(call, call->args[0], &info, sizeof(info));
}

int64_t linux_getcpu(struct linux_call *call)
{
	const uint32_t zero = 0;
	int ret = 0;
	if (call->args[0])
		ret = call_copy_out(call, call->args[0], &zero, sizeof(zero));
	if (!ret && call->args[1])
		ret = call_copy_out(call, call->args[1], &zero, sizeof(zero));
	return ret;
}

int64_t linux_sched_getaffinity(struct linux_call *call)
{
	const uint64_t mask = 1;
	if (call->args[1] < sizeof(mask) || call->args[1] % sizeof(mask))
		return -EINVAL;
	int ret = call_copy_out(call, call->args[2], &mask, sizeof(mask));
	return ret ? ret : (int64_t)sizeof(mask);
}
