/*
 * The source's side of a vm_remap across hosts: peer_export_range and peer_export_end of another
 * host. An export is known by the link it came over and the number that its asker gave it. It ends,
 * at the latest, with that link, or when its asker should long have ended it.
 */
#ifndef DAEMON_PEER_EXPORT_H
#define DAEMON_PEER_EXPORT_H

struct channel;
struct host_link;
struct link_message;

void peer_export_range(struct channel *channel, struct link_message *message);
void peer_export_end(struct channel *channel, struct link_message *message);

/* The link closes. */
void peer_exports_drop(struct host_link *link);

#endif
