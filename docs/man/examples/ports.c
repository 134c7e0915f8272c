/*
 * Names that a child finds: its bootstrap port and three
 * registered ones.
 */
#include <stdio.h>
#include <stdlib.h>

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
    task_t self = mach_task_self(), child;
    mach_port_t mine[2] = {self, mach_host_self()}, bootstrap,
                kernel;
    mach_port_array_t ports;
    mach_msg_type_number_t count;
    int is_right;

    check(
        mach_ports_register(self, mine, 2), "mach_ports_register");
    check(task_set_special_port(self, TASK_BOOTSTRAP_PORT, self),
        "task_set_special_port");
    check(task_create(self, NULL, 0, FALSE, &child), "task_create");

    check(task_get_bootstrap_port(child, &bootstrap),
        "task_get_special_port");
    check(task_get_special_port(child, TASK_KERNEL_PORT, &kernel),
        "task_get_special_port");
    check(mach_ports_lookup(child, &ports, &count),
        "mach_ports_lookup");
    printf(
        "child 0x%x: bootstrap 0x%x, registered 0x%x 0x%x 0x%x\n",
        kernel, bootstrap, ports[0], ports[1], ports[2]);
    is_right = kernel == child && bootstrap == self &&
               count == TASK_PORT_REGISTER_MAX &&
               ports[0] == self && ports[1] == mach_host_self() &&
               ports[2] == MACH_PORT_NULL;
    check(vm_deallocate(
              self, (vm_address_t)ports, count * sizeof(*ports)),
        "vm_deallocate");
    check(task_terminate(child), "task_terminate");
    return is_right ? 0 : 1;
}
