/*
 * Finds the operand that breaks a rule and names the rule.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "norma_abi.h"
#include "vcpu_internal.h"

/* The lookup and the host mappings are changed one after the other, so a few rounds of disagreement
 * are normal while another thread changes memory; this many in a row at one instruction are not. */
#define UNEXPLAINED_MAX 10000

static const uint64_t PAGE_MASK = NORMA_PAGE_BYTES - 1;

/* Return: 0 if a rule is broken at this address, with the code in *ret_code. */
static int rule_check(const struct fault_query *query, uint64_t address, uint32_t access,
		      int *ret_code)
{
	if (address < NORMA_USER_START || address >= NORMA_USER_END) {
		*ret_code = FAULT_INVALID_ADDRESS;
		return 0;
	}
	uint32_t region = query->lookup(query->context, address);
	/* The guest's page tables have no no-execute bit: what can be read can be fetched. */
	if ((access & FAULT_EXECUTE) && (region & (FAULT_READ | FAULT_EXECUTE)))
		access &= ~(uint32_t)FAULT_EXECUTE;
	if (!(region & FAULT_REGION_EXISTS))
		*ret_code = FAULT_INVALID_ADDRESS;
	else if (access & ~region)
		*ret_code = FAULT_PROTECTION_FAILURE;
	else if (region & FAULT_REGION_POISONED)
		*ret_code = FAULT_MEMORY_ERROR;
	else
		return -EAGAIN;
	return 0;
}

int fault_check_range(const struct fault_query *query, const struct fault_operand *range,
		      struct fault_report *report)
{
	uint64_t address = range->address;
	uint64_t left = range->bytes ? range->bytes : 1;
	while (left) {
		int code;
		if (!rule_check(query, address, range->access, &code)) {
			*report = (struct fault_report){1, address, range->access, code};
			return 0;
		}
		uint64_t step = NORMA_PAGE_BYTES - (address & PAGE_MASK);
		if (step >= left)
			break;
		left -= step;
		address += step;
	}
	return -EAGAIN;
}

int fault_explain(const struct fault_query *query, struct fault_report *report)
{
	struct fault_operand fetch = {query->state->rip, 1, FAULT_EXECUTE};
	if (!fault_check_range(query, &fetch, report))
		return 0;
	struct fault_operand operands[FAULT_OPERANDS_MAX];
	int count = fault_operands(query->state, query->instruction, query->instruction_bytes,
				   query->vectors, operands);
	if (count < 0 && query->instruction_bytes < FAULT_INSTRUCTION_BYTES_MAX) {
		fetch.bytes = FAULT_INSTRUCTION_BYTES_MAX;
		return fault_check_range(query, &fetch, report);
	}
	if (count < 0) {
		*report = (struct fault_report){0, 0, 0, FAULT_INVALID_ADDRESS};
		return 0;
	}
	for (int i = 0; i < count; i++)
		if (!fault_check_range(query, &operands[i], report))
			return 0;
	return -EAGAIN;
}

/* The instruction may end just before a hole: read up to the page's end, then beyond if that works.
 */
static size_t instruction_read(const struct vcpu *vcpu, uint8_t *bytes)
{
	uint64_t rip = vcpu->state.rip;
	size_t first = NORMA_PAGE_BYTES - (rip & PAGE_MASK);
	if (!guest_copy_in(vcpu->machine, rip, bytes, FAULT_INSTRUCTION_BYTES_MAX))
		return FAULT_INSTRUCTION_BYTES_MAX;
	if (first >= FAULT_INSTRUCTION_BYTES_MAX || guest_copy_in(vcpu->machine, rip, bytes, first))
		return 0;
	return first;
}

/* KVM names the page of a poisoned access; the operand inside that page is what the program
 * touched. */
static int explain_poison(const struct fault_query *query, const struct vcpu_exit *exit,
			  struct fault_report *report)
{
	int ret = fault_explain(query, report);
	if (!ret && report->code == FAULT_MEMORY_ERROR)
		return 0;
	struct fault_operand page = {exit->address, 1, FAULT_READ};
	return fault_check_range(query, &page, report);
}

static int explain(const struct fault_query *query, const struct vcpu_exit *exit,
		   struct fault_report *report)
{
	if (exit->is_write_pending) {
		struct fault_operand store = {exit->address, exit->bytes, FAULT_WRITE};
		return fault_check_range(query, &store, report);
	}
	if (exit->is_poison)
		return explain_poison(query, exit, report);
	return fault_explain(query, report);
}

/* The caller's lookup, which also gives each page that is there its memory slot. */
struct slot_lookup {
	struct machine *machine;
	fault_lookup_fn lookup;
	void *context;
};

static uint32_t lookup_with_slot(void *context, uint64_t gpa)
{
	const struct slot_lookup *slot_lookup = context;
	uint32_t region = slot_lookup->lookup(slot_lookup->context, gpa);
	if (region & FAULT_REGION_EXISTS)
		machine_slot_ensure(slot_lookup->machine, gpa);
	return region;
}

/* No rule is broken. Return: -EAGAIN, -ELOOP when that was so too often. */
static int explain_nothing(struct vcpu *vcpu)
{
	/* The instruction may reach into the next block; where it ends nobody may know. */
	machine_slot_ensure(vcpu->machine, vcpu->state.rip + FAULT_INSTRUCTION_BYTES_MAX - 1);
	vcpu->unexplained_count =
	    vcpu->unexplained_rip == vcpu->state.rip ? vcpu->unexplained_count + 1 : 1;
	vcpu->unexplained_rip = vcpu->state.rip;
	return vcpu->unexplained_count > UNEXPLAINED_MAX ? -ELOOP : -EAGAIN;
}

int vcpu_fault_explain(struct vcpu *vcpu, const struct vcpu_exit *exit, fault_lookup_fn lookup,
		       void *context, struct fault_report *report)
{
	uint8_t bytes[FAULT_INSTRUCTION_BYTES_MAX] = {0};
	struct slot_lookup slot_lookup = {vcpu->machine, lookup, context};
	struct fault_vectors vectors = {.bytes = vcpu->machine->host->xsave_bytes};
	uint8_t *area = malloc(vectors.bytes);
	if (area && !vcpu_xsave_get(vcpu, area, vectors.bytes))
		vectors.area = area;
	struct fault_query query = {
	    .state = &vcpu->state,
	    .instruction = bytes,
	    .instruction_bytes = instruction_read(vcpu, bytes),
	    .vectors = vectors.area ? &vectors : NULL,
	    .lookup = lookup_with_slot,
	    .context = &slot_lookup,
	};
	int ret = explain(&query, exit, report);
	free(area);
	if (ret == -EAGAIN)
		return explain_nothing(vcpu);
	vcpu->unexplained_count = 0;
	return ret;
}
