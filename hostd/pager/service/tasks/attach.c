/*
 * Attach calls that wait for other hosts.
 */
#include "pager/service/tasks/attach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <mach/kern_return.h>

#include "pager/service/hosts/join.h"

struct attach_call {
	struct message_header request;
	TAILQ_ENTRY(attach_call) of_vmm;
	uint32_t count;
	struct object *objects[]; /* each held by the VMM */
};

static void answer(struct vmm *vmm, const struct attach_call *call)
{
	struct object_window windows[MESSAGE_MAX_FDS];
	int fds[MESSAGE_MAX_FDS];
	uint8_t payload[4 + MESSAGE_MAX_FDS * 28];
	struct object_attach_reply reply = {.windows = windows, .windows_count = call->count};
	struct wire_writer writer;

	for (uint32_t i = 0; i < call->count; i++) {
		const struct object *object = call->objects[i];

		fds[i] = object->memory;
		windows[i] = (struct object_window){
		    .id = object->id,
		    .kind = object->kind,
		    .offset = object->offset,
		    .bytes = object->bytes,
		};
	}
	wire_writer_init(&writer, payload, sizeof(payload));
	object_attach_reply_encode(&writer, &reply);
	channel_reply(&vmm->channel, &call->request, payload, writer.used, fds, call->count);
}

static void unhold_all(struct vmm *vmm, const struct attach_call *call)
{
	for (uint32_t i = 0; i < call->count; i++)
		vmm_unhold(vmm, call->objects[i]->id);
}

static void refuse(struct vmm *vmm, const struct attach_call *call, const struct object *object)
{
	channel_refuse(&vmm->channel, &call->request, (int)object->refusal.code, "%s",
		       object->refusal.text);
	unhold_all(vmm, call);
}

/* Return: whether the call has been answered. */
static bool go_on(struct vmm *vmm, const struct attach_call *call)
{
	bool is_waiting = false;

	for (uint32_t i = 0; i < call->count; i++) {
		if (call->objects[i]->phase == OBJECT_REFUSED) {
			refuse(vmm, call, call->objects[i]);
			return true;
		}
		is_waiting |= call->objects[i]->phase == OBJECT_JOINING;
	}
	if (is_waiting)
		return false;
	answer(vmm, call);
	return true;
}

static bool waits_for(const struct attach_call *call, const struct object *object)
{
	for (uint32_t i = 0; i < call->count; i++)
		if (call->objects[i] == object)
			return true;
	return false;
}

void attach_decided(struct object *object)
{
	struct vmm *vmm;

	TAILQ_FOREACH (vmm, &object->pager->vmms, of_pager) {
		struct attach_call *call = TAILQ_FIRST(&vmm->attach_calls), *next;

		for (; call; call = next) {
			next = TAILQ_NEXT(call, of_vmm);
			if (!waits_for(call, object) || !go_on(vmm, call))
				continue;
			TAILQ_REMOVE(&vmm->attach_calls, call, of_vmm);
			free(call);
		}
	}
}

/* Finds or begins to join one object. Return: a Mach return code; the sentence is sent if not 0. */
static int attach_one(struct vmm *vmm, const struct message_header *request, uint64_t id,
		      struct object **ret_object)
{
	struct object *object;
	int code = join_object(vmm->pager, id, &object);

	if (code == KERN_INVALID_OBJECT)
		channel_refuse(&vmm->channel, request, code,
			       "object %#llx does not exist: its home does not know it, was "
			       "restarted since, or was lost",
			       (unsigned long long)id);
	else if (code == KERN_SUCCESS && vmm_hold(vmm, object))
		code = KERN_RESOURCE_SHORTAGE;
	if (code == KERN_RESOURCE_SHORTAGE)
		channel_refuse(&vmm->channel, request, code,
			       "the pager has no memory or no room for another object (limit %u)",
			       OBJECTS_MAX);
	if (code == KERN_SUCCESS)
		*ret_object = object;
	return code;
}

void attach_begin(struct vmm *vmm, const struct message_header *request,
		  const struct object_id *ids, uint32_t count)
{
	struct attach_call *call = malloc(sizeof(*call) + count * sizeof(struct object *));

	if (!call) {
		channel_refuse(&vmm->channel, request, KERN_RESOURCE_SHORTAGE,
			       "the pager has no memory for this call");
		return;
	}
	*call = (struct attach_call){.request = *request};
	while (call->count < count && attach_one(vmm, request, ids[call->count].id,
						 &call->objects[call->count]) == KERN_SUCCESS)
		call->count++;
	if (call->count < count) {
		unhold_all(vmm, call);
		free(call);
	} else if (go_on(vmm, call)) {
		free(call);
	} else {
		TAILQ_INSERT_TAIL(&vmm->attach_calls, call, of_vmm);
	}
}

void attach_forget_vmm(struct vmm *vmm)
{
	struct attach_call *call;

	while ((call = TAILQ_FIRST(&vmm->attach_calls))) {
		TAILQ_REMOVE(&vmm->attach_calls, call, of_vmm);
		free(call);
	}
}
