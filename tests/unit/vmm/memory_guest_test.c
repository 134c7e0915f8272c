/*
 * Exports under a running thread: the program stores one counter to two regions, first to one, then
 * to the other, for ever. A copy must be of one instant; a clone must not stop it.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "memory_peer.h"
#include "machine.h"
#include "run_suite.h"
#include "system_image.h"
#include "vcpu.h"

#define P      UINT64_C(4096)
#define CODE   UINT64_C(0x400000)
#define FIRST  UINT64_C(0x800000)
#define SECOND UINT64_C(0x1000000000)

/* loop: inc %rax; mov %rax, (%rdi); mov %rax, (%rsi); jmp loop */
static const uint8_t program[] = {0x48, 0xff, 0xc0, 0x48, 0x89, 0x07, 0x48, 0x89, 0x06, 0xeb, 0xf5};

static struct machine_host host;
static struct machine machine;
static struct vcpu *vcpu;
static struct space *space;
static struct broker *broker;
static struct peer child;
static pthread_t runner;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;
static bool is_pausing, is_standing, is_ending, is_stubborn;
static uint32_t pauses;
static int image_fd;

/* Return: whether to go on running. */
static bool stand_still(void)
{
	pthread_mutex_lock(&lock);
	while (is_pausing && !is_ending) {
		is_standing = true;
		pthread_cond_broadcast(&changed);
		pthread_cond_wait(&changed, &lock);
	}
	is_standing = false;
	bool go_on = !is_ending;
	pthread_mutex_unlock(&lock);
	return go_on;
}

static void *run(void *argument)
{
	struct vcpu_exit exit;

	do {
		int ret = vcpu_run(vcpu, &exit);

		/* The memory is there, its slot not yet; the next entry does the store. */
		if (!ret && exit.kind == VCPU_EXIT_FAULT && exit.is_address_known)
			ret = machine_slot_ensure(vcpu_machine(vcpu), exit.address);
		else if (!ret && exit.kind != VCPU_EXIT_KICKED)
			ret = -EIO;
		if (ret) {
			fprintf(stderr, "# the thread stopped: exit %d address 0x%llx\n",
				(int)exit.kind, (unsigned long long)exit.address);
			return NULL;
		}
	} while (stand_still());
	return argument;
}

static int pause_threads(void *context, uint64_t deadline_ns)
{
	struct timespec deadline = {.tv_sec = (time_t)(deadline_ns / 1000000000),
				    .tv_nsec = (long)(deadline_ns % 1000000000)};
	int ret = 0;

	(void)context;
	if (is_stubborn)
		return -ETIMEDOUT;
	pthread_mutex_lock(&lock);
	pauses++;
	is_pausing = true;
	vcpu_kick(vcpu);
	while (!is_standing && !ret)
		ret = pthread_cond_timedwait(&changed, &lock, &deadline);
	pthread_mutex_unlock(&lock);
	return -ret;
}

static void resume_threads(void *context)
{
	(void)context;
	pthread_mutex_lock(&lock);
	is_pausing = false;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void add(uint64_t address, vm_inherit_t inheritance)
{
	struct space_map_request request = {.address = address,
					    .bytes = P,
					    .placement = SPACE_FIXED,
					    .protection = VM_PROT_ALL,
					    .max_protection = VM_PROT_ALL,
					    .inheritance = inheritance};

	uint64_t placed;

	ck_assert_int_eq(space_map(space, &request, &placed), 0);
}

static void setup(void)
{
	struct space_pauser pauser = {.pause = pause_threads, .resume = resume_threads};
	pthread_condattr_t monotonic;
	const char *step;

	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &monotonic);
	broker = broker_new(BROKER_LOCAL);
	child = peer_start(broker);
	ck_assert_int_eq(vcpu_signals_install(), 0);
	image_fd = system_image_create();
	ck_assert_int_eq(machine_host_open(&host, image_fd, &step), 0);
	ck_assert_int_eq(machine_init(&machine, &host, &step), 0);
	ck_assert_int_eq(space_new(&machine, &pauser, &space), 0);
	ck_assert_int_eq(space_pager_connect(space, broker_client(broker)), 0);
	add(CODE, VM_INHERIT_NONE);
	add(FIRST, VM_INHERIT_COPY);
	add(SECOND, VM_INHERIT_COPY);
	ck_assert_int_eq(space_copy_out(space, CODE, program, sizeof(program)), 0);
	ck_assert_int_eq(vcpu_create(&machine, 0, &vcpu, &step), 0);
	*vcpu_state(vcpu) = (struct thread_state){.rip = CODE, .rdi = FIRST, .rsi = SECOND};
	ck_assert_int_eq(pthread_create(&runner, NULL, run, vcpu), 0);
}

