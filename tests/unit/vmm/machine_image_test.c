/*
 * The system image: what it promises in norma_abi.h, and that a bad one is refused.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "run_suite.h"
#include "system_image.h"

static uint8_t image[NORMA_SYSTEM_IMAGE_BYTES];

static uint64_t word_at(uint64_t gpa)
{
	uint64_t word;
	memcpy(&word, image + (gpa - NORMA_SYSTEM_BASE), sizeof(word));
	return word;
}

/* Walks as the processor does. Return: the leaf entry, 0 if not present; *ret_bytes is its size. */
static uint64_t walk(uint64_t address, uint64_t *ret_bytes)
{
	uint64_t table = NORMA_SYSTEM_PML4;
	for (int shift = 39; shift >= 12; shift -= 9) {
		uint64_t entry = word_at(table + ((address >> shift) & 511) * 8);
		*ret_bytes = UINT64_C(1) << shift;
		if (!(entry & 1) || shift == 12 || (entry & 0x80))
			return entry & 1 ? entry : 0;
		table = entry & 0x000ffffffffff000;
	}
	return 0;
}

static const uint64_t user_addresses[] = {0,	      0x200000,	    0x3fffffff,
					  0x40000000, 0x1234567890, 0x1fffffffff};

START_TEST(user_space_is_identity_user_and_writable)
{
	uint64_t address = user_addresses[_i], bytes;
	system_image_fill(image);
	uint64_t entry = walk(address, &bytes);
	ck_assert_uint_eq(bytes, 0x200000);
	ck_assert_uint_eq(entry & 0x000fffffffe00000, address & ~(bytes - 1));
	ck_assert_uint_eq(entry & 0x67, 0x67);
}
END_TEST

START_TEST(only_one_system_page_is_for_users)
{
	uint64_t bytes;
	system_image_fill(image);
	for (uint64_t offset = 0; offset < 0x200000; offset += 4096) {
		uint64_t address = NORMA_SYSTEM_BASE + offset, entry = walk(address, &bytes);
		int is_stack = address >= NORMA_SYSTEM_STACKS &&
			       address < NORMA_SYSTEM_STACKS + NORMA_SYSTEM_STACKS_BYTES;
		if (offset >= NORMA_SYSTEM_IMAGE_BYTES && !is_stack) {
			ck_assert_uint_eq(entry, 0);
			continue;
		}
		ck_assert_uint_eq(entry & 0x000ffffffffff000, address);
		ck_assert_uint_eq(entry & 4, address == NORMA_SYSTEM_SYSCALL_STUB ? 4 : 0);
		ck_assert_uint_eq(entry & 2, is_stack ? 2 : 0);
	}
}
END_TEST

START_TEST(own_image_is_accepted)
{
	int fd = system_image_create();
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(system_image_check(fd), 0);
	ck_assert_int_lt((int)write(fd, "x", 1), 0);
	ck_assert_int_ne(ftruncate(fd, 0), 0);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}
END_TEST

START_TEST(foreign_image_is_refused)
{
	int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	system_image_fill(image);
	ck_assert_int_eq((int)write(fd, image, sizeof(image)), (int)sizeof(image));
	ck_assert_int_eq(system_image_check(fd), -EPERM);
	image[NORMA_SYSTEM_SYSCALL_STUB - NORMA_SYSTEM_BASE]++;
	ck_assert_int_eq((int)pwrite(fd, image, sizeof(image), 0), (int)sizeof(image));
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	ck_assert_int_eq(system_image_check(fd), -EINVAL);
	close(fd);
	fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, seals), 0);
	ck_assert_int_eq(system_image_check(fd), -EINVAL);
	close(fd);
	ck_assert_int_eq(system_image_check(-1), -EBADF);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("machine_image");
	TCase *c = tcase_create("image");
	tcase_add_loop_test(c, user_space_is_identity_user_and_writable, 0,
			    sizeof(user_addresses) / sizeof(user_addresses[0]));
	tcase_add_test(c, only_one_system_page_is_for_users);
	tcase_add_test(c, own_image_is_accepted);
	tcase_add_test(c, foreign_image_is_refused);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
