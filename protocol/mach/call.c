/*
 * The typed calls, generated from calls.def. Freestanding.
 */
#include "mach/call.h"

#include "mach/transport.h"

static void request_begin(const struct mach_room *room, struct wire_writer *writer)
{
	wire_writer_init(writer, room->bytes + MESSAGE_HEADER_BYTES,
			 room->capacity - MESSAGE_HEADER_BYTES);
}

/* Return: KERN_SUCCESS with `reader` at the reply, or why there is none. */
static kern_return_t request_carry(uint16_t type, const struct mach_room *room,
				   const struct wire_writer *writer, struct wire_reader *reader)
{
	size_t reply_bytes;
	kern_return_t result;

	if (writer->error)
		return KERN_INVALID_ARGUMENT; /* longer than the call can carry */
	result =
	    norma_transport_call(type, room->bytes, writer->used, room->capacity, &reply_bytes);
	if (result == KERN_SUCCESS)
		wire_reader_init(reader, room->bytes + MESSAGE_HEADER_BYTES, reply_bytes,
				 room->scratch, room->scratch_bytes);
	return result;
}

#define CALL(number, name, route, executor)                                                        \
	kern_return_t mach_call_##name(const struct mach_room *room,                               \
				       const struct name##_request *request,                       \
				       struct name##_reply *ret_reply)                             \
	{                                                                                          \
		struct wire_writer writer;                                                         \
		struct wire_reader reader;                                                         \
		kern_return_t result;                                                              \
                                                                                                   \
		request_begin(room, &writer);                                                      \
		name##_request_encode(&writer, request);                                           \
		result = request_carry(number, room, &writer, &reader);                            \
		if (result != KERN_SUCCESS)                                                        \
			return result;                                                             \
		name##_reply_decode(&reader, ret_reply);                                           \
		return wire_reader_end(&reader) ? KERN_FAILURE : KERN_SUCCESS;                     \
	}
#include "message/calls.def"
#undef CALL
