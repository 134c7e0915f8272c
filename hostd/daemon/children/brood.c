/*
 * Counting children until all are made.
 */
#include "brood.h"

#include <mach/kern_return.h>
#include <stdio.h>
#include <stdlib.h>

#include "hostd.h"
#include "terminate.h"

struct brood_child {
	struct brood *brood;
	bool is_made;
};

struct brood {
	struct hostd *hostd;
	brood_done_fn done;
	void *context;
	uint32_t count;
	uint32_t pending; /* begun, and not made or failed yet */
	int32_t result;	  /* of the first that failed */
	char text[MESSAGE_MAX_TEXT];
	struct port_name *names; /* count */
	struct brood_child children[];
};

static void brood_free(struct brood *brood)
{
	free(brood->names);
	free(brood);
}

static void brood_end_made(const struct brood *brood)
{
	for (uint32_t i = 0; i < brood->count; i++) {
		struct task *task = tasks_find(&brood->hostd->tasks, brood->names[i].name);

		if (brood->children[i].is_made && task)
			task_end(task, "another task of the same call could not be made");
	}
}

static void brood_finish(struct brood *brood)
{
	if (brood->pending)
		return;
	if (brood->result)
		brood_end_made(brood);
	brood->done(brood->context, brood->result, brood->names, brood->result ? 0 : brood->count,
		    brood->text);
	brood_free(brood);
}

static void brood_fail(struct brood *brood, int32_t result, const char *text)
{
	if (brood->result)
		return;
	brood->result = result;
	snprintf(brood->text, sizeof(brood->text), "%s", text);
}

static void child_made(void *context, int32_t result, uint32_t name, const char *text)
{
	struct brood_child *child = context;
	struct brood *brood = child->brood;

	brood->pending--;
	if (result) {
		brood_fail(brood, result, text);
	} else {
		child->is_made = true;
		brood->names[child - brood->children].name = name;
	}
	brood_finish(brood);
}

static struct brood *brood_new(struct hostd *hostd, const struct brood_setup *setup)
{
	struct brood *brood = calloc(1, sizeof(*brood) + setup->count * sizeof(struct brood_child));
	struct port_name *names = calloc(setup->count, sizeof(*names));

	if (!brood || !names) {
		free(brood);
		free(names);
		return NULL;
	}
	brood->hostd = hostd;
	brood->done = setup->done;
	brood->context = setup->context;
	brood->count = setup->count;
	brood->names = names;
	for (uint32_t i = 0; i < setup->count; i++)
		brood->children[i].brood = brood;
	return brood;
}

int32_t brood_create(struct hostd *hostd, const struct brood_setup *setup,
		     char error[MESSAGE_MAX_TEXT])
{
	struct brood *brood = brood_new(hostd, setup);
	struct child_setup child = setup->child;
	int32_t result = KERN_SUCCESS;

	if (!brood) {
		snprintf(error, MESSAGE_MAX_TEXT, "node %d is out of memory",
			 (int)hostd->config.node);
		return KERN_RESOURCE_SHORTAGE;
	}
	child.done = child_made;
	for (uint32_t i = 0; i < setup->count && !result; i++) {
		child.context = &brood->children[i];
		child.thread.number = i;
		result = child_create(hostd, &child, error);
		brood->pending += !result;
	}
	if (result && !brood->pending) {
		brood_free(brood);
		return result;
	}
	if (result)
		brood_fail(brood, result, error);
	return KERN_SUCCESS;
}
