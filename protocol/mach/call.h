/*
 * A typed function for every call of calls.def: encode the request, carry it, decode the reply.
 *
 *   kern_return_t mach_call_NAME(const struct mach_room *room, const struct NAME_request *request,
 *                                struct NAME_reply *ret_reply);
 *
 * What the reply points to (bytes, arrays) lies in the room. Freestanding.
 */
#ifndef MACH_CALL_H
#define MACH_CALL_H

#include <mach/kern_return.h>

#include "message/message.h"

/* Memory for one call, the caller's. */
struct mach_room {
	uint8_t *bytes; /* request, then reply, each with room for a header in front */
	size_t capacity;
	void *scratch; /* for the reply's arrays; NULL when it has none */
	size_t scratch_bytes;
};

/* Enough for every call without BYTES and ARRAY fields, and for every refusal's sentence. */
#define MACH_SMALL_ROOM 512u

/* What one message carries of a longer read or write: with headers it fits a hypercall. */
#define MACH_CHUNK_BYTES (60u * 1024u)
/* Room for a message with `data_bytes` of data. */
#define MACH_DATA_ROOM(data_bytes) ((data_bytes) + MACH_SMALL_ROOM)

#define CALL(number, name, route, executor)                                                        \
	kern_return_t mach_call_##name(const struct mach_room *room,                               \
				       const struct name##_request *request,                       \
				       struct name##_reply *ret_reply);
#include "message/calls.def"
#undef CALL

/* The same for calls that need no more than MACH_SMALL_ROOM. */
#define MACH_CALL_SMALL(name, request, ret_reply)                                                  \
	mach_call_##name(                                                                          \
	    &(const struct mach_room){                                                             \
		.bytes = (uint8_t[MACH_SMALL_ROOM]){0},                                            \
		.capacity = MACH_SMALL_ROOM,                                                       \
	    },                                                                                     \
	    (request), (ret_reply))

#endif
