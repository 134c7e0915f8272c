/*
 * ELF-64 reading. The file is foreign input: offsets and sizes are added only with overflow checks.
 */
#include "elf_plan.h"

#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "norma_abi.h"

#define PAGE_MASK ((uint64_t)NORMA_PAGE_BYTES - 1)

struct elf_reader {
	const uint8_t *file;
	size_t bytes;
	uint64_t bias;
	Elf64_Ehdr head;
	struct elf_plan *plan;
	char *why;
};

__attribute__((format(printf, 2, 3))) static int refuse(const struct elf_reader *reader,
							const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(reader->why, ELF_WHY_BYTES, format, arguments);
	va_end(arguments);
	return -ENOEXEC;
}

static int range_is_in_file(const struct elf_reader *reader, uint64_t offset, uint64_t bytes)
{
	return offset <= reader->bytes && bytes <= reader->bytes - offset;
}

static int head_check(struct elf_reader *reader)
{
	const Elf64_Ehdr *head = &reader->head;
	if (reader->bytes < EI_NIDENT || memcmp(reader->file, ELFMAG, SELFMAG) != 0)
		return refuse(reader, "is not an ELF file");
	if (reader->file[EI_CLASS] == ELFCLASS32)
		return refuse(reader, "is a 32-bit program; only 64-bit x86 programs run here");
	if (reader->file[EI_CLASS] != ELFCLASS64 || reader->file[EI_DATA] != ELFDATA2LSB)
		return refuse(reader, "is not a 64-bit little-endian ELF file");
	if (reader->bytes < sizeof(*head))
		return refuse(reader, "ends inside its ELF header");
	memcpy(&reader->head, reader->file, sizeof(*head));
	if (head->e_machine != EM_X86_64)
		return refuse(reader,
			      "is for another processor (ELF machine %u); only x86-64 runs here",
			      head->e_machine);
	if (head->e_ident[EI_VERSION] != EV_CURRENT || head->e_version != EV_CURRENT)
		return refuse(reader, "has an unknown ELF version");
	if (head->e_type != ET_EXEC && head->e_type != ET_DYN)
		return refuse(reader, "is not a program but an object or core file (ELF type %u)",
			      head->e_type);
	if (head->e_phentsize != sizeof(Elf64_Phdr) || head->e_phnum == 0 ||
	    head->e_phnum > ELF_PHDRS_MAX)
		return refuse(reader, "has a damaged program header table (%u entries of %u bytes)",
			      head->e_phnum, head->e_phentsize);
	if (!range_is_in_file(reader, head->e_phoff, (uint64_t)head->e_phnum * sizeof(Elf64_Phdr)))
		return refuse(reader, "has a program header table beyond the end of the file");
	return 0;
}

static Elf64_Phdr phdr_at(const struct elf_reader *reader, uint32_t index)
{
	Elf64_Phdr phdr;
	memcpy(&phdr, reader->file + reader->head.e_phoff + index * sizeof(phdr), sizeof(phdr));
	return phdr;
}

static int is_dynamic(const struct elf_reader *reader)
{
	for (uint32_t i = 0; i < reader->head.e_phnum; i++)
		if (phdr_at(reader, i).p_type == PT_INTERP)
			return 1;
	return 0;
}

static int phdr_check(const struct elf_reader *reader, const Elf64_Phdr *phdr, uint64_t address)
{
	uint64_t end;
	if (!range_is_in_file(reader, phdr->p_offset, phdr->p_filesz))
		return refuse(reader, "has a segment beyond the end of the file");
	if (phdr->p_filesz > phdr->p_memsz)
		return refuse(reader, "has a segment with more bytes in the file than in memory");
	if (phdr->p_align > 1 && (phdr->p_align & (phdr->p_align - 1)))
		return refuse(reader, "has a segment whose alignment is not a power of two");
	if ((phdr->p_vaddr ^ phdr->p_offset) & PAGE_MASK)
		return refuse(reader,
			      "has a segment whose address and file offset differ within a page");
	if (__builtin_add_overflow(address, phdr->p_memsz, &end) || address < NORMA_USER_START ||
	    end > NORMA_USER_END)
		return refuse(
		    reader,
		    "has a segment at 0x%llx with 0x%llx bytes, outside the 128 GiB of user space",
		    (unsigned long long)address, (unsigned long long)phdr->p_memsz);
	return 0;
}

