/*
 * What is read of /proc and /sys, from trees that the tests make: hosts that this one is not.
 */
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_facts.h"
#include "inventory/host_facts.h"
#include "inventory/inventory.h"
#include "inventory/sources.h"
#include "run_suite.h"

static char root[64];

static void setup(void)
{
	facts_make(root);
}

static void teardown(void)
{
	facts_remove(root);
}

static void put(const char *path, const char *text)
{
	facts_put(root, path, text);
}

static void put_cell(int id, const char *total, const char *cpus)
{
	char path[128], text[256];

	snprintf(path, sizeof(path), "sys/devices/system/node/node%d/meminfo", id);
	snprintf(text, sizeof(text),
		 "Node %d MemTotal:   %s kB\nNode %d MemFree:   1000 kB\n"
		 "Node %d Active(file):  400 kB\nNode %d Inactive(file):  600 kB\n"
		 "Node %d SReclaimable:  200 kB\n",
		 id, total, id, id, id, id);
	put(path, text);
	snprintf(path, sizeof(path), "sys/devices/system/node/node%d/cpulist", id);
	put(path, cpus);
}

static void put_memory(void)
{
	put("proc/meminfo", "MemTotal:  200000 kB\nMemFree:   50000 kB\nMemAvailable:   120000 kB\n"
			    "SwapTotal: 1 kB\n");
}

START_TEST(memory_and_cells_in_bytes)
{
	struct snapshot_memory memory = {0};

	put_memory();
	put_cell(1, "100000", "4-7\n");
	put_cell(0, "99500", "0-2,8\n");
	host_memory_read(root, &memory);
	ck_assert_uint_eq(memory.total_bytes, 200000 * 1024);
	ck_assert_uint_eq(memory.free_bytes, 50000 * 1024);
	ck_assert_uint_eq(memory.available_bytes, 120000 * 1024);
	ck_assert_uint_eq(memory.cell_count, 2);
	ck_assert_uint_eq(memory.cells[0].id, 0);
	ck_assert_uint_eq(memory.cells[0].cpus, 4);
	ck_assert_uint_eq(memory.cells[1].cpus, 4);
	ck_assert_uint_eq(memory.cells[1].memory_bytes, 100000 * 1024);
	ck_assert_uint_eq(memory.cells[1].free_bytes, 1000 * 1024);
	ck_assert_uint_eq(memory.cells[1].available_bytes, 1600 * 1024);
	ck_assert(memory.cells_add_up);
	ck_assert_uint_eq(memory.limit_bytes, 0);
	ck_assert(memory.cells[0].is_allowed && memory.cells[1].is_allowed);
}
END_TEST

START_TEST(a_control_group_keeps_cells_to_itself)
{
	struct snapshot_memory memory = {0};

	put_memory();
	put("proc/self/status", "Name:\tx\nMems_allowed:\t2\nMems_allowed_list:\t1\nVmPeak: 1\n");
	put_cell(0, "100000", "0-3\n");
	put_cell(1, "100000", "4-7\n");
	host_memory_read(root, &memory);
	ck_assert(!memory.cells[0].is_allowed);
	ck_assert(memory.cells[1].is_allowed);
}
END_TEST

START_TEST(cells_that_lack_memory_do_not_add_up)
{
	struct snapshot_memory memory = {0};

	put_memory();
	put_cell(0, "70000", "0\n");
	host_memory_read(root, &memory);
	ck_assert_uint_eq(memory.cell_count, 1);
	ck_assert(!memory.cells_add_up);
}
END_TEST

