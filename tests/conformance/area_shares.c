/*
 * Cases of our own: shared memory whose tasks change their maps, and vm_remap and vm_copy.
 */
#include "conformance.h"

#define SHARE VM_INHERIT_SHARE

static vm_address_t remap(task_t target, vm_address_t address, task_t source, vm_address_t from,
			  vm_size_t pages, boolean_t copy)
{
	vm_prot_t current, maximum;

	OK(vm_remap(target, &address, pages * P, 0, FALSE, source, from, copy, &current, &maximum,
		    VM_INHERIT_COPY));
	return address;
}

static void case_1101(void)
{
	task_t t = task_with_pages(3);

	remap(t, S, t, R, 3, FALSE);
	remap(t, S + 8 * P, t, S + P, 2, FALSE);
	pages_are_as(t, S, 3, 1, R);
	pages_are_as(t, S + 8 * P, 2, 1, R + P);
	word_set(t, S + 8 * P, 7);
	word_is(t, S + P, 7);
	word_is(t, R + P, 7);
	word_set(t, R + 2 * P, 8);
	word_is(t, S + 9 * P, 8);
}

static void case_1102(void)
{
	task_t t = task_with_pages(3);

	remap(t, S, t, R, 3, TRUE);
	pages_are_as(t, S, 3, 1, R);
	word_set(t, S, 7);
	word_set(t, R + P, 8);
	pages_are(t, R, 1, 1);
	pages_are_as(t, S + P, 2, 1, R + P);
	word_is(t, S, 7);
}

static void case_1103(void)
{
	task_t t = task_with_pages(3), other = TASK_NULL;

	OK(norma_task_create(t, FALSE, world.there, &other));
	task_keep(other);
	remap(other, R, t, R, 3, FALSE);
	pages_are(other, R, 3, 1);
	for (vm_size_t page = 0; page < 3; page++)
		is_shared(t, other, R + page * P);
	task_end(t);
	pages_fill(other, R, 3, 4);
	pages_are(other, R, 3, 4);
}

static void case_1104(void)
{
	task_t t = task_with_pages(3), other = TASK_NULL;

	OK(norma_task_create(t, FALSE, world.there, &other));
	task_keep(other);
	remap(other, R, t, R, 3, TRUE);
	pages_fill(t, R, 1, 2);
	pages_are(other, R, 3, 1);
	is_private(t, other, R + P);
}

static void case_1105(void)
{
	task_t t = task_with_pages(4);
	vm_prot_t current = 0, maximum = 0;
	vm_address_t address = S;

	protect_set(t, R + P, 1, VM_PROT_READ);
	OK(vm_protect(t, R + 2 * P, P, TRUE, RW));
	OK(vm_deallocate(t, R + 3 * P, P));
	OK(vm_remap(t, &address, 3 * P, 0, FALSE, t, R, FALSE, &current, &maximum, SHARE));
	EQUAL(VM_PROT_READ, current);
	EQUAL(RW, maximum);
	inheritance_is(t, S, 3, SHARE);
	address = S + 8 * P;
	IS(KERN_INVALID_ADDRESS,
	   vm_remap(t, &address, 4 * P, 0, FALSE, t, R, FALSE, &current, &maximum, SHARE));
	IS(KERN_INVALID_ARGUMENT,
	   vm_remap(t, &address, 0, 0, FALSE, t, R, FALSE, &current, &maximum, SHARE));
	IS(KERN_INVALID_ARGUMENT,
	   vm_remap(t, &address, P, 0, FALSE, t, R, FALSE, &current, &maximum, 3));
	address = S;
	IS(KERN_NO_SPACE,
	   vm_remap(t, &address, P, 0, FALSE, t, R, FALSE, &current, &maximum, SHARE));
	page_is_absent(t, S + 8 * P);
}

/* Another host's task may have ended without ours knowing: the range must not be judged before. */
static void case_1118(void)
{
	task_t t = task_with_pages(1), ended = task_fork(t);
	vm_prot_t current, maximum;
	vm_address_t address = S;
	vm_size_t wraps = 0 - (vm_size_t)31;

	IS(KERN_INVALID_ADDRESS,
	   vm_remap(t, &address, wraps, 0, FALSE, ended, R, FALSE, &current, &maximum, SHARE));
	task_end(ended);
	IS(KERN_INVALID_ARGUMENT,
	   vm_remap(t, &address, wraps, 0, FALSE, ended, R, FALSE, &current, &maximum, SHARE));
	page_is_absent(t, S);
}

