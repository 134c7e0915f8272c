/*
 * What a child gets of three pages, which the parent changes
 * after the child was made.
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
    static const vm_inherit_t inheritance[3] = {
        VM_INHERIT_SHARE, VM_INHERIT_COPY, VM_INHERIT_NONE};
    static const char *const expected[3] = {
        "after", "before", "absent"};
    task_t self = mach_task_self(), child;
    vm_address_t pages = 0;
    int wrong = 0;

    check(vm_allocate(self, &pages, 3 * PAGE, TRUE), "vm_allocate");
    for (int i = 0; i < 3; i++) {
        vm_address_t page = pages + (vm_size_t)i * PAGE;

        strcpy((char *)page, "before");
        check(vm_inherit(self, page, PAGE, inheritance[i]),
            "vm_inherit");
    }
    check(task_create(self, NULL, 0, TRUE, &child), "task_create");
    for (int i = 0; i < 3; i++) {
        char text[8] = "absent";
        vm_size_t bytes;

        strcpy((char *)pages + i * PAGE, "after");
        vm_read_overwrite(child, pages + (vm_size_t)i * PAGE,
            sizeof(text), (vm_address_t)text, &bytes);
        printf("inheritance %u: %s\n", inheritance[i], text);
        wrong += strcmp(text, expected[i]) != 0;
    }
    check(task_terminate(child), "task_terminate");
    return wrong;
}
