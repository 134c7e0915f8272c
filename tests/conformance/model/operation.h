/*
 * One call of a sequence, with everything that is needed to make it again. Tasks are slots, not
 * names: a sequence can be run again, or a part of it, on tasks made afresh.
 */
#ifndef MODEL_OPERATION_H
#define MODEL_OPERATION_H

#include <mach/mach.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	SLOTS = 12,
	SLOT_NULL = -1,	 /* MACH_PORT_NULL */
	SLOT_ENDED = -2, /* the task that ended last */
};

/* How much is compared with the model after a call, besides the touched tasks' maps. */
enum check {
	CHECK_TOUCHED,	  /* the bytes of the touched range */
	CHECK_EVERYWHERE, /* the bytes there, in all tasks */
	CHECK_TASK,	  /* all bytes of the touched task */
	CHECK_ALL,	  /* maps and bytes of all tasks */
};

enum operation_kind {
	MAKE_FIRST, /* an empty task on a node */
	VM_ALLOCATE,
	VM_DEALLOCATE,
	VM_PROTECT,
	VM_INHERIT,
	VM_REGION,
	VM_READ,
	VM_WRITE,
	VM_COPY,
	VM_MAP,
	VM_REMAP,
	VM_BEHAVIOR_SET,
	TASK_CREATE,
	NORMA_TASK_CREATE,
	NORMA_TASK_CLONE,
	TASK_TERMINATE,
	TASK_KILL, /* SIGKILL to the process that is the task */
	OPERATION_KINDS
};

extern const char *const operation_names[OPERATION_KINDS];

struct operation {
	enum operation_kind kind;
	int task;
	int other; /* slot of the new task; of vm_remap's source */
	int node;
	uint64_t address;
	uint64_t size;
	uint64_t from; /* source address of vm_copy and vm_remap */
	uint64_t mask;
	uint32_t value; /* protection, inheritance or behavior; what vm_write's bytes come from */
	uint32_t max_protection;
	uint32_t inheritance;
	enum check check;
	bool flag; /* anywhere, set_maximum, inherit_memory; vm_read: vm_read_overwrite */
	bool copy;
};

/* What a call gave back. */
struct outcome {
	kern_return_t code;
	uint64_t address;
	uint64_t size;
	vm_prot_t protection;
	vm_prot_t max_protection;
	uint8_t *bytes; /* size of them, for vm_read; valid until the next call */
};

/* The bytes that a vm_write with this value puts at [0, size). */
void operation_bytes(uint32_t value, uint8_t *bytes, uint64_t size);

/* Prints the call as a line of C. */
void operation_print(const struct operation *operation);

bool operation_makes_task(enum operation_kind kind);

#endif
