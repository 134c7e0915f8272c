/*
 * Lists that are gathered from others: tasks (each VMM knows its memory and threads) and nodes
 * (each host knows whether it is there).
 */
#ifndef DAEMON_LISTS_H
#define DAEMON_LISTS_H

#include "request.h"

void list_tasks(struct request *request);
void list_nodes(struct request *request);

#endif
