/*
 * Tasks as closed loops of thinking and touching.
 */
#include "tasks.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pager/service/container.h"
#include "placement/placement.h"

#define NEIGHBOURHOOD_PAGES  64u
#define TASK_BYTES	     (UINT64_C(4) << 20)
#define HOST_BYTES	     (UINT64_C(64) << 30)
#define HOST_PROCESSORS	     64u
#define HOST_TASKS	     4096u
#define TASK_LOAD_HUNDREDTHS 10u /* a task thinks most of the time */

struct run {
	struct fleet *fleet;
	const struct workload *workload;
	struct outcome *outcome;
	struct shared_object *families;
	struct placement_node *nodes; /* nodes[fleet->host_count] */
};

struct task {
	struct run *run;
	struct shared_object *object;
	unsigned int slot, accesses_left;
	uint64_t random;
	uint64_t neighbourhood; /* its first page */
	uint64_t began_ns;
	struct timer think;
	struct page_waiter waiter;
};

/* xorshift64: the same seed gives the same run. */
static uint64_t draw(struct task *task, uint64_t below)
{
	task->random ^= task->random << 13;
	task->random ^= task->random >> 7;
	task->random ^= task->random << 17;
	return task->random % below;
}

static void think(struct task *task, uint64_t now_ns)
{
	const struct workload *workload = task->run->workload;

	if (task->accesses_left-- == 0)
		return;
	fleet_at(task->run->fleet, &task->think,
		 now_ns + workload->think_ns / 2 + draw(task, workload->think_ns));
}

static void touch(struct task *task)
{
	if (shared_object_may(task->object, task->slot, task->waiter.page, task->waiter.kind)) {
		think(task, task->run->fleet->now_ns);
		return;
	}
	task->began_ns = task->run->fleet->now_ns;
	shared_object_fault(task->object, task->slot, &task->waiter);
}

static void thought(struct timer *timer)
{
	struct task *task = CONTAINER(timer, struct task, think);
	const struct workload *workload = task->run->workload;
	bool is_hot = draw(task, 100) < workload->hot_percent;

	task->run->outcome->accesses++;
	task->waiter.kind = draw(task, 100) < workload->write_percent ? FAULT_WRITE : FAULT_READ;
	task->waiter.page = is_hot ? draw(task, workload->hot_pages)
				   : (task->neighbourhood + draw(task, NEIGHBOURHOOD_PAGES)) %
					 workload->pages_in_family;
	touch(task);
}

static void note(struct outcome *outcome, uint64_t latency_ns, unsigned int depth)
{
	static const uint64_t step = 1u << 20;

	if (outcome->completed % step == 0) {
		outcome->latencies_ns =
		    reallocarray(outcome->latencies_ns, outcome->completed + step,
				 sizeof(*outcome->latencies_ns));
		if (!outcome->latencies_ns)
			err(1, "%llu latencies", (unsigned long long)outcome->completed);
	}
	outcome->latencies_ns[outcome->completed++] =
	    latency_ns > UINT32_MAX ? UINT32_MAX : (uint32_t)latency_ns;
	outcome->depths[depth < DEPTH_MAX ? depth : DEPTH_MAX - 1]++;
}

static void page_came(struct page_waiter *waiter, uint64_t now_ns, unsigned int depth)
{
	struct task *task = CONTAINER(waiter, struct task, waiter);

	note(task->run->outcome, now_ns - task->began_ns, depth);
	think(task, now_ns);
}

static unsigned int home_of(const struct run *run, unsigned int family)
{
	return run->workload->one_home ? 0 : family % run->fleet->host_count;
}

/*
 * The product's placement says where a family's first children go, by what every host has left;
 * when the family is on as many hosts as it may, the others go round. No host is preferred for
 * being the parent's: that would keep most families at home and measure nothing.
 */
static unsigned int host_of(struct run *run, unsigned int family, unsigned int number)
{
	struct shared_object *object = &run->families[family];
	uint64_t bytes = TASK_BYTES + object->directory.page_count * 4096;
	struct placement_need need = {.here_bytes = bytes, .elsewhere_bytes = bytes};
	uint64_t began_ns = clock_now_ns();
	int chosen;

	if (number >= run->workload->hosts_in_family)
		return object->members[number % object->member_count].host;
	chosen = placement_choose(&need, run->nodes, run->fleet->host_count);
	run->outcome->placements++;
	run->outcome->placement_ns += clock_now_ns() - began_ns;
	if (chosen < 0)
		errx(1, "no host has room for another task");
	return (unsigned int)chosen;
}

