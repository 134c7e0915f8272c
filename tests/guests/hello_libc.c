/*
 * An ordinary C program, built statically with glibc and with musl: exercises what a C library
 * starts with and the memory calls; the exit status counts what went wrong.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static __thread int thread_local_number = 42;

static int check_memory(void)
{
	char *big = malloc(3 << 20);
	if (!big)
		return 1;
	memset(big, 'x', 3 << 20);
	big = realloc(big, 9 << 20);
	int wrong = !big || big[(3 << 20) - 1] != 'x';
	free(big);
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	wrong += page == MAP_FAILED;
	page[0] = 1;
	wrong += madvise(page, 8192, MADV_DONTNEED) != 0 || page[0] != 0;
	wrong += mprotect(page, 4096, PROT_READ) != 0;
	wrong += munmap(page, 8192) != 0;
	return wrong;
}

static int check_time(void)
{
	struct timespec before, after, nap = {0, 2000000};
	clock_gettime(CLOCK_MONOTONIC, &before);
	int wrong = nanosleep(&nap, NULL) != 0;
	clock_gettime(CLOCK_MONOTONIC, &after);
	long long ns =
	    (after.tv_sec - before.tv_sec) * 1000000000LL + after.tv_nsec - before.tv_nsec;
	return wrong + (ns < 2000000 || time(NULL) < 1000000000);
}

int main(int argc, char **argv, char **envp)
{
	struct utsname name;
	unsigned char random[16] = {0}, zero[16] = {0};
	char link[256] = {0};
	volatile double two = 2.0;
	int wrong = check_memory() + check_time();
	wrong += uname(&name) != 0 || strcmp(name.sysname, "Linux") != 0;
	wrong += getrandom(random, sizeof(random), 0) != 16 || memcmp(random, zero, 16) == 0;
	wrong += readlink("/proc/self/exe", link, sizeof(link) - 1) <= 0;
	wrong += fopen("/etc/passwd", "r") != NULL || errno != ENOENT;
	wrong += isatty(1);
	wrong += thread_local_number != 42 || getpid() <= 0;
	wrong += sqrt(two) < 1.41 || sqrt(two) > 1.42;
	for (int i = 0; i < argc; i++)
		printf("%d=%s\n", i, argv[i]);
	printf("%s wrong=%d\n", envp[0], wrong);
	char line[64];
	if (fgets(line, sizeof(line), stdin))
		printf("read %s", line);
	return wrong;
}
