/*
 * What remote pages cost, beside a raw TCP exchange of the same bytes in the same run. Prints one
 * JSON line per measurement; times in microseconds.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/clock.h"
#include "service_world.h"

#define SAMPLES	    2000u
#define SCAN_PAGES  8192u
#define ROUND_TRIPS 5000u

static struct world world;
static struct task home, user;
static double samples[SCAN_PAGES];

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void report(const char *name, size_t count)
{
	qsort(samples, count, sizeof(samples[0]), by_value);
	printf("{\"name\":\"%s\",\"n\":%zu,\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n",
	       name, count, samples[count / 2], samples[count * 99 / 100], samples[count - 1]);
	fflush(stdout);
}

static double us_since(uint64_t begin)
{
	return (double)(clock_now_ns() - begin) / 1e3;
}

static void transfer(int fd, void *data, size_t bytes, bool is_send)
{
	size_t at = 0;

	while (at < bytes) {
		ssize_t done = is_send ? send(fd, (char *)data + at, bytes - at, MSG_NOSIGNAL)
				       : recv(fd, (char *)data + at, bytes - at, 0);

		ck_assert_int_gt(done, 0);
		at += (size_t)done;
	}
}

/* Answers 64-byte requests with a header and a page. */
static void *serve_tcp(void *data)
{
	int listener = *(int *)data, fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC), on = 1;
	char request[64], answer[64 + PAGE_BYTES] = {0};

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	for (unsigned int i = 0; i < SAMPLES; i++) {
		transfer(fd, request, sizeof(request), false);
		transfer(fd, answer, sizeof(answer), true);
	}
	close(fd);
	return NULL;
}

static void measure_tcp(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t bytes = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char request[64] = {0}, answer[64 + PAGE_BYTES];
	pthread_t thread;

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &bytes), 0);
	pthread_create(&thread, NULL, serve_tcp, &listener);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	for (unsigned int i = 0; i < SAMPLES; i++) {
		uint64_t begin = clock_now_ns();

		transfer(fd, request, sizeof(request), true);
		transfer(fd, answer, sizeof(answer), false);
		samples[i] = us_since(begin);
	}
	pthread_join(thread, NULL);
	close(fd);
	close(listener);
	report("raw tcp, 64 bytes there and a page back", SAMPLES);
}

/* One fault of each kind per page, on pages that home has written. */
static void measure_faults(void)
{
	uint64_t bytes = (uint64_t)SAMPLES * PAGE_BYTES, id;
	int memory = make_memory(bytes);
	struct view at_home = task_share(&home, OBJECT_COHERENT, memory, bytes, &id);
	struct view here;

	memset(at_home.at, 1, bytes);
	here = task_use(&user, id);
	for (uint64_t i = 0; i < SAMPLES; i++) {
		uint64_t begin = clock_now_ns();

		(void)*(volatile uint8_t *)(here.at + i * PAGE_BYTES);
		samples[i] = us_since(begin);
	}
	report("remote read fault", SAMPLES);
	for (uint64_t i = 0; i < SAMPLES; i++) {
		uint64_t begin = clock_now_ns();

		*(volatile uint8_t *)(here.at + i * PAGE_BYTES) = 2;
		samples[i] = us_since(begin);
	}
	report("remote upgrade to write", SAMPLES);
	for (uint64_t i = 0; i < SAMPLES; i++) {
		uint64_t begin = clock_now_ns();

		*(volatile uint8_t *)(at_home.at + i * PAGE_BYTES) = 3;
		samples[i] = us_since(begin);
	}
	report("home takes the page back", SAMPLES);
	for (uint64_t i = 0; i < SAMPLES; i++) {
		uint64_t begin = clock_now_ns();

		*(volatile uint8_t *)(here.at + i * PAGE_BYTES) = 4;
		samples[i] = us_since(begin);
	}
	report("remote write fault", SAMPLES);
	close(memory);
	task_drop(&user, &here);
	task_drop(&home, &at_home);
}

static void *answer_turns(void *data)
{
	_Atomic uint64_t *turn = data;

	for (uint64_t i = 0; i < ROUND_TRIPS; i++) {
		while (atomic_load(turn) != 2 * i + 1)
			;
		atomic_store(turn, 2 * i + 2);
	}
	return NULL;
}

