/*
 * Mach's and Linux's calls on one task's memory, with real mappings. Numbers in names are the
 * specification's cases.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory_peer.h"
#include "norma_abi.h"
#include "run_suite.h"

#define P UINT64_C(4096)

static struct peer task;

static void setup(void)
{
	task = peer_start(NULL);
}

static void teardown(void)
{
	peer_end(&task);
}

static uint64_t allocate(uint64_t pages)
{
	uint64_t address = 0;

	ck_assert_int_eq(peer_allocate(&task, &address, pages * P, SPACE_ANYWHERE), KERN_SUCCESS);
	return address;
}

static kern_return_t touch(uint64_t address)
{
	uint8_t byte;

	return peer_read(&task, address, &byte, 1);
}

START_TEST(f125_to_f129_allocate)
{
	uint64_t address = 77;

	ck_assert_int_eq(peer_allocate(&task, &address, 0, SPACE_ANYWHERE), KERN_SUCCESS);
	ck_assert_uint_eq(address, 0);
	uint64_t r = allocate(2);
	ck_assert_uint_eq(r, NORMA_USER_START);
	for (uint64_t i = 0; i < 2 * P; i += 511)
		ck_assert_uint_eq(peer_get(&task, r + i), 0);
	peer_put(&task, r + P, 9);
	address = r + P + 5;
	ck_assert_int_eq(peer_allocate(&task, &address, 1, SPACE_FIXED), KERN_NO_SPACE);
	ck_assert_uint_eq(peer_get(&task, r + P), 9);
	address = NORMA_USER_END;
	ck_assert_int_eq(peer_allocate(&task, &address, 1, SPACE_FIXED), KERN_INVALID_ADDRESS);
	address = 0;
	ck_assert_int_eq(peer_allocate(&task, &address, P, SPACE_FIXED), KERN_INVALID_ADDRESS);
	address = r + 10 * P + 3;
	ck_assert_int_eq(peer_allocate(&task, &address, 1, SPACE_FIXED), KERN_SUCCESS);
	ck_assert_uint_eq(address, r + 10 * P);
	ck_assert_uint_eq(peer_virtual_bytes(&task), 3 * P);
	address = 0;
	ck_assert_int_eq(peer_allocate(&task, &address, NORMA_USER_END, SPACE_ANYWHERE),
			 KERN_NO_SPACE);
	ck_assert_int_eq(peer_allocate(&task, &address, UINT64_MAX, SPACE_ANYWHERE), KERN_NO_SPACE);
}
END_TEST

START_TEST(first_and_last_page_and_a_huge_region_are_usable)
{
	uint64_t first = NORMA_USER_START;
	uint64_t last = NORMA_USER_END - P;

	ck_assert_int_eq(peer_allocate(&task, &first, P, SPACE_FIXED), KERN_SUCCESS);
	ck_assert_int_eq(peer_allocate(&task, &last, P, SPACE_FIXED), KERN_SUCCESS);
	peer_put(&task, first, 1);
	peer_put(&task, NORMA_USER_END - 1, 2);
	ck_assert_uint_eq(peer_get(&task, first), 1);
	ck_assert_uint_eq(peer_get(&task, NORMA_USER_END - 1), 2);
	uint64_t huge = allocate((UINT64_C(16) << 30) / P);
	peer_put(&task, huge + (UINT64_C(15) << 30), 3);
	ck_assert_uint_eq(peer_get(&task, huge + (UINT64_C(15) << 30)), 3);
	/* A huge page at most, where the host gives those. */
	ck_assert_uint_lt(peer_file_bytes(&task), 4 << 20);
}
END_TEST

START_TEST(f131_to_f134_deallocate)
{
	uint64_t r = allocate(3);

	for (uint64_t i = 0; i < 3; i++)
		peer_put(&task, r + i * P, (uint8_t)(i + 1));
	ck_assert_int_eq(peer_deallocate(&task, r + 1, 0), KERN_SUCCESS);
	ck_assert_int_eq(peer_deallocate(&task, 1, 0), KERN_SUCCESS);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(peer_deallocate(&task, r + P, P), KERN_SUCCESS);
	ck_assert_int_eq(touch(r + P), KERN_INVALID_ADDRESS);
	ck_assert_uint_eq(peer_get(&task, r), 1);
	ck_assert_uint_eq(peer_get(&task, r + 2 * P), 3);
	ck_assert_int_eq(peer_deallocate(&task, r, UINT64_MAX), KERN_SUCCESS);
	ck_assert_uint_eq(peer_get(&task, r), 1);
	ck_assert_int_eq(peer_deallocate(&task, r + P - 1, P + 2), KERN_SUCCESS);
	ck_assert_uint_eq(peer_virtual_bytes(&task), 0);
	/* The same addresses again are new memory. */
	ck_assert_uint_eq(allocate(3), r);
	ck_assert_uint_eq(peer_get(&task, r), 0);
	ck_assert_int_eq(peer_deallocate(&task, 0, NORMA_USER_END * 2), KERN_SUCCESS);
	ck_assert_uint_eq(peer_virtual_bytes(&task), 0);
}
END_TEST

