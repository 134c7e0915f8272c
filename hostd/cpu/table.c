/*
 * Looking up leaves.
 */
#include "cpu/table.h"

#include <errno.h>
#include <string.h>

int cpu_table_set(struct cpu_table *table, const struct cpu_leaf *leaves, uint32_t leaf_count)
{
	if (!leaf_count || leaf_count > CPU_MAX_LEAVES)
		return -EINVAL;
	table->leaf_count = 0;
	for (uint32_t i = 0; i < leaf_count; i++) {
		if (cpu_table_leaf(table, leaves[i].leaf, leaves[i].subleaf))
			return -EINVAL;
		table->leaves[table->leaf_count++] = leaves[i];
	}
	return 0;
}

const struct cpu_leaf *cpu_table_leaf(const struct cpu_table *table, uint32_t leaf,
				      uint32_t subleaf)
{
	for (uint32_t i = 0; i < table->leaf_count; i++)
		if (table->leaves[i].leaf == leaf && table->leaves[i].subleaf == subleaf)
			return &table->leaves[i];
	return NULL;
}

/* Return: where the register of a leaf is kept. */
static uint32_t *register_place(struct cpu_leaf *leaf, enum cpu_register reg)
{
	uint32_t *const places[] = {&leaf->eax, &leaf->ebx, &leaf->ecx, &leaf->edx};

	return places[reg];
}

uint32_t cpu_leaf_register(const struct cpu_leaf *leaf, enum cpu_register reg)
{
	struct cpu_leaf copy = *leaf;

	return *register_place(&copy, reg);
}

struct cpu_features cpu_table_features(const struct cpu_table *table)
{
	struct cpu_features compared = cpu_features_compared();
	struct cpu_features features = {0};

	for (enum cpu_word_index word = 0; word < CPU_NUM_WORDS; word++) {
		const struct cpu_word_place *place = cpu_word_place(word);
		const struct cpu_leaf *leaf = cpu_table_leaf(table, place->leaf, place->subleaf);

		if (leaf)
			features.words[word] = cpu_leaf_register(leaf, place->reg);
	}
	return cpu_features_both(&features, &compared);
}

static struct cpu_leaf *leaf_find(struct cpu_table *table, uint32_t leaf, uint32_t subleaf)
{
	for (uint32_t i = 0; i < table->leaf_count; i++)
		if (table->leaves[i].leaf == leaf && table->leaves[i].subleaf == subleaf)
			return &table->leaves[i];
	return NULL;
}

/* Return: the leaf, made when it was not there; NULL when the table is full. */
static struct cpu_leaf *leaf_ensure(struct cpu_table *table, uint32_t leaf, uint32_t subleaf)
{
	struct cpu_leaf *found = leaf_find(table, leaf, subleaf);

	if (found)
		return found;
	if (table->leaf_count == CPU_MAX_LEAVES)
		return NULL;
	table->leaves[table->leaf_count] = (struct cpu_leaf){.leaf = leaf, .subleaf = subleaf};
	return &table->leaves[table->leaf_count++];
}

void cpu_table_add(struct cpu_table *table, const struct cpu_features *features)
{
	for (enum cpu_word_index word = 0; word < CPU_NUM_WORDS; word++) {
		const struct cpu_word_place *place = cpu_word_place(word);
		struct cpu_leaf *leaf =
		    features->words[word] ? leaf_ensure(table, place->leaf, place->subleaf) : NULL;

		if (leaf)
			*register_place(leaf, place->reg) |= features->words[word];
	}
}

void cpu_table_remove(struct cpu_table *table, const struct cpu_features *features)
{
	for (enum cpu_word_index word = 0; word < CPU_NUM_WORDS; word++) {
		const struct cpu_word_place *place = cpu_word_place(word);
		struct cpu_leaf *leaf = leaf_find(table, place->leaf, place->subleaf);

		if (leaf)
			*register_place(leaf, place->reg) &= ~features->words[word];
	}
}

void cpu_table_vendor(const struct cpu_table *table, char vendor[CPU_VENDOR_BYTES])
{
	const struct cpu_leaf *leaf = cpu_table_leaf(table, 0, 0);

	memset(vendor, 0, CPU_VENDOR_BYTES);
	if (!leaf)
		return;
	memcpy(vendor, &leaf->ebx, 4);
	memcpy(vendor + 4, &leaf->edx, 4);
	memcpy(vendor + 8, &leaf->ecx, 4);
}

void cpu_table_brand(const struct cpu_table *table, char brand[CPU_BRAND_BYTES])
{
	char text[CPU_BRAND_BYTES] = "";
	size_t length;

	for (unsigned int i = 0; i < 3; i++) {
		const struct cpu_leaf *leaf = cpu_table_leaf(table, 0x80000002 + i, 0);

		if (leaf)
			memcpy(text + 16 * i, &leaf->eax, 16);
	}
	length = strspn(text, " ");
	memset(brand, 0, CPU_BRAND_BYTES);
	memcpy(brand, text + length, strlen(text + length));
	for (length = strlen(brand); length && brand[length - 1] == ' '; length--)
		brand[length - 1] = 0;
}