/* What the placement of the next task knows of the host. */
static void count_task(struct run *run, unsigned int host, uint64_t bytes)
{
	struct placement_node *node = &run->nodes[host];

	run->fleet->hosts[host].task_count++;
	node->available_bytes -= bytes < node->available_bytes ? bytes : node->available_bytes;
	node->load_hundredths += TASK_LOAD_HUNDREDTHS;
	node->tasks_left--;
}

static void start_task(struct run *run, struct task *task, unsigned int family, unsigned int number)
{
	const struct workload *workload = run->workload;
	struct shared_object *object = &run->families[family];
	unsigned int host = host_of(run, family, number), members = object->member_count;
	int slot = shared_object_join(object, host);

	if (slot < 0)
		errx(1, "family %u cannot have another host: %s", family, strerror(-slot));
	*task = (struct task){
	    .run = run,
	    .object = object,
	    .slot = (unsigned int)slot,
	    .accesses_left = workload->accesses,
	    .random = (workload->seed + family * 1000003ull + number) * 0x9e3779b97f4a7c15ull | 1,
	    .neighbourhood = number * NEIGHBOURHOOD_PAGES % workload->pages_in_family,
	    .think.fire = thought,
	    .waiter.ready = page_came,
	};
	count_task(run, host,
		   TASK_BYTES +
		       (object->member_count > members ? object->directory.page_count * 4096 : 0));
	think(task, 0);
}

static void *allocate(size_t count, size_t bytes)
{
	void *memory = calloc(count, bytes);

	if (!memory)
		err(1, "%zu times %zu bytes", count, bytes);
	return memory;
}

static void make_nodes(struct run *run)
{
	run->nodes = allocate(run->fleet->host_count, sizeof(*run->nodes));
	for (unsigned int i = 0; i < run->fleet->host_count; i++)
		run->nodes[i] = (struct placement_node){
		    .node = (int)i,
		    .available_bytes = HOST_BYTES,
		    .group_left_bytes = PLACEMENT_NO_LIMIT,
		    .config_left_bytes = PLACEMENT_NO_LIMIT,
		    .processors = HOST_PROCESSORS,
		    .tasks_left = HOST_TASKS,
		};
}

static void start(struct run *run, struct task *tasks)
{
	const struct workload *workload = run->workload;

	make_nodes(run);
	for (unsigned int family = 0; family < workload->family_count; family++) {
		if (shared_object_init(&run->families[family], run->fleet, family + 1,
				       home_of(run, family), workload->pages_in_family))
			errx(1, "no memory for the pages of family %u", family);
		for (unsigned int i = 0; i < workload->tasks_in_family; i++)
			start_task(run, &tasks[family * workload->tasks_in_family + i], family, i);
	}
}

static void measure_tables(const struct run *run)
{
	for (unsigned int family = 0; family < run->workload->family_count; family++) {
		const struct shared_object *object = &run->families[family];

		run->outcome->table_bytes += shared_object_table_bytes(object);
		run->outcome->pages += object->directory.page_count;
		run->outcome->members += object->member_count;
	}
}

void workload_run(struct fleet *fleet, const struct workload *workload, struct outcome *ret_outcome)
{
	struct run run = {.fleet = fleet, .workload = workload, .outcome = ret_outcome};
	size_t task_count = (size_t)workload->family_count * workload->tasks_in_family;
	struct task *tasks = allocate(task_count, sizeof(*tasks));

	*ret_outcome = (struct outcome){0};
	run.families = allocate(workload->family_count, sizeof(*run.families));
	start(&run, tasks);
	fleet_run(fleet);
	ret_outcome->end_ns = fleet->now_ns;
	measure_tables(&run);
	for (unsigned int i = 0; i < fleet->host_count; i++)
		if (fleet->hosts[i].busy_ns > fleet->hosts[ret_outcome->busiest_host].busy_ns)
			ret_outcome->busiest_host = i;
	for (size_t i = 0; i < task_count; i++)
		if (tasks[i].accesses_left != UINT32_MAX)
			errx(1, "task %zu still waits for page %llu", i,
			     (unsigned long long)tasks[i].waiter.page);
	for (unsigned int family = 0; family < workload->family_count; family++)
		shared_object_done(&run.families[family]);
	free(run.nodes);
	free(run.families);
	free(tasks);
}

void outcome_done(struct outcome *outcome)
{
	free(outcome->latencies_ns);
}
