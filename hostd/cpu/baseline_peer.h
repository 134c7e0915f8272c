/*
 * This host's CPU as peer_cpu says it to other hosts.
 */
#ifndef CPU_BASELINE_PEER_H
#define CPU_BASELINE_PEER_H

#include "message/message.h"

struct hostd;

struct baseline_answer {
	struct peer_cpu_reply reply;
	struct cpu_word native[CPU_MAX_WORDS], promised[CPU_MAX_WORDS];
};

/* Fills an answer whose arrays live in it and in the hostd. Return: 0, or -ENODEV when this host
 * does not know its CPU (hostd->cpu.text says why). */
int baseline_answer_fill(struct hostd *hostd, struct baseline_answer *answer);

#endif
