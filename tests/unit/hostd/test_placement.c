/*
 * Three nodes in twelve situations, and what is said when none of them can take a task.
 */
#include <assert.h>
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "placement/cell.h"
#include "placement/placement.h"
#include "run_suite.h"

#define MIB  (UINT64_C(1) << 20)
#define GIB  (UINT64_C(1) << 30)
#define NONE PLACEMENT_NO_LIMIT

#define NO_TASKS UINT32_MAX /* a figure of 0 means that the node is as any other */

#define NODE(number, ...)                                                                          \
	{                                                                                          \
		.node = (number), __VA_ARGS__                                                      \
	}

/* Return: the node with the figures that the table leaves out. */
static struct placement_node whole(struct placement_node node)
{
	node.is_here = node.node == 0;
	node.processors = 4;
	node.available_bytes = node.available_bytes ? node.available_bytes : 8 * GIB;
	node.group_left_bytes = node.group_left_bytes ? node.group_left_bytes : NONE;
	node.config_left_bytes = node.config_left_bytes ? node.config_left_bytes : NONE;
	node.tasks_left = node.tasks_left == NO_TASKS ? 0 : 10;
	return node;
}

static const struct situation {
	const char *what;
	uint64_t here_bytes, elsewhere_bytes;
	struct placement_node nodes[3];
	int chosen;
} situations[] = {
    {"all alike: here",
     4 * MIB,
     GIB,
     {NODE(0, .refusal = NULL), NODE(1, .refusal = NULL), NODE(2, .refusal = NULL)},
     0},
    {"here is full",
     GIB,
     GIB,
     {NODE(0, .available_bytes = GIB / 2), NODE(1, .refusal = NULL), NODE(2, .refusal = NULL)},
     1},
    {"most memory available",
     GIB,
     GIB,
     {NODE(0, .refusal = NULL), NODE(1, .refusal = NULL), NODE(2, .available_bytes = 16 * GIB)},
     2},
    {"a little more is noise",
     GIB,
     GIB,
     {NODE(0, .refusal = NULL), NODE(1, .available_bytes = 8 * GIB + 9 * MIB),
      NODE(2, .refusal = NULL)},
     0},
    {"the CPU comes before memory",
     GIB,
     GIB,
     {NODE(0, .available_bytes = GIB / 2),
      NODE(1, .refusal = "lacks avx512f", .available_bytes = 64 * GIB), NODE(2, .refusal = NULL)},
     2},
    {"a control group is tighter than the memory",
     GIB,
     GIB,
     {NODE(0, .group_left_bytes = GIB / 2), NODE(1, .group_left_bytes = 2 * GIB),
      NODE(2, .refusal = NULL)},
     2},
    {"so is the configuration",
     GIB,
     GIB,
     {NODE(0, .config_left_bytes = GIB / 2), NODE(1, .refusal = NULL),
      NODE(2, .config_left_bytes = 2 * GIB)},
     1},
    {"libvirt's guests may still grow",
     GIB,
     GIB,
     {NODE(0, .available_bytes = 16 * GIB, .guests_growth_bytes = 15 * GIB + 1),
      NODE(1, .refusal = NULL), NODE(2, .refusal = NULL)},
     1},
    {"huge pages",
     GIB,
     GIB,
     {NODE(0, .refusal = NULL), NODE(1, .refusal = NULL),
      NODE(2, .available_bytes = 4 * GIB, .huge_free_bytes = 2 * GIB)},
     2},
    {"busy processors",
     GIB,
     GIB,
     {NODE(0, .load_hundredths = 400, .available_bytes = 32 * GIB), NODE(1, .load_hundredths = 390),
      NODE(2, .load_hundredths = 10)},
     2},
    {"sharing at home needs little",
     4 * MIB,
     4 * GIB,
     {NODE(0, .available_bytes = GIB), NODE(1, .available_bytes = 2 * GIB),
      NODE(2, .available_bytes = 3 * GIB)},
     0},
    {"nobody has room",
     GIB,
     GIB,
     {NODE(0, .available_bytes = GIB / 2), NODE(1, .tasks_left = NO_TASKS),
      NODE(2, .refusal = "is down")},
     -1},
};
#define SITUATIONS ((int)(sizeof(situations) / sizeof(situations[0])))
static_assert(SITUATIONS == 12, "the twelve situations");

/* The order in which nodes are listed decides nothing: _i is situation and order. */
START_TEST(right_node_is_chosen)
{
	const struct situation *situation = &situations[_i / 2];
	struct placement_need need = {situation->here_bytes, situation->elsewhere_bytes};
	struct placement_node nodes[3];
	int chosen;

	for (int i = 0; i < 3; i++)
		nodes[i] = whole(situation->nodes[_i % 2 ? 2 - i : i]);
	chosen = placement_choose(&need, nodes, 3);
	chosen = chosen < 0 ? -1 : nodes[chosen].node;
	ck_assert_msg(chosen == situation->chosen, "%s: node %d", situation->what, chosen);
}
END_TEST

