/*
 * Which memory an instruction touches, and which rule that breaks. Instructions as bytes,
 * hand-assembled.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "run_suite.h"

static const struct thread_state state = {
    .rip = 0x400000,
    .rsp = 0x8000,
    .rax = 0x10,
    .rbx = 0x20000,
    .rcx = 3,
    .rdx = 0x30000,
    .rsi = 0x40000,
    .rdi = 0x50000,
    .rbp = 0x60000,
    .r8 = 0x70000,
    .fs_base = 0x90000,
    .gs_base = 0xa0000,
};

struct row {
	const char *name;
	uint8_t bytes[FAULT_INSTRUCTION_BYTES_MAX];
	int count;
	struct fault_operand operands[2];
};

static const struct row rows[] = {
    {"mov (%rdi),%rax", {0x48, 0x8b, 0x07}, 1, {{0x50000, 8, FAULT_READ}}},
    {"mov %al,8(%rbx,%rcx,4)", {0x88, 0x44, 0x8b, 0x08}, 1, {{0x20014, 1, FAULT_WRITE}}},
    {"lock incq (%rdi)", {0xf0, 0x48, 0xff, 0x07}, 1, {{0x50000, 8, FAULT_READ | FAULT_WRITE}}},
    {"mov 0x10(%rip),%eax", {0x8b, 0x05, 0x10, 0, 0, 0}, 1, {{0x400016, 4, FAULT_READ}}},
    {"mov %fs:0x28,%rax",
     {0x64, 0x48, 0x8b, 0x04, 0x25, 0x28, 0, 0, 0},
     1,
     {{0x90028, 8, FAULT_READ}}},
    {"mov %gs:(%rdi),%al", {0x65, 0x8a, 0x07}, 1, {{0xf0000, 1, FAULT_READ}}},
    {"mov (%edi),%eax", {0x67, 0x8b, 0x07}, 1, {{0x50000, 4, FAULT_READ}}},
    {"lea (%rdi),%rax", {0x48, 0x8d, 0x07}, 0, {{0}}},
    {"nopl (%rdi)", {0x0f, 0x1f, 0x07}, 0, {{0}}},
    {"prefetcht0 (%rdi)", {0x0f, 0x18, 0x0f}, 0, {{0}}},
    {"add %eax,%ebx", {0x01, 0xc3}, 0, {{0}}},
    {"push %rax", {0x50}, 1, {{0x7ff8, 8, FAULT_WRITE}}},
    {"pop %rax", {0x58}, 1, {{0x8000, 8, FAULT_READ}}},
    {"pushq (%rdi)", {0xff, 0x37}, 2, {{0x50000, 8, FAULT_READ}, {0x7ff8, 8, FAULT_WRITE}}},
    {"popq 8(%rsp)",
     {0x8f, 0x44, 0x24, 0x08},
     2,
     {{0x8010, 8, FAULT_WRITE}, {0x8000, 8, FAULT_READ}}},
    {"call .+5", {0xe8, 0, 0, 0, 0}, 1, {{0x7ff8, 8, FAULT_WRITE}}},
    {"call *(%rdi)", {0xff, 0x17}, 2, {{0x50000, 8, FAULT_READ}, {0x7ff8, 8, FAULT_WRITE}}},
    {"ret", {0xc3}, 1, {{0x8000, 8, FAULT_READ}}},
    {"leave", {0xc9}, 1, {{0x60000, 8, FAULT_READ}}},
    {"pushfq", {0x9c}, 1, {{0x7ff8, 8, FAULT_WRITE}}},
    {"movsb", {0xa4}, 2, {{0x50000, 1, FAULT_WRITE}, {0x40000, 1, FAULT_READ}}},
    {"rep stosq", {0xf3, 0x48, 0xab}, 1, {{0x50000, 8, FAULT_WRITE}}},
    {"xlat", {0xd7}, 1, {{0x20010, 1, FAULT_READ}}},
    {"bts %rdx,(%rdi)", {0x48, 0x0f, 0xab, 0x17}, 1, {{0x56000, 8, FAULT_READ | FAULT_WRITE}}},
    {"vmovdqu %ymm0,(%rdi)", {0xc5, 0xfe, 0x7f, 0x07}, 1, {{0x50000, 32, FAULT_WRITE}}},
    {"movups (%r8),%xmm0", {0x41, 0x0f, 0x10, 0x00}, 1, {{0x70000, 16, FAULT_READ}}},
    {"fxsave (%rdi)", {0x0f, 0xae, 0x07}, 1, {{0x50000, 512, FAULT_WRITE}}},
    {"cmpxchg16b (%rdi)", {0x48, 0x0f, 0xc7, 0x0f}, 1, {{0x50000, 16, FAULT_READ | FAULT_WRITE}}},
};

static int has_operand(const struct fault_operand *list, int count,
		       const struct fault_operand *wanted)
{
	for (int i = 0; i < count; i++)
		if (list[i].address == wanted->address && list[i].bytes == wanted->bytes &&
		    list[i].access == wanted->access)
			return 1;
	return 0;
}

START_TEST(operands_are_listed)
{
	const struct row *row = &rows[_i];
	struct fault_operand found[FAULT_OPERANDS_MAX];
	int count = fault_operands(&state, row->bytes, sizeof(row->bytes), NULL, found);
	ck_assert_msg(count == row->count, "%s: %d operands", row->name, count);
	for (int i = 0; i < row->count; i++)
		ck_assert_msg(has_operand(found, count, &row->operands[i]),
			      "%s: operand %d is 0x%llx+%u access %u", row->name, i,
			      (unsigned long long)found[i].address, found[i].bytes,
			      found[i].access);
}
END_TEST

START_TEST(repeat_of_nothing_touches_nothing)
{
	const uint8_t rep_movsb[] = {0xf3, 0xa4};
	struct thread_state none = state;
	struct fault_operand found[FAULT_OPERANDS_MAX];
	none.rcx = 0;
	ck_assert_int_eq(fault_operands(&none, rep_movsb, sizeof(rep_movsb), NULL, found), 0);
}
END_TEST

/* Any bytes: no crash, at most FAULT_OPERANDS_MAX entries. */
START_TEST(random_bytes_do_no_harm)
{
	uint64_t random = 88172645463325252u;
	uint8_t area[4096];
	memset(area, 0xa5, sizeof(area));
	const struct fault_vectors vectors = {area, sizeof(area)}, few = {area, 100};
	for (int i = 0; i < 200000; i++) {
		uint8_t bytes[16];
		struct fault_operand found[FAULT_OPERANDS_MAX];
		for (int half = 0; half < 2; half++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			memcpy(bytes + half * 8, &random, 8);
		}
		/* Every other one a vector instruction: those have the most operands. */
		if (i % 4 == 1)
			memcpy(bytes, (const uint8_t[]){0x62, 0xf2, 0x7d, 0x49}, 4);
		if (i % 4 == 3)
			memcpy(bytes, (const uint8_t[]){0xc4, 0xe2, 0x6d, 0x90}, 4);
		int count = fault_operands(&state, bytes, (size_t)(random % 16),
					   i & 4 ? &vectors : &few, found);
		ck_assert(count == -EINVAL || (count >= 0 && count <= FAULT_OPERANDS_MAX));
	}
}
END_TEST

