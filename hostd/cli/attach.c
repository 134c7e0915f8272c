/*
 * Theory of operation: the calling thread reads the task's output; a second thread with a
 * connection of its own carries standard input and watches for the signals, because one call at a
 * time runs on a connection and both wait. The second thread never outlives the process and is not
 * joined: it may wait for input that never comes.
 */
#include "attach.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"
#include "client/norma.h"

#define OUTPUT_WAIT_MS	 30000
#define CHUNK_BYTES	 32768
#define INPUT_PACE_MS	 20
#define EXIT_INTERRUPTED 130

struct input {
	task_t task;
	enum attach_role role;
	bool is_open; /* there may be more on standard input */
	size_t held;  /* bytes that the task has not taken yet */
	size_t taken;
	char data[CHUNK_BYTES];
};

static int signal_fd = -1; /* -1: signals have their default action */
static atomic_bool was_interrupted;

static void interrupting_signals(sigset_t *ret_signals)
{
	sigemptyset(ret_signals);
	sigaddset(ret_signals, SIGINT);
	sigaddset(ret_signals, SIGTERM);
	sigaddset(ret_signals, SIGHUP);
}

void attach_prepare(enum attach_role role)
{
	sigset_t signals;

	if (role == ATTACH_VISITOR)
		return;
	interrupting_signals(&signals);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
}

/* The first signal ends the task, which ends this program in order; a second one is not held back.
 */
static _Noreturn void interrupt(task_t task)
{
	struct signalfd_siginfo seen;
	sigset_t signals;

	if (read(signal_fd, &seen, sizeof(seen)) != sizeof(seen))
		exit(CLI_ERROR);
	atomic_store(&was_interrupted, true);
	task_terminate(task);
	interrupting_signals(&signals);
	pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
	for (;;)
		pause();
}

/* Gives the task what is held. Return: false when it takes no more, ever. */
static bool hand_over(struct input *input)
{
	bool is_end = !input->is_open && input->held == input->taken;
	size_t accepted = 0;
	kern_return_t result;

	if (is_end && input->role == ATTACH_VISITOR)
		return false;
	result = norma_console_write(input->task, input->data + input->taken,
				     input->held - input->taken, is_end, &accepted);
	if (result != KERN_SUCCESS)
		return false;
	input->taken += accepted;
	return !is_end;
}

/* Return: false at the end of standard input. */
static bool read_input(struct input *input)
{
	ssize_t bytes = read(STDIN_FILENO, input->data, sizeof(input->data));

	if (bytes < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	input->held = bytes > 0 ? (size_t)bytes : 0;
	input->taken = 0;
	return bytes > 0;
}

/* Waits for a signal, and for input when there is none to hand over. */
static void *carry_input(void *argument)
{
	struct input *input = argument;
	bool wants_input = norma_connect(NULL) == 0;

	if (!wants_input)
		cli_error("standard input is not carried to the task: %s", norma_last_error());
	for (;;) {
		bool is_full = input->taken < input->held;
		struct pollfd polls[] = {
		    {.fd = signal_fd, .events = POLLIN},
		    {.fd = wants_input && !is_full ? STDIN_FILENO : -1, .events = POLLIN},
		};

		/* A task that does not read says so with 0 bytes; no event tells when it does. */
		if (poll(polls, 2, is_full && wants_input ? INPUT_PACE_MS : -1) < 0)
			continue;
		if (polls[0].revents)
			interrupt(input->task);
		if (polls[1].revents)
			input->is_open = read_input(input);
		if (wants_input && (is_full || polls[1].revents))
			wants_input = hand_over(input);
	}
}

static int write_all(int fd, const char *data, size_t bytes)
{
	while (bytes > 0) {
		ssize_t written = write(fd, data, bytes);

		if (written < 0 && errno == EAGAIN) {
			struct pollfd room = {.fd = fd, .events = POLLOUT};

			poll(&room, 1, -1);
		} else if (written < 0 && errno != EINTR) {
			return -errno;
		} else if (written > 0) {
			data += written;
			bytes -= (size_t)written;
		}
	}
	return 0;
}

/* Copies output until the task has ended and all was read. */
static int copy_output(task_t task, enum attach_role role)
{
	static char data[CHUNK_BYTES];
	struct norma_console console = {
	    .task = task, .timeout_ms = OUTPUT_WAIT_MS, .attach = role == ATTACH_OWNER};

	while (!console.end) {
		size_t bytes = 0;
		kern_return_t result = norma_console_read(&console, data, sizeof(data), &bytes);
		int fd = console.stream == NORMA_STDERR ? STDERR_FILENO : STDOUT_FILENO;
		int r;

		if (result != KERN_SUCCESS)
			return cli_call_failed(result, "read the output of " CLI_TASK_FORMAT, task);
		r = write_all(fd, data, bytes);
		if (r < 0 && role == ATTACH_OWNER)
			task_terminate(task);
		if (r < 0)
			return cli_error("cannot write the output of " CLI_TASK_FORMAT ": %s.",
					 task, strerror(-r));
	}
	return CLI_OK;
}

static int wait_for_end(task_t task)
{
	struct norma_task_end end;

	do {
		kern_return_t result = norma_task_wait(task, OUTPUT_WAIT_MS, &end);

		if (result != KERN_SUCCESS)
			return cli_call_failed(result, "wait for " CLI_TASK_FORMAT, task);
	} while (end.state == NORMA_TASK_RUNNING || end.state == NORMA_TASK_LOADING);
	if (end.state == NORMA_TASK_EXITED)
		return end.status;
	cli_error("task " CLI_TASK_FORMAT " ended: %s", task, end.text);
	if (atomic_load(&was_interrupted))
		return EXIT_INTERRUPTED;
	return end.status ? end.status : CLI_ERROR;
}

int attach_follow(task_t task, enum attach_role role)
{
	static struct input input; /* the second thread uses it to the end of the process */
	pthread_t thread;
	int r;

	input = (struct input){.task = task, .role = role, .is_open = true};
	r = pthread_create(&thread, NULL, carry_input, &input);
	if (r != 0)
		return cli_error("cannot start a thread for the input: %s.", strerror(r));
	pthread_detach(thread);
	r = copy_output(task, role);
	return r == CLI_OK ? wait_for_end(task) : r;
}