static int protection_of(uint32_t flags)
{
	return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) |
	       (flags & PF_X ? PROT_EXEC : 0);
}

static int segment_add(struct elf_reader *reader, const Elf64_Phdr *phdr)
{
	struct elf_plan *plan = reader->plan;
	if (phdr->p_memsz == 0)
		return 0;
	/* Wraps by intention: the bias may be negative; phdr_check refuses what ends outside user
	 * space. */
	uint64_t address = phdr->p_vaddr + reader->bias;
	int ret = phdr_check(reader, phdr, address);
	if (ret)
		return ret;
	if (plan->segment_count == ELF_SEGMENTS_MAX)
		return refuse(reader, "has more than %d segments", ELF_SEGMENTS_MAX);
	if (plan->segment_count && address < plan->end)
		return refuse(reader, "has segments that overlap or do not ascend (at 0x%llx)",
			      (unsigned long long)address);
	plan->segments[plan->segment_count++] = (struct elf_segment){
	    address, phdr->p_memsz, phdr->p_offset, phdr->p_filesz, protection_of(phdr->p_flags)};
	if (plan->segment_count == 1)
		plan->start = address & ~PAGE_MASK;
	plan->end = (address + phdr->p_memsz + PAGE_MASK) & ~PAGE_MASK;
	return 0;
}

static void phdr_address_find(struct elf_reader *reader)
{
	struct elf_plan *plan = reader->plan;
	uint64_t table_bytes = (uint64_t)reader->head.e_phnum * sizeof(Elf64_Phdr);
	for (uint32_t i = 0; i < plan->segment_count; i++) {
		const struct elf_segment *segment = &plan->segments[i];
		uint64_t offset = reader->head.e_phoff - segment->file_offset;
		if (reader->head.e_phoff < segment->file_offset || offset > segment->file_bytes ||
		    table_bytes > segment->file_bytes - offset)
			continue;
		plan->phdr_address = segment->address + offset;
		return;
	}
}

static int entry_check(struct elf_reader *reader)
{
	struct elf_plan *plan = reader->plan;
	plan->entry = reader->head.e_entry + reader->bias;
	if (reader->head.e_type == ET_DYN && reader->head.e_entry == 0)
		return refuse(reader, "is a shared library, not a program");
	for (uint32_t i = 0; i < plan->segment_count; i++) {
		const struct elf_segment *segment = &plan->segments[i];
		if (plan->entry >= segment->address && (segment->protection & PROT_EXEC) &&
		    plan->entry - segment->address < segment->memory_bytes)
			return 0;
	}
	return refuse(reader, "starts at 0x%llx, which is in no executable segment",
		      (unsigned long long)plan->entry);
}

/* pie_base is where the lowest page goes: a file whose first segment is not at 0 moves all the
 * same. */
static uint64_t bias_of(const struct elf_reader *reader, uint64_t pie_base)
{
	uint64_t lowest = UINT64_MAX;
	if (reader->head.e_type == ET_EXEC)
		return 0;
	for (uint32_t i = 0; i < reader->head.e_phnum; i++) {
		Elf64_Phdr phdr = phdr_at(reader, i);
		if (phdr.p_type == PT_LOAD && phdr.p_vaddr < lowest)
			lowest = phdr.p_vaddr;
	}
	return pie_base - (lowest & ~PAGE_MASK);
}

int elf_plan_make(const uint8_t *file, size_t bytes, uint64_t pie_base, struct elf_plan *plan,
		  char why[static ELF_WHY_BYTES])
{
	struct elf_reader reader = {.file = file, .bytes = bytes, .plan = plan, .why = why};
	memset(plan, 0, sizeof(*plan));
	why[0] = '\0';
	int ret = head_check(&reader);
	if (ret)
		return ret;
	if (is_dynamic(&reader))
		return refuse(&reader, "is dynamically linked; build it with gcc -static");
	reader.bias = bias_of(&reader, pie_base);
	for (uint32_t i = 0; i < reader.head.e_phnum && !ret; i++) {
		Elf64_Phdr phdr = phdr_at(&reader, i);
		if (phdr.p_type == PT_LOAD)
			ret = segment_add(&reader, &phdr);
	}
	if (ret)
		return ret;
	if (plan->segment_count == 0)
		return refuse(&reader, "has nothing to load");
	plan->phdr_count = reader.head.e_phnum;
	phdr_address_find(&reader);
	return entry_check(&reader);
}
