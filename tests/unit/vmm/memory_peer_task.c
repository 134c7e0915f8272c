/*
 * The task's process: does with a space what it is told. Check's assertions work in the test's
 * process only.
 */
#include "memory_peer_wire.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine.h"
#include "orphan.h"
#include "space_internal.h"
#include "system_image.h"
#include "vcpu.h"

static void require(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "# task: %s\n", what);
	_exit(2);
}

struct task {
	int fd;
	struct machine machine;
	struct space *space;
	uint32_t descriptors; /* at the beginning */
	int offered[2];	      /* to a fork by the next export: its socket, its pager's; -1: none */
	uint64_t fork_pages;
	uint32_t pauses;
	bool is_paused;
	pthread_t watcher;
	bool is_watched;
	uint64_t store_address; /* 0: none */
	uint8_t store_value;
	struct machine_host host; /* of variable size: last */
};

static int fail_step;
static uint32_t fail_nth;

bool space_fail_at(enum space_step step)
{
	return fail_nth > 0 && (int)step == fail_step && --fail_nth == 0;
}

static int task_pause(void *context, uint64_t deadline_ns)
{
	struct task *task = context;

	(void)deadline_ns;
	if (task->store_address)
		require(
		    guest_copy_out(&task->machine, task->store_address, &task->store_value, 1) == 0,
		    "store");
	task->store_address = 0;
	task->pauses++;
	task->is_paused = true;
	return 0;
}

static void task_resume(void *context)
{
	((struct task *)context)->is_paused = false;
}

static uint32_t task_count(const char *what)
{
	uint32_t count = 0;

	if (!strcmp(what, "descriptors")) {
		DIR *directory = opendir("/proc/self/fd");

		while (readdir(directory))
			count++;
		closedir(directory);
		return count;
	}
	FILE *maps = fopen("/proc/self/maps", "re");
	char *line = NULL;
	size_t size = 0;
	while (getline(&line, &size, maps) > 0)
		count += strstr(line, "memfd:norma-memory") != NULL;
	free(line);
	fclose(maps);
	return count;
}

static uint64_t task_file_bytes(void)
{
	ino_t seen[4096];
	uint32_t count = 0;
	uint64_t sum = 0;

	for (int fd = 3; fd < 4096; fd++) {
		struct stat status;
		bool is_new = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);

		for (uint32_t i = 0; is_new && i < count; i++)
			is_new = seen[i] != status.st_ino;
		if (!is_new)
			continue;
		seen[count++] = status.st_ino;
		sum += (uint64_t)status.st_blocks * 512;
	}
	return sum;
}

static uint64_t task_locked_bytes(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	unsigned long long kilobytes = 0;
	char line[256];

	while (fgets(line, sizeof(line), status))
		sscanf(line, "VmLck: %llu kB", &kilobytes);
	fclose(status);
	return kilobytes * 1024;
}

static void task_live(struct task *task);

static void __attribute__((noreturn)) fork_child(void *context)
{
	struct task *task = context;
	static struct peer_message hello;
	const char *step;

	close(task->fd);
	task->fd = task->offered[0];
	task->offered[0] = -1;
	task->is_paused = false;
	fail_nth = 0;
	require(machine_renew_after_fork(&task->machine, &step) == 0, "machine_renew_after_fork");
	require(space_renew_after_fork(task->space) == 0, "space_renew_after_fork");
	hello.n[0] = (uint64_t)getpid();
	require(peer_message_send(task->fd, &hello), "the test is gone");
	require(space_pager_connect(task->space, task->offered[1]) == 0, "space_pager_connect");
	task_live(task);
	_exit(0);
}

static int fork_task(void *context, space_child_fn first, void *first_context)
{
	void *stack = orphan_stack_new();
	int pidfd;

	(void)context;
	require(stack, "no stack");
	int ret = orphan_fork(stack, first, first_context, &pidfd);
	orphan_stack_free(stack);
	if (!ret)
		close(pidfd);
	return ret;
}

/* The offer holds for one export. */
static void offer_end(struct task *task)
{
	close(task->offered[0]);
	close(task->offered[1]);
	task->offered[0] = -1;
}

