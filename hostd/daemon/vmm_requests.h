/*
 * What VMMs send: news of their own (console output, the program's end) and their guests' calls.
 */
#ifndef DAEMON_VMM_REQUESTS_H
#define DAEMON_VMM_REQUESTS_H

struct channel;
struct link_message;

/* The request handler of VMM channels. */
void vmm_request(struct channel *channel, struct link_message *message);

#endif
