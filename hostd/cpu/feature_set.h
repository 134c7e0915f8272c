/*
 * Feature bits of cpuid as sets, their names, and which of them a program may depend on. The names
 * are in features.def and nowhere else. Pure: no state.
 */
#ifndef CPU_FEATURE_SET_H
#define CPU_FEATURE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cpu_register { CPU_EAX, CPU_EBX, CPU_ECX, CPU_EDX, CPU_NUM_REGISTERS };

/* A register of a leaf that consists of feature bits. */
enum cpu_word_index {
	CPU_1_ECX,
	CPU_1_EDX,
	CPU_7_EBX,
	CPU_7_ECX,
	CPU_7_EDX,
	CPU_7_1_EAX,
	CPU_7_1_EDX,
	CPU_D_1_EAX,
	CPU_80000001_ECX,
	CPU_80000001_EDX,
	CPU_80000007_EDX,
	CPU_80000008_EBX,
	CPU_NUM_WORDS,
};

struct cpu_features {
	uint32_t words[CPU_NUM_WORDS];
};

struct cpu_word_place {
	uint32_t leaf, subleaf;
	enum cpu_register reg;
};

/* Return: where the word stands. */
const struct cpu_word_place *cpu_word_place(enum cpu_word_index word);
/* Return: the word at that place, or CPU_NUM_WORDS. */
enum cpu_word_index cpu_word_find(uint32_t leaf, uint32_t subleaf, uint32_t reg);

/* Return: the bits that hosts are compared by. */
struct cpu_features cpu_features_compared(void);
/* Return: those of them that libvirt has names for. */
struct cpu_features cpu_features_of_libvirt(void);

/* a without b, a and b, a or b. */
struct cpu_features cpu_features_without(const struct cpu_features *a,
					 const struct cpu_features *b);
struct cpu_features cpu_features_both(const struct cpu_features *a, const struct cpu_features *b);
struct cpu_features cpu_features_either(const struct cpu_features *a, const struct cpu_features *b);
bool cpu_features_empty(const struct cpu_features *features);

/*
 * Reads names separated by commas and spaces; none is fine. Return: 0, or -EINVAL with the name
 * that there is not, cut to its capacity, in `unknown`.
 */
int cpu_features_parse(const char *list, struct cpu_features *ret_features, char *unknown,
		       size_t unknown_bytes);

/* Adds the feature of that name. Return: false when there is none. */
bool cpu_features_add(struct cpu_features *features, const char *name);

/*
 * Writes "avx2, avx512f and 3 more": as many names as there is room for, at least 16 bytes.
 * Return: `text`; "none" for the empty set.
 */
const char *cpu_features_print(const struct cpu_features *features, char *text, size_t bytes);

/*
 * The set as text for programs: "1.0.2=80202001,7.0.1=20": LEAF.SUBLEAF.REG=BITS in hexadecimal,
 * empty words left out. What CPU_FEATURES_LIST_BYTES always hold.
 */
#define CPU_FEATURES_LIST_BYTES (CPU_NUM_WORDS * 24)
void cpu_features_write(const struct cpu_features *features, char list[CPU_FEATURES_LIST_BYTES]);
/* Return: 0, or -EINVAL when it is not such a list. */
int cpu_features_read(const char *list, struct cpu_features *ret_features);

#endif
