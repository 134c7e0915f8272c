/*
 * ELF files, good and bad: what is refused, in which words, and that no bytes whatever do harm.
 */
#include <check.h>
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "elf_plan.h"
#include "norma_abi.h"
#include "run_suite.h"

#define FILE_BYTES 0x3000
#define PIE_BASE   UINT64_C(0x10000000)

static uint8_t file[FILE_BYTES];
static Elf64_Ehdr *head;
static Elf64_Phdr *phdrs;
static struct elf_plan plan;
static char why[ELF_WHY_BYTES];

/* Text with the headers at 0x400000, data of 0x800 file and 0x2800 memory bytes at 0x402000. */
static void setup(void)
{
	memset(file, 0, sizeof(file));
	head = (Elf64_Ehdr *)(void *)file;
	phdrs = (Elf64_Phdr *)(void *)(file + sizeof(*head));
	*head = (Elf64_Ehdr){
	    .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
	    .e_type = ET_EXEC,
	    .e_machine = EM_X86_64,
	    .e_version = EV_CURRENT,
	    .e_entry = 0x400200,
	    .e_phoff = sizeof(*head),
	    .e_ehsize = sizeof(*head),
	    .e_phentsize = sizeof(*phdrs),
	    .e_phnum = 3,
	};
	phdrs[0] = (Elf64_Phdr){.p_type = PT_LOAD,
				.p_flags = PF_R | PF_X,
				.p_vaddr = 0x400000,
				.p_filesz = 0x1000,
				.p_memsz = 0x1000,
				.p_align = 0x1000};
	phdrs[1] = (Elf64_Phdr){.p_type = PT_LOAD,
				.p_flags = PF_R | PF_W,
				.p_offset = 0x2000,
				.p_vaddr = 0x402000,
				.p_filesz = 0x800,
				.p_memsz = 0x2800,
				.p_align = 0x1000};
	phdrs[2] = (Elf64_Phdr){.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W};
}

static int make(void)
{
	return elf_plan_make(file, sizeof(file), PIE_BASE, &plan, why);
}

START_TEST(good_file_has_a_plan)
{
	ck_assert_int_eq(make(), 0);
	ck_assert_uint_eq(plan.segment_count, 2);
	ck_assert_uint_eq(plan.entry, 0x400200);
	ck_assert_uint_eq(plan.phdr_address, 0x400000 + sizeof(*head));
	ck_assert_uint_eq(plan.phdr_count, 3);
	ck_assert_uint_eq(plan.start, 0x400000);
	ck_assert_uint_eq(plan.end, 0x405000);
	ck_assert_int_eq(plan.segments[0].protection, PROT_READ | PROT_EXEC);
	ck_assert_uint_eq(plan.segments[1].memory_bytes, 0x2800);
}
END_TEST

START_TEST(position_independent_file_is_moved)
{
	head->e_type = ET_DYN;
	phdrs[0].p_vaddr -= 0x400000;
	phdrs[1].p_vaddr -= 0x400000;
	head->e_entry -= 0x400000;
	ck_assert_int_eq(make(), 0);
	ck_assert_uint_eq(plan.start, PIE_BASE);
	ck_assert_uint_eq(plan.entry, PIE_BASE + 0x200);
}
END_TEST

enum bad {
	BAD_MAGIC,
	BAD_CLASS,
	BAD_DATA,
	BAD_MACHINE,
	BAD_VERSION,
	BAD_OBJECT,
	BAD_PHENTSIZE,
	BAD_NO_PHDRS,
	BAD_MANY_PHDRS,
	BAD_PHOFF,
	BAD_PHOFF_OVERFLOW,
	BAD_DYNAMIC,
	BAD_FILE_RANGE,
	BAD_FILE_OVERFLOW,
	BAD_FILESZ_OVERFLOW,
	BAD_FILESZ,
	BAD_ALIGN,
	BAD_PAGE_OFFSET,
	BAD_NULL_PAGE,
	BAD_SYSTEM,
	BAD_OVERFLOW,
	BAD_OVERLAP,
	BAD_ORDER,
	BAD_SAME_PAGE,
	BAD_ENTRY,
	BAD_ENTRY_DATA,
	BAD_LIBRARY,
	BAD_EMPTY,
	BAD_NUM,
};

static const char *const words[BAD_NUM] = {
    [BAD_MAGIC] = "is not an ELF file",
    [BAD_CLASS] = "32-bit",
    [BAD_DATA] = "little-endian",
    [BAD_MACHINE] = "another processor",
    [BAD_VERSION] = "version",
    [BAD_OBJECT] = "not a program",
    [BAD_PHENTSIZE] = "damaged",
    [BAD_NO_PHDRS] = "damaged",
    [BAD_MANY_PHDRS] = "damaged",
    [BAD_PHOFF] = "beyond the end",
    [BAD_PHOFF_OVERFLOW] = "beyond the end",
    [BAD_DYNAMIC] = "is dynamically linked; build it with gcc -static",
    [BAD_FILE_RANGE] = "beyond the end",
    [BAD_FILE_OVERFLOW] = "beyond the end",
    [BAD_FILESZ_OVERFLOW] = "beyond the end",
    [BAD_FILESZ] = "more bytes in the file",
    [BAD_ALIGN] = "power of two",
    [BAD_PAGE_OFFSET] = "differ within a page",
    [BAD_NULL_PAGE] = "outside the 128 GiB",
    [BAD_SYSTEM] = "outside the 128 GiB",
    [BAD_OVERFLOW] = "outside the 128 GiB",
    [BAD_OVERLAP] = "overlap",
    [BAD_ORDER] = "overlap",
    [BAD_SAME_PAGE] = "overlap",
    [BAD_ENTRY] = "no executable segment",
    [BAD_ENTRY_DATA] = "no executable segment",
    [BAD_LIBRARY] = "shared library",
    [BAD_EMPTY] = "nothing to load",
};

