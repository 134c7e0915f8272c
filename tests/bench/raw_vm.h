/*
 * A bare KVM machine, for the raw references: 64-bit code in CPL 3 over an identity map, no device,
 * no interrupt controller, nothing of norma. It is the least that can run an instruction, so what
 * it costs is the machine's floor.
 *
 *   guest-physical 0           page tables, GDT, TSS (private to each VM)
 *                  1 GiB ...   the memory under test; its first page is raw_vm_guest.S
 *
 * Owner: the process that made it; KVM's descriptors are of no use to its children.
 */
#ifndef BENCH_RAW_VM_H
#define BENCH_RAW_VM_H

#include <stddef.h>
#include <stdint.h>
#include <linux/kvm.h>

#define RAW_VM_MEMORY_GPA   0x40000000ull
#define RAW_VM_MEMORY_MAX   (7ull << 30)
#define RAW_VM_SYSTEM_BYTES 0x10000u

enum raw_vm_entry {
	RAW_VM_EXITS,	 /* leaves with `out` again and again */
	RAW_VM_READS,	 /* reads a word of each page, then as RAW_VM_EXITS */
	RAW_VM_WRITES,	 /* adds 1 to a word of each page, then as RAW_VM_EXITS */
	RAW_VM_TIMES,	 /* reads a word of pages apart, see below, then as RAW_VM_EXITS */
	RAW_VM_STORES,	 /* the same, writing */
	RAW_VM_EVEN,	 /* takes turns, see below, the first of them; then as RAW_VM_EXITS */
	RAW_VM_ODD,	 /* the other one */
	RAW_VM_SPINS,	 /* until a word of the page is not 0, then as RAW_VM_EXITS */
	RAW_VM_COMPUTES, /* as many rounds as there are to be pages, without memory, then so */
};

/* The same computing on the host, in code that raw_vm_write_code() put at `code`, which may be
 * executed. */
void raw_vm_compute_here(const uint8_t *code, uint64_t rounds);

/*
 * RAW_VM_TIMES: `pages` pages, each so many behind the one before, so that nothing that is mapped
 * around a page is touched later. How many ticks of the time stamp counter each read took goes, 8
 * bytes each, to the pages before first_page, from the second page of the memory on.
 */
#define RAW_VM_TIMED_STRIDE_PAGES 16u

/*
 * RAW_VM_EVEN, RAW_VM_ODD: two machines that write first_page's first word by turns, `pages` times
 * each, by trying to, again and again: one makes an odd number of each even one, the other an even
 * one of each odd one, from 0 on. The time stamp counter of each turn goes where times go.
 */

/* What all machines of a process use; children of fork may, too. */
struct raw_host {
	int kvm_fd;
	size_t run_bytes;
	struct kvm_cpuid2 *cpuid;
	int system_fd; /* page tables, GDT and TSS, for every VM to map privately */
};

struct raw_vm {
	const struct raw_host *host;
	int vm_fd;
	int vcpu_fd;
	struct kvm_run *run;
	uint8_t *system;
};

/* All of these end the program when KVM refuses. */
void raw_host_open(struct raw_host *host);

/* A VM and its vCPU, with CPUID and page tables, without memory. */
void raw_vm_open(struct raw_vm *vm, const struct raw_host *host);

/* Gives it the memory, and puts the guest's code into the first page if it is not there. */
void raw_vm_set_memory(const struct raw_vm *vm, uint8_t *memory, size_t bytes);
void raw_vm_write_code(uint8_t *memory);

/* Sets all registers. `pages` pages, `first_page` on, are what the program touches. */
void raw_vm_start(const struct raw_vm *vm, enum raw_vm_entry entry, uint64_t first_page,
		  uint64_t pages);

/* Runs to the next `out`. */
void raw_vm_run(const struct raw_vm *vm);

void raw_vm_close(struct raw_vm *vm);

#endif
