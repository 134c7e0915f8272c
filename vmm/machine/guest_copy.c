/*
 * How the VMM itself touches a task's memory. process_vm_readv/writev on the own process walks the
 * same mappings a load or store would, but a hole, a protection or a poisoned page comes back as
 * EFAULT instead of a signal, and another thread may unmap the range at any moment without harm.
 */
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

#include "machine.h"

int guest_copy_in(const struct machine *machine, uint64_t gpa, void *buffer, size_t bytes)
{
	if (!machine_range_is_user(gpa, bytes))
		return -EFAULT;
	struct iovec local = {buffer, bytes};
	struct iovec remote = {machine_hva(machine, gpa), bytes};
	if (bytes == 0)
		return 0;
	ssize_t n = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
	return n == (ssize_t)bytes ? 0 : -EFAULT;
}

int guest_copy_out(const struct machine *machine, uint64_t gpa, const void *buffer, size_t bytes)
{
	if (!machine_range_is_user(gpa, bytes))
		return -EFAULT;
	/* An iovec has no const; the local side of a write is only read. */
	struct iovec local = {(void *)(uintptr_t)buffer, bytes};
	struct iovec remote = {machine_hva(machine, gpa), bytes};
	if (bytes == 0)
		return 0;
	ssize_t n = process_vm_writev(getpid(), &local, 1, &remote, 1, 0);
	return n == (ssize_t)bytes ? 0 : -EFAULT;
}
