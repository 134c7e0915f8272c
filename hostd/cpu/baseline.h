/*
 * The fleet's CPU baseline: asks every node of the table what its CPU has, computes what they have
 * in common, and has every node promise that and no more.
 */
#ifndef CPU_BASELINE_H
#define CPU_BASELINE_H

#include <stdbool.h>

struct channel;
struct link_message;
struct request;

/* Answers norma_cpu_baseline once all nodes have answered or let their deadline pass. */
void baseline_begin(struct request *request, bool apply);

/* Another host asks: peer_cpu, peer_cpu_baseline. */
void baseline_tell(struct channel *channel, struct link_message *message);
void baseline_set(struct channel *channel, struct link_message *message);

#endif
