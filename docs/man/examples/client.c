/*
 * A client: runs the static program that the arguments name on
 * this node, prints what it writes and ends with its exit
 * status.
 */
#include <stdio.h>
#include <stdlib.h>

#include <norma.h>

static void check(kern_return_t result, const char *what)
{
    if (result == KERN_SUCCESS)
        return;
    fprintf(stderr, "%s: %s\n", what, norma_last_error());
    exit(1);
}

static void follow(task_t task)
{
    struct norma_console console = {
        .task = task, .timeout_ms = 1000, .attach = TRUE};
    char text[4096];
    size_t bytes, accepted;

    if (norma_console_write(task, "input\n", 6, TRUE, &accepted))
        fprintf(stderr, "no input: %s\n", norma_last_error());
    while (!console.end) {
        check(norma_console_read(
                  &console, text, sizeof(text), &bytes),
            "norma_console_read");
        fwrite(text, 1, bytes,
            console.stream == NORMA_STDERR ? stderr : stdout);
    }
}

int main(int argc, char **argv)
{
    struct norma_task_end end;
    task_t task;
    int node;

    if (argc < 2)
        return 2;
    if (norma_connect(NULL) < 0) {
        fprintf(stderr, "%s\n", norma_last_error());
        return 1;
    }
    check(norma_node_self(mach_host_self(), &node),
        "norma_node_self");
    check(norma_run(argv[1], argv + 1, NULL, node, &task),
        "norma_run");
    follow(task);
    do
        check(norma_task_wait(task, 1000, &end), "norma_task_wait");
    while (end.state == NORMA_TASK_RUNNING);
    norma_disconnect();
    return end.status;
}
