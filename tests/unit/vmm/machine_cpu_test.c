/*
 * What the probe guest says is true: it equals the physical CPU's answers where KVM does not apply
 * the table, and the table where it does. And features can be taken out of the table.
 */
#include <check.h>
#include <cpuid.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu_clear.h"
#include "cpu_probe.h"
#include "machine_harness.h"
#include "run_suite.h"

static struct harness harness;
static struct cpu_probe probe;

/* cpuid answers for the CPU that it is executed on. */
static void setup(void)
{
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	CPU_SET((size_t)sched_getcpu(), &cpus);
	ck_assert_int_eq(sched_setaffinity(0, sizeof(cpus), &cpus), 0);
	harness_setup(&harness);
}

static void teardown(void)
{
	harness_teardown(&harness);
}

static void run_probe(void)
{
	const char *step = NULL;
	int ret = cpu_probe_run(&harness.host, &probe, &step);
	ck_assert_msg(!ret, "%s: %s", step, strerror(-ret));
}

/* What KVM was told to show. Return: NULL when the leaf is not in the table. */
static const struct kvm_cpuid_entry2 *table_entry(uint32_t leaf, uint32_t subleaf)
{
	for (uint32_t i = 0; i < harness.host.cpuid.head.nent; i++) {
		const struct kvm_cpuid_entry2 *entry = &harness.host.cpuid.head.entries[i];
		if (entry->function == leaf && entry->index == subleaf)
			return entry;
	}
	return NULL;
}

static uint32_t seen_edx(uint32_t leaf)
{
	for (uint32_t i = 0; i < probe.count; i++)
		if (probe.leaves[i].leaf == leaf && probe.leaves[i].subleaf == 0)
			return probe.leaves[i].edx;
	return 0;
}

static const struct cpu_probe_leaf *seen(uint32_t leaf, uint32_t subleaf)
{
	for (uint32_t i = 0; i < probe.count; i++)
		if (probe.leaves[i].leaf == leaf && probe.leaves[i].subleaf == subleaf)
			return &probe.leaves[i];
	return NULL;
}

/* {leaf, subleaf, bits of ebx, ecx, edx that are the same at any moment} */
static const struct {
	uint32_t leaf, subleaf, ebx, ecx, edx;
} stable[] = {
    {0, 0, ~0u, ~0u, ~0u},	    {1, 0, 0xff00, ~(1u << 27), ~0u}, /* but the APIC id, OSXSAVE */
    {7, 0, ~0u, ~(1u << 4), ~0u},				      /* but OSPKE */
    {0xd, 2, ~0u, ~0u, ~0u},	    {0x80000001, 0, ~0u, ~0u, ~0u},
    {0x80000002, 0, ~0u, ~0u, ~0u}, {0x80000008, 0, ~0u, ~0u, ~0u},
};

START_TEST(probe_equals_the_cpu_or_the_table)
{
	uint32_t eax, ebx, ecx, edx;
	run_probe();
	for (size_t i = 0; i < sizeof(stable) / sizeof(stable[0]); i++) {
		uint32_t leaf = stable[i].leaf, subleaf = stable[i].subleaf;
		const struct cpu_probe_leaf *is = seen(leaf, subleaf);
		const struct kvm_cpuid_entry2 *entry = table_entry(leaf, subleaf);
		__cpuid_count(leaf, subleaf, eax, ebx, ecx, edx);
		if (probe.applies) {
			eax = entry ? entry->eax : 0;
			ebx = entry ? entry->ebx : 0;
			ecx = entry ? entry->ecx : 0;
			edx = entry ? entry->edx : 0;
		}
		if (!is) {
			ck_assert_uint_eq(eax | ebx | edx, 0);
			continue;
		}
		ck_assert_uint_eq(is->eax, eax);
		ck_assert_uint_eq(is->ebx & stable[i].ebx, ebx & stable[i].ebx);
		ck_assert_uint_eq(is->ecx & stable[i].ecx, ecx & stable[i].ecx);
		ck_assert_uint_eq(is->edx & stable[i].edx, edx & stable[i].edx);
	}
	ck_assert_uint_eq(probe.xcr0, vcpu_xcr0(harness.vcpu));
	ck_assert_uint_eq(probe.tsc_khz, vcpu_tsc_khz(harness.vcpu));
}
END_TEST

START_TEST(cleared_feature_is_seen_only_where_masking_has_no_effect)
{
	run_probe();
	uint32_t before = seen_edx(1) & 1u << 26;
	ck_assert_int_eq(cpu_clear_apply("1.0.3=4000000", harness.host.cpuid.head.entries,
					 harness.host.cpuid.head.nent),
			 0);
	run_probe();
	ck_assert_uint_ne(before, 0);
	ck_assert_uint_eq(seen_edx(1) & 1u << 26, probe.applies ? 0 : before);
}
END_TEST

START_TEST(probe_leaves_the_hosts_table_as_it_was)
{
	uint8_t before[sizeof(harness.host.cpuid)];
	memcpy(before, &harness.host.cpuid, sizeof(before));
	run_probe();
	ck_assert_mem_eq(before, &harness.host.cpuid, sizeof(before));
}
END_TEST

START_TEST(clearing_touches_what_is_listed)
{
	struct kvm_cpuid_entry2 entries[] = {
	    {.function = 1, .eax = ~0u, .ebx = ~0u, .ecx = ~0u, .edx = ~0u},
	    {.function = 7, .index = 1, .eax = ~0u, .ebx = ~0u, .ecx = ~0u, .edx = ~0u},
	};
	ck_assert_int_eq(cpu_clear_apply("1.0.2=80000001,7.1.0=30,99.0.0=1", entries, 2), 0);
	ck_assert_uint_eq(entries[0].ecx, 0x7ffffffe);
	ck_assert_uint_eq(entries[0].edx, ~0u);
	ck_assert_uint_eq(entries[1].eax, ~0x30u);
	ck_assert_int_eq(cpu_clear_apply("", entries, 2), 0);
}
END_TEST

static const char *const malformed[] = {
    "1", "1.0", "1.0.2", "1.0.2=", "1.0.4=1", "1.0.2=1;", "1.0.2=-1", "1.0.2=100000000", "x", ",",
};

START_TEST(malformed_list_changes_nothing)
{
	char list[64];
	struct kvm_cpuid_entry2 entry = {.function = 1, .ecx = ~0u};
	snprintf(list, sizeof(list), "1.0.2=1,%s", malformed[_i]);
	ck_assert_int_eq(cpu_clear_apply(list, &entry, 1), -EINVAL);
	ck_assert_uint_eq(entry.ecx, ~0u);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("machine_cpu");
	TCase *c = tcase_create("probe");
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, probe_equals_the_cpu_or_the_table);
	tcase_add_test(c, cleared_feature_is_seen_only_where_masking_has_no_effect);
	tcase_add_test(c, probe_leaves_the_hosts_table_as_it_was);
	suite_add_tcase(s, c);
	c = tcase_create("clear");
	tcase_add_test(c, clearing_touches_what_is_listed);
	tcase_add_loop_test(c, malformed_list_changes_nothing, 0,
			    sizeof(malformed) / sizeof(malformed[0]));
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite_kvm(suite());
}
