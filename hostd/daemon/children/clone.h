/*
 * task_create, norma_task_create, norma_task_clone and norma_task_spawn, which makes several
 * children of one export, at the parent's host. A child here of a parent that stands still may need
 * no export (template.h). The steps, each of which may fail, and what is undone then:
 *
 *   CONNECT  a link to the child's host                 nothing to undo
 *   QUEUE    wait for other exports of the parent       nothing
 *   EXPORT   vmm_export: the parent describes itself    nothing: the VMM undoes its own failure
 *   CREATE   brood_create() here, peer_create_child     the child's host leaves nothing (brood.h);
 *            elsewhere                                  vmm_export_end
 *
 * The asker that goes away does not stop it: the child is made and then ended, as nobody knows it
 * (claims.h). A parent that ends before the reply makes it an error, and the child is ended.
 */
#ifndef DAEMON_CLONE_H
#define DAEMON_CLONE_H

#include "child.h"
#include "message/message.h"
#include "request.h"
#include "tasks.h"

struct clone_setup {
	enum export_mode mode;
	int child_node;
	uint32_t count;		    /* of children; more than one for norma_task_spawn only */
	struct child_thread thread; /* of each; the state is copied */
};

/* The request is answered with the children's names; its type says which reply that is. */
void clone_begin(struct request *request, struct task *parent, const struct clone_setup *setup);

#endif
