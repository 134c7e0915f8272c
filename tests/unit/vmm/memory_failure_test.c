/*
 * Every step of making a child fails once, in a parent with regions in every state: the parent is
 * as it was, its relations with other tasks too, and nothing is left behind anywhere.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory_peer.h"
#include "norma_abi.h"
#include "run_suite.h"
#include "space_internal.h"

#define P     UINT64_C(4096)
#define R     UINT64_C(0x100000)
#define PAGES 10u

static struct broker *broker;
static struct peer parent, sharer, copy;
static struct region_entry entries[EXPORT_MAX_REGIONS];

static void setup(void)
{
	broker = broker_new(BROKER_LOCAL);
	parent = peer_start(broker);
}

static void teardown(void)
{
	peer_end(&parent);
	ck_assert_uint_eq(broker_count(broker).objects, 0);
	ck_assert_uint_eq(broker_count(broker).mappings, 0);
	broker_free(broker);
}

static void add(uint64_t page, vm_inherit_t inheritance)
{
	uint64_t at = R + page * P;

	ck_assert_int_eq(peer_allocate(&parent, &at, P, SPACE_FIXED), KERN_SUCCESS);
	ck_assert_int_eq(peer_inherit(&parent, at, P, inheritance), KERN_SUCCESS);
	peer_put(&parent, at, (uint8_t)(page + 1));
}

/*
 * Pages 0, 1: shared with `sharer`. 2..5: private over what `copy` has; 3 and 5 changed
 * since. 6..9: the parent's alone, 8 and 9 parts of one object. What the next child gets: COPY for
 * even pages, SHARE for odd.
 */
static void every_state(void)
{
	for (uint64_t i = 0; i < 2; i++)
		add(i, VM_INHERIT_SHARE);
	sharer = peer_child(broker, &parent, EXPORT_CREATE);
	for (uint64_t i = 0; i < 2; i++)
		peer_inherit(&parent, R + i * P, P, VM_INHERIT_NONE);
	for (uint64_t i = 2; i < 6; i++)
		add(i, VM_INHERIT_COPY);
	copy = peer_child(broker, &parent, EXPORT_CREATE);
	peer_put(&parent, R + 3 * P, 33);
	peer_put(&parent, R + 4 * P, 5);
	for (uint64_t i = 6; i < 8; i++)
		add(i, VM_INHERIT_COPY);
	uint64_t at = R + 8 * P;
	ck_assert_int_eq(peer_allocate(&parent, &at, 2 * P, SPACE_FIXED), KERN_SUCCESS);
	peer_put(&parent, at, 9);
	peer_put(&parent, at + P, 10);
	for (uint64_t i = 0; i < PAGES; i++)
		peer_inherit(&parent, R + i * P, P, i % 2 ? VM_INHERIT_SHARE : VM_INHERIT_COPY);
}

static uint8_t expected[PAGES] = {1, 2, 3, 33, 5, 6, 7, 8, 9, 10};

static void check_parent(void)
{
	for (uint64_t i = 0; i < PAGES; i++) {
		struct space_region_info info;
		uint64_t at = R + i * P;

		ck_assert_msg(peer_get(&parent, at) == expected[i], "page %d", (int)i);
		ck_assert_int_eq(peer_region(&parent, at, &info), KERN_SUCCESS);
		ck_assert(info.start <= at && at < info.start + info.bytes);
		ck_assert_int_eq(info.protection, VM_PROT_DEFAULT);
		ck_assert_uint_eq(info.inheritance, i % 2 ? VM_INHERIT_SHARE : VM_INHERIT_COPY);
		ck_assert(info.is_shared == (i < 2));
		/* It can be written, and who may not see it does not. */
		peer_put(&parent, at, 255);
		if (i < 2)
			ck_assert_uint_eq(peer_get(&sharer, at), 255);
		else if (i < 6)
			ck_assert_uint_eq(peer_get(&copy, at), i + 1);
		/* Something new each time: a page that went its own way would not be in the next
		 * child. */
		expected[i] = (uint8_t)(expected[i] + 10);
		peer_put(&parent, at, expected[i]);
	}
	ck_assert_uint_eq(peer_virtual_bytes(&parent), PAGES * P);
}

static void check_child(void)
{
	struct peer child = peer_child(broker, &parent, EXPORT_CREATE);

	for (uint64_t i = 0; i < PAGES; i++) {
		ck_assert_uint_eq(peer_get(&child, R + i * P), expected[i]);
		peer_put(&child, R + i * P, (uint8_t)(expected[i] + 1));
		ck_assert_uint_eq(peer_get(&parent, R + i * P), expected[i] + i % 2);
	}
	peer_end(&child);
}

static void end_relatives(void)
{
	peer_end(&sharer);
	peer_end(&copy);
}