struct count {
	_Atomic uint64_t *word;
	uint64_t rounds;
};

static void *count_up(void *data)
{
	const struct count *count = data;

	for (uint64_t i = 0; i < count->rounds; i++)
		atomic_fetch_add(count->word, 1);
	return NULL;
}

/* Two threads on two hosts and one word: in turns, then each as fast as it can. */
static void measure_word(void)
{
	int memory = make_memory(PAGE_BYTES);
	uint64_t id, begin, moved, rounds = 2000000;
	struct view at_home = task_share(&home, OBJECT_COHERENT, memory, PAGE_BYTES, &id);
	struct view here = task_use(&user, id);
	_Atomic uint64_t *mine = (void *)at_home.at, *theirs = (void *)here.at;
	struct count counts[2] = {{mine + 1, rounds}, {theirs + 1, rounds}};
	pthread_t threads[2];

	begin = clock_now_ns();
	pthread_create(&threads[0], NULL, answer_turns, theirs);
	for (uint64_t i = 0; i < ROUND_TRIPS; i++) {
		atomic_store(mine, 2 * i + 1);
		while (atomic_load(mine) != 2 * i + 2)
			;
	}
	pthread_join(threads[0], NULL);
	printf("{\"name\":\"a word in turns\",\"n\":%u,\"us_per_turn\":%.1f}\n", ROUND_TRIPS,
	       us_since(begin) / (2 * ROUND_TRIPS));
	moved = world_statistics(&world, 0).pages_in;
	begin = clock_now_ns();
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, count_up, &counts[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	moved = world_statistics(&world, 0).pages_in - moved;
	printf("{\"name\":\"two writers, atomic increments\",\"n\":%llu,\"exact\":%s,"
	       "\"us_per_transfer\":%.1f,\"increments_per_us\":%.1f}\n",
	       (unsigned long long)(2 * rounds),
	       atomic_load(mine + 1) == 2 * rounds ? "true" : "false",
	       us_since(begin) / (2.0 * (double)(moved ? moved : 1)),
	       (double)(2 * rounds) / us_since(begin));
	fflush(stdout);
	close(memory);
	task_drop(&user, &here);
	task_drop(&home, &at_home);
}

static void measure_frozen(void)
{
	uint64_t bytes = (uint64_t)SCAN_PAGES * PAGE_BYTES, id, begin, whole;
	int memory = make_memory(bytes);
	uint8_t page[PAGE_BYTES];
	struct view here;

	for (uint64_t i = 0; i < SCAN_PAGES; i++) {
		memset(page, (int)(i % 255) + 1, sizeof(page));
		ck_assert_int_eq(pwrite(memory, page, sizeof(page), (off_t)(i * PAGE_BYTES)),
				 PAGE_BYTES);
	}
	ck_assert_int_eq(task_publish(&home, OBJECT_FROZEN, memory, 0, bytes, &id), 0);
	whole = clock_now_ns();
	here = task_use(&user, id);
	for (uint64_t i = 0; i < SCAN_PAGES; i++) {
		begin = clock_now_ns();
		(void)*(volatile uint8_t *)(here.at + (i * 3571) % SCAN_PAGES * PAGE_BYTES);
		samples[i] = us_since(begin);
	}
	printf("{\"name\":\"frozen object, touched in random order\",\"mib_per_s\":%.0f}\n",
	       (double)bytes / us_since(whole) * 1e6 / (1 << 20));
	report("frozen page, random order, background running", SCAN_PAGES);
	close(memory);
	task_drop(&user, &here);
}

START_TEST(measure)
{
	world_start(&world, 2);
	task_open(&home, &world, 0);
	task_open(&user, &world, 1);
	measure_tcp();
	measure_faults();
	measure_word();
	measure_frozen();
	measure_tcp();
	task_close(&user);
	task_close(&home);
	world_stop(&world);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pager measurements");
	TCase *tests = tcase_create("measure");

	tcase_set_timeout(tests, 280);
	tcase_add_test(tests, measure);
	suite_add_tcase(suite, tests);
	return world_main(suite);
}
