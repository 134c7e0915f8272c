/*
 * One sequence of vm_* calls on an empty task, with every result printed. Built twice from this
 * source: as a guest (guestlib, hypercalls) and as a client (libnorma, hostd's socket); both must
 * print the same lines. harness.h says how each side gets at a parent task.
 */
#include <mach/mach.h>

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

#define BASE ((vm_address_t)0x20000000)

static task_t target;
static vm_size_t page;

static void say(const char *call, kern_return_t result)
{
	printf("%-52s %s\n", call, mach_error_string(result));
}

static void show_region(vm_address_t from)
{
	struct vm_region_basic_info info;
	mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT;
	vm_address_t address = from;
	mach_port_t name = MACH_PORT_NULL;
	vm_size_t size = 0;
	kern_return_t result = vm_region(target, &address, &size, VM_REGION_BASIC_INFO,
					 (vm_region_info_t)&info, &count, &name);

	if (result != KERN_SUCCESS) {
		printf("vm_region 0x%lx: %s\n", (unsigned long)from, mach_error_string(result));
		return;
	}
	printf("vm_region 0x%lx: page 0x%lx protection %d max %d inheritance %u shared %d\n",
	       (unsigned long)from, (unsigned long)(from < address ? address : from),
	       info.protection, info.max_protection, info.inheritance, info.shared);
}

static void allocation(void)
{
	vm_address_t address = BASE;

	say("allocate 3 pages", vm_allocate(target, &address, 3 * page, FALSE));
	say("allocate over them", vm_allocate(target, &address, page, FALSE));
	address = BASE + 8 * page + 5;
	say("allocate 1 byte, unaligned", vm_allocate(target, &address, 1, FALSE));
	printf("  at 0x%lx\n", (unsigned long)address);
	address = 0;
	say("allocate anywhere", vm_allocate(target, &address, page, TRUE));
	printf("  at 0x%lx\n", (unsigned long)address);
	address = 123;
	say("allocate nothing", vm_allocate(target, &address, 0, TRUE));
	printf("  at 0x%lx\n", (unsigned long)address);
	address = ~(vm_address_t)0 - page;
	say("allocate beyond the end", vm_allocate(target, &address, page, FALSE));
	for (int i = 0; i < 3; i++)
		show_region(BASE + (vm_address_t)i * page);
	show_region(BASE + 4 * page);
	show_region(BASE + 64 * page);
}

static void inheritance(void)
{
	say("inherit middle page NONE", vm_inherit(target, BASE + page, page, VM_INHERIT_NONE));
	say("inherit 2 bytes over an edge SHARE",
	    vm_inherit(target, BASE + page - 1, 2, VM_INHERIT_SHARE));
	for (int i = 0; i < 3; i++)
		show_region(BASE + (vm_address_t)i * page);
	say("inherit a hole", vm_inherit(target, BASE + 4 * page, page, VM_INHERIT_SHARE));
	say("inherit across a hole", vm_inherit(target, BASE, 9 * page, VM_INHERIT_NONE));
	say("inherit DONATE_COPY", vm_inherit(target, BASE, page, VM_INHERIT_DONATE_COPY));
	say("inherit a bad value on a hole", vm_inherit(target, BASE + 4 * page, page, 77));
	say("inherit size 0", vm_inherit(target, BASE + 1, 0, VM_INHERIT_NONE));
	say("inherit a range that wraps", vm_inherit(target, BASE, ~(vm_size_t)0, VM_INHERIT_NONE));
	for (int i = 0; i < 3; i++)
		show_region(BASE + (vm_address_t)i * page);
}

static void show_bytes(vm_address_t address, vm_size_t size)
{
	vm_offset_t data = 0;
	mach_msg_type_number_t count = 0;
	kern_return_t result = vm_read(target, address, size, &data, &count);

	printf("vm_read 0x%lx %lu: %s", (unsigned long)address, (unsigned long)size,
	       mach_error_string(result));
	if (result == KERN_SUCCESS && count)
		printf(" \"%.*s\"", (int)strnlen((const char *)data, count), (const char *)data);
	printf("\n");
	if (result == KERN_SUCCESS && count)
		vm_deallocate(mach_task_self(), data, count);
}