static const struct {
	enum space_step step;
	const char *name;
} export_steps[] = {
    {SPACE_STEP_OBJECT, "object"}, {SPACE_STEP_PUBLISH, "publish"},   {SPACE_STEP_PAUSE, "pause"},
    {SPACE_STEP_COPY, "copy"},	   {SPACE_STEP_UNREPORT, "unreport"}, {SPACE_STEP_REMAP, "remap"},
    {SPACE_STEP_REPORT, "report"},
};

START_TEST(each_failing_step_of_a_fork_leaves_the_parent_as_it_was)
{
	static const enum space_step steps[] = {SPACE_STEP_PUBLISH, SPACE_STEP_REMAP,
						SPACE_STEP_REPORT, SPACE_STEP_FORK};
	struct region_list list;
	struct peer child;
	uint32_t failures = 0;

	peer_fork_pages = 0;
	every_state();
	peer_fail_at(&parent, (int)steps[_i], 1);
	while (peer_export_fork(broker, &parent, EXPORT_CREATE, &list, &child)) {
		check_parent();
		peer_fail_at(&parent, (int)steps[_i], ++failures + 1);
	}
	peer_fail_at(&parent, 0, 0);
	ck_assert_uint_gt(failures, 0);
	ck_assert_int_ge(child.pid, 0);
	ck_assert_int_eq(peer_import(&child, list.regions, list.count), KERN_SUCCESS);
	peer_export_end(&parent);
	for (uint64_t i = 0; i < PAGES; i++)
		ck_assert_uint_eq(peer_get(&child, R + i * P), expected[i]);
	peer_end(&child);
	end_relatives();
}
END_TEST

START_TEST(each_failing_step_of_an_export_leaves_the_parent_as_it_was)
{
	uint32_t failures = 0;
	uint32_t count;

	every_state();
	for (uint32_t nth = 1;; nth++) {
		uint32_t objects = broker_count(broker).objects;

		peer_fail_at(&parent, (int)export_steps[_i].step, nth);
		kern_return_t code = peer_export(&parent, EXPORT_CREATE, entries, &count);
		if (!code) {
			peer_fail_at(&parent, 0, 0);
			peer_export_end(&parent);
			break;
		}
		failures++;
		check_parent();
		/* An undone private region may have given its object up, none may have come. */
		ck_assert_uint_le(broker_count(broker).objects, objects);
	}
	ck_assert_msg(failures > 0, "step %s was never reached", export_steps[_i].name);
	check_child();
	end_relatives();
}
END_TEST

START_TEST(a_pager_that_refuses_leaves_the_parent_as_it_was)
{
	static const enum message_type types[] = {MESSAGE_object_publish, MESSAGE_object_map};
	uint32_t count;

	every_state();
	for (uint32_t i = 0; i < 4; i++) {
		broker_refuse(broker, types[i % 2], 1 + i / 2);
		kern_return_t code = peer_export(&parent, EXPORT_CREATE, entries, &count);
		if (code) {
			ck_assert_int_eq(code, KERN_RESOURCE_SHORTAGE);
			check_parent();
		} else {
			peer_export_end(&parent);
		}
		broker_refuse(broker, types[i % 2], 0);
	}
	check_child();
	end_relatives();
}
END_TEST

START_TEST(each_failing_step_of_a_clone_leaves_the_parent_as_it_was)
{
	uint32_t count;

	every_state();
	for (uint32_t nth = 1;; nth++) {
		peer_fail_at(&parent, (int)export_steps[_i].step, nth);
		kern_return_t code = peer_export(&parent, EXPORT_CLONE, entries, &count);
		if (!code)
			break;
		check_parent();
	}
	peer_export_end(&parent);
	peer_fail_at(&parent, 0, 0);
	struct peer clone = peer_child(broker, &parent, EXPORT_CLONE);
	for (uint64_t i = 0; i < PAGES; i++) {
		peer_put(&clone, R + i * P, 99);
		ck_assert_uint_eq(peer_get(&parent, R + i * P), 99);
	}
	peer_end(&clone);
	end_relatives();
}
END_TEST

START_TEST(each_failing_step_of_an_import_leaves_an_empty_child)
{
	static const enum space_step steps[] = {SPACE_STEP_ATTACH, SPACE_STEP_REMAP,
						SPACE_STEP_REPORT};
	struct space_region_info info;
	uint32_t count;

	every_state();
	ck_assert_int_eq(peer_export(&parent, EXPORT_CREATE, entries, &count), KERN_SUCCESS);
	struct peer child = peer_start(broker);
	struct broker_counts before = broker_count(broker);
	for (uint32_t nth = 1;; nth++) {
		peer_fail_at(&child, (int)steps[_i], nth);
		if (!peer_import(&child, entries, count))
			break;
		ck_assert_int_eq(peer_region(&child, 0, &info), KERN_INVALID_ADDRESS);
		ck_assert_uint_eq(broker_count(broker).mappings, before.mappings);
	}
	peer_export_end(&parent);
	for (uint64_t i = 0; i < PAGES; i++)
		ck_assert_uint_eq(peer_get(&child, R + i * P), expected[i]);
	/* A second import finds it full. */
	ck_assert_int_eq(peer_import(&child, entries, count), KERN_NO_SPACE);
	peer_end(&child);
	check_child();
	end_relatives();
}
END_TEST

