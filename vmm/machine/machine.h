/*
 * The KVM machine of one task: the VM, its memory slots and the reservation of host addresses
 * behind the task's user space. It knows nothing of regions: whoever owns the address map places
 * mappings inside the reservation (mmap MAP_FIXED, mprotect, userfaultfd).
 *
 * Host address of user address gpa: machine_hva(machine, gpa) = reservation + gpa.
 *
 * Theory of operation of the slots. KVM keeps 10 bytes for every page of a slot under shadow
 * paging, and 24 KiB for a slot in any case: 177 KiB for an arena of 64 MiB, more than all the rest
 * of an idle task. So a slot is added where a thread first needs one, not where memory is mapped:
 * the block of 4 MiB; a third block of an arena brings the rest of it, so that a program that uses
 * its memory leaves KVM a few times for each arena. Slots are only ever added: deleting one makes
 * KVM drop every page of the VM.
 */
#ifndef MACHINE_MACHINE_H
#define MACHINE_MACHINE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "machine_host.h"
#include "norma_abi.h"

#define MACHINE_ARENA_BYTES UINT64_C(0x4000000)
#define MACHINE_ARENA_COUNT (NORMA_USER_END / MACHINE_ARENA_BYTES)
#define MACHINE_BLOCK_BYTES UINT64_C(0x400000)
#define MACHINE_BLOCK_COUNT (MACHINE_ARENA_BYTES / MACHINE_BLOCK_BYTES) /* of an arena */
/* Arenas of which some blocks have slots. When so many are, further arenas get all at once. */
#define MACHINE_PARTIAL_MAX 32

struct vcpu;

/* Freed by machine_done. Any thread of the process may call the functions below. */
struct machine {
	const struct machine_host *host; /* borrowed */
	int vm_fd;
	uint8_t *reservation; /* NORMA_USER_END bytes, PROT_NONE where nothing is mapped */
	uint8_t *system;      /* system area: the image, read-only, and the exception stacks */
	uint8_t *stacks;      /* in it: the guest cannot reach them, KVM writes them */
	pthread_mutex_t lock; /* guards what follows */
	uint32_t slot_next;
	uint64_t arenas[MACHINE_ARENA_COUNT / 64]; /* bit set: all of the arena has slots */
	struct machine_partial {
		uint16_t arena;
		uint16_t blocks; /* bit set: the block has a slot */
	} partial[MACHINE_PARTIAL_MAX];
	uint32_t partial_count;
	struct vcpu *vcpus[NORMA_VCPUS_MAX]; /* in use or parked; freed by machine_done */
};

/* Make a VM with the system area and no user memory.
 * Return: 0, or -errno with *ret_step naming the step that failed. */
int machine_init(struct machine *machine, const struct machine_host *host, const char **ret_step);

/* Free everything, the reservation with all mappings in it included. No thread may be in
 * vcpu_run. Accepts a machine that machine_init failed on. */
void machine_done(struct machine *machine);

/* In a child made by fork(): KVM refuses the parent's VM here. Keep the reservation and all
 * mappings, drop the parent's VM and vCPUs (pointers to them become invalid) and make a new VM,
 * which gets its slots as it needs them. Only the calling thread may exist. Return as machine_init.
 */
int machine_renew_after_fork(struct machine *machine, const char **ret_step);

/* Give the page of gpa a memory slot, before or after its host mapping exists; cheap if it has one.
 * Return: 0, -EINVAL outside user space, -ENOSPC, -errno of KVM. */
int machine_slot_ensure(struct machine *machine, uint64_t gpa);

/* Is [gpa, gpa + bytes) inside [NORMA_USER_START, NORMA_USER_END)? Overflow-safe. */
int machine_range_is_user(uint64_t gpa, uint64_t bytes);

/* Host address of a user address; the caller has checked the range. Placing mappings only: the
 * pages may be absent, protected or poisoned, so the VMM itself uses guest_copy_in and
 * guest_copy_out. */
static inline void *machine_hva(const struct machine *machine, uint64_t gpa)
{
	return machine->reservation + gpa;
}

/* Copy between the task's memory and a buffer, honouring the host protections. A hole, a protection
 * or a poisoned page on the way is -EFAULT (part of the bytes may have been copied); a page a
 * userfaultfd serves is waited for. vcpu_signals_install has been called. Return: 0 or -EFAULT. */
int guest_copy_in(const struct machine *machine, uint64_t gpa, void *buffer, size_t bytes);
int guest_copy_out(const struct machine *machine, uint64_t gpa, const void *buffer, size_t bytes);

#endif