static const struct {
	struct placement_node node;
	const char *why;
} refusals[] = {
    {NODE(0, .available_bytes = 512 * MIB), "node 0: 512 MiB of memory left, 1024 MiB needed"},
    {NODE(1, .group_left_bytes = 10 * MIB), "10 MiB left in its control group"},
    {NODE(1, .config_left_bytes = 1), "0 MiB left under [limits] memory_bytes"},
    {NODE(2, .guests_growth_bytes = 9 * GIB), "0 MiB left beside libvirt's guests"},
    {NODE(2, .tasks_left = NO_TASKS), "node 2: it has as many tasks as [limits] tasks allows"},
    {NODE(1, .refusal = "is down"), "node 1: is down"},
    {NODE(1, .refusal = NULL), ""},
};

START_TEST(refusal_has_the_figures)
{
	struct placement_need need = {GIB, GIB};
	struct placement_node node = whole(refusals[_i].node);
	char text[PLACEMENT_WHY_BYTES];

	placement_why_not(&need, &node, text);
	ck_assert_msg(strstr(text, refusals[_i].why) != NULL, "%s", text);
	ck_assert_int_eq(text[0] == 0, refusals[_i].why[0] == 0);
}
END_TEST

#define CELL(number, mib, ...)                                                                     \
	{                                                                                          \
		.cell = (number), .processors = 4, .available_bytes = (mib)*MIB, __VA_ARGS__       \
	}
#define NO_CELL                                                                                    \
	{                                                                                          \
		.cell = PLACEMENT_CELL_ANY                                                         \
	}

static const struct {
	const char *what;
	uint64_t need_mib;
	int near;
	struct placement_cell cells[3]; /* NO_CELL ends them */
	int chosen;
} cells[] = {
    {"one cell is no choice", 1, -1, {CELL(0, 100), NO_CELL, NO_CELL}, -1},
    {"all alike: the lowest", 10, -1, {CELL(0, 100), CELL(1, 100), CELL(2, 100)}, 0},
    {"most room", 10, -1, {CELL(0, 100), CELL(1, 300), CELL(2, 200)}, 1},
    {"a little more is noise", 10, -1, {CELL(0, 100), CELL(1, 105), CELL(2, 102)}, 0},
    {"no room in the first", 50, -1, {CELL(0, 49), CELL(1, 51), CELL(2, 10)}, 1},
    {"no room in any: all of them", 50, -1, {CELL(0, 49), CELL(1, 20), CELL(2, 10)}, -1},
    {"memory without processors",
     10,
     -1,
     {CELL(0, 50), CELL(1, 60), {.cell = 2, .available_bytes = GIB}},
     1},
    {"memory that is shared stays", 10, 2, {CELL(0, 100), CELL(1, 300), CELL(2, 20)}, 2},
    {"but not where it has no room", 10, 2, {CELL(0, 100), CELL(1, 300), CELL(2, 9)}, 1},
    {"a cell that is not there is near nothing", 10, 7, {CELL(0, 100), CELL(1, 300), NO_CELL}, 1},
    {"libvirt's guests grow",
     10,
     -1,
     {CELL(0, 100), CELL(1, 300, .guests_growth_bytes = 250 * MIB), NO_CELL},
     0},
    {"by more than there is",
     10,
     -1,
     {CELL(0, 100), CELL(1, 300, .guests_growth_bytes = GIB), NO_CELL},
     0},
    {"what tasks are promised",
     10,
     -1,
     {CELL(0, 100), CELL(1, 300, .promised_bytes = 295 * MIB), NO_CELL},
     0},
    {"huge pages", 10, -1, {CELL(0, 300), CELL(1, 100, .huge_free_bytes = 10 * MIB), NO_CELL}, 1},
    {"too few huge pages",
     10,
     -1,
     {CELL(0, 300), CELL(1, 100, .huge_free_bytes = 9 * MIB), NO_CELL},
     0},
};

/* Whatever the order in which they are listed. */
START_TEST(right_cell_is_chosen)
{
	size_t which = (size_t)_i / 2, count = 0;
	struct placement_cell listed[3];

	for (size_t i = 0; i < 3; i++)
		if (cells[which].cells[_i % 2 ? 2 - i : i].cell != PLACEMENT_CELL_ANY)
			listed[count++] = cells[which].cells[_i % 2 ? 2 - i : i];
	ck_assert_msg(placement_choose_cell(cells[which].need_mib * MIB, listed, count,
					    cells[which].near) == cells[which].chosen,
		      "%s", cells[which].what);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("placement");
	TCase *tests = tcase_create("nodes");

	tcase_add_loop_test(tests, right_node_is_chosen, 0, 2 * SITUATIONS);
	tcase_add_loop_test(tests, refusal_has_the_figures, 0,
			    sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_loop_test(tests, right_cell_is_chosen, 0, 2 * sizeof(cells) / sizeof(cells[0]));
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
