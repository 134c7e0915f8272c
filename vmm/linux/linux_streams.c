/*
 * The three standard streams: a console that is no terminal.
 */
#include "linux_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#define VECTORS_MAX 1024
#define POLLS_MAX   64
#define MILLISECOND INT64_C(1000000)
/* Linux's own limit of one read or write. */
#define TRANSFER_MAX UINT64_C(0x7ffff000)

int linux_stream_check(const struct linux_call *call, uint64_t fd)
{
	struct linux_task *task = call->thread->task;
	if (fd >= LINUX_STREAMS)
		return -EBADF;
	pthread_mutex_lock(&task->lock);
	int is_closed = task->closed_streams >> fd & 1;
	pthread_mutex_unlock(&task->lock);
	return is_closed ? -EBADF : 0;
}

/* Return: bytes written, or -errno if there were none. */
static int64_t stream_write(struct linux_call *call, int stream, uint64_t address, uint64_t bytes)
{
	const struct linux_host *host = call_host(call);
	uint8_t *buffer = malloc(LINUX_CHUNK_BYTES);
	int64_t result = buffer ? 0 : -ENOMEM;
	uint64_t done = 0;
	while (result >= 0 && done < bytes) {
		size_t chunk =
		    bytes - done < LINUX_CHUNK_BYTES ? (size_t)(bytes - done) : LINUX_CHUNK_BYTES;
		result = call_copy_in(call, address + done, buffer, chunk);
		if (result == 0)
			result = host->console_write(host->context, stream, buffer, chunk);
		if (result == 0)
			break;
		if (result > 0)
			done += (uint64_t)result;
	}
	free(buffer);
	if (result == -EINTR)
		result = LINUX_RESTART;
	return done ? (int64_t)done : result;
}

static int64_t stream_read(struct linux_call *call, uint64_t address, uint64_t bytes)
{
	const struct linux_host *host = call_host(call);
	size_t chunk = bytes < LINUX_CHUNK_BYTES ? (size_t)bytes : LINUX_CHUNK_BYTES;
	if (chunk == 0)
		return 0;
	uint8_t *buffer = malloc(chunk);
	if (!buffer)
		return -ENOMEM;
	int64_t result = host->console_read(host->context, buffer, chunk);
	if (result == -EINTR)
		result = LINUX_RESTART;
	if (result > 0 && call_copy_out(call, address, buffer, (size_t)result))
		result = -EFAULT;
	free(buffer);
	return result;
}

int64_t linux_write(struct linux_call *call)
{
	int ret = linux_stream_check(call, call->args[0]);
	if (ret || call->args[0] == 0)
		return -EBADF;
	uint64_t bytes = call->args[2] < TRANSFER_MAX ? call->args[2] : TRANSFER_MAX;
	return stream_write(call, (int)call->args[0], call->args[1], bytes);
}

int64_t linux_read(struct linux_call *call)
{
	int ret = linux_stream_check(call, call->args[0]);
	if (ret || call->args[0] != 0)
		return -EBADF;
	return stream_read(call, call->args[1], call->args[2]);
}

/* Copy the vector once and check the copy. Return: 0 with *ret_vectors to be freed, or -errno. */
static int vectors_in(struct linux_call *call, struct iovec **ret_vectors)
{
	uint64_t count = call->args[2], total = 0;
	if (count > VECTORS_MAX)
		return -EINVAL;
	struct iovec *vectors = calloc(count + 1, sizeof(*vectors));
	if (!vectors)
		return -ENOMEM;
	int ret = call_copy_in(call, call->args[1], vectors, count * sizeof(*vectors));
	for (uint64_t i = 0; i < count && !ret; i++)
		if (__builtin_add_overflow(total, vectors[i].iov_len, &total) || total > INT64_MAX)
			ret = -EINVAL;
	if (ret) {
		free(vectors);
		return ret;
	}
	*ret_vectors = vectors;
	return 0;
}

