/*
 * Which calls a sequence makes, how often, and with which arguments. The window is small, so that
 * calls collide; a few arguments in a hundred are wrong in every way that Mach names.
 */
#include "generate.h"

#include <limits.h>

static const unsigned int weights[OPERATION_KINDS] = {
    [MAKE_FIRST] = 1,	   [VM_ALLOCATE] = 12,	    [VM_DEALLOCATE] = 6,
    [VM_PROTECT] = 7,	   [VM_INHERIT] = 12,	    [VM_REGION] = 2,
    [VM_READ] = 7,	   [VM_WRITE] = 28,	    [VM_COPY] = 6,
    [VM_MAP] = 4,	   [VM_REMAP] = 6,	    [VM_BEHAVIOR_SET] = 2,
    [TASK_CREATE] = 4,	   [NORMA_TASK_CREATE] = 4, [NORMA_TASK_CLONE] = 4,
    [TASK_TERMINATE] = 12, [TASK_KILL] = 2,
};

static uint64_t next(struct generator *generator)
{
	uint64_t z = generator->state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static unsigned int below(struct generator *generator, unsigned int limit)
{
	return (unsigned int)(next(generator) % limit);
}

static bool chance(struct generator *generator, unsigned int percent)
{
	return below(generator, 100) < percent;
}

/* A slot in this state, SLOT_NULL when there is none. */
static int slot_that_is(struct generator *generator, const struct model *model, bool is_alive)
{
	int start = (int)below(generator, SLOTS);

	for (int i = 0; i < SLOTS; i++)
		if (model->tasks[(start + i) % SLOTS].is_alive == is_alive)
			return (start + i) % SLOTS;
	return SLOT_NULL;
}

static int count_alive(const struct model *model)
{
	int count = 0;

	for (int slot = 0; slot < SLOTS; slot++)
		count += model->tasks[slot].is_alive;
	return count;
}

static uint64_t some_address(struct generator *generator)
{
	return MODEL_START + (uint64_t)below(generator, WINDOW_PAGES) * PAGE;
}

/* Mostly a few pages, one in three not aligned. */
static void set_range(struct generator *generator, struct operation *operation)
{
	unsigned int pages = 1 + below(generator, chance(generator, 20) ? 20 : 5);

	operation->address = some_address(generator);
	operation->size = pages * PAGE;
	if (chance(generator, 67))
		return;
	operation->address += below(generator, PAGE);
	operation->size = 1 + below(generator, pages * PAGE);
}

/* Ends that wrap, the edges of the address space and beyond, nothing at all. */
static void set_bad_range(struct generator *generator, struct operation *operation)
{
	switch (below(generator, 6)) {
	case 0:
		operation->size = 0;
		break;
	case 1:
		operation->address = UINT64_MAX - below(generator, 3 * PAGE);
		break;
	case 2:
		operation->address = MODEL_START - 1 - below(generator, PAGE);
		break;
	case 3:
		operation->address = MODEL_END - below(generator, 3) * PAGE;
		break;
	case 4:
		operation->address = MODEL_END + PAGE;
		break;
	default:
		/* vm_read and vm_write take the caller's memory along: no more than it has. */
		if (operation->kind != VM_READ && operation->kind != VM_WRITE)
			operation->size = UINT64_MAX - below(generator, 2 * PAGE);
		break;
	}
}

static uint32_t some_protection(struct generator *generator)
{
	static const uint32_t often[] = {3, 3, 3, 3, 1, 7, 0, 5};

	if (chance(generator, 2))
		return 8u << below(generator, 3);
	return chance(generator, 70) ? often[below(generator, 8)] : below(generator, 8);
}

static uint32_t some_inheritance(struct generator *generator)
{
	static const uint32_t bad[] = {3, 4, UINT32_MAX, 77};

	return chance(generator, 3) ? bad[below(generator, 4)] : below(generator, 3);
}

static void set_children(struct generator *generator, const struct model *model,
			 struct operation *operation)
{
	static const int bad[] = {-1, INT_MAX, INT_MIN, 63};

	operation->node = (int)below(generator, (unsigned int)model->nodes);
	operation->other = slot_that_is(generator, model, false);
	operation->flag = !chance(generator, 4);
	if (operation->kind != MAKE_FIRST && operation->kind != TASK_CREATE && chance(generator, 2))
		operation->node = bad[below(generator, 4)];
}

/* Where new memory goes, and for vm_map and vm_remap with which attributes. */
static void set_place(struct generator *generator, const struct model *model,
		      struct operation *operation)
{
	static const uint64_t masks[] = {0, 0, 0, PAGE - 1, 4 * PAGE - 1, 2 * PAGE - 1};

	operation->flag = chance(generator, 30);
	if (operation->kind == VM_ALLOCATE)
		return;
	operation->mask = masks[below(generator, 6)];
	operation->inheritance = some_inheritance(generator);
	operation->max_protection = chance(generator, 60) ? 7 : some_protection(generator);
	operation->value = some_protection(generator);
	/* Mach does not say what becomes of a current protection that the maximum has not. */
	if (operation->value < 8 && operation->max_protection < 8)
		operation->value &= operation->max_protection;
	if (operation->kind != VM_REMAP)
		return;
	operation->other = chance(generator, 1) ? SLOT_ENDED : slot_that_is(generator, model, true);
	operation->from = some_address(generator);
	operation->copy = chance(generator, 50);
}

static void set_value(struct generator *generator, struct operation *operation)
{
	switch ((int)operation->kind) {
	case VM_PROTECT:
		operation->flag = chance(generator, 12);
		operation->value = some_protection(generator);
		break;
	case VM_INHERIT:
		operation->value = some_inheritance(generator);
		break;
	case VM_BEHAVIOR_SET:
		operation->value = chance(generator, 5) ? 4 : below(generator, 4);
		break;
	case VM_READ:
		operation->flag = chance(generator, 50);
		break;
	case VM_WRITE:
		operation->value = (uint32_t)next(generator);
		break;
	case VM_COPY:
		operation->from = some_address(generator) + below(generator, 3) * 1111;
		break;
	default:
		break;
	}
}

static enum operation_kind some_kind(struct generator *generator, const struct model *model)
{
	int alive = count_alive(model);
	unsigned int total = 0;
	int kind = 0;

	if (alive == 0)
		return MAKE_FIRST;
	for (int i = 0; i < OPERATION_KINDS; i++)
		total += weights[i];
	unsigned int at = below(generator, total);
	while (at >= weights[kind])
		at -= weights[kind++];
	if (generator->is_left_out[kind])
		return VM_WRITE;
	if (operation_makes_task((enum operation_kind)kind) && alive == SLOTS)
		return TASK_TERMINATE;
	/* Families grow until there are several to compare. */
	if ((kind == TASK_TERMINATE || kind == TASK_KILL) && alive < 4)
		return NORMA_TASK_CLONE;
	return (enum operation_kind)kind;
}

static enum check some_check(struct generator *generator)
{
	unsigned int at = below(generator, 1000);

	if (at < 4)
		return CHECK_ALL;
	if (at < 30)
		return CHECK_TASK;
	return at < 130 ? CHECK_EVERYWHERE : CHECK_TOUCHED;
}

struct operation generate(struct generator *generator, const struct model *model)
{
	struct operation operation = {.kind = some_kind(generator, model)};

	operation.check = some_check(generator);
	operation.task = slot_that_is(generator, model, true);
	if (operation_makes_task(operation.kind)) {
		set_children(generator, model, &operation);
	} else if (operation.kind != TASK_TERMINATE && operation.kind != TASK_KILL) {
		set_range(generator, &operation);
		set_value(generator, &operation);
		if (operation.kind == VM_ALLOCATE || operation.kind == VM_MAP ||
		    operation.kind == VM_REMAP)
			set_place(generator, model, &operation);
		if (chance(generator, 3))
			set_bad_range(generator, &operation);
	}
	/* One thing wrong at a time: Mach does not say which of two is noticed first. */
	if (operation.kind != TASK_KILL && chance(generator, 1) && operation.size < UINT32_MAX &&
	    operation.address < MODEL_END && operation.node >= 0 && operation.node < model->nodes)
		operation.task = chance(generator, 50) ? SLOT_NULL : SLOT_ENDED;
	return operation;
}
