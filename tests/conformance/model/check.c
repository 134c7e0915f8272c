/*
 * Comparing, page by page. Regions are never counted: how pages are grouped is the system's choice.
 */
#include "check.h"
#include "calls.h"
#include "real.h"

#include <norma.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Below what one message carries, so that a run of pages is read at one moment. */
enum { RUN_PAGES = 14 };

__attribute__((format(printf, 2, 3))) static bool differs(struct difference *difference,
							  const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(difference->text, sizeof(difference->text), format, arguments);
	va_end(arguments);
	return false;
}

bool check_outcome(const struct outcome *expected, const struct outcome *real,
		   struct difference *difference)
{
	if (expected->code != real->code)
		return differs(difference, "returned %s, not %s (%s)",
			       mach_error_string(real->code), mach_error_string(expected->code),
			       norma_last_error());
	if (expected->address != real->address || expected->size != real->size)
		return differs(difference, "gave 0x%lx, size 0x%lx, not 0x%lx, size 0x%lx",
			       (unsigned long)real->address, (unsigned long)real->size,
			       (unsigned long)expected->address, (unsigned long)expected->size);
	if (expected->protection != real->protection ||
	    expected->max_protection != real->max_protection)
		return differs(difference, "gave protection %d, max %d, not %d, max %d",
			       real->protection, real->max_protection, expected->protection,
			       expected->max_protection);
	if (expected->bytes && memcmp(expected->bytes, real->bytes, expected->size) != 0)
		return differs(difference, "read other bytes than were there");
	return true;
}

static bool check_page(int slot, uint64_t address, const struct page *page,
		       const struct vm_region_basic_info *info, struct difference *difference)
{
	unsigned long at = (unsigned long)address;

	if (!page)
		return differs(difference, "T%d has a page at 0x%lx that it should not have", slot,
			       at);
	if (info->protection != page->protection || info->max_protection != page->max_protection)
		return differs(difference, "T%d 0x%lx: protection %d, max %d, not %d, max %d", slot,
			       at, info->protection, info->max_protection, page->protection,
			       page->max_protection);
	if (info->inheritance != page->inheritance || info->behavior != page->behavior)
		return differs(difference, "T%d 0x%lx: inheritance %u, behavior %d, not %u and %d",
			       slot, at, info->inheritance, info->behavior, page->inheritance,
			       page->behavior);
	if (calls_tell_shared() && (info->shared != FALSE) != page->is_shared)
		return differs(difference, "T%d 0x%lx: shared %d, not %d", slot, at, info->shared,
			       page->is_shared);
	if (info->user_wired_count != 0 || info->reserved)
		return differs(difference, "T%d 0x%lx: wired %d, reserved %d", slot, at,
			       info->user_wired_count, info->reserved);
	return true;
}

/* The pages of [address, end) are holes. */
static bool check_hole(struct model *model, int slot, uint64_t address, uint64_t end,
		       struct difference *difference)
{
	for (; address < end && address < MODEL_START + MODEL_PAGES * PAGE; address += PAGE)
		if (model_page(&model->tasks[slot], address))
			return differs(difference, "T%d has no page at 0x%lx", slot,
				       (unsigned long)address);
	return true;
}

bool check_map(struct model *model, int slot, struct difference *difference)
{
	struct model_task *task = &model->tasks[slot];
	uint64_t at = MODEL_START;

	for (;;) {
		struct vm_region_basic_info info;
		mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT;
		vm_address_t start = at;
		vm_size_t size = 0;
		kern_return_t code;

		code = vm_region(real_task(slot), &start, &size, VM_REGION_BASIC_INFO,
				 (vm_region_info_t)&info, &count, NULL);
		if (code == KERN_INVALID_ADDRESS)
			return check_hole(model, slot, at, UINT64_MAX, difference);
		if (code != KERN_SUCCESS)
			return differs(difference, "vm_region(T%d, 0x%lx): %s (%s)", slot,
				       (unsigned long)at, mach_error_string(code),
				       norma_last_error());
		if (start < at || size == 0 || start % PAGE || size % PAGE)
			return differs(difference, "T%d: a region at 0x%lx, size 0x%lx", slot,
				       start, size);
		if (!check_hole(model, slot, at, start, difference))
			return false;
		for (at = start; at < start + size; at += PAGE)
			if (!check_page(slot, at, model_page(task, at), &info, difference))
				return false;
	}
}

static const struct page *readable(struct model_task *task, uint64_t address)
{
	const struct page *page = model_page(task, address);

	return page && (page->protection & VM_PROT_READ) ? page : NULL;
}

static bool check_run(struct model_task *task, int slot, uint64_t address, unsigned int pages,
		      struct difference *difference)
{
	static uint8_t bytes[RUN_PAGES * PAGE];
	kern_return_t code = call_read(real_task(slot), address, pages * PAGE, bytes);

	if (code != KERN_SUCCESS)
		return differs(difference, "reading T%d, 0x%lx, 0x%x bytes: %s (%s)", slot,
			       (unsigned long)address, pages * PAGE, mach_error_string(code),
			       norma_last_error());
	for (unsigned int i = 0; i < pages; i++) {
		const uint8_t *right = model_page(task, address + i * PAGE)->cell->bytes;
		unsigned int at = 0;

		if (memcmp(bytes + i * PAGE, right, PAGE) == 0)
			continue;
		while (bytes[i * PAGE + at] == right[at])
			at++;
		return differs(difference, "T%d 0x%lx: byte 0x%02x, not 0x%02x", slot,
			       (unsigned long)(address + i * PAGE + at), bytes[i * PAGE + at],
			       right[at]);
	}
	return true;
}

bool check_bytes(struct model *model, int slot, uint64_t address, uint64_t size,
		 struct difference *difference)
{
	struct model_task *task = &model->tasks[slot];
	const uint64_t last = MODEL_START + MODEL_PAGES * PAGE;
	uint64_t end = size > last || address > last - size ? last : address + size;
	uint64_t at = address < MODEL_START ? MODEL_START : page_down(address);

	while (at < end) {
		unsigned int pages = 0;

		while (pages < RUN_PAGES && at + pages * PAGE < end &&
		       readable(task, at + pages * PAGE))
			pages++;
		if (pages && !check_run(task, slot, at, pages, difference))
			return false;
		at += (pages ? pages : 1) * PAGE;
	}
	return true;
}

bool check_task(struct model *model, int slot, struct difference *difference)
{
	return check_map(model, slot, difference) &&
	       check_bytes(model, slot, MODEL_START, MODEL_PAGES * PAGE, difference);
}

bool check_all(struct model *model, struct difference *difference)
{
	for (int slot = 0; slot < SLOTS; slot++)
		if (model->tasks[slot].is_alive && !check_task(model, slot, difference))
			return false;
	return true;
}
