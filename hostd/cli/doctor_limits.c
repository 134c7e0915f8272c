/*
 * What norma asks of the process limits, of memory, and (for the lab only) of namespaces.
 */
#include "doctor.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* A task's address space is one reservation of this size (ARCHITECTURE.md). */
#define RESERVATION_BYTES (128ull << 30)
/* One task needs about a dozen descriptors in its own process, and three in hostd and pager. */
#define FILES_ENOUGH	  4096
#define FILES_LEAST	  256
#define MEMORY_ENOUGH_MIB 512

void doctor_address_space(struct doctor_finding *ret_finding)
{
	void *space = mmap(NULL, RESERVATION_BYTES, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (space == MAP_FAILED) {
		doctor_find(ret_finding, DOCTOR_FAIL,
			    "raise the limit on address space (ulimit -v unlimited)",
			    "a task's 128 GiB of addresses cannot be reserved: %s",
			    strerror(errno));
		return;
	}
	munmap(space, RESERVATION_BYTES);
	doctor_find(ret_finding, DOCTOR_OK, NULL, "128 GiB of addresses can be reserved");
}

void doctor_open_files(struct doctor_finding *ret_finding)
{
	static const char advice[] =
	    "raise the limit: LimitNOFILE= of the systemd unit, ulimit -n, "
	    "or /etc/security/limits.conf";
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		doctor_find(ret_finding, DOCTOR_FAIL, advice, "the limit cannot be read: %s",
			    strerror(errno));
	else if (limit.rlim_max < FILES_LEAST)
		doctor_find(ret_finding, DOCTOR_FAIL, advice, "at most %llu open files",
			    (unsigned long long)limit.rlim_max);
	else if (limit.rlim_max < FILES_ENOUGH)
		doctor_find(ret_finding, DOCTOR_WARN, advice,
			    "at most %llu open files: room for few tasks",
			    (unsigned long long)limit.rlim_max);
	else
		doctor_find(ret_finding, DOCTOR_OK, NULL, "up to %llu open files",
			    (unsigned long long)limit.rlim_max);
}

void doctor_memory(struct doctor_finding *ret_finding)
{
	char line[128];
	unsigned long long available_kib = 0;
	FILE *file = fopen("/proc/meminfo", "re");

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "MemAvailable: %llu kB", &available_kib) == 1)
			break;
	}
	if (file)
		fclose(file);
	if (available_kib / 1024 < MEMORY_ENOUGH_MIB)
		doctor_find(ret_finding, DOCTOR_WARN, "end something large, or add memory",
			    "%llu MiB available", available_kib / 1024);
	else
		doctor_find(ret_finding, DOCTOR_OK, NULL, "%llu MiB available",
			    available_kib / 1024);
}

void doctor_namespaces(struct doctor_finding *ret_finding)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		_exit(unshare(CLONE_NEWNET) < 0 ? 1 : 0);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0)
		doctor_find(ret_finding, DOCTOR_OK, NULL, "`norma lab` can make hosts here");
	else
		doctor_find(ret_finding, DOCTOR_WARN,
			    "only `norma lab` needs them: run it as root (in a container: with "
			    "CAP_SYS_ADMIN and CAP_NET_ADMIN)",
			    "this user cannot make network namespaces");
}
