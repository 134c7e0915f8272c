/*
 * Wires memory, says how it will be used, and asks for what the
 * machine does with it.
 */
#include <stdio.h>
#include <stdlib.h>

#include <mach/mach.h>

enum { BYTES = 16 * 4096 };

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
    vm_size_t size;
    vm_machine_attribute_val_t cached = MATTR_VAL_GET;
    struct vm_region_basic_info info;
    mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT;

    check(vm_allocate(self, &address, BYTES, TRUE), "vm_allocate");
    check(vm_wire(mach_host_self(), self, address, BYTES,
              VM_PROT_DEFAULT),
        "vm_wire");
    check(vm_behavior_set(
              self, address, BYTES, VM_BEHAVIOR_SEQUENTIAL),
        "vm_behavior_set");
    check(vm_machine_attribute(
              self, address, BYTES, MATTR_CACHE, &cached),
        "vm_machine_attribute");
    check(vm_msync(self, address, BYTES, VM_SYNC_SYNCHRONOUS),
        "vm_msync");

    start = address;
    check(vm_region(self, &start, &size, VM_REGION_BASIC_INFO,
              (vm_region_info_t)&info, &count, NULL),
        "vm_region");
    printf("wired %u times, behavior %d, cached %d\n",
        info.user_wired_count, info.behavior, cached);
    check(vm_wire(
              mach_host_self(), self, address, BYTES, VM_PROT_NONE),
        "vm_wire: back");
    return info.user_wired_count == 1 &&
                   info.behavior == VM_BEHAVIOR_SEQUENTIAL
               ? 0
               : 1;
}
