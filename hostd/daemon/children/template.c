/*
 * Keeping and dropping templates. See template.h for when.
 */
#include "template.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hostd.h"
#include "tasks.h"

struct template
{
	struct child_memory memory; /* points into what follows */
	struct vmm_pool pool;	    /* VMMs that have it mapped */
	uint8_t thread_state[THREAD_STATE64_BYTES];
	struct region_entry *regions;
	struct object_window windows[TEMPLATE_MAX_FILES];
	int fds[TEMPLATE_MAX_FILES];
	uint32_t fd_count;
};

static void template_free(struct template *template)
{
	for (uint32_t i = 0; i < template->fd_count; i++)
		close(template->fds[i]);
	free(template->regions);
	free(template);
}

bool template_is_kept(const struct task *task)
{
	return task->template.kept != NULL;
}

const struct child_memory *template_use(struct task *task, const struct child_thread *thread)
{
	struct template *template = task->template.kept;
	uint32_t bytes = thread->state.bytes;

	if (!template)
		return NULL;
	if (bytes && bytes <= sizeof(template->thread_state)) {
		memcpy(template->thread_state, thread->state.data, bytes);
		template->pool.thread_state = (struct wire_span){template->thread_state, bytes};
	}
	vmm_pool_use(&task->hostd->vmms, &template->pool);
	return &template->memory;
}

void template_drop(struct task *task)
{
	struct template *template = task->template.kept;

	task->template.kept = NULL;
	if (!template)
		return;
	vmm_pool_end(&task->hostd->vmms, &template->pool);
	template_free(template);
}

/* These only look at the task. All others are taken to change it. */
static bool call_only_looks(uint16_t type)
{
	switch (type) {
	case MESSAGE_task_info:
	case MESSAGE_task_threads:
	case MESSAGE_norma_task_statistics:
	case MESSAGE_vm_region:
	case MESSAGE_vm_read:
	case MESSAGE_thread_get_state:
	case MESSAGE_thread_info:
	case MESSAGE_norma_exception_wait:
	case MESSAGE_vmm_export_end: /* what the export held is the pager's, a template is not */
		return true;
	default:
		return false;
	}
}

bool template_call_begins(struct task *task, uint16_t type)
{
	if (call_only_looks(type))
		return false;
	template_drop(task);
	task->template.changes++;
	task->template.open++;
	return true;
}

void template_call_answered(struct task *task)
{
	task->template.open--;
}

uint64_t template_mark(const struct task *task)
{
	return task->template.open == 1 ? task->template.changes : 0;
}

/* Objects that the pager knows by an id would need it: it stays out of this. */
static bool memory_is_all_along(const struct child_memory *memory)
{
	for (uint32_t i = 0; i < memory->region_count; i++)
		if (memory->regions[i].object < OBJECT_ALONG ||
		    memory->regions[i].mapping != REGION_PRIVATE)
			return false;
	return memory->window_count <= TEMPLATE_MAX_FILES;
}

/* Return: NULL when this host lacks memory or descriptors: then there is none. */
static struct template *template_new(const struct child_memory *memory)
{
	struct template *template = calloc(1, sizeof(*template));
	size_t bytes = memory->region_count * sizeof(*memory->regions);

	if (!template)
		return NULL;
	template->regions = malloc(bytes + 1);
	if (!template->regions) {
		template_free(template);
		return NULL;
	}
	memcpy(template->regions, memory->regions, bytes);
	memcpy(template->windows, memory->windows, memory->window_count * sizeof(*memory->windows));
	for (; template->fd_count < memory->window_count; template->fd_count++) {
		int fd = fcntl(memory->fds[template->fd_count], F_DUPFD_CLOEXEC, 0);

		if (fd < 0) {
			template_free(template);
			return NULL;
		}
		template->fds[template->fd_count] = fd;
	}
	template->memory = (struct child_memory){
	    .regions = template->regions,
	    .region_count = memory->region_count,
	    .windows = template->windows,
	    .fds = template->fds,
	    .window_count = memory->window_count,
	    .pool = &template->pool,
	};
	vmm_pool_init(&template->pool, &template->memory);
	return template;
}

void template_keep(struct task *task, uint64_t mark, const struct child_memory *memory)
{
	struct template_state *state = &task->template;

	if (!mark || mark != state->changes || state->open || !memory->region_count ||
	    !memory_is_all_along(memory))
		return;
	template_drop(task);
	state->kept = template_new(memory);
}
