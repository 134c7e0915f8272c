/*
 * What most tests of the daemon begin with: some hosts and a client of the first. One such scene
 * for each program.
 */
#ifndef HOSTD_SCENE_H
#define HOSTD_SCENE_H

#include "harness.h"

/* A deadline that passes once a call has got to where a test holds it, on a busy machine too. */
#define LATE_MS 5000

extern struct harness harness;
extern struct link client; /* on host 0 */
extern struct link_message reply;

#define CALL(name, ...) CALL_HOST(&harness, &client, name, &reply, __VA_ARGS__)

/* So many hosts know each other, of which the first `started` run. */
void scene_begin(unsigned int hosts, unsigned int started);
void scene_end(void);

/* Host 0 answers the client. */
void expect_service(void);
/* Return: a connection to host 0 such as other hosts make. */
int connect_host(void);
/* Return: how a task ended. */
struct norma_task_wait_reply wait_for(uint32_t task);

#endif
