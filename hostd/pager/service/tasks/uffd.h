/*
 * What the pager does to a VMM's mappings through its userfaultfd, with the kernel's answers
 * sorted out: a range that is gone (the VMM unmapped it or died) is success, there is nobody to
 * serve. Addresses are the VMM's. All calls wake the threads that wait in the range unless said
 * otherwise.
 */
#ifndef SERVICE_UFFD_H
#define SERVICE_UFFD_H

#include <stdbool.h>
#include <stdint.h>

enum uffd_watch {
	UFFD_WATCH_COHERENT, /* missing, minor and write-protect faults */
	UFFD_WATCH_FROZEN,   /* missing and minor faults */
};

enum uffd_access { UFFD_READ, UFFD_WRITE };

/*
 * Judges a descriptor from outside: a userfaultfd whose handshake asked for what the pager needs
 * (missing, minor and write-protect on shmem) and for no events but page faults; makes it
 * non-blocking. Return: 0, -EBADF (not a userfaultfd), -ENOTSUP (wrong features), -errno.
 */
int uffd_check(int uffd);

/* Return: 0, -ESRCH (the process is gone), or -errno (-EINVAL, -ENOMEM: not a mapping that can be
 * watched). */
int uffd_register(int uffd, uint64_t address, uint64_t bytes, enum uffd_watch watch);
void uffd_unregister(int uffd, uint64_t address, uint64_t bytes);

/*
 * Maps pages that the memfd holds, writable or not; a page that is mapped already gets at least
 * this access. Return: 0, -ENODATA when the memfd has a hole there (*ret_mapped pages before it
 * are done), or -errno.
 */
int uffd_map(int uffd, uint64_t address, uint64_t pages, enum uffd_access access,
	     uint64_t *ret_mapped);
/* Maps following pages as far as they are in the memfd and not mapped; wakes nobody. */
void uffd_map_ahead(int uffd, uint64_t address, uint64_t pages, enum uffd_access access);
/* Takes write access to pages away, whether or not they are mapped now. Wakes nobody. */
int uffd_write_protect(int uffd, uint64_t address, uint64_t pages);
/* Gives it back to one page and lets waiting threads try again. */
int uffd_unprotect(int uffd, uint64_t address);
/* Makes every access to one page that the memfd does not hold end in SIGBUS. */
int uffd_poison(int uffd, uint64_t address);
/* Lets waiting threads try again. */
void uffd_wake(int uffd, uint64_t address, uint64_t bytes);

#endif
