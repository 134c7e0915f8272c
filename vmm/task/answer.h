/*
 * The answers to the messages of answers.def, spread over *_answers.c by subject. Each gets the
 * decoded request and fills the zeroed reply; spans and arrays of the reply must lie in call->arena
 * or outlive the call. A refusal leaves no trace and returns the code, usually through call_fail().
 */
#ifndef TASK_ANSWER_H
#define TASK_ANSWER_H

#include "call.h"

#define ANSWER(name, speed)                                                                        \
	kern_return_t answer_##name(struct call *call, const struct name##_request *request,       \
				    struct name##_reply *reply);
#include "answers.def"
#undef ANSWER

#endif
