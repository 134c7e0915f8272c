/*
 * What a fake program does with a message, told by the test through a file ($NORMA_FAKE_SCRIPT)
 * with lines "message_name action". The file is read anew for each message, so a test can change
 * its mind while programs run.
 */
#ifndef HOSTD_FAKE_SCRIPT_H
#define HOSTD_FAKE_SCRIPT_H

#include <stdint.h>

#include "link/link.h"

enum fake_action {
	FAKE_ANSWER,  /* "ok", and when nothing is said */
	FAKE_REFUSE,  /* "refuse": KERN_NO_SPACE and a sentence */
	FAKE_DIE,     /* "die": by signal */
	FAKE_EXIT,    /* "exit": with status 1 */
	FAKE_IGNORE,  /* "ignore": no answer */
	FAKE_HOLD,    /* "hold": answers when the pipe $NORMA_FAKE_HOLD is opened for writing */
	FAKE_GARBAGE, /* "garbage": bytes that are no message */
};

enum fake_action fake_script_action(uint16_t type);

/* Does everything but FAKE_ANSWER. Return: true when there is nothing left to do. */
int fake_script_play(struct link *link, const struct link_message *message);

/* Sends a reply with this payload. */
void fake_reply(struct link *link, const struct link_message *message, const void *payload,
		size_t bytes);

/* Waits for the next message; exits when the other side is gone. */
void fake_receive(struct link *link, struct link_message *message);

#endif