START_TEST(huge_pages_by_size)
{
	struct snapshot_memory memory = {0};

	put("sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "2\n");
	put("sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages", "1\n");
	put("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "512\n");
	put("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "500\n");
	put("sys/kernel/mm/hugepages/hugepages-64kB/nr_hugepages", "odd\n");
	host_memory_read(root, &memory);
	ck_assert_uint_eq(memory.page_size_count, 2);
	ck_assert_uint_eq(memory.pages[0].page_bytes, 2 << 20);
	ck_assert_uint_eq(memory.pages[0].total, 512);
	ck_assert_uint_eq(memory.pages[0].free, 500);
	ck_assert_uint_eq(memory.pages[1].page_bytes, 1 << 30);
}
END_TEST

START_TEST(the_tightest_group_limits_memory)
{
	struct snapshot_memory memory = {0};

	put("proc/self/cgroup", "0::/outer/inner\n");
	put("sys/fs/cgroup/outer/inner/memory.max", "9000000\n");
	put("sys/fs/cgroup/outer/inner/memory.current", "1000000\n");
	put("sys/fs/cgroup/outer/memory.max", "5000000\n");
	put("sys/fs/cgroup/outer/memory.current", "4000000\n");
	put("sys/fs/cgroup/outer/memory.stat", "anon 1\ninactive_file 500000\n");
	put("sys/fs/cgroup/memory.max", "max\n");
	host_limit_read(root, &memory);
	ck_assert_uint_eq(memory.limit_bytes, 5000000);
	ck_assert_uint_eq(memory.limit_left_bytes, 1500000);
}
END_TEST

START_TEST(the_old_interface_limits_too)
{
	struct snapshot_memory memory = {0};

	put("proc/self/cgroup", "5:cpu:/a\n4:memory:/a\n0::/\n");
	put("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
	put("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "1\n");
	host_limit_read(root, &memory);
	ck_assert_uint_eq(memory.limit_bytes, 0);
	put("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "1000\n");
	put("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "2000\n");
	host_limit_read(root, &memory);
	ck_assert_uint_eq(memory.limit_bytes, 1000);
	ck_assert_uint_eq(memory.limit_left_bytes, 0);
}
END_TEST

START_TEST(processors_and_their_work)
{
	struct snapshot_cpu cpu = {0};
	struct host_times times = {0};

	put("proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 85\n"
			    "model name\t: Some CPU: fast\nflags\t\t: fpu sse2 avx\n"
			    "vmx flags\t: x\n\nprocessor\t: 1\nvendor_id\t: Other\n");
	put("sys/devices/system/cpu/online", "0-3,6\n");
	put("proc/loadavg", "12.34 1.00 1.00 1/100 77\n");
	put("proc/stat", "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 1 1 1\n");
	host_cpu_read(root, &cpu, &times);
	ck_assert_str_eq(cpu.vendor, "GenuineIntel");
	ck_assert_str_eq(cpu.model, "Some CPU: fast");
	ck_assert_str_eq(cpu.flags, "fpu sse2 avx");
	ck_assert_uint_eq(cpu.online, 5);
	ck_assert_uint_eq(cpu.load_hundredths, 1234);
	ck_assert_uint_eq(cpu.busy_permille, 200);
	put("proc/stat", "cpu  175 0 100 725 100 0 0 0 0 0\n");
	host_cpu_read(root, &cpu, &times);
	ck_assert_uint_eq(cpu.busy_permille, 750);
	put("proc/stat", "cpu  175 0 100 726 100 0 0 0 0 0\n");
	host_cpu_read(root, &cpu, &times);
	ck_assert_uint_eq(cpu.busy_permille, 750); /* one tick says nothing */
}
END_TEST

START_TEST(a_host_that_says_nothing_is_zeros)
{
	struct snapshot_memory memory = {0}, nothing = {0};
	struct snapshot_cpu cpu = {0};
	struct host_times times = {0};

	host_memory_read(root, &memory);
	host_cpu_read(root, &cpu, &times);
	ck_assert_int_eq(memcmp(&memory, &nothing, sizeof(memory)), 0);
	ck_assert_uint_eq(cpu.online, 0);
	ck_assert_str_eq(cpu.model, "");
}
END_TEST

START_TEST(lists_are_counted)
{
	ck_assert_uint_eq(source_list_count("0"), 1);
	ck_assert_uint_eq(source_list_count("0-3,8,10-11"), 7);
	ck_assert_uint_eq(source_list_count(""), 0);
	ck_assert_uint_eq(source_list_count("5-1"), 0);
	ck_assert_uint_eq(source_list_count("0-99999999"), 0);
	ck_assert(source_list_has("0-3,8", 2) && source_list_has("0-3,8", 8));
	ck_assert(!source_list_has("0-3,8", 4) && !source_list_has("", 0));
}
END_TEST

/* libvirt off, and a module that is not there: both are a fact among the others. */
START_TEST(the_inventory_works_without_libvirt)
{
	struct inventory_setup setups[] = {
	    {.libvirt = "off", .module_path = "/nonexistent", .root = root},
	    {.libvirt = "auto", .module_path = "/nonexistent", .root = root},
	};

	put_memory();
	for (int i = 0; i < 2; i++) {
		const struct inventory_snapshot *snapshot;
		struct inventory_baseline answer;
		struct inventory *inventory;

		ck_assert_int_eq(inventory_new(&setups[i], &inventory), 0);
		snapshot = inventory_current(inventory);
		ck_assert_uint_eq(snapshot->memory.total_bytes, 200000 * 1024);
		ck_assert_int_eq(snapshot->libvirt.state, i ? LIBVIRT_ABSENT : LIBVIRT_OFF);
		ck_assert_str_ne(snapshot->libvirt.why, "");
		ck_assert_int_eq(inventory_ask_baseline(inventory, NULL, 0), -ENOTCONN);
		ck_assert_int_eq(inventory_take_baseline(inventory, &answer), -EAGAIN);
		inventory_free(inventory);
	}
}
END_TEST

/* Return: what the follower says once it has looked. */
static const struct snapshot_libvirt *libvirt_once_looked(struct inventory *inventory)
{
	const struct snapshot_libvirt *libvirt = &inventory_current(inventory)->libvirt;

	while (strstr(libvirt->why, "not asked yet")) {
		sched_yield();
		libvirt = &inventory_current(inventory)->libvirt;
	}
	return libvirt;
}

/* The file is not a module: whether it was tried can be told from the sentence. */
START_TEST(libvirt_is_loaded_once_its_daemon_is_there)
{
	struct inventory_setup setup = {.libvirt = "auto", .root = root};
	char module[PATH_MAX];
	struct inventory *inventory;

	put("module", "not a module");
	snprintf(module, sizeof(module), "%s/module", root);
	setup.module_path = module;
	put_memory();
	ck_assert_int_eq(inventory_new(&setup, &inventory), 0);
	ck_assert_ptr_nonnull(strstr(libvirt_once_looked(inventory)->why, "no socket"));
	inventory_free(inventory);
	put("run/libvirt/virtqemud-sock", "");
	ck_assert_int_eq(inventory_new(&setup, &inventory), 0);
	ck_assert_ptr_nonnull(strstr(libvirt_once_looked(inventory)->why, "/module"));
	ck_assert_int_eq(inventory_current(inventory)->libvirt.state, LIBVIRT_DOWN);
	inventory_free(inventory);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("facts");
	TCase *cases = tcase_create("trees");

	tcase_add_checked_fixture(cases, setup, teardown);
	tcase_add_test(cases, memory_and_cells_in_bytes);
	tcase_add_test(cases, a_control_group_keeps_cells_to_itself);
	tcase_add_test(cases, cells_that_lack_memory_do_not_add_up);
	tcase_add_test(cases, huge_pages_by_size);
	tcase_add_test(cases, the_tightest_group_limits_memory);
	tcase_add_test(cases, the_old_interface_limits_too);
	tcase_add_test(cases, processors_and_their_work);
	tcase_add_test(cases, a_host_that_says_nothing_is_zeros);
	tcase_add_test(cases, lists_are_counted);
	tcase_add_test(cases, the_inventory_works_without_libvirt);
	tcase_add_test(cases, libvirt_is_loaded_once_its_daemon_is_there);
	suite_add_tcase(suite, cases);
	return run_suite(suite);
}
