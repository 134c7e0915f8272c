/*
 * A child's thread stores where nothing is; the parent puts
 * memory there and lets it go on.
 */
#include <stdio.h>
#include <stdlib.h>

#include <mach/mach.h>
#include <norma_guest.h>

#define HOLE 0x1000000000ul /* 64 GiB: nothing is there */

static unsigned char stack[NORMA_THREAD_STACK_BYTES]
    __attribute__((aligned(16)));

static void check(kern_return_t result, const char *what)
{
    if (result == KERN_SUCCESS)
        return;
    fprintf(stderr, "%s: %s\n", what, mach_error_string(result));
    exit(1);
}

static void store(void *address)
{
    *(int *)address = 42;
    __builtin_trap();
}

int main(void)
{
    struct norma_exception exception, trap;
    vm_address_t hole = HOLE;
    vm_size_t bytes;
    task_t child;
    int value = 0;

    check(task_create(mach_task_self(), NULL, 0, TRUE, &child),
        "task_create");
    check(
        norma_exception_hold(child, TRUE), "norma_exception_hold");
    check(norma_thread_start(child, store, (void *)HOLE,
              stack + sizeof(stack), NULL),
        "norma_thread_start");
    check(norma_exception_wait(child, 10000, &exception),
        "norma_exception_wait");
    printf("%s\n", exception.text);
    check(vm_allocate(child, &hole, 4096, FALSE), "vm_allocate");
    check(norma_exception_resume(exception.thread),
        "norma_exception_resume");
    check(norma_exception_wait(child, 10000, &trap),
        "norma_exception_wait");
    check(vm_read_overwrite(child, HOLE, sizeof(value),
              (vm_address_t)&value, &bytes),
        "vm_read_overwrite");
    printf("then it stored %d, and: %s\n", value, trap.text);
    check(task_terminate(child), "task_terminate");
    return exception.exception == EXC_BAD_ACCESS && value == 42 ? 0
                                                                : 1;
}
