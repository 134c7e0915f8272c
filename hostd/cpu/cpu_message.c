/*
 * Identities and feature sets to and from messages.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "cpu/host_cpu.h"

static_assert(CPU_NUM_WORDS <= CPU_MAX_WORDS, "every word fits into a message");

uint32_t cpu_words_from(const struct cpu_features *features, struct cpu_word words[CPU_MAX_WORDS])
{
	uint32_t count = 0;

	for (enum cpu_word_index word = 0; word < CPU_NUM_WORDS; word++) {
		const struct cpu_word_place *place = cpu_word_place(word);

		if (features->words[word])
			words[count++] = (struct cpu_word){place->leaf, place->subleaf, place->reg,
							   features->words[word]};
	}
	return count;
}

int cpu_words_to(const struct cpu_word *words, uint32_t count, struct cpu_features *ret_features)
{
	struct cpu_features features = {0};

	for (uint32_t i = 0; i < count; i++) {
		enum cpu_word_index word =
		    cpu_word_find(words[i].leaf, words[i].subleaf, words[i].reg);

		if (word == CPU_NUM_WORDS)
			return -EINVAL;
		features.words[word] |= words[i].bits;
	}
	*ret_features = features;
	return 0;
}

struct cpu_identity *cpu_identity_decode(const struct cpu_leaf *seen, uint32_t seen_count,
					 const struct cpu_word *promised, uint32_t promised_count,
					 uint64_t xcr0, uint32_t tsc_khz)
{
	struct cpu_identity *identity = cpu_identity_new();

	if (!identity)
		return NULL;
	if (cpu_table_set(&identity->seen, seen, seen_count) ||
	    cpu_words_to(promised, promised_count, &identity->promised)) {
		cpu_identity_put(identity);
		return NULL;
	}
	identity->seen.xcr0 = xcr0;
	identity->seen.tsc_khz = tsc_khz;
	return identity;
}
