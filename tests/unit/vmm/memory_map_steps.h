/*
 * The address map of these tests, and what they do with it again and again.
 */
#ifndef UNIT_MEMORY_MAP_STEPS_H
#define UNIT_MEMORY_MAP_STEPS_H

#include "vm_map.h"

#define P   UINT64_C(4096)
#define MIN UINT64_C(0x10000)
#define MAX UINT64_C(0x2000000000)
#define R   UINT64_C(0x100000)

extern struct vm_map map;

/* Maps pages with the default attributes. */
kern_return_t add(uint64_t start, uint64_t pages);
/* Unmaps pages, which are mapped or not. */
void take(uint64_t start, uint64_t pages);
/* Return: as vm_map_protect_check. */
kern_return_t protect(uint64_t address, uint64_t bytes, vm_prot_t protection, bool set_max);

#endif
