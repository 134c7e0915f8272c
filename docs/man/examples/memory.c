/*
 * Makes a region, looks at it, takes the right to write away,
 * frees it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mach/mach.h>

static void check(kern_return_t result, const char *what)
{
    if (result == KERN_SUCCESS)
        return;
    fprintf(stderr, "%s: %s\n", what, mach_error_string(result));
    exit(1);
}

int main(void)
{
    task_t self = mach_task_self();
    vm_address_t address = 0, start;
    vm_size_t page_bytes, size;
    struct vm_region_basic_info info;
    mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT;

    check(host_page_size(mach_host_self(), &page_bytes),
        "host_page_size");
    check(vm_allocate(self, &address, 3 * page_bytes, TRUE),
        "vm_allocate");
    strcpy((char *)address, "zeros until now");
    check(
        vm_protect(self, address, page_bytes, FALSE, VM_PROT_READ),
        "vm_protect");

    start = address;
    check(vm_region(self, &start, &size, VM_REGION_BASIC_INFO,
              (vm_region_info_t)&info, &count, NULL),
        "vm_region");
    printf(
        "0x%lx, %lu bytes: protection %d of %d, inheritance %u\n",
        start, size, info.protection, info.max_protection,
        info.inheritance);

    check(vm_deallocate(self, address, 3 * page_bytes),
        "vm_deallocate");
    return start == address && size == page_bytes &&
                   info.protection == VM_PROT_READ
               ? 0
               : 1;
}
