/*
 * Random operations on the address map against a model that keeps every page's attributes apart.
 */
#include "memory_map_steps.h"
#include "random_seed.h"
#include "run_suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The model: one entry per page of a small window. */
#define MODEL_PAGES 64u

struct model_page {
	bool is_mapped;
	vm_prot_t protection, max_protection;
	vm_inherit_t inheritance;
};

static struct model_page model[MODEL_PAGES];

static bool model_covered(uint64_t first, uint64_t after)
{
	for (uint64_t i = first; i < after; i++)
		if (i >= MODEL_PAGES || !model[i].is_mapped)
			return false;
	return true;
}

static void model_compare(unsigned int seed, int step)
{
	for (uint64_t i = 0; i < MODEL_PAGES; i++) {
		const struct region *region = vm_map_at(&map, R + i * P);

		ck_assert_msg((region != NULL) == model[i].is_mapped,
			      "NORMA_SEED=%u step %d page %d", seed, step, (int)i);
		if (!region)
			continue;
		ck_assert_msg(region->protection == model[i].protection &&
				  region->max_protection == model[i].max_protection &&
				  region->inheritance == model[i].inheritance,
			      "NORMA_SEED=%u step %d page %d attributes", seed, step, (int)i);
	}
	for (uint32_t i = 0; i + 1 < map.count; i++)
		ck_assert(map.regions[i].start < map.regions[i].end &&
			  map.regions[i].end <= map.regions[i + 1].start);
}

static void model_allocate(uint64_t first, uint64_t after)
{
	bool is_free = true;

	for (uint64_t i = first; i < after; i++)
		is_free = is_free && !model[i].is_mapped;
	ck_assert_int_eq(add(R + first * P, after - first), is_free ? KERN_SUCCESS : KERN_NO_SPACE);
	for (uint64_t i = first; is_free && i < after; i++)
		model[i] = (struct model_page){true, VM_PROT_DEFAULT, VM_PROT_ALL, VM_INHERIT_COPY};
}

static void model_protect(uint64_t first, uint64_t after, vm_prot_t protection, bool set_max)
{
	kern_return_t expected = KERN_SUCCESS;

	for (uint64_t i = first; i < after && !expected; i++) {
		if (!model[i].is_mapped)
			expected = KERN_INVALID_ADDRESS;
		else if (protection & ~model[i].max_protection)
			expected = KERN_PROTECTION_FAILURE;
	}
	ck_assert_int_eq(protect(R + first * P, (after - first) * P, protection, set_max),
			 expected);
	for (uint64_t i = first; i < after && !expected; i++) {
		model[i].protection = set_max ? model[i].protection & protection : protection;
		if (set_max)
			model[i].max_protection = protection;
	}
}

static void model_inherit(uint64_t first, uint64_t after, vm_inherit_t value)
{
	kern_return_t expected = model_covered(first, after) ? KERN_SUCCESS : KERN_INVALID_ADDRESS;

	ck_assert_int_eq(vm_map_inherit(&map, R + first * P, (after - first) * P, value), expected);
	for (uint64_t i = first; i < after && !expected; i++)
		model[i].inheritance = value;
}

START_TEST(random_operations_agree_with_a_page_by_page_model)
{
	unsigned int seed = random_seed(_i);

	vm_map_init(&map, MIN, MAX);
	for (int step = 0; step < 2000; step++) {
		uint64_t first = (uint64_t)rand() % MODEL_PAGES;
		uint64_t after = first + 1 + (uint64_t)rand() % (MODEL_PAGES - first);

		switch (rand() % 5) {
		case 0:
			model_allocate(first, after);
			break;
		case 1:
			take(R + first * P, after - first);
			memset(&model[first], 0, (after - first) * sizeof(model[0]));
			break;
		case 2:
			model_protect(first, after, (vm_prot_t)rand() % 8, rand() % 8 == 0);
			break;
		default:
			model_inherit(first, after, (vm_inherit_t)rand() % 3);
		}
		model_compare(seed, step);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("memory_map_model");
	TCase *cases = tcase_create("model");

	tcase_add_loop_test(cases, random_operations_agree_with_a_page_by_page_model, 0, 4);
	suite_add_tcase(suite, cases);
	return run_suite(suite);
}