static void damage_head(int which)
{
	switch (which) {
	case BAD_MAGIC:
		file[0] = 'x';
		break;
	case BAD_CLASS:
		file[EI_CLASS] = ELFCLASS32;
		break;
	case BAD_DATA:
		file[EI_DATA] = ELFDATA2MSB;
		break;
	case BAD_MACHINE:
		head->e_machine = EM_AARCH64;
		break;
	case BAD_VERSION:
		head->e_version = 2;
		break;
	case BAD_OBJECT:
		head->e_type = ET_REL;
		break;
	case BAD_PHENTSIZE:
		head->e_phentsize = 57;
		break;
	case BAD_NO_PHDRS:
		head->e_phnum = 0;
		break;
	case BAD_MANY_PHDRS:
		head->e_phnum = PN_XNUM;
		break;
	case BAD_PHOFF:
		head->e_phoff = FILE_BYTES - 8;
		break;
	case BAD_PHOFF_OVERFLOW:
		head->e_phoff = UINT64_MAX - 8;
		break;
	case BAD_ENTRY:
		head->e_entry = 0x500000;
		break;
	case BAD_ENTRY_DATA:
		head->e_entry = 0x402000;
		break;
	case BAD_LIBRARY:
		head->e_type = ET_DYN;
		head->e_entry = 0;
		break;
	default:
		break;
	}
}

static void damage_segments(int which)
{
	switch (which) {
	case BAD_DYNAMIC:
		phdrs[2].p_type = PT_INTERP;
		break;
	case BAD_FILE_RANGE:
		phdrs[1].p_offset = FILE_BYTES;
		break;
	case BAD_FILE_OVERFLOW:
		phdrs[1].p_offset = UINT64_MAX & ~UINT64_C(0xfff);
		break;
	case BAD_FILESZ_OVERFLOW:
		phdrs[1].p_filesz = UINT64_MAX - 0x1fff;
		break;
	case BAD_FILESZ:
		phdrs[1].p_memsz = 0x7ff;
		break;
	case BAD_ALIGN:
		phdrs[1].p_align = 0x1001;
		break;
	case BAD_PAGE_OFFSET:
		phdrs[1].p_vaddr += 8;
		break;
	case BAD_NULL_PAGE:
		phdrs[0].p_vaddr = 0;
		break;
	case BAD_SYSTEM:
		phdrs[1].p_vaddr = NORMA_SYSTEM_BASE;
		break;
	case BAD_OVERFLOW:
		phdrs[1].p_memsz = UINT64_MAX;
		break;
	case BAD_OVERLAP:
		phdrs[1].p_vaddr = 0x400000;
		break;
	case BAD_ORDER:
		phdrs[0].p_vaddr = 0x500000;
		break;
	case BAD_SAME_PAGE:
		phdrs[0].p_memsz = 0x2001;
		break;
	case BAD_EMPTY:
		phdrs[0].p_type = phdrs[1].p_type = PT_NOTE;
		break;
	default:
		break;
	}
}

START_TEST(bad_file_is_refused_in_words)
{
	damage_head(_i);
	damage_segments(_i);
	ck_assert_int_eq(make(), -ENOEXEC);
	ck_assert_msg(strstr(why, words[_i]) != NULL, "case %d: %s", _i, why);
}
END_TEST

START_TEST(every_truncation_is_refused_or_whole)
{
	for (size_t bytes = 0; bytes < 0x2800; bytes++) {
		uint8_t *copy = malloc(bytes + 1);
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, file, bytes);
		ck_assert_int_eq(elf_plan_make(copy, bytes, PIE_BASE, &plan, why), -ENOEXEC);
		free(copy);
	}
	ck_assert_int_eq(elf_plan_make(file, 0x2800, PIE_BASE, &plan, why), 0);
}
END_TEST

/* Whatever is accepted keeps the plan's promises. */
START_TEST(random_damage_never_breaks_the_promises)
{
	uint64_t random = 88172645463325252u;
	for (int i = 0; i < 300000; i++) {
		setup();
		for (int n = 0; n < 1 + i % 3; n++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			file[random % (sizeof(*head) + 3 * sizeof(*phdrs))] =
			    (uint8_t)(random >> 32);
		}
		if (make())
			continue;
		uint64_t before = NORMA_USER_START;
		for (uint32_t s = 0; s < plan.segment_count; s++) {
			const struct elf_segment *segment = &plan.segments[s];
			ck_assert_uint_ge(segment->address, before);
			ck_assert_uint_le(segment->memory_bytes, NORMA_USER_END - segment->address);
			ck_assert_uint_le(segment->file_bytes, segment->memory_bytes);
			ck_assert_uint_le(segment->file_offset + segment->file_bytes, FILE_BYTES);
			before = segment->address + segment->memory_bytes;
		}
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("linux_elf");
	TCase *c = tcase_create("elf");
	tcase_add_checked_fixture(c, setup, NULL);
	tcase_add_test(c, good_file_has_a_plan);
	tcase_add_test(c, position_independent_file_is_moved);
	tcase_add_loop_test(c, bad_file_is_refused_in_words, 0, BAD_NUM);
	tcase_add_test(c, every_truncation_is_refused_or_whole);
	tcase_add_test(c, random_damage_never_breaks_the_promises);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
