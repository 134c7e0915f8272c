/*
 * norma-libvirt.so's parts against libvirt's own test driver, which needs no daemon: one host, one
 * guest, and several calls that it does not have.
 */
#include <check.h>
#include <errno.h>
#include <libvirt/libvirt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "inventory/libvirt_module.h"
#include "run_suite.h"

#define TEST_URI "test:///default"

static const struct libvirt_module *module = &norma_libvirt_module;
static struct libvirt_session *session;
static char why[SNAPSHOT_WHY_BYTES];
static int wake_fd;

static void setup(void)
{
	wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ck_assert_msg(module->open(TEST_URI, wake_fd, &session, why) == 0, "%s", why);
}

static void teardown(void)
{
	module->close(session);
	close(wake_fd);
}

START_TEST(guests_are_counted_with_what_they_may_hold)
{
	struct snapshot_libvirt facts;

	ck_assert_int_eq(module->collect(session, &facts, why), 0);
	ck_assert_int_eq(facts.state, LIBVIRT_UP);
	ck_assert_uint_eq(facts.guests.count, 1);
	ck_assert_uint_eq(facts.guests.cpus, 2);
	ck_assert_uint_eq(facts.guests.memory_bytes, 8ull << 30);
	ck_assert_ptr_nonnull(strstr(facts.why, "libvirt "));
}
END_TEST

/* A guest that is bound to a cell grows there. */
START_TEST(guests_of_a_cell_are_counted_with_it)
{
	static const char domain[] =
	    "<domain type='test'><name>bound</name><memory unit='MiB'>64</memory>"
	    "<os><type>hvm</type></os>"
	    "<numatune><memory mode='strict' nodeset='1'/></numatune></domain>";
	virConnectPtr other = virConnectOpen(TEST_URI);
	virDomainPtr guest = virDomainCreateXML(other, domain, 0);
	struct snapshot_libvirt facts;

	ck_assert_ptr_nonnull(guest);
	ck_assert_int_eq(module->collect(session, &facts, why), 0);
	ck_assert_uint_eq(facts.guests.count, 2);
	ck_assert_uint_eq(facts.guests.bound_growth_bytes[0], 0);
	ck_assert_uint_gt(facts.guests.bound_growth_bytes[1], 0);
	ck_assert_uint_le(facts.guests.bound_growth_bytes[1], 64 << 20);
	virDomainFree(guest);
	virConnectClose(other);
}
END_TEST

START_TEST(a_second_session_is_refused)
{
	struct libvirt_session *second;

	ck_assert_int_eq(module->open(TEST_URI, wake_fd, &second, why), -EBUSY);
}
END_TEST

START_TEST(closed_and_opened_again)
{
	for (int i = 0; i < 3; i++) {
		module->close(session);
		ck_assert_int_eq(module->open(TEST_URI, wake_fd, &session, why), 0);
	}
}
END_TEST

START_TEST(waiting_ends_with_its_time)
{
	ck_assert_uint_eq(module->wait(session, 1, why), 0);
	ck_assert_uint_eq(module->wait(session, 1, why), 0);
}
END_TEST

START_TEST(waiting_ends_when_woken)
{
	eventfd_write(wake_fd, 1);
	ck_assert_uint_eq(module->wait(session, 60000, why), LIBVIRT_NEWS_WOKEN);
}
END_TEST

START_TEST(a_guest_that_stops_is_news)
{
	virConnectPtr other = virConnectOpen(TEST_URI);
	virDomainPtr guest = virDomainLookupByName(other, "test");
	struct snapshot_libvirt facts;

	ck_assert_int_eq(virDomainDestroy(guest), 0);
	ck_assert_uint_eq(module->wait(session, 60000, why), LIBVIRT_NEWS_CHANGED);
	ck_assert_int_eq(module->collect(session, &facts, why), 0);
	ck_assert_uint_eq(facts.guests.count, 0);
	virDomainFree(guest);
	virConnectClose(other);
}
END_TEST

/* The driver has neither domain capabilities nor a host CPU: that is not known, not wrong. */
START_TEST(a_call_that_is_not_there_is_unknown)
{
	struct libvirt_cpu cpu = {0};

	ck_assert_int_eq(module->cpu(session, &cpu, why), -EOPNOTSUPP);
	ck_assert_ptr_null(cpu.xml);
	ck_assert_str_ne(why, "");
}
END_TEST

#define CPU(model, feature)                                                                        \
	"<cpu><arch>x86_64</arch><model>" model "</model><vendor>Intel</vendor>" feature "</cpu>"

