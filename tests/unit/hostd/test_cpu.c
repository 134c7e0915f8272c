/*
 * The CPU gate on recorded tables: which differences matter, and what a refusal says.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/baseline_plan.h"
#include "cpu/gate.h"
#include "cpu_tables.h"
#include "run_suite.h"

static struct cpu_identity task, host;
static char error[MESSAGE_MAX_TEXT];

#define TABLE(identity, from, the_xcr0)                                                            \
	do {                                                                                       \
		ck_assert_int_eq(                                                                  \
		    cpu_table_set(&(identity)->seen, from, sizeof(from) / sizeof((from)[0])), 0);  \
		(identity)->seen.xcr0 = the_xcr0;                                                  \
		(identity)->seen.tsc_khz = 2596124;                                                \
		(identity)->promised = cpu_table_features(&(identity)->seen);                      \
	} while (0)

static void setup(void)
{
	TABLE(&task, epyc_seen, EPYC_XCR0);
	TABLE(&host, epyc_seen, EPYC_XCR0);
	error[0] = 0;
}

static bool check(enum cpu_gate_scope scope)
{
	return cpu_gate_check(&task, &host, scope, "node 7", error);
}

/* The host's register of a leaf. */
static uint32_t *host_register(uint32_t leaf, uint32_t subleaf, enum cpu_register reg)
{
	for (uint32_t i = 0; i < host.seen.leaf_count; i++)
		if (host.seen.leaves[i].leaf == leaf && host.seen.leaves[i].subleaf == subleaf)
			return &host.seen.leaves[i].eax + reg;
	ck_abort_msg("no leaf %x.%x", leaf, subleaf);
	return NULL;
}

static void expect_refusal(const char *words)
{
	ck_assert(!check(CPU_GATE_ALL));
	ck_assert_msg(strstr(error, words) != NULL, "`%s` is not in: %s", words, error);
	ck_assert_msg(strstr(error, "node 7") != NULL, "the host is not named: %s", error);
}

START_TEST(equal_cpus_are_exchangeable)
{
	ck_assert_msg(check(CPU_GATE_ALL), "%s", error);
}
END_TEST

/* {leaf, subleaf, register, bits that are taken away, what the refusal says} */
static const struct {
	uint32_t leaf, subleaf, reg, bits;
	const char *words;
} missing[] = {
    {1, 0, CPU_ECX, 1u << 28, "avx"},
    {1, 0, CPU_ECX, 1u << 0, "pni"},
    {1, 0, CPU_EDX, 1u << 26, "sse2"},
    {7, 0, CPU_EBX, 1u << 16 | 1u << 17, "avx512f, avx512dq"},
    {7, 0, CPU_ECX, 1u << 9, "vaes"},
    {7, 0, CPU_EDX, 1u << 8, "avx512-vp2intersect"},
    {7, 1, CPU_EAX, 1u << 5, "avx512-bf16"},
    {0xd, 1, CPU_EAX, 1u << 0, "xsaveopt"},
    {0x80000001, 0, CPU_ECX, 1u << 5, "abm"},
    {0x80000001, 0, CPU_EDX, 1u << 27, "rdtscp"},
    {0x80000007, 0, CPU_EDX, 1u << 8, "invtsc"},
    {0x80000008, 0, CPU_EBX, 1u << 0, "clzero"},
};

START_TEST(missing_feature_is_named)
{
	*host_register(missing[_i].leaf, missing[_i].subleaf, missing[_i].reg) &= ~missing[_i].bits;
	expect_refusal(missing[_i].words);
	/* The other way round it is one more, which harms nobody. */
	struct cpu_identity kept = task;
	task = host;
	host = kept;
	ck_assert_msg(check(CPU_GATE_ALL), "%s", error);
}
END_TEST

