/*
 * The sorted table of a VMM's mappings.
 */
#include "pager/service/tasks/mapping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Return: the index of the first entry that ends above address. */
static size_t index_from(const struct mapping_table *table, uint64_t address)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct mapping *entry = table->entries[middle];

		if (entry->address + entry->bytes > address)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

struct mapping *mapping_from(const struct mapping_table *table, uint64_t address)
{
	size_t index = index_from(table, address);

	return index < table->count ? table->entries[index] : NULL;
}

struct mapping *mapping_at(const struct mapping_table *table, uint64_t address)
{
	struct mapping *mapping = mapping_from(table, address);

	return mapping && mapping->address <= address ? mapping : NULL;
}

static int reserve(struct mapping_table *table)
{
	size_t capacity = table->capacity ? 2 * table->capacity : 16;
	struct mapping **entries;

	if (table->count >= MAPPINGS_MAX_PER_VMM)
		return -ENOSPC;
	if (table->count < table->capacity)
		return 0;
	entries = realloc(table->entries, capacity * sizeof(struct mapping *));
	if (!entries)
		return -ENOMEM;
	table->entries = entries;
	table->capacity = capacity;
	return 0;
}

static void insert(struct mapping_table *table, size_t index, struct mapping *take_mapping)
{
	memmove(table->entries + index + 1, table->entries + index,
		(table->count - index) * sizeof(struct mapping *));
	table->entries[index] = take_mapping;
	table->count++;
	LIST_INSERT_HEAD(&take_mapping->object->mappings, take_mapping, of_object);
}

int mapping_add(struct mapping_table *table, const struct mapping *mapping,
		struct mapping **ret_mapping)
{
	size_t index = index_from(table, mapping->address);
	struct mapping *copy;
	int r;

	if (index < table->count &&
	    table->entries[index]->address < mapping->address + mapping->bytes)
		return -EEXIST;
	r = reserve(table);
	if (r)
		return r;
	copy = malloc(sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	*copy = *mapping;
	insert(table, index, copy);
	*ret_mapping = copy;
	return 0;
}

static void drop(struct mapping_table *table, size_t index)
{
	struct mapping *mapping = table->entries[index];

	LIST_REMOVE(mapping, of_object);
	object_settle(mapping->object);
	free(mapping);
	table->count--;
	memmove(table->entries + index, table->entries + index + 1,
		(table->count - index) * sizeof(struct mapping *));
}

static void cut_front(struct mapping *mapping, uint64_t bytes)
{
	mapping->address += bytes;
	mapping->first_page += bytes / PAGE_BYTES;
	mapping->bytes -= bytes;
}

/* Makes [start, end), inside entry `index`, a hole between two entries. */
static int cut_middle(struct mapping_table *table, size_t index, uint64_t start, uint64_t end)
{
	struct mapping *left = table->entries[index], *right;
	int r = reserve(table);

	if (r)
		return r;
	right = malloc(sizeof(*right));
	if (!right)
		return -ENOMEM;
	*right = *left;
	cut_front(right, end - left->address);
	left->bytes = start - left->address;
	insert(table, index + 1, right);
	return 0;
}

int mapping_remove(struct mapping_table *table, uint64_t address, uint64_t bytes)
{
	uint64_t end = address + bytes;
	size_t index = index_from(table, address);

	while (index < table->count && table->entries[index]->address < end) {
		struct mapping *mapping = table->entries[index];
		uint64_t mapping_end = mapping->address + mapping->bytes;

		if (mapping->address < address && mapping_end > end)
			return cut_middle(table, index, address, end);
		if (mapping->address >= address && mapping_end <= end) {
			drop(table, index);
			continue;
		}
		if (mapping->address < address)
			mapping->bytes = address - mapping->address;
		else
			cut_front(mapping, end - mapping->address);
		index++;
	}
	return 0;
}

void mapping_table_done(struct mapping_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		LIST_REMOVE(table->entries[i], of_object);
		object_settle(table->entries[i]->object);
		free(table->entries[i]);
	}
	free(table->entries);
	*table = (struct mapping_table){0};
}
