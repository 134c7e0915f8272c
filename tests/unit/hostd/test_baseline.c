/*
 * The fleet's baseline with libvirt's part in it: hosts with a libvirt that does what a script
 * says. Their KVM applies the table (fake_vmm.c).
 */
#include <check.h>
#include <fcntl.h>
#include <mach/kern_return.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake_facts.h"
#include "harness.h"
#include "run_suite.h"

#define HOSTS 2

static char root[64]; /* the scripts are there */
static struct harness harness;
static struct link client;
static struct link_message reply;
static struct norma_cpu_baseline_reply baseline;

#define CALL(name, ...) CALL_HOST(&harness, &client, name, &reply, __VA_ARGS__)

/* NULL: that host's libvirt is switched off. */
static void script(unsigned int host, const char *text)
{
	struct config *config = &harness.configs[host];
	char name[16];

	snprintf(config->libvirt_path, sizeof(config->libvirt_path), "%s",
		 getenv("NORMA_FAKE_LIBVIRT"));
	if (!text)
		return;
	snprintf(config->libvirt, sizeof(config->libvirt), "fake:%s/%u", root, host);
	snprintf(name, sizeof(name), "%u", host);
	facts_put(root, name, text);
}

static void setup(void)
{
	facts_make(root);
	harness_begin(&harness, HOSTS);
}

static void teardown(void)
{
	char path[256];

	link_done(&client);
	for (unsigned int i = 0; i < HOSTS; i++) {
		snprintf(path, sizeof(path), "%s/cpu-baseline-%u", harness.directory, i);
		unlink(path);
	}
	harness_end(&harness);
	facts_remove(root);
}

static bool has_looked(void *context)
{
	const struct inventory_snapshot *snapshot;
	(void)context;

	for (unsigned int i = 0; i < HOSTS; i++) {
		snapshot = inventory_current(harness.hosts[i]->inventory);
		/* Its CPU is read right after the first facts, by the same thread. */
		if (strstr(snapshot->libvirt.why, "not asked yet") ||
		    (snapshot->libvirt.state == LIBVIRT_UP && !snapshot->libvirt.cpu_xml))
			return false;
	}
	return true;
}

static void start(void)
{
	for (unsigned int i = 0; i < HOSTS; i++)
		harness_start(&harness, i);
	client_open(&harness, 0, &client);
	harness_until(&harness, has_looked, NULL, "libvirt is looked at");
}

static void ask(bool apply)
{
	ck_assert_int_eq(CALL(norma_cpu_baseline, .apply = apply), 0);
	REPLY_OF(norma_cpu_baseline, &reply, &baseline);
}

static bool promises(unsigned int host, const char *name)
{
	struct cpu_features feature = {0};

	ck_assert(cpu_features_add(&feature, name));
	feature = cpu_features_both(&feature, &harness.hosts[host]->cpu.identity->promised);
	return !cpu_features_empty(&feature);
}

START_TEST(what_the_model_lacks_is_taken_out)
{
	script(0, "cpu One\nlacks avx2 avx512f\n");
	script(1, "cpu Two\n");
	start();
	ask(false);
	ck_assert_str_eq(baseline.libvirt,
			 "2 of 2 nodes can be its model Fake-of-2, which lacks avx2, avx512f");
	ck_assert_uint_eq(baseline.libvirt_cpu.bytes, strlen("<cpu><model>One</model></cpu>"));
	ck_assert_str_eq(baseline.nodes[1].text, "avx2, avx512f");
	ck_assert(promises(0, "avx2") && promises(1, "avx2"));
	ask(true);
	for (unsigned int i = 0; i < HOSTS; i++) {
		ck_assert(baseline.nodes[i].has_baseline);
		ck_assert(!promises(i, "avx2") && !promises(i, "avx512f"));
		ck_assert(promises(i, "avx") && promises(i, "sse4.2"));
	}
	ck_assert_uint_eq(baseline.pairs_count, 0);
}
END_TEST

