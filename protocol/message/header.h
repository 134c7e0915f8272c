/*
 * The 32 bytes in front of every message on every control socket (client, VMM, pager, peer host).
 * What follows is the payload of the message's type, see calls.def and control.def.
 */
#ifndef MESSAGE_HEADER_H
#define MESSAGE_HEADER_H

#include <stdint.h>

#include "wire/wire.h"

#define MESSAGE_MAGIC	     0x41524f4eu /* "NORA" */
#define MESSAGE_VERSION	     4u
#define MESSAGE_HEADER_BYTES 32u
#define MESSAGE_MAX_PAYLOAD  (112u * 1024u) /* fits one packet of a default Unix socket */
#define MESSAGE_MAX_BYTES    (MESSAGE_HEADER_BYTES + MESSAGE_MAX_PAYLOAD)
#define MESSAGE_MAX_FDS	     200u	   /* the kernel's SCM_MAX_FD is 253 */
#define MESSAGE_MAX_DATA     (64u * 1024u) /* bytes of memory or console in one message */
#define MESSAGE_MAX_TEXT     240u

enum message_flag {
	MESSAGE_REPLY = 1, /* answers the request of the same type and sequence */
};

struct message_header {
	uint16_t type;	   /* enum message_type */
	uint16_t flags;	   /* enum message_flag */
	uint32_t bytes;	   /* of payload */
	uint64_t sequence; /* chosen by the requester, echoed in the reply */
	int32_t result;	   /* replies: a kern_return_t; when not 0 the payload is a `failure` */
	uint32_t
	    uid; /* on whose behalf; set by hostd from the kernel, never believed from clients */
};

/* Writes the 32 bytes. Return: nothing; an error sticks to the writer. */
void message_header_encode(struct wire_writer *writer, const struct message_header *header);

/*
 * Reads and checks the first MESSAGE_HEADER_BYTES of a message.
 * Return: 0, -EBADMSG when magic, flags or size are wrong, -EPROTO when the version differs.
 */
int message_header_decode(const void *data, size_t bytes, struct message_header *ret_header);

#endif