START_TEST(deallocated_pages_cost_no_memory)
{
	uint8_t page[4096];

	memset(page, 1, sizeof(page));
	uint64_t r = allocate(64);
	for (uint64_t i = 0; i < 64; i++)
		ck_assert_int_eq(peer_write(&task, r + i * P, page, P), KERN_SUCCESS);
	ck_assert_uint_eq(peer_resident_bytes(&task), 64 * P);
	uint64_t full = peer_file_bytes(&task);
	peer_deallocate(&task, r + 8 * P, 48 * P);
	ck_assert_uint_eq(peer_file_bytes(&task), full - 48 * P);
	ck_assert_uint_eq(peer_resident_bytes(&task), 16 * P);
	peer_deallocate(&task, r, 64 * P);
	ck_assert_uint_eq(peer_file_bytes(&task), full - 64 * P);
}
END_TEST

START_TEST(f135_to_f139_protect)
{
	uint8_t byte = 5;
	uint64_t r = allocate(3);

	peer_put(&task, r + P, 7);
	ck_assert_int_eq(peer_protect(&task, r + P, P, SPACE_PROTECT_CURRENT, VM_PROT_READ), 0);
	ck_assert_int_eq(peer_write(&task, r + P, &byte, 1), KERN_PROTECTION_FAILURE);
	ck_assert_uint_eq(peer_get(&task, r + P), 7);
	ck_assert_int_eq(peer_protect(&task, r + P, P, SPACE_PROTECT_CURRENT, VM_PROT_DEFAULT), 0);
	peer_put(&task, r + P, 8);
	ck_assert_int_eq(peer_protect(&task, r, 3 * P, SPACE_PROTECT_CURRENT, VM_PROT_NONE), 0);
	ck_assert_int_eq(touch(r + P), KERN_PROTECTION_FAILURE);
	ck_assert_int_eq(peer_copy_in(&task, r + P), -EFAULT);
	ck_assert_int_eq(peer_protect(&task, r, 3 * P, SPACE_PROTECT_MAXIMUM, VM_PROT_READ), 0);
	ck_assert_int_eq(peer_protect(&task, r, P, SPACE_PROTECT_CURRENT, VM_PROT_DEFAULT),
			 KERN_PROTECTION_FAILURE);
	ck_assert_int_eq(peer_protect(&task, r, 3 * P, SPACE_PROTECT_CURRENT, VM_PROT_READ), 0);
	ck_assert_uint_eq(peer_get(&task, r + P), 8);
	ck_assert_int_eq(peer_copy_in(&task, r + P), 0);
	ck_assert_int_eq(peer_copy_in(&task, r - P), -EFAULT);
	ck_assert_int_eq(peer_protect(&task, r, P, SPACE_PROTECT_CURRENT, 8),
			 KERN_INVALID_ARGUMENT);
	peer_deallocate(&task, r + P, P);
	ck_assert_int_eq(peer_protect(&task, r, 3 * P, SPACE_PROTECT_CURRENT, 0),
			 KERN_INVALID_ADDRESS);
	ck_assert_int_eq(touch(r), KERN_SUCCESS);
}
END_TEST