static void do_export(struct task *task, struct peer_message *m)
{
	const struct space_forker forker = {
	    .fork = fork_task, .child = fork_child, .context = task, .pages_min = task->fork_pages};
	bool is_offered = task->offered[0] >= 0;
	const struct vm_extent extent = {m->n[0], m->n[1]};
	struct space_exported exported;

	m->failure.text[0] = '\0';
	if (m->op == OP_EXPORT)
		m->code = space_export(task->space,
				       &(struct space_child){
					   .mode = (enum export_mode)m->n[0],
					   .forker = is_offered ? &forker : NULL,
				       },
				       &exported, &m->failure);
	else
		m->code =
		    space_export_range(task->space, extent, m->n[2] != 0, &exported, &m->failure);
	m->n[1] = 0;
	m->n[3] = !m->code && exported.is_forked;
	if (!m->code) {
		m->n[1] = exported.region_count;
		m->used = exported.region_count * (uint32_t)sizeof(struct region_entry);
		if (m->used)
			memcpy(m->data.entries, exported.regions, m->used);
		space_exported_done(&exported);
	}
	m->n[2] = task->is_paused;
	if (is_offered)
		offer_end(task);
}

static void *do_wait_lost(void *argument)
{
	struct task *task = argument;
	struct pollfd hangup = {.fd = space_pager_fd(task->space), .events = POLLRDHUP};

	require(poll(&hangup, 1, PEER_TIMEOUT_S * 1000) == 1, "no hang-up");
	require(space_pager_lost(task->space) == 0, "space_pager_lost");
	require(space_pager_lost(task->space) == 0, "space_pager_lost");
	return NULL;
}

static void task_do_calls(struct task *task, struct peer_message *m)
{
	struct space *space = task->space;
	const struct region_list list = {m->data.entries, (uint32_t)m->n[0]};

	switch (m->op) {
	case OP_MAP_REGION:
		m->code = space_map_region(space, &m->place, &m->attributes, m->n[0], &m->n[0]);
		break;
	case OP_COPY:
		m->code = space_copy(space, m->n[0], m->n[1], m->n[2]);
		break;
	case OP_WIRE:
		m->code = space_wire(space, m->n[0], m->n[1], (vm_prot_t)m->n[2]);
		break;
	case OP_LOCKED:
		m->n[0] = task_locked_bytes();
		break;
	case OP_BEHAVIOR:
		m->code = space_behavior(space, m->n[0], m->n[1], (vm_behavior_t)m->n[2]);
		break;
	case OP_LIMIT:
		space_limit_set(space, m->n[0]);
		break;
	case OP_EXPORT_RANGE:
		do_export(task, m);
		break;
	case OP_IMPORT_RANGE:
		m->code = space_import_range(space, &m->place, (vm_inherit_t)m->n[1], list,
					     &m->n[0], &m->failure);
		m->used = 0;
		break;
	default:
		m->n[0] = task->pauses;
	}
}

static void task_do_more(struct task *task, struct peer_message *m)
{
	struct space *space = task->space;

	switch (m->op) {
	case OP_COPY_IN:
		m->code = space_copy_in(space, m->n[0], m->data.bytes, 1);
		break;
	case OP_MAP:
		m->code = space_map(space, &m->map, &m->n[0]);
		break;
	case OP_DISCARD:
		m->code = space_discard(space, m->n[0], m->n[1]);
		break;
	case OP_GROW:
		m->code = space_grow(space, m->n[0], m->n[1], m->n[2]);
		break;
	case OP_VIRTUAL:
		m->n[0] = space_virtual_bytes(space);
		break;
	case OP_RESIDENT:
		m->n[0] = space_resident_bytes(space);
		break;
	case OP_FILE_BYTES:
		m->n[0] = task_file_bytes();
		break;
	case OP_WAIT_LOST:
		do_wait_lost(task);
		break;
	case OP_WATCH:
		require(pthread_create(&task->watcher, NULL, do_wait_lost, task) == 0, "thread");
		task->is_watched = true;
		break;
	case OP_FAIL_AT:
		fail_step = (int)m->n[0];
		fail_nth = (uint32_t)m->n[1];
		break;
	case OP_EXPORT:
		do_export(task, m);
		break;
	case OP_OFFER_FORK:
		memcpy(task->offered, m->fds, sizeof(task->offered));
		task->fork_pages = m->n[0];
		break;
	case OP_EXPORT_END:
		space_export_end(space, (enum export_fate)m->n[0]);
		break;
	case OP_IMPORT:
		m->code =
		    space_import(space, (struct region_list){m->data.entries, (uint32_t)m->n[0]},
				 (struct window_list){0}, &m->failure);
		m->used = 0;
		break;
	case OP_STORE_AT_PAUSE:
		task->store_address = m->n[0];
		task->store_value = (uint8_t)m->n[1];
		break;
	default:
		task_do_calls(task, m);
	}
}

