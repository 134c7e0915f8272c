/*
 * The demonstration: one running program, three regions of memory with three inheritances, and
 * three children. norma_task_clone shares everything with a child on another node while this
 * program runs on; norma_task_create and task_create do what the inheritance says. Every value is
 * checked; the exit status is 0 only when all are as specified.
 *
 *   quickstart [NODE]   clones to that node (1 when not said)
 */
#include "quickstart.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mach/call.h"

#define MIB 1048576.0

/* What a child turned out to have of a region. */
enum meaning { MEANING_SHARED, MEANING_COPIED, MEANING_ABSENT, MEANING_WRONG };
static const char *const meaning_names[] = {"shared", "copied", "absent", "WRONG"};

/* Three ways to get a child. */
struct way {
	const char *name;
	bool is_remote, is_clone;
	enum meaning expected[QUICKSTART_REGION_COUNT];
	enum meaning found[QUICKSTART_REGION_COUNT];
	task_t child;
	uint64_t ticks_meanwhile; /* of the parent's second thread, from the call to its reply */
	double reply_ms, first_instruction_ms, pause_ms;
};

static struct way ways[] = {
    {.name = "norma_task_clone",
     .is_remote = true,
     .is_clone = true,
     .expected = {MEANING_SHARED, MEANING_SHARED, MEANING_SHARED}},
    {.name = "norma_task_create",
     .is_remote = true,
     .expected = {MEANING_SHARED, MEANING_COPIED, MEANING_ABSENT}},
    {.name = "task_create", .expected = {MEANING_SHARED, MEANING_COPIED, MEANING_ABSENT}},
};
#define WAY_COUNT (sizeof(ways) / sizeof(ways[0]))

static int own_node, other_node = 1;
static unsigned int wrong_values;

static void expect_equal(const char *what, uint64_t found, uint64_t expected)
{
	bool is_right = found == expected;

	printf("  %-46s %9llu of %9llu  %s\n", what, (unsigned long long)found,
	       (unsigned long long)expected, is_right ? "exact" : "WRONG");
	wrong_values += !is_right;
}

/* Return: whether the child has memory where the region is. */
static bool is_present(task_t child, const struct region *region)
{
	vm_offset_t data;
	mach_msg_type_number_t bytes;
	kern_return_t result =
	    vm_read(child, (vm_address_t)region->pages, QUICKSTART_PAGE_BYTES, &data, &bytes);

	if (result == KERN_INVALID_ADDRESS)
		return false;
	quickstart_check(result, "vm_read of the child");
	quickstart_check(vm_deallocate(mach_task_self(), data, bytes), "vm_deallocate");
	return true;
}

static struct norma_task_statistics_reply task_statistics(task_t task)
{
	struct norma_task_statistics_request request = {.task = task};
	struct norma_task_statistics_reply reply;

	quickstart_check(MACH_CALL_SMALL(norma_task_statistics, &request, &reply),
			 "norma_task_statistics");
	return reply;
}

static struct norma_pager_statistics_reply pager_statistics(int node)
{
	struct norma_pager_statistics_request request = {.node = node};
	struct norma_pager_statistics_reply reply;

	quickstart_check(MACH_CALL_SMALL(norma_pager_statistics, &request, &reply),
			 "norma_pager_statistics");
	return reply;
}

static kern_return_t call(struct way *way)
{
	task_t self = mach_task_self();

	if (way->is_clone)
		return norma_task_clone(self, TRUE, other_node, &way->child);
	if (way->is_remote)
		return norma_task_create(self, TRUE, other_node, &way->child);
	return task_create(self, NULL, 0, TRUE, &way->child);
}

