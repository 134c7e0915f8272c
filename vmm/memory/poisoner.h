/*
 * Stands in for a dead pager: a thread that answers every page fault of the userfaultfd with
 * "lost", so that no page that another host may have changed is ever zero or stale.
 *
 * It takes no lock of ours: whoever holds one may be waiting for its answer. What it must know of a
 * mapping (is it private?) it asks the kernel.
 */
#ifndef MEMORY_POISONER_H
#define MEMORY_POISONER_H

#include <stdint.h>

struct poisoner;

/* Starts the thread. uffd is borrowed and must outlive it. Return: 0, -ENOMEM, -EMFILE, -EAGAIN. */
int poisoner_new(int uffd, struct poisoner **ret_poisoner);
/* Ends the thread. NULL is fine. */
void poisoner_free(struct poisoner *poisoner);

/* Drops the pages of a shared mapping, any of which may be stale: the next access to each is a
 * fault. */
void poisoner_drop(int uffd, uint64_t hva, uint64_t bytes);

#endif
