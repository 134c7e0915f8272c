/*
 * Pairs of connected links for tests: `left` and `right`, made by one of the open functions. The
 * functions fail the test that calls them when the system does not do what it should.
 */
#ifndef TESTS_UNIT_PROTOCOL_LINK_PAIR_H
#define TESTS_UNIT_PROTOCOL_LINK_PAIR_H

#include <poll.h>

#include "link/link.h"

/* Between two ends on one machine; only a broken test waits this long. */
#define PATIENCE_MS 3000

extern struct link left, right;
extern struct link_message message; /* the last one received */

void open_packet_pair(void);
void open_tcp_pair(void);
void open_pair(int is_tcp);
/* Only `right` is a link: the test writes raw bytes. Return: the raw end. */
int open_raw(int type, enum link_kind kind);
void close_pair(void);

/* Waits for poll(2) events. */
void await(const struct link *link, short events);
/* Receives with waiting. Return: as link_receive, never -EAGAIN. */
int receive(struct link *link);
/* Sends a peer_ping with this sequence and payload. Return: as link_send. */
int send_number(struct link *link, uint64_t sequence, const void *payload, size_t bytes);
/* The same as bytes. Return: how many. */
size_t encode_frame(uint8_t *frame, uint64_t sequence, const void *payload, uint32_t bytes);
/* Return: how many descriptors this process has open. */
unsigned int open_fd_count(void);

#endif
