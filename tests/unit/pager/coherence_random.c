/*
 * Random schedules of the coherence protocol: hosts touch pages, leave, join, die and lose links
 * while messages are delivered in any order that keeps each link FIFO. NORMA_SEED=n repeats one
 * round. Built a second time with a broken directory (COHERENCE_BUG_SKIP_INVALIDATE), which must be
 * noticed.
 */
#include "coherence_world.h"
#include "run_suite.h"

#include <check.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEPS_PER_ROUND 600
#define STEPS_WANTED	6000000

enum calamity {
	CALAMITY_NONE,
	CALAMITY_LEAVE,
	CALAMITY_DEATH,
	CALAMITY_LINK,
	CALAMITY_HOME_DEATH,
	CALAMITY_NUM,
};

static uint64_t random_next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static unsigned int pick(uint64_t *state, unsigned int count)
{
	return (unsigned int)(random_next(state) % count);
}

static void step_touch(struct world *world, uint64_t *state)
{
	unsigned int host = pick(state, world->host_count);
	uint64_t page = pick(state, world->page_count);
	if (!world_is_active(world, host))
		return;
	switch (pick(state, 8)) {
	case 0:
		world_hint(world, host, page);
		break;
	case 1:
	case 2:
	case 3:
		world_write(world, host, page);
		break;
	default:
		world_read(world, host, page);
	}
}

/* A host whose leave is complete ends its membership; anybody outside may join. */
static void step_leave_or_join(struct world *world, uint64_t *state)
{
	unsigned int host = 1 + pick(state, world->host_count - 1);
	struct world_host *it = &world->hosts[host];
	if (!world->hosts[WORLD_HOME].is_alive)
		return;
	if (!it->is_alive) {
		world_join(world, host);
	} else if (!it->is_leaving) {
		if (pick(state, 4) == 0)
			world_leave(world, host);
		else
			world_return(world, host, pick(state, world->page_count));
	} else if (it->holder.held_count == 0 && world->links[host][WORLD_HOME].count == 0 &&
		   directory_host_is_clear(&world->directory, host)) {
		bool may_lose = world->may_lose;
		world_die(world, host);
		world->may_lose = may_lose; /* a clean leave loses nothing */
		world_notice(world, WORLD_HOME, host);
	}
}

static void step_calamity(struct world *world, uint64_t *state, enum calamity calamity)
{
	unsigned int host = 1 + pick(state, world->host_count - 1);
	unsigned int other = 1 + pick(state, world->host_count - 1);
	switch (calamity) {
	case CALAMITY_LEAVE:
		step_leave_or_join(world, state);
		break;
	case CALAMITY_DEATH:
		if (world->hosts[host].is_alive && pick(state, 8) == 0)
			world_die(world, host);
		else
			step_leave_or_join(world, state);
		break;
	case CALAMITY_LINK:
		if (host != other && world->hosts[host].is_alive && world->hosts[other].is_alive)
			world_break_link(world, host, other);
		break;
	case CALAMITY_HOME_DEATH:
		if (world->hosts[WORLD_HOME].is_alive && pick(state, 20) == 0)
			world_die(world, WORLD_HOME);
		break;
	case CALAMITY_NONE:
	case CALAMITY_NUM:
		break;
	}
}

static void step(struct world *world, uint64_t *state, enum calamity calamity)
{
	unsigned int what = pick(state, 64);
	world->now++;
	if (what == 0)
		step_calamity(world, state, calamity);
	else if (what < 20)
		step_touch(world, state);
	else if (what < 22)
		world_notice(world, pick(state, world->host_count), pick(state, world->host_count));
	else
		world_deliver(world, pick(state, world->host_count),
			      pick(state, world->host_count));
	world_check(world);
}

static struct world world;
static char replay[64];	 /* how to repeat the round under way */
static char report[400]; /* the first broken promise, and how to see it again */
static uint64_t total_reads, total_writes, total_errors;

/* Return: whether every promise was kept; prints the first that was not. */
static bool round_is_right(uint64_t seed)
{
	uint64_t state = seed;
	snprintf(replay, sizeof(replay), "# in the round of NORMA_SEED=%" PRIu64 "\n", seed);
	enum calamity calamity = (enum calamity)pick(&state, CALAMITY_NUM);
	world_init(&world, 2 + pick(&state, WORLD_HOSTS - 1), 1 + pick(&state, WORLD_PAGES));
	int steps = 0;
	while (steps < STEPS_PER_ROUND && world.failure[0] == '\0') {
		step(&world, &state, calamity);
		steps++;
	}
	if (world.failure[0] == '\0')
		world_settle(&world);
	bool is_right = world.failure[0] == '\0';
	if (!is_right)
		snprintf(report, sizeof(report), "step %d of NORMA_SEED=%" PRIu64 ": %s", steps,
			 seed, world.failure);
	total_reads += world.read_count;
	total_writes += world.write_count;
	total_errors += world.error_count;
	world_done(&world);
	return is_right;
}

static bool all_rounds_are_right(void)
{
	const char *text = getenv("NORMA_SEED");
	if (text != NULL)
		return round_is_right(strtoull(text, NULL, 0));
	for (uint64_t seed = 1; seed <= STEPS_WANTED / STEPS_PER_ROUND; seed++)
		if (!round_is_right(seed))
			return false;
	printf("# seeds 1 to %d: %" PRIu64 " reads, %" PRIu64 " writes, %" PRIu64 " errors\n",
	       STEPS_WANTED / STEPS_PER_ROUND, total_reads, total_writes, total_errors);
	return true;
}

/* An assertion of the state machines ends the process: the seed must be known all the same. */
static void print_replay(int signal_number)
{
	(void)signal_number;
	if (write(STDOUT_FILENO, replay, strlen(replay)) < 0)
		_exit(EXIT_FAILURE);
}

#ifdef COHERENCE_BUG_SKIP_INVALIDATE
START_TEST(a_skipped_invalidation_is_noticed)
{
	ck_assert_msg(!all_rounds_are_right(), "the checker did not see a skipped invalidation");
}
END_TEST
#else
START_TEST(every_random_schedule_keeps_the_promises)
{
	ck_assert_msg(all_rounds_are_right(), "%s", report);
}
END_TEST
#endif

int main(void)
{
	signal(SIGABRT, print_replay); /* abort() goes on when it returns */
	Suite *suite = suite_create("coherence random");
	TCase *tcase = tcase_create("schedules");
	tcase_set_timeout(tcase, 60);
#ifdef COHERENCE_BUG_SKIP_INVALIDATE
	tcase_add_test(tcase, a_skipped_invalidation_is_noticed);
#else
	tcase_add_test(tcase, every_random_schedule_keeps_the_promises);
#endif
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