/* Differences that no program can depend on. */
static const struct {
	uint32_t leaf, subleaf, reg, value;
} harmless[] = {
    {1, 0, CPU_EAX, 0xb00f22},	     /* stepping */
    {1, 0, CPU_EBX, 0x1020800},	     /* APIC id, logical CPUs */
    {1, 0, CPU_ECX, 0x77fa3203},     /* OSXSAVE and hypervisor off */
    {1, 0, CPU_EDX, 0x178bf9ff},     /* APIC off */
    {7, 0, CPU_EBX, 0xf1af072b},     /* smap and smep off */
    {6, 0, CPU_EAX, 0},		     /* power management */
    {0xb, 0, CPU_EBX, 2},	     /* topology */
    {0xb, 1, CPU_EDX, 17},	     /* x2APIC id */
    {0xd, 0, CPU_EBX, 0x240},	     /* depends on XCR0 of the moment */
    {0x80000008, 0, CPU_EBX, 0x5},   /* IBPB, STIBP, SSBD: a kernel's */
    {0x80000002, 0, CPU_EAX, 0x58},  /* the name */
    {0x80000001, 0, CPU_ECX, 0x3e1}, /* topoext, svm */
};

START_TEST(harmless_difference_is_ignored)
{
	*host_register(harmless[_i].leaf, harmless[_i].subleaf, harmless[_i].reg) =
	    harmless[_i].value | (harmless[_i].leaf == 0x80000001 ? 0x12 : 0);
	ck_assert_msg(check(CPU_GATE_ALL), "%s", error);
}
END_TEST

START_TEST(bit_without_a_name_counts)
{
	task.seen.leaves[3].edx |= 1u << 17;
	expect_refusal("cpuid-7.0-edx-bit-17");
}
END_TEST

START_TEST(many_missing_features_are_counted)
{
	TABLE(&host, epyc_masked, MASKED_XCR0);
	expect_refusal("pni, pclmuldq, ssse3");
	ck_assert_ptr_nonnull(strstr(error, " more"));
}
END_TEST

START_TEST(other_vendor_is_refused)
{
	TABLE(&host, skylake_seen, SKYLAKE_XCR0);
	expect_refusal("GenuineIntel");
	ck_assert_ptr_nonnull(strstr(error, "AuthenticAMD"));
}
END_TEST

START_TEST(cache_line_must_be_equal)
{
	*host_register(1, 0, CPU_EBX) = 0x21000;
	expect_refusal("cache lines");
}
END_TEST

START_TEST(vector_state_must_be_kept)
{
	host.seen.xcr0 = 7;
	expect_refusal("XCR0 0x7");
	task.seen.xcr0 = 3;
	ck_assert_msg(check(CPU_GATE_ALL), "%s", error);
}
END_TEST

START_TEST(layout_of_vector_state_must_be_equal)
{
	*host_register(0xd, 5, CPU_EBX) = 0x440;
	expect_refusal("vector state 5 in 64 bytes at 1088");
	/* Only of what the task's XCR0 has on. */
	task.seen.xcr0 = 7;
	ck_assert_msg(check(CPU_GATE_ALL), "%s", error);
}
END_TEST

START_TEST(clock_must_be_equal_within_its_tolerance)
{
	host.seen.tsc_khz += 600; /* 231 ppm */
	ck_assert_msg(check(CPU_GATE_ALL), "%s", error);
	host.seen.tsc_khz += 100;
	expect_refusal("time stamp counter");
	host.seen.tsc_khz = 0; /* not known */
	ck_assert_msg(check(CPU_GATE_ALL), "%s", error);
}
END_TEST

/*
 * Hidden by the other host's configuration: refused between hosts, and fine for a task that stays.
 * With a baseline the task is not promised it either.
 */
START_TEST(promise_counts_between_hosts)
{
	struct cpu_features hidden = {0};

	ck_assert(cpu_features_add(&hidden, "avx512f"));
	host.promised = cpu_features_without(&host.promised, &hidden);
	expect_refusal("does not offer features that the task may use: avx512f");
	ck_assert_msg(check(CPU_GATE_SEEN), "%s", error);
	task.promised = cpu_features_both(&task.promised, &host.promised);
	ck_assert_msg(check(CPU_GATE_ALL), "%s", error);
}
END_TEST

/* KVM applies the table: the parent was shown the common one, and what the CPU has beyond it does
 * not matter. */
START_TEST(applied_table_makes_hosts_alike)
{
	struct cpu_features common = cpu_table_features(&host.seen);

	task.seen.leaves[3].ebx |= 1u << 2 | 1u << 4; /* sgx, hle */
	task.promised = cpu_table_features(&task.seen);
	expect_refusal("hle");
	/* The table with the baseline taken as mask, as a guest sees it then. */
	task.seen.leaves[3].ebx &= ~(1u << 4);
	task.promised = cpu_features_both(&task.promised, &common);
	ck_assert_msg(check(CPU_GATE_ALL), "%s", error);
}
END_TEST

