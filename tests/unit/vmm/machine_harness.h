/*
 * What the machine tests share: one task with plain memory and one thread. Every test process makes
 * its own (KVM refuses a VM made before fork), so call harness_setup from a checked fixture.
 */
#ifndef TESTS_MACHINE_HARNESS_H
#define TESTS_MACHINE_HARNESS_H

#include <stddef.h>
#include <stdint.h>

#include "machine.h"
#include "vcpu.h"

#define HARNESS_CODE	   UINT64_C(0x400000)
#define HARNESS_CODE_BYTES UINT64_C(0x10000)
#define HARNESS_DATA	   UINT64_C(0x800000)
#define HARNESS_DATA_BYTES UINT64_C(0x100000)
#define HARNESS_STACK_TOP  (HARNESS_DATA + HARNESS_DATA_BYTES)
/* A hole in an arena that has a slot, and one in an arena that has none. */
#define HARNESS_HOLE	    UINT64_C(0x2000000)
#define HARNESS_HOLE_NOSLOT UINT64_C(0x1000000000)

#define SNIPPET_DECLARE(name) extern const uint8_t snippet_##name[], snippet_##name##_end[]
#define SNIPPET_LOAD(harness, name)                                                                \
	harness_code(harness, snippet_##name, (size_t)(snippet_##name##_end - snippet_##name))

struct harness {
	int image_fd;
	struct machine machine;
	struct vcpu *vcpu;
	struct machine_host host; /* of variable size: last */
};

void harness_setup(struct harness *harness);
void harness_teardown(struct harness *harness);

/* Give all of a range memory slots, so that no access to it is a fault because of that. */
int harness_slots(struct machine *machine, uint64_t gpa, uint64_t bytes);
/* Put anonymous zero pages into the reservation and make sure of the slots. */
void harness_map(struct harness *harness, uint64_t gpa, uint64_t bytes, int protection);
void harness_unmap(struct harness *harness, uint64_t gpa, uint64_t bytes);

/* Copy code to HARNESS_CODE and point the thread there, with an empty stack and every register
 * zero. */
struct thread_state *harness_code(struct harness *harness, const uint8_t *code, size_t bytes);

/* vcpu_run that must succeed and end with this kind; Check's timeout is the deadline. */
struct vcpu_exit harness_run(struct harness *harness, enum vcpu_exit_kind kind);

#endif
