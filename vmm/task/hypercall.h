/*
 * Calls that a guest makes: an encoded message in its memory (guestlib/norma_abi.h), the same bytes
 * that a client sends to hostd.
 */
#ifndef TASK_HYPERCALL_H
#define TASK_HYPERCALL_H

#include "thread_state.h"

struct thread;

/*
 * The runner, with its thread SERVED: answers the call that the registers describe and puts the
 * result into rax: bytes of the reply, or -EINVAL (shorter than a header), -E2BIG (longer than a
 * message), -EFAULT (request or reply memory), -EBADMSG, -EPROTO (no message of this version),
 * -ENOSPC (the reply does not fit; the call was made).
 */
void hypercall_serve(struct thread *thread, struct thread_state *state);

#endif