/* 0x400000: code; 0x50000..0x51fff: the region under test with these rights; 0x52000: lost page. */
static uint32_t lookup(void *context, uint64_t gpa)
{
	const uint32_t *rights = context;
	if (gpa >= 0x400000 && gpa < 0x401000)
		return FAULT_REGION_EXISTS | FAULT_READ | FAULT_EXECUTE;
	if (gpa >= 0x52000 && gpa < 0x53000)
		return FAULT_REGION_EXISTS | FAULT_READ | FAULT_WRITE | FAULT_REGION_POISONED;
	return gpa >= 0x50000 && gpa < 0x52000 ? FAULT_REGION_EXISTS | *rights : 0;
}

static int explain(const struct thread_state *thread, const char *bytes, size_t size,
		   uint32_t rights, struct fault_report *report)
{
	const struct fault_query query = {
	    .state = thread,
	    .instruction = (const uint8_t *)bytes,
	    .instruction_bytes = size,
	    .lookup = lookup,
	    .context = &rights,
	};
	return fault_explain(&query, report);
}

#define LOAD  "\x48\x8b\x07" /* mov (%rdi),%rax */
#define STORE "\x48\x89\x07" /* mov %rax,(%rdi) */

START_TEST(rules_are_named)
{
	struct thread_state thread = state;
	struct fault_report report;
	ck_assert_int_eq(explain(&thread, LOAD, 3, FAULT_READ, &report), -EAGAIN);
	ck_assert_int_eq(explain(&thread, STORE, 3, FAULT_READ, &report), 0);
	ck_assert_int_eq(report.code, FAULT_PROTECTION_FAILURE);
	ck_assert_uint_eq(report.access, FAULT_WRITE);
	ck_assert_uint_eq(report.address, 0x50000);
	thread.rdi = 0x4fffc;
	ck_assert_int_eq(explain(&thread, LOAD, 3, FAULT_READ, &report), 0);
	ck_assert_int_eq(report.code, FAULT_INVALID_ADDRESS);
	ck_assert_uint_eq(report.address, 0x4fffc);
	thread.rdi = 0x51ffc;
	ck_assert_int_eq(explain(&thread, LOAD, 3, FAULT_READ, &report), 0);
	ck_assert_int_eq(report.code, FAULT_MEMORY_ERROR);
	ck_assert_uint_eq(report.address, 0x52000);
	thread.rdi = 8;
	ck_assert_int_eq(explain(&thread, LOAD, 3, FAULT_READ, &report), 0);
	ck_assert_uint_eq(report.address, 8);
	thread.rdi = UINT64_MAX - 2;
	ck_assert_int_eq(explain(&thread, LOAD, 3, FAULT_READ, &report), 0);
	ck_assert_int_eq(report.code, FAULT_INVALID_ADDRESS);
}
END_TEST

