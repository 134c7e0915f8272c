/*
 * x86 vectors in Mach's words.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "exception.h"
#include "run_suite.h"

static const struct {
	uint8_t vector;
	uint32_t error_code;
	int exception;
	int64_t code;
} rows[] = {
    {0, 0, 3, 1},   {1, 0, 6, 1},   {3, 0, 6, 2},   {4, 0, 3, 2},	{6, 0, 2, 1},
    {11, 8, 2, 9},  {12, 0, 2, 12}, {13, 0, 2, 13}, {13, 0x402, 2, 13}, {16, 0, 3, 5},
    {17, 0, 1, 17}, {19, 0, 3, 8},  {31, 7, 2, 31},
};

START_TEST(vector_has_its_exception)
{
	struct vcpu_exit exit = {.kind = VCPU_EXIT_EXCEPTION,
				 .vector = rows[_i].vector,
				 .error_code = rows[_i].error_code};
	struct thread_state state = {.rip = 0x1234};
	struct exception_description description;
	exception_describe(&exit, &state, &description);
	ck_assert_int_eq(description.exception, rows[_i].exception);
	ck_assert_int_eq(description.code, rows[_i].code);
	ck_assert_uint_eq(description.rip, 0x1234);
	ck_assert(!description.is_address_known);
	ck_assert_ptr_nonnull(strstr(description.text, "0x1234"));
	ck_assert_uint_lt(strlen(description.text), sizeof(description.text) - 1);
}
END_TEST

START_TEST(page_fault_tells_the_access)
{
	struct vcpu_exit exit = {.vector = 14, .error_code = 2 | 4, .cr2 = 0x3000000000};
	struct thread_state state = {.rip = 0x1234};
	struct exception_description description;
	exception_describe(&exit, &state, &description);
	ck_assert_int_eq(description.exception, EXCEPTION_BAD_ACCESS);
	ck_assert_int_eq(description.code, FAULT_INVALID_ADDRESS);
	ck_assert_uint_eq(description.address, 0x3000000000);
	ck_assert_ptr_nonnull(strstr(description.text, "writing to 0x3000000000"));
	exit.error_code = 16;
	exception_describe(&exit, &state, &description);
	ck_assert_ptr_nonnull(strstr(description.text, "fetching"));
}
END_TEST

START_TEST(fault_tells_the_rule)
{
	struct thread_state state = {.rip = 0x1234};
	struct exception_description description;
	struct fault_report report = {1, 0x5000, FAULT_READ, FAULT_MEMORY_ERROR};
	exception_describe_fault(&report, &state, &description);
	ck_assert_int_eq(description.code, 10);
	ck_assert_int_eq(description.subcode, 0x5000);
	ck_assert_ptr_nonnull(strstr(description.text, "lost"));
	report = (struct fault_report){0, 0, 0, FAULT_INVALID_ADDRESS};
	exception_describe_fault(&report, &state, &description);
	ck_assert(!description.is_address_known);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("machine_exception");
	TCase *c = tcase_create("exception");
	tcase_add_loop_test(c, vector_has_its_exception, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(c, page_fault_tells_the_access);
	tcase_add_test(c, fault_tells_the_rule);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
