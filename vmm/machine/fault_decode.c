/*
 * Lists the memory operands of one instruction with Zydis, hidden stack and string operands
 * included.
 */
#include "fault_decode.h"

#include <errno.h>
#include <string.h>

/* XSAVE and friends: the operand's length is not in the instruction; its legacy part is enough to
 * name a page. */
#define UNKNOWN_OPERAND_BYTES 512

void fault_list_add(struct fault_decode *decode, uint64_t address, uint32_t bytes, uint32_t access)
{
	if (decode->count == FAULT_OPERANDS_MAX)
		return;
	decode->list[decode->count++] = (struct fault_operand){address, bytes, access};
}

static uint64_t register_full(const struct thread_state *state, int id)
{
	const uint64_t values[16] = {
	    state->rax, state->rcx, state->rdx, state->rbx, state->rsp, state->rbp,
	    state->rsi, state->rdi, state->r8,	state->r9,  state->r10, state->r11,
	    state->r12, state->r13, state->r14, state->r15,
	};
	return id >= 0 && id < 16 ? values[id] : 0;
}

uint64_t fault_register(const struct fault_decode *decode, ZydisRegister name)
{
	if (name == ZYDIS_REGISTER_RIP || name == ZYDIS_REGISTER_EIP)
		return decode->state->rip + decode->instruction.length;
	ZydisRegister full = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, name);
	if (ZydisRegisterGetClass(full) != ZYDIS_REGCLASS_GPR64)
		return 0;
	uint64_t value = register_full(decode->state, ZydisRegisterGetId(full));
	ZydisRegisterWidth bits = ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, name);
	return bits && bits < 64 ? value & ((UINT64_C(1) << bits) - 1) : value;
}

static uint64_t segment_base(const struct fault_decode *decode, ZydisRegister segment)
{
	if (segment == ZYDIS_REGISTER_FS)
		return decode->state->fs_base;
	return segment == ZYDIS_REGISTER_GS ? decode->state->gs_base : 0;
}

uint64_t fault_address_base(const struct fault_decode *decode, const ZydisDecodedOperand *operand)
{
	uint64_t address = fault_register(decode, operand->mem.base);
	if (operand->mem.disp.has_displacement)
		address += (uint64_t)operand->mem.disp.value;
	return address + segment_base(decode, operand->mem.segment);
}

uint32_t fault_operand_access(const ZydisDecodedOperand *operand)
{
	uint32_t access = 0;
	if (operand->actions & ZYDIS_OPERAND_ACTION_MASK_READ)
		access |= FAULT_READ;
	if (operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
		access |= FAULT_WRITE;
	return access;
}

/* BT and its kin with a register bit number reach beyond their operand: SDM volume 2, BT. */
static uint64_t bit_string_offset(const struct fault_decode *decode,
				  const ZydisDecodedOperand *operand)
{
	const ZydisDecodedOperand *bit = &decode->operands[1];
	switch ((int)decode->instruction.mnemonic) {
	case ZYDIS_MNEMONIC_BT:
	case ZYDIS_MNEMONIC_BTS:
	case ZYDIS_MNEMONIC_BTR:
	case ZYDIS_MNEMONIC_BTC:
		break;
	default:
		return 0;
	}
	if (bit->type != ZYDIS_OPERAND_TYPE_REGISTER || operand->size == 0)
		return 0;
	uint64_t number = fault_register(decode, bit->reg.value);
	if (operand->size < 64) {
		uint64_t sign = UINT64_C(1) << (operand->size - 1);
		number = (number ^ sign) - sign;
	}
	int64_t word = (int64_t)number >> (operand->size == 64 ? 6 : operand->size == 32 ? 5 : 4);
	return (uint64_t)word * (operand->size / 8);
}

/* The manual's order: a push stores below the old stack pointer; a pop into memory computes its
 * address with the new one. */
static uint64_t stack_adjustment(const struct fault_decode *decode,
				 const ZydisDecodedOperand *operand)
{
	uint64_t bytes = operand->size / 8;
	if (operand->mem.base != ZYDIS_REGISTER_RSP)
		return 0;
	if (operand->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN)
		return fault_operand_access(operand) & FAULT_WRITE ? -bytes : 0;
	return decode->instruction.mnemonic == ZYDIS_MNEMONIC_POP ? bytes : 0;
}

static void operand_add(struct fault_decode *decode, const ZydisDecodedOperand *operand)
{
	if (operand->type != ZYDIS_OPERAND_TYPE_MEMORY)
		return;
	if (operand->mem.type == ZYDIS_MEMOP_TYPE_VSIB) {
		fault_vector_add(decode, operand);
		return;
	}
	if (operand->mem.type != ZYDIS_MEMOP_TYPE_MEM)
		return;
	uint64_t index = fault_register(decode, operand->mem.index) * operand->mem.scale;
	/* Zydis lists XLAT's operand without its index, al. */
	if (decode->instruction.mnemonic == ZYDIS_MNEMONIC_XLAT)
		index = fault_register(decode, ZYDIS_REGISTER_AL);
	uint64_t linear = fault_address_base(decode, operand) + index +
			  bit_string_offset(decode, operand) + stack_adjustment(decode, operand);
	if (decode->instruction.address_width == 32) {
		uint64_t segment = segment_base(decode, operand->mem.segment);
		linear = ((linear - segment) & UINT32_MAX) + segment;
	}
	uint32_t bytes = operand->size ? operand->size / 8u : UNKNOWN_OPERAND_BYTES;
	fault_list_add(decode, linear, bytes, fault_operand_access(operand));
}

static int is_without_access(const struct fault_decode *decode)
{
	const ZydisDecodedInstruction *instruction = &decode->instruction;
	int is_repeated = (instruction->attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE |
						      ZYDIS_ATTRIB_HAS_REPNE)) != 0;
	if (instruction->meta.category == ZYDIS_CATEGORY_NOP ||
	    instruction->meta.category == ZYDIS_CATEGORY_WIDENOP ||
	    instruction->meta.category == ZYDIS_CATEGORY_PREFETCH)
		return 1;
	return is_repeated && decode->state->rcx == 0;
}

int fault_operands(const struct thread_state *state, const uint8_t *instruction, size_t bytes,
		   const struct fault_vectors *vectors, struct fault_operand *operands)
{
	ZydisDecoder decoder;
	struct fault_decode decode = {.state = state, .vectors = vectors, .list = operands};
	ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	if (bytes > FAULT_INSTRUCTION_BYTES_MAX)
		bytes = FAULT_INSTRUCTION_BYTES_MAX;
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, instruction, bytes, &decode.instruction,
						 decode.operands)))
		return -EINVAL;
	if (is_without_access(&decode))
		return 0;
	for (int i = 0; i < decode.instruction.operand_count; i++)
		operand_add(&decode, &decode.operands[i]);
	return decode.count;
}