/* A source is shared once somebody has its memory, and not because somebody asked for it. */
static void case_1119(void)
{
	task_t t = task_with_pages(2), targets[2] = {t, TASK_NULL};
	vm_prot_t current, maximum;

	OK(norma_task_create(t, FALSE, world.there, &targets[1]));
	task_keep(targets[1]);
	for (int i = 0; i < 2; i++) {
		vm_address_t address = S;

		region_make(targets[i], S, 1);
		IS(KERN_NO_SPACE, vm_remap(targets[i], &address, 2 * P, 0, FALSE, t, R, FALSE,
					   &current, &maximum, SHARE));
		EQUAL(FALSE, page_facts(t, R).shared);
		EQUAL(FALSE, page_facts(t, R + P).shared);
	}
	remap(targets[1], S + 8 * P, t, R, 1, FALSE);
	EQUAL(TRUE, page_facts(t, R).shared);
	EQUAL(FALSE, page_facts(t, R + P).shared);
	word_set(targets[1], S + 8 * P, 9);
	word_is(t, R, 9);
}

static void case_1106(void)
{
	task_t t = task_with_pages(3), c = task_clone(t, world.there);

	protect_set(t, R + P, 1, VM_PROT_READ);
	protection_is(c, R + P, RW, VM_PROT_ALL);
	pages_fill(c, R, 3, 2);
	pages_are(t, R, 3, 2);
	OK(vm_protect(c, R, P, TRUE, VM_PROT_READ));
	protection_is(t, R, RW, VM_PROT_ALL);
	pages_fill(t, R, 1, 3);
	pages_are(c, R, 1, 3);
	protect_set(t, R + P, 1, RW);
	is_shared(t, c, R + P);
}

static void case_1107(void)
{
	task_t t = task_with_pages(3), c = task_clone(t, world.there);

	OK(vm_deallocate(t, R + P, P));
	pages_are(c, R, 3, 1);
	region_make(t, R + P, 1);
	pages_are_zero(t, R + P, 1);
	is_private(t, c, R + P);
	EQUAL(FALSE, page_facts(t, R + P).shared);
	is_shared(t, c, R);
	is_shared(t, c, R + 2 * P);
}

static void case_1108(void)
{
	task_t t = task_with_pages(3), c = task_clone(t, world.there);

	pages_fill(c, R, 3, 2);
	OK(vm_deallocate(c, R, 3 * P));
	pages_are(t, R, 3, 2);
	page_is_absent(c, R + P);
	pages_fill(t, R, 3, 3);
	pages_are(t, R, 3, 3);
	region_make(c, R, 3);
	pages_are_zero(c, R, 3);
}

static void case_1109(void)
{
	task_t t = task_with_pages(2), c;

	inherit_set(t, R, 2, SHARE);
	protect_set(t, R, 2, VM_PROT_NONE);
	c = task_fork(t);
	protection_is(c, R, VM_PROT_NONE, VM_PROT_ALL);
	protect_set(c, R, 2, RW);
	pages_are(c, R, 2, 1);
	pages_fill(c, R, 2, 2);
	protect_set(t, R, 2, VM_PROT_READ);
	pages_are(t, R, 2, 2);
}

static void case_1110(void)
{
	task_t t = task_with_pages(1), c;

	inherit_set(t, R, 1, SHARE);
	c = task_fork(t);
	region_make(t, R + P, 1);
	region_make(t, R - P, 1);
	page_is_absent(c, R + P);
	page_is_absent(c, R - P);
	EQUAL(FALSE, page_facts(t, R + P).shared);
	pages_fill(t, R - P, 3, 2);
	pages_are(c, R, 1, 2);
}

static void case_1111(void)
{
	task_t t = task_with_pages(4);

	OK(vm_copy(t, R, 3 * P, R + P));
	pages_are(t, R, 1, 1);
	pages_are_as(t, R + P, 3, 1, R);
	pages_fill(t, R, 4, 2);
	OK(vm_copy(t, R + P, 3 * P, R));
	pages_are_as(t, R, 3, 2, R + P);
	pages_are(t, R + 3 * P, 1, 2);
	pages_fill(t, R, 4, 3);
	OK(vm_copy(t, R, 2 * P + 24, R + 8));
	word_is(t, R + 8, word_get(t, R));
	word_is(t, R + 2 * P + 24, word_get(t, R + 3 * P + 16) - ((uint64_t)1 << 16));
}

static void case_1112(void)
{
	task_t t = task_with_pages(4), c;
	vm_offset_t data;
	mach_msg_type_number_t count;

	inherit_set(t, R, 2, SHARE);
	c = task_fork(t);
	inherit_set(c, R, 2, VM_INHERIT_NONE);
	pages_fill(c, R + 2 * P, 2, 2);
	OK(vm_copy(c, R + 2 * P, 2 * P, R));
	pages_are_as(t, R, 2, 2, R + 2 * P);
	inheritance_is(c, R, 2, VM_INHERIT_NONE);
	pages_are(t, R + 2 * P, 2, 1);
	protect_set(c, R, 1, VM_PROT_READ);
	IS(KERN_PROTECTION_FAILURE, vm_copy(c, R + 2 * P, P, R));
	IS(KERN_INVALID_ADDRESS, vm_copy(c, R + 3 * P, 2 * P, R + 2 * P));
	IS(KERN_INVALID_ADDRESS, vm_copy(c, R + 2 * P, 2 * P, R + 3 * P));
	OK(vm_copy(c, S, 0, S));
	IS(KERN_INVALID_ADDRESS, vm_read(c, R + 3 * P, 2 * P, &data, &count));
	pages_are(c, R + 3 * P, 1, 2);
}