int64_t linux_writev(struct linux_call *call)
{
	struct iovec *vectors;
	int64_t result = 0, done = 0;
	int ret = linux_stream_check(call, call->args[0]);
	if (ret || call->args[0] == 0)
		return -EBADF;
	ret = vectors_in(call, &vectors);
	if (ret)
		return ret;
	for (uint64_t i = 0; i < call->args[2]; i++) {
		result = stream_write(call, (int)call->args[0], (uintptr_t)vectors[i].iov_base,
				      vectors[i].iov_len);
		if (result > 0)
			done += result;
		if (result < (int64_t)vectors[i].iov_len)
			break;
	}
	free(vectors);
	return done ? done : result;
}

/* One console read fills the first buffer that has room, a short read as a terminal gives it. */
int64_t linux_readv(struct linux_call *call)
{
	struct iovec *vectors;
	int64_t result = 0;
	int ret = linux_stream_check(call, call->args[0]);
	if (ret || call->args[0] != 0)
		return -EBADF;
	ret = vectors_in(call, &vectors);
	if (ret)
		return ret;
	for (uint64_t i = 0; i < call->args[2]; i++) {
		if (vectors[i].iov_len == 0)
			continue;
		result = stream_read(call, (uintptr_t)vectors[i].iov_base, vectors[i].iov_len);
		break;
	}
	free(vectors);
	return result;
}

int64_t linux_ioctl(struct linux_call *call)
{
	int ret = linux_stream_check(call, call->args[0]);
	return ret ? ret : -ENOTTY;
}

int64_t linux_fcntl(struct linux_call *call)
{
	int ret = linux_stream_check(call, call->args[0]);
	if (ret)
		return ret;
	switch ((int)call->args[1]) {
	case F_GETFD:
	case F_SETFD:
		return 0;
	case F_GETFL:
		return call->args[0] == 0 ? O_RDONLY : O_WRONLY;
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		return -EMFILE;
	default:
		return -EINVAL;
	}
}

int64_t linux_close(struct linux_call *call)
{
	struct linux_task *task = call->thread->task;
	int ret = linux_stream_check(call, call->args[0]);
	if (ret)
		return ret;
	pthread_mutex_lock(&task->lock);
	task->closed_streams |= (uint8_t)(1u << call->args[0]);
	pthread_mutex_unlock(&task->lock);
	return 0;
}

int64_t linux_lseek(struct linux_call *call)
{
	int ret = linux_stream_check(call, call->args[0]);
	return ret ? ret : -ESPIPE;
}

/* Return: how many descriptors have something to say without waiting. */
static int64_t polls_scan(struct linux_call *call, struct pollfd *polls, uint64_t count,
			  int is_readable)
{
	int64_t ready = 0;
	for (uint64_t i = 0; i < count; i++) {
		polls[i].revents = 0;
		if (polls[i].fd < 0)
			continue;
		if (linux_stream_check(call, (uint64_t)polls[i].fd))
			polls[i].revents = POLLNVAL;
		else if (polls[i].fd > 0)
			polls[i].revents = polls[i].events & (POLLOUT | POLLWRNORM);
		else if (is_readable)
			polls[i].revents = polls[i].events & (POLLIN | POLLRDNORM);
		ready += polls[i].revents != 0;
	}
	return ready;
}

static int polls_want_input(const struct pollfd *polls, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		if (polls[i].fd == 0 && (polls[i].events & (POLLIN | POLLRDNORM)))
			return 1;
	return 0;
}

int64_t linux_poll(struct linux_call *call)
{
	const struct linux_host *host = call_host(call);
	struct pollfd polls[POLLS_MAX];
	uint64_t count = call->args[1];
	if (count > POLLS_MAX)
		return -EINVAL;
	int ret = call_copy_in(call, call->args[0], polls, count * sizeof(polls[0]));
	if (ret)
		return ret;
	int64_t timeout_ns = (int64_t)(int)call->args[2] * MILLISECOND;
	if (polls_scan(call, polls, count, 0))
		timeout_ns = 0;
	int64_t is_readable = polls_want_input(polls, count)
				  ? host->console_wait(host->context, timeout_ns)
				  : linux_sleep(call, timeout_ns);
	if (is_readable == -EINTR || is_readable == LINUX_RESTART)
		return LINUX_RESTART;
	int64_t ready = polls_scan(call, polls, count, is_readable > 0);
	ret = call_copy_out(call, call->args[0], polls, count * sizeof(polls[0]));
	return ret ? ret : ready;
}