/* What the baseline has, as " NAME NAME ": whole names can be looked for. */
static struct libvirt_baseline baseline;
static char features[8192];

static int ask_baseline(const char *const *xmls, unsigned int count)
{
	int result;

	baseline = (struct libvirt_baseline){0};
	result = module->baseline(session, xmls, count, &baseline, why);
	snprintf(features, sizeof(features), " %s", baseline.features ? baseline.features : "");
	return result;
}

static void baseline_free(void)
{
	free(baseline.xml);
	free(baseline.features);
}

static bool has(const char *name)
{
	char word[64];

	snprintf(word, sizeof(word), " %s ", name);
	return strstr(features, word) != NULL;
}

START_TEST(a_baseline_is_what_both_have)
{
	static const char *const same[] = {CPU("Nehalem", ""), CPU("Nehalem", "")};
	static const char *const older[] = {CPU("Nehalem", ""), CPU("Penryn", "")};

	ck_assert_msg(ask_baseline(same, 2) == 0, "%s", why);
	ck_assert_str_eq(baseline.model, "Nehalem");
	ck_assert_ptr_nonnull(strstr(baseline.xml, "Nehalem"));
	ck_assert(has("sse4.2") && has("ssse3"));
	baseline_free();
	ck_assert_msg(ask_baseline(older, 2) == 0, "%s", why);
	ck_assert_str_eq(baseline.model, "Penryn");
	ck_assert(!has("sse4.2") && has("ssse3"));
	baseline_free();
}
END_TEST

/* What a host has beyond its model. (The driver takes no host models, which may also lack some.) */
START_TEST(a_baseline_knows_features_beside_the_model)
{
	static const char *const more[] = {CPU("Penryn", "<feature name='x2apic'/>"),
					   CPU("Penryn", "<feature name='x2apic'/>"
							 "<feature name='avx'/>")};

	ck_assert_msg(ask_baseline(more, 2) == 0, "%s", why);
	ck_assert(has("x2apic") && has("ssse3"));
	ck_assert(!has("avx"));
	baseline_free();
}
END_TEST

START_TEST(no_baseline_of_two_vendors)
{
	static const char *const xmls[] = {
	    CPU("Nehalem", ""),
	    "<cpu><arch>x86_64</arch><model>Opteron_G3</model>"
	    "<vendor>AMD</vendor></cpu>",
	};

	ck_assert_msg(ask_baseline(xmls, 2) == -ENOENT, "%s", why);
	ck_assert_ptr_null(baseline.xml);
	ck_assert_ptr_null(baseline.features);
	ck_assert_str_ne(why, "");
}
END_TEST

/* Nonsense is an error of this question, not of the connection. */
START_TEST(a_cpu_that_is_none_is_an_error)
{
	static const char *const xmls[] = {"<cpu><arch>x86_64</arch>"};

	ck_assert_int_lt(ask_baseline(xmls, 1), 0);
	ck_assert_str_ne(why, "");
	ck_assert_uint_eq(module->wait(session, 1, why), 0);
}
END_TEST

START_TEST(nobody_there_is_an_error_with_a_reason)
{
	struct libvirt_session *none;
	char reason[SNAPSHOT_WHY_BYTES] = "";

	ck_assert_int_lt(module->open("qemu+unix:///system?socket=/nonexistent", -1, &none, reason),
			 0);
	ck_assert_ptr_nonnull(strstr(reason, "it cannot be reached"));
	ck_assert_ptr_null(strchr(reason, '\n'));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("libvirt");
	TCase *cases = tcase_create("test driver"), *alone = tcase_create("nobody");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, guests_are_counted_with_what_they_may_hold);
	tcase_add_test(cases, guests_of_a_cell_are_counted_with_it);
	tcase_add_test(cases, a_second_session_is_refused);
	tcase_add_test(cases, closed_and_opened_again);
	tcase_add_test(cases, waiting_ends_with_its_time);
	tcase_add_test(cases, waiting_ends_when_woken);
	tcase_add_test(cases, a_guest_that_stops_is_news);
	tcase_add_test(cases, a_call_that_is_not_there_is_unknown);
	tcase_add_test(cases, a_baseline_is_what_both_have);
	tcase_add_test(cases, a_baseline_knows_features_beside_the_model);
	tcase_add_test(cases, no_baseline_of_two_vendors);
	tcase_add_test(cases, a_cpu_that_is_none_is_an_error);
	tcase_add_test(alone, nobody_there_is_an_error_with_a_reason);
	suite_add_tcase(suite, cases);
	suite_add_tcase(suite, alone);
	return run_suite(suite);
}
