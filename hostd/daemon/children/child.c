/*
 * The steps on the child's side. The VMM's death shows as a failed call and as a reaped process, in
 * either order; the child is over when both its call is answered and its VMM gone.
 */
#include "child.h"

#include <errno.h>
#include <mach/kern_return.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/cleanup.h"
#include "brood.h"
#include "channel.h"
#include "hostd.h"
#include "link/link.h"
#include "properties.h"
#include "request.h"

#define SEED_BYTES 32

struct child {
	struct hostd *hostd;
	struct task *task;	  /* NULL: its VMM is gone, and so is the task */
	bool is_asking;		  /* a call to the VMM is not answered */
	struct child_setup setup; /* without regions and thread, which are sent at once */
	int32_t result;		  /* not 0: it failed and waits for its VMM to be reaped */
	bool vmm_died;
	char text[MESSAGE_MAX_TEXT];
	uint8_t run[]; /* setup.run_bytes: of setup.run */
};

/* Tells of the failure once nothing is left. */
static void child_finish(struct child *child)
{
	if (child->task || child->is_asking)
		return;
	child->setup.done(child->setup.context, child->result, 0, child->text);
	free(child);
}

/* A call failed: gives up. */
static void child_fail(struct child *child, const struct answer *answer)
{
	struct vmm *vmm = child->task ? child->task->vmm : NULL;

	if (!vmm) {
		child_finish(child);
		return;
	}
	child->vmm_died = !vmm->channel || vmm->channel->is_closed;
	child->result = child->vmm_died ? KERN_FAILURE : answer->result;
	answer_text(answer, child->text);
	if (!child->vmm_died)
		vmm_kill(vmm);
}

void child_vmm_gone(struct task *task, const char *cause)
{
	struct child *child = task->child;

	if (!child->result || child->vmm_died)
		snprintf(child->text, sizeof(child->text),
			 "the new task ended before it was complete: %s", cause);
	if (!child->result)
		child->result = KERN_FAILURE;
	task_forget(task);
	child->task = NULL;
	child_finish(child);
}

static void child_succeed(struct child *child)
{
	struct task *task = child->task;

	task->child = NULL;
	task->phase = TASK_ALIVE;
	vmm_worked(task->vmm);
	child->setup.done(child->setup.context, KERN_SUCCESS, task->name, "");
	free(child);
}

/* Asks the VMM; from the answer on the child's state is the callback's to set. */
static void child_ask(struct child *child, const struct call_setup *what)
{
	struct call_setup call = *what;

	child->is_asking = true;
	call.uid = child->setup.owner_uid;
	call.deadline_ns = child->setup.deadline_ns;
	call.context = child;
	call_start(child->hostd, child->task->vmm->channel, &call);
}

static void loaded(void *context, const struct answer *answer)
{
	struct child *child = context;

	child->is_asking = false;
	if (answer->result)
		child_fail(child, answer);
	else
		child_succeed(child);
}

static void became(void *context, const struct answer *answer)
{
	struct child *child = context;

	child->is_asking = false;
	if (answer->result)
		child_fail(child, answer);
	else if (child->setup.run)
		child_ask(child, &(struct call_setup){
				     .type = MESSAGE_norma_run_begin,
				     .payload = child->run,
				     .bytes = child->setup.run_bytes,
				     .done = loaded,
				 });
	else
		child_succeed(child);
}

/* Fresh randomness for every task: no two may share a seed or a generation. */
static int child_become(struct child *child, const struct child_setup *setup)
{
	static const struct child_memory none;
	bool is_prepared = child->task->vmm->is_prepared;
	const struct child_memory *memory = setup->memory && !is_prepared ? setup->memory : &none;
	struct hostd *hostd = child->hostd;
	uint8_t seed[SEED_BYTES];
	struct vmm_become_request become = {
	    .task = child->task->name,
	    .node = (int)hostd->config.node,
	    .owner_uid = setup->owner_uid,
	    .seed = {.data = seed, .bytes = sizeof(seed)},
	    .properties = setup->properties,
	    .properties_count = 1,
	    .regions = memory->regions,
	    .regions_count = memory->region_count,
	    .windows = memory->windows,
	    .windows_count = memory->window_count,
	    .thread_flavor = setup->thread.flavor,
	    .thread_number = setup->thread.number,
	    .thread_state = setup->thread.state,
	    .memory_cell = child->task->memory_cell,
	    .prepared = is_prepared,
	};

	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed) ||
	    getrandom(&become.generation, sizeof(become.generation), 0) !=
		sizeof(become.generation))
		return -EIO;
	child_ask(child, &(struct call_setup){
			     .type = MESSAGE_vmm_become,
			     .payload = hostd->payload,
			     .bytes = hostd_encode(hostd, vmm_become_request, &become),
			     .fds = memory->fds,
			     .fd_count = memory->window_count,
			     .done = became,
			 });
	return 0;
}

static struct child *child_new(struct hostd *hostd, const struct child_setup *setup)
{
	struct child *child = calloc(1, sizeof(*child) + setup->run_bytes);