static void write_text(const char *what, vm_address_t address, const char *text)
{
	say(what,
	    vm_write(target, address, (vm_offset_t)text, (mach_msg_type_number_t)strlen(text) + 1));
}

static void contents(void)
{
	write_text("write across two pages", BASE + page - 4, "crossing");
	show_bytes(BASE + page - 4, 9);
	show_bytes(BASE, 4);
	write_text("write into a hole", BASE + 4 * page, "lost");
	write_text("write half into a hole", BASE + 3 * page - 4, "half of this");
	show_bytes(BASE + 3 * page - 4, 4);
	show_bytes(BASE + 2 * page, 2 * page);
	show_bytes(BASE, 0);
}

static void protection(void)
{
	say("protect READ", vm_protect(target, BASE, page, FALSE, VM_PROT_READ));
	write_text("write to a read-only page", BASE, "no");
	say("protect across a hole", vm_protect(target, BASE, 9 * page, FALSE, VM_PROT_NONE));
	say("protect with a bad bit", vm_protect(target, BASE, page, FALSE, 8));
	say("set maximum to READ", vm_protect(target, BASE, page, TRUE, VM_PROT_READ));
	say("protect beyond the maximum", vm_protect(target, BASE, page, FALSE, VM_PROT_DEFAULT));
	say("protect NONE", vm_protect(target, BASE + page, page, FALSE, VM_PROT_NONE));
	show_bytes(BASE + page, 4);
	say("protect back", vm_protect(target, BASE + page, page, FALSE, VM_PROT_DEFAULT));
	show_bytes(BASE + page, 5);
	for (int i = 0; i < 3; i++)
		show_region(BASE + (vm_address_t)i * page);
}

static void deallocation(void)
{
	say("deallocate the middle page", vm_deallocate(target, BASE + page, page));
	say("deallocate it again", vm_deallocate(target, BASE + page, page));
	show_bytes(BASE + page, 4);
	show_bytes(BASE + 2 * page, 4);
	show_region(BASE + page);
	say("deallocate size 0", vm_deallocate(target, BASE + 1, 0));
	say("deallocate 2 bytes over an edge", vm_deallocate(target, BASE + 3 * page - 1, 2));
	show_region(BASE + 2 * page);
}

static void children(void)
{
	vm_address_t address = BASE + 100 * page;
	task_t child = TASK_NULL;

	say("allocate 3 pages", vm_allocate(target, &address, 3 * page, FALSE));
	vm_inherit(target, address, page, VM_INHERIT_SHARE);
	vm_inherit(target, address + 2 * page, page, VM_INHERIT_NONE);
	for (vm_offset_t i = 0; i < 3; i++)
		write_text("write before the child", address + i * page, "before");
	say("task_create", task_create(target, NULL, 0, TRUE, &child));
	for (vm_offset_t i = 0; i < 3; i++)
		write_text("write after the child", address + i * page, "after!");
	target = child;
	for (vm_offset_t i = 0; i < 3; i++)
		show_bytes(address + i * page, 7);
	for (vm_offset_t i = 0; i < 3; i++)
		show_region(address + i * page);
	say("task_terminate", task_terminate(child));
	say("vm_inherit on the terminated task", vm_inherit(child, address, page, VM_INHERIT_COPY));
}

static void null_task(void)
{
	vm_address_t address = BASE;

	target = TASK_NULL;
	say("null task: allocate", vm_allocate(target, &address, page, FALSE));
	say("null task: deallocate", vm_deallocate(target, BASE, page));
	say("null task: inherit", vm_inherit(target, BASE, page, VM_INHERIT_COPY));
	say("null task: protect", vm_protect(target, BASE, page, FALSE, VM_PROT_READ));
}

int main(int argc, char **argv)
{
	task_t parent = harness_begin(argc, argv);
	task_t empty = TASK_NULL;

	host_page_size(mach_host_self(), &page);
	say("task_create, empty", task_create(parent, NULL, 0, FALSE, &empty));
	target = empty;
	show_region(0);
	allocation();
	inheritance();
	contents();
	protection();
	deallocation();
	children();
	null_task();
	say("task_terminate the empty task", task_terminate(empty));
	harness_end();
	return 0;
}
