/*
 * The real system's side of a sequence: calls through libnorma.
 */
#include "real.h"
#include "calls.h"
#include "model.h"

#include <norma.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { END_MS = 20000 };

static task_t waiting; /* never has children's memory of its own: they are made empty */
static task_t tasks[SLOTS];
static task_t ended;
static size_t others; /* tasks that were there before */
static uint8_t buffer[MODEL_PAGES * PAGE];

static size_t count_tasks(int nodes)
{
	size_t total = 0;

	for (int node = 0; node < nodes; node++) {
		struct norma_task_row *rows = NULL;
		size_t count = 0;

		/* A host that is away has none. */
		if (norma_task_list(node, &rows, &count) == KERN_SUCCESS)
			total += count;
		free(rows);
	}
	return total;
}

void real_begin(const char *image, int nodes)
{
	char *arguments[] = {"cat", NULL};
	int node = 0;

	if (norma_connect(NULL) || norma_node_self(mach_host_self(), &node) != KERN_SUCCESS) {
		fprintf(stderr, "model: connecting: %s\n", norma_last_error());
		exit(2);
	}
	others = count_tasks(nodes);
	if (norma_run(image, arguments, NULL, node, &waiting) != KERN_SUCCESS) {
		fprintf(stderr, "model: running %s: %s\n", image, norma_last_error());
		exit(2);
	}
}

task_t real_task(int slot)
{
	if (slot == SLOT_NULL)
		return MACH_PORT_NULL;
	return slot == SLOT_ENDED ? ended : tasks[slot];
}

kern_return_t make_child_rightly(const struct operation *operation, task_t parent,
				 task_t *ret_child)
{
	switch ((int)operation->kind) {
	case TASK_CREATE:
		return task_create(parent, NULL, 0, operation->flag, ret_child);
	case NORMA_TASK_CREATE:
		return norma_task_create(parent, operation->flag, operation->node, ret_child);
	case NORMA_TASK_CLONE:
		return norma_task_clone(parent, operation->flag, operation->node, ret_child);
	default:
		return norma_task_create(waiting, FALSE, operation->node, ret_child);
	}
}

kern_return_t read_rightly(task_t task, uint64_t address, uint64_t size, uint8_t *bytes)
{
	vm_size_t count = 0;

	return vm_read_overwrite(task, address, size, (vm_address_t)bytes, &count);
}

static void make_child(const struct operation *operation, struct outcome *outcome)
{
	task_t child = TASK_NULL;
	task_t parent = operation->kind == MAKE_FIRST ? waiting : real_task(operation->task);

	outcome->code = call_make_child(operation, parent, &child);
	if (outcome->code == KERN_SUCCESS)
		tasks[operation->other] = child;
}

/* vm_read itself, whose copy is the library's to free. */
static kern_return_t read_copy(task_t task, const struct operation *operation)
{
	vm_offset_t data = 0;
	mach_msg_type_number_t count = 0;
	kern_return_t code = vm_read(task, operation->address, operation->size, &data, &count);

	if (code != KERN_SUCCESS || count == 0)
		return code;
	memcpy(buffer, (const uint8_t *)data, count);
	return vm_deallocate(mach_task_self(), data, count);
}

static void read_task(task_t task, const struct operation *operation, struct outcome *outcome)
{
	outcome->bytes = buffer;
	outcome->code = operation->flag
			    ? call_read(task, operation->address, operation->size, buffer)
			    : read_copy(task, operation);
	outcome->size = outcome->code == KERN_SUCCESS ? operation->size : 0;
}

static void find_region(task_t task, const struct operation *operation, struct outcome *outcome)
{
	struct vm_region_basic_info info;
	mach_msg_type_number_t count = VM_REGION_BASIC_INFO_COUNT;
	vm_address_t address = operation->address;
	vm_size_t size = 0;

	outcome->code = vm_region(task, &address, &size, VM_REGION_BASIC_INFO,
				  (vm_region_info_t)&info, &count, NULL);
	if (outcome->code != KERN_SUCCESS)
		return;
	outcome->address = address;
	outcome->size = size;
}

