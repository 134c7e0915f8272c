/* A child inherits a limit and a priority. */
#include <stdio.h>
#include <stdlib.h>

#include <mach/mach.h>

#define MIB (1024ul * 1024ul)

static void check(kern_return_t result, const char *what)
{
    if (result == KERN_SUCCESS)
        return;
    fprintf(stderr, "%s: %s\n", what, mach_error_string(result));
    exit(1);
}

int main(void)
{
    const struct norma_limits limits = {
        .memory_bytes = 64 * MIB, .threads = 4};
    struct norma_limits inherited;
    task_t self = mach_task_self(), child;
    struct task_basic_info info;
    mach_msg_type_number_t count = TASK_BASIC_INFO_COUNT;
    vm_address_t address = 0;
    kern_return_t refused;

    check(norma_task_limits(self, &limits, NULL),
        "norma_task_limits");
    check(task_priority(self, 20, FALSE), "task_priority");
    check(task_create(self, NULL, 0, FALSE, &child), "task_create");
    check(norma_task_limits(child, NULL, &inherited),
        "norma_task_limits");
    check(task_info(
              child, TASK_BASIC_INFO, (task_info_t)&info, &count),
        "task_info");
    refused = vm_allocate(child, &address, 65 * MIB, TRUE);
    printf("%lu MiB, %u threads, priority %d; 65 MiB: %s\n",
        inherited.memory_bytes / MIB, inherited.threads,
        info.base_priority, mach_error_string(refused));
    check(task_terminate(child), "task_terminate");
    return refused == KERN_RESOURCE_SHORTAGE &&
                   info.base_priority == 20
               ? 0
               : 1;
}
