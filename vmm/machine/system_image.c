/*
 * Builds the constant system image. See norma_abi.h for the map.
 *
 * Theory of operation. VA = GPA for [0, 128 GiB) with 2 MiB leaves (1 GiB leaves are not usable
 * under shadow paging), user and writable; what a task may really touch is decided by the host
 * mappings behind the memslots. Accessed and dirty bits are set beforehand, because the image lives
 * in a read-only memslot where the walker could not set them.
 */
#include "system_image.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PTE_PRESENT  (UINT64_C(1) << 0)
#define PTE_WRITE    (UINT64_C(1) << 1)
#define PTE_USER     (UINT64_C(1) << 2)
#define PTE_ACCESSED (UINT64_C(1) << 5)
#define PTE_DIRTY    (UINT64_C(1) << 6)
#define PTE_LARGE    (UINT64_C(1) << 7)

#define PTE_TABLE (PTE_PRESENT | PTE_WRITE | PTE_USER | PTE_ACCESSED)
#define PTE_LEAF  (PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY)

#define VECTOR_BP   3
#define VECTOR_OF   4
#define GATE_KERNEL UINT64_C(0x8e)
#define GATE_USER   UINT64_C(0xee)

#define GIB		(UINT64_C(1) << 30)
#define LARGE_BYTES	(UINT64_C(1) << 21)
#define TABLE_ENTRIES	512
#define USER_GIBS	(NORMA_USER_END / GIB)
#define TSS_IST1_OFFSET 36
#define TSS_RSP0_OFFSET 4
#define TSS_IOMAP_BASE	102
#define TSS_FIXED_BYTES 104

static_assert(NORMA_USER_END == NORMA_SYSTEM_BASE, "the system area starts where user space ends");
static_assert(NORMA_SYSTEM_USER_PDS + USER_GIBS * 4096 == NORMA_SYSTEM_PD, "one PD per GiB");
static_assert(SYSTEM_TSS_STRIDE_BYTES > SYSTEM_TSS_LIMIT, "a TSS fits its stride");
static_assert(NORMA_SYSTEM_TSS + NORMA_VCPUS_MAX * SYSTEM_TSS_STRIDE_BYTES <=
		  NORMA_SYSTEM_EXCEPTION_STUBS,
	      "one TSS per vCPU");
static_assert(NORMA_VCPUS_MAX * NORMA_SYSTEM_STACK_BYTES <= NORMA_SYSTEM_STACKS_BYTES,
	      "one stack per vCPU");

static uint8_t *image_at(uint8_t *image, uint64_t gpa)
{
	return image + (gpa - NORMA_SYSTEM_BASE);
}

static void put_u64(uint8_t *image, uint64_t gpa, uint64_t value)
{
	memcpy(image_at(image, gpa), &value, sizeof(value));
}

static void fill_user_tables(uint8_t *image)
{
	for (uint64_t gib = 0; gib < USER_GIBS; gib++) {
		uint64_t pd = NORMA_SYSTEM_USER_PDS + gib * NORMA_PAGE_BYTES;
		put_u64(image, NORMA_SYSTEM_PDPT + gib * 8, pd | PTE_TABLE);
		for (uint64_t i = 0; i < TABLE_ENTRIES; i++)
			put_u64(image, pd + i * 8,
				(gib * GIB + i * LARGE_BYTES) | PTE_LEAF | PTE_WRITE | PTE_USER |
				    PTE_LARGE);
	}
}

