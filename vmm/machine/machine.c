/*
 * Makes the VM, its system slots and arena slots. vCPUs are in vcpu*.c.
 */
#include "machine.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "system_image.h"
#include "vcpu_internal.h"

#define RESERVATION_ALIGN ((uint64_t)2 << 20) /* a huge page */

#define SYSTEM_AREA_BYTES (NORMA_SYSTEM_STACKS + NORMA_SYSTEM_STACKS_BYTES - NORMA_SYSTEM_BASE)

int machine_range_is_user(uint64_t gpa, uint64_t bytes)
{
	return gpa >= NORMA_USER_START && gpa <= NORMA_USER_END && bytes <= NORMA_USER_END - gpa;
}

static int slot_add(struct machine *machine, uint64_t gpa, uint64_t bytes, void *hva,
		    uint32_t flags)
{
	if (machine->slot_next >= machine->host->slots_max)
		return -ENOSPC;
	struct kvm_userspace_memory_region region = {
	    .slot = machine->slot_next,
	    .flags = flags,
	    .guest_phys_addr = gpa,
	    .memory_size = bytes,
	    .userspace_addr = (uintptr_t)hva,
	};
	if (ioctl(machine->vm_fd, KVM_SET_USER_MEMORY_REGION, &region))
		return -errno;
	machine->slot_next++;
	return 0;
}

static int blocks_add(struct machine *machine, uint64_t arena, uint32_t first, uint32_t count)
{
	uint64_t gpa = arena * MACHINE_ARENA_BYTES + first * MACHINE_BLOCK_BYTES;
	return slot_add(machine, gpa, count * MACHINE_BLOCK_BYTES, machine_hva(machine, gpa), 0);
}

static int arena_add(struct machine *machine, uint64_t arena)
{
	int ret = blocks_add(machine, arena, 0, MACHINE_BLOCK_COUNT);
	if (!ret)
		machine->arenas[arena / 64] |= UINT64_C(1) << (arena % 64);
	return ret;
}

static struct machine_partial *partial_find(struct machine *machine, uint64_t arena)
{
	for (uint32_t i = 0; i < machine->partial_count; i++)
		if (machine->partial[i].arena == arena)
			return &machine->partial[i];
	return NULL;
}

/* One slot for each gap between the blocks that have slots. */
static int partial_fill(struct machine *machine, struct machine_partial *partial)
{
	for (uint32_t first = 0; first < MACHINE_BLOCK_COUNT; first++) {
		uint32_t after = first;
		while (after < MACHINE_BLOCK_COUNT && !(partial->blocks >> after & 1))
			after++;
		if (after == first)
			continue;
		int ret = blocks_add(machine, partial->arena, first, after - first);
		if (ret)
			return ret;
		for (; first < after; first++)
			partial->blocks |= (uint16_t)(1u << first);
	}
	machine->arenas[partial->arena / 64] |= UINT64_C(1) << (partial->arena % 64);
	*partial = machine->partial[--machine->partial_count];
	return 0;
}

static int block_ensure(struct machine *machine, uint64_t arena, uint32_t block)
{
	if (machine->arenas[arena / 64] >> (arena % 64) & 1)
		return 0;
	struct machine_partial *partial = partial_find(machine, arena);
	if (!partial && machine->partial_count == MACHINE_PARTIAL_MAX)
		return arena_add(machine, arena);
	if (partial && partial->blocks >> block & 1)
		return 0;
	if (partial && __builtin_popcount(partial->blocks) >= 2)
		return partial_fill(machine, partial);
	int ret = blocks_add(machine, arena, block, 1);
	if (ret)
		return ret;
	if (!partial) {
		partial = &machine->partial[machine->partial_count++];
		*partial = (struct machine_partial){.arena = (uint16_t)arena};
	}
	partial->blocks |= (uint16_t)(1u << block);
	return 0;
}

int machine_slot_ensure(struct machine *machine, uint64_t gpa)
{
	if (!machine_range_is_user(gpa, 1))
		return -EINVAL;
	uint32_t block = (uint32_t)(gpa % MACHINE_ARENA_BYTES / MACHINE_BLOCK_BYTES);
	pthread_mutex_lock(&machine->lock);
	int ret = block_ensure(machine, gpa / MACHINE_ARENA_BYTES, block);
	pthread_mutex_unlock(&machine->lock);
	return ret;
}

