/*
 * VMMs that another process forked: who is taken over, and that they are then like any other.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <mach/kern_return.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run_suite.h"
#include "scene.h"

/* No VMM is started by the daemon itself: what runs was adopted. */
static void setup(void)
{
	harness_begin(&harness, 1);
	harness.configs[0].waiting_vmms = 0;
	harness_start(&harness, 0);
	client_open(&harness, 0, &client);
}

/* The two sockets of a VMM: ends[0] is the daemon's, ends[1] the VMM's. */
struct sockets {
	int control[2], pager[2];
};

static void sockets_open(struct sockets *sockets)
{
	ck_assert_int_eq(socket_pair(sockets->control), 0);
	ck_assert_int_eq(socket_pair(sockets->pager), 0);
}

static void sockets_close_theirs(struct sockets *sockets)
{
	close(sockets->control[1]);
	close(sockets->pager[1]);
}

/* In a new process: becomes a VMM at descriptors 3 and 4. */
static void become_vmm(const struct sockets *sockets)
{
	int control = fcntl(sockets->control[1], F_DUPFD, 10);
	int pager = fcntl(sockets->pager[1], F_DUPFD, 10);

	dup2(control, 3);
	dup2(pager, 4);
	closefrom(5);
	execl(getenv("NORMA_FAKE_VMM"), "fake_vmm", "--control", "3", "--pager", "4", NULL);
	_exit(9);
}

static pid_t fork_vmm(const struct sockets *sockets)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (!pid)
		become_vmm(sockets);
	return pid;
}

/* It goes on when its parent has ended: the program asks for a signal at its parent's end. */
static void become_orphaned_vmm(const struct sockets *sockets, const int *orphaned)
{
	char byte;

	if (read(orphaned[0], &byte, 1) == 1)
		become_vmm(sockets);
	_exit(8);
}

/* Forks one by way of a process that ends at once. Return: its number. */
static pid_t fork_orphan(const struct sockets *sockets)
{
	int numbers[2], orphaned[2];
	pid_t between, pid;

	ck_assert_int_eq(pipe2(numbers, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(orphaned, O_CLOEXEC), 0);
	between = fork();
	ck_assert_int_ge(between, 0);
	if (!between) {
		pid = fork();
		if (!pid)
			become_orphaned_vmm(sockets, orphaned);
		_exit(write(numbers[1], &pid, sizeof(pid)) != sizeof(pid));
	}
	ck_assert_int_eq(read(numbers[0], &pid, sizeof(pid)), sizeof(pid));
	ck_assert_int_eq(waitpid(between, NULL, 0), between);
	ck_assert_int_eq(write(orphaned[1], "", 1), 1);
	for (int i = 0; i < 2; i++) {
		close(numbers[i]);
		close(orphaned[i]);
	}
	return pid;
}

static int adopt(const struct sockets *sockets, int pidfd, struct vmm **ret_vmm)
{
	const struct vmm_adoption adoption = {
	    .pidfd = pidfd,
	    .control_fd = sockets->control[0],
	    .pager_fd = sockets->pager[0],
	};

	return vmm_adopt(&harness.hosts[0]->vmms, adoption, NULL, ret_vmm);
}

static int adopt_process(pid_t pid)
{
	struct sockets sockets;
	struct vmm *vmm;

	sockets_open(&sockets);
	sockets_close_theirs(&sockets);
	return adopt(&sockets, pidfd_open(pid, 0), &vmm);
}

static void check_adopted(pid_t (*make)(const struct sockets *sockets))
{
	struct norma_task_wait_reply outcome;
	struct sockets sockets;
	struct vmm *vmm;
	uint32_t task;
	pid_t pid;

	sockets_open(&sockets);
	pid = make(&sockets);
	sockets_close_theirs(&sockets);
	ck_assert_int_eq(adopt(&sockets, pidfd_open(pid, 0), &vmm), 0);
	task = run_program(&harness, &client, 0, "");
	ck_assert_ptr_eq(tasks_find(&harness.hosts[0]->tasks, task)->vmm, vmm);
	ck_assert_int_eq(vmm->process.pid, pid);
	kill(pid, SIGTERM); /* no sanitizer has a handler for it */
	ck_assert_int_eq(CALL(norma_task_wait, .task = task, .timeout_ms = 20000), 0);
	REPLY_OF(norma_task_wait, &reply, &outcome);
	ck_assert_msg(strstr(outcome.text, "died by signal 15") != NULL, "%s", outcome.text);
	ck_assert_int_eq(kill(pid, 0), -1);
}

START_TEST(adopted_vmm_carries_a_task_and_its_end_is_named)
{
	check_adopted(fork_vmm);
}
END_TEST

START_TEST(orphan_is_adopted_like_a_child)
{
	ck_assert_int_eq(process_take_orphans(), 0);
	check_adopted(fork_orphan);
	/* What a sanitizer's own helper leaves when the fakes end is nobody's VMM. */
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 0), 0);
}
END_TEST

START_TEST(strange_process_is_refused_and_lives_on)
{
	ck_assert_int_eq(adopt_process(getppid()), -ECHILD);
	ck_assert_int_eq(kill(getppid(), 0), 0);
}
END_TEST

START_TEST(process_that_is_known_is_refused_and_lives_on)
{
	uint32_t task = run_program(&harness, &client, 0, "");
	pid_t pid;

	harness_settle(&harness);
	pid = tasks_find(&harness.hosts[0]->tasks, task)->vmm->process.pid;
	ck_assert_int_eq(adopt_process(pid), -EEXIST);
	ck_assert_int_eq(adopt_process(harness.hosts[0]->pager.process.pid), -EEXIST);
	ck_assert_int_eq(CALL(task_suspend, .task = task), 0);
	ck_assert_int_eq(CALL(task_terminate, .task = task), 0);
}
END_TEST

START_TEST(descriptor_of_something_else_is_refused)
{
	struct sockets sockets;
	struct vmm *vmm;

	sockets_open(&sockets);
	sockets_close_theirs(&sockets);
	ck_assert_int_eq(adopt(&sockets, open("/dev/null", O_RDONLY | O_CLOEXEC), &vmm), -EBADF);
}
END_TEST

START_TEST(without_a_pager_it_is_ended)
{
	struct sockets sockets;
	struct vmm *vmm;
	pid_t pid;

	helper_done(&harness.hosts[0]->pager);
	sockets_open(&sockets);
	pid = fork_vmm(&sockets);
	sockets_close_theirs(&sockets);
	ck_assert_int_eq(adopt(&sockets, pidfd_open(pid, 0), &vmm), -EAGAIN);
	ck_assert_int_eq(kill(pid, 0), -1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("adopt");
	TCase *tcase = tcase_create("adopt");

	tcase_add_checked_fixture(tcase, setup, scene_end);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, adopted_vmm_carries_a_task_and_its_end_is_named);
	tcase_add_test(tcase, orphan_is_adopted_like_a_child);
	tcase_add_test(tcase, strange_process_is_refused_and_lives_on);
	tcase_add_test(tcase, process_that_is_known_is_refused_and_lives_on);
	tcase_add_test(tcase, descriptor_of_something_else_is_refused);
	tcase_add_test(tcase, without_a_pager_it_is_ended);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