/* Small pages here, so that the one page the program must execute is the only one it can reach. */
static void fill_system_tables(uint8_t *image)
{
	put_u64(image, NORMA_SYSTEM_PML4, NORMA_SYSTEM_PDPT | PTE_TABLE);
	put_u64(image, NORMA_SYSTEM_PDPT + USER_GIBS * 8, NORMA_SYSTEM_PD | PTE_TABLE);
	put_u64(image, NORMA_SYSTEM_PD, NORMA_SYSTEM_PT | PTE_TABLE);
	for (uint64_t offset = 0; offset < NORMA_SYSTEM_IMAGE_BYTES; offset += NORMA_PAGE_BYTES) {
		uint64_t gpa = NORMA_SYSTEM_BASE + offset;
		uint64_t user = gpa == NORMA_SYSTEM_SYSCALL_STUB ? PTE_USER : 0;
		put_u64(image, NORMA_SYSTEM_PT + offset / NORMA_PAGE_BYTES * 8,
			gpa | PTE_LEAF | user);
	}
	uint64_t first = NORMA_SYSTEM_STACKS - NORMA_SYSTEM_BASE;
	for (uint64_t offset = 0; offset < NORMA_SYSTEM_STACKS_BYTES; offset += NORMA_PAGE_BYTES)
		put_u64(image, NORMA_SYSTEM_PT + (first + offset) / NORMA_PAGE_BYTES * 8,
			(NORMA_SYSTEM_STACKS + offset) | PTE_LEAF | PTE_WRITE);
}

/* No 32-bit code segment: a program cannot leave 64-bit mode. */
static void fill_gdt(uint8_t *image)
{
	put_u64(image, NORMA_SYSTEM_GDT + SYSTEM_SELECTOR_KERNEL_CODE, 0x00af9b000000ffff);
	put_u64(image, NORMA_SYSTEM_GDT + SYSTEM_SELECTOR_KERNEL_DATA, 0x00cf93000000ffff);
	put_u64(image, NORMA_SYSTEM_GDT + (SYSTEM_SELECTOR_USER_DATA & ~7), 0x00cff3000000ffff);
	put_u64(image, NORMA_SYSTEM_GDT + (SYSTEM_SELECTOR_USER_CODE & ~7), 0x00affb000000ffff);
}

/* Only #BP and #OF, which programs raise on purpose, are open to CPL 3: with `int n` a program
 * cannot fake another exception. All use IST1, so that an exception never depends on what the
 * interrupted code had in its stack pointer. */
static void fill_idt(uint8_t *image)
{
	for (uint64_t vector = 0; vector < SYSTEM_VECTORS; vector++) {
		uint64_t stub = NORMA_SYSTEM_EXCEPTION_STUBS + vector * SYSTEM_STUB_BYTES;
		uint64_t gate = NORMA_SYSTEM_IDT + vector * 16;
		uint64_t type =
		    vector == VECTOR_BP || vector == VECTOR_OF ? GATE_USER : GATE_KERNEL;
		put_u64(image, gate,
			(stub & 0xffff) | ((uint64_t)SYSTEM_SELECTOR_KERNEL_CODE << 16) |
			    (UINT64_C(1) << 32) | (type << 40) | ((stub >> 16 & 0xffff) << 48));
		put_u64(image, gate + 8, stub >> 32);
	}
}

static void fill_tss(uint8_t *image)
{
	for (uint64_t i = 0; i < NORMA_VCPUS_MAX; i++) {
		uint8_t *tss = image_at(image, NORMA_SYSTEM_TSS + i * SYSTEM_TSS_STRIDE_BYTES);
		uint64_t stack_top = NORMA_SYSTEM_STACKS + (i + 1) * NORMA_SYSTEM_STACK_BYTES;
		uint16_t bitmap_offset = TSS_FIXED_BYTES;
		uint8_t *bitmap = tss + TSS_FIXED_BYTES;
		memcpy(tss + TSS_RSP0_OFFSET, &stack_top, sizeof(stack_top));
		memcpy(tss + TSS_IST1_OFFSET, &stack_top, sizeof(stack_top));
		memcpy(tss + TSS_IOMAP_BASE, &bitmap_offset, sizeof(bitmap_offset));
		memset(bitmap, 0xff, SYSTEM_TSS_LIMIT + 1 - TSS_FIXED_BYTES);
		bitmap[NORMA_PORT_HYPERCALL / 8] &= (uint8_t) ~(1u << (NORMA_PORT_HYPERCALL % 8));
		bitmap[NORMA_PORT_SYSCALL / 8] &= (uint8_t) ~(1u << (NORMA_PORT_SYSCALL % 8));
	}
}

