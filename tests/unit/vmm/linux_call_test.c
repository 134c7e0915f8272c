/*
 * Single system calls against a small array that stands for the task's memory: waiting, waking,
 * interrupting, and the arguments that are refused.
 */
#include <check.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "linux_task.h"
#include "run_suite.h"

#define MEMORY 0x100000
#define RIP    0x400002

static uint8_t memory[65536];
static char written[256];
static size_t written_bytes;
static struct linux_task task;
static struct linux_thread threads[2];
static struct linux_host host;

static int range_bad(uint64_t address, size_t bytes)
{
	return address < MEMORY || address > MEMORY + sizeof(memory) ||
	       bytes > MEMORY + sizeof(memory) - address;
}

static int copy_in(void *context, uint64_t address, void *buffer, size_t bytes)
{
	(void)context;
	if (range_bad(address, bytes))
		return -EFAULT;
	memcpy(buffer, memory + address - MEMORY, bytes);
	return 0;
}

static int copy_out(void *context, uint64_t address, const void *buffer, size_t bytes)
{
	(void)context;
	if (range_bad(address, bytes))
		return -EFAULT;
	memcpy(memory + address - MEMORY, buffer, bytes);
	return 0;
}

static int64_t map(void *context, const struct linux_map_request *request)
{
	(void)context;
	return request->bytes > (1 << 20) ? -ENOMEM : (int64_t)request->address;
}

static int unmap(void *context, uint64_t address, uint64_t bytes)
{
	(void)context;
	(void)address;
	return bytes ? 0 : -EINVAL;
}

static int64_t console_write(void *context, int stream, const void *buffer, size_t bytes)
{
	(void)context;
	(void)stream;
	if (bytes > sizeof(written) - written_bytes)
		return -ENOSPC;
	memcpy(written + written_bytes, buffer, bytes);
	written_bytes += bytes;
	return (int64_t)bytes;
}

static int clock_get(void *context, clockid_t clock, struct timespec *now)
{
	(void)context;
	return clock_gettime(clock, now) ? -errno : 0;
}

static void before_wait(void *context)
{
	(void)context;
}

static void setup(void)
{
	memset(memory, 0, sizeof(memory));
	written_bytes = 0;
	host = (struct linux_host){.copy_in = copy_in,
				   .copy_out = copy_out,
				   .map = map,
				   .unmap = unmap,
				   .console_write = console_write,
				   .clock_get = clock_get,
				   .before_wait = before_wait};
	ck_assert_int_eq(linux_task_init(&task, &host, "/bin/program", 0x500000, 0x600000), 0);
	for (uint32_t i = 0; i < 2; i++)
		ck_assert_int_eq(linux_thread_init(&threads[i], &task, i + 1), 0);
}

static void teardown(void)
{
	for (int i = 0; i < 2; i++)
		linux_thread_done(&threads[i]);
	linux_task_done(&task);
}

static struct thread_state state_of(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	return (struct thread_state){
	    .rax = (uint64_t)number, .rdi = a, .rsi = b, .rdx = c, .r10 = d, .rip = RIP};
}

static int64_t call(long number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
	struct thread_state state = state_of(number, a, b, c, d);
	linux_syscall(&threads[0], &state);
	ck_assert_uint_eq(state.rip, RIP);
	return (int64_t)state.rax;
}

START_TEST(unknown_call_is_enosys_and_counted)
{
	ck_assert_int_eq(call(SYS_ptrace, 0, 0, 0, 0), -ENOSYS);
	ck_assert_int_eq(call(SYS_ptrace, 0, 0, 0, 0), -ENOSYS);
	ck_assert_int_eq(call(511, 0, 0, 0, 0), -ENOSYS);
	ck_assert_int_eq(call(-1, 0, 0, 0, 0), -ENOSYS);
	ck_assert_int_eq(call(SYS_rseq, MEMORY, 32, 0, 0), -ENOSYS);
	ck_assert_uint_eq(task.unknown_counts[SYS_ptrace], 2);
	ck_assert_uint_eq(task.unknown_out_of_range, 1);
	ck_assert_str_eq(linux_call_name(SYS_ptrace), "ptrace");
	ck_assert_str_eq(linux_call_name(400), "unknown");
	ck_assert_str_eq(linux_call_name(UINT64_MAX), "unknown");
}
END_TEST

START_TEST(brk_moves_within_its_limits)
{
	ck_assert_int_eq(call(SYS_brk, 0, 0, 0, 0), 0x500000);
	ck_assert_int_eq(call(SYS_brk, 0x500801, 0, 0, 0), 0x500801);
	ck_assert_int_eq(call(SYS_brk, 0x700000, 0, 0, 0), 0x500801);
	ck_assert_int_eq(call(SYS_brk, 0x4fffff, 0, 0, 0), 0x500801);
	ck_assert_int_eq(call(SYS_brk, UINT64_MAX, 0, 0, 0), 0x500801);
	ck_assert_int_eq(call(SYS_brk, 0x500000, 0, 0, 0), 0x500000);
}
END_TEST

