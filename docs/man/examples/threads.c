/*
 * A thread of this task, by hand: made, given registers, run,
 * looked at, ended.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <mach/mach.h>

static _Atomic unsigned long counter;
static unsigned char stack[4096] __attribute__((aligned(16)));

static void check(kern_return_t result, const char *what)
{
    if (result == KERN_SUCCESS)
        return;
    fprintf(stderr, "%s: %s\n", what, mach_error_string(result));
    exit(1);
}

/* Without the C library, which does not know of this thread. */
__attribute__((noreturn)) static void count(void)
{
    for (;;)
        atomic_fetch_add(&counter, 1);
}

int main(void)
{
    struct x86_thread_state64 state = {
        .rip = (uint64_t)count,
        .rsp = (uint64_t)(stack + sizeof(stack) - 8),
    };
    mach_msg_type_number_t state_count = x86_THREAD_STATE64_COUNT,
                           threads_count;
    mach_msg_type_number_t info_count = THREAD_BASIC_INFO_COUNT;
    struct thread_basic_info info;
    thread_act_array_t threads;
    task_t self = mach_task_self();
    thread_act_t thread;
    unsigned long reached;

    check(thread_create(self, &thread), "thread_create");
    check(thread_set_state(thread, x86_THREAD_STATE64,
              (thread_state_t)&state, state_count),
        "thread_set_state");
    check(thread_resume(thread), "thread_resume");
    while (atomic_load(&counter) == 0)
        __builtin_ia32_pause();

    check(thread_suspend(thread), "thread_suspend");
    reached = atomic_load(&counter);
    check(thread_get_state(thread, x86_THREAD_STATE64,
              (thread_state_t)&state, &state_count),
        "thread_get_state");
    check(thread_info(thread, THREAD_BASIC_INFO,
              (thread_info_t)&info, &info_count),
        "thread_info");
    check(task_threads(self, &threads, &threads_count),
        "task_threads");
    printf("thread 0x%x of %u stands at 0x%lx with suspend count "
           "%d; it counted to %lu\n",
        thread, threads_count, state.rip, info.suspend_count,
        reached);
    check(vm_deallocate(self, (vm_address_t)threads,
              threads_count * sizeof(*threads)),
        "vm_deallocate");
    check(thread_terminate(thread), "thread_terminate");
    return threads_count == 2 && info.suspend_count == 1 ? 0 : 1;
}