	if (!child)
		return NULL;
	child->hostd = hostd;
	child->setup = *setup;
	if (setup->run_bytes)
		memcpy(child->run, setup->run, setup->run_bytes);
	return child;
}

static struct vmm_adoption adoption_of(int *take_fds)
{
	return (struct vmm_adoption){
	    .pidfd = take_fd(&take_fds[FORKED_PIDFD]),
	    .control_fd = take_fd(&take_fds[FORKED_CONTROL]),
	    .pager_fd = take_fd(&take_fds[FORKED_PAGER]),
	};
}

static int child_take_vmm(struct child *child, const struct child_setup *setup,
			  char error[MESSAGE_MAX_TEXT])
{
	struct vmm_set *set = &child->hostd->vmms;
	struct vmm *vmm;
	int result;

	if (!setup->memory || !setup->memory->forked_fds)
		return vmm_take(set, setup->memory ? setup->memory->pool : NULL, child->task,
				error);
	result = vmm_adopt(set, adoption_of(setup->memory->forked_fds), child->task, &vmm);
	if (result)
		snprintf(error, MESSAGE_MAX_TEXT,
			 "the process that the parent's VMM forked for the child cannot be used: "
			 "%s",
			 strerror(-result));
	return result;
}

int32_t child_create(struct hostd *hostd, const struct child_setup *setup,
		     char error[MESSAGE_MAX_TEXT])
{
	struct task_setup task_setup = {
	    .parent = setup->parent,
	    .owner_uid = setup->owner_uid,
	    .state = setup->state,
	    .image = setup->image,
	    .properties = setup->properties,
	};
	struct child *child = child_new(hostd, setup);
	int32_t result;

	if (!child || hostd->is_stopping) {
		snprintf(error, MESSAGE_MAX_TEXT, "node %d is %s", (int)hostd->config.node,
			 child ? "stopping" : "out of memory");
		free(child);
		return KERN_RESOURCE_SHORTAGE;
	}
	result = host_cpu_admit(hostd, &setup->cpu, &task_setup.take_cpu, error);
	if (!result)
		result = room_admit(hostd, setup->parent, setup->need_bytes, error);
	if (!result)
		result = task_new(&hostd->tasks, &task_setup, &child->task, error);
	if (result) {
		cpu_identity_put(task_setup.take_cpu);
		free(child);
		return result;
	}
	if (child_take_vmm(child, setup, error)) {
		task_forget(child->task);
		free(child);
		return KERN_RESOURCE_SHORTAGE;
	}
	child->task->shares_memory = setup->shares_memory;
	child->task->memory_cell = room_choose_cell(hostd, setup->parent, setup->need_bytes);
	room_promise(child->task, setup->need_bytes);
	child->task->child = child;
	if (child_become(child, setup)) /* no randomness: the VMM's end reports it */
		vmm_kill(child->task->vmm);
	return KERN_SUCCESS;
}

static void children_reply(void *context, int32_t result, const struct port_name *names,
			   uint32_t count, const char *text)
{
	struct request *request = context;

	if (result)
		request_refuse(request, result, "%s", text);
	else
		request_reply_with(request, peer_create_child,
				   &((struct peer_create_child_reply){names, count}));
}

/* The regions go on to the new VMM as they came; it checks what they mean. */
void child_request(struct channel *channel, struct link_message *message)
{
	struct hostd *hostd = channel->hostd;
	struct peer_create_child_request wanted;
	struct cpu_identity *cpu;
	struct child_memory memory;
	struct brood_setup setup;
	char error[MESSAGE_MAX_TEXT];
	struct request *request;
	int32_t result;

	if (hostd_decode(hostd, peer_create_child_request, message->payload, message->header.bytes,
			 &wanted) ||
	    wanted.mode >= EXPORT_NUM_MODES || wanted.properties_count != 1 || wanted.count < 1 ||
	    wanted.count > SPAWN_MAX_CHILDREN) {
		channel_close(channel, "it sent a malformed peer_create_child");
		return;
	}
	request = request_new(channel, message, message->header.uid);
	if (!request)
		return;
	cpu = cpu_fields_identity(&wanted);
	memory =
	    (struct child_memory){.regions = wanted.regions, .region_count = wanted.regions_count};
	setup = (struct brood_setup){
	    .child =
		{
		    .parent = wanted.parent,
		    .owner_uid = message->header.uid,
		    .state = TASK_STATE_RUNNING,
		    .image = wanted.image,
		    .properties = wanted.properties,
		    .shares_memory = wanted.mode == EXPORT_CLONE,
		    .need_bytes = wanted.need_bytes,
		    .cpu = {.cpu = cpu, .scope = CPU_GATE_ALL, .is_child = true},
		    .memory = &memory,
		    .thread = {.flavor = wanted.thread_flavor, .state = wanted.thread_state},
		    .deadline_ns = hostd_deadline((uint64_t)hostd->config.clone_deadline_ms +
						  (wanted.count - 1) * BROOD_EACH_MS),
		},
	    .count = wanted.count,
	    .done = children_reply,
	    .context = request,
	};
	result = brood_create(hostd, &setup, error);
	cpu_identity_put(cpu);
	if (result)
		request_refuse(request, result, "%s", error);
}