/* libvirt has nothing to add to what bits differ in. */
START_TEST(the_bits_count_beside_the_model)
{
	ck_assert(cpu_features_add(&harness.configs[1].cpu_hidden, "sse4.2"));
	script(0, "cpu One\n");
	script(1, "cpu Two\n");
	start();
	ask(true);
	ck_assert_str_eq(baseline.libvirt, "2 of 2 nodes can be its model Fake-of-2, with all that "
					   "the bits have in common");
	ck_assert(!promises(0, "sse4.2") && promises(0, "avx2"));
}
END_TEST

START_TEST(hosts_without_libvirt_count_by_their_bits)
{
	script(0, "cpu One\nlacks avx2\n");
	script(1, NULL);
	start();
	ask(true);
	ck_assert_str_eq(baseline.libvirt,
			 "1 of 2 nodes can be its model Fake-of-1, which lacks avx2");
	ck_assert(!promises(0, "avx2") && !promises(1, "avx2"));
}
END_TEST

static const struct {
	const char *scripts[HOSTS];
	const char *says;
} silences[] = {
    {{"cpu One\nunsupported\n", "cpu Two\n"},
     "not known to libvirt, only the bits were compared: the script says so"},
    {{"cpu One\nincompatible\n", "cpu Two\n"},
     "libvirt has no model that all of them can be, the bits decide: the script says so"},
    {{"refuse\n", "cpu Two\n"},
     "only the bits were compared, libvirt does not answer here: nobody is there"},
    {{NULL, "cpu Two\n"},
     "only the bits were compared, libvirt does not answer here: the configuration says so"},
};

/* Whatever libvirt cannot say, it is not "incompatible": hosts of one kind exchange tasks. */
START_TEST(libvirt_that_cannot_say_decides_nothing)
{
	for (unsigned int i = 0; i < HOSTS; i++)
		script(i, silences[_i].scripts[i]);
	start();
	ask(true);
	ck_assert_str_eq(baseline.libvirt, silences[_i].says);
	ck_assert_uint_eq(baseline.libvirt_cpu.bytes, 0);
	ck_assert_uint_eq(baseline.pairs_count, 0);
	ck_assert(promises(0, "avx512f") && promises(1, "avx512f"));
}
END_TEST

static void release_libvirt(void)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/0.hold", root);
	while ((fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC)) < 0)
		harness_step(&harness);
	close(fd);
}

/* The second is not kept waiting, and does not get the first one's answer. */
START_TEST(one_question_at_a_time)
{
	char path[128];
	uint64_t first;

	snprintf(path, sizeof(path), "%s/0.hold", root);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	script(0, "cpu One\nhold baseline\n");
	script(1, "cpu Two\n");
	start();
	first = SEND_HOST(&client, norma_cpu_baseline, .apply = 0);
	SEND_HOST(&client, norma_cpu_baseline, .apply = 0);
	client_receive(&harness, &client, &reply);
	ck_assert_uint_eq(reply.header.sequence, first + 1);
	REPLY_OF(norma_cpu_baseline, &reply, &baseline);
	ck_assert_str_eq(baseline.libvirt,
			 "only the bits were compared, libvirt is asked for another baseline");
	release_libvirt();
	client_receive(&harness, &client, &reply);
	ck_assert_uint_eq(reply.header.sequence, first);
	REPLY_OF(norma_cpu_baseline, &reply, &baseline);
	ck_assert_ptr_nonnull(strstr(baseline.libvirt, "Fake-of-2"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("baseline");
	TCase *cases = tcase_create("libvirt");

	tcase_set_timeout(cases, 120);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, what_the_model_lacks_is_taken_out);
	tcase_add_test(cases, the_bits_count_beside_the_model);
	tcase_add_test(cases, hosts_without_libvirt_count_by_their_bits);
	tcase_add_loop_test(cases, libvirt_that_cannot_say_decides_nothing, 0,
			    sizeof(silences) / sizeof(silences[0]));
	tcase_add_test(cases, one_question_at_a_time);
	suite_add_tcase(suite, cases);
	return run_suite(suite);
}
