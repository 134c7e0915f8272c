/*
 * A fixed amount of computing: integers, floating point and memory that fits no cache. The same
 * program runs on the host and as a task. Microseconds, one line for each round.
 *
 *   bench_compute ROUNDS
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { WORDS = 1 << 20, STEPS = 1 << 23 };

static uint32_t table[WORDS];

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* One chain of dependent steps, so that the compiler can drop none of it. */
static uint64_t compute(uint64_t word)
{
	double sum = 1;

	for (int i = 0; i < STEPS; i++) {
		word ^= word << 13; /* xorshift64 */
		word ^= word >> 7;
		word ^= word << 17;
		table[word % WORDS] += (uint32_t)word;
		sum = sum * 0.999 + (double)(table[(word >> 32) % WORDS] & 0xff);
	}
	return word + (uint64_t)sum;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 0;
	uint64_t word = compute(0x9e3779b97f4a7c15ull);

	for (int i = 0; i < rounds; i++) {
		uint64_t before = now_ns();

		word = compute(word);
		printf("%.1f\n", (double)(now_ns() - before) / 1e3);
	}
	return word == 0;
}
