/*
 * What a task has besides memory and threads and what its children get copies of: bootstrap port,
 * registered ports, priority and policy, limits, and whether exceptions hold a thread. hostd keeps
 * them; the task's VMM, which acts on some of them, is told all of them when the task is made
 * (vmm_become) and at each change.
 *
 * A change counts once the VMM has agreed. The changes of one task are made one after another, as
 * each is a whole set of properties.
 */
#ifndef DAEMON_PROPERTIES_H
#define DAEMON_PROPERTIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message/message.h"

struct config;
struct hostd;
struct request;
struct task;

#define TASK_PRIORITY_DEFAULT 64u
#define TASK_PRIORITY_MAX     127u

/* What a change is about; other fields stay. */
enum property_group {
	PROPERTY_BOOTSTRAP = 1,
	PROPERTY_REGISTERED = 2,
	PROPERTY_PRIORITY = 4,
	PROPERTY_HOLD = 8,
	PROPERTY_LIMITS = 16,
};

/* Return: what a task has that is nobody's child. */
struct task_properties properties_default(const struct config *config);

/* Encodes vmm_properties_request into the hostd's payload area. Return: its size in bytes. */
size_t properties_encode(struct hostd *hostd, const struct task_properties *properties);

/*
 * Return: true when a task may be given this port: the null name, or the name of a task or host of
 * a node of the table. Whether a task of that name lives is not looked at: it may end at any time.
 */
bool properties_port_is_valid(struct hostd *hostd, uint32_t port);

/*
 * Changes one group of a task that can be reached to what it is in `to`, and answers the request.
 * Limits can be lowered by the task's owner and raised by root only.
 */
void properties_change(struct request *request, struct task *task, enum property_group group,
		       const struct task_properties *to);

/* Answers norma_task_limits with the limits as they are. */
void properties_reply_limits(struct request *request, const struct task *task);

/* The task ended: changes that wait are refused. */
void properties_task_ended(struct task *task);

#endif
