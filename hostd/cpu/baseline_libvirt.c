/*
 * One question to the inventory, which has a deadline.
 */
#include "cpu/baseline_libvirt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "hostd.h"

#define LIBVIRT_MS 10000

#define SAY(libvirt, ...) snprintf((libvirt)->text, sizeof((libvirt)->text), __VA_ARGS__)

void baseline_libvirt_done(struct baseline_libvirt *libvirt)
{
	free(libvirt->cpu);
	libvirt->cpu = NULL;
}

static void over(struct baseline_libvirt *libvirt)
{
	loop_remove(&libvirt->hostd->loop, &libvirt->answered);
	timer_cancel(&libvirt->hostd->loop, &libvirt->timer);
	libvirt->done(libvirt);
}

static void say_failure(struct baseline_libvirt *libvirt, const struct inventory_baseline *answer)
{
	if (answer->result == -EOPNOTSUPP)
		SAY(libvirt, "not known to libvirt, only the bits were compared: %s", answer->why);
	else if (answer->result == -ENOENT)
		SAY(libvirt, "libvirt has no model that all of them can be, the bits decide: %s",
		    answer->why);
	else
		SAY(libvirt, "libvirt failed, only the bits were compared: %s", answer->why);
}

/* Takes the answer's XML. */
static void narrow(struct baseline_libvirt *libvirt, struct inventory_baseline *answer)
{
	struct cpu_features removed = baseline_beyond_model(&libvirt->common, answer->features);
	char names[96];

	libvirt->common = cpu_features_without(&libvirt->common, &removed);
	libvirt->cpu = answer->xml;
	answer->xml = NULL;
	if (cpu_features_empty(&removed))
		SAY(libvirt,
		    "%u of %u nodes can be its model %s, with all that the bits have in common",
		    libvirt->told, libvirt->count, answer->model);
	else
		SAY(libvirt, "%u of %u nodes can be its model %s, which lacks %s", libvirt->told,
		    libvirt->count, answer->model,
		    cpu_features_print(&removed, names, sizeof(names)));
}

static void answered(struct source *source, uint32_t events)
{
	struct baseline_libvirt *libvirt = container_of(source, struct baseline_libvirt, answered);
	struct inventory_baseline answer;

	(void)events;
	if (inventory_take_baseline(libvirt->hostd->inventory, &answer))
		return;
	if (answer.result)
		say_failure(libvirt, &answer);
	else
		narrow(libvirt, &answer);
	inventory_baseline_done(&answer);
	over(libvirt);
}

static void overdue(struct timer *timer)
{
	struct baseline_libvirt *libvirt = container_of(timer, struct baseline_libvirt, timer);

	SAY(libvirt, "libvirt did not answer in %d s: only the bits were compared",
	    LIBVIRT_MS / 1000);
	over(libvirt);
}

static unsigned int collect(const struct baseline_node *nodes, unsigned int count,
			    const char **ret_xmls)
{
	unsigned int told = 0;

	for (unsigned int i = 0; i < count; i++)
		if (nodes[i].is_known && nodes[i].libvirt_cpu)
			ret_xmls[told++] = nodes[i].libvirt_cpu;
	return told;
}

/* Return: 0 when it is asked; otherwise the sentence says why not. */
static int ask(struct baseline_libvirt *libvirt, const char *const *xmls)
{
	struct hostd *hostd = libvirt->hostd;
	const struct snapshot_libvirt *here = &inventory_current(hostd->inventory)->libvirt;
	int error = -ENOTCONN;

	if (here->state != LIBVIRT_UP)
		SAY(libvirt, "only the bits were compared, libvirt does not answer here: %s",
		    here->why);
	else if (!libvirt->told)
		SAY(libvirt, "only the bits were compared, no libvirt tells its host's model");
	else if ((error = loop_add(&hostd->loop, &libvirt->answered, EPOLLIN)))
		SAY(libvirt, "only the bits were compared, libvirt is asked for another baseline");
	else if ((error = inventory_ask_baseline(hostd->inventory, xmls, libvirt->told))) {
		loop_remove(&hostd->loop, &libvirt->answered);
		SAY(libvirt, "only the bits were compared, libvirt cannot be asked: %s",
		    strerror(-error));
	}
	return error;
}

void baseline_libvirt_ask(struct baseline_libvirt *libvirt, const struct baseline_node *nodes,
			  unsigned int count, const struct cpu_features *common)
{
	const char *xmls[CONFIG_MAX_NODES + 1];

	libvirt->common = *common;
	libvirt->count = count;
	libvirt->told = collect(nodes, count, xmls);
	libvirt->answered = (struct source){.fd = inventory_answer_fd(libvirt->hostd->inventory),
					    .ready = answered};
	libvirt->timer.expired = overdue;
	if (ask(libvirt, xmls))
		libvirt->done(libvirt);
	else
		timer_arm(&libvirt->hostd->loop, &libvirt->timer, hostd_deadline(LIBVIRT_MS));
}
