/*
 * The userfaultfd of a task's process: opening it for the pager, and the few things the VMM itself
 * does with it once the pager is gone. Addresses are host addresses, page-aligned.
 */
#ifndef MEMORY_USERFAULT_H
#define MEMORY_USERFAULT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Opens one that serves faults of the kernel too (KVM's are), with missing, minor and write-protect
 * faults on shared memory and poisoning. Non-blocking, close-on-exec. Return: a descriptor; -EPERM
 * without the right; -ENOSYS, -EINVAL when the kernel lacks a feature.
 */
int userfault_open(void);

/*
 * Is the page at hva registered with it? nothing: an address where this process maps nothing
 * readable. Asks for a copy from `nothing`, which cannot succeed: unregistered memory is refused
 * first.
 */
bool userfault_is_registered(int uffd, uint64_t hva, uint64_t nothing);

/* Marks a page as lost. Return: 0, -EEXIST when there is a page or a marker, -errno. */
int userfault_poison(int uffd, uint64_t hva);
/* Lifts write protection, without waking anybody. Return: 0 or -errno. */
int userfault_unprotect(int uffd, uint64_t hva, uint64_t bytes);
/* Lets waiting threads try again. */
void userfault_wake(int uffd, uint64_t hva, uint64_t bytes);

struct userfault_event {
	uint64_t hva;	       /* of the page */
	bool is_write_protect; /* a page that is there, but not for writing */
};

/* Takes the next page fault. Return: 0, -EAGAIN when there is none, -errno. */
int userfault_next(int uffd, struct userfault_event *ret_event);

#endif
