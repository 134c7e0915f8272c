/*
 * See machine_harness.h. Not a second VMM: it only maps memory and calls vcpu_run.
 */
#include "machine_harness.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "system_image.h"

int harness_slots(struct machine *machine, uint64_t gpa, uint64_t bytes)
{
	uint64_t end = gpa + bytes;
	int ret = 0;
	for (; gpa < end && !ret; gpa = (gpa / MACHINE_BLOCK_BYTES + 1) * MACHINE_BLOCK_BYTES)
		ret = machine_slot_ensure(machine, gpa);
	return ret;
}

void harness_map(struct harness *harness, uint64_t gpa, uint64_t bytes, int protection)
{
	void *hva = mmap(machine_hva(&harness->machine, gpa), bytes, protection,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	ck_assert_ptr_ne(hva, MAP_FAILED);
	ck_assert_int_eq(harness_slots(&harness->machine, gpa, bytes), 0);
}

void harness_unmap(struct harness *harness, uint64_t gpa, uint64_t bytes)
{
	void *hva = mmap(machine_hva(&harness->machine, gpa), bytes, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
	ck_assert_ptr_ne(hva, MAP_FAILED);
}

void harness_setup(struct harness *harness)
{
	const char *step = "creating the system image";
	memset(harness, 0, sizeof(*harness));
	ck_assert_int_eq(vcpu_signals_install(), 0);
	harness->image_fd = system_image_create();
	ck_assert_int_ge(harness->image_fd, 0);
	int ret = machine_host_open(&harness->host, harness->image_fd, &step);
	ck_assert_msg(!ret, "%s: %s", step, strerror(-ret));
	ret = machine_init(&harness->machine, &harness->host, &step);
	ck_assert_msg(!ret, "%s: %s", step, strerror(-ret));
	ret = vcpu_create(&harness->machine, 0, &harness->vcpu, &step);
	ck_assert_msg(!ret, "%s: %s", step, strerror(-ret));
	harness_map(harness, HARNESS_CODE, HARNESS_CODE_BYTES, PROT_READ | PROT_WRITE);
	harness_map(harness, HARNESS_DATA, HARNESS_DATA_BYTES, PROT_READ | PROT_WRITE);
}

void harness_teardown(struct harness *harness)
{
	vcpu_put(harness->vcpu);
	machine_done(&harness->machine);
	machine_host_close(&harness->host);
	close(harness->image_fd);
}

struct thread_state *harness_code(struct harness *harness, const uint8_t *code, size_t bytes)
{
	static const uint8_t ud2[] = {0x0f, 0x0b};
	ck_assert_int_eq(guest_copy_out(&harness->machine, HARNESS_CODE, code, bytes), 0);
	ck_assert_int_eq(guest_copy_out(&harness->machine, HARNESS_CODE + bytes, ud2, sizeof(ud2)),
			 0);
	struct thread_state *state = vcpu_state(harness->vcpu);
	*state = (struct thread_state){.rip = HARNESS_CODE, .rsp = HARNESS_STACK_TOP};
	return state;
}

struct vcpu_exit harness_run(struct harness *harness, enum vcpu_exit_kind kind)
{
	struct vcpu_exit exit;
	int ret = vcpu_run(harness->vcpu, &exit);
	ck_assert_msg(!ret, "vcpu_run: %s (%s)", strerror(-ret), exit.text);
	ck_assert_msg(exit.kind == kind,
		      "exit kind %d, expected %d; vector %u error 0x%x cr2 0x%llx address 0x%llx "
		      "rip 0x%llx %s",
		      (int)exit.kind, (int)kind, exit.vector, exit.error_code,
		      (unsigned long long)exit.cr2, (unsigned long long)exit.address,
		      (unsigned long long)vcpu_state(harness->vcpu)->rip, exit.text);
	return exit;
}
