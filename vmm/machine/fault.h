/*
 * Why could an instruction not reach memory? KVM often gives no address; with VA = GPA the
 * instruction and the registers do. Pure functions: instruction bytes come from the program and are
 * not trusted.
 */
#ifndef MACHINE_FAULT_H
#define MACHINE_FAULT_H

#include <stddef.h>
#include <stdint.h>

#include "thread_state.h"

struct vcpu;
struct vcpu_exit;

enum fault_access {
	FAULT_READ = 1,
	FAULT_WRITE = 2,
	FAULT_EXECUTE = 4,
};

/* What a region lookup answers: the allowed accesses or'ed with these. */
#define FAULT_REGION_EXISTS   8u
#define FAULT_REGION_POISONED 16u

/* Mach's kern_return_t values for a bad access. */
#define FAULT_INVALID_ADDRESS	 1
#define FAULT_PROTECTION_FAILURE 2
#define FAULT_MEMORY_ERROR	 10

#define FAULT_INSTRUCTION_BYTES_MAX 15
/* A 16-element gather has the most; hidden stack and string operands add at most two. */
#define FAULT_OPERANDS_MAX 24

struct fault_operand {
	uint64_t address;
	uint32_t bytes;
	uint32_t access; /* enum fault_access, or'ed */
};

struct fault_report {
	uint8_t is_address_known; /* 0: the instruction could not be decoded */
	uint64_t address;	  /* first byte that breaks the rule */
	uint32_t access;	  /* what was tried there */
	int code;		  /* FAULT_INVALID_ADDRESS, ... */
};

/* Region at gpa: 0 for a hole, else FAULT_REGION_EXISTS | allowed accesses | FAULT_REGION_POISONED
 * if the page of gpa is lost. Called for one address of each page an operand touches. */
typedef uint32_t (*fault_lookup_fn)(void *context, uint64_t gpa);

/* The XSAVE area of the thread (standard format), to find the addresses of gathers and scatters. */
struct fault_vectors {
	const uint8_t *area;
	size_t bytes;
};

/* List what the instruction accesses in memory, hidden operands included.
 * vectors may be NULL: then a gather or scatter lists nothing. Return: count, -EINVAL if the bytes
 * are no instruction. */
int fault_operands(const struct thread_state *state, const uint8_t *instruction, size_t bytes,
		   const struct fault_vectors *vectors, struct fault_operand *operands);

struct fault_query {
	const struct thread_state *state;
	const uint8_t *instruction; /* as much as could be read at rip, may be 0 bytes */
	size_t instruction_bytes;
	const struct fault_vectors *vectors; /* may be NULL */
	fault_lookup_fn lookup;
	void *context;
};

/* Which operand breaks which rule? Return: 0 with *report filled, -EAGAIN if no rule is broken (any
 * more): run the thread again. */
int fault_explain(const struct fault_query *query, struct fault_report *report);

/* The same for a range known to be accessed. */
int fault_check_range(const struct fault_query *query, const struct fault_operand *range,
		      struct fault_report *report);

/* fault_explain for the VCPU_EXIT_FAULT that vcpu_run just returned; owner only. Gives memory slots
 * to the pages that the instruction touches. Return: as fault_explain, or -ELOOP if the same
 * instruction keeps failing although the lookup allows everything: host mappings and regions
 * disagree, treat it as VCPU_EXIT_INTERNAL. */
int vcpu_fault_explain(struct vcpu *vcpu, const struct vcpu_exit *exit, fault_lookup_fn lookup,
		       void *context, struct fault_report *report);

#endif
