/*
 * See remap_source.h.
 */
#include "remap_source.h"

#include "channel.h"
#include "hostd.h"

static void answered(void *context, const struct answer *answer)
{
	struct remap_source *source = context;

	source->exported(source, answer);
}

/* ---- a task of this host ---- */

static void turn_granted(struct export_turn *turn)
{
	struct remap_source *source = container_of(turn, struct remap_source, turn);
	struct hostd *hostd = source->hostd;
	struct vmm_export_range_request request = {
	    .address = source->address,
	    .bytes = source->bytes,
	    .copy = source->is_copy,
	};

	call_start(hostd, turn->task->vmm->channel,
		   &(struct call_setup){
		       .type = MESSAGE_vmm_export_range,
		       .uid = source->uid,
		       .payload = hostd->payload,
		       .bytes = hostd_encode(hostd, vmm_export_range_request, &request),
		       .deadline_ns = source->deadline_ns,
		       .done = answered,
		       .context = source,
		   });
}

static void turn_task_ended(struct export_turn *turn)
{
	struct remap_source *source = container_of(turn, struct remap_source, turn);

	source->task_ended(source);
}

static void turn_taken_back(struct export_turn *turn)
{
	struct remap_source *source = container_of(turn, struct remap_source, turn);

	source->taken_back(source);
}

/* ---- a task of another host ---- */

static void export_elsewhere(struct remap_source *source)
{
	struct hostd *hostd = source->hostd;
	struct peer_export_range_request request = {
	    .task = source->task,
	    .address = source->address,
	    .bytes = source->bytes,
	    .copy = source->is_copy,
	    .export = ++hostd->last_export,
	};

	source->export = request.export;
	peer_call(hostd, name_node(source->task),
		  &(struct call_setup){
		      .type = MESSAGE_peer_export_range,
		      .uid = source->uid,
		      .payload = hostd->payload,
		      .bytes = hostd_encode(hostd, peer_export_range_request, &request),
		      .deadline_ns = source->deadline_ns,
		      .done = answered,
		      .context = source,
		  });
}

static void taken_back_elsewhere(void *context, const struct answer *answer)
{
	struct remap_source *source = context;

	call_told(NULL, answer);
	source->taken_back(source);
}

/* Return: false when there is nobody to tell. */
static bool end_elsewhere(struct remap_source *source, bool is_refused)
{
	struct peer_export_end_request request = {.export = source->export, .refused = is_refused};
	struct hostd *hostd = source->hostd;
	struct channel *channel = peer_channel(peer_find(&hostd->peers, name_node(source->task)));

	if (!source->export || !channel)
		return false;
	source->export = 0;
	call_start(hostd, channel,
		   &(struct call_setup){
		       .type = MESSAGE_peer_export_end,
		       .uid = source->uid,
		       .payload = hostd->payload,
		       .bytes = hostd_encode(hostd, peer_export_end_request, &request),
		       .deadline_ns = hostd_deadline((uint64_t)hostd->config.call_deadline_ms),
		       .done = is_refused ? taken_back_elsewhere : call_told,
		       .context = source,
		   });
	return true;
}

/* ---- either ---- */

static bool is_here(const struct remap_source *source)
{
	return hostd_is_own_node(source->hostd, name_node(source->task));
}

void remap_source_export(struct remap_source *source, struct task *here)
{
	source->turn = (struct export_turn){
	    .granted = turn_granted,
	    .task_ended = turn_task_ended,
	    .taken_back = turn_taken_back,
	};
	if (here)
		export_turn_wait(&source->turn, here);
	else
		export_elsewhere(source);
}

void remap_source_end(struct remap_source *source, enum export_outcome outcome)
{
	if (is_here(source))
		export_turn_end(&source->turn, outcome);
	else if (outcome == EXPORT_MADE)
		end_elsewhere(source, false);
}

void remap_source_take_back(struct remap_source *source)
{
	if (is_here(source))
		export_turn_refuse(&source->turn);
	else if (!end_elsewhere(source, true))
		source->taken_back(source);
}
