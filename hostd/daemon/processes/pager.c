/*
 * The pager's command line, and introducing VMMs to it.
 */
#include "pager.h"

#include <signal.h>

#include "base/log.h"
#include "hostd.h"

/* A host without others still has a pager; it listens where nobody else can reach it. */
#define LISTEN_ALONE "127.0.0.1:0"

static void pager_arguments(const struct config *config, struct helper_arguments *arguments)
{
	helper_argument(arguments, "--control");
	helper_argument(arguments, "%d", SPAWN_FIRST_FD);
	helper_argument(arguments, "--node");
	helper_argument(arguments, "%d", (int)config->node);
	helper_argument(arguments, "--listen");
	helper_argument(arguments, "%s",
			config->pager_listen.bytes ? config->pager_listen.text : LISTEN_ALONE);
	helper_argument(arguments, "--hold-us");
	helper_argument(arguments, "%lld", (long long)config->pager_hold_us);
	helper_argument(arguments, "--spin");
	if (config->pager_spin_us < 0)
		helper_argument(arguments, "auto");
	else
		helper_argument(arguments, "%lld", (long long)config->pager_spin_us);
	helper_argument(arguments, "--deadline-ms");
	helper_argument(arguments, "%lld", (long long)config->pager_deadline_ms);
	for (unsigned int i = 0; i < config->node_count; i++) {
		if (config->nodes[i].node == config->node)
			continue;
		helper_argument(arguments, "--peer");
		helper_argument(arguments, "%d=%s", config->nodes[i].node,
				config->nodes[i].pager.text);
	}
}

static const char *pager_program(const struct config *config)
{
	return config->pager_path;
}

static void pager_restarted(struct hostd *hostd)
{
	vmms_refill(&hostd->vmms);
}

static void pager_lost(struct hostd *hostd)
{
	vmms_replace_waiting(&hostd->vmms);
}

const struct helper_kind pager_kind = {
    .name = "pager",
    .loss = "what running tasks share with other hosts is lost to them",
    .channel_kind = CHANNEL_PAGER,
    .program = pager_program,
    .arguments = pager_arguments,
    .restarted = pager_restarted,
    .lost = pager_lost,
};

static void introduced(void *context, const struct answer *answer)
{
	struct helper *pager = context;
	char text[MESSAGE_MAX_TEXT];

	if (!answer->result || !pager->channel)
		return;
	log_line(LOG_ERROR, "step=introduce err=\"the pager refused a VMM: %s\"",
		 answer_text(answer, text));
	vmms_replace_waiting(&pager->hostd->vmms);
}

void pager_introduce(struct helper *pager, int fd)
{
	call_start(
	    pager->hostd, pager->channel,
	    &(struct call_setup){
		.type = MESSAGE_pager_vmm,
		.fds = &fd,
		.fd_count = 1,
		.deadline_ns = hostd_deadline((uint64_t)pager->hostd->config.call_deadline_ms),
		.done = introduced,
		.context = pager,
	    });
}

void pager_kill(struct helper *pager)
{
	process_kill(&pager->process, SIGTERM);
}
