/*
 * The calls, with the mistake that the build chose:
 *   MISTAKE 1  memory that a child inherits by copy is shared with it
 *   MISTAKE 2  memory that a child inherits shared is copied
 *   MISTAKE 3  vm_inherit reaches one page too far
 *   MISTAKE 4  a page that another task wrote is once more read as it was
 */
#include "calls.h"
#include "model.h"

#include <string.h>

#define COPY_SHARES  1
#define SHARE_COPIES 2
#define INHERITS_FAR 3
#define STALE_PAGE   4

struct span {
	vm_address_t address;
	vm_size_t size;
};

/* Lists the regions of a task that have this inheritance. */
static int spans_find(task_t task, vm_inherit_t inheritance, struct span spans[MODEL_PAGES])
{
	struct vm_region_basic_info info;
	vm_address_t address = 0;
	vm_size_t size;
	int count = 0;

	for (;; address += size) {
		mach_msg_type_number_t room = VM_REGION_BASIC_INFO_COUNT;

		if (vm_region(task, &address, &size, VM_REGION_BASIC_INFO, (vm_region_info_t)&info,
			      &room, NULL) != KERN_SUCCESS)
			return count;
		if (info.inheritance == inheritance && count < MODEL_PAGES)
			spans[count++] = (struct span){address, size};
	}
}

static void spans_inherit(task_t task, const struct span *spans, int count,
			  vm_inherit_t inheritance)
{
	for (int i = 0; i < count; i++)
		vm_inherit(task, spans[i].address, spans[i].size, inheritance);
}

/* Makes the child while the parent says `wrong` where it should say `right`. */
static kern_return_t make_child_wrongly(const struct operation *operation, task_t parent,
					task_t *ret_child, vm_inherit_t right, vm_inherit_t wrong)
{
	struct span spans[MODEL_PAGES];
	int count = spans_find(parent, right, spans);
	kern_return_t code;

	spans_inherit(parent, spans, count, wrong);
	code = make_child_rightly(operation, parent, ret_child);
	spans_inherit(parent, spans, count, right);
	if (code == KERN_SUCCESS)
		spans_inherit(*ret_child, spans, count, right);
	return code;
}

kern_return_t call_make_child(const struct operation *operation, task_t parent, task_t *ret_child)
{
	bool is_inheriting = operation->kind != NORMA_TASK_CLONE && operation->flag;

	if (MISTAKE == COPY_SHARES && is_inheriting)
		return make_child_wrongly(operation, parent, ret_child, VM_INHERIT_COPY,
					  VM_INHERIT_SHARE);
	if (MISTAKE == SHARE_COPIES && is_inheriting)
		return make_child_wrongly(operation, parent, ret_child, VM_INHERIT_SHARE,
					  VM_INHERIT_COPY);
	return make_child_rightly(operation, parent, ret_child);
}

kern_return_t call_inherit(task_t task, uint64_t address, uint64_t size, vm_inherit_t inheritance)
{
	kern_return_t code = vm_inherit(task, address, size, inheritance);

	if (MISTAKE == INHERITS_FAR && code == KERN_SUCCESS && size != 0)
		vm_inherit(task, address, size + PAGE, inheritance);
	return code;
}

/* What was last read of each page, by which task, and whether another task wrote there since. */
struct remembered {
	task_t task;
	bool is_overtaken;
	uint8_t bytes[PAGE];
};

static struct remembered memory[SLOTS][MODEL_PAGES];

static struct remembered *remembered_at(task_t task, uint64_t address, bool is_new)
{
	uint64_t page = (address - MODEL_START) / PAGE;
	static unsigned int next;

	if (MISTAKE != STALE_PAGE || address < MODEL_START || page >= MODEL_PAGES)
		return NULL;
	for (int i = 0; i < SLOTS; i++)
		if (memory[i][page].task == task)
			return &memory[i][page];
	return is_new ? &memory[next++ % SLOTS][page] : NULL;
}

static void overtake(task_t task, uint64_t page)
{
	for (int i = 0; i < SLOTS; i++)
		if (memory[i][page].task != task)
			memory[i][page].is_overtaken = true;
}

kern_return_t call_write(task_t task, uint64_t address, const uint8_t *bytes, uint64_t size)
{
	kern_return_t code =
	    vm_write(task, address, (vm_offset_t)bytes, (mach_msg_type_number_t)size);

	if (MISTAKE != STALE_PAGE || code != KERN_SUCCESS)
		return code;
	for (uint64_t at = address; at < address + size; at += PAGE)
		if (at >= MODEL_START && at < MODEL_START + MODEL_PAGES * PAGE)
			overtake(task, (at - MODEL_START) / PAGE);
	return code;
}

kern_return_t call_read(task_t task, uint64_t address, uint64_t size, uint8_t *bytes)
{
	kern_return_t code = read_rightly(task, address, size, bytes);

	if (code != KERN_SUCCESS || address % PAGE != 0)
		return code;
	for (uint64_t at = 0; at + PAGE <= size; at += PAGE) {
		struct remembered *page = remembered_at(task, address + at, true);

		if (page && page->task == task && page->is_overtaken)
			memcpy(bytes + at, page->bytes, PAGE);
		else if (page)
			memcpy(page->bytes, bytes + at, PAGE);
		if (page)
			page->task = task;
		if (page)
			page->is_overtaken = false;
	}
	return code;
}

bool calls_tell_shared(void)
{
	return MISTAKE != COPY_SHARES && MISTAKE != SHARE_COPIES;
}
