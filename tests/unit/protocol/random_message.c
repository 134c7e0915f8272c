/*
 * The table of all message structs, for tests.
 */
#include "random_message.h"

#include <stdlib.h>
#include <string.h>

#define POOL_BYTES (1024u * 1024u)

static unsigned int random_state;
static uint8_t pool[POOL_BYTES] __attribute__((aligned(16)));
static size_t pool_used;

void random_start(unsigned int seed)
{
	random_state = seed;
	pool_used = 0;
}

static uint64_t random_u64(void)
{
	uint64_t value = 0;

	for (int i = 0; i < 5; i++)
		value = value << 15 ^ (uint64_t)rand_r(&random_state);
	/* Small and extreme values are as likely as any. */
	return value % 3 == 0 ? value % 5 : value % 7 == 0 ? ~0ull : value;
}

static void *pool_take(size_t bytes)
{
	void *taken = pool + pool_used;

	pool_used += (bytes + 15) / 16 * 16;
	if (pool_used > sizeof(pool))
		abort();
	return taken;
}

static uint32_t length_of(enum fill_size size, uint32_t max)
{
	if (size == FILL_TO_THE_CAP)
		return max;
	if (size == FILL_OVER_THE_CAP)
		return max + 1;
	return (uint32_t)(random_u64() % (max < 100 ? max + 1 : 101));
}

static struct wire_span random_span(enum fill_size size, uint32_t max)
{
	uint32_t bytes = length_of(size, max);
	uint8_t *data = pool_take(bytes);

	for (uint32_t i = 0; i < bytes; i++)
		data[i] = (uint8_t)random_u64();
	return (struct wire_span){.data = data, .bytes = bytes};
}

/* A text cannot be too long for its array; at the cap it fills it. */
static void random_text(char *text, enum fill_size size, uint32_t capacity)
{
	uint32_t length =
	    length_of(size == FILL_OVER_THE_CAP ? FILL_TO_THE_CAP : size, capacity - 1);

	for (uint32_t i = 0; i < length; i++)
		text[i] = (char)(1 + random_u64() % 255);
	text[length] = 0;
}

static void put_zeros(struct wire_writer *writer, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		wire_put_u8(writer, 0);
}

#define U32(name)	 to->name = (uint32_t)random_u64();
#define U64(name)	 to->name = random_u64();
#define I32(name)	 to->name = (int32_t)random_u64();
#define BYTES(name, max) to->name = random_span(size, max);
#define TEXT(name, max)	 random_text(to->name, size, max);
#define ARRAY(element, name, max)                                                                  \
	{                                                                                          \
		uint32_t count_ = length_of(size, max);                                            \
		struct element *list_ = pool_take(count_ * sizeof(*list_));                        \
		for (uint32_t i_ = 0; i_ < count_; i_++)                                           \
			element##_fill(&list_[i_], size);                                          \
		to->name = list_;                                                                  \
		to->name##_count = count_;                                                         \
	}
#define MESSAGE_STRUCT(s)                                                                          \
	static void s##_fill(void *value, enum fill_size size)                                     \
	{                                                                                          \
		struct s *to = value;                                                              \
		(void)to;                                                                          \
		(void)size;                                                                        \
		s##_FIELDS                                                                         \
	}
#include "message/structs.def"

static bool span_equal(struct wire_span a, struct wire_span b)
{
	return a.bytes == b.bytes && (!a.bytes || memcmp(a.data, b.data, a.bytes) == 0);
}

#define U32(name)	 same &= a->name == b->name;
#define U64(name)	 same &= a->name == b->name;
#define I32(name)	 same &= a->name == b->name;
#define BYTES(name, max) same &= span_equal(a->name, b->name);
#define TEXT(name, max)	 same &= strcmp(a->name, b->name) == 0;
#define ARRAY(element, name, max)                                                                  \
	same &= a->name##_count == b->name##_count;                                                \
	for (uint32_t i_ = 0; same && i_ < a->name##_count; i_++)                                  \
		same &= element##_equal(&a->name[i_], &b->name[i_]);
#define MESSAGE_STRUCT(s)                                                                          \
	static bool s##_equal(const void *left, const void *right)                                 \
	{                                                                                          \
		const struct s *a = left, *b = right;                                              \
		bool same = true;                                                                  \
		(void)a;                                                                           \
		(void)b;                                                                           \
		s##_FIELDS return same;                                                            \
	}
#include "message/structs.def"

/* Zero bytes behind the count are enough for max + 1 elements of any kind. */
#define U32(name) wire_put_u32(writer, 0);
#define U64(name) wire_put_u64(writer, 0);
#define I32(name) wire_put_u32(writer, 0);
#define CAPPED(max, element_bytes)                                                                 \
	{                                                                                          \
		uint32_t count_ = field++ == over ? (max) + 1 : 0;                                 \
		wire_put_u32(writer, count_);                                                      \
		put_zeros(writer, count_ *(element_bytes));                                        \
	}
#define BYTES(name, max)	  CAPPED(max, 1)
#define TEXT(name, max)		  CAPPED((max)-1, 1)
#define ARRAY(element, name, max) CAPPED(max, sizeof(struct element))
#define MESSAGE_STRUCT(s)                                                                          \
	static void s##_encode_over(struct wire_writer *writer, unsigned int over)                 \
	{                                                                                          \
		unsigned int field = 0;                                                            \
		(void)writer;                                                                      \
		(void)over;                                                                        \
		(void)field;                                                                       \
		s##_FIELDS                                                                         \
	}
#include "message/structs.def"

#define MESSAGE_STRUCT(s)                                                                          \
	static void s##_encode_any(struct wire_writer *writer, const void *value)                  \
	{                                                                                          \
		s##_encode(writer, value);                                                         \
	}                                                                                          \
	static void s##_decode_any(struct wire_reader *reader, void *value)                        \
	{                                                                                          \
		s##_decode(reader, value);                                                         \
	}
#include "message/structs.def"

#define U32(name)
#define U64(name)
#define I32(name)
#define BYTES(name, max)	  +1
#define TEXT(name, max)		  +1
#define ARRAY(element, name, max) +1
#define MESSAGE_STRUCT(s)                                                                          \
	{                                                                                          \
	    .name = #s,                                                                            \
	    .struct_bytes = sizeof(struct s),                                                      \
	    .capped_fields = 0 s##_FIELDS,                                                         \
	    .fill = s##_fill,                                                                      \
	    .encode = s##_encode_any,                                                              \
	    .decode = s##_decode_any,                                                              \
	    .equal = s##_equal,                                                                    \
	    .encode_over = s##_encode_over,                                                        \
	},
const struct message_codec message_codecs[] = {
#include "message/structs.def"
};
const unsigned int message_codec_count = sizeof(message_codecs) / sizeof(message_codecs[0]);
