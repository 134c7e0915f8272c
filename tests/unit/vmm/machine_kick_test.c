/*
 * Kicks are neither lost nor early, and after one is answered the guest stands still. Two vCPUs of
 * one task work on one word exactly.
 */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "machine_harness.h"
#include "run_suite.h"

#define KICKS	   10000
#define COUNT_EACH UINT64_C(2000000)

static struct harness harness;

static void setup(void)
{
	harness_setup(&harness);
}

static void teardown(void)
{
	harness_teardown(&harness);
}

SNIPPET_DECLARE(spin);
SNIPPET_DECLARE(count);
SNIPPET_DECLARE(hypercalls);
SNIPPET_DECLARE(hypercalls_fast);

static _Atomic uint64_t *data_word(void)
{
	return machine_hva(&harness.machine, HARNESS_DATA);
}

struct runner {
	struct vcpu *vcpu;
	atomic_int answered; /* kicks answered so far */
	atomic_int allowed;  /* kicks the other side has seen answered */
	enum vcpu_exit_kind unexpected;
	pthread_mutex_t lock;
	pthread_cond_t changed;
};

/* After each answer wait until the kicker has looked at the memory, then run on. */
static void *run_until_last_kick(void *context)
{
	struct runner *runner = context;
	runner->unexpected = VCPU_EXIT_NUM_KINDS;
	for (int answered = 0; answered < KICKS;) {
		struct vcpu_exit exit;
		if (vcpu_run(runner->vcpu, &exit) ||
		    (exit.kind != VCPU_EXIT_KICKED && exit.kind != VCPU_EXIT_HYPERCALL)) {
			runner->unexpected = exit.kind;
			answered = KICKS;
		}
		if (exit.kind == VCPU_EXIT_HYPERCALL)
			continue;
		pthread_mutex_lock(&runner->lock);
		atomic_store(&runner->answered, ++answered);
		pthread_cond_broadcast(&runner->changed);
		while (atomic_load(&runner->allowed) < answered && answered < KICKS)
			pthread_cond_wait(&runner->changed, &runner->lock);
		pthread_mutex_unlock(&runner->lock);
	}
	return NULL;
}

static void kick_many(const uint8_t *code, const uint8_t *end)
{
	struct runner runner = {.vcpu = harness.vcpu,
				.lock = PTHREAD_MUTEX_INITIALIZER,
				.changed = PTHREAD_COND_INITIALIZER};
	pthread_t thread;
	struct thread_state *state = harness_code(&harness, code, (size_t)(end - code));
	state->rdi = HARNESS_DATA;
	ck_assert_int_eq(pthread_create(&thread, NULL, run_until_last_kick, &runner), 0);
	for (int i = 1; i <= KICKS && atomic_load(&runner.answered) < KICKS; i++) {
		/* Vary the moment: before, at and after the entry. */
		for (int spin = 0; spin < (i * 37) % 4096; spin++)
			__asm__ volatile("pause");
		vcpu_kick(harness.vcpu);
		pthread_mutex_lock(&runner.lock);
		while (atomic_load(&runner.answered) < i)
			pthread_cond_wait(&runner.changed, &runner.lock);
		uint64_t before = atomic_load(data_word());
		for (int spin = 0; spin < 50; spin++)
			__asm__ volatile("pause");
		uint64_t after = atomic_load(data_word());
		atomic_store(&runner.allowed, i);
		pthread_cond_broadcast(&runner.changed);
		pthread_mutex_unlock(&runner.lock);
		ck_assert_uint_eq(before, after);
	}
	pthread_join(thread, NULL);
	ck_assert_int_eq(runner.unexpected, VCPU_EXIT_NUM_KINDS);
}

START_TEST(kick_stops_a_computing_thread)
{
	kick_many(snippet_spin, snippet_spin_end);
	ck_assert_uint_gt(atomic_load(data_word()), 0);
}
END_TEST

START_TEST(kick_stops_a_calling_thread)
{
	kick_many(snippet_hypercalls, snippet_hypercalls_end);
}
END_TEST

