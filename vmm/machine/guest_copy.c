/*
 * How the VMM itself touches a task's memory: an ordinary copy whose fault is an error. A hole, a
 * protection or a poisoned page raises SIGSEGV or SIGBUS at the one instruction that copies, and
 * the handler lets it go on behind that with what is left to copy; another thread may unmap the
 * range at any moment without harm. process_vm_readv(2) does the same for 1 us a call, and each
 * hypercall needs two.
 */
#include <errno.h>
#include <ucontext.h>

#include "machine.h"
#include "vcpu_internal.h"

extern const char guest_copy_faults[], guest_copy_goes_on[];

/*
 * Return: bytes that could not be copied. Not compiled twice: there is one address that may fault.
 * The sanitizers see no load: the task's memory is not theirs.
 */
__attribute__((noinline, noclone)) static size_t copy(void *to, const void *from, size_t bytes)
{
	__asm__ volatile(".globl guest_copy_faults, guest_copy_goes_on\n"
			 ".hidden guest_copy_faults, guest_copy_goes_on\n"
			 "guest_copy_faults: rep movsb\n"
			 "guest_copy_goes_on:\n"
			 : "+D"(to), "+S"(from), "+c"(bytes)
			 :
			 : "memory");
	return bytes;
}

int guest_copy_recover(void *context)
{
	greg_t *rip = &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];

	if (*rip != (greg_t)guest_copy_faults)
		return 0;
	*rip = (greg_t)guest_copy_goes_on;
	return 1;
}

int guest_copy_in(const struct machine *machine, uint64_t gpa, void *buffer, size_t bytes)
{
	if (!machine_range_is_user(gpa, bytes))
		return -EFAULT;
	return copy(buffer, machine_hva(machine, gpa), bytes) ? -EFAULT : 0;
}

int guest_copy_out(const struct machine *machine, uint64_t gpa, const void *buffer, size_t bytes)
{
	if (!machine_range_is_user(gpa, bytes))
		return -EFAULT;
	return copy(machine_hva(machine, gpa), buffer, bytes) ? -EFAULT : 0;
}