START_TEST(bad_memory_arguments_are_refused)
{
	ck_assert_int_eq(call(SYS_mmap, 0, 0, 3, 0x22), -EINVAL);
	ck_assert_int_eq(call(SYS_mmap, 0, UINT64_MAX, 3, 0x22), -ENOMEM);
	ck_assert_int_eq(call(SYS_mmap, 0, 4096, 3, 0x20), -EINVAL);
	ck_assert_int_eq(call(SYS_mmap, 1, 4096, 3, 0x32), -EINVAL);
	ck_assert_int_eq(call(SYS_munmap, 1, 4096, 0, 0), -EINVAL);
	ck_assert_int_eq(call(SYS_munmap, 0x100000, 0, 0, 0), -EINVAL);
	ck_assert_int_eq(call(SYS_mremap, 0x100000, 4096, 0, 1), -EINVAL);
	ck_assert_int_eq(call(SYS_mremap, 0x100000, 4096, 8192, 2), -EINVAL);
	ck_assert_int_eq(call(SYS_mprotect, 0x100000, 4096, 0xff, 0), -EINVAL);
	ck_assert_int_eq(call(SYS_madvise, 0x100000, 4096, 99, 0), -EINVAL);
	ck_assert_int_eq(call(SYS_arch_prctl, 0x1002, UINT64_C(1) << 47, 0, 0), -EPERM);
}
END_TEST

START_TEST(write_stops_at_the_hole)
{
	const struct iovec vectors[] = {
	    {(void *)(MEMORY + 100), 3}, {(void *)8, 3}, {(void *)(MEMORY + 103), 3}};
	memcpy(memory, vectors, sizeof(vectors));
	memcpy(memory + 100, "abcdef", 6);
	ck_assert_int_eq(call(SYS_writev, 1, MEMORY, 3, 0), 3);
	ck_assert_int_eq((int)written_bytes, 3);
	ck_assert_int_eq(call(SYS_writev, 1, MEMORY, 1025, 0), -EINVAL);
	ck_assert_int_eq(call(SYS_writev, 3, MEMORY, 1, 0), -EBADF);
	ck_assert_int_eq(call(SYS_write, 0, MEMORY, 1, 0), -EBADF);
	ck_assert_int_eq(call(SYS_write, 1, 8, 1, 0), -EFAULT);
	ck_assert_int_eq(call(SYS_write, 1, 8, 0, 0), 0);
	ck_assert_int_eq(call(SYS_close, 1, 0, 0, 0), 0);
	ck_assert_int_eq(call(SYS_write, 1, MEMORY, 1, 0), -EBADF);
}
END_TEST

START_TEST(poll_of_nothing_is_a_sleep)
{
	ck_assert_int_eq(call(SYS_poll, 0, 0, 0, 0), 0);
	ck_assert_int_eq(call(SYS_poll, 0, 0, 1, 0), 0);
	ck_assert_int_eq(call(SYS_poll, 0, 1, 0, 0), -EFAULT);
}
END_TEST

static void *wait_call(void *context)
{
	linux_syscall(&threads[1], context);
	return NULL;
}

static void until_waiting(void)
{
	int is_waiting = 0;
	while (!is_waiting) {
		pthread_mutex_lock(&task.lock);
		is_waiting = task.waiters != NULL;
		pthread_mutex_unlock(&task.lock);
		sched_yield();
	}
}

START_TEST(futex_wakes_its_waiter)
{
	struct thread_state state =
	    state_of(SYS_futex, MEMORY + 8, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, 0);
	pthread_t thread;
	ck_assert_int_eq(pthread_create(&thread, NULL, wait_call, &state), 0);
	until_waiting();
	ck_assert_int_eq(call(SYS_futex, MEMORY + 12, FUTEX_WAKE, 1, 0), 0);
	ck_assert_int_eq(call(SYS_futex, MEMORY + 8, FUTEX_WAKE, 1, 0), 1);
	pthread_join(thread, NULL);
	ck_assert_int_eq((int)state.rax, 0);
	ck_assert_uint_eq(state.rip, RIP);
	ck_assert_ptr_null(task.waiters);
}
END_TEST

START_TEST(futex_refuses)
{
	const int64_t bad_time[2] = {0, 1000000000}, short_time[2] = {0, 1000000};
	memcpy(memory + 64, bad_time, sizeof(bad_time));
	memcpy(memory + 80, short_time, sizeof(short_time));
	ck_assert_int_eq(call(SYS_futex, MEMORY + 8, FUTEX_WAIT, 1, 0), -EAGAIN);
	ck_assert_int_eq(call(SYS_futex, 8, FUTEX_WAIT, 0, 0), -EFAULT);
	ck_assert_int_eq(call(SYS_futex, MEMORY + 9, FUTEX_WAIT, 0, 0), -EINVAL);
	ck_assert_int_eq(call(SYS_futex, MEMORY + 8, FUTEX_WAIT, 0, MEMORY + 64), -EINVAL);
	ck_assert_int_eq(call(SYS_futex, MEMORY + 8, FUTEX_WAIT, 0, 8), -EFAULT);
	ck_assert_int_eq(call(SYS_futex, MEMORY + 8, FUTEX_WAIT, 0, MEMORY + 80), -ETIMEDOUT);
	ck_assert_int_eq(call(SYS_futex, MEMORY + 8, FUTEX_LOCK_PI, 0, 0), -ENOSYS);
}
END_TEST