/* out %al, $port; ud2 - the VMM never resumes behind the out, ud2 only stops a straying CPU. */
static void fill_stub(uint8_t *stub, uint8_t port)
{
	const uint8_t code[] = {0xe6, port, 0x0f, 0x0b};
	memcpy(stub, code, sizeof(code));
}

/* mov (%rdi),%al; out %al, $hypercall; ud2 */
static void fill_warm_stub(uint8_t *stub)
{
	const uint8_t code[] = {0x8a, 0x07};
	memcpy(stub, code, sizeof(code));
	fill_stub(stub + sizeof(code), NORMA_PORT_HYPERCALL);
}

void system_image_fill(uint8_t *image)
{
	memset(image, 0, NORMA_SYSTEM_IMAGE_BYTES);
	fill_user_tables(image);
	fill_system_tables(image);
	fill_gdt(image);
	fill_idt(image);
	fill_tss(image);
	for (uint64_t vector = 0; vector < SYSTEM_VECTORS; vector++)
		fill_stub(
		    image_at(image, NORMA_SYSTEM_EXCEPTION_STUBS + vector * SYSTEM_STUB_BYTES),
		    NORMA_PORT_EXCEPTION);
	fill_stub(image_at(image, NORMA_SYSTEM_SYSCALL_STUB), NORMA_PORT_SYSCALL);
	fill_warm_stub(image_at(image, SYSTEM_WARM_STUB));
}

static const int SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

static int image_write_and_seal(int fd, const uint8_t *image)
{
	size_t done_bytes = 0;
	while (done_bytes < NORMA_SYSTEM_IMAGE_BYTES) {
		ssize_t n = write(fd, image + done_bytes, NORMA_SYSTEM_IMAGE_BYTES - done_bytes);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			done_bytes += (size_t)n;
	}
	return fcntl(fd, F_ADD_SEALS, SEALS) ? -errno : 0;
}

/* Not from the heap: memory that is used once and returned leaves the heap as clean as it was, for
 * all processes that are copied from this one. */
static uint8_t *buffer_new(void)
{
	void *buffer = mmap(NULL, NORMA_SYSTEM_IMAGE_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return buffer == MAP_FAILED ? NULL : buffer;
}

static void buffer_free(uint8_t *buffer)
{
	munmap(buffer, NORMA_SYSTEM_IMAGE_BYTES);
}

int system_image_create(void)
{
	uint8_t *image = buffer_new();
	if (!image)
		return -ENOMEM;
	system_image_fill(image);
	int ret;
	int fd = memfd_create("norma-system-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0) {
		ret = -errno;
		goto out;
	}
	ret = image_write_and_seal(fd, image);
	if (ret) {
		close(fd);
		goto out;
	}
	ret = fd;
out:
	buffer_free(image);
	return ret;
}

int system_image_check(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);
	if (seals < 0)
		return -errno;
	if ((seals & (SEALS & ~F_SEAL_SEAL)) != (SEALS & ~F_SEAL_SEAL))
		return -EPERM;
	struct stat st;
	if (fstat(fd, &st))
		return -errno;
	if (st.st_size != NORMA_SYSTEM_IMAGE_BYTES)
		return -EINVAL;
	void *mapped = mmap(NULL, NORMA_SYSTEM_IMAGE_BYTES, PROT_READ, MAP_PRIVATE, fd, 0);
	if (mapped == MAP_FAILED)
		return -errno;
	int ret = -ENOMEM;
	uint8_t *image = buffer_new();
	if (image) {
		system_image_fill(image);
		ret = memcmp(image, mapped, NORMA_SYSTEM_IMAGE_BYTES) ? -EINVAL : 0;
		buffer_free(image);
	}
	munmap(mapped, NORMA_SYSTEM_IMAGE_BYTES);
	return ret;
}
