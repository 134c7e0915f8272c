/*
 * Makes memory at a multiple of 64 KiB, and maps a child's
 * memory into this task.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mach/mach.h>

enum { PAGE = 4096, ALIGNMENT = 65536 };

static void check(kern_return_t result, const char *what)
{
    if (result == KERN_SUCCESS)
        return;
    fprintf(stderr, "%s: %s\n", what, mach_error_string(result));
    exit(1);
}

int main(void)
{
    task_t self = mach_task_self(), child;
    vm_address_t theirs = 0, ours = 0;
    vm_prot_t current, maximum;
    char text[8] = "";
    vm_size_t bytes;

    check(task_create(self, NULL, 0, FALSE, &child), "task_create");
    check(vm_map(child, &theirs, PAGE, ALIGNMENT - 1, TRUE,
              MACH_PORT_NULL, 0, FALSE, VM_PROT_DEFAULT,
              VM_PROT_DEFAULT, VM_INHERIT_NONE),
        "vm_map");
    check(vm_remap(self, &ours, PAGE, 0, TRUE, child, theirs, FALSE,
              &current, &maximum, VM_INHERIT_NONE),
        "vm_remap");
    strcpy((char *)ours, "shared");
    check(vm_read_overwrite(child, theirs, sizeof(text),
              (vm_address_t)text, &bytes),
        "vm_read_overwrite");
    printf("the child has \"%s\" at 0x%lx; here it is at 0x%lx, "
           "protection %d of %d\n",
        text, theirs, ours, current, maximum);
    check(task_terminate(child), "task_terminate");
    return theirs % ALIGNMENT == 0 && strcmp(text, "shared") == 0
               ? 0
               : 1;
}