/* Where an instruction cannot be emulated KVM would inject #UD into the program; with this it tells
 * the VMM, which knows better (an AVX store into a hole, say). */
static void vm_enable_emulation_exits(const struct machine *machine)
{
	if (!machine->host->has_exit_on_emulation_failure)
		return;
	struct kvm_enable_cap cap = {.cap = KVM_CAP_EXIT_ON_EMULATION_FAILURE, .args = {1}};
	ioctl(machine->vm_fd, KVM_ENABLE_CAP, &cap);
}

static int vm_open(struct machine *machine, const char **ret_step)
{
	*ret_step = "creating the virtual machine";
	machine->vm_fd = ioctl(machine->host->kvm_fd, KVM_CREATE_VM, 0);
	if (machine->vm_fd < 0)
		return -errno;
	vm_enable_emulation_exits(machine);
	vcpu_thread_number = 0;
	machine->slot_next = 0;
	memset(machine->arenas, 0, sizeof(machine->arenas));
	machine->partial_count = 0;
	*ret_step = "giving the virtual machine its system area";
	return slot_add(machine, NORMA_SYSTEM_BASE, SYSTEM_AREA_BYTES, machine->system, 0);
}

static int map_or_errno(void *at, size_t bytes, int protection, int flags, int fd)
{
	return mmap(at, bytes, protection, flags, fd, 0) == MAP_FAILED ? -errno : 0;
}

static int reserve(uint8_t **ret_hva, size_t bytes)
{
	void *hva =
	    mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (hva == MAP_FAILED)
		return -errno;
	*ret_hva = hva;
	return 0;
}

/* One slot for both parts. That the image is read-only is the host mapping's doing. */
static int system_map(struct machine *machine, const char **ret_step)
{
	*ret_step = "reserving host addresses for the system area";
	int ret = reserve(&machine->system, SYSTEM_AREA_BYTES);
	if (ret)
		return ret;
	*ret_step = "mapping the system image";
	ret = map_or_errno(machine->system, NORMA_SYSTEM_IMAGE_BYTES, PROT_READ,
			   MAP_PRIVATE | MAP_FIXED, machine->host->system_image_fd);
	if (ret)
		return ret;
	*ret_step = "mapping the exception stacks";
	machine->stacks = machine->system + (NORMA_SYSTEM_STACKS - NORMA_SYSTEM_BASE);
	return map_or_errno(machine->stacks, NORMA_SYSTEM_STACKS_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1);
}

static int machine_map(struct machine *machine, const char **ret_step)
{
	*ret_step = "reserving host addresses for the task";
	int ret = reserve(&machine->reservation, NORMA_USER_END);
	return ret ? ret : system_map(machine, ret_step);
}

int machine_init(struct machine *machine, const struct machine_host *host, const char **ret_step)
{
	memset(machine, 0, sizeof(*machine));
	machine->host = host;
	machine->vm_fd = -1;
	pthread_mutex_init(&machine->lock, NULL);
	int ret = machine_map(machine, ret_step);
	if (!ret)
		ret = vm_open(machine, ret_step);
	if (ret) {
		machine_done(machine);
		return ret;
	}
	*ret_step = NULL;
	return 0;
}

static void unmap_if(void *hva, size_t bytes)
{
	if (hva)
		munmap(hva, bytes);
}

static void vm_close(struct machine *machine)
{
	for (int i = 0; i < NORMA_VCPUS_MAX; i++)
		vcpu_destroy(machine->vcpus[i]);
	memset(machine->vcpus, 0, sizeof(machine->vcpus));
	if (machine->vm_fd >= 0)
		close(machine->vm_fd);
	machine->vm_fd = -1;
}

void machine_done(struct machine *machine)
{
	vm_close(machine);
	unmap_if(machine->system, SYSTEM_AREA_BYTES);
	unmap_if(machine->reservation, NORMA_USER_END);
	machine->stacks = NULL;
	machine->system = NULL;
	machine->reservation = NULL;
	pthread_mutex_destroy(&machine->lock);
}

int machine_renew_after_fork(struct machine *machine, const char **ret_step)
{
	vm_close(machine);
	/* Another thread of the parent may have held it in the moment of the fork. */
	pthread_mutex_init(&machine->lock, NULL);
	int ret = vm_open(machine, ret_step);
	if (!ret)
		*ret_step = NULL;
	return ret;
}
