/*
 * The namespaces, bridge and veth pairs of a lab, made and deleted with ip(8).
 */
#include "lab.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli.h"

#define NAMESPACE_MAX 64

static void namespace_of_host(const struct lab *lab, unsigned int host, char *text)
{
	snprintf(text, NAMESPACE_MAX, "norma-%s-%u", lab->name, host);
}

static void namespace_of_hub(const struct lab *lab, char *text)
{
	snprintf(text, NAMESPACE_MAX, "norma-%s-hub", lab->name);
}

/* Return: ip's exit status, or -errno when it could not be run. */
static int ip_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Runs ip(8) on a batch of commands inside a namespace (NULL: here). */
static int ip_batch(const char *namespace, const char *commands)
{
	_cleanup_close_ int fd = memfd_create("ip-batch", MFD_CLOEXEC);
	pid_t pid;
	int r;

	if (fd < 0 || write(fd, commands, strlen(commands)) != (ssize_t)strlen(commands) ||
	    lseek(fd, 0, SEEK_SET) < 0)
		return cli_error("cannot hand commands to ip: %m."), -EIO;
	pid = fork();
	if (pid < 0)
		return cli_error("cannot start ip: %m."), -errno;
	if (pid == 0) {
		dup2(fd, STDIN_FILENO);
		if (namespace)
			execlp("ip", "ip", "-n", namespace, "-batch", "-", NULL);
		else
			execlp("ip", "ip", "-batch", "-", NULL);
		_exit(127);
	}
	r = ip_wait(pid);
	if (r == 127)
		cli_error("the command `ip` was not found; install the package iproute2.");
	return r == 0 ? 0 : -EIO;
}

int lab_network_check(void)
{
	pid_t pid;
	int r;

	if (geteuid() != 0)
		return cli_error("a lab needs network namespaces, which only root can make; "
				 "run it as root."),
		       -EPERM;
	pid = fork();
	if (pid < 0)
		return cli_error("cannot start a process: %m."), -errno;
	if (pid == 0)
		_exit(unshare(CLONE_NEWNET) < 0 ? errno : 0);
	r = ip_wait(pid);
	if (r == 0)
		return 0;
	cli_error("this machine does not let root make network namespaces (%s), so there can be no "
		  "lab here; in a container, start it with CAP_SYS_ADMIN and CAP_NET_ADMIN.",
		  strerror(r));
	return -EPERM;
}

struct batch {
	char *text;
	size_t bytes;
	FILE *stream;
};

static int batch_begin(struct batch *batch)
{
	batch->stream = open_memstream(&batch->text, &batch->bytes);
	return batch->stream ? 0 : -ENOMEM;
}

static int batch_run(struct batch *batch, const char *namespace)
{
	int r = fclose(batch->stream) == 0 ? 0 : -ENOMEM;

	if (r == 0)
		r = ip_batch(namespace, batch->text);
	free(batch->text);
	return r;
}

static int make_namespaces(const struct lab *lab)
{
	struct batch batch;
	char namespace[NAMESPACE_MAX];

	if (batch_begin(&batch) < 0)
		return -ENOMEM;
	namespace_of_hub(lab, namespace);
	fprintf(batch.stream, "netns add %s\n", namespace);
	for (unsigned int host = 0; host < lab->hosts; host++) {
		namespace_of_host(lab, host, namespace);
		fprintf(batch.stream, "netns add %s\n", namespace);
	}
	return batch_run(&batch, NULL);
}

static int make_bridge(const struct lab *lab)
{
	struct batch batch;
	char namespace[NAMESPACE_MAX];

	if (batch_begin(&batch) < 0)
		return -ENOMEM;
	fprintf(batch.stream, "link add hub type bridge\nlink set hub up\n");
	for (unsigned int host = 0; host < lab->hosts; host++) {
		namespace_of_host(lab, host, namespace);
		fprintf(batch.stream, "link add port%u type veth peer name eth0 netns %s\n", host,
			namespace);
		fprintf(batch.stream, "link set port%u master hub up\n", host);
	}
	namespace_of_hub(lab, namespace);
	return batch_run(&batch, namespace);
}

static int make_address(const struct lab *lab, unsigned int host)
{
	char commands[128], namespace[NAMESPACE_MAX];

	snprintf(commands, sizeof(commands),
		 "link set lo up\naddr add 10.77.%u.1/16 dev eth0\nlink set eth0 up\n", host);
	namespace_of_host(lab, host, namespace);
	return ip_batch(namespace, commands);
}

int lab_network_up(const struct lab *lab)
{
	int r = make_namespaces(lab);

	if (r == 0)
		r = make_bridge(lab);
	for (unsigned int host = 0; r == 0 && host < lab->hosts; host++)
		r = make_address(lab, host);
	return r;
}

/* Return: whether `name` is a namespace of this lab: norma-NAME-hub or norma-NAME-DIGITS. */
static bool is_ours(const struct lab *lab, const char *name)
{
	char prefix[NAMESPACE_MAX];
	size_t length = (size_t)snprintf(prefix, sizeof(prefix), "norma-%s-", lab->name);
	const char *rest = name + length;

	if (strncmp(name, prefix, length) != 0)
		return false;
	return strcmp(rest, "hub") == 0 || (*rest && strspn(rest, "0123456789") == strlen(rest));
}

int lab_network_down(const struct lab *lab)
{
	struct batch batch;
	DIR *directory = opendir(LAB_NAMESPACES_DIR);
	unsigned int count = 0;
	int r;

	if (!directory)
		return errno == ENOENT ? 0 : -errno;
	r = batch_begin(&batch);
	for (struct dirent *entry; r == 0 && (entry = readdir(directory));) {
		if (!is_ours(lab, entry->d_name))
			continue;
		fprintf(batch.stream, "netns del %s\n", entry->d_name);
		count++;
	}
	closedir(directory);
	if (r < 0)
		return r;
	if (count == 0) {
		fclose(batch.stream);
		free(batch.text);
		return 0;
	}
	return batch_run(&batch, NULL);
}

int lab_network_enter(const struct lab *lab, unsigned int host)
{
	char namespace[NAMESPACE_MAX], path[PATH_MAX];
	_cleanup_close_ int fd = -1;

	namespace_of_host(lab, host, namespace);
	snprintf(path, sizeof(path), LAB_NAMESPACES_DIR "/%s", namespace);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		return -errno;
	return 0;
}
