/*
 * Where a call goes: by its type's route and its first field to another host, to a task's VMM, or
 * to a handler here (handlers.h). Payloads are forwarded unread.
 *
 * Rights: a task belongs to the user that made it. Root may touch every task; others are told
 * KERN_INVALID_TASK, as a Mach task without a right to the port would be.
 */
#ifndef DAEMON_ROUTE_H
#define DAEMON_ROUTE_H

#include <stdint.h>

#include "request.h"

struct channel;
struct link_message;
struct task;

/* Takes a call from a client, a guest or another host; `uid` is whom it is for. */
void route_call(struct channel *channel, struct link_message *message, uint32_t uid);

/*
 * Return: the task of this host that a request is about, whatever its phase, or NULL after the
 * request was refused (and freed).
 */
struct task *route_task(struct request *request, uint32_t name);

/* The same for calls that need it to run. */
struct task *route_live_task(struct request *request, uint32_t name);

#endif
