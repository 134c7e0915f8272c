/*
 * The initial stack as the ABI describes it.
 */
#include <check.h>
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "initial_stack.h"
#include "run_suite.h"

#define TOP UINT64_C(0x4000000)

static uint8_t buffer[8192];
static const struct elf_plan plan = {.entry = 0x400200, .phdr_address = 0x400040, .phdr_count = 3};

static const void *at(uint64_t address)
{
	ck_assert_uint_ge(address, TOP - sizeof(buffer));
	ck_assert_uint_lt(address, TOP);
	return buffer + sizeof(buffer) - (TOP - address);
}

static uint64_t word(uint64_t address)
{
	uint64_t value;
	memcpy(&value, at(address), sizeof(value));
	return value;
}

static uint64_t aux(uint64_t vector, uint64_t type)
{
	for (; word(vector) != AT_NULL; vector += 16)
		if (word(vector) == type)
			return word(vector + 8);
	return UINT64_MAX;
}

static int build(const char *const *arguments, const char *const *environment, size_t bytes,
		 uint64_t *rsp)
{
	struct initial_stack_input input = {.arguments = arguments,
					    .environment = environment,
					    .plan = &plan,
					    .random = {1, 2, 3},
					    .hwcap = 7,
					    .clock_ticks_per_second = 100};
	return initial_stack_build(&input, buffer + sizeof(buffer) - bytes, bytes, TOP, rsp);
}

START_TEST(layout_is_the_abis)
{
	const char *const all[] = {"one", "", "three", NULL}, *const environment[] = {"A=1", "B=2",
										      NULL};
	const char *const *arguments = all + _i; /* 3, 2 and 1 arguments */
	uint64_t count = 3 - (uint64_t)_i, rsp;
	ck_assert_int_eq(build(arguments, environment, sizeof(buffer), &rsp), 0);
	ck_assert_uint_eq(rsp % 16, 0);
	ck_assert_uint_eq(word(rsp), count);
	for (uint64_t i = 0; i < count; i++)
		ck_assert_str_eq(at(word(rsp + 8 + i * 8)), arguments[i]);
	uint64_t env = rsp + 8 + count * 8;
	ck_assert_uint_eq(word(env), 0);
	ck_assert_str_eq(at(word(env + 8)), "A=1");
	ck_assert_str_eq(at(word(env + 16)), "B=2");
	ck_assert_uint_eq(word(env + 24), 0);
	uint64_t vector = env + 32;
	ck_assert_uint_eq(aux(vector, AT_PHDR), 0x400040);
	ck_assert_uint_eq(aux(vector, AT_PHNUM), 3);
	ck_assert_uint_eq(aux(vector, AT_ENTRY), 0x400200);
	ck_assert_uint_eq(aux(vector, AT_PAGESZ), 4096);
	ck_assert_uint_eq(aux(vector, AT_HWCAP), 7);
	ck_assert_uint_eq(aux(vector, AT_SYSINFO_EHDR), UINT64_MAX);
	ck_assert_mem_eq(at(aux(vector, AT_RANDOM)), "\1\2\3", 3);
	ck_assert_str_eq(at(aux(vector, AT_EXECFN)), arguments[0]);
	ck_assert_str_eq(at(aux(vector, AT_PLATFORM)), "x86_64");
}
END_TEST

/* Every size is either enough or -E2BIG; a sanitizer sees any byte written outside. */
START_TEST(small_buffer_is_e2big)
{
	const char *const arguments[] = {"one", "two", NULL}, *const environment[] = {"A=1", NULL};
	int was_enough = 0;
	for (size_t bytes = 0; bytes <= 1024; bytes++) {
		uint64_t rsp;
		memset(buffer, 0xee, sizeof(buffer));
		int ret = build(arguments, environment, bytes, &rsp);
		ck_assert(ret == 0 || (ret == -E2BIG && !was_enough));
		was_enough = ret == 0;
		size_t untouched = 0;
		while (untouched < sizeof(buffer) && buffer[untouched] == 0xee)
			untouched++;
		ck_assert_uint_ge(untouched, sizeof(buffer) - bytes);
	}
	ck_assert(was_enough);
}
END_TEST

START_TEST(no_name_is_invalid)
{
	const char *const none[] = {NULL};
	uint64_t rsp;
	ck_assert_int_eq(build(none, none, sizeof(buffer), &rsp), -EINVAL);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("linux_stack");
	TCase *c = tcase_create("stack");
	tcase_add_loop_test(c, layout_is_the_abis, 0, 3);
	tcase_add_test(c, small_buffer_is_e2big);
	tcase_add_test(c, no_name_is_invalid);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
