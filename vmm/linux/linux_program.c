/*
 * Carries out an ELF plan with the host's callbacks and builds the first thread's stack.
 */
#include "linux_program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include "initial_stack.h"
#include "norma_abi.h"

#define PAGE_MASK ((uint64_t)NORMA_PAGE_BYTES - 1)

static int map_fixed(const struct linux_host *host, uint64_t start, uint64_t end)
{
	struct linux_map_request request = {
	    .address = start,
	    .bytes = end - start,
	    .protection = PROT_READ | PROT_WRITE,
	    .place = LINUX_MAP_FIXED_FREE,
	};
	int64_t ret = host->map(host->context, &request);
	return ret < 0 ? (int)ret : 0;
}

/* Fresh memory is zero, so only the file's bytes are copied; the final protection comes last. */
static int segment_load(const struct linux_program *program, const struct linux_host *host,
			const struct elf_segment *segment)
{
	uint64_t start = segment->address & ~PAGE_MASK;
	uint64_t end = (segment->address + segment->memory_bytes + PAGE_MASK) & ~PAGE_MASK;
	int ret = map_fixed(host, start, end);
	if (!ret)
		ret = host->copy_out(host->context, segment->address,
				     program->file + segment->file_offset,
				     (size_t)segment->file_bytes);
	if (!ret && segment->protection != (PROT_READ | PROT_WRITE))
		ret = host->protect(host->context, start, end - start, segment->protection);
	return ret;
}

static const char *why_not(int error)
{
	return error == -ENOMEM ? "there is no memory for it, or more is needed than the task may "
				  "have ([limits] task_memory_bytes)"
				: strerror(-error);
}

static int segments_load(const struct linux_program *program, const struct linux_host *host,
			 const struct elf_plan *plan, char *why)
{
	int ret = 0;
	for (uint32_t i = 0; i < plan->segment_count && !ret; i++) {
		ret = segment_load(program, host, &plan->segments[i]);
		if (ret)
			snprintf(why, ELF_WHY_BYTES, "cannot be loaded at 0x%llx: %s",
				 (unsigned long long)plan->segments[i].address, why_not(ret));
	}
	return ret;
}

static int stack_write(const struct linux_program *program, const struct linux_host *host,
		       const struct elf_plan *plan, uint64_t *ret_rsp)
{
	struct initial_stack_input input = {
	    .arguments = program->arguments,
	    .environment = program->environment,
	    .plan = plan,
	    .hwcap = getauxval(AT_HWCAP),
	    .hwcap2 = getauxval(AT_HWCAP2),
	    .clock_ticks_per_second = (uint64_t)sysconf(_SC_CLK_TCK),
	};
	uint64_t rsp = 0;
	int ret = host->random(host->context, input.random, sizeof(input.random));
	if (ret)
		return ret;
	uint8_t *buffer = malloc(INITIAL_STACK_BYTES_MAX);
	if (!buffer)
		return -ENOMEM;
	ret = initial_stack_build(&input, buffer, INITIAL_STACK_BYTES_MAX, LINUX_STACK_TOP, &rsp);
	uint64_t used = LINUX_STACK_TOP - rsp;
	if (!ret)
		ret = host->copy_out(host->context, rsp, buffer + INITIAL_STACK_BYTES_MAX - used,
				     used);
	free(buffer);
	*ret_rsp = rsp;
	return ret;
}

static int stack_load(const struct linux_program *program, const struct linux_host *host,
		      const struct elf_plan *plan, struct linux_program_loaded *loaded, char *why)
{
	loaded->stack_bytes = LINUX_STACK_BYTES;
	loaded->stack_bottom = LINUX_STACK_TOP - LINUX_STACK_BYTES;
	if (plan->start < LINUX_STACK_TOP &&
	    plan->end > loaded->stack_bottom - LINUX_STACK_GUARD_BYTES) {
		snprintf(why, ELF_WHY_BYTES,
			 "occupies the stack's place (0x%llx to 0x%llx); link it elsewhere",
			 (unsigned long long)loaded->stack_bottom,
			 (unsigned long long)LINUX_STACK_TOP);
		return -ENOEXEC;
	}
	int ret = map_fixed(host, loaded->stack_bottom, LINUX_STACK_TOP);
	if (!ret)
		ret = stack_write(program, host, plan, &loaded->state.rsp);
	if (ret == -E2BIG)
		snprintf(why, ELF_WHY_BYTES, "has more than %u bytes of arguments and environment",
			 INITIAL_STACK_BYTES_MAX);
	else if (ret)
		snprintf(why, ELF_WHY_BYTES, "cannot be given a stack: %s", why_not(ret));
	return ret;
}

static void heap_place(const struct elf_plan *plan, struct linux_program_loaded *loaded)
{
	uint64_t limit = loaded->stack_bottom - LINUX_STACK_GUARD_BYTES;
	loaded->brk_start = plan->end;
	if (plan->end > limit)
		limit = plan->end + LINUX_HEAP_BYTES;
	loaded->brk_limit = limit < NORMA_USER_END ? limit : NORMA_USER_END;
}

int linux_program_load(const struct linux_program *program, const struct linux_host *host,
		       struct linux_program_loaded *ret_loaded, char why[static ELF_WHY_BYTES])
{
	struct elf_plan plan;
	struct linux_program_loaded loaded = {0};
	int ret = elf_plan_make(program->file, program->bytes, LINUX_PIE_BASE, &plan, why);
	if (ret)
		return ret;
	ret = stack_load(program, host, &plan, &loaded, why);
	if (!ret)
		ret = segments_load(program, host, &plan, why);
	if (ret)
		return ret;
	heap_place(&plan, &loaded);
	loaded.state.rip = plan.entry;
	*ret_loaded = loaded;
	return 0;
}
