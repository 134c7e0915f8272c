/*
 * How a call of a sequence is written down for people, and the bytes it writes.
 */
#include "operation.h"

#include <stdio.h>
#include <string.h>

const char *const operation_names[OPERATION_KINDS] = {
    [MAKE_FIRST] = "make_first",
    [VM_ALLOCATE] = "vm_allocate",
    [VM_DEALLOCATE] = "vm_deallocate",
    [VM_PROTECT] = "vm_protect",
    [VM_INHERIT] = "vm_inherit",
    [VM_REGION] = "vm_region",
    [VM_READ] = "vm_read",
    [VM_WRITE] = "vm_write",
    [VM_COPY] = "vm_copy",
    [VM_MAP] = "vm_map",
    [VM_REMAP] = "vm_remap",
    [VM_BEHAVIOR_SET] = "vm_behavior_set",
    [TASK_CREATE] = "task_create",
    [NORMA_TASK_CREATE] = "norma_task_create",
    [NORMA_TASK_CLONE] = "norma_task_clone",
    [TASK_TERMINATE] = "task_terminate",
    [TASK_KILL] = "task_kill",
};

void operation_bytes(uint32_t value, uint8_t *bytes, uint64_t size)
{
	uint64_t state = value;

	for (uint64_t at = 0; at < size; at += sizeof(state)) {
		uint64_t left = size - at;

		state = (state + 0x9e3779b97f4a7c15u) * 0xbf58476d1ce4e5b9u;
		state ^= state >> 29;
		memcpy(bytes + at, &state, left < sizeof(state) ? left : sizeof(state));
	}
}

bool operation_makes_task(enum operation_kind kind)
{
	return kind == MAKE_FIRST || kind == TASK_CREATE || kind == NORMA_TASK_CREATE ||
	       kind == NORMA_TASK_CLONE;
}

static const char *slot_text(int slot)
{
	static char text[4][16];
	static unsigned int next;
	char *to = text[next++ % 4];

	if (slot == SLOT_NULL)
		return "MACH_PORT_NULL";
	if (slot == SLOT_ENDED)
		return "ended_task";
	snprintf(to, sizeof(text[0]), "T%d", slot);
	return to;
}

static const char *truth(bool is_true)
{
	return is_true ? "TRUE" : "FALSE";
}

static void print_range(const struct operation *operation)
{
	printf("%s, 0x%lx, 0x%lx", slot_text(operation->task), (unsigned long)operation->address,
	       (unsigned long)operation->size);
}

static void print_child(const struct operation *operation)
{
	printf("%s = %s(%s, %s", slot_text(operation->other), operation_names[operation->kind],
	       slot_text(operation->task), truth(operation->flag));
	if (operation->kind != TASK_CREATE)
		printf(", node %d", operation->node);
	printf(")\n");
}

static void print_remap(const struct operation *operation)
{
	printf("vm_remap(");
	print_range(operation);
	printf(", mask 0x%lx, anywhere %s, from %s, 0x%lx, copy %s, inheritance %u)\n",
	       (unsigned long)operation->mask, truth(operation->flag), slot_text(operation->other),
	       (unsigned long)operation->from, truth(operation->copy), operation->inheritance);
}

static void print_map(const struct operation *operation)
{
	printf("vm_map(");
	print_range(operation);
	printf(", mask 0x%lx, anywhere %s, protection %u, max %u, inheritance %u)\n",
	       (unsigned long)operation->mask, truth(operation->flag), operation->value,
	       operation->max_protection, operation->inheritance);
}

static void print_memory_call(const struct operation *operation)
{
	bool has_value = operation->kind == VM_INHERIT || operation->kind == VM_BEHAVIOR_SET;

	printf("%s%s(", operation_names[operation->kind],
	       operation->kind == VM_READ && operation->flag ? "_overwrite" : "");
	print_range(operation);
	if (operation->kind == VM_ALLOCATE)
		printf(", anywhere %s", truth(operation->flag));
	if (operation->kind == VM_PROTECT)
		printf(", set_maximum %s, %u", truth(operation->flag), operation->value);
	if (operation->kind == VM_WRITE)
		printf(", bytes of 0x%x", operation->value);
	if (has_value)
		printf(", %u", operation->value);
	printf(")\n");
}

void operation_print(const struct operation *operation)
{
	switch ((int)operation->kind) {
	case MAKE_FIRST:
		printf("%s = an empty task on node %d\n", slot_text(operation->other),
		       operation->node);
		break;
	case TASK_CREATE:
	case NORMA_TASK_CREATE:
	case NORMA_TASK_CLONE:
		print_child(operation);
		break;
	case TASK_TERMINATE:
		printf("task_terminate(%s)\n", slot_text(operation->task));
		break;
	case TASK_KILL:
		printf("kill the process that is %s\n", slot_text(operation->task));
		break;
	case VM_COPY:
		printf("vm_copy(%s, 0x%lx, 0x%lx, to 0x%lx)\n", slot_text(operation->task),
		       (unsigned long)operation->from, (unsigned long)operation->size,
		       (unsigned long)operation->address);
		break;
	case VM_MAP:
		print_map(operation);
		break;
	case VM_REMAP:
		print_remap(operation);
		break;
	default:
		print_memory_call(operation);
		break;
	}
}
