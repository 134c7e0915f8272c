/*
 * The table of answered system calls and the one place where a call is dispatched.
 */
#include "linux_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

/* `syscall` is two bytes: going back that far makes the call again. */
#define SYSCALL_INSTRUCTION_BYTES 2

static const linux_handler handlers[LINUX_CALLS] = {
    [SYS_read] = linux_read,
    [SYS_write] = linux_write,
    [SYS_readv] = linux_readv,
    [SYS_writev] = linux_writev,
    [SYS_ioctl] = linux_ioctl,
    [SYS_fcntl] = linux_fcntl,
    [SYS_close] = linux_close,
    [SYS_lseek] = linux_lseek,
    [SYS_poll] = linux_poll,
    [SYS_fstat] = linux_fstat,
    [SYS_newfstatat] = linux_newfstatat,
    [SYS_readlink] = linux_readlink,
    [SYS_readlinkat] = linux_readlinkat,
    [SYS_getcwd] = linux_getcwd,
    [SYS_open] = linux_path_absent,
    [SYS_stat] = linux_path_absent,
    [SYS_lstat] = linux_path_absent,
    [SYS_access] = linux_path_absent,
    [SYS_execve] = linux_path_absent,
    [SYS_openat] = linux_pathat_absent,
    [SYS_faccessat] = linux_pathat_absent,
    [SYS_faccessat2] = linux_pathat_absent,
    [SYS_brk] = linux_brk,
    [SYS_mmap] = linux_mmap,
    [SYS_munmap] = linux_munmap,
    [SYS_mprotect] = linux_mprotect,
    [SYS_mremap] = linux_mremap,
    [SYS_madvise] = linux_madvise,
    [SYS_clock_gettime] = linux_clock_gettime,
    [SYS_clock_getres] = linux_clock_getres,
    [SYS_gettimeofday] = linux_gettimeofday,
    [SYS_time] = linux_time,
    [SYS_nanosleep] = linux_nanosleep,
    [SYS_clock_nanosleep] = linux_clock_nanosleep,
    [SYS_getpid] = linux_getpid,
    [SYS_getppid] = linux_zero,
    [SYS_getpgrp] = linux_getpid,
    [SYS_getpgid] = linux_getpid,
    [SYS_getsid] = linux_getpid,
    [SYS_gettid] = linux_gettid,
    [SYS_getuid] = linux_zero,
    [SYS_geteuid] = linux_zero,
    [SYS_getgid] = linux_zero,
    [SYS_getegid] = linux_zero,
    [SYS_getgroups] = linux_getgroups,
    [SYS_umask] = linux_zero,
    [SYS_uname] = linux_uname,
    [SYS_getrandom] = linux_getrandom,
    [SYS_prlimit64] = linux_prlimit64,
    [SYS_getrlimit] = linux_getrlimit,
    [SYS_sysinfo] = linux_sysinfo,
    [SYS_getcpu] = linux_getcpu,
    [SYS_sched_getaffinity] = linux_sched_getaffinity,
    [SYS_sched_yield] = linux_sched_yield,
    [SYS_arch_prctl] = linux_arch_prctl,
    [SYS_set_tid_address] = linux_set_tid_address,
    [SYS_set_robust_list] = linux_set_robust_list,
    [SYS_futex] = linux_futex,
    [SYS_exit] = linux_exit,
    [SYS_exit_group] = linux_exit_group,
    [SYS_rt_sigaction] = linux_rt_sigaction,
    [SYS_rt_sigprocmask] = linux_rt_sigprocmask,
    [SYS_rt_sigpending] = linux_rt_sigpending,
    [SYS_sigaltstack] = linux_sigaltstack,
    [SYS_kill] = linux_kill,
    [SYS_tkill] = linux_kill,
    [SYS_tgkill] = linux_tgkill,
};

static int64_t answer_unknown(struct linux_task *task, uint64_t number)
{
	if (number < LINUX_CALLS)
		atomic_fetch_add(&task->unknown_counts[number], 1);
	else
		atomic_fetch_add(&task->unknown_out_of_range, 1);
	return -ENOSYS;
}

struct linux_outcome linux_syscall(struct linux_thread *thread, struct thread_state *state)
{
	uint64_t number = state->rax;
	struct linux_call call = {
	    .thread = thread,
	    .state = state,
	    .args = {state->rdi, state->rsi, state->rdx, state->r10, state->r8, state->r9},
	};
	linux_handler handler = number < LINUX_CALLS ? handlers[number] : NULL;
	int64_t result = handler ? handler(&call) : answer_unknown(thread->task, number);
	if (result == LINUX_RESTART) {
		state->rip -= SYSCALL_INSTRUCTION_BYTES;
		return call.outcome;
	}
	thread->restart_rip = 0;
	state->rax = (uint64_t)result;
	return call.outcome;
}

int linux_task_init(struct linux_task *task, const struct linux_host *host,
		    const char *program_path, uint64_t brk_start, uint64_t brk_limit)
{
	size_t length = strlen(program_path);
	if (length >= LINUX_PATH_BYTES)
		return -ENAMETOOLONG;
	if ((brk_start | brk_limit) & LINUX_PAGE_MASK || brk_limit < brk_start)
		return -EINVAL;
	memset(task, 0, sizeof(*task));
	task->host = host;
	memcpy(task->program_path, program_path, length + 1);
	task->brk_start = task->brk_now = task->brk_end = brk_start;
	task->brk_limit = brk_limit;
	return -pthread_mutex_init(&task->lock, NULL);
}

void linux_task_done(struct linux_task *task)
{
	pthread_mutex_destroy(&task->lock);
}
