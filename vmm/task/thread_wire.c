/*
 * The integer registers on the wire: the words of struct x86_thread_state64 in its order.
 */
#include "thread_wire.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "mach/thread_status.h"

static_assert(sizeof(struct thread_state) == sizeof(struct x86_thread_state64),
	      "what travels as x86_THREAD_STATE64 is what a vCPU has");

/* In the order of struct x86_thread_state64. */
void thread_state_encode(struct wire_writer *writer, const struct thread_state *state)
{
	uint64_t words[sizeof(*state) / sizeof(uint64_t)];

	memcpy(words, state, sizeof(words));
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		wire_put_u64(writer, words[i]);
}

int thread_state_decode(struct wire_span span, struct thread_state *ret_state)
{
	uint64_t words[sizeof(*ret_state) / sizeof(uint64_t)];
	struct wire_reader reader;

	wire_reader_init(&reader, span.data, span.bytes, NULL, 0);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		words[i] = wire_get_u64(&reader);
	if (wire_reader_end(&reader))
		return -EINVAL;
	memcpy(ret_state, words, sizeof(*ret_state));
	ret_state->rflags &= THREAD_RFLAGS_USER;
	return 0;
}
