/*
 * object_attach: a VMM asks for objects, some of which their homes have to agree to first. The
 * call is answered as a whole when the last one is decided.
 */
#ifndef SERVICE_ATTACH_H
#define SERVICE_ATTACH_H

#include "pager/service/tasks/vmm.h"

/* Begins one call; ids[count], each may be named more than once. Answers or refuses, maybe later.
 */
void attach_begin(struct vmm *vmm, const struct message_header *request,
		  const struct object_id *ids, uint32_t count);
/* An object's home has answered: goes on with every call that waits for it. */
void attach_decided(struct object *object);
/* Drops the calls of a VMM that is gone (its holds are its own to release). */
void attach_forget_vmm(struct vmm *vmm);

#endif