/* KVM does not apply it: what the program saw stays seen, whatever was promised. */
START_TEST(agreement_does_not_undo_what_is_seen)
{
	*host_register(7, 0, CPU_EBX) &= ~(1u << 16);
	host.promised = cpu_table_features(&host.seen);
	task.promised = host.promised;
	expect_refusal("the CPU of node 7 lacks features that the task may use: avx512f");
}
END_TEST

START_TEST(moved_task_may_use_what_both_hosts_show)
{
	struct cpu_identity *joined, *moved = cpu_identity_new(), *there = cpu_identity_new();

	*host_register(7, 0, CPU_EDX) |= 1u << 14; /* serialize, on the new host only */
	host.promised = cpu_table_features(&host.seen);
	moved->seen = task.seen;
	moved->promised = task.promised;
	there->seen = host.seen;
	there->promised = host.promised;
	joined = cpu_identity_join(moved, there);
	ck_assert_ptr_nonnull(joined);
	cpu_identity_put(moved);
	cpu_identity_put(there);
	host = task; /* back to the first one */
	task = *joined;
	cpu_identity_put(joined);
	expect_refusal("serialize");
}
END_TEST

static struct baseline_node plan_node(const struct cpu_identity *from, bool applies)
{
	struct baseline_node node = {.is_known = true, .applies = applies};

	node.identity = cpu_identity_new();
	node.identity->seen = from->seen;
	node.identity->promised = from->promised;
	node.native = from->promised;
	return node;
}

/* None of them has just that, and whichever is asked first or last. */
START_TEST(baseline_is_what_all_that_are_known_have)
{
	static const uint32_t features[] = {0x7, 0xd, 0x15, 0};
	struct baseline_node nodes[4] = {{0}};
	struct cpu_features common;

	for (int i = 0; i < 4; i++) {
		struct baseline_node *node = &nodes[(i + _i) % 4];

		node->native.words[CPU_7_EBX] = features[i];
		node->is_known = features[i] != 0;
	}
	common = baseline_common(nodes, 4);
	ck_assert_uint_eq(common.words[CPU_7_EBX], 0x5);
}
END_TEST

/* Two CPUs, one with more, on hosts whose KVM applies its table (_i 1) or not (_i 0). */
START_TEST(baseline_helps_where_the_table_is_applied)
{
	struct baseline_node nodes[3] = {{0}};
	struct cpu_identity *plans[2];
	struct cpu_features common;
	char names[32];

	*host_register(7, 0, CPU_EBX) &= ~(1u << 5);
	host.promised = cpu_table_features(&host.seen);
	nodes[0] = plan_node(&task, _i == 1);
	nodes[1] = plan_node(&host, _i == 1);
	common = baseline_common(nodes, 3); /* the third is not known */
	ck_assert(baseline_one_vendor(nodes, 3));
	for (int i = 0; i < 2; i++) {
		plans[i] = baseline_identity(&nodes[i], &common);
		ck_assert_mem_eq(&plans[i]->promised, &common, sizeof(common));
	}
	ck_assert(cpu_gate_check(plans[0], plans[1], CPU_GATE_ALL, "node 7", error) == (_i == 1));
	if (_i == 0)
		ck_assert_ptr_nonnull(strstr(error, "avx2"));
	ck_assert(cpu_gate_check(plans[1], plans[0], CPU_GATE_ALL, "node 7", error));
	common = cpu_features_without(&nodes[0].native, &common);
	ck_assert_str_eq(cpu_features_print(&common, names, sizeof(names)), "avx2");
	for (int i = 0; i < 2; i++) {
		cpu_identity_put(plans[i]);
		cpu_identity_put(nodes[i].identity);
	}
}
END_TEST

START_TEST(baseline_wants_one_vendor)
{
	struct baseline_node nodes[2];

	TABLE(&host, skylake_seen, SKYLAKE_XCR0);
	nodes[0] = plan_node(&task, true);
	nodes[1] = plan_node(&host, true);
	ck_assert(!baseline_one_vendor(nodes, 2));
	cpu_identity_put(nodes[0].identity);
	cpu_identity_put(nodes[1].identity);
}
END_TEST

