/*
 * The table of names, and sets.
 */
#include "cpu/feature_set.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PRINT_TAIL_BYTES 16 /* " and 384 more" */

enum feature_use { PROGRAM, NEW, SYSTEM };

struct feature {
	enum cpu_word_index word;
	unsigned int bit;
	const char *name;
	enum feature_use use;
};

static const struct feature features[] = {
#define FEATURE(word, bit, name, use) {word, bit, name, use},
#include "features.def"
};
#define FEATURE_COUNT (sizeof(features) / sizeof(features[0]))

static const struct {
	struct cpu_word_place place;
	enum feature_use unlisted; /* bits without a name */
} words[] = {
    [CPU_1_ECX] = {{1, 0, CPU_ECX}, PROGRAM},
    [CPU_1_EDX] = {{1, 0, CPU_EDX}, PROGRAM},
    [CPU_7_EBX] = {{7, 0, CPU_EBX}, PROGRAM},
    [CPU_7_ECX] = {{7, 0, CPU_ECX}, SYSTEM}, /* MAWAU is a number */
    [CPU_7_EDX] = {{7, 0, CPU_EDX}, PROGRAM},
    [CPU_7_1_EAX] = {{7, 1, CPU_EAX}, PROGRAM},
    [CPU_7_1_EDX] = {{7, 1, CPU_EDX}, PROGRAM},
    [CPU_D_1_EAX] = {{0xd, 1, CPU_EAX}, PROGRAM},
    [CPU_80000001_ECX] = {{0x80000001, 0, CPU_ECX}, PROGRAM},
    [CPU_80000001_EDX] = {{0x80000001, 0, CPU_EDX}, SYSTEM}, /* AMD repeats leaf 1 there */
    [CPU_80000007_EDX] = {{0x80000007, 0, CPU_EDX}, SYSTEM}, /* power management */
    [CPU_80000008_EBX] = {{0x80000008, 0, CPU_EBX}, SYSTEM}, /* speculation control */
};
static_assert(sizeof(words) / sizeof(words[0]) == CPU_NUM_WORDS, "a place for each word");

static const char *const register_names[] = {"eax", "ebx", "ecx", "edx"};
static_assert(sizeof(register_names) / sizeof(register_names[0]) == CPU_NUM_REGISTERS,
	      "a name for each register");

const struct cpu_word_place *cpu_word_place(enum cpu_word_index word)
{
	return &words[word].place;
}

enum cpu_word_index cpu_word_find(uint32_t leaf, uint32_t subleaf, uint32_t reg)
{
	enum cpu_word_index word = 0;

	while (word < CPU_NUM_WORDS &&
	       (words[word].place.leaf != leaf || words[word].place.subleaf != subleaf ||
		words[word].place.reg != reg))
		word++;
	return word;
}

struct cpu_features cpu_features_compared(void)
{
	struct cpu_features compared;

	for (enum cpu_word_index word = 0; word < CPU_NUM_WORDS; word++)
		compared.words[word] = words[word].unlisted == PROGRAM ? UINT32_MAX : 0;
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		uint32_t bit = UINT32_C(1) << features[i].bit;

		if (features[i].use == SYSTEM)
			compared.words[features[i].word] &= ~bit;
		else
			compared.words[features[i].word] |= bit;
	}
	return compared;
}

struct cpu_features cpu_features_of_libvirt(void)
{
	struct cpu_features known = {0};

	for (size_t i = 0; i < FEATURE_COUNT; i++)
		if (features[i].use == PROGRAM)
			known.words[features[i].word] |= UINT32_C(1) << features[i].bit;
	return known;
}

struct cpu_features cpu_features_without(const struct cpu_features *a, const struct cpu_features *b)
{
	struct cpu_features result;

	for (enum cpu_word_index word = 0; word < CPU_NUM_WORDS; word++)
		result.words[word] = a->words[word] & ~b->words[word];
	return result;
}

struct cpu_features cpu_features_both(const struct cpu_features *a, const struct cpu_features *b)
{
	struct cpu_features result;

	for (enum cpu_word_index word = 0; word < CPU_NUM_WORDS; word++)
		result.words[word] = a->words[word] & b->words[word];
	return result;
}

