/*
 * For tests of single call stubs: the fake daemon answers one type of call as the test says, and
 * the test sees what was asked. Connected by checked fixtures.
 */
#ifndef TESTS_UNIT_PROTOCOL_FAKE_SCRIPT_H
#define TESTS_UNIT_PROTOCOL_FAKE_SCRIPT_H

#include <check.h>

#include "fake_daemon.h"
#include "message/names.h"
#include "norma.h"

#define OTHER_TASK (FAKE_TASK + 64)
#define A_THREAD   0x80c00041u
#define A_HOST	   name_of_host(FAKE_NODE)
#define START	   FAKE_MEMORY_START

/* The daemon answers the next calls of this type with a reply of these fields. */
#define SCRIPT(name, ...)                                                                          \
	do {                                                                                       \
		struct name##_reply reply_ = {__VA_ARGS__};                                        \
		struct wire_writer writer_;                                                        \
		wire_writer_init(&writer_, fake.scripted_reply, sizeof(fake.scripted_reply));      \
		name##_reply_encode(&writer_, &reply_);                                            \
		ck_assert_int_eq(writer_.error, 0);                                                \
		fake.scripted_reply_bytes = writer_.used;                                          \
		fake.scripted_type = MESSAGE_##name;                                               \
	} while (0)

/* Declares `asked`, what the last scripted call asked. */
#define ASKED(name)                                                                                \
	struct name##_request asked;                                                               \
	struct wire_reader reader_;                                                                \
	uint64_t scratch_[16];                                                                     \
	wire_reader_init(&reader_, fake.scripted_request, fake.scripted_request_bytes, scratch_,   \
			 sizeof(scratch_));                                                        \
	name##_request_decode(&reader_, &asked);                                                   \
	ck_assert_int_eq(wire_reader_end(&reader_), 0)

static inline void fake_setup(void)
{
	fake_start(FAKE_ANSWERS);
	ck_assert_msg(norma_connect(fake_path) == 0, "%s", norma_last_error());
}

static inline void fake_teardown(void)
{
	norma_disconnect();
	fake_stop();
}

#endif
