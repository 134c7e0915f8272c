/*
 * libvirt's part in the baseline: this node's libvirt names the CPU that all can be whose libvirt
 * told a model, and what that CPU lacks is taken out of what the bits have in common. It only ever
 * takes away, and only features that it has names for. Where it cannot say, the bits alone decide.
 */
#ifndef CPU_BASELINE_LIBVIRT_H
#define CPU_BASELINE_LIBVIRT_H

#include <stdbool.h>

#include "cpu/baseline_plan.h"
#include "loop.h"

struct hostd;

struct baseline_libvirt {
	struct hostd *hostd;
	/* Told once, from the loop or from baseline_libvirt_ask() itself. */
	void (*done)(struct baseline_libvirt *libvirt);
	struct source answered;
	struct timer timer;	     /* it takes too long */
	unsigned int told;	     /* nodes with a model */
	unsigned int count;	     /* nodes */
	struct cpu_features common;  /* of all nodes, by their bits; then narrowed */
	char *cpu;		     /* a <cpu> element; NULL: libvirt did not say */
	char text[MESSAGE_MAX_TEXT]; /* what libvirt did, or why it did nothing */
};

/* hostd and done are set. common: what nodes[count] have in common. */
void baseline_libvirt_ask(struct baseline_libvirt *libvirt, const struct baseline_node *nodes,
			  unsigned int count, const struct cpu_features *common);
/* Accepts one that was not asked; `done` was told. */
void baseline_libvirt_done(struct baseline_libvirt *libvirt);

#endif
