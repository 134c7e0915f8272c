/*
 * Section F: vm_allocate, vm_deallocate and vm_protect; the other calls about memory are in
 * area_f_more.c.
 */
#include "area_f.h"
#include "conformance.h"

static void case_125(void)
{
	task_t t = task_new();
	vm_address_t address = R;

	OK(vm_allocate(t, &address, 0, TRUE));
	EQUAL(0, address);
	address = R + 1;
	OK(vm_allocate(t, &address, 0, FALSE));
	EQUAL(0, address);
	EQUAL(0, task_facts(t).virtual_size);
}

static void case_126(void)
{
	task_t t = task_new();
	vm_address_t address = 0;

	OK(vm_allocate(t, &address, 3 * P - 1, TRUE));
	EQUAL(0, address % P);
	pages_are_zero(t, address, 3);
	EQUAL(3 * P, task_facts(t).virtual_size);
}

static void case_127(void)
{
	task_t t = task_with_pages(2);
	vm_address_t address = R + P;

	IS(KERN_NO_SPACE, vm_allocate(t, &address, P, FALSE));
	EQUAL(R + P, address);
	address = R - P;
	IS(KERN_NO_SPACE, vm_allocate(t, &address, 2 * P, FALSE));
	pages_are(t, R, 2, 1);
	page_is_absent(t, R - P);
}

static void case_128(void)
{
	const struct {
		vm_address_t address;
		vm_size_t size;
	} outside[] = {
	    {0, P},
	    {FIRST - P, P},
	    {FIRST - P, 2 * P},
	    {LAST + P, P},
	    {LAST, 2 * P},
	    {~(vm_address_t)0 - P, P},
	    {R, ~(vm_size_t)0 - R},
	    {R, LIMITS + P},
	    {(vm_address_t)1 << 63, P},
	};
	task_t t = task_new();

	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		vm_address_t address = outside[i].address;

		IS(KERN_INVALID_ADDRESS, vm_allocate(t, &address, outside[i].size, FALSE));
	}
	EQUAL(0, task_facts(t).virtual_size);
}

static void case_129(void)
{
	task_t t = task_new();
	vm_address_t address = R + 5;

	OK(vm_allocate(t, &address, 1, FALSE));
	EQUAL(R, address);
	pages_are_zero(t, R, 1);
	page_is_absent(t, R + P);
	EQUAL(P, task_facts(t).virtual_size);
}

static void case_131(void)
{
	task_t t = task_with_pages(1);

	OK(vm_deallocate(t, R, P));
	OK(vm_deallocate(t, R, P));
	page_is_absent(t, R);
}

static void case_132(void)
{
	task_t t = task_with_pages(1);

	OK(vm_deallocate(t, R, 0));
	OK(vm_deallocate(t, R + 1, 0));
	OK(vm_deallocate(t, S + 1, 0));
	pages_are(t, R, 1, 1);
}

static void case_133(void)
{
	task_t t = task_with_pages(3);

	OK(vm_deallocate(t, R + P, P));
	page_is_absent(t, R + P);
	pages_are(t, R, 1, 1);
	pages_are(t, R + 2 * P, 1, 1);
	code_faults(t, CODE(store), R + P + 16, 1, KERN_INVALID_ADDRESS, R + P + 16);
	pages_are(t, R + 2 * P, 1, 1);
}

static void case_134(void)
{
	task_t t = task_with_pages(4);

	OK(vm_deallocate(t, R + 2 * P - 1, 2));
	page_is_absent(t, R + P);
	page_is_absent(t, R + 2 * P);
	pages_are(t, R, 1, 1);
	pages_are(t, R + 3 * P, 1, 1);
}

static void case_135(void)
{
	task_t t = task_with_pages(2);
	struct running running;

	protect_set(t, R, 2, VM_PROT_READ);
	word_is(t, R, word_get(t, R));
	EQUAL(word_get(t, R + P), code_do(t, CODE(load), R + P, 0));
	running = code_faults(t, CODE(store), R + 8, 0x77, KERN_PROTECTION_FAILURE, R + 8);
	pages_are(t, R, 2, 1);
	protect_set(t, R, 2, RW);
	pages_are(t, R, 2, 1);
	OK(norma_exception_resume(running.thread));
	code_wait(&running);
	word_is(t, R + 8, 0x77);
}

static void case_136(void)
{
	task_t t = task_with_pages(1);

	OK(vm_protect(t, R, P, TRUE, VM_PROT_READ));
	protection_is(t, R, VM_PROT_READ, VM_PROT_READ);
	IS(KERN_PROTECTION_FAILURE, vm_protect(t, R, P, FALSE, RW));
	protection_is(t, R, VM_PROT_READ, VM_PROT_READ);
	IS(KERN_PROTECTION_FAILURE, vm_protect(t, R, P, TRUE, RW));
	pages_are(t, R, 1, 1);
}

static void case_139(void)
{
	task_t t = task_with_pages(1);

	IS(KERN_INVALID_ARGUMENT, vm_protect(t, R, P, FALSE, VM_PROT_NO_CHANGE));
	IS(KERN_INVALID_ARGUMENT, vm_protect(t, R, P, FALSE, VM_PROT_WANTS_COPY));
	IS(KERN_INVALID_ARGUMENT, vm_protect(t, R, P, TRUE, VM_PROT_WANTS_COPY | RW));
	IS(KERN_INVALID_ARGUMENT, vm_protect(t, R, P, FALSE, -1));
	protection_is(t, R, RW, VM_PROT_ALL);
}

const struct conformance_case area_f[] = {
    {125, "vm_allocate of nothing gives address 0", case_125},
    {126, "vm_allocate anywhere: whole pages of zeros", case_126},
    {127, "vm_allocate over a page: KERN_NO_SPACE, contents kept", case_127},
    {128, "vm_allocate outside: KERN_INVALID_ADDRESS", case_128},
    {129, "vm_allocate unaligned: rounded down, a byte is a page", case_129},
    {131, "vm_deallocate twice succeeds", case_131},
    {132, "vm_deallocate of nothing does nothing", case_132},
    {133, "vm_deallocate of a middle page", case_133},
    {134, "vm_deallocate frees every page that it touches", case_134},
    {135, "read-only: reads pass, stores fault, and back", case_135},
    {136, "a smaller maximum takes the current protection along", case_136},
    {139, "vm_protect with other bits is refused", case_139},
    {140, "vm_region: inside, in a hole, past the end", case_140},
    {141, "vm_region: flavor and count are checked", case_141},
    {142, "vm_region: ascending, apart, as long as virtual_size", case_142},
    {143, "vm_map: size 0, bad protections, bad inheritance", case_143},
    {145, "vm_map sets the attributes at once", case_145},
    {146, "vm_map of no object: zeros", case_146},
    {153, "vm_wire", case_153},
    {154, "vm_msync", case_154},
    {155, "vm_behavior_set", case_155},
    {0, NULL, NULL},
};
