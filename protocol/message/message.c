/*
 * The codecs of every message, generated from the field lists. Freestanding.
 */
#include "message/message.h"

#include <errno.h>
#include <string.h>

/* Return: the count as far as it is within its cap; over it the writer fails and nothing follows.
 */
static uint32_t put_count(struct wire_writer *writer, uint32_t count, uint32_t max)
{
	wire_put_u32(writer, count);
	if (count > max && !writer->error)
		writer->error = -EMSGSIZE;
	return writer->error ? 0 : count;
}

static void put_span(struct wire_writer *writer, struct wire_span span, uint32_t max)
{
	if (span.bytes > max && !writer->error)
		writer->error = -EMSGSIZE;
	wire_put_span(writer, span);
}

#define U32(name)	 wire_put_u32(writer, value->name);
#define U64(name)	 wire_put_u64(writer, value->name);
#define I32(name)	 wire_put_u32(writer, (uint32_t)value->name);
#define BYTES(name, max) put_span(writer, value->name, max);
#define TEXT(name, max)                                                                            \
	wire_put_span(writer,                                                                      \
		      (struct wire_span){.data = (const uint8_t *)value->name,                     \
					 .bytes = (uint32_t)strnlen(value->name, (max)-1)});
#define ARRAY(element, name, max)                                                                  \
	{                                                                                          \
		uint32_t count_ = put_count(writer, value->name##_count, max);                     \
		for (uint32_t i_ = 0; i_ < count_; i_++)                                           \
			element##_encode(writer, &value->name[i_]);                                \
	}
#define MESSAGE_STRUCT(struct_name)                                                                \
	void struct_name##_encode(struct wire_writer *writer, const struct struct_name *value)     \
	{                                                                                          \
		(void)writer;                                                                      \
		(void)value;                                                                       \
		struct_name##_FIELDS                                                               \
	}
#include "message/structs.def"

/* A count above its cap is malformed; so is one that the remaining bytes cannot hold. */
static uint32_t get_count(struct wire_reader *reader, uint32_t max)
{
	uint32_t count = wire_get_u32(reader);

	if (!reader->error && (count > max || count > reader->bytes - reader->at))
		reader->error = -EBADMSG;
	return reader->error ? 0 : count;
}

#define U32(name)	 ret_value->name = wire_get_u32(reader);
#define U64(name)	 ret_value->name = wire_get_u64(reader);
#define I32(name)	 ret_value->name = (int32_t)wire_get_u32(reader);
#define BYTES(name, max) ret_value->name = wire_get_span(reader, max);
#define TEXT(name, max)	 wire_get_text(reader, ret_value->name, max);
#define ARRAY(element, name, max)                                                                  \
	{                                                                                          \
		uint32_t count_ = get_count(reader, max);                                          \
		struct element *list_ = wire_scratch(reader, count_, sizeof(*list_));              \
		for (uint32_t i_ = 0; list_ && i_ < count_; i_++)                                  \
			element##_decode(reader, &list_[i_]);                                      \
		ret_value->name = list_;                                                           \
		ret_value->name##_count = list_ ? count_ : 0;                                      \
	}
#define MESSAGE_STRUCT(struct_name)                                                                \
	void struct_name##_decode(struct wire_reader *reader, struct struct_name *ret_value)       \
	{                                                                                          \
		(void)reader;                                                                      \
		memset(ret_value, 0, sizeof(*ret_value));                                          \
		struct_name##_FIELDS                                                               \
	}
#include "message/structs.def"

struct message_kind {
	const char *name;
	uint16_t type;
	enum message_route route;
	enum message_executor executor;
};

static const struct message_kind message_kinds[] = {
#define CALL(number, name, route, executor) {#name, number, ROUTE_##route, EXECUTOR_##executor},
#define CONTROL(number, name)		    {#name, number, ROUTE_NONE, EXECUTOR_NONE},
#include "message/calls.def"
#include "message/control.def"
#undef CALL
#undef CONTROL
};

static const struct message_kind *message_kind_find(uint16_t type)
{
	for (size_t i = 0; i < sizeof(message_kinds) / sizeof(message_kinds[0]); i++)
		if (message_kinds[i].type == type)
			return &message_kinds[i];
	return NULL;
}

enum message_route message_type_route(uint16_t type)
{
	const struct message_kind *kind = message_kind_find(type);

	return kind ? kind->route : ROUTE_NONE;
}

enum message_executor message_type_executor(uint16_t type)
{
	const struct message_kind *kind = message_kind_find(type);

	return kind ? kind->executor : EXECUTOR_NONE;
}

const char *message_type_name(uint16_t type)
{
	const struct message_kind *kind = message_kind_find(type);

	return kind ? kind->name : "unknown";
}
