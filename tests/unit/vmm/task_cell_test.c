/*
 * A task's NUMA cell: its threads take memory from it, objects that the pager fills are told so. As
 * this machine may have one cell only, what is looked at is what the kernel was told.
 */
#include <check.h>
#include <dirent.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mach/kern_return.h"
#include "memory_cell.h"
#include "run_suite.h"
#include "task_harness.h"

#define NO_SUCH_CELL 1000
#define OBJECT_BYTES 8192u

/* The thread sanitizer has one in every process. */
#ifdef __SANITIZE_THREAD__
#define RUNTIME_THREADS 1u
#else
#define RUNTIME_THREADS 0u
#endif

static struct task_harness *harness;

static void setup(void)
{
	harness = harness_start();
}

static void teardown(void)
{
	harness_stop(harness);
}

/* Return: the result of vmm_become with that cell. */
static int32_t become(int cell)
{
	static const uint8_t seed[32];
	static const struct task_properties properties;
	struct vmm_become_request request = {
	    .task = TASK_NAME,
	    .node = TASK_NODE,
	    .seed = {seed, sizeof(seed)},
	    .properties = &properties,
	    .properties_count = 1,
	    .memory_cell = cell,
	};
	struct vmm_become_reply reply;

	return HARNESS_CALL(harness, vmm_become, &request, &reply);
}

/* What a look at a thread finds out; it may have ended since it was listed. */
enum look { LOOK_NO, LOOK_YES, LOOK_GONE };

static FILE *open_of_thread(const char *thread, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "/proc/%d/task/%s/%s", harness->pid, thread, name);
	return fopen(path, "re");
}

/* Does a thread of the VMM take its memory from cell 0 where nothing else is said? */
static enum look prefers_cell_0(const char *thread)
{
	FILE *file = open_of_thread(thread, "numa_maps");
	enum look look = LOOK_GONE;
	char line[512];

	while (file && look != LOOK_YES && fgets(line, sizeof(line), file))
		look = strstr(line, " prefer:0 ") || strstr(line, " prefer=static:0 ") ? LOOK_YES
										       : LOOK_NO;
	if (file)
		fclose(file);
	return look;
}

/* KVM gives the process a thread of its own, which touches no memory of the task. */
static enum look is_kernels(const char *thread)
{
	FILE *file = open_of_thread(thread, "comm");
	enum look look = LOOK_GONE;
	char name[32];

	if (file && fgets(name, sizeof(name), file))
		look = strncmp(name, "kvm-", 4) ? LOOK_NO : LOOK_YES;
	if (file)
		fclose(file);
	return look;
}

static bool look_at_all(DIR *directory, unsigned int *ret_followers, unsigned int *ret_threads)
{
	*ret_followers = *ret_threads = 0;
	for (struct dirent *entry; (entry = readdir(directory));) {
		enum look kernels, follows;

		if (entry->d_name[0] == '.')
			continue;
		kernels = is_kernels(entry->d_name);
		if (kernels == LOOK_YES)
			continue;
		follows = prefers_cell_0(entry->d_name);
		if (kernels == LOOK_GONE || follows == LOOK_GONE)
			return false;
		++*ret_threads;
		*ret_followers += follows == LOOK_YES;
	}
	return true;
}

/* Return: how many threads do, and how many there are; looks again when one ended meanwhile. */
static unsigned int threads_in_cell_0(unsigned int *ret_threads)
{
	unsigned int followers;
	char path[64];
	DIR *directory;
	bool is_whole;

	snprintf(path, sizeof(path), "/proc/%d/task", harness->pid);
	do {
		directory = opendir(path);
		ck_assert_ptr_nonnull(directory);
		is_whole = look_at_all(directory, &followers, ret_threads);
		closedir(directory);
	} while (!is_whole);
	return followers;
}

/* A program is loaded, runs and has said something: control thread, worker and vCPU have all had to
 * do with memory. They stay as long as the output is not taken. */
