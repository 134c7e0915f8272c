/*
 * This host's CPU as tasks see it: measured by probe guests at the start and whenever the fleet's
 * baseline changes, narrowed by what the configuration hides and by the baseline. Says whether a
 * task may be made here. Part of struct hostd; the loop's thread.
 *
 *   native    the features that a guest sees when nothing is taken from it, without the hidden ones
 *   promised  native, and in the baseline when there is one
 *   seen      what a guest sees when all that is not promised is taken out of its table. Where KVM
 *             does not apply the table that is still everything the CPU has.
 */
#ifndef CPU_HOST_CPU_H
#define CPU_HOST_CPU_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "cpu/gate.h"
#include "cpu/probe.h"

struct hostd;

typedef void (*host_cpu_done_fn)(void *context, int error, const char *text);

struct host_cpu {
	struct hostd *hostd;
	struct cpu_probe probe;
	bool is_measuring;
	bool has_native; /* the first probe went well */
	bool applies;	 /* KVM shows a task the table that its vCPU was given */
	struct cpu_table native_table;
	struct cpu_features native;
	bool has_baseline;
	struct cpu_features baseline;
	struct cpu_identity *identity; /* NULL: not known, `text` says why */
	char text[MESSAGE_MAX_TEXT];
	char clear[CPU_FEATURES_LIST_BYTES]; /* what a new VMM is to leave out (--cpu-clear) */
	host_cpu_done_fn changed;	     /* of the change that is under way */
	void *context;
};

void host_cpu_init(struct host_cpu *cpu, struct hostd *hostd);
/* Accepts one that was not started. */
void host_cpu_done(struct host_cpu *cpu);

/*
 * Reads the baseline that was stored, and has the probe guests run before it returns: up to 20 ms
 * on a quiet machine. A host that cannot measure its CPU serves all the same, but makes no task
 * that comes from another host. Return: 0, or -errno with a sentence in `error` when the stored
 * baseline cannot be read.
 */
int host_cpu_start(struct host_cpu *cpu, char error[MESSAGE_MAX_TEXT]);

/*
 * Stores the baseline and promises new tasks no more than it. `done` is told from the loop once
 * that is measured, or why it is not so. Return: 0, or -errno with a sentence in `error` and
 * nothing changed.
 */
int host_cpu_set_baseline(struct host_cpu *cpu, const struct cpu_features *baseline,
			  host_cpu_done_fn done, void *context, char error[MESSAGE_MAX_TEXT]);

/* Whose memory a new task begins with. */
struct cpu_claim {
	struct cpu_identity *cpu; /* the parent's; NULL: nobody's, or not known */
	enum cpu_gate_scope scope;
	bool is_child;
};

/*
 * May the task be made here? Return: KERN_SUCCESS with its identity (NULL when this host's is not
 * known), a reference of the caller's; or a kern_return_t with a sentence in `error`.
 */
int32_t host_cpu_admit(struct hostd *hostd, const struct cpu_claim *claim,
		       struct cpu_identity **ret_identity, char error[MESSAGE_MAX_TEXT]);

/* Feature sets as they travel. */
uint32_t cpu_words_from(const struct cpu_features *features, struct cpu_word words[CPU_MAX_WORDS]);
/* Return: 0, -EINVAL when a word is none of ours. */
int cpu_words_to(const struct cpu_word *words, uint32_t count, struct cpu_features *ret_features);

/* Sets a message's CPU_FIELDS; `words` must live until it is encoded. The identity may be NULL. */
#define cpu_fields_fill(message, identity, words)                                                  \
	do {                                                                                       \
		const struct cpu_identity *identity_ = (identity);                                 \
                                                                                                   \
		if (!identity_)                                                                    \
			break;                                                                     \
		(message)->cpu_xcr0 = identity_->seen.xcr0;                                        \
		(message)->cpu_tsc_khz = identity_->seen.tsc_khz;                                  \
		(message)->cpu_seen = identity_->seen.leaves;                                      \
		(message)->cpu_seen_count = identity_->seen.leaf_count;                            \
		(message)->cpu_promised = (words);                                                 \
		(message)->cpu_promised_count = cpu_words_from(&identity_->promised, words);       \
	} while (0)

/* The identity in a message's CPU_FIELDS, a new reference; NULL when it is malformed or absent. */
#define cpu_fields_identity(message)                                                               \
	cpu_identity_decode((message)->cpu_seen, (message)->cpu_seen_count,                        \
			    (message)->cpu_promised, (message)->cpu_promised_count,                \
			    (message)->cpu_xcr0, (message)->cpu_tsc_khz)
struct cpu_identity *cpu_identity_decode(const struct cpu_leaf *seen, uint32_t seen_count,
					 const struct cpu_word *promised, uint32_t promised_count,
					 uint64_t xcr0, uint32_t tsc_khz);

#endif