struct cpu_features cpu_features_either(const struct cpu_features *a, const struct cpu_features *b)
{
	struct cpu_features result;

	for (enum cpu_word_index word = 0; word < CPU_NUM_WORDS; word++)
		result.words[word] = a->words[word] | b->words[word];
	return result;
}

bool cpu_features_empty(const struct cpu_features *set)
{
	for (enum cpu_word_index word = 0; word < CPU_NUM_WORDS; word++)
		if (set->words[word])
			return false;
	return true;
}

static bool add_name(struct cpu_features *set, const char *name, size_t length)
{
	for (size_t i = 0; i < FEATURE_COUNT; i++) {
		if (strlen(features[i].name) != length || memcmp(features[i].name, name, length))
			continue;
		set->words[features[i].word] |= UINT32_C(1) << features[i].bit;
		return true;
	}
	return false;
}

bool cpu_features_add(struct cpu_features *set, const char *name)
{
	return add_name(set, name, strlen(name));
}

int cpu_features_parse(const char *list, struct cpu_features *ret_features, char *unknown,
		       size_t unknown_bytes)
{
	struct cpu_features set = {0};

	for (list += strspn(list, ", \t"); *list; list += strspn(list, ", \t")) {
		size_t length = strcspn(list, ", \t");

		if (!add_name(&set, list, length)) {
			snprintf(unknown, unknown_bytes, "%.*s", (int)length, list);
			return -EINVAL;
		}
		list += length;
	}
	*ret_features = set;
	return 0;
}

/* A bit's name, or its place. */
static void bit_name(enum cpu_word_index word, unsigned int bit, char name[40])
{
	for (size_t i = 0; i < FEATURE_COUNT; i++)
		if (features[i].word == word && features[i].bit == bit) {
			snprintf(name, 40, "%s", features[i].name);
			return;
		}
	snprintf(name, 40, "cpuid-%x.%x-%s-bit-%u", words[word].place.leaf,
		 words[word].place.subleaf, register_names[words[word].place.reg], bit);
}

const char *cpu_features_print(const struct cpu_features *set, char *text, size_t bytes)
{
	unsigned int left_out = 0;
	size_t used = 0;

	snprintf(text, bytes, "none");
	for (unsigned int i = 0; i < CPU_NUM_WORDS * 32; i++) {
		char name[40];
		size_t length;

		if (!(set->words[i / 32] >> (i % 32) & 1))
			continue;
		bit_name(i / 32, i % 32, name);
		length = strlen(name) + (used ? 2 : 0);
		if (left_out || used + length + PRINT_TAIL_BYTES >= bytes) {
			left_out++;
			continue;
		}
		snprintf(text + used, bytes - used, "%s%s", used ? ", " : "", name);
		used += length;
	}
	if (left_out)
		snprintf(text + used, bytes - used, "%s%u%s", used ? " and " : "", left_out,
			 used ? " more" : " features");
	return text;
}

void cpu_features_write(const struct cpu_features *set, char list[CPU_FEATURES_LIST_BYTES])
{
	int used = 0;

	list[0] = 0;
	for (enum cpu_word_index word = 0; word < CPU_NUM_WORDS; word++)
		if (set->words[word])
			used += snprintf(list + used, CPU_FEATURES_LIST_BYTES - (size_t)used,
					 "%s%x.%x.%x=%x", used ? "," : "", words[word].place.leaf,
					 words[word].place.subleaf,
					 (unsigned int)words[word].place.reg, set->words[word]);
}

int cpu_features_read(const char *list, struct cpu_features *ret_features)
{
	struct cpu_features set = {0};

	while (*list) {
		unsigned int leaf, subleaf, reg, bits;
		int length = 0;
		enum cpu_word_index word;

		if (sscanf(list, "%8x.%8x.%1x=%8x%n", &leaf, &subleaf, &reg, &bits, &length) != 4)
			return -EINVAL;
		word = cpu_word_find(leaf, subleaf, reg);
		list += length;
		if (word == CPU_NUM_WORDS || (*list && *list != ','))
			return -EINVAL;
		list += *list == ',';
		set.words[word] |= bits;
	}
	*ret_features = set;
	return 0;
}
