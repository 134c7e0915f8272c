/* Where this program runs. */
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
    host_t host = mach_host_self();
    struct host_basic_info info;
    mach_msg_type_number_t count = HOST_BASIC_INFO_COUNT;
    vm_size_t page_bytes;
    int node;

    check(norma_node_self(host, &node), "norma_node_self");
    check(host_page_size(host, &page_bytes), "host_page_size");
    check(host_info(
              host, HOST_BASIC_INFO, (host_info_t)&info, &count),
        "host_info");
    printf("task 0x%x, thread 0x%x on node %d: %d of %d CPUs, %lu "
           "pages of %lu bytes\n",
        mach_task_self(), mach_thread_self(), node, info.avail_cpus,
        info.max_cpus, info.memory_size / page_bytes, page_bytes);
    return info.cpu_type == CPU_TYPE_X86_64 && page_bytes == 4096
               ? 0
               : 1;
}
