/*
 * What processes hold: real ones, made by the tests.
 */
#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inventory/children.h"
#include "run_suite.h"

#define MIB	    (UINT64_C(1) << 20)
#define SLACK	    (UINT64_C(1) << 20) /* two processes of one program differ by less */
#define SHARED_MIB  24
#define OWN_MIB	    8
#define PRIVATE_MIB 16

static int new_memory(unsigned int mib)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)(1024 * MIB)), 0);
	ck_assert_int_eq(fallocate(fd, 0, 0, (off_t)(mib * MIB)), 0);
	return fd;
}

/* A child that fills its own memory and waits. Says so through `ready`. */
static pid_t new_child(int ready, unsigned int own_mib, unsigned int private_mib)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (own_mib)
		new_memory(own_mib);
	if (private_mib) {
		char *memory = mmap(NULL, private_mib * MIB, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		memset(memory, 1, private_mib * MIB);
	}
	if (write(ready, "r", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void is_about(uint64_t bytes, unsigned int mib)
{
	ck_assert_msg(bytes + SLACK >= mib * MIB && bytes <= mib * MIB + SLACK,
		      "%llu KiB, not %u MiB", (unsigned long long)bytes / 1024, mib);
}

START_TEST(shared_memory_counts_once_and_all_else_with_its_process)
{
	int shared = new_memory(SHARED_MIB), ready[2];
	struct snapshot_children children;
	struct snapshot_child *rows;
	pid_t pids[3];
	uint64_t plain; /* what the program itself holds, with a sanitizer several MiB */
	char word[2];

	ck_assert_int_eq(pipe(ready), 0);
	pids[0] = new_child(ready[1], OWN_MIB, 0);
	pids[1] = new_child(ready[1], 0, PRIVATE_MIB);
	pids[2] = new_child(ready[1], 0, 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(read(ready[0], word, 1), 1);
	ck_assert_int_eq(children_read("", getpid(), &children, &rows), 0);
	ck_assert(children.is_counted);
	ck_assert_uint_eq(children.count, 3);
	ck_assert_int_eq(rows[0].pid, pids[0]);
	plain = rows[2].bytes;
	is_about(rows[0].bytes - plain, SHARED_MIB + OWN_MIB);
	is_about(rows[1].bytes - plain, PRIVATE_MIB);
	ck_assert_uint_eq(children.bytes, rows[0].bytes + rows[1].bytes + plain);
	is_about(process_memory_read("", pids[1]) - plain, SHARED_MIB + PRIVATE_MIB);
	free(rows);
	for (int i = 0; i < 3; i++)
		end_child(pids[i]);
	close(shared);
}
END_TEST

START_TEST(without_children_nothing_is_held)
{
	struct snapshot_children children;
	struct snapshot_child *rows;

	ck_assert_int_eq(children_read("", getpid(), &children, &rows), 0);
	ck_assert_uint_eq(children.count, 0);
	ck_assert_uint_eq(children.bytes, 0);
	ck_assert_ptr_null(rows);
}
END_TEST

START_TEST(without_proc_it_is_an_error)
{
	struct snapshot_children children;
	struct snapshot_child *rows;

	ck_assert_int_lt(children_read("/nowhere", getpid(), &children, &rows), 0);
	ck_assert_uint_eq(process_memory_read("/nowhere", getpid()), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("children");
	TCase *tests = tcase_create("children");

	tcase_add_test(tests, shared_memory_counts_once_and_all_else_with_its_process);
	tcase_add_test(tests, without_children_nothing_is_held);
	tcase_add_test(tests, without_proc_it_is_an_error);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
