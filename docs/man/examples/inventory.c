/*
 * A client: lists the nodes and the tasks of each, and what its
 * pager and its tasks have done.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <norma.h>

static void print_tasks(int node)
{
    struct norma_task_statistics did;
    struct norma_task_row *tasks;
    size_t count;

    if (norma_task_list(node, &tasks, &count) != KERN_SUCCESS) {
        fprintf(stderr, "%s\n", norma_last_error());
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (norma_task_statistics(tasks[i].task, &did) ==
            KERN_SUCCESS)
            printf("  0x%x %s: %" PRIu64 " hypercalls, %" PRIu64
                   " system calls\n",
                tasks[i].task, tasks[i].image, did.hypercalls,
                did.system_calls);
    }
    free(tasks);
}

int main(void)
{
    struct norma_pager_statistics pager;
    struct norma_node_row *nodes;
    size_t count;

    if (norma_connect(NULL) < 0 ||
        norma_node_list(&nodes, &count) != KERN_SUCCESS) {
        fprintf(stderr, "%s\n", norma_last_error());
        return 1;
    }
    for (size_t i = 0; i < count; i++) {
        printf("node %d at %s\n", nodes[i].node, nodes[i].address);
        print_tasks(nodes[i].node);
        if (norma_pager_statistics(nodes[i].node, &pager) ==
            KERN_SUCCESS)
            printf("  pager: %" PRIu64 " pages in, %" PRIu64
                   " out\n",
                pager.pages_in, pager.pages_out);
    }
    free(nodes);
    norma_disconnect();
    return 0;
}
