/*
 * What the three inheritances give a child of task_create: three pages, one of each, which the
 * parent changes after the child was made. The exit status is 0 when the child sees what it should.
 */
#include <stdio.h>
#include <string.h>

#include <mach/mach.h>

enum { PAGE_BYTES = 4096, PAGES = 3 };

static const struct {
	vm_inherit_t inheritance;
	const char *name;
	const char *expected; /* what the child's page says in the end; NULL: there is none */
} cases[PAGES] = {
    {VM_INHERIT_SHARE, "share", "after"},
    {VM_INHERIT_COPY, "copy", "before"},
    {VM_INHERIT_NONE, "none", NULL},
};

static int check(kern_return_t result, const char *what)
{
	if (result != KERN_SUCCESS)
		fprintf(stderr, "share: %s: %s\n", what, mach_error_string(result));
	return result == KERN_SUCCESS;
}

/* Return: 1 when the child's page is as the case says. */
static int look(task_t self, task_t child, vm_address_t page, int index)
{
	vm_offset_t data;
	mach_msg_type_number_t bytes;
	kern_return_t result = vm_read(child, page, PAGE_BYTES, &data, &bytes);
	const char *expected = cases[index].expected;
	int is_right;

	if (result != KERN_SUCCESS) {
		printf("%s: the child has no such page (%s)\n", cases[index].name,
		       mach_error_string(result));
		return !expected && result == KERN_INVALID_ADDRESS;
	}
	printf("%s: the child reads \"%s\"\n", cases[index].name, (const char *)data);
	is_right = expected && strcmp((const char *)data, expected) == 0;
	vm_deallocate(self, data, bytes);
	return is_right;
}

int main(void)
{
	task_t self = mach_task_self(), child;
	vm_address_t pages = 0;
	int right = 0;

	if (!check(vm_allocate(self, &pages, PAGES * PAGE_BYTES, TRUE), "vm_allocate"))
		return 1;
	for (int i = 0; i < PAGES; i++) {
		strcpy((char *)pages + i * PAGE_BYTES, "before");
		if (!check(vm_inherit(self, pages + (vm_size_t)i * PAGE_BYTES, PAGE_BYTES,
				      cases[i].inheritance),
			   "vm_inherit"))
			return 1;
	}
	if (!check(task_create(self, NULL, 0, TRUE, &child), "task_create"))
		return 1;
	for (int i = 0; i < PAGES; i++)
		strcpy((char *)pages + i * PAGE_BYTES, "after");
	for (int i = 0; i < PAGES; i++)
		right += look(self, child, pages + (vm_size_t)i * PAGE_BYTES, i);
	return check(task_terminate(child), "task_terminate") && right == PAGES ? 0 : 1;
}
