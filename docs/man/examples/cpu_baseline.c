/*
 * A client: says which nodes cannot exchange tasks, and why.
 */
#include <stdio.h>
#include <stdlib.h>

#include <norma.h>

int main(void)
{
    struct norma_cpu_baseline *baseline;

    if (norma_connect(NULL) < 0 ||
        norma_cpu_baseline(FALSE, &baseline) != KERN_SUCCESS) {
        fprintf(stderr, "%s\n", norma_last_error());
        return 1;
    }
    for (size_t i = 0; i < baseline->node_count; i++)
        printf("node %d: %s; not common: %s\n",
            baseline->nodes[i].node, baseline->nodes[i].model,
            baseline->nodes[i].text);
    for (size_t i = 0; i < baseline->pair_count; i++)
        printf("from node %d to node %d: %s\n",
            baseline->pairs[i].from, baseline->pairs[i].to,
            baseline->pairs[i].text);
    free(baseline);
    norma_disconnect();
    return 0;
}