START_TEST(a_pager_that_refuses_an_import_leaves_an_empty_child)
{
	static const enum message_type types[] = {MESSAGE_object_attach, MESSAGE_object_map};
	uint32_t count;

	every_state();
	ck_assert_int_eq(peer_export(&parent, EXPORT_CREATE, entries, &count), KERN_SUCCESS);
	struct peer child = peer_start(broker);
	broker_refuse(broker, types[_i], 1);
	ck_assert_int_eq(peer_import(&child, entries, count), KERN_RESOURCE_SHORTAGE);
	ck_assert_uint_eq(peer_virtual_bytes(&child), 0);
	entries[0].object = 5000;
	ck_assert_int_eq(peer_import(&child, entries, count), 29);
	ck_assert_uint_eq(peer_virtual_bytes(&child), 0);
	peer_export_end(&parent);
	peer_end(&child);
	end_relatives();
}
END_TEST

START_TEST(a_malformed_description_is_refused)
{
	struct region_entry good[2], bad[2];
	uint32_t count;
	struct {
		kern_return_t code;
		size_t field;
		uint64_t value;
	} cases[] = {
#define CASE(code, field, value) {code, offsetof(struct region_entry, field), value}
	    CASE(KERN_INVALID_ADDRESS, start, R + P),
	    CASE(KERN_INVALID_ADDRESS, start, R + P + 1),
	    CASE(KERN_INVALID_ADDRESS, start, R - P),
	    CASE(KERN_INVALID_ADDRESS, start, NORMA_USER_END),
	    CASE(KERN_INVALID_ADDRESS, start, UINT64_MAX - 4095),
	    CASE(KERN_INVALID_ADDRESS, bytes, 0),
	    CASE(KERN_INVALID_ADDRESS, bytes, 1),
	    CASE(KERN_INVALID_ADDRESS, bytes, UINT64_MAX - 4095),
	    CASE(KERN_INVALID_ARGUMENT, offset, 1),
	    CASE(KERN_INVALID_ARGUMENT, offset, UINT64_MAX - 4095),
	    CASE(KERN_INVALID_ARGUMENT, offset, 64 * P),
	    CASE(KERN_INVALID_ARGUMENT, object, 0),
	};

	for (uint64_t i = 0; i < 2; i++) {
		uint64_t at = R + 2 * i * P;

		ck_assert_int_eq(peer_allocate(&parent, &at, 2 * P, SPACE_FIXED), KERN_SUCCESS);
	}
	ck_assert_int_eq(peer_export(&parent, EXPORT_CREATE, entries, &count), KERN_SUCCESS);
	ck_assert_uint_eq(count, 2);
	memcpy(good, entries, sizeof(good));
	struct peer child = peer_start(broker);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		memcpy(bad, good, sizeof(bad));
		memcpy((char *)&bad[1] + cases[i].field, &cases[i].value, 8);
		ck_assert_msg(peer_import(&child, bad, 2) == cases[i].code, "case %zu", i);
		ck_assert_uint_eq(peer_virtual_bytes(&child), 0);
	}
	for (int i = 0; i < 6; i++) {
		memcpy(bad, good, sizeof(bad));
		uint32_t *fields[] = {&bad[1].protection,  &bad[1].max_protection,
				      &bad[1].inheritance, &bad[1].behavior,
				      &bad[1].shared,	   &bad[1].mapping};
		*fields[i] = i == 5 ? REGION_SHARED : 8;
		ck_assert_msg(peer_import(&child, bad, 2) == KERN_INVALID_ARGUMENT, "field %d", i);
	}
	ck_assert_int_eq(peer_import(&child, good, 2), KERN_SUCCESS);
	peer_export_end(&parent);
	peer_end(&child);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("memory_failure");
	TCase *cases = tcase_create("failure");
	const int steps = (int)(sizeof(export_steps) / sizeof(export_steps[0]));

	tcase_set_timeout(cases, 120);
	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_loop_test(cases, each_failing_step_of_an_export_leaves_the_parent_as_it_was, 0,
			    steps);
	tcase_add_test(cases, a_pager_that_refuses_leaves_the_parent_as_it_was);
	tcase_add_loop_test(cases, each_failing_step_of_a_clone_leaves_the_parent_as_it_was, 0,
			    steps);
	tcase_add_loop_test(cases, each_failing_step_of_a_fork_leaves_the_parent_as_it_was, 0, 4);
	tcase_add_loop_test(cases, each_failing_step_of_an_import_leaves_an_empty_child, 0, 3);
	tcase_add_loop_test(cases, a_pager_that_refuses_an_import_leaves_an_empty_child, 0, 2);
	tcase_add_test(cases, a_malformed_description_is_refused);
	suite_add_tcase(suite, cases);
	return run_suite_kvm(suite);
}
