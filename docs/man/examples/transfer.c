/*
 * Writes into another task's memory, copies inside it, and reads
 * it back in two ways.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mach/mach.h>

enum { PAGE = 4096 };

static void check(kern_return_t result, const char *what)
{
    if (result == KERN_SUCCESS)
        return;
    fprintf(stderr, "%s: %s\n", what, mach_error_string(result));
    exit(1);
}

int main(void)
{
    static char text[] = "from task to task";
    task_t self = mach_task_self(), child;
    vm_address_t address = 0;
    vm_offset_t copy;
    mach_msg_type_number_t copy_bytes;
    char again[sizeof(text)];
    vm_size_t again_bytes;

    check(task_create(self, NULL, 0, FALSE, &child), "task_create");
    check(vm_allocate(child, &address, 2 * PAGE, TRUE),
        "vm_allocate");
    check(vm_write(
              child, address + 5, (vm_offset_t)text, sizeof(text)),
        "vm_write");
    check(vm_copy(
              child, address + 5, sizeof(text), address + PAGE - 3),
        "vm_copy");

    check(vm_read(
              child, address + 5, sizeof(text), &copy, &copy_bytes),
        "vm_read");
    check(vm_read_overwrite(child, address + PAGE - 3,
              sizeof(again), (vm_address_t)again, &again_bytes),
        "vm_read_overwrite");
    printf("%s, %s\n", (const char *)copy, again);

    check(vm_deallocate(self, copy, copy_bytes), "vm_deallocate");
    check(task_terminate(child), "task_terminate");
    return again_bytes == sizeof(text) &&
                   memcmp(again, text, sizeof(text)) == 0
               ? 0
               : 1;
}
