/*
 * Lays out the initial stack downwards from the top: strings, random bytes, then the vectors.
 */
#include "initial_stack.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "norma_abi.h"

#define AUX_PAIRS 18
#define WORD	  sizeof(uint64_t)

struct stack_writer {
	uint8_t *buffer;
	size_t bytes;
	size_t at; /* offset in buffer of the lowest byte written */
	uint64_t top;
};

static uint64_t stack_address(const struct stack_writer *writer)
{
	return writer->top - (writer->bytes - writer->at);
}

static int stack_push(struct stack_writer *writer, const void *data, size_t bytes)
{
	if (bytes > writer->at)
		return -E2BIG;
	writer->at -= bytes;
	memcpy(writer->buffer + writer->at, data, bytes);
	return 0;
}

static int stack_push_word(struct stack_writer *writer, uint64_t word)
{
	return stack_push(writer, &word, sizeof(word));
}

static size_t strings_count(const char *const *strings)
{
	size_t count = 0;
	while (strings[count] && count < INITIAL_STACK_STRINGS_MAX)
		count++;
	return count;
}

/* Last string first, so that they end up in order in memory, as programs that print their title
 * expect. */
static int stack_push_strings(struct stack_writer *writer, const char *const *strings, size_t count)
{
	int ret = 0;
	for (size_t i = count; i > 0 && !ret; i--)
		ret = stack_push(writer, strings[i - 1], strlen(strings[i - 1]) + 1);
	return ret;
}

/* The pointers to count strings that lie one behind the other from address; written upwards at
 * offset `at`. */
static size_t vector_write(struct stack_writer *writer, size_t at, const char *const *strings,
			   size_t count, uint64_t address)
{
	for (size_t i = 0; i < count; i++) {
		memcpy(writer->buffer + at + i * WORD, &address, WORD);
		address += strlen(strings[i]) + 1;
	}
	memset(writer->buffer + at + count * WORD, 0, WORD);
	return at + (count + 1) * WORD;
}

struct stack_strings {
	uint64_t name, arguments, environment, platform, random;
};

static int strings_write(struct stack_writer *writer, const struct initial_stack_input *input,
			 struct stack_strings *at)
{
	int ret = stack_push_word(writer, 0);
	if (!ret)
		ret = stack_push(writer, input->arguments[0], strlen(input->arguments[0]) + 1);
	at->name = stack_address(writer);
	if (!ret)
		ret = stack_push_strings(writer, input->environment,
					 strings_count(input->environment));
	at->environment = stack_address(writer);
	if (!ret)
		ret = stack_push_strings(writer, input->arguments, strings_count(input->arguments));
	at->arguments = stack_address(writer);
	if (!ret)
		ret = stack_push(writer, "x86_64", sizeof("x86_64"));
	at->platform = stack_address(writer);
	if (!ret)
		ret = stack_push(writer, input->random, sizeof(input->random));
	at->random = stack_address(writer);
	return ret;
}

static void aux_fill(const struct initial_stack_input *input, const struct stack_strings *at,
		     uint64_t aux[AUX_PAIRS][2])
{
	const struct elf_plan *plan = input->plan;
	const uint64_t pairs[AUX_PAIRS][2] = {
	    {AT_HWCAP, input->hwcap},
	    {AT_PAGESZ, NORMA_PAGE_BYTES},
	    {AT_CLKTCK, input->clock_ticks_per_second},
	    {AT_PHDR, plan->phdr_address},
	    {AT_PHENT, sizeof(Elf64_Phdr)},
	    {AT_PHNUM, plan->phdr_count},
	    {AT_BASE, 0},
	    {AT_FLAGS, 0},
	    {AT_ENTRY, plan->entry},
	    {AT_UID, 0},
	    {AT_EUID, 0},
	    {AT_GID, 0},
	    {AT_EGID, 0},
	    {AT_SECURE, 0},
	    {AT_RANDOM, at->random},
	    {AT_HWCAP2, input->hwcap2},
	    {AT_PLATFORM, at->platform},
	    {AT_EXECFN, at->name},
	};
	memcpy(aux, pairs, sizeof(pairs));
}

/* argc, argv, envp and auxv, ending 16-byte aligned at the bottom. */
static int vectors_write(struct stack_writer *writer, const struct initial_stack_input *input,
			 const struct stack_strings *at, uint64_t *ret_rsp)
{
	uint64_t aux[AUX_PAIRS][2];
	uint64_t argument_count = strings_count(input->arguments);
	size_t environment_count = strings_count(input->environment);
	size_t words = 1 + argument_count + 1 + environment_count + 1 + 2 * AUX_PAIRS + 2;
	if (words * WORD + 16 > writer->at)
		return -E2BIG;
	aux_fill(input, at, aux);
	uint64_t rsp = (stack_address(writer) - words * WORD) & ~UINT64_C(15);
	size_t offset = writer->bytes - (size_t)(writer->top - rsp);
	memcpy(writer->buffer + offset, &argument_count, WORD);
	size_t next =
	    vector_write(writer, offset + WORD, input->arguments, argument_count, at->arguments);
	next = vector_write(writer, next, input->environment, environment_count, at->environment);
	memcpy(writer->buffer + next, aux, sizeof(aux));
	memset(writer->buffer + next + sizeof(aux), 0, 2 * WORD);
	*ret_rsp = rsp;
	return 0;
}

int initial_stack_build(const struct initial_stack_input *input, uint8_t *buffer, size_t bytes,
			uint64_t top, uint64_t *ret_rsp)
{
	struct stack_writer writer = {buffer, bytes, bytes, top};
	struct stack_strings at;
	if (!input->arguments[0])
		return -EINVAL;
	memset(buffer, 0, bytes);
	int ret = strings_write(&writer, input, &at);
	return ret ? ret : vectors_write(&writer, input, &at, ret_rsp);
}
