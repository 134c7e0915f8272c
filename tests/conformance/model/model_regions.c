/*
 * The model's calls that make regions, take them away or find them.
 */
#include "model.h"

enum { MODEL_BYTES = MODEL_PAGES * PAGE };

static bool is_free(struct model_task *task, uint64_t start, uint64_t end)
{
	for (uint64_t at = start; at < end; at += PAGE)
		if (at >= MODEL_START + MODEL_BYTES)
			return true;
		else if (model_page(task, at))
			return false;
	return true;
}

/*
 * Where a new region of `size` bytes goes. Without `anywhere` it is where it was asked for; with it
 * the real system's choice is right when it is free, whole pages, and fits the mask.
 */
static kern_return_t place(struct model_task *task, const struct operation *operation,
			   const struct outcome *real, uint64_t size, uint64_t *start)
{
	uint64_t bytes = page_down(size + PAGE - 1);

	if (!operation->flag && (page_down(operation->address) & operation->mask))
		return KERN_NO_SPACE;
	if (size > UINT64_MAX - (PAGE - 1) || bytes > MODEL_END - MODEL_START)
		return operation->flag ? KERN_NO_SPACE : KERN_INVALID_ADDRESS;
	*start = page_down(operation->flag ? real->address : operation->address);
	if (*start < MODEL_START || *start > MODEL_END - bytes)
		return KERN_INVALID_ADDRESS;
	if (operation->flag && (*start != real->address || (*start & operation->mask)))
		return KERN_INVALID_ADDRESS;
	return is_free(task, *start, *start + bytes) ? KERN_SUCCESS : KERN_NO_SPACE;
}

bool model_keeps(uint64_t start, uint64_t size)
{
	return start + size <= MODEL_START + MODEL_BYTES;
}

static kern_return_t allocate(struct model_task *task, const struct operation *operation,
			      const struct outcome *real, struct outcome *expected)
{
	uint64_t start = 0;
	kern_return_t code;

	if (operation->size == 0)
		return KERN_SUCCESS;
	code = place(task, operation, real, operation->size, &start);
	if (code != KERN_SUCCESS)
		return code;
	expected->address = start;
	if (!model_keeps(start, operation->size))
		return KERN_SUCCESS;
	for (uint64_t at = start; at < start + operation->size; at += PAGE)
		page_set_new(model_page_there(task, at));
	return KERN_SUCCESS;
}

static kern_return_t deallocate(struct model_task *task, const struct operation *operation)
{
	uint64_t start, end;

	if (operation->size == 0 || !page_range(operation->address, operation->size, &start, &end))
		return KERN_SUCCESS;
	for (int i = 0; i < MODEL_PAGES; i++) {
		uint64_t at = MODEL_START + (uint64_t)i * PAGE;

		if (at >= start && at < end)
			page_clear(&task->pages[i]);
	}
	return KERN_SUCCESS;
}

/* The first page at or above address decides; how many pages a region has is left open. */
static kern_return_t region(struct model_task *task, const struct operation *operation,
			    const struct outcome *real, struct outcome *expected)
{
	uint64_t at =
	    operation->address < MODEL_START ? MODEL_START : page_down(operation->address);

	while (at < MODEL_START + MODEL_BYTES && !model_page(task, at))
		at += PAGE;
	if (at >= MODEL_START + MODEL_BYTES)
		return KERN_INVALID_ADDRESS;
	bool is_inside = at <= operation->address && real->address <= at;
	bool reaches = real->address + real->size > at;
	expected->address = is_inside ? real->address : at;
	expected->size = reaches ? real->size : PAGE;
	return KERN_SUCCESS;
}

/* The new region's place, with what vm_map and vm_remap refuse before they look for one. */
static kern_return_t map_refusal(const struct operation *operation)
{
	bool is_bad = operation->size == 0 || operation->inheritance > VM_INHERIT_NONE;

	if (operation->kind == VM_MAP)
		is_bad = is_bad || ((operation->value | operation->max_protection) & ~7u);
	return is_bad ? KERN_INVALID_ARGUMENT : KERN_SUCCESS;
}

static kern_return_t map(struct model_task *task, const struct operation *operation,
			 const struct outcome *real, struct outcome *expected)
{
	kern_return_t code = map_refusal(operation);

	if (code == KERN_SUCCESS)
		code = allocate(task, operation, real, expected);
	if (code != KERN_SUCCESS)
		return code;
	for (uint64_t at = 0; at < operation->size; at += PAGE) {
		struct page *page = model_page(task, expected->address + at);

		if (!page)
			continue;
		page->protection = (vm_prot_t)operation->value;
		page->max_protection = (vm_prot_t)operation->max_protection;
		page->inheritance = operation->inheritance;
	}
	return KERN_SUCCESS;
}

static void remap_page(struct page *to, struct page *from, const struct operation *operation)
{
	if (operation->copy)
		page_set_copy(to, from);
	else
		page_set_shared(to, from);
	to->inheritance = operation->inheritance;
}

static kern_return_t remap(struct model *model, const struct operation *operation,
			   const struct outcome *real, struct outcome *expected)
{
	struct model_task *source = &model->tasks[operation->other];
	struct model_task *target = &model->tasks[operation->task];
	kern_return_t code = map_refusal(operation);
	uint64_t start = 0;

	if (code == KERN_SUCCESS)
		code = model_access(source, operation->from, operation->size, 0);
	if (code != KERN_SUCCESS)
		return code;
	code = place(target, operation, real, operation->size, &start);
	if (code != KERN_SUCCESS)
		return code;
	expected->address = start;
	expected->protection = expected->max_protection = VM_PROT_ALL;
	for (uint64_t at = 0; at < operation->size; at += PAGE) {
		struct page *from = model_page(source, operation->from + at);

		expected->protection &= from->protection;
		expected->max_protection &= from->max_protection;
		if (model_keeps(start, operation->size))
			remap_page(model_page_there(target, start + at), from, operation);
		else if (!operation->copy)
			from->is_shared = true;
	}
	return KERN_SUCCESS;
}

kern_return_t model_region_call(struct model *model, const struct operation *operation,
				const struct outcome *real, struct outcome *expected)
{
	struct model_task *task = &model->tasks[operation->task];

	switch ((int)operation->kind) {
	case VM_ALLOCATE:
		return allocate(task, operation, real, expected);
	case VM_DEALLOCATE:
		return deallocate(task, operation);
	case VM_REGION:
		return region(task, operation, real, expected);
	case VM_MAP:
		return map(task, operation, real, expected);
	case VM_REMAP:
		return remap(model, operation, real, expected);
	default:
		return KERN_FAILURE;
	}
}
