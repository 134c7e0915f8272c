/*
 * Attributes of memory, looked at page by page: how many regions a range is made of is nobody's
 * business.
 */
#include "conformance.h"

#define MAX_RUNS 1024u

/* Neighbouring pages with equal attributes. */
struct run {
	vm_address_t start, end;
	struct vm_region_basic_info info;
};

struct layout {
	unsigned int count;
	struct run runs[MAX_RUNS];
};

/* Return: whether there is a region at or above *address; it is then told about. */
static bool next_region(task_t task, vm_address_t *address, vm_size_t *size,
			struct vm_region_basic_info *info)
{
	mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT;
	mach_port_t name = MACH_PORT_NULL;
	kern_return_t result = vm_region(task, address, size, VM_REGION_BASIC_INFO,
					 (vm_region_info_t)info, &count, &name);

	if (result == KERN_INVALID_ADDRESS)
		return false;
	check_code(result, KERN_SUCCESS, "vm_region");
	return true;
}

static bool page_find(task_t task, vm_address_t address, struct vm_region_basic_info *info)
{
	vm_address_t start = address;
	vm_size_t size = 0;

	return next_region(task, &start, &size, info) && start <= address;
}

bool page_exists(task_t task, vm_address_t address)
{
	struct vm_region_basic_info info;

	return page_find(task, address, &info);
}

struct vm_region_basic_info page_facts(task_t task, vm_address_t address)
{
	struct vm_region_basic_info info;

	if (!page_find(task, address, &info))
		wrong("vm_region has no page at 0x%lx", address);
	return info;
}

void page_is_absent(task_t task, vm_address_t address)
{
	vm_offset_t data;
	mach_msg_type_number_t count;

	if (page_exists(task, address))
		wrong("vm_region has a page at 0x%lx, expected none", address);
	IS(KERN_INVALID_ADDRESS, vm_read(task, address, 8, &data, &count));
}

void inheritance_is(task_t task, vm_address_t address, vm_size_t pages, vm_inherit_t value)
{
	for (vm_size_t page = 0; page < pages; page++) {
		vm_inherit_t seen = page_facts(task, address + page * P).inheritance;

		if (seen != value)
			wrong("the inheritance at 0x%lx was %u, expected %u", address + page * P,
			      seen, value);
	}
}

void inheritance_is_each(task_t task, vm_inherit_t first, vm_inherit_t second, vm_inherit_t third)
{
	inheritance_is(task, R, 1, first);
	inheritance_is(task, R + P, 1, second);
	inheritance_is(task, R + 2 * P, 1, third);
}

void protection_is(task_t task, vm_address_t address, vm_prot_t current, vm_prot_t maximum)
{
	struct vm_region_basic_info info = page_facts(task, address);

	if (info.protection != current || info.max_protection != maximum)
		wrong("the protections at 0x%lx were %d of %d, expected %d of %d", address,
		      info.protection, info.max_protection, current, maximum);
}

void inherit_set(task_t task, vm_address_t address, vm_size_t pages, vm_inherit_t value)
{
	OK(vm_inherit(task, address, pages * P, value));
}

void protect_set(task_t task, vm_address_t address, vm_size_t pages, vm_prot_t value)
{
	OK(vm_protect(task, address, pages * P, FALSE, value));
}

static bool continues(const struct run *run, vm_address_t start,
		      const struct vm_region_basic_info *info)
{
	return run->end == start && run->info.protection == info->protection &&
	       run->info.max_protection == info->max_protection &&
	       run->info.inheritance == info->inheritance && run->info.behavior == info->behavior;
}

static void layout_read(task_t task, struct layout *layout)
{
	struct vm_region_basic_info info;
	vm_address_t address = 0;
	vm_size_t size = 0;

	layout->count = 0;
	for (; next_region(task, &address, &size, &info); address += size) {
		struct run *last = layout->count ? &layout->runs[layout->count - 1] : NULL;

		if (last && address < last->end)
			wrong("vm_region went back from 0x%lx to 0x%lx", last->end, address);
		if (last && continues(last, address, &info)) {
			last->end += size;
			continue;
		}
		if (layout->count == MAX_RUNS)
			wrong("a task has more than %u kinds of pages", MAX_RUNS);
		layout->runs[layout->count++] = (struct run){address, address + size, info};
	}
}

void layouts_are_equal(task_t one, task_t other)
{
	static struct layout first, second;

	layout_read(one, &first);
	layout_read(other, &second);
	for (unsigned int i = 0; i < first.count && i < second.count; i++) {
		const struct run *a = &first.runs[i], *b = &second.runs[i];

		if (a->start != b->start || a->end != b->end)
			wrong("a run of equal pages was 0x%lx to 0x%lx, expected 0x%lx to 0x%lx",
			      b->start, b->end, a->start, a->end);
		if (!continues(&(struct run){.end = b->start, .info = a->info}, b->start, &b->info))
			wrong("the attributes from 0x%lx on differ", a->start);
	}
	EQUAL(first.count, second.count);
}
