/*
 * The calls that this daemon answers itself (executor HOSTD in calls.def).
 */
#ifndef DAEMON_HANDLERS_H
#define DAEMON_HANDLERS_H

#include "request.h"

struct link_message;

/* Answers, now or later. */
void handle_call(struct request *request, const struct link_message *message);

#endif
