/*
 * See memory_family.h.
 */
#include "memory_family.h"

#include <check.h>
#include <string.h>

struct broker *broker;
struct peer parent;

void family_setup(void)
{
	broker = broker_new(BROKER_LOCAL);
	parent = peer_start(broker);
}

void family_setup_forking(void)
{
	peer_fork_pages = 0;
	family_setup();
}

void family_teardown(void)
{
	peer_end(&parent);
	struct broker_counts counts = broker_count(broker);
	ck_assert_uint_eq(counts.objects, 0);
	ck_assert_uint_eq(counts.mappings, 0);
	broker_free(broker);
}

void parent_region(uint64_t address, const char *pages)
{
	uint64_t at = address;
	uint64_t count = strlen(pages);

	ck_assert_int_eq(peer_allocate(&parent, &at, count * P, SPACE_FIXED), KERN_SUCCESS);
	for (uint64_t i = 0; i < count; i++) {
		vm_inherit_t value = pages[i] == 'S' ? 0 : pages[i] == 'C' ? 1 : 2;

		ck_assert_int_eq(peer_inherit(&parent, address + i * P, P, value), KERN_SUCCESS);
		peer_put(&parent, address + i * P, (uint8_t)(i + 1));
	}
}

bool is_shared_between(struct peer *a, struct peer *b, uint64_t address)
{
	uint8_t old = peer_get(a, address);

	peer_put(a, address, (uint8_t)(old + 100));
	bool forth = peer_get(b, address) == (uint8_t)(old + 100);
	peer_put(a, address, old);
	uint8_t b_old = peer_get(b, address);
	peer_put(b, address, (uint8_t)(b_old + 50));
	bool back = peer_get(a, address) == (uint8_t)(b_old + 50);
	peer_put(b, address, b_old);
	ck_assert(forth == back);
	return forth;
}

kern_return_t touch(struct peer *peer, uint64_t address)
{
	uint8_t byte;

	return peer_read(peer, address, &byte, 1);
}

struct space_region_info region_of(struct peer *peer, uint64_t address)
{
	struct space_region_info info;

	ck_assert_int_eq(peer_region(peer, address, &info), KERN_SUCCESS);
	ck_assert(info.start <= address && address < info.start + info.bytes);
	return info;
}
