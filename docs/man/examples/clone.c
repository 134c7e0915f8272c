/*
 * Two children on the node that the first argument names: a
 * clone shares, a child by norma_task_create has a copy.
 */
#include <stdio.h>
#include <stdlib.h>

#include <mach/mach.h>

static int word =
    1; /* in memory with the default inheritance, VM_INHERIT_COPY */

static void check(kern_return_t result, const char *what)
{
    if (result == KERN_SUCCESS)
        return;
    fprintf(stderr, "%s: %s\n", what, mach_error_string(result));
    exit(1);
}

static int word_of(task_t task)
{
    vm_size_t bytes;
    int value;

    check(vm_read_overwrite(task, (vm_address_t)&word,
              sizeof(value), (vm_address_t)&value, &bytes),
        "vm_read_overwrite");
    return value;
}

int main(int argc, char **argv)
{
    task_t self = mach_task_self(), clone, copy;
    int own_node, node, clone_node, shared, copied;

    check(norma_node_self(mach_host_self(), &own_node),
        "norma_node_self");
    node = argc > 1 ? atoi(argv[1]) : own_node;
    check(norma_task_clone(self, TRUE, node, &clone),
        "norma_task_clone");
    check(norma_task_create(self, TRUE, node, &copy),
        "norma_task_create");
    check(norma_port_location_hint(self, clone, &clone_node),
        "norma_port_location_hint");
    word = 2;
    shared = word_of(clone);
    copied = word_of(copy);
    printf("node %d: the clone has %d, the other child %d\n",
        clone_node, shared, copied);
    check(task_terminate(clone), "task_terminate");
    check(task_terminate(copy), "task_terminate");
    return clone_node == node && shared == 2 && copied == 1 ? 0 : 1;
}
