/*
 * What a node says of itself to other hosts and in the list of nodes: the newest snapshot of the
 * inventory in short, and how many tasks there are. Nothing here waits.
 */
#ifndef DAEMON_NODE_SUMMARY_H
#define DAEMON_NODE_SUMMARY_H

#include "message/message.h"

struct channel;
struct hostd;
struct link_message;

/* Of this host. */
void node_summary_fill(struct hostd *hostd, struct peer_node_summary_reply *ret_summary);
/* Copies every field of the summary; the row's others stay as they are. */
void node_summary_to_row(const struct peer_node_summary_reply *summary, struct node_row *row);
/* Another host asks. */
void node_summary_request(struct channel *channel, struct link_message *message);

#endif
