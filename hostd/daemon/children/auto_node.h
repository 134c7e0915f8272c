/*
 * A call whose node is NORMA_NODE_AUTO: asks all hosts of the table for their figures, at the same
 * time and for config.auto_answer_ms at most, and chooses (placement/placement.h). Whoever does not
 * answer by then is left out.
 */
#ifndef DAEMON_AUTO_NODE_H
#define DAEMON_AUTO_NODE_H

#include "placement/placement.h"

struct cpu_identity;
struct link_message;
struct request;

/* The call goes on as if it had named that node. Payload and request are the function's. */
typedef void (*auto_node_fn)(struct request *request, const struct link_message *message, int node);

struct auto_node_setup {
	struct placement_need need;
	struct cpu_identity *cpu; /* what the parent may use; NULL: it does not matter */
	auto_node_fn chosen;
};

/* Later calls `chosen`, or refuses the request with the reasons against each node. The message is
 * copied. */
void auto_node_choose(struct request *request, const struct link_message *message,
		      const struct auto_node_setup *setup);

#endif