static void task_do(struct task *task, struct peer_message *m)
{
	struct space *space = task->space;

	switch (m->op) {
	case OP_ALLOCATE:
		m->code = space_allocate(space, &m->n[0], m->n[1], (enum space_placement)m->n[2]);
		break;
	case OP_DEALLOCATE:
		m->code = space_deallocate(space, m->n[0], m->n[1]);
		break;
	case OP_PROTECT:
		m->code = space_protect(space, m->n[0], m->n[1], (enum space_protect_what)m->n[2],
					(vm_prot_t)m->n[3]);
		break;
	case OP_INHERIT:
		m->code = space_inherit(space, m->n[0], m->n[1], (vm_inherit_t)m->n[2]);
		break;
	case OP_REGION:
		m->code = space_region(space, m->n[0], &m->info);
		break;
	case OP_READ:
		m->code = space_read(space, m->n[0], m->data.bytes, m->n[1]);
		m->used = (uint32_t)m->n[1];
		break;
	case OP_WRITE:
		m->code = space_write(space, m->n[0], m->data.bytes, m->used, 0, 0);
		m->used = 0;
		break;
	default:
		task_do_more(task, m);
	}
}

static void task_start(struct task *task, int pager_fd)
{
	const char *step;
	struct space_pauser pauser = {.pause = task_pause, .resume = task_resume, .context = task};
	int image_fd = system_image_create();

	require(image_fd >= 0, "no system image");
	require(vcpu_signals_install() == 0, "vcpu_signals_install");
	require(machine_host_open(&task->host, image_fd, &step) == 0, "machine_host_open");
	require(machine_init(&task->machine, &task->host, &step) == 0, "machine_init");
	require(space_new(&task->machine, &pauser, &task->space) == 0, "space_new");
	space_cell_set(task->space, 0);
	if (pager_fd < 0)
		return;
	require(space_pager_connect(task->space, pager_fd) == 0, "space_pager_connect");
	/* A second one is refused, and its socket closed. */
	require(space_pager_connect(task->space, dup(pager_fd)) == -EBUSY, "space_pager_connect");
}

static void task_live(struct task *task)
{
	static struct peer_message message;

	while (peer_message_receive(task->fd, &message) && message.op != OP_END) {
		task_do(task, &message);
		require(peer_message_send(task->fd, &message), "the test is gone");
	}
	if (task->is_watched)
		pthread_join(task->watcher, NULL);
	space_free(task->space);
	uint32_t left = task_count("memfd mappings");
	machine_done(&task->machine);
	close(task->host.system_image_fd);
	machine_host_close(&task->host);
	if (left || task_count("descriptors") != task->descriptors || task->is_paused) {
		fprintf(stderr, "# task left %u mappings, %d descriptors%s\n", left,
			(int)task_count("descriptors") - (int)task->descriptors,
			task->is_paused ? ", paused threads" : "");
		_exit(3);
	}
}

_Noreturn void peer_task_run(int fd, int pager_fd)
{
	static struct task task = {.offered = {-1, -1}};
	struct rlimit limit = {.rlim_cur = 4096, .rlim_max = 4096};

	setrlimit(RLIMIT_NOFILE, &limit);
	task.descriptors = task_count("descriptors") - (pager_fd >= 0);
	task.fd = fd;
	task_start(&task, pager_fd);
	task_live(&task);
	_exit(0);
}
