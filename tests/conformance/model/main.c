/*
 * The reference model against the real system: random sequences of calls on families of tasks over
 * all nodes, each call and each page compared.
 *
 *   model [OPTION]... IMAGE         IMAGE: a static program that waits on standard input
 *     --operations N      calls in all (5000)
 *     --sequence N        calls of a sequence (1000), each of which is on fresh tasks
 *     --seed S            of the first sequence; the next has S + 1, and so on (a fresh one)
 *     --nodes N           tasks are on nodes 0 to N - 1 (1)
 *     --seconds N         begins no sequence after this time
 *     --without CALL      leaves it out
 *     --deaths            also kills tasks' processes
 *     --away NODE         that host is down and may come up at any moment
 *     --join COMMAND      run at a random call of the first sequence; starts the host that is away
 *     --shrink-seconds N  how long to make a failing sequence short (120)
 *
 * Exit status: 0 no difference, 1 a difference (and the seed to see it again), 2 trouble.
 */
#include "real.h"
#include "sequence.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { LAST_CALLS = 40 }; /* to print of a sequence that cannot be made short */

struct options {
	const char *image;
	uint64_t seed;
	unsigned long operations;
	unsigned long sequence;
	unsigned long seconds; /* 0: as long as the operations take */
	int nodes;
	bool is_left_out[OPERATION_KINDS];
	unsigned int shrink_seconds; /* 0: failing sequences are not made short */
	bool is_away[MAX_NODES];
	const char *join; /* command that starts the host that is away; NULL: none */
	unsigned long join_at;
};

static struct model model;
static struct sequence sequence;

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A host comes up while a family lives; the command does not wait for it. */
static void join_now(const struct options *options)
{
	if (system(options->join) != 0) {
		fprintf(stderr, "model: %s failed\n", options->join);
		exit(2);
	}
}

/* Makes a new sequence while running it. Return: whether nothing differs. */
static bool run_new(const struct options *options, uint64_t seed, size_t count,
		    struct difference *difference)
{
	struct generator generator = {.state = seed, .is_left_out = options->is_left_out};
	bool is_same = true;

	sequence.count = 0;
	while (is_same && sequence.count < count) {
		struct operation *operation = &sequence.operations[sequence.count++];

		if (options->join && seed == options->seed && sequence.count == options->join_at)
			join_now(options);
		*operation = generate(&generator, &model);
		is_same = sequence_step(&model, operation, AS_SAID, difference);
	}
	is_same = is_same && check_all(&model, difference);
	real_end_tasks();
	model_clear(&model);
	return is_same;
}

static void report(const struct options *options, uint64_t seed, struct difference *difference)
{
	printf("DIFFERENT at call %zu of the sequence with seed %lu: %s\n  ", sequence.count,
	       (unsigned long)seed, difference->text);
	operation_print(&sequence.operations[sequence.count - 1]);
	printf("Again: --seed %lu --operations %zu --sequence %zu --nodes %d%s\n",
	       (unsigned long)seed, sequence.count, sequence.count, options->nodes,
	       options->is_left_out[TASK_KILL] ? "" : " --deaths");
	fflush(stdout);
	if (options->shrink_seconds == 0)
		return;
	if (!sequence_shrink(&model, &sequence, options->shrink_seconds, difference)) {
		printf("It did not happen again, so it depends on time. The last calls were:\n");
		sequence_print(&sequence, LAST_CALLS);
		return;
	}
	printf("The shortest sequence found has %zu calls:\n", sequence.count);
	sequence_print(&sequence, sequence.count);
	printf("and then: %s\n", difference->text);
}

/* Return: whether no sequence differs. */
static bool run_all(const struct options *options)
{
	double start = now();
	unsigned long done = 0;
	uint64_t seed = options->seed;
	struct difference difference = {""};

	for (; done < options->operations; seed++) {
		unsigned long left = options->operations - done;

		if (options->seconds && now() - start > (double)options->seconds)
			break;
		if (!run_new(options, seed, left < options->sequence ? left : options->sequence,
			     &difference)) {
			report(options, seed, &difference);
			return false;
		}
		done += sequence.count;
	}
	printf("%lu operations, no difference, %.0f operations per second\n", done,
	       (double)done / (now() - start));
	return true;
}

static unsigned long number(const char *text, unsigned long max)
{
	char *end;
	unsigned long value = strtoul(text, &end, 0);

	if (*end || end == text || value > max) {
		fprintf(stderr, "model: %s is not a number up to %lu\n", text, max);
		exit(2);
	}
	return value;
}

static void leave_out(struct options *options, const char *call)
{
	for (int kind = 0; kind < OPERATION_KINDS; kind++)
		if (strcmp(operation_names[kind], call) == 0)
			options->is_left_out[kind] = true;
}

static void read_option(struct options *options, int option)
{
	switch (option) {
	case 'o':
		options->operations = number(optarg, UINT32_MAX);
		break;
	case 's':
		options->seed = number(optarg, UINT64_MAX);
		break;
	case 'n':
		options->nodes = (int)number(optarg, MAX_NODES);
		break;
	case 'q':
		options->sequence = number(optarg, SEQUENCE_MAX);
		break;
	case 't':
		options->seconds = number(optarg, UINT32_MAX);
		break;
	case 'a':
		options->is_away[number(optarg, MAX_NODES - 1)] = true;
		break;
	case 'd':
		options->is_left_out[TASK_KILL] = false;
		break;
	case 'j':
		options->join = optarg;
		break;
	case 'w':
		leave_out(options, optarg);
		break;
	case 'k':
		options->shrink_seconds = (unsigned int)number(optarg, 3600);
		break;
	default:
		exit(2);
	}
}

static void read_options(int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
	    {"operations", required_argument, NULL, 'o'},
	    {"seed", required_argument, NULL, 's'},
	    {"nodes", required_argument, NULL, 'n'},
	    {"sequence", required_argument, NULL, 'q'},
	    {"seconds", required_argument, NULL, 't'},
	    {"away", required_argument, NULL, 'a'},
	    {"join", required_argument, NULL, 'j'},
	    {"deaths", no_argument, NULL, 'd'},
	    {"shrink-seconds", required_argument, NULL, 'k'},
	    {"without", required_argument, NULL, 'w'},
	    {NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", table, NULL)) != -1)
		read_option(options, option);
	if (optind + 1 != argc || options->nodes < 1 || options->sequence < 1) {
		fprintf(stderr, "usage: %s [OPTION]... IMAGE\n", argv[0]);
		exit(2);
	}
	options->image = argv[optind];
}

int main(int argc, char **argv)
{
	struct options options = {
	    .operations = 5000, .sequence = 1000, .nodes = 1, .shrink_seconds = 120};
	uint32_t seed = 0;

	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		return 2;
	options.seed = seed;
	options.is_left_out[TASK_KILL] = true;
	read_options(argc, argv, &options);
	printf("seed %lu, %d nodes\n", (unsigned long)options.seed, options.nodes);
	fflush(stdout);
	model.nodes = options.nodes;
	options.join_at = 1 + options.seed % (options.sequence / 2 + 1);
	for (int node = 0; node < MAX_NODES; node++)
		model.is_away[node] = options.is_away[node];
	real_begin(options.image, options.nodes);
	bool is_same = run_all(&options);
	if (!real_end(options.nodes)) {
		printf("DIFFERENT: tasks are left after all were ended\n");
		is_same = false;
	}
	return is_same ? 0 : 1;
}
