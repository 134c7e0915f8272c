/*
 * task_create, norma_task_create and norma_task_clone at the parent's host. The steps, each of
 * which may fail, and what is undone then:
 *
 *   CONNECT  a link to the child's host                 nothing to undo
 *   QUEUE    wait for other exports of the parent       nothing
 *   EXPORT   vmm_export: the parent describes itself    nothing: the VMM undoes its own failure
 *   CREATE   child_create() here, peer_create_child     the child's host leaves nothing (child.h);
 *            elsewhere                                  vmm_export_end
 *
 * The asker that goes away does not stop it: the child is made and then ended, as nobody knows it
 * (claims.h). A parent that ends before the reply makes it an error, and the child is ended.
 */
#ifndef DAEMON_CLONE_H
#define DAEMON_CLONE_H

#include "message/message.h"
#include "request.h"
#include "tasks.h"

/* The request is answered with the child's name; its type says which reply that is. */
void clone_begin(struct request *request, struct task *parent, enum export_mode mode,
		 int child_node);

#endif
