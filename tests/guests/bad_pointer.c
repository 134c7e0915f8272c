/*
 * Passes bad pointers to system calls and then follows one.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static const uintptr_t addresses[] = {0,	  8, 0x1fffffffff, 0x2000000000, 0x7fffffffffff,
				      UINTPTR_MAX};

int main(void)
{
	int wrong = 0;
	for (unsigned int i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		void *bad = (void *)addresses[i];
		struct iovec vector = {bad, 10};
		wrong += write(1, bad, 10) != -1 || errno != EFAULT;
		wrong += syscall(SYS_writev, 1, bad, 2) != -1 || errno != EFAULT;
		wrong += writev(1, &vector, 1) != -1 || errno != EFAULT;
		wrong += syscall(SYS_clock_gettime, CLOCK_MONOTONIC, bad) != -1 || errno != EFAULT;
		wrong += syscall(SYS_uname, bad) != -1 || errno != EFAULT;
		wrong += syscall(SYS_readlink, bad, bad, 10) != -1 || errno != EFAULT;
		wrong += syscall(SYS_nanosleep, bad, NULL) != -1 || errno != EFAULT;
	}
	wrong += syscall(9999) != -1 || errno != ENOSYS;
	wrong += syscall(SYS_io_uring_setup, 1, 0) != -1 || errno != ENOSYS;
	printf("wrong=%d\n", wrong);
	fflush(stdout);
	*(volatile int *)(addresses[1] + 0x100000000) = 1;
	return 1;
}
