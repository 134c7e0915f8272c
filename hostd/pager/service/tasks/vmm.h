/*
 * A VMM of this host, as the pager sees it: its link, its userfaultfd, what it maps, which objects
 * it holds. When it is gone, everything it held is released.
 */
#ifndef SERVICE_VMM_H
#define SERVICE_VMM_H

#include <uthash.h>

#include "pager/service/tasks/mapping.h"
#include "pager/service/pager.h"

#define VMM_STRAY_FAULTS 64u

struct attach_call;
TAILQ_HEAD(attach_call_list, attach_call);

/* How often a VMM holds an object: publish, attach, minus release. */
struct vmm_reference {
	uint64_t id;
	struct object *object;
	unsigned int count;
	UT_hash_handle hh;
};

struct vmm {
	struct pager *pager;
	struct channel channel;
	bool is_leaving; /* the link is closed, the ring has yet to let go */
	int uffd;	 /* -1 before hello */
	struct ring_operation faults;
	struct mapping_table mappings;
	struct vmm_reference *references; /* a uthash by object id */
	struct attach_call_list attach_calls;
	/* Faults outside every mapping: woken after a while, so that a thread never hangs. */
	struct timer stray_timer;
	uint64_t stray[VMM_STRAY_FAULTS];
	unsigned int stray_count;
	TAILQ_ENTRY(vmm) of_pager;
};

/* Takes a connected socket of a new VMM. Return: 0 or -errno. */
int vmm_open(struct pager *pager, int take_fd);
/* Frees at once; only after the ring is done. */
void vmm_free(struct vmm *vmm);

/* Takes the VMM's userfaultfd and listens to it. Return: 0 or as uffd_check; -EEXIST. */
int vmm_take_uffd(struct vmm *vmm, int *fd);
/* One more or one less hold on an object. Return: 0, -ENOMEM; -ENOENT when it holds none. */
int vmm_hold(struct vmm *vmm, struct object *object);
int vmm_unhold(struct vmm *vmm, uint64_t object_id);
bool vmm_holds(const struct vmm *vmm, uint64_t object_id);

/* A thread that waits at an address that nothing can be done about: wakes it a little later. */
void vmm_stray_fault(struct vmm *vmm, uint64_t address);

/* Answers one request of the VMM (vmm_calls.c). Return: 0, or -errno to close the link. */
int vmm_call(struct vmm *vmm, struct link_message *message);

#endif
