/*
 * Section E: memory of a clone and its parent is one memory, seen by threads that run at the same
 * time on two or three nodes.
 */
#include "conformance.h"
#include "harness.h"

#define COUNTS	 10000u
#define MESSAGES 100000u
#define ANSWERED 2000u
#define READS	 200000u

static void case_111(void)
{
	task_t t = task_with_pages(1), c = task_clone(t, world.there);
	struct running writer, watcher;

	word_set(t, R, 0);
	watcher = code_run(c, CODE(watch_count), R, COUNTS, 0, 0);
	writer = code_run(t, CODE(count_up), R, COUNTS, 0, 0);
	code_wait(&writer);
	EQUAL(0, code_wait(&watcher));
	word_is(c, R, COUNTS);
}

/* Some in lockstep, each answered before the next: the worst order every time. Then many at once.
 */
static void case_112(void)
{
	task_t t = task_new(), c;
	struct running sender, receiver;

	region_make(t, R, 3);
	c = task_clone(t, world.there);
	receiver = code_run(c, CODE(receive), R, R + P, ANSWERED, R + 2 * P);
	sender = code_run(t, CODE(send), R, R + P, ANSWERED, R + 2 * P);
	code_wait(&sender);
	EQUAL(0, code_wait(&receiver));
	word_is(t, R + 2 * P, ANSWERED);
	word_set(t, R + P, 0);
	receiver = code_run(c, CODE(receive_on), R, R + P, MESSAGES, 0);
	sender = code_run(t, CODE(send_on), R, R + P, MESSAGES, 0);
	code_wait(&sender);
	EQUAL(0, code_wait(&receiver));
	word_is(c, R, MESSAGES);
}

/* A thread on each of two nodes runs the code; both are done afterwards. */
static void both_run(task_t t, task_t c, struct code code, const uint64_t for_t[3],
		     const uint64_t for_c[3])
{
	struct running one = code_run(t, code, for_t[0], for_t[1], for_t[2], 0);
	struct running other = code_run(c, code, for_c[0], for_c[1], for_c[2], 0);

	code_wait(&one);
	code_wait(&other);
}

static void case_114(void)
{
	task_t t = task_new(), c;

	region_make(t, R, 1);
	c = task_clone(t, world.there);
	both_run(t, c, CODE(add_own), (uint64_t[]){R, COUNTS, 0}, (uint64_t[]){R + 8, COUNTS, 0});
	for (int i = 0; i < 2; i++) {
		word_is(i ? t : c, R, COUNTS);
		word_is(i ? t : c, R + 8, COUNTS);
	}
}

static void case_116(void)
{
	task_t t = task_new(), c;

	region_make(t, R, 2);
	c = task_clone(t, world.there);
	both_run(t, c, CODE(add_locked), (uint64_t[]){R, R + P, COUNTS},
		 (uint64_t[]){R, R + P, COUNTS});
	word_is(t, R + P, 2 * COUNTS);
	word_is(c, R + P, 2 * COUNTS);
	word_is(c, R, 0);
}

static uint64_t invalidations(void)
{
	uint64_t sum = 0;

	for (int node = 0; node < 3; node++) {
		uint64_t count;

		OK(harness_invalidations(node, &count));
		sum += count;
	}
	return sum;
}

static void case_117(void)
{
	task_t task[3];
	struct running reader[3];
	uint64_t before;

	task[0] = task_new();
	region_make(task[0], R, 1);
	word_set(task[0], R, 5);
	task[1] = task_clone(task[0], world.there);
	task[2] = task_clone(task[0], world.third);
	for (int i = 0; i < 3; i++)
		word_is(task[i], R, 5);
	before = invalidations();
	for (int i = 0; i < 3; i++)
		reader[i] = code_run(task[i], CODE(read_often), R, READS, 5, 0);
	for (int i = 0; i < 3; i++)
		EQUAL(0, code_wait(&reader[i]));
	EQUAL(before, invalidations());
	word_set(task[1], R, 6);
	for (int i = 0; i < 3; i++)
		word_is(task[i], R, 6);
}

static void case_120(void)
{
	task_t t = task_with_pages(2), c = task_clone(t, world.there);

	region_make(t, S, 2);
	pages_fill(t, S, 2, 2);
	OK(vm_copy(t, S, 2 * P, R));
	pages_are_as(c, R, 2, 2, S);
	is_shared(t, c, R);
	is_shared(t, c, R + P);
	pages_fill(t, S, 2, 3);
	EQUAL(TRUE, page_facts(t, R).shared);
	word_set(c, R, 1);
	pages_are(t, S, 2, 3);
	word_is(t, R, 1);
}

static void case_122(void)
{
	task_t t = task_with_pages(4), c = task_clone(t, world.there);

	pages_fill(c, R, 2, 2);
	code_do(c, CODE(store), R + 2 * P, 0xabcd);
	task_end(c);
	pages_are(t, R, 2, 2);
	word_is(t, R + 2 * P, 0xabcd);
	pages_are(t, R + 3 * P, 1, 1);
	pages_fill(t, R, 4, 3);
	pages_are(t, R, 4, 3);
}

const struct conformance_case area_e[] = {
    {111, "a word that counts up is never seen going back", case_111},
    {112, "behind a new flag there is never old data", case_112},
    {114, "two nodes write different words of a page, no update is lost", case_114},
    {116, "a counter under a lock is exact", case_116},
    {117, "all nodes read at once without invalidating, and see the next write", case_117},
    {120, "vm_copy onto a shared page is seen by the sharer", case_120},
    {122, "dirty pages of a clone that ends are not lost", case_122},
    {0, NULL, NULL},
};