START_TEST(every_thread_that_takes_memory_follows)
{
	static const char arguments[] = "guest\0self";
	unsigned int threads;

	ck_assert_uint_eq(threads_in_cell_0(&threads), 0);
	ck_assert_int_eq(become(0), 0);
	ck_assert_uint_ge(threads_in_cell_0(&threads), 1);
	harness->is_output_held = true;
	ck_assert_int_eq(harness_run(harness, TASK_GUEST_PATH, arguments, sizeof(arguments)), 0);
	harness_await_output(harness, 1);
	harness_write(harness, harness_allocate(harness, 0x10000000, 4096), "x", 1);
	unsigned int followers = threads_in_cell_0(&threads);
	/* One that a runtime starts late is the child of one that follows, and does, too. */
	ck_assert_uint_ge(followers + RUNTIME_THREADS, threads);
	harness_release_output(harness);
	harness_await_end(harness);
}
END_TEST

START_TEST(any_cell_changes_nothing)
{
	unsigned int threads;

	ck_assert_int_eq(become(MEMORY_CELL_ANY), 0);
	ck_assert_uint_eq(threads_in_cell_0(&threads), 0);
}
END_TEST

/* A preference that cannot be had is none. */
START_TEST(a_cell_that_is_not_there_is_left_out)
{
	unsigned int threads;

	ck_assert_int_eq(become(NO_SUCH_CELL), 0);
	ck_assert_uint_eq(threads_in_cell_0(&threads), 0);
}
END_TEST

START_TEST(numbers_that_are_no_cell_are_refused)
{
	ck_assert_int_eq(become(MEMORY_CELL_ANY - 1), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(become(MEMORY_CELL_MAX + 1), KERN_INVALID_ARGUMENT);
	ck_assert_int_eq(become(MEMORY_CELL_MAX), 0);
}
END_TEST

static int policy_at(const void *address)
{
	int mode = -1;

	ck_assert_int_eq(
	    syscall(SYS_get_mempolicy, &mode, NULL, 0ul, address, (unsigned long)MPOL_F_ADDR), 0);
	return mode;
}

/* The pager maps and writes the object in a process of its own: the policy has to be the object's.
 */
START_TEST(an_object_is_told_once_for_all_who_map_it)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	char *here, *elsewhere;

	ck_assert_int_eq(ftruncate(fd, 2 * OBJECT_BYTES), 0);
	here = mmap(NULL, OBJECT_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	elsewhere = mmap(NULL, 2 * OBJECT_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	ck_assert(here != MAP_FAILED && elsewhere != MAP_FAILED);
	memory_cell_prefer(MEMORY_CELL_ANY, here, OBJECT_BYTES);
	ck_assert_int_eq(policy_at(elsewhere), MPOL_DEFAULT);
	memory_cell_prefer(0, here, OBJECT_BYTES);
	ck_assert_int_eq(policy_at(elsewhere), MPOL_PREFERRED);
	ck_assert_int_eq(policy_at(elsewhere + OBJECT_BYTES), MPOL_DEFAULT);
	memory_cell_prefer(NO_SUCH_CELL, elsewhere, 2 * OBJECT_BYTES);
	ck_assert_int_eq(policy_at(elsewhere), MPOL_PREFERRED);
	munmap(here, OBJECT_BYTES);
	munmap(elsewhere, 2 * OBJECT_BYTES);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("task_cell");
	TCase *tasks = tcase_create("tasks"), *objects = tcase_create("objects");

	if (syscall(SYS_get_mempolicy, NULL, NULL, 0ul, NULL, 0ul) < 0) {
		printf("1..0 # SKIP this kernel knows no NUMA policies\n");
		return EXIT_SUCCESS;
	}
	tcase_set_timeout(tasks, 60);
	tcase_add_checked_fixture(tasks, setup, teardown);
	tcase_add_test(tasks, every_thread_that_takes_memory_follows);
	tcase_add_test(tasks, any_cell_changes_nothing);
	tcase_add_test(tasks, a_cell_that_is_not_there_is_left_out);
	tcase_add_test(tasks, numbers_that_are_no_cell_are_refused);
	suite_add_tcase(suite, tasks);
	tcase_add_test(objects, an_object_is_told_once_for_all_who_map_it);
	suite_add_tcase(suite, objects);
	return run_suite_kvm(suite);
}
