/*
 * A task's side of the conversation with its host's pager (control.def, pager_hello and object_*):
 * one request at a time, each waits for its reply with a deadline. The owner orders the callers.
 *
 * A pager that breaks the protocol or misses a deadline is given up: the socket is shut down, so
 * that whoever polls it sees the hang-up, and every later request fails at once.
 */
#ifndef MEMORY_PAGER_CLIENT_H
#define MEMORY_PAGER_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "link/link.h"
#include "mach/kern_return.h"
#include "message/message.h"
#include "object.h"

/* The pager answers from its own tables, or after a few system calls on our address space. */
#define PAGER_LOCAL_TIMEOUT_NS UINT64_C(5000000000)
/* It asks the object's home, which may be far and has its own, shorter deadline. */
#define PAGER_ATTACH_TIMEOUT_NS UINT64_C(20000000000)

struct pager_client {
	struct link link;
	int uffd; /* our duplicate: while it lives no page of ours turns to zero */
	bool is_usable;
	uint64_t sequence;
	uint8_t *payload; /* MESSAGE_MAX_PAYLOAD */
	uint8_t *scratch; /* for the arrays of a reply */
};

/* An unconnected client, for which pager_client_done is fine. */
void pager_client_init(struct pager_client *client);
/* Takes the socket, opens the userfaultfd, says hello. Return: 0 or -errno, and then the client is
 * as before. */
int pager_client_connect(struct pager_client *client, int take_socket_fd);
/* Closes both descriptors. */
void pager_client_done(struct pager_client *client);

/*
 * The requests. Return: KERN_SUCCESS; the pager's own refusal; KERN_OPERATION_TIMED_OUT;
 * KERN_FAILURE when there is no usable pager. A failure leaves a sentence in *ret_failure.
 */

/* Makes objects[count] known; count <= MESSAGE_MAX_FDS. kinds are the objects'. */
kern_return_t pager_publish(struct pager_client *client, struct object *const *objects,
			    uint32_t count, uint64_t *ret_ids, struct failure *ret_failure);
/* Gets objects by their ids; ret_objects[count] hold a reference each. All or none. */
kern_return_t pager_attach(struct pager_client *client, const struct object_id *ids, uint32_t count,
			   struct object **ret_objects, struct failure *ret_failure);
/* count <= EXPORT_MAX_REGIONS. */
kern_return_t pager_map(struct pager_client *client, const struct object_mapping *mappings,
			uint32_t count, struct failure *ret_failure);
kern_return_t pager_unmap(struct pager_client *client, uint64_t hva, uint64_t bytes,
			  struct failure *ret_failure);
/* count <= MESSAGE_MAX_FDS. */
kern_return_t pager_release(struct pager_client *client, const struct object_id *ids,
			    uint32_t count, struct failure *ret_failure);

/* Writes a sentence, cut to fit. */
void failure_set(struct failure *failure, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
