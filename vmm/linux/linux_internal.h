/*
 * Between the files of the personality: handlers and their helpers.
 */
#ifndef LINUX_LINUX_INTERNAL_H
#define LINUX_LINUX_INTERNAL_H

#include "linux_task.h"

/* Never leaves linux_syscall: make the same call again. As the kernel's own ERESTARTSYS. */
#define LINUX_RESTART	  (-512)
#define LINUX_NO_DEADLINE INT64_MAX
#define LINUX_PAGE_MASK	  UINT64_C(0xfff)
#define LINUX_STREAMS	  3
#define LINUX_CHUNK_BYTES 65536
#define NANOSECONDS	  INT64_C(1000000000)

/* What a handler sees of one call. */
struct linux_call {
	struct linux_thread *thread;
	struct thread_state *state;
	uint64_t args[6];
	struct linux_outcome outcome;
};

typedef int64_t (*linux_handler)(struct linux_call *call);

static inline const struct linux_host *call_host(const struct linux_call *call)
{
	return call->thread->task->host;
}

/* Copying nothing succeeds whatever the address, as on Linux: poll(NULL, 0, timeout) is a sleep. */
static inline int call_copy_in(const struct linux_call *call, uint64_t address, void *buffer,
			       size_t bytes)
{
	const struct linux_host *host = call_host(call);
	return bytes ? host->copy_in(host->context, address, buffer, bytes) : 0;
}

static inline int call_copy_out(const struct linux_call *call, uint64_t address, const void *buffer,
				size_t bytes)
{
	const struct linux_host *host = call_host(call);
	return bytes ? host->copy_out(host->context, address, buffer, bytes) : 0;
}

/* Is fd one of the three streams and still open? Return: 0 or -EBADF. */
int linux_stream_check(const struct linux_call *call, uint64_t fd);

/* A NUL-terminated string of at most bytes - 1 characters. Return: 0, -EFAULT, -ENAMETOOLONG. */
int linux_string_in(const struct linux_call *call, uint64_t address, char *buffer, size_t bytes);

/* linux_wait.c. deadline_ns is on CLOCK_MONOTONIC of this host.
 * Return: 0 if woken, -ETIMEDOUT, LINUX_RESTART. */
int64_t linux_wait_locked(struct linux_call *call, int64_t deadline_ns);
int64_t linux_deadline(const struct linux_call *call, int64_t timeout_ns);
/* Return: 0 after timeout_ns (negative: never), LINUX_RESTART. */
int64_t linux_sleep(struct linux_call *call, int64_t timeout_ns);
/* Nanoseconds of a timespec in the task's memory. Return: 0, -EFAULT, -EINVAL. */
int linux_timespec_in(const struct linux_call *call, uint64_t address, int64_t *ret_ns);
int64_t linux_futex_wake(struct linux_task *task, uint64_t address, uint32_t count, uint32_t bits);

/* linux_memory.c */
int64_t linux_brk(struct linux_call *call);
int64_t linux_mmap(struct linux_call *call);
int64_t linux_munmap(struct linux_call *call);
int64_t linux_mprotect(struct linux_call *call);
int64_t linux_mremap(struct linux_call *call);
int64_t linux_madvise(struct linux_call *call);

/* linux_streams.c */
int64_t linux_read(struct linux_call *call);
int64_t linux_write(struct linux_call *call);
int64_t linux_readv(struct linux_call *call);
int64_t linux_writev(struct linux_call *call);
int64_t linux_ioctl(struct linux_call *call);
int64_t linux_fcntl(struct linux_call *call);
int64_t linux_close(struct linux_call *call);
int64_t linux_lseek(struct linux_call *call);
int64_t linux_poll(struct linux_call *call);

/* linux_paths.c */
int64_t linux_fstat(struct linux_call *call);
int64_t linux_newfstatat(struct linux_call *call);
int64_t linux_readlink(struct linux_call *call);
int64_t linux_readlinkat(struct linux_call *call);
int64_t linux_getcwd(struct linux_call *call);
int64_t linux_path_absent(struct linux_call *call);
int64_t linux_pathat_absent(struct linux_call *call);

/* linux_time.c */
int64_t linux_clock_gettime(struct linux_call *call);
int64_t linux_clock_getres(struct linux_call *call);
int64_t linux_gettimeofday(struct linux_call *call);
int64_t linux_time(struct linux_call *call);
int64_t linux_nanosleep(struct linux_call *call);
int64_t linux_clock_nanosleep(struct linux_call *call);

/* linux_identity.c */
int64_t linux_zero(struct linux_call *call);
int64_t linux_getpid(struct linux_call *call);
int64_t linux_gettid(struct linux_call *call);
int64_t linux_uname(struct linux_call *call);
int64_t linux_getrandom(struct linux_call *call);
int64_t linux_prlimit64(struct linux_call *call);
int64_t linux_getrlimit(struct linux_call *call);
int64_t linux_sysinfo(struct linux_call *call);
int64_t linux_getcpu(struct linux_call *call);
int64_t linux_sched_getaffinity(struct linux_call *call);
int64_t linux_getgroups(struct linux_call *call);

/* linux_threads.c */
int64_t linux_arch_prctl(struct linux_call *call);
int64_t linux_set_tid_address(struct linux_call *call);
int64_t linux_set_robust_list(struct linux_call *call);
int64_t linux_exit(struct linux_call *call);
int64_t linux_exit_group(struct linux_call *call);
int64_t linux_futex(struct linux_call *call);
int64_t linux_sched_yield(struct linux_call *call);

/* linux_signals.c */
int64_t linux_rt_sigaction(struct linux_call *call);
int64_t linux_rt_sigprocmask(struct linux_call *call);
int64_t linux_rt_sigpending(struct linux_call *call);
int64_t linux_sigaltstack(struct linux_call *call);
int64_t linux_kill(struct linux_call *call);
int64_t linux_tgkill(struct linux_call *call);

#endif
