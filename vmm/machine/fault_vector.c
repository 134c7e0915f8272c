/*
 * Gathers and scatters: one address per active element, computed from the vector registers in the
 * thread's XSAVE area (standard format; component offsets from CPUID leaf 0xD of this host).
 */
#include <cpuid.h>
#include <string.h>

#include "fault_decode.h"

#define CPUID_XSAVE_LEAF    0xd
#define XSAVE_XMM_OFFSET    160
#define COMPONENT_YMM_HI    2
#define COMPONENT_OPMASK    5
#define COMPONENT_ZMM_HI256 6
#define COMPONENT_ZMM_HI16  7
#define VECTOR_BYTES	    64
#define XSTATE_BV_OFFSET    512

static void area_read(const struct fault_vectors *vectors, size_t offset, void *to, size_t bytes)
{
	if (offset <= vectors->bytes && bytes <= vectors->bytes - offset)
		memcpy(to, vectors->area + offset, bytes);
}

static void component_read(const struct fault_vectors *vectors, unsigned int component,
			   size_t offset, void *to, size_t bytes)
{
	uint64_t present = 0;
	unsigned int eax, start, ecx, edx;
	area_read(vectors, XSTATE_BV_OFFSET, &present, sizeof(present));
	if (!(present >> component & 1))
		return;
	if (__get_cpuid_count(CPUID_XSAVE_LEAF, component, &eax, &start, &ecx, &edx) && start)
		area_read(vectors, start + offset, to, bytes);
}

static void vector_read(const struct fault_vectors *vectors, unsigned int id, uint8_t *value)
{
	memset(value, 0, VECTOR_BYTES);
	if (id >= 16) {
		component_read(vectors, COMPONENT_ZMM_HI16, (id - 16) * 64, value, 64);
		return;
	}
	area_read(vectors, XSAVE_XMM_OFFSET + id * 16, value, 16);
	component_read(vectors, COMPONENT_YMM_HI, id * 16, value + 16, 16);
	component_read(vectors, COMPONENT_ZMM_HI256, id * 32, value + 32, 32);
}

static int is_index_64(ZydisMnemonic mnemonic)
{
	switch ((int)mnemonic) {
	case ZYDIS_MNEMONIC_VGATHERQPD:
	case ZYDIS_MNEMONIC_VGATHERQPS:
	case ZYDIS_MNEMONIC_VPGATHERQD:
	case ZYDIS_MNEMONIC_VPGATHERQQ:
	case ZYDIS_MNEMONIC_VSCATTERQPD:
	case ZYDIS_MNEMONIC_VSCATTERQPS:
	case ZYDIS_MNEMONIC_VPSCATTERQD:
	case ZYDIS_MNEMONIC_VPSCATTERQQ:
		return 1;
	default:
		return 0;
	}
}

/* One bit per element: AVX-512 has it in an opmask register, AVX2 in the top bits of a vector. */
static uint64_t active_elements(const struct fault_decode *decode, uint32_t element_bytes)
{
	uint64_t mask = 0;
	uint8_t vector[VECTOR_BYTES];
	ZydisRegister opmask = decode->instruction.avx.mask.reg;
	if (opmask >= ZYDIS_REGISTER_K0 && opmask <= ZYDIS_REGISTER_K7) {
		size_t offset = (size_t)(opmask - ZYDIS_REGISTER_K0) * 8;
		component_read(decode->vectors, COMPONENT_OPMASK, offset, &mask, sizeof(mask));
		return mask;
	}
	const ZydisDecodedOperand *operand = &decode->operands[2];
	if (decode->instruction.operand_count < 3 || operand->type != ZYDIS_OPERAND_TYPE_REGISTER)
		return 0;
	vector_read(decode->vectors, (unsigned int)ZydisRegisterGetId(operand->reg.value) & 31,
		    vector);
	for (uint32_t i = 0; (i + 1) * element_bytes <= VECTOR_BYTES; i++)
		mask |= (uint64_t)(vector[(i + 1) * element_bytes - 1] >> 7) << i;
	return mask;
}

static uint64_t index_at(const uint8_t *vector, uint32_t i, int is_64)
{
	int64_t wide = 0;
	int32_t narrow = 0;
	if (is_64)
		memcpy(&wide, vector + i * 8, sizeof(wide));
	else
		memcpy(&narrow, vector + i * 4, sizeof(narrow));
	return (uint64_t)(is_64 ? wide : narrow);
}

void fault_vector_add(struct fault_decode *decode, const ZydisDecodedOperand *operand)
{
	uint32_t element_bytes = operand->element_size / 8u;
	if (!decode->vectors || element_bytes == 0)
		return;
	int is_64 = is_index_64(decode->instruction.mnemonic);
	uint32_t index_bytes = is_64 ? 8 : 4;
	uint32_t step = element_bytes > index_bytes ? element_bytes : index_bytes;
	uint32_t count = decode->instruction.avx.vector_length / 8u / step;
	uint64_t mask = active_elements(decode, element_bytes);
	uint8_t indices[VECTOR_BYTES];
	vector_read(decode->vectors, (unsigned int)ZydisRegisterGetId(operand->mem.index) & 31,
		    indices);
	for (uint32_t i = 0; i < count && (i + 1) * index_bytes <= VECTOR_BYTES; i++) {
		if (!(mask >> i & 1))
			continue;
		uint64_t address = fault_address_base(decode, operand) +
				   index_at(indices, i, is_64) * operand->mem.scale;
		fault_list_add(decode, address, element_bytes, fault_operand_access(operand));
	}
}
