/*
 * Reads a static Linux x86-64 ELF file into a plan of segments. Pure: every field of the file is
 * checked before it is used, and nothing is allocated or mapped.
 */
#ifndef LINUX_ELF_PLAN_H
#define LINUX_ELF_PLAN_H

#include <stddef.h>
#include <stdint.h>

#define ELF_SEGMENTS_MAX 32
#define ELF_PHDRS_MAX	 128
#define ELF_WHY_BYTES	 160

struct elf_segment {
	uint64_t address;      /* where the file's bytes go; not page aligned */
	uint64_t memory_bytes; /* from address; zero behind file_bytes */
	uint64_t file_offset;
	uint64_t file_bytes;
	int protection; /* PROT_READ, PROT_WRITE, PROT_EXEC */
};

/* Segments ascend and share no page; all lie in [NORMA_USER_START, NORMA_USER_END). */
struct elf_plan {
	struct elf_segment segments[ELF_SEGMENTS_MAX];
	uint32_t segment_count;
	uint16_t phdr_count;
	uint64_t phdr_address; /* of the program headers in memory, 0 if no segment holds them */
	uint64_t entry;
	uint64_t start; /* first page */
	uint64_t end;	/* behind the last page */
};

/* file[bytes] must not change meanwhile. A position independent file is placed at pie_base (page
 * aligned). Return: 0, or -ENOEXEC with a clause in why ("is dynamically linked; ...") that reads
 * on after the file's name. */
int elf_plan_make(const uint8_t *file, size_t bytes, uint64_t pie_base, struct elf_plan *plan,
		  char why[static ELF_WHY_BYTES]);

#endif