START_TEST(kick_stops_a_thread_in_fast_calls)
{
	kick_many(snippet_hypercalls_fast, snippet_hypercalls_fast_end);
}
END_TEST

START_TEST(kick_before_the_run_is_kept)
{
	SNIPPET_LOAD(&harness, spin)->rdi = HARNESS_DATA;
	vcpu_kick(harness.vcpu);
	vcpu_kick(harness.vcpu);
	harness_run(&harness, VCPU_EXIT_KICKED);
	ck_assert_uint_eq(atomic_load(data_word()), 0);
	SNIPPET_LOAD(&harness, count)->rdi = HARNESS_DATA;
	vcpu_state(harness.vcpu)->rsi = 10;
	vcpu_kick(harness.vcpu);
	vcpu_kick_clear(harness.vcpu);
	harness_run(&harness, VCPU_EXIT_HYPERCALL);
	ck_assert_uint_eq(atomic_load(data_word()), 10);
}
END_TEST

/* Completing a call must not swallow a kick that is pending. */
START_TEST(kick_survives_a_hypercall)
{
	struct thread_state *state = SNIPPET_LOAD(&harness, hypercalls);
	for (int i = 0; i < 100; i++) {
		harness_run(&harness, VCPU_EXIT_HYPERCALL);
		ck_assert_uint_eq(state->rip, HARNESS_CODE + 2);
		vcpu_kick(harness.vcpu);
		harness_run(&harness, VCPU_EXIT_KICKED);
	}
}
END_TEST

static void *run_one(void *context)
{
	struct vcpu_exit exit;
	int ret = vcpu_run(context, &exit);
	return ret || exit.kind != VCPU_EXIT_HYPERCALL ? context : NULL;
}

START_TEST(two_vcpus_increment_exactly)
{
	struct vcpu *vcpus[2] = {harness.vcpu};
	pthread_t threads[2];
	const char *step;
	ck_assert_int_eq(vcpu_create(&harness.machine, 1, &vcpus[1], &step), 0);
	struct thread_state *state = SNIPPET_LOAD(&harness, count);
	state->rdi = HARNESS_DATA;
	state->rsi = COUNT_EACH;
	*vcpu_state(vcpus[1]) = *state;
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run_one, vcpus[i]), 0);
	for (int i = 0; i < 2; i++) {
		void *failed;
		pthread_join(threads[i], &failed);
		ck_assert_ptr_null(failed);
	}
	ck_assert_uint_eq(atomic_load(data_word()), 2 * COUNT_EACH);
}
END_TEST

SNIPPET_DECLARE(ud2);
START_TEST(every_vcpu_has_its_own_exception_stack)
{
	struct thread_state *state = SNIPPET_LOAD(&harness, ud2);
	for (uint32_t i = 0; i < NORMA_VCPUS_MAX; i++) {
		struct vcpu *vcpu = harness.vcpu;
		struct vcpu_exit exit;
		const char *step;
		if (i)
			ck_assert_int_eq(vcpu_create(&harness.machine, i, &vcpu, &step), 0);
		*vcpu_state(vcpu) =
		    (struct thread_state){.rip = HARNESS_CODE, .rsp = HARNESS_DATA + i * 16};
		ck_assert_int_eq(vcpu_run(vcpu, &exit), 0);
		ck_assert_int_eq(exit.kind, VCPU_EXIT_EXCEPTION);
		ck_assert_uint_eq(exit.vector, 6);
		ck_assert_uint_eq(vcpu_state(vcpu)->rsp, HARNESS_DATA + i * 16);
	}
	ck_assert_uint_eq(state->rip, HARNESS_CODE);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("machine_kick");
	TCase *c = tcase_create("kick");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, kick_stops_a_computing_thread);
	tcase_add_test(c, kick_stops_a_calling_thread);
	tcase_add_test(c, kick_stops_a_thread_in_fast_calls);
	tcase_add_test(c, kick_before_the_run_is_kept);
	tcase_add_test(c, kick_survives_a_hypercall);
	tcase_add_test(c, two_vcpus_increment_exactly);
	tcase_add_test(c, every_vcpu_has_its_own_exception_stack);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite_kvm(suite());
}
