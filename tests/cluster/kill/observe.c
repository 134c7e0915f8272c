/*
 * Outcomes from a task's console and its end, through the public client library.
 */
#include "observe.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"

enum { PROGRESS_LINES = 3, POLL_MS = 500, CHUNK = 4096 };

const char *const outcome_names[OUTCOME_NUM] = {
    [OUTCOME_WENT_ON] = "went on",
    [OUTCOME_DONE] = "ended by itself",
    [OUTCOME_MEMORY_ERROR] = "KERN_MEMORY_ERROR",
    [OUTCOME_KILLED] = "killed",
    [OUTCOME_HOST_GONE] = "host gone",
    [OUTCOME_WRONG] = "WRONG",
    [OUTCOME_HUNG] = "HUNG",
};

/* One console read, kept short so that deadlines hold. Return: bytes, 0 at a time-out, -1. */
static int read_some(struct watched *watched, char *data, size_t capacity)
{
	size_t bytes = 0;

	watched->console.timeout_ms = POLL_MS;
	if (norma_connect(watched->socket_path) ||
	    norma_console_read(&watched->console, data, capacity - 1, &bytes) != KERN_SUCCESS)
		return -1;
	data[bytes] = 0;
	return (int)bytes;
}

static int count_lines(const char *text, const char *line)
{
	int count = 0;

	for (const char *at = strstr(text, line); at; at = strstr(at + 1, line))
		count++;
	return count;
}

bool observe_lines(struct watched *watched, const char *line, int times, int timeout_ms)
{
	uint64_t deadline = clock_now_ns() + (unsigned int)timeout_ms * NS_PER_MS;
	char data[CHUNK];

	while (times > 0 && clock_now_ns() < deadline) {
		int bytes = read_some(watched, data, sizeof(data));

		if (bytes < 0 || watched->console.end || strstr(data, "WRONG"))
			return false;
		times -= count_lines(data, line);
	}
	return times <= 0;
}

bool observe_line_with(struct watched *watched, const char *prefix, char *line, size_t capacity,
		       int timeout_ms)
{
	uint64_t deadline = clock_now_ns() + (unsigned int)timeout_ms * NS_PER_MS;
	char data[CHUNK];

	while (clock_now_ns() < deadline) {
		const char *at;

		if (read_some(watched, data, sizeof(data)) < 0 || watched->console.end)
			return false;
		at = strstr(data, prefix);
		if (!at || !strchr(at, '\n'))
			continue;
		snprintf(line, capacity, "%.*s", (int)(strchr(at, '\n') - at), at);
		return true;
	}
	return false;
}

static enum outcome outcome_of_end(const struct norma_task_end *end)
{
	if (end->state == NORMA_TASK_KILLED)
		return OUTCOME_KILLED;
	if (end->state == NORMA_TASK_EXCEPTION && strstr(end->text, "KERN_MEMORY_ERROR"))
		return OUTCOME_MEMORY_ERROR;
	if (end->state == NORMA_TASK_EXITED && end->status == 0)
		return OUTCOME_DONE;
	return OUTCOME_WRONG;
}

/* What the daemon says of the end, or what the program said last. */
static void explain_end(struct watched *watched, const struct norma_task_end *end)
{
	char data[CHUNK];
	int bytes = read_some(watched, data, sizeof(data));

	if (end->text[0] || bytes <= 0)
		snprintf(watched->text, sizeof(watched->text), "status %d, %.200s", end->status,
			 end->text);
	else
		snprintf(watched->text, sizeof(watched->text), "status %d, said: %.200s",
			 end->status, data);
}

enum outcome observe_outcome(struct watched *watched, int timeout_ms)
{
	uint64_t deadline = clock_now_ns() + (unsigned int)timeout_ms * NS_PER_MS;
	int progress = 0;
	char data[CHUNK];

	while (clock_now_ns() < deadline) {
		struct norma_task_end end;

		if (norma_connect(watched->socket_path)) {
			snprintf(watched->text, sizeof(watched->text), "%s", norma_last_error());
			return OUTCOME_HOST_GONE;
		}
		if (norma_task_wait(watched->console.task, 0, &end) != KERN_SUCCESS) {
			snprintf(watched->text, sizeof(watched->text), "%s", norma_last_error());
			continue; /* the daemon may be on its way out: the connect will tell */
		}
		if (end.state != NORMA_TASK_RUNNING) {
			explain_end(watched, &end);
			return outcome_of_end(&end);
		}
		if (read_some(watched, data, sizeof(data)) < 0)
			continue;
		if (strstr(data, "WRONG")) {
			snprintf(watched->text, sizeof(watched->text), "%s", strstr(data, "WRONG"));
			watched->text[strcspn(watched->text, "\n")] = 0;
			return OUTCOME_WRONG;
		}
		progress += count_lines(data, watched->progress);
		if (progress >= PROGRESS_LINES)
			return OUTCOME_WENT_ON;
	}
	return OUTCOME_HUNG;
}
