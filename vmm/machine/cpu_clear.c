/*
 * Reads the list twice: checked first, then carried out.
 */
#include "cpu_clear.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

struct clearing {
	uint32_t leaf, subleaf, reg, bits;
};

/* One number and the character behind it. Return: behind that, or NULL. */
static const char *number_read(const char *text, char end, uint32_t *ret_number)
{
	char *rest;
	errno = 0;
	unsigned long number = strtoul(text, &rest, 16);
	if (rest == text || *rest != end || errno || number > UINT32_MAX || *text == '-')
		return NULL;
	*ret_number = (uint32_t)number;
	return rest + (end != 0);
}

/* The next item. Return: behind it, or NULL when it is wrong. */
static const char *item_read(const char *text, struct clearing *item)
{
	const char *at = number_read(text, '.', &item->leaf);
	at = at ? number_read(at, '.', &item->subleaf) : NULL;
	at = at ? number_read(at, '=', &item->reg) : NULL;
	if (!at || item->reg > 3)
		return NULL;
	const char *more = number_read(at, ',', &item->bits);
	return more ? more : number_read(at, 0, &item->bits);
}

static void item_apply(const struct clearing *item, struct kvm_cpuid_entry2 *entries,
		       uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct kvm_cpuid_entry2 *entry = &entries[i];
		uint32_t *const registers[] = {&entry->eax, &entry->ebx, &entry->ecx, &entry->edx};
		if (entry->function == item->leaf && entry->index == item->subleaf)
			*registers[item->reg] &= ~item->bits;
	}
}

int cpu_clear_apply(const char *list, struct kvm_cpuid_entry2 *entries, uint32_t count)
{
	struct clearing item;
	for (const char *at = list; *at;) {
		at = item_read(at, &item);
		if (!at)
			return -EINVAL;
	}
	for (const char *at = list; *at;) {
		at = item_read(at, &item);
		item_apply(&item, entries, count);
	}
	return 0;
}