static void case_1113(void)
{
	task_t t = task_with_pages(2), c;
	struct running running;

	c = task_clone(t, world.there);
	protect_set(c, R, 1, VM_PROT_READ);
	running = code_faults(c, CODE(store), R + 16, 99, KERN_PROTECTION_FAILURE, R + 16);
	pages_are(t, R, 1, 1);
	word_set(t, R + 24, 5);
	word_is(c, R + 24, 5);
	protect_set(c, R, 1, RW);
	OK(norma_exception_resume(running.thread));
	code_wait(&running);
	word_is(t, R + 16, 99);
}

static void case_1114(void)
{
	task_t t = task_with_pages(1);
	struct running running;

	running = code_faults(t, CODE(load), S + 8, 0, KERN_INVALID_ADDRESS, S + 8);
	region_make(t, S, 1);
	pages_fill(t, S, 1, 3);
	OK(norma_exception_resume(running.thread));
	EQUAL(word_get(t, S + 8), code_wait(&running));
	IS(KERN_FAILURE, norma_exception_resume(running.thread));
}

static void case_1115(void)
{
	task_t t = task_with_pages(2);
	uint64_t word = 0;
	vm_size_t bytes = 0;

	OK(vm_read_overwrite(t, R + 8, 8, (vm_address_t)&word, &bytes));
	EQUAL(8, bytes);
	EQUAL(word_get(t, R + 8), word);
	IS(KERN_INVALID_ADDRESS,
	   vm_read_overwrite(t, R + 2 * P - 4, 8, (vm_address_t)&word, &bytes));
	EQUAL(word_get(t, R + 8), word);
	protect_set(t, R, 1, VM_PROT_NONE);
	IS(KERN_PROTECTION_FAILURE, vm_read_overwrite(t, R, 8, (vm_address_t)&word, &bytes));
}

static void case_1116(void)
{
	task_t t = task_new(), c;
	vm_address_t address = R;

	OK(vm_map(t, &address, 2 * P, 0, FALSE, MACH_PORT_NULL, 0, FALSE, RW, RW, SHARE));
	pages_fill(t, R, 1, 1);
	c = task_fork(t);
	is_shared(t, c, R);
	is_shared(c, t, R + P);
	c = task_clone(c, world.there);
	protection_is(c, R, RW, RW);
	inheritance_is(c, R, 2, SHARE);
	is_shared(t, c, R);
}

static void case_1117(void)
{
	task_t t = task_with_pages(1), c;

	c = task_clone(t, world.there);
	remap(c, S, c, R, 1, FALSE);
	is_shared(t, c, R);
	word_set(t, R, 31);
	word_is(c, S, 31);
	word_set(c, S, 32);
	word_is(t, R, 32);
	OK(vm_deallocate(c, R, P));
	word_set(c, S, 33);
	word_is(t, R, 33);
}

const struct conformance_case area_shares[] = {
    {1101, "a remap of a remap: three views of one memory", case_1101},
    {1102, "a remapped copy is private both ways", case_1102},
    {1103, "memory remapped into a task of another node is coherent", case_1103},
    {1104, "memory copied into a task of another node is private", case_1104},
    {1105, "vm_remap: protections of the range, refusals leave nothing", case_1105},
    {1106, "protections of shared memory are each task's own", case_1106},
    {1107, "the middle of shared memory is freed and made anew by the parent", case_1107},
    {1108, "shared memory that the clone frees stays with the parent", case_1108},
    {1109, "shared PROT_NONE memory is opened by the child", case_1109},
    {1110, "neighbours of shared memory, made later, are not shared", case_1110},
    {1111, "vm_copy of overlapping and unaligned ranges", case_1111},
    {1112, "vm_copy of private memory onto shared, and its refusals", case_1112},
    {1113, "a held store to shared memory happens when allowed", case_1113},
    {1114, "a held load from a hole gets what is put there", case_1114},
    {1115, "vm_read_overwrite", case_1115},
    {1116, "vm_map's memory is forked and cloned by its inheritance", case_1116},
    {1117, "two views in a clone, one is freed", case_1117},
    {1118, "vm_remap: an ended source is noticed before a bad range", case_1118},
    {1119, "vm_remap that is refused leaves its source unshared", case_1119},
    {0, NULL, NULL},
};
