/*
 * Message decoders: the first byte picks one, the rest is its payload. What is accepted must encode
 * to the same bytes: then no two byte strings mean the same, and nothing is skipped unseen.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "message/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t scratch[MESSAGE_MAX_SCRATCH / sizeof(uint64_t)];
static uint8_t again[MESSAGE_MAX_PAYLOAD];

#define MESSAGE_STRUCT(s)                                                                          \
	static void s##_check(const uint8_t *data, size_t size)                                    \
	{                                                                                          \
		struct wire_reader reader;                                                         \
		struct wire_writer writer;                                                         \
		struct s value;                                                                    \
                                                                                                   \
		wire_reader_init(&reader, data, size, scratch, sizeof(scratch));                   \
		s##_decode(&reader, &value);                                                       \
		if (wire_reader_end(&reader))                                                      \
			return;                                                                    \
		wire_writer_init(&writer, again, sizeof(again));                                   \
		s##_encode(&writer, &value);                                                       \
		if (writer.error || writer.used != size || memcmp(again, data, size) != 0)         \
			abort();                                                                   \
	}
#include "message/structs.def"

typedef void check_function(const uint8_t *data, size_t size);

#define MESSAGE_STRUCT(s) s##_check,
static check_function *const checks[] = {
#include "message/structs.def"
};
#define CHECK_COUNT (sizeof(checks) / sizeof(checks[0]))
static_assert(CHECK_COUNT <= UINT8_MAX + 1, "one byte picks a struct");

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size - 1 > MESSAGE_MAX_PAYLOAD)
		return -1;
	checks[data[0] % CHECK_COUNT](data + 1, size - 1);
	return 0;
}