/* Makes the child, starts its thread and takes the times. */
static void make_child(struct way *way)
{
	struct norma_task_statistics_reply statistics;
	uint64_t ticks = quickstart_ticker->total;
	uint64_t called_ns = quickstart_now_ns();

	quickstart_check(call(way), way->name);
	way->reply_ms = (double)(quickstart_now_ns() - called_ns) / 1e6;
	way->ticks_meanwhile = quickstart_ticker->total - ticks;
	quickstart_start(way->child, quickstart_child_main, 0);
	quickstart_wait(&quickstart_visit->has_started, 1, "the child's first instruction");
	statistics = task_statistics(way->child);
	way->first_instruction_ms =
	    (double)(int64_t)(statistics.first_instruction_ns - called_ns) / 1e6;
	statistics = task_statistics(mach_task_self());
	way->pause_ms = (double)statistics.last_pause_ns / 1e6;
}

/* Writes into every page what the child has never seen. */
static void mark_pages(uint64_t mark)
{
	for (int r = 0; r < QUICKSTART_REGION_COUNT; r++) {
		for (uint32_t i = 0; i < quickstart_regions[r].page_count; i++)
			atomic_store(&quickstart_regions[r].pages[i].parent_mark, mark);
	}
}

/* Sends messages and reads the answers. Return: how many answers were right. */
static uint64_t exchange_messages(struct visit *visit)
{
	uint64_t right = 0;

	for (uint64_t round = 1; round <= QUICKSTART_MESSAGES; round++) {
		bool is_right = true;

		for (int i = 0; i < QUICKSTART_MESSAGE_WORDS; i++)
			visit->to_child.data[i] = round;
		atomic_store(&visit->to_child.sequence, round);
		quickstart_wait(&visit->to_parent.sequence, round, "an answer");
		for (int i = 0; i < QUICKSTART_MESSAGE_WORDS; i++)
			is_right = is_right && visit->to_parent.data[i] == round + 1;
		right += is_right;
	}
	return right;
}

static void work_beside_child(struct visit *visit)
{
	char what[64];
	uint64_t answers;

	quickstart_increment(&visit->parent_step, &visit->child_step);
	answers = exchange_messages(visit);
	quickstart_wait(&visit->is_done, 1, "the child's end");
	for (int r = 0; r < QUICKSTART_REGION_COUNT; r++) {
		snprintf(what, sizeof(what), "increments by both in `%s`",
			 quickstart_regions[r].name);
		expect_equal(what, quickstart_regions[r].pages[0].counter,
			     2ull * QUICKSTART_INCREMENTS);
	}
	expect_equal("messages answered through memory", answers, QUICKSTART_MESSAGES);
	expect_equal("messages with old data at the child", visit->wrong_messages, 0);
}

static enum meaning judge(const struct way *way, int r)
{
	const struct region *region = &quickstart_regions[r];
	const struct visit *visit = quickstart_visit;
	const struct seen *seen = &visit->seen[r];
	uint32_t arrived = 0;

	if (!visit->is_present[r])
		return MEANING_ABSENT;
	for (uint32_t i = 0; i < region->page_count; i++)
		arrived += region->pages[i].child_mark == visit->new_mark;
	if (seen->new_marks == region->page_count && arrived == region->page_count)
		return MEANING_SHARED;
	if (seen->old_marks == region->page_count && arrived == 0)
		return MEANING_COPIED;
	printf("  %s, `%s`: of %u pages the child saw %u new, %u old, %u broken; %u of its own "
	       "marks arrived\n",
	       way->name, region->name, region->page_count, seen->new_marks, seen->old_marks,
	       seen->broken, arrived);
	return MEANING_WRONG;
}

static void visit_child(struct way *way, uint64_t mark)
{
	struct visit *visit = quickstart_visit;

	memset(visit, 0, sizeof(*visit));
	visit->old_mark = mark;
	visit->new_mark = mark + 1;
	visit->is_working = way->is_clone;
	make_child(way);
	for (int r = 0; r < QUICKSTART_REGION_COUNT; r++)
		visit->is_present[r] = is_present(way->child, &quickstart_regions[r]);
	mark_pages(visit->new_mark);
	atomic_store(&visit->may_go, 1);
	if (way->is_clone)
		work_beside_child(visit);
	quickstart_wait(&visit->is_done, 1, "the child's end");
	for (int r = 0; r < QUICKSTART_REGION_COUNT; r++) {
		way->found[r] = judge(way, r);
		wrong_values += way->found[r] != way->expected[r];
	}
	quickstart_check(task_terminate(way->child), "task_terminate of the child");
}

