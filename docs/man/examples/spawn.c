/*
 * Three children of this program on the node that the first
 * argument names; each writes its number into its own memory.
 */
#include <stdio.h>
#include <stdlib.h>

#include <mach/mach.h>

#define CHILDREN 3

static volatile int word; /* every child has a copy */
static unsigned char stack[4096] __attribute__((aligned(16)));

static void check(kern_return_t result, const char *what)
{
    if (result == KERN_SUCCESS)
        return;
    fprintf(stderr, "%s: %s\n", what, mach_error_string(result));
    exit(1);
}

/* Its argument, rdi, is the child's number. Without the C
 * library, which does not know of this thread. */
__attribute__((noreturn)) static void child(int number)
{
    word = 100 + number;
    for (;;)
        __builtin_ia32_pause();
}

/* Waits until the child has written. */
static int word_of(task_t task)
{
    vm_size_t bytes;
    int value;

    do
        check(vm_read_overwrite(task, (vm_address_t)&word,
                  sizeof(value), (vm_address_t)&value, &bytes),
            "vm_read_overwrite");
    while (value == 0);
    return value;
}

int main(int argc, char **argv)
{
    struct x86_thread_state64 state = {
        .rip = (uint64_t)child,
        .rsp = (uint64_t)(stack + sizeof(stack) - 8),
    };
    struct norma_spawn spawn = {
        .mode = NORMA_SPAWN_CREATE,
        .flavor = x86_THREAD_STATE64,
        .state = (thread_state_t)&state,
        .state_count = x86_THREAD_STATE64_COUNT,
        .count = CHILDREN,
    };
    task_t children[CHILDREN];
    int wrong = word;

    check(norma_node_self(mach_host_self(), &spawn.child_node),
        "norma_node_self");
    if (argc > 1)
        spawn.child_node = atoi(argv[1]);
    check(norma_task_spawn(mach_task_self(), &spawn, children),
        "norma_task_spawn");
    for (int i = 0; i < CHILDREN; i++) {
        int value = word_of(children[i]);

        printf("child %d is task 0x%x and wrote %d\n", i,
            children[i], value);
        wrong |= value != 100 + i;
        check(task_terminate(children[i]), "task_terminate");
    }
    return wrong;
}