static void teardown(void)
{
	void *went_well;

	pthread_mutex_lock(&lock);
	is_ending = true;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
	vcpu_kick(vcpu);
	pthread_join(runner, &went_well);
	ck_assert_ptr_nonnull(went_well);
	vcpu_put(vcpu);
	peer_end(&child);
	space_free(space);
	broker_free(broker);
	machine_done(&machine);
	machine_host_close(&host);
	close(image_fd);
}

static uint64_t counter(uint64_t address)
{
	uint64_t value;

	ck_assert_int_eq(space_read(space, address, &value, sizeof(value)), KERN_SUCCESS);
	return value;
}

/* Waits until the program has stored again; the test's time limit is the deadline. */
static void wait_for_progress(void)
{
	uint64_t before = counter(SECOND);

	while (counter(SECOND) == before)
		sched_yield();
}

static uint64_t child_counter(uint64_t address)
{
	uint64_t value;

	ck_assert_int_eq(peer_read(&child, address, &value, sizeof(value)), KERN_SUCCESS);
	return value;
}

static void make_child(enum export_mode mode)
{
	struct space_exported exported;
	struct failure failure;

	ck_assert_int_eq(
	    space_export(space, &(struct space_child){.mode = mode}, &exported, &failure),
	    KERN_SUCCESS);
	ck_assert(mode == EXPORT_CLONE || exported.pause_ns > 0);
	ck_assert_int_eq(peer_deallocate(&child, 0, UINT64_C(1) << 37), KERN_SUCCESS);
	ck_assert_int_eq(peer_import(&child, exported.regions, exported.region_count),
			 KERN_SUCCESS);
	space_exported_done(&exported);
	space_export_end(space, EXPORT_FATE_TAKEN);
}

START_TEST(a_copy_is_of_one_instant)
{
	for (int i = 0; i < 100; i++) {
		wait_for_progress();
		make_child(EXPORT_CREATE);
		uint64_t first = child_counter(FIRST);
		uint64_t second = child_counter(SECOND);

		ck_assert_msg(first - second <= 1, "copy %d: %llu and %llu", i,
			      (unsigned long long)first, (unsigned long long)second);
		wait_for_progress();
		ck_assert_uint_eq(child_counter(FIRST), first);
		ck_assert_uint_eq(child_counter(SECOND), second);
	}
	ck_assert_uint_eq(pauses, 100);
}
END_TEST

START_TEST(a_clone_of_fresh_memory_stops_nobody_and_sees_every_store)
{
	wait_for_progress();
	make_child(EXPORT_CLONE);
	ck_assert_uint_eq(pauses, 0);
	uint64_t before = child_counter(FIRST);
	wait_for_progress();
	ck_assert_uint_gt(child_counter(FIRST), before);
	/* Copied, then cloned again: shared from then on. */
	make_child(EXPORT_CREATE);
	make_child(EXPORT_CLONE);
	before = child_counter(SECOND);
	wait_for_progress();
	ck_assert_uint_gt(child_counter(SECOND), before);
}
END_TEST

START_TEST(threads_that_do_not_stop_fail_the_export_and_run_on)
{
	struct space_exported exported;
	struct failure failure;

	is_stubborn = true;
	ck_assert_int_eq(
	    space_export(space, &(struct space_child){.mode = EXPORT_CREATE}, &exported, &failure),
	    KERN_OPERATION_TIMED_OUT);
	ck_assert_str_ne(failure.text, "");
	is_stubborn = false;
	wait_for_progress();
	make_child(EXPORT_CREATE);
	wait_for_progress();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("memory_guest");
	TCase *cases = tcase_create("guest");

	tcase_set_timeout(cases, 60);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, a_copy_is_of_one_instant);
	tcase_add_test(cases, a_clone_of_fresh_memory_stops_nobody_and_sees_every_store);
	tcase_add_test(cases, threads_that_do_not_stop_fail_the_export_and_run_on);
	suite_add_tcase(suite, cases);
	return run_suite_kvm(suite);
}
