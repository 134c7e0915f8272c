/*
 * Running a sequence: the call on the real system, the same in the model, and the comparison.
 */
#include "sequence.h"
#include "real.h"

/* A part of a sequence has calls on tasks that the part does not make. */
static bool is_possible(const struct model *model, const struct operation *operation)
{
	if (operation->kind != MAKE_FIRST && operation->task >= 0 &&
	    !model->tasks[operation->task].is_alive)
		return false;
	if (operation_makes_task(operation->kind))
		return operation->other >= 0 && !model->tasks[operation->other].is_alive;
	return operation->kind != VM_REMAP || operation->other < 0 ||
	       model->tasks[operation->other].is_alive;
}

/* A region outside the model's pages was right to be made, but is of no more use. */
static void give_back(const struct operation *operation, const struct outcome *real)
{
	bool is_region = operation->kind == VM_ALLOCATE || operation->kind == VM_MAP ||
			 operation->kind == VM_REMAP;

	if (is_region && real->code == KERN_SUCCESS && operation->size != 0 &&
	    !model_keeps(real->address, operation->size))
		vm_deallocate(real_task(operation->task), real->address, operation->size);
}

static bool check_everywhere(struct model *model, uint64_t address, uint64_t size,
			     struct difference *difference)
{
	for (int slot = 0; slot < SLOTS; slot++)
		if (model->tasks[slot].is_alive &&
		    !check_bytes(model, slot, address, size, difference))
			return false;
	return true;
}

static bool is_alive(const struct model *model, int slot)
{
	return slot >= 0 && model->tasks[slot].is_alive;
}

static bool check_touched(struct model *model, const struct operation *operation,
			  const struct outcome *real, struct difference *difference)
{
	bool has_other = operation_makes_task(operation->kind) || operation->kind == VM_REMAP;
	bool has_task = operation->kind != MAKE_FIRST && is_alive(model, operation->task);
	uint64_t address = real->address ? real->address : operation->address;

	/* Reading changes no map. */
	if (operation->kind == VM_READ || operation->kind == VM_REGION)
		return true;
	if (has_task && !check_map(model, operation->task, difference))
		return false;
	if (has_other && is_alive(model, operation->other) &&
	    !check_map(model, operation->other, difference))
		return false;
	if (has_task && !check_bytes(model, operation->task, address, operation->size, difference))
		return false;
	if (operation->check == CHECK_EVERYWHERE)
		return check_everywhere(model, address, operation->size, difference);
	return operation->check != CHECK_TASK || !has_task ||
	       check_task(model, operation->task, difference);
}

bool sequence_step(struct model *model, const struct operation *operation,
		   enum thoroughness thoroughness, struct difference *difference)
{
	struct outcome real, expected;
	int node = is_alive(model, operation->task) ? model->tasks[operation->task].node : 0;

	real_perform(operation, node, &real);
	kern_return_t code = model_perform(model, operation, &real, &expected);
	expected.code = code;
	if (!check_outcome(&expected, &real, difference))
		return false;
	give_back(operation, &real);
	if (!check_touched(model, operation, &real, difference))
		return false;
	if (operation->check == CHECK_ALL || thoroughness == EVERYTHING)
		return check_all(model, difference);
	return true;
}

bool sequence_differs(struct model *model, struct sequence *sequence,
		      enum thoroughness thoroughness, struct difference *difference)
{
	size_t made = 0;
	bool is_same = true;

	for (size_t i = 0; i < sequence->count && is_same; i++) {
		if (!is_possible(model, &sequence->operations[i]))
			continue;
		sequence->operations[made] = sequence->operations[i];
		is_same =
		    sequence_step(model, &sequence->operations[made++], thoroughness, difference);
	}
	sequence->count = made;
	is_same = is_same && check_all(model, difference);
	real_end_tasks();
	model_clear(model);
	return !is_same;
}

void sequence_print(const struct sequence *sequence, size_t count)
{
	size_t first = sequence->count > count ? sequence->count - count : 0;

	for (size_t i = first; i < sequence->count; i++)
		operation_print(&sequence->operations[i]);
}
