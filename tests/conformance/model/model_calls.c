/*
 * The model's calls on memory that is there: every return code, in the order in which Mach looks.
 */
#include "model.h"

#include <string.h>

static uint8_t scratch[MODEL_PAGES * PAGE];

uint64_t page_down(uint64_t address)
{
	return address / PAGE * PAGE;
}

bool page_range(uint64_t address, uint64_t size, uint64_t *start, uint64_t *end)
{
	if (size > UINT64_MAX - (PAGE - 1) || address > UINT64_MAX - (PAGE - 1) - size)
		return false;
	*start = page_down(address);
	*end = page_down(address + size + PAGE - 1);
	return true;
}

kern_return_t model_access(struct model_task *task, uint64_t address, uint64_t size, vm_prot_t want)
{
	uint64_t start, end;

	if (size == 0)
		return KERN_SUCCESS;
	if (!page_range(address, size, &start, &end))
		return KERN_INVALID_ADDRESS;
	for (uint64_t at = start; at < end; at += PAGE) {
		const struct page *page = model_page(task, at);

		if (!page)
			return KERN_INVALID_ADDRESS;
		if (want & ~page->protection)
			return KERN_PROTECTION_FAILURE;
	}
	return KERN_SUCCESS;
}

struct page *model_page_there(struct model_task *task, uint64_t start)
{
	return &task->pages[(start - MODEL_START) / PAGE];
}

static kern_return_t protect_refusal(struct model_task *task, const struct operation *operation,
				     uint64_t start, uint64_t end)
{
	if (operation->size == 0)
		return model_page(task, operation->address) ? KERN_SUCCESS : KERN_INVALID_ADDRESS;
	for (uint64_t at = start; at < end; at += PAGE) {
		const struct page *page = model_page(task, at);

		if (!page)
			return KERN_INVALID_ADDRESS;
		if (operation->value & ~(uint32_t)page->max_protection)
			return KERN_PROTECTION_FAILURE;
	}
	return KERN_SUCCESS;
}

static kern_return_t protect(struct model_task *task, const struct operation *operation)
{
	vm_prot_t protection = (vm_prot_t)operation->value;
	uint64_t start, end;
	kern_return_t code;

	if (operation->value & ~7u)
		return KERN_INVALID_ARGUMENT;
	if (!page_range(operation->address, operation->size, &start, &end))
		return KERN_INVALID_ADDRESS;
	code = protect_refusal(task, operation, start, end);
	if (code != KERN_SUCCESS || operation->size == 0)
		return code;
	for (uint64_t at = start; at < end; at += PAGE) {
		struct page *page = model_page_there(task, at);

		page->protection = operation->flag ? page->protection & protection : protection;
		if (operation->flag)
			page->max_protection = protection;
	}
	return KERN_SUCCESS;
}

/* vm_inherit and vm_behavior_set: all pages or none. */
static kern_return_t set_attribute(struct model_task *task, const struct operation *operation)
{
	bool is_inherit = operation->kind == VM_INHERIT;
	uint64_t start = 0, end = 0;
	kern_return_t code;

	if (operation->value > (is_inherit ? VM_INHERIT_NONE : (uint32_t)VM_BEHAVIOR_RSEQNTL))
		return KERN_INVALID_ARGUMENT;
	/* Like vm_protect, vm_behavior_set looks the address up even when there is nothing to set.
	 */
	if (operation->size == 0 && !is_inherit)
		return model_page(task, operation->address) ? KERN_SUCCESS : KERN_INVALID_ADDRESS;
	code = model_access(task, operation->address, operation->size, 0);
	if (code != KERN_SUCCESS || operation->size == 0)
		return code;
	page_range(operation->address, operation->size, &start, &end);
	for (uint64_t at = start; at < end; at += PAGE)
		if (is_inherit)
			model_page_there(task, at)->inheritance = operation->value;
		else
			model_page_there(task, at)->behavior = (vm_behavior_t)operation->value;
	return KERN_SUCCESS;
}

static void bytes_out(struct model_task *task, uint64_t address, uint8_t *to, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++)
		to[i] = model_page_there(task, address + i)->cell->bytes[(address + i) % PAGE];
}

static void bytes_in(struct model_task *task, uint64_t address, const uint8_t *from, uint64_t size)
{
	for (uint64_t i = 0; i < size; i++)
		model_page_there(task, address + i)->cell->bytes[(address + i) % PAGE] = from[i];
}

static kern_return_t read_bytes(struct model_task *task, const struct operation *operation,
				struct outcome *expected)
{
	kern_return_t code = model_access(task, operation->address, operation->size, VM_PROT_READ);

	if (code != KERN_SUCCESS)
		return code;
	bytes_out(task, operation->address, scratch, operation->size);
	expected->bytes = scratch;
	expected->size = operation->size;
	return KERN_SUCCESS;
}

static kern_return_t write_bytes(struct model_task *task, const struct operation *operation)
{
	kern_return_t code = model_access(task, operation->address, operation->size, VM_PROT_WRITE);

	if (code != KERN_SUCCESS)
		return code;
	operation_bytes(operation->value, scratch, operation->size);
	bytes_in(task, operation->address, scratch, operation->size);
	return KERN_SUCCESS;
}

static kern_return_t copy(struct model_task *task, const struct operation *operation)
{
	kern_return_t code = model_access(task, operation->from, operation->size, VM_PROT_READ);

	if (code == KERN_SUCCESS)
		code = model_access(task, operation->address, operation->size, VM_PROT_WRITE);
	if (code != KERN_SUCCESS)
		return code;
	bytes_out(task, operation->from, scratch, operation->size);
	bytes_in(task, operation->address, scratch, operation->size);
	return KERN_SUCCESS;
}

kern_return_t model_memory_call(struct model *model, const struct operation *operation,
				const struct outcome *real, struct outcome *expected)
{
	struct model_task *task = &model->tasks[operation->task];

	switch ((int)operation->kind) {
	case VM_PROTECT:
		return protect(task, operation);
	case VM_INHERIT:
	case VM_BEHAVIOR_SET:
		return set_attribute(task, operation);
	case VM_READ:
		return read_bytes(task, operation, expected);
	case VM_WRITE:
		return write_bytes(task, operation);
	case VM_COPY:
		return copy(task, operation);
	default:
		return model_region_call(model, operation, real, expected);
	}
}
