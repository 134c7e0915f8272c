/*
 * The calls that make children: decoding and checking, and choosing a node for those that leave it
 * open.
 */
#ifndef DAEMON_CLONE_CALLS_H
#define DAEMON_CLONE_CALLS_H

struct link_message;
struct request;

void handle_task_create(struct request *request, const struct link_message *message);
/* norma_task_create and norma_task_clone. */
void handle_norma_child(struct request *request, const struct link_message *message);
void handle_norma_task_spawn(struct request *request, const struct link_message *message);

#endif