static void stop_ticker(void)
{
	struct ticker *ticker = quickstart_ticker;

	atomic_store(&ticker->must_stop, 1);
	quickstart_wait(&ticker->has_stopped, 1, "the second thread");
	expect_equal("increments beside the parent's second thread", ticker->total - ticker->own,
		     QUICKSTART_INCREMENTS);
}

static void print_meanings(void)
{
	static const char *const inheritances[] = {"SHARE", "COPY", "NONE"};

	printf("\n  %-6s  %-6s  %-11s", "region", "size", "inheritance");
	for (size_t w = 0; w < WAY_COUNT; w++)
		printf("  %-*s", w + 1 < WAY_COUNT ? 17 : 0, ways[w].name);
	printf("\n  %-27s", "");
	for (size_t w = 0; w < WAY_COUNT; w++)
		printf("  to node %-*d", w + 1 < WAY_COUNT ? 9 : 0,
		       ways[w].is_remote ? other_node : own_node);
	printf("\n");
	for (int r = 0; r < QUICKSTART_REGION_COUNT; r++) {
		const struct region *region = &quickstart_regions[r];

		printf("  %-6s  %2u MiB  %-11s", region->name, region->page_count / 256,
		       inheritances[region->inheritance]);
		for (size_t w = 0; w < WAY_COUNT; w++) {
			bool is_right = ways[w].found[r] == ways[w].expected[r];

			printf("  %s%-*s", meaning_names[ways[w].found[r]],
			       w + 1 < WAY_COUNT ? 11 : 0, is_right ? "" : " UNEXPECTED");
		}
		printf("\n");
	}
}

static void print_times(void)
{
	printf("\n  %-22s  %8s  %17s  %13s  %13s\n", "ms after the call", "reply",
	       "first instruction", "parent paused", "parent's ticks");
	for (size_t w = 0; w < WAY_COUNT; w++)
		printf("  %-22s  %8.2f  %17.2f  %13.2f  %14llu\n", ways[w].name, ways[w].reply_ms,
		       ways[w].first_instruction_ms, ways[w].pause_ms,
		       (unsigned long long)ways[w].ticks_meanwhile);
	printf("\n");
}

static void print_transfer(const struct norma_pager_statistics_reply *before)
{
	struct norma_pager_statistics_reply now = pager_statistics(other_node);

	printf("  node %d: %llu pages (%.1f MiB) came, %llu pages (%.1f MiB) went, %llu faults, "
	       "%llu invalidations\n",
	       other_node, (unsigned long long)(now.pages_in - before->pages_in),
	       (double)(now.bytes_in - before->bytes_in) / MIB,
	       (unsigned long long)(now.pages_out - before->pages_out),
	       (double)(now.bytes_out - before->bytes_out) / MIB,
	       (unsigned long long)(now.faults - before->faults),
	       (unsigned long long)(now.invalidations - before->invalidations));
	expect_equal("lost pages", now.lost_pages, before->lost_pages);
}

int main(int argc, char **argv)
{
	struct norma_pager_statistics_reply before;

	if (argc > 1)
		other_node = atoi(argv[1]);
	quickstart_check(norma_node_self(mach_host_self(), &own_node), "norma_node_self");
	quickstart_make_memory();
	quickstart_start(mach_task_self(), quickstart_ticker_main, 1);
	before = pager_statistics(other_node);
	printf("a program on node %d with 64 MiB in three regions; two threads run\n\n", own_node);
	for (size_t w = 0; w < WAY_COUNT; w++)
		visit_child(&ways[w], w);
	stop_ticker();
	print_meanings();
	print_times();
	print_transfer(&before);
	if (wrong_values)
		printf("\n%u values are not as specified\n", wrong_values);
	else
		printf("\nevery value is as specified\n");
	return wrong_values ? 1 : 0;
}
