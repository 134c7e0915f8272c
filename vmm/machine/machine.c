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

static int arena_add(struct machine *machine, uint64_t index)
{
	uint64_t bit = UINT64_C(1) << (index % 64);
	if (machine->arenas[index / 64] & bit)
		return 0;
	uint64_t gpa = index * MACHINE_ARENA_BYTES;
	int ret = slot_add(machine, gpa, MACHINE_ARENA_BYTES, machine_hva(machine, gpa), 0);
	if (ret)
		return ret;
	machine->arenas[index / 64] |= bit;
	return 0;
}

int machine_arena_ensure(struct machine *machine, uint64_t gpa, uint64_t bytes)
{
	if (!machine_range_is_user(gpa, bytes) || bytes == 0)
		return -EINVAL;
	uint64_t last = (gpa + bytes - 1) / MACHINE_ARENA_BYTES;
	int ret = 0;
	pthread_mutex_lock(&machine->lock);
	for (uint64_t i = gpa / MACHINE_ARENA_BYTES; i <= last && !ret; i++)
		ret = arena_add(machine, i);
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
	machine->slot_next = 0;
	*ret_step = "giving the virtual machine its system area";
	int ret = slot_add(machine, NORMA_SYSTEM_BASE, NORMA_SYSTEM_IMAGE_BYTES,
			   machine->system_image, KVM_MEM_READONLY);
	if (ret)
		return ret;
	return slot_add(machine, NORMA_SYSTEM_STACKS, NORMA_SYSTEM_STACKS_BYTES, machine->stacks,
			0);
}

static int map_or_errno(void **ret_hva, size_t bytes, int protection, int flags, int fd)
{
	void *hva = mmap(NULL, bytes, protection, flags, fd, 0);
	if (hva == MAP_FAILED)
		return -errno;
	*ret_hva = hva;
	return 0;
}

/* The task's addresses, at a host address that is a multiple of a huge page as theirs is. */
static int reserve(void **ret_hva)
{
	uint8_t *hva = mmap(NULL, NORMA_USER_END + RESERVATION_ALIGN, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (hva == MAP_FAILED)
		return -errno;
	uint64_t before = -(uintptr_t)hva % RESERVATION_ALIGN;
	if (before)
		munmap(hva, before);
	munmap(hva + before + NORMA_USER_END, RESERVATION_ALIGN - before);
	*ret_hva = hva + before;
	return 0;
}

static int machine_map(struct machine *machine, const char **ret_step)
{
	void *hva = NULL;
	*ret_step = "reserving host addresses for the task";
	int ret = reserve(&hva);
	if (ret)
		return ret;
	machine->reservation = hva;
	*ret_step = "mapping the system image";
	ret = map_or_errno(&machine->system_image, NORMA_SYSTEM_IMAGE_BYTES, PROT_READ, MAP_PRIVATE,
			   machine->host->system_image_fd);
	if (ret)
		return ret;
	*ret_step = "mapping the exception stacks";
	ret = map_or_errno(&hva, NORMA_SYSTEM_STACKS_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (ret)
		return ret;
	machine->stacks = hva;
	return 0;
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
	unmap_if(machine->stacks, NORMA_SYSTEM_STACKS_BYTES);
	unmap_if(machine->system_image, NORMA_SYSTEM_IMAGE_BYTES);
	unmap_if(machine->reservation, NORMA_USER_END);
	machine->stacks = NULL;
	machine->system_image = NULL;
	machine->reservation = NULL;
	pthread_mutex_destroy(&machine->lock);
}

int machine_renew_after_fork(struct machine *machine, const char **ret_step)
{
	vm_close(machine);
	/* Another thread of the parent may have held it in the moment of the fork. */
	pthread_mutex_init(&machine->lock, NULL);
	memset(machine->arenas, 0, sizeof(machine->arenas));
	int ret = vm_open(machine, ret_step);
	if (!ret)
		*ret_step = NULL;
	return ret;
}
