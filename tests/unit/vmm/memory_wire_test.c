/*
 * vm_wire: counts, what is locked on the host, children. Numbers in names are the specification's
 * cases.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "memory_family.h"
#include "run_suite.h"
#include "space_internal.h"

/* Under AddressSanitizer munlock() does nothing: its run-time library sees to that. */
static void check_locked(struct peer *peer, uint64_t bytes)
{
#ifdef __SANITIZE_ADDRESS__
	ck_assert_uint_ge(peer_locked_bytes(peer), bytes);
#else
	ck_assert_uint_eq(peer_locked_bytes(peer), bytes);
#endif
}

static uint32_t wired_at(uint64_t address)
{
	return region_of(&parent, address).user_wired_count;
}

START_TEST(f153_wirings_nest)
{
	uint64_t at = R;

	ck_assert_int_eq(peer_allocate(&parent, &at, 4 * P, SPACE_FIXED), 0);
	ck_assert_int_eq(peer_wire(&parent, R, 4 * P, VM_PROT_READ), 0);
	check_locked(&parent, 4 * P);
	ck_assert_uint_eq(peer_resident_bytes(&parent), 4 * P);
	ck_assert_int_eq(peer_wire(&parent, R + P + 1, P, VM_PROT_DEFAULT), 0);
	ck_assert_uint_eq(wired_at(R), 1);
	ck_assert_uint_eq(wired_at(R + P), 2);
	ck_assert_uint_eq(wired_at(R + 2 * P), 2);
	ck_assert_int_eq(peer_wire(&parent, R, 4 * P, VM_PROT_NONE), 0);
	ck_assert_uint_eq(wired_at(R), 0);
	ck_assert_uint_eq(wired_at(R + P), 1);
	check_locked(&parent, 2 * P);
	ck_assert_int_eq(peer_wire(&parent, R, 4 * P, VM_PROT_NONE), 0);
	ck_assert_int_eq(peer_wire(&parent, R, 4 * P, VM_PROT_NONE), 0);
	ck_assert_uint_eq(wired_at(R + P), 0);
	check_locked(&parent, 0);
}
END_TEST

START_TEST(f153_wire_refuses_and_changes_nothing)
{
	parent_region(R, "CCC");
	peer_protect(&parent, R + P, P, SPACE_PROTECT_CURRENT, VM_PROT_READ);
	ck_assert_int_eq(peer_wire(&parent, R, 3 * P, 8), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(peer_wire(&parent, R, 4 * P, VM_PROT_READ), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(peer_wire(&parent, R - P, 2 * P, VM_PROT_READ), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(peer_wire(&parent, R, 4 * P, VM_PROT_NONE), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(peer_wire(&parent, R, UINT64_MAX, VM_PROT_READ), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(peer_wire(&parent, R, 3 * P, VM_PROT_WRITE), KERN_PROTECTION_FAILURE);
	ck_assert_int_eq(peer_wire(&parent, R + 3 * P, 0, VM_PROT_READ), KERN_INVALID_ADDRESS);
	ck_assert_int_eq(peer_wire(&parent, R, 0, VM_PROT_READ), 0);
	/* Three regions, and the host fails at the second: the first is not wired either. */
	peer_fail_at(&parent, SPACE_STEP_WIRE, 2);
	ck_assert_int_eq(peer_wire(&parent, R, 3 * P, VM_PROT_READ), KERN_RESOURCE_SHORTAGE);
	ck_assert_uint_eq(wired_at(R), 0);
	check_locked(&parent, 0);
	ck_assert_int_eq(peer_wire(&parent, R, 3 * P, VM_PROT_READ), 0);
	check_locked(&parent, 3 * P);
	/* a28: attributes change around it, the count stays. */
	ck_assert_int_eq(peer_inherit(&parent, R, 3 * P, VM_INHERIT_SHARE), 0);
	ck_assert_int_eq(peer_protect(&parent, R, P, SPACE_PROTECT_CURRENT, VM_PROT_READ), 0);
	ck_assert_uint_eq(wired_at(R), 1);
	ck_assert_int_eq(peer_deallocate(&parent, R, 3 * P), 0);
	check_locked(&parent, 0);
}
END_TEST

/* b51, c93: children are not wired, the parent stays so; contents are equal and what they should
 * be afterwards. */
START_TEST(b51_wirings_are_not_inherited)
{
	parent_region(R, "SCC");
	peer_put(&parent, R + P, 7);
	ck_assert_int_eq(peer_wire(&parent, R, 2 * P, VM_PROT_READ), 0);
	struct peer child = peer_child(broker, &parent, EXPORT_CREATE);
	struct peer clone = peer_child(broker, &child, EXPORT_CLONE);

	for (uint64_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(region_of(&child, R + i * P).user_wired_count, 0);
		ck_assert_uint_eq(wired_at(R + i * P), i < 2);
	}
	check_locked(&parent, 2 * P);
	check_locked(&child, 0);
	ck_assert_uint_eq(peer_get(&child, R + P), 7);
	ck_assert(is_shared_between(&parent, &child, R));
	ck_assert(!is_shared_between(&parent, &child, R + P));
	/* A private region, clean and dirty, wired and copied once more. */
	ck_assert_int_eq(peer_wire(&parent, R + 2 * P, P, VM_PROT_DEFAULT), 0);
	struct peer second = peer_child(broker, &parent, EXPORT_CREATE);
	peer_put(&parent, R + 2 * P, 33);
	struct peer third = peer_child(broker, &parent, EXPORT_CREATE);
	ck_assert_uint_eq(peer_get(&child, R + 2 * P), 3);
	ck_assert_uint_eq(peer_get(&second, R + 2 * P), 3);
	ck_assert_uint_eq(peer_get(&third, R + 2 * P), 33);
	peer_put(&parent, R + 2 * P, 34);
	ck_assert_uint_eq(peer_get(&third, R + 2 * P), 33);
	check_locked(&parent, 3 * P);
	/* And cloned: shared then, and still wired. */
	struct peer fourth = peer_child(broker, &parent, EXPORT_CLONE);
	ck_assert(is_shared_between(&parent, &fourth, R + 2 * P));
	ck_assert_uint_eq(wired_at(R + 2 * P), 1);
	check_locked(&parent, 3 * P);
	peer_end(&child);
	peer_end(&clone);
	peer_end(&second);
	peer_end(&third);
	peer_end(&fourth);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("memory_wire");
	TCase *c = tcase_create("wire");

	tcase_set_timeout(c, 120);
	tcase_add_checked_fixture(c, family_setup, family_teardown);
	tcase_add_test(c, f153_wirings_nest);
	tcase_add_test(c, f153_wire_refuses_and_changes_nothing);
	tcase_add_test(c, b51_wirings_are_not_inherited);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return run_suite_kvm(suite());
}