START_TEST(f140_to_f145_region)
{
	struct space_region_info info;
	uint64_t r = allocate(3);
	uint64_t address = r + 10 * P;
	struct space_map_request request = {.address = r + 20 * P,
					    .bytes = 5,
					    .placement = SPACE_FIXED,
					    .protection = VM_PROT_READ,
					    .max_protection = VM_PROT_READ | VM_PROT_EXECUTE,
					    .inheritance = VM_INHERIT_NONE};

	ck_assert_int_eq(peer_allocate(&task, &address, P, SPACE_FIXED), KERN_SUCCESS);
	ck_assert_int_eq(peer_map(&task, &request, &address), 0);
	ck_assert_int_eq(peer_region(&task, r + P, &info), KERN_SUCCESS);
	ck_assert_uint_eq(info.start, r);
	ck_assert_uint_eq(info.bytes, 3 * P);
	ck_assert_int_eq(info.protection, VM_PROT_DEFAULT);
	ck_assert_int_eq(info.max_protection, VM_PROT_ALL);
	ck_assert_uint_eq(info.inheritance, VM_INHERIT_COPY);
	ck_assert(!info.is_shared);
	ck_assert_int_eq(peer_region(&task, r + 4 * P, &info), KERN_SUCCESS);
	ck_assert_uint_eq(info.start, r + 10 * P);
	ck_assert_int_eq(peer_region(&task, r + 11 * P, &info), KERN_SUCCESS);
	ck_assert_uint_eq(info.start, r + 20 * P);
	ck_assert_uint_eq(info.bytes, P);
	ck_assert_int_eq(info.protection, VM_PROT_READ);
	ck_assert_int_eq(info.max_protection, VM_PROT_READ | VM_PROT_EXECUTE);
	ck_assert_uint_eq(info.inheritance, VM_INHERIT_NONE);
	ck_assert_int_eq(peer_region(&task, r + 21 * P, &info), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(peer_region(&task, UINT64_MAX, &info), KERN_INVALID_ADDRESS);
}
END_TEST

START_TEST(read_and_write_check_the_whole_range_first)
{
	uint8_t data[8193];
	uint64_t r = allocate(2);

	memset(data, 3, sizeof(data));
	ck_assert_int_eq(peer_write(&task, r + P + 1, data, P), KERN_INVALID_ADDRESS);
	ck_assert_uint_eq(peer_get(&task, r + P + 1), 0);
	ck_assert_int_eq(peer_write(&task, r + 1, data, P + 100), KERN_SUCCESS);
	peer_protect(&task, r + P, P, SPACE_PROTECT_CURRENT, VM_PROT_READ);
	memset(data, 4, sizeof(data));
	ck_assert_int_eq(peer_write(&task, r, data, P + 1), KERN_PROTECTION_FAILURE);
	ck_assert_uint_eq(peer_get(&task, r), 0);
	ck_assert_uint_eq(peer_get(&task, r + P + 100), 3);
	ck_assert_int_eq(peer_read(&task, r, data, 2 * P + 1), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(peer_read(&task, 0, data, 0), KERN_SUCCESS);
	ck_assert_int_eq(peer_read(&task, UINT64_MAX - 5, data, 10), KERN_INVALID_ADDRESS);
	peer_protect(&task, r, P, SPACE_PROTECT_CURRENT, VM_PROT_WRITE);
	ck_assert_int_eq(peer_read(&task, r, data, 1), KERN_PROTECTION_FAILURE);
	ck_assert_int_eq(peer_write(&task, r, data, P), KERN_SUCCESS);
}
END_TEST

START_TEST(map_places_as_asked)
{
	struct space_map_request request = {.bytes = 3 * P,
					    .placement = SPACE_ANYWHERE,
					    .protection = VM_PROT_DEFAULT,
					    .max_protection = VM_PROT_ALL,
					    .inheritance = VM_INHERIT_COPY};
	uint64_t a, b;

	ck_assert_int_eq(peer_map(&task, &request, &a), 0);
	peer_put(&task, a, 1);
	peer_put(&task, a + P, 2);
	request.placement = SPACE_HINT;
	request.address = a + P;
	ck_assert_int_eq(peer_map(&task, &request, &b), 0);
	ck_assert_uint_eq(b, a + 3 * P);
	request.address = a + 100 * P;
	ck_assert_int_eq(peer_map(&task, &request, &b), 0);
	ck_assert_uint_eq(b, a + 100 * P);
	request.placement = SPACE_FIXED;
	request.address = a + P;
	ck_assert_int_eq(peer_map(&task, &request, &b), -EEXIST);
	request.address++;
	ck_assert_int_eq(peer_map(&task, &request, &b), -EINVAL);
	request.address = NORMA_USER_END;
	ck_assert_int_eq(peer_map(&task, &request, &b), -ENOMEM);
	/* Replaces the end of one region and part of the next. */
	request.placement = SPACE_FIXED_REPLACE;
	request.address = a + P;
	peer_put(&task, a + 4 * P, 5);
	ck_assert_int_eq(peer_map(&task, &request, &b), 0);
	ck_assert_uint_eq(peer_get(&task, a), 1);
	ck_assert_uint_eq(peer_get(&task, a + P), 0);
	ck_assert_uint_eq(peer_get(&task, a + 3 * P), 0);
	ck_assert_uint_eq(peer_get(&task, a + 4 * P), 5);
	ck_assert_uint_eq(peer_virtual_bytes(&task), 9 * P);
	request.bytes = 0;
	ck_assert_int_eq(peer_map(&task, &request, &b), -EINVAL);
	request.bytes = P;
	request.max_protection = VM_PROT_READ;
	ck_assert_int_eq(peer_map(&task, &request, &b), -EINVAL);
}
END_TEST

START_TEST(discard_gives_zeros)
{
	uint64_t r = allocate(3);

	for (uint64_t i = 0; i < 3; i++)
		peer_put(&task, r + i * P, 1);
	ck_assert_int_eq(peer_discard(&task, r + P, 1), 0);
	ck_assert_uint_eq(peer_get(&task, r), 1);
	ck_assert_uint_eq(peer_get(&task, r + P), 0);
	ck_assert_uint_eq(peer_get(&task, r + 2 * P), 1);
	ck_assert_int_eq(peer_discard(&task, r + 1, P), -EINVAL);
	ck_assert_int_eq(peer_discard(&task, r, 4 * P), -ENOMEM);
	ck_assert_uint_eq(peer_get(&task, r), 1);
}
END_TEST

START_TEST(a_growing_heap_is_one_region)
{
	struct space_region_info info;
	uint64_t start = 0x800000;
	uint64_t end = start;

	for (int i = 0; i < 2000; i++) {
		ck_assert_int_eq(peer_grow(&task, start, end, end + 3 * P), 0);
		end += 3 * P;
		peer_put(&task, end - 1, (uint8_t)i);
	}
	ck_assert_int_eq(peer_region(&task, start, &info), KERN_SUCCESS);
	ck_assert_uint_eq(info.bytes, 6000 * P);
	ck_assert_uint_eq(peer_get(&task, start + 3 * P - 1), 0);
	ck_assert_uint_eq(peer_get(&task, end - 1), (uint8_t)1999);
	/* Shrunk and grown again, what comes back is zero. */
	ck_assert_int_eq(peer_grow(&task, start, end, end - 2 * P), 0);
	ck_assert_int_eq(touch(end - 1), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(peer_grow(&task, start, end - 2 * P, end), 0);
	ck_assert_uint_eq(peer_get(&task, end - 1), 0);
	ck_assert_int_eq(peer_region(&task, start, &info), KERN_SUCCESS);
	ck_assert_uint_eq(info.bytes, 6000 * P);
	/* Something in the way. */
	uint64_t wall = end + P;
	ck_assert_int_eq(peer_allocate(&task, &wall, P, SPACE_FIXED), KERN_SUCCESS);
	ck_assert_int_eq(peer_grow(&task, start, end, end + 2 * P), -ENOMEM);
	ck_assert_int_eq(peer_grow(&task, start, end, end + P), 0);
	ck_assert_int_eq(peer_grow(&task, start, end + P, start - P), -EINVAL);
}
END_TEST

START_TEST(a_task_without_pager_cannot_give_memory)
{
	static struct region_entry entries[EXPORT_MAX_REGIONS];
	uint32_t count;

	ck_assert_int_eq(peer_export(&task, EXPORT_EMPTY, entries, &count), KERN_SUCCESS);
	ck_assert_int_eq(peer_export(&task, EXPORT_CLONE, entries, &count), KERN_SUCCESS);
	uint64_t r = allocate(1);
	peer_put(&task, r, 4);
	ck_assert_int_eq(peer_export(&task, EXPORT_NUM_MODES, entries, &count),
			 KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(peer_export(&task, EXPORT_CLONE, entries, &count), KERN_FAILURE);
	ck_assert_int_eq(peer_export(&task, EXPORT_CREATE, entries, &count), KERN_FAILURE);
	ck_assert_uint_eq(peer_get(&task, r), 4);
	peer_put(&task, r, 5);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("memory_space");
	TCase *cases = tcase_create("space");

	tcase_set_timeout(cases, 60);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, f125_to_f129_allocate);
	tcase_add_test(cases, first_and_last_page_and_a_huge_region_are_usable);
	tcase_add_test(cases, f131_to_f134_deallocate);
	tcase_add_test(cases, deallocated_pages_cost_no_memory);
	tcase_add_test(cases, f135_to_f139_protect);
	tcase_add_test(cases, f140_to_f145_region);
	tcase_add_test(cases, read_and_write_check_the_whole_range_first);
	tcase_add_test(cases, map_places_as_asked);
	tcase_add_test(cases, discard_gives_zeros);
	tcase_add_test(cases, a_growing_heap_is_one_region);
	tcase_add_test(cases, a_task_without_pager_cannot_give_memory);
	suite_add_tcase(suite, cases);
	return run_suite_kvm(suite);
}
