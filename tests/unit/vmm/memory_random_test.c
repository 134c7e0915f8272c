/*
 * A family of tasks does random things to its memory and has children at random, with steps failing
 * at random; after each round every byte is what a simple model says. In the model a page of a task
 * refers to a cell; sharing is to refer to the same cell, copying is to get a new one.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory_peer.h"
#include "random_seed.h"
#include "run_suite.h"
#include "space_internal.h"

#define P      UINT64_C(4096)
#define R      UINT64_C(0x100000)
#define PAGES  24u
#define TASKS  5u
#define ROUNDS 250
/* A broker has room for this many clients in its life. */
#define BIRTHS 15u

static struct {
	struct peer peer;
	bool is_alive;
	struct {
		uint32_t cell; /* 0: not mapped */
		vm_inherit_t inheritance;
	} pages[PAGES];
} tasks[TASKS];

static uint8_t cells[1 << 20];
static uint32_t cell_count;
static uint32_t births;
static struct broker *broker;

static uint32_t below(uint32_t limit)
{
	return (uint32_t)rand() % limit;
}

static uint32_t cell_new(uint8_t value)
{
	cells[++cell_count] = value;
	return cell_count;
}

static void do_allocate(uint32_t t, uint32_t first, uint32_t after)
{
	uint64_t at = R + first * P;
	bool is_free = true;

	for (uint32_t i = first; i < after; i++)
		is_free = is_free && !tasks[t].pages[i].cell;
	ck_assert_int_eq(peer_allocate(&tasks[t].peer, &at, (after - first) * P, SPACE_FIXED),
			 is_free ? KERN_SUCCESS : KERN_NO_SPACE);
	for (uint32_t i = first; is_free && i < after; i++) {
		tasks[t].pages[i].cell = cell_new(0);
		tasks[t].pages[i].inheritance = VM_INHERIT_COPY;
	}
}

static void do_deallocate(uint32_t t, uint32_t first, uint32_t after)
{
	ck_assert_int_eq(peer_deallocate(&tasks[t].peer, R + first * P, (after - first) * P), 0);
	for (uint32_t i = first; i < after; i++)
		tasks[t].pages[i].cell = 0;
}

static void do_write(uint32_t t, uint32_t first, uint32_t after)
{
	for (uint32_t i = first; i < after; i++) {
		if (!tasks[t].pages[i].cell)
			continue;
		uint8_t value = (uint8_t)below(256);

		peer_put(&tasks[t].peer, R + i * P + 1234, value);
		cells[tasks[t].pages[i].cell] = value;
	}
}

static void do_discard(uint32_t t, uint32_t page)
{
	if (!tasks[t].pages[page].cell)
		return;
	ck_assert_int_eq(peer_discard(&tasks[t].peer, R + page * P, P), 0);
	cells[tasks[t].pages[page].cell] = 0;
}

static void do_inherit(uint32_t t, uint32_t first, uint32_t after)
{
	vm_inherit_t value = below(3);
	bool is_covered = true;

	for (uint32_t i = first; i < after; i++)
		is_covered = is_covered && tasks[t].pages[i].cell;
	ck_assert_int_eq(peer_inherit(&tasks[t].peer, R + first * P, (after - first) * P, value),
			 is_covered ? KERN_SUCCESS : KERN_INVALID_ADDRESS);
	for (uint32_t i = first; is_covered && i < after; i++)
		tasks[t].pages[i].inheritance = value;
}

static void model_child(uint32_t from, uint32_t to, enum export_mode mode)
{
	for (uint32_t i = 0; i < PAGES; i++) {
		tasks[to].pages[i] = tasks[from].pages[i];
		uint32_t cell = tasks[from].pages[i].cell;

		if (!cell || mode == EXPORT_CLONE)
			continue;
		if (tasks[from].pages[i].inheritance == VM_INHERIT_COPY)
			tasks[to].pages[i].cell = cell_new(cells[cell]);
		if (tasks[from].pages[i].inheritance == VM_INHERIT_NONE)
			tasks[to].pages[i].cell = 0;
	}
}

static void do_child(uint32_t from, uint32_t to)
{
	enum export_mode mode = below(2) ? EXPORT_CLONE : EXPORT_CREATE;
	struct region_list list;
	struct peer child;

	if (from == to || births >= BIRTHS)
		return;
	/* Half of them fail somewhere, if they come so far. */
	peer_fail_at(&tasks[from].peer, (int)below(SPACE_STEP_ATTACH), below(8));
	kern_return_t code = peer_export_fork(broker, &tasks[from].peer, mode, &list, &child);
	peer_fail_at(&tasks[from].peer, 0, 0);
	if (code)
		return;
	if (tasks[to].is_alive)
		peer_end(&tasks[to].peer);
	tasks[to].peer = child.pid >= 0 ? child : peer_start(broker);
	tasks[to].is_alive = true;
	births++;
	ck_assert_int_eq(peer_import(&tasks[to].peer, list.regions, list.count), KERN_SUCCESS);
	peer_export_end(&tasks[from].peer);
	model_child(from, to, mode);
}

static void compare(unsigned int seed, int round)
{
	for (uint32_t t = 0; t < TASKS; t++) {
		for (uint32_t i = 0; tasks[t].is_alive && i < PAGES; i++) {
			uint32_t cell = tasks[t].pages[i].cell;
			uint8_t byte = 0;
			kern_return_t code = peer_read(&tasks[t].peer, R + i * P + 1234, &byte, 1);

			ck_assert_msg(
			    code == (cell ? KERN_SUCCESS : KERN_INVALID_ADDRESS) &&
				(!cell || byte == cells[cell]),
			    "NORMA_SEED=%u round %d task %u page %u: code %d byte %u not %u", seed,
			    round, t, i, code, byte, cells[cell]);
		}
	}
}

static void do_something(void)
{
	uint32_t t = below(TASKS);
	uint32_t first = below(PAGES);
	uint32_t after = first + 1 + below(PAGES - first);

	if (!tasks[t].is_alive)
		return;
	switch (below(8)) {
	case 0:
		do_allocate(t, first, first + 1 + below(PAGES - first) / 2);
		break;
	case 1:
		do_deallocate(t, first, first + 1 + below(PAGES - first) / 3);
		break;
	case 2:
	case 3:
		do_inherit(t, first, after);
		break;
	case 4:
		do_discard(t, first);
		break;
	case 5:
		do_child(t, below(TASKS));
		break;
	default:
		do_write(t, first, after);
	}
}

START_TEST(a_family_of_tasks_agrees_with_the_model)
{
	unsigned int seed = random_seed(_i);

	/* Every other family forks whenever it may. */
	peer_fork_pages = seed % 2 ? 0 : PEER_NEVER_FORKS;
	broker = broker_new(BROKER_LOCAL);
	tasks[0].peer = peer_start(broker);
	tasks[0].is_alive = true;
	do_allocate(0, 0, PAGES);
	for (int round = 0; round < ROUNDS; round++) {
		do_something();
		compare(seed, round);
	}
	for (uint32_t t = 0; t < TASKS; t++)
		if (tasks[t].is_alive)
			peer_end(&tasks[t].peer);
	ck_assert_uint_eq(broker_count(broker).objects, 0);
	broker_free(broker);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("memory_random");
	TCase *cases = tcase_create("random");

	tcase_set_timeout(cases, 120);
	tcase_add_loop_test(cases, a_family_of_tasks_agrees_with_the_model, 0, 6);
	suite_add_tcase(suite, cases);
	return run_suite_kvm(suite);
}
