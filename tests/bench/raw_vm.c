/*
 * A bare KVM machine: see raw_vm.h.
 */
#include "raw_vm.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "samples.h"

extern const uint8_t raw_guest_start[], raw_guest_exits[], raw_guest_reads[], raw_guest_writes[],
    raw_guest_times[], raw_guest_stores[], raw_guest_turns[], raw_guest_spins[],
    raw_guest_computes[], raw_guest_end[];

enum {
	PML4 = 0x1000,
	PDPT = 0x2000,
	GDT = 0x3000,
	TSS = 0x4000,
	IDT = 0x7000,
	PDS = 0x8000, /* eight, one for each GiB */
	PD_COUNT = 8,
	CPUID_ENTRIES = 256,
	USER_CODE = 0x2b,
	USER_DATA = 0x23,
	TSS_SELECTOR = 0x30,
	TSS_LIMIT = 0x2067, /* with a bitmap of zeros: every port is open */
	TSS_BITMAP_OFFSET = 104,
};

#define TABLE 0x27ull /* present, writable, user, accessed */
#define LEAF  0xe7ull /* the same, dirty, 2 MiB */

static void put_u64(uint8_t *at, uint64_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void fill_system(uint8_t *system)
{
	put_u64(system + PML4, PDPT | TABLE);
	for (uint64_t gib = 0; gib < PD_COUNT; gib++) {
		uint64_t pd = PDS + gib * 4096;

		put_u64(system + PDPT + gib * 8, pd | TABLE);
		for (uint64_t i = 0; i < 512; i++)
			put_u64(system + pd + i * 8, (gib << 30 | i << 21) | LEAF);
	}
	put_u64(system + GDT + (USER_DATA & ~7), 0x00cff3000000ffff);
	put_u64(system + GDT + (USER_CODE & ~7), 0x00affb000000ffff);
	system[TSS + 102] = TSS_BITMAP_OFFSET;
}

static int open_system(void)
{
	int fd = memfd_create("raw-vm-system", MFD_CLOEXEC);
	uint8_t *system = MAP_FAILED;

	if (fd >= 0 && !ftruncate(fd, RAW_VM_SYSTEM_BYTES))
		system = mmap(NULL, RAW_VM_SYSTEM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (system == MAP_FAILED)
		fatal("no memory for page tables: %s", strerror(errno));
	fill_system(system);
	munmap(system, RAW_VM_SYSTEM_BYTES);
	return fd;
}

void raw_host_open(struct raw_host *host)
{
	int bytes;

	host->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (host->kvm_fd < 0)
		fatal("cannot open /dev/kvm: %s", strerror(errno));
	bytes = ioctl(host->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	host->cpuid =
	    calloc(1, sizeof(*host->cpuid) + CPUID_ENTRIES * sizeof(struct kvm_cpuid_entry2));
	if (bytes < 0 || !host->cpuid)
		fatal("cannot ask KVM for its sizes: %s", strerror(errno));
	host->run_bytes = (size_t)bytes;
	host->cpuid->nent = CPUID_ENTRIES;
	if (ioctl(host->kvm_fd, KVM_GET_SUPPORTED_CPUID, host->cpuid))
		fatal("KVM_GET_SUPPORTED_CPUID: %s", strerror(errno));
	host->system_fd = open_system();
}

static void set_slot(const struct raw_vm *vm, uint32_t slot, uint64_t gpa, void *memory,
		     size_t bytes)
{
	struct kvm_userspace_memory_region region = {
	    .slot = slot,
	    .guest_phys_addr = gpa,
	    .memory_size = bytes,
	    .userspace_addr = (uintptr_t)memory,
	};

	if (ioctl(vm->vm_fd, KVM_SET_USER_MEMORY_REGION, &region))
		fatal("KVM_SET_USER_MEMORY_REGION of %zu bytes: %s", bytes, strerror(errno));
}

static void open_vcpu(struct raw_vm *vm)
{
	vm->vcpu_fd = ioctl(vm->vm_fd, KVM_CREATE_VCPU, 0);
	if (vm->vcpu_fd < 0)
		fatal("KVM_CREATE_VCPU: %s", strerror(errno));
	vm->run =
	    mmap(NULL, vm->host->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu_fd, 0);
	if (vm->run == MAP_FAILED)
		fatal("cannot map the vCPU: %s", strerror(errno));
	if (ioctl(vm->vcpu_fd, KVM_SET_CPUID2, vm->host->cpuid))
		fatal("KVM_SET_CPUID2: %s", strerror(errno));
}

void raw_vm_open(struct raw_vm *vm, const struct raw_host *host)
{
	vm->host = host;
	vm->vm_fd = ioctl(host->kvm_fd, KVM_CREATE_VM, 0);
	if (vm->vm_fd < 0)
		fatal("KVM_CREATE_VM: %s", strerror(errno));
	vm->system = mmap(NULL, RAW_VM_SYSTEM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE,
			  host->system_fd, 0);
	if (vm->system == MAP_FAILED)
		fatal("cannot map page tables: %s", strerror(errno));
	set_slot(vm, 0, 0, vm->system, RAW_VM_SYSTEM_BYTES);
	open_vcpu(vm);
}

void raw_vm_set_memory(const struct raw_vm *vm, uint8_t *memory, size_t bytes)
{
	set_slot(vm, 1, RAW_VM_MEMORY_GPA, memory, bytes);
}

void raw_vm_write_code(uint8_t *memory)
{
	memcpy(memory, raw_guest_start, (size_t)(raw_guest_end - raw_guest_start));
}

static void set_segments(const struct raw_vm *vm)
{
	struct kvm_sregs sregs;
	struct kvm_segment segment = {.limit = 0xfffff,
				      .selector = USER_CODE,
				      .type = 11,
				      .present = 1,
				      .s = 1,
				      .l = 1,
				      .g = 1,
				      .dpl = 3};

	if (ioctl(vm->vcpu_fd, KVM_GET_SREGS, &sregs))
		fatal("KVM_GET_SREGS: %s", strerror(errno));
	sregs.cs = segment;
	segment.type = 3;
	segment.l = 0;
	segment.db = 1;
	segment.selector = USER_DATA;
	sregs.ss = sregs.ds = sregs.es = sregs.fs = sregs.gs = segment;
	sregs.ldt = (struct kvm_segment){.type = 2, .unusable = 1};
	sregs.tr = (struct kvm_segment){
	    .base = TSS, .limit = TSS_LIMIT, .selector = TSS_SELECTOR, .type = 11, .present = 1};
	sregs.gdt = (struct kvm_dtable){.base = GDT, .limit = 0x3f};
	sregs.idt = (struct kvm_dtable){.base = IDT, .limit = 0xfff};
	sregs.cr0 = 0x80050033; /* PG AM WP NE ET MP PE */
	sregs.cr3 = PML4;
	sregs.cr4 = 0x620;  /* PAE OSFXSR OSXMMEXCPT */
	sregs.efer = 0xd01; /* NXE LMA LME SCE */
	if (ioctl(vm->vcpu_fd, KVM_SET_SREGS, &sregs))
		fatal("KVM_SET_SREGS: %s", strerror(errno));
}

static uint64_t offset_of(enum raw_vm_entry entry)
{
	static const uint8_t *const entries[] = {
	    [RAW_VM_EXITS] = raw_guest_exits,	[RAW_VM_READS] = raw_guest_reads,
	    [RAW_VM_WRITES] = raw_guest_writes, [RAW_VM_SPINS] = raw_guest_spins,
	    [RAW_VM_TIMES] = raw_guest_times,	[RAW_VM_COMPUTES] = raw_guest_computes,
	    [RAW_VM_STORES] = raw_guest_stores, [RAW_VM_EVEN] = raw_guest_turns,
	    [RAW_VM_ODD] = raw_guest_turns,
	};
	const uint8_t *at = entries[entry];

	return (uint64_t)(at - raw_guest_start);
}

void raw_vm_compute_here(const uint8_t *code, uint64_t rounds)
{
	void (*compute)(uint64_t, uint64_t, uint64_t, uint64_t rounds, uint64_t is_here);
	const uint8_t *at = code + offset_of(RAW_VM_COMPUTES);

	memcpy(&compute, &at, sizeof(compute));
	compute(0, 0, 0, rounds, 1);
}

void raw_vm_start(const struct raw_vm *vm, enum raw_vm_entry entry, uint64_t first_page,
		  uint64_t pages)
{
	struct kvm_regs regs = {
	    .rip = RAW_VM_MEMORY_GPA + offset_of(entry),
	    .rflags = 0x3002, /* IOPL 3: VMX and SVM look at it, KVM-PVM at the bitmap */
	    .rdi = RAW_VM_MEMORY_GPA + first_page * 4096,
	    .rcx = pages,
	    .rsi = RAW_VM_MEMORY_GPA + 4096,
	    .r8 = entry == RAW_VM_ODD,
	};

	set_segments(vm);
	if (ioctl(vm->vcpu_fd, KVM_SET_REGS, &regs))
		fatal("KVM_SET_REGS: %s", strerror(errno));
}

void raw_vm_run(const struct raw_vm *vm)
{
	while (ioctl(vm->vcpu_fd, KVM_RUN, 0)) {
		if (errno != EINTR)
			fatal("KVM_RUN: %s", strerror(errno));
	}
	if (vm->run->exit_reason != KVM_EXIT_IO)
		fatal("the bare machine left with exit reason %u, not with `out`",
		      vm->run->exit_reason);
}

void raw_vm_close(struct raw_vm *vm)
{
	munmap(vm->run, vm->host->run_bytes);
	close(vm->vcpu_fd);
	close(vm->vm_fd);
	munmap(vm->system, RAW_VM_SYSTEM_BYTES);
}
