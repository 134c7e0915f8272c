/*
 * Between fault_decode.c and fault_vector.c: the list under construction and register access.
 */
#ifndef MACHINE_FAULT_DECODE_H
#define MACHINE_FAULT_DECODE_H

#include <Zydis/Zydis.h>

#include "fault.h"

struct fault_decode {
	const struct thread_state *state;
	const struct fault_vectors *vectors;
	ZydisDecodedInstruction instruction;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	struct fault_operand *list;
	int count;
};

void fault_list_add(struct fault_decode *decode, uint64_t address, uint32_t bytes, uint32_t access);

/* Value of a general register, or the next instruction's address for rip, cut to the register's
 * width. */
uint64_t fault_register(const struct fault_decode *decode, ZydisRegister name);

/* Base + displacement + segment of a memory operand, without its index. */
uint64_t fault_address_base(const struct fault_decode *decode, const ZydisDecodedOperand *operand);

uint32_t fault_operand_access(const ZydisDecodedOperand *operand);

/* fault_vector.c: add one entry per active element of a gather or scatter. */
void fault_vector_add(struct fault_decode *decode, const ZydisDecodedOperand *operand);

#endif