START_TEST(lists_are_read_and_written)
{
	struct cpu_features set, again;
	char list[CPU_FEATURES_LIST_BYTES], text[64], unknown[16];

	ck_assert_int_eq(cpu_features_parse("avx512f, sse4.1  avx", &set, unknown, 16), 0);
	ck_assert_str_eq(cpu_features_print(&set, text, sizeof(text)), "sse4.1, avx, avx512f");
	cpu_features_write(&set, list);
	ck_assert_str_eq(list, "1.0.2=10080000,7.0.1=10000");
	ck_assert_int_eq(cpu_features_read(list, &again), 0);
	ck_assert(memcmp(&set, &again, sizeof(set)) == 0);
	ck_assert_int_eq(cpu_features_parse("avx512f, evex", &set, unknown, 16), -EINVAL);
	ck_assert_str_eq(unknown, "evex");
	ck_assert_int_eq(cpu_features_parse(" ", &set, unknown, 16), 0);
	ck_assert(cpu_features_empty(&set));
	ck_assert_str_eq(cpu_features_print(&set, text, sizeof(text)), "none");
}
END_TEST

static const char *const malformed[] = {
    "1.0.2", "1.0.2=", "1.0.4=1", "2.0.0=1", "1.0.2=1;", "1.0.2=1,x", "avx",
};

START_TEST(malformed_list_is_refused)
{
	struct cpu_features set;

	ck_assert_int_eq(cpu_features_read(malformed[_i], &set), -EINVAL);
}
END_TEST

START_TEST(malformed_table_is_refused)
{
	static struct cpu_leaf twice[2] = {{1, 0, 0, 0, 0, 0}, {1, 0, 0, 0, 0, 0}};
	static struct cpu_leaf many[CPU_MAX_LEAVES + 1];

	ck_assert_int_eq(cpu_table_set(&host.seen, NULL, 0), -EINVAL);
	ck_assert_int_eq(cpu_table_set(&host.seen, twice, 2), -EINVAL);
	ck_assert_int_eq(cpu_table_set(&host.seen, many, CPU_MAX_LEAVES + 1), -EINVAL);
}
END_TEST

START_TEST(cpu_is_named)
{
	char vendor[CPU_VENDOR_BYTES], brand[CPU_BRAND_BYTES];

	cpu_table_vendor(&host.seen, vendor);
	cpu_table_brand(&host.seen, brand);
	ck_assert_str_eq(vendor, "AuthenticAMD");
	ck_assert_str_eq(brand, "AMD EPYC");
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *suite = suite_create("cpu");
	TCase *gate = tcase_create("gate");

	tcase_add_checked_fixture(gate, setup, NULL);
	tcase_add_test(gate, equal_cpus_are_exchangeable);
	tcase_add_loop_test(gate, missing_feature_is_named, 0, COUNT(missing));
	tcase_add_loop_test(gate, harmless_difference_is_ignored, 0, COUNT(harmless));
	tcase_add_test(gate, bit_without_a_name_counts);
	tcase_add_test(gate, many_missing_features_are_counted);
	tcase_add_test(gate, other_vendor_is_refused);
	tcase_add_test(gate, cache_line_must_be_equal);
	tcase_add_test(gate, vector_state_must_be_kept);
	tcase_add_test(gate, layout_of_vector_state_must_be_equal);
	tcase_add_test(gate, clock_must_be_equal_within_its_tolerance);
	tcase_add_test(gate, promise_counts_between_hosts);
	tcase_add_test(gate, applied_table_makes_hosts_alike);
	tcase_add_test(gate, agreement_does_not_undo_what_is_seen);
	tcase_add_test(gate, moved_task_may_use_what_both_hosts_show);
	tcase_add_loop_test(gate, baseline_is_what_all_that_are_known_have, 0, 4);
	tcase_add_loop_test(gate, baseline_helps_where_the_table_is_applied, 0, 2);
	tcase_add_test(gate, baseline_wants_one_vendor);
	tcase_add_test(gate, lists_are_read_and_written);
	tcase_add_loop_test(gate, malformed_list_is_refused, 0, COUNT(malformed));
	tcase_add_test(gate, malformed_table_is_refused);
	tcase_add_test(gate, cpu_is_named);
	suite_add_tcase(suite, gate);
	return run_suite(suite);
}
