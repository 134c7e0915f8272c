/*
 * Tasks that were made for somebody who has not taken them over yet. A clone, or a task that is
 * being loaded, must not stay behind when its maker vanishes:
 *
 *   norma_run_begin             claimed by the asker until norma_run_start succeeded
 *   task_create, norma_task_*,  by a client or guest: theirs as soon as the reply is in their
 *   peer_create_child           socket; by a host: claimed until it answers a peer_ping that was
 *                               sent after the reply, so that it surely has read that
 *
 * A claim ends with its channel, and the task with it. This holds at every host on the way: the
 * asker's host and the task's own.
 */
#ifndef DAEMON_CLAIMS_H
#define DAEMON_CLAIMS_H

#include <stdbool.h>
#include <stdint.h>

struct answer;
struct channel;
struct hostd;
struct request;

/* Return: true when success of this call means that a task exists. */
bool claims_type_makes_task(uint16_t type);

/* A request is being answered with success: notes what that means for its task, if any. */
void claims_note_success(const struct request *request, const struct answer *answer);

/* A task was made after its asker had been told that it took too long. */
void claims_discard_late(struct hostd *hostd, uint16_t type, const struct answer *answer);

/* Ends a task, wherever it is, that nobody has come to know. */
void claims_discard_task(struct hostd *hostd, uint32_t name);

/* Ends the tasks claimed by a channel that closes. */
void claims_discard(struct channel *channel);

#endif