START_TEST(fetching_is_an_access_too)
{
	struct thread_state thread = state;
	struct fault_report report;
	thread.rip = 0x53000;
	ck_assert_int_eq(explain(&thread, "", 0, FAULT_READ, &report), 0);
	ck_assert_uint_eq(report.address, 0x53000);
	ck_assert_uint_eq(report.access, FAULT_EXECUTE);
	ck_assert_int_eq(report.code, FAULT_INVALID_ADDRESS);
	/* Half an instruction before a hole. */
	thread.rip = 0x400ffe;
	ck_assert_int_eq(explain(&thread, "\x48\x8b", 2, FAULT_READ, &report), 0);
	ck_assert_uint_eq(report.address, 0x401000);
	thread.rip = 0x50000;
	ck_assert_int_eq(explain(&thread, LOAD, 3, 0, &report), 0);
	ck_assert_int_eq(report.code, FAULT_PROTECTION_FAILURE);
	ck_assert_uint_eq(report.access, FAULT_EXECUTE);
}
END_TEST

START_TEST(undecodable_has_no_address)
{
	struct thread_state thread = state;
	struct fault_report report;
	ck_assert_int_eq(explain(&thread,
				 "\x06\x06\x06\x06\x06\x06\x06\x06\x06\x06\x06\x06\x06\x06\x06", 15,
				 FAULT_READ, &report),
			 0);
	ck_assert(!report.is_address_known);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("machine_fault");
	TCase *c = tcase_create("fault");
	tcase_add_loop_test(c, operands_are_listed, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(c, repeat_of_nothing_touches_nothing);
	tcase_add_test(c, random_bytes_do_no_harm);
	tcase_add_test(c, rules_are_named);
	tcase_add_test(c, fetching_is_an_access_too);
	tcase_add_test(c, undecodable_has_no_address);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