/* SIGKILL, as a crash of the process would be; the daemon has noticed when this returns. */
static kern_return_t kill_process(task_t task, int node)
{
	struct norma_task_row *rows = NULL;
	struct norma_task_end end = {.state = NORMA_TASK_RUNNING};
	kern_return_t code;
	size_t count = 0;
	pid_t pid = 0;

	code = norma_task_list(node, &rows, &count);
	for (size_t i = 0; i < count; i++)
		if (rows[i].task == task)
			pid = (pid_t)rows[i].vmm_pid;
	free(rows);
	if (code != KERN_SUCCESS || pid <= 0 || kill(pid, SIGKILL))
		return KERN_FAILURE;
	code = norma_task_wait(task, END_MS, &end);
	return code == KERN_SUCCESS && end.state == NORMA_TASK_RUNNING ? KERN_FAILURE
								       : KERN_SUCCESS;
}

static void make_region(task_t task, const struct operation *operation, struct outcome *outcome)
{
	vm_address_t address = operation->address;

	if (operation->kind == VM_ALLOCATE)
		outcome->code = vm_allocate(task, &address, operation->size, operation->flag);
	else if (operation->kind == VM_MAP)
		outcome->code =
		    vm_map(task, &address, operation->size, operation->mask, operation->flag,
			   MACH_PORT_NULL, 0, FALSE, (vm_prot_t)operation->value,
			   (vm_prot_t)operation->max_protection, operation->inheritance);
	else
		outcome->code = vm_remap(task, &address, operation->size, operation->mask,
					 operation->flag, real_task(operation->other),
					 operation->from, operation->copy, &outcome->protection,
					 &outcome->max_protection, operation->inheritance);
	if (outcome->code == KERN_SUCCESS)
		outcome->address = address;
}

static kern_return_t write_task(task_t task, const struct operation *operation)
{
	operation_bytes(operation->value, buffer, operation->size);
	return call_write(task, operation->address, buffer, operation->size);
}

static kern_return_t simple_call(task_t task, const struct operation *operation, int node)
{
	switch ((int)operation->kind) {
	case VM_DEALLOCATE:
		return vm_deallocate(task, operation->address, operation->size);
	case VM_PROTECT:
		return vm_protect(task, operation->address, operation->size, operation->flag,
				  (vm_prot_t)operation->value);
	case VM_INHERIT:
		return call_inherit(task, operation->address, operation->size, operation->value);
	case VM_WRITE:
		return write_task(task, operation);
	case VM_COPY:
		return vm_copy(task, operation->from, operation->size, operation->address);
	case VM_BEHAVIOR_SET:
		return vm_behavior_set(task, operation->address, operation->size,
				       (vm_behavior_t)operation->value);
	case TASK_TERMINATE:
		return task_terminate(task);
	default:
		return kill_process(task, node);
	}
}

static void note_end(const struct operation *operation)
{
	if (operation->task < 0)
		return;
	ended = tasks[operation->task];
	tasks[operation->task] = TASK_NULL;
}

void real_perform(const struct operation *operation, int node, struct outcome *ret_outcome)
{
	task_t task = operation->kind == MAKE_FIRST ? waiting : real_task(operation->task);

	*ret_outcome = (struct outcome){0};
	if (operation_makes_task(operation->kind))
		make_child(operation, ret_outcome);
	else if (operation->kind == VM_READ)
		read_task(task, operation, ret_outcome);
	else if (operation->kind == VM_REGION)
		find_region(task, operation, ret_outcome);
	else if (operation->kind == VM_ALLOCATE || operation->kind == VM_MAP ||
		 operation->kind == VM_REMAP)
		make_region(task, operation, ret_outcome);
	else
		ret_outcome->code = simple_call(task, operation, node);
	if (operation->kind == TASK_TERMINATE || operation->kind == TASK_KILL)
		note_end(operation);
}

void real_end_tasks(void)
{
	for (int slot = 0; slot < SLOTS; slot++) {
		if (tasks[slot] != TASK_NULL)
			task_terminate(tasks[slot]);
		tasks[slot] = TASK_NULL;
	}
}

bool real_end(int nodes)
{
	real_end_tasks();
	task_terminate(waiting);
	bool is_clean = count_tasks(nodes) <= others;
	norma_disconnect();
	return is_clean;
}
