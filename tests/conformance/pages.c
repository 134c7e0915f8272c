/*
 * Contents of memory: written and read through the calls, whole pages at a time.
 */
#include <inttypes.h>
#include <string.h>

#include "conformance.h"

#define WORDS	   (P / sizeof(uint64_t))
#define MAX_PAGES  16u
#define SOME_WORDS 0x5000u /* is_shared, is_private: values that no fill makes */

/* Page number, tag and place in the page. */
static uint64_t pattern(vm_address_t address, uint32_t tag, size_t word)
{
	return (uint64_t)tag << 48 | (address / P) << 16 | word;
}

void region_make(task_t task, vm_address_t address, vm_size_t pages)
{
	vm_address_t place = address;

	OK(vm_allocate(task, &place, pages * P, FALSE));
	EQUAL(address, place);
}

static void fill_some(task_t task, vm_address_t address, vm_size_t pages, uint32_t tag)
{
	uint64_t words[MAX_PAGES * WORDS];

	for (vm_size_t page = 0; page < pages; page++)
		for (size_t i = 0; i < WORDS; i++)
			words[page * WORDS + i] = pattern(address + page * P, tag, i);
	OK(vm_write(task, address, (vm_offset_t)words, (mach_msg_type_number_t)(pages * P)));
}

void pages_fill(task_t task, vm_address_t address, vm_size_t pages, uint32_t tag)
{
	for (vm_size_t done = 0; done < pages; done += MAX_PAGES)
		fill_some(task, address + done * P,
			  pages - done < MAX_PAGES ? pages - done : MAX_PAGES, tag);
}

/* Copies out of the task, at most MAX_PAGES pages, and frees what the call handed out. */
static void read_some(task_t task, vm_address_t address, vm_size_t size, void *to)
{
	vm_offset_t data = 0;
	mach_msg_type_number_t count = 0;

	OK(vm_read(task, address, size, &data, &count));
	EQUAL(size, count);
	memcpy(to, (const void *)data, size);
	OK(vm_deallocate(mach_task_self(), data, count));
}

static void compare_page(const uint64_t *words, vm_address_t address, uint32_t tag,
			 vm_address_t filled_at)
{
	for (size_t i = 0; i < WORDS; i++) {
		uint64_t expected = tag ? pattern(filled_at, tag, i) : 0;

		if (words[i] != expected)
			wrong("the word at 0x%lx was 0x%" PRIx64 ", expected 0x%" PRIx64,
			      address + i * sizeof(*words), words[i], expected);
	}
}

void pages_are_as(task_t task, vm_address_t address, vm_size_t pages, uint32_t tag,
		  vm_address_t filled_at)
{
	uint64_t words[MAX_PAGES * WORDS];

	for (vm_size_t done = 0; done < pages; done++) {
		vm_size_t in_words = done % MAX_PAGES, left = pages - done;

		if (!in_words)
			read_some(task, address + done * P,
				  (left < MAX_PAGES ? left : MAX_PAGES) * P, words);
		compare_page(words + in_words * WORDS, address + done * P, tag,
			     filled_at + done * P);
	}
}

void pages_are(task_t task, vm_address_t address, vm_size_t pages, uint32_t tag)
{
	pages_are_as(task, address, pages, tag, address);
}

void pages_are_zero(task_t task, vm_address_t address, vm_size_t pages)
{
	pages_are_as(task, address, pages, 0, address);
}

void word_set(task_t task, vm_address_t address, uint64_t value)
{
	OK(vm_write(task, address, (vm_offset_t)&value, sizeof(value)));
}

uint64_t word_get(task_t task, vm_address_t address)
{
	uint64_t value;

	read_some(task, address, sizeof(value), &value);
	return value;
}

void word_is(task_t task, vm_address_t address, uint64_t value)
{
	uint64_t seen = word_get(task, address);

	if (seen != value)
		wrong("the word at 0x%lx was 0x%" PRIx64 ", expected 0x%" PRIx64, address, seen,
		      value);
}

static uint64_t some_word(void)
{
	static uint64_t count;

	return (uint64_t)SOME_WORDS << 48 | ++count;
}

void is_shared(task_t one, task_t other, vm_address_t address)
{
	for (int i = 0; i < 2; i++) {
		uint64_t value = some_word();

		word_set(i ? other : one, address, value);
		word_is(i ? one : other, address, value);
		word_is(i ? other : one, address, value);
	}
}

void is_private(task_t one, task_t other, vm_address_t address)
{
	for (int i = 0; i < 2; i++) {
		uint64_t value = some_word(), kept = word_get(i ? one : other, address);

		word_set(i ? other : one, address, value);
		word_is(i ? one : other, address, kept);
		word_is(i ? other : one, address, value);
	}
}