/* The interrupted call is made again and still ends at its first deadline. */
START_TEST(interrupt_restarts_a_wait_with_its_deadline)
{
	const int64_t long_time[2] = {0, 300000000};
	memcpy(memory + 64, long_time, sizeof(long_time));
	struct thread_state state = state_of(SYS_nanosleep, MEMORY + 64, 0, 0, 0);
	struct timespec before, after;
	int64_t deadline = 0;
	pthread_t thread;
	clock_gettime(CLOCK_MONOTONIC, &before);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(pthread_create(&thread, NULL, wait_call, &state), 0);
		until_waiting();
		linux_thread_interrupt(&threads[1]);
		pthread_join(thread, NULL);
		ck_assert_uint_eq(state.rip, RIP - 2);
		ck_assert_uint_eq(state.rax, SYS_nanosleep);
		deadline = i ? deadline : threads[1].restart_deadline_ns;
		ck_assert_int_eq(threads[1].restart_deadline_ns, deadline);
		state.rip = RIP; /* what executing the instruction again does */
	}
	linux_syscall(&threads[1], &state);
	clock_gettime(CLOCK_MONOTONIC, &after);
	ck_assert_int_eq((int)state.rax, 0);
	ck_assert_int_ge(after.tv_sec * 1000000000LL + after.tv_nsec, deadline);
	ck_assert_int_ge(deadline, before.tv_sec * 1000000000LL + before.tv_nsec + 300000000);
	ck_assert_uint_eq(threads[1].restart_rip, 0);
}
END_TEST

START_TEST(ends_are_told_apart)
{
	const uint32_t one = 1;
	struct thread_state state = state_of(SYS_set_tid_address, MEMORY + 16, 0, 0, 0);
	memcpy(memory + 16, &one, sizeof(one));
	linux_syscall(&threads[0], &state);
	state = state_of(SYS_exit, 0x103, 0, 0, 0);
	struct linux_outcome outcome = linux_syscall(&threads[0], &state);
	ck_assert_int_eq(outcome.kind, LINUX_THREAD_ENDED);
	ck_assert_int_eq(outcome.code, 3);
	ck_assert_int_eq(memory[16], 0);
	state = state_of(SYS_exit_group, 7, 0, 0, 0);
	outcome = linux_syscall(&threads[0], &state);
	ck_assert_int_eq(outcome.kind, LINUX_TASK_ENDED);
	ck_assert_int_eq(outcome.code, 7);
	state = state_of(SYS_tgkill, LINUX_PID, 1, 6, 0);
	outcome = linux_syscall(&threads[0], &state);
	ck_assert_int_eq(outcome.kind, LINUX_TASK_ENDED);
	ck_assert_int_eq(outcome.signal, 6);
	ck_assert_int_eq(call(SYS_kill, 4711, 6, 0, 0), -ESRCH);
	ck_assert_int_eq(call(SYS_kill, LINUX_PID, 17, 0, 0), 0);
	ck_assert_int_eq(call(SYS_kill, LINUX_PID, 65, 0, 0), -EINVAL);
}
END_TEST

START_TEST(string_may_end_before_a_hole)
{
	uint64_t end = MEMORY + sizeof(memory);
	memcpy(memory + sizeof(memory) - 15, "/proc/self/exe", 15);
	ck_assert_int_eq(call(SYS_readlink, end - 15, MEMORY, 100, 0), 12);
	ck_assert_mem_eq(memory, "/bin/program", 12);
	ck_assert_int_eq(call(SYS_readlink, end - 15, MEMORY, 4, 0), 4);
	ck_assert_int_eq(call(SYS_readlink, end - 15, MEMORY, 0, 0), -EINVAL);
	memory[sizeof(memory) - 1] = 'x';
	ck_assert_int_eq(call(SYS_readlink, end - 15, MEMORY, 100, 0), -EFAULT);
	memset(memory, 'a', 1024);
	ck_assert_int_eq(call(SYS_open, MEMORY, 0, 0, 0), -ENOENT);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("linux_call");
	TCase *c = tcase_create("call");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, unknown_call_is_enosys_and_counted);
	tcase_add_test(c, brk_moves_within_its_limits);
	tcase_add_test(c, bad_memory_arguments_are_refused);
	tcase_add_test(c, write_stops_at_the_hole);
	tcase_add_test(c, poll_of_nothing_is_a_sleep);
	tcase_add_test(c, futex_wakes_its_waiter);
	tcase_add_test(c, futex_refuses);
	tcase_add_test(c, interrupt_restarts_a_wait_with_its_deadline);
	tcase_add_test(c, ends_are_told_apart);
	tcase_add_test(c, string_may_end_before_a_hole);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
