/*
 * The memory of one task: its address map, the objects behind it and the host mappings that carry
 * it out. Every function may be called by any thread unless it says otherwise; one rwlock inside
 * the space orders them (changes: writing; copies and look-ups: reading).
 *
 * Sizes and addresses are bytes of the task's address space; rounding to pages is done here, as
 * Mach does it. Nothing here stops threads except space_export, through the pauser given at the
 * start.
 */
#ifndef MEMORY_SPACE_H
#define MEMORY_SPACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mach/kern_return.h"
#include "mach/vm_behavior.h"
#include "mach/vm_inherit.h"
#include "mach/vm_prot.h"
#include "message/message.h"

struct machine;
struct space;

/* A range as a caller names it, not rounded. */
struct vm_extent {
	uint64_t address;
	uint64_t bytes;
};

struct region_list {
	const struct region_entry *regions;
	uint32_t count;
};

/* Memory that came along as files: windows[count], each with fds[i], which is set to -1 when it is
 * taken. */
struct window_list {
	const struct object_window *windows;
	int *fds;
	uint32_t count;
};

/*
 * How space_export stops the task's threads. Called with the space locked for writing, so a thread
 * that waits inside a space_ function counts as stopped, and must: `pause` returns 0 once no thread
 * is inside vcpu_run and none can enter it until `resume`; -ETIMEDOUT (nothing stopped, everything
 * runs on) when that takes until deadline_ns (CLOCK_MONOTONIC).
 */
struct space_pauser {
	int (*pause)(void *context, uint64_t deadline_ns);
	void (*resume)(void *context);
	void *context;
};

/*
 * Makes an empty space over the machine's reservation. machine is borrowed and must outlive the
 * space. pauser is copied; NULL: the task never has running threads. A task with many regions needs
 * a descriptor for each allocation: raise RLIMIT_NOFILE first. Return: 0, -ENOMEM, -errno of
 * opening /proc/self/pagemap.
 */
int space_new(struct machine *machine, const struct space_pauser *pauser, struct space **ret_space);
/* Unmaps everything, gives every object back, closes the pager's socket. NULL is fine. */
void space_free(struct space *space);

/* ---- the pager ---- */

/*
 * Takes the connected socket to this host's pager, opens a userfaultfd and introduces itself.
 * Without a pager everything works but space_export (modes that give memory) and space_import (of
 * any). Return: 0, -EBUSY if there is one already, -EPERM/-ENOSYS/-EINVAL when the kernel refuses
 * the userfaultfd (it must serve kernel-mode faults: root, or access to /dev/userfaultfd),
 * -ETIMEDOUT, -EPIPE, -EPROTO.
 */
int space_pager_connect(struct space *space, int take_socket_fd);
/*
 * For the control thread's poll: wait for POLLRDHUP | POLLHUP only, never read it. On hang-up call
 * space_pager_lost() once, then poll it no more. Return: -1 without a pager.
 */
int space_pager_fd(const struct space *space);
/* Does the pager know of any mapping, so that an access may have to wait for it? */
bool space_is_reported(const struct space *space);
/*
 * The pager died or does not answer. From the return of this function on, an access to a page that
 * only the pager could have made valid is a poisoned page (SIGBUS in KVM_RUN, KERN_MEMORY_ERROR
 * here), never zero and never stale. Memory that no other host was concerned with goes on. Called
 * by the thread that polls; idempotent. Return: 0, -ENOMEM/-EAGAIN if its thread cannot be started
 * (then the task must be ended).
 */
int space_pager_lost(struct space *space);

/* ---- Mach's calls on a task's memory (SPEC: vm_allocate ...) ---- */

struct space_attributes {
	vm_prot_t protection;
	vm_prot_t max_protection;
	vm_inherit_t inheritance;
};

enum space_placement {
	SPACE_ANYWHERE,	     /* first fit; the given address is ignored */
	SPACE_HINT,	     /* at the given address if it is free, else first fit */
	SPACE_FIXED,	     /* there or not at all */
	SPACE_FIXED_REPLACE, /* there, taking away what was mapped (space_map only) */
};

kern_return_t space_allocate(struct space *space, uint64_t *address, uint64_t bytes,
			     enum space_placement placement);
kern_return_t space_deallocate(struct space *space, uint64_t address, uint64_t bytes);

enum space_protect_what { SPACE_PROTECT_CURRENT, SPACE_PROTECT_MAXIMUM };

kern_return_t space_protect(struct space *space, uint64_t address, uint64_t bytes,
			    enum space_protect_what what, vm_prot_t protection);
kern_return_t space_inherit(struct space *space, uint64_t address, uint64_t bytes,
			    vm_inherit_t inheritance);

/* Where vm_map and vm_remap put regions. */
struct space_place_request {
	uint64_t address; /* rounded down; anywhere: where the search begins */
	uint64_t mask;	  /* bits that the address must not have */
	bool is_anywhere;
};

/* vm_map of zero-filled memory. A protection beyond the maximum is not refused, as in Mach. */
kern_return_t space_map_region(struct space *space, const struct space_place_request *place,
			       const struct space_attributes *attributes, uint64_t bytes,
			       uint64_t *ret_address);

/*
 * vm_copy, as if read and then written. Both ranges are checked before anything changes; after
 * KERN_MEMORY_ERROR (a page of another host is lost) part of the bytes may have been copied.
 */
kern_return_t space_copy(struct space *space, uint64_t source, uint64_t bytes,
			 uint64_t destination);

/*
 * vm_wire. The pages are brought into this host's memory and stay there, except that a page of an
 * object that is shared between hosts still moves to the host that stores to it. access
 * VM_PROT_NONE takes back one wiring; where there is none it changes nothing. Return: as
 * vm_map_wire_check, and KERN_MEMORY_ERROR (a page is lost), KERN_RESOURCE_SHORTAGE.
 */
kern_return_t space_wire(struct space *space, uint64_t address, uint64_t bytes, vm_prot_t access);

/* vm_behavior_set: noted, reported and inherited; nothing here reads ahead, so nothing else. */
kern_return_t space_behavior(struct space *space, uint64_t address, uint64_t bytes,
			     vm_behavior_t behavior);

/*
 * From now on the task may not get more than this (0: no limit): what would make its regions more
 * bytes than that is KERN_RESOURCE_SHORTAGE. What it has it keeps. Never waits.
 */
void space_limit_set(struct space *space, uint64_t bytes);

/* Objects that the pager fills get their pages from that cell (memory_cell.h). Before space_import.
 */
void space_cell_set(struct space *space, int cell);

/* What vm_region tells about one region. offset: into its object. */
struct space_region_info {
	uint64_t start;
	uint64_t bytes;
	vm_prot_t protection;
	vm_prot_t max_protection;
	vm_inherit_t inheritance;
	vm_behavior_t behavior;
	bool is_shared;
	uint32_t user_wired_count;
	uint64_t offset;
};

/* The region that contains address, else the next above it. Return: KERN_SUCCESS,
 * KERN_INVALID_ADDRESS. */
kern_return_t space_region(struct space *space, uint64_t address,
			   struct space_region_info *ret_info);

/* Copies bytes out of the task into buffer. The whole range is checked first. */
kern_return_t space_read(struct space *space, uint64_t address, void *buffer, uint64_t bytes);
/*
 * Copies data into the task, once [check_address, check_address + check_bytes) is found to be
 * writable (check_bytes 0: the range itself). KERN_INVALID_ADDRESS also when the data lies outside
 * the checked range.
 */
kern_return_t space_write(struct space *space, uint64_t address, const void *data, uint64_t bytes,
			  uint64_t check_address, uint64_t check_bytes);

/* ---- what the Linux personality and the loader need ---- */

/* Copies for system calls, honouring current protections. Return: 0, -EFAULT (hole, protection or
 * lost page; part of the bytes may have been copied). */
int space_copy_in(struct space *space, uint64_t address, void *buffer, size_t bytes);
int space_copy_out(struct space *space, uint64_t address, const void *data, size_t bytes);

struct space_map_request {
	uint64_t address; /* a multiple of the page size unless SPACE_ANYWHERE */
	uint64_t bytes;	  /* rounded up to pages; 0 is -EINVAL */
	enum space_placement placement;
	vm_prot_t protection;
	vm_prot_t max_protection; /* must contain protection */
	vm_inherit_t inheritance;
};

/*
 * New zero-filled memory.
 * Return: 0; -EINVAL (alignment, size, attributes); -EEXIST (SPACE_FIXED and occupied); -ENOMEM (no
 * room, outside the address space, too many regions, or the host has none). After -ENOMEM with
 * SPACE_FIXED_REPLACE the old memory is intact.
 */
int space_map(struct space *space, const struct space_map_request *request, uint64_t *ret_address);

/*
 * madvise(MADV_DONTNEED): the pages read as zero afterwards. address must be page-aligned, bytes is
 * rounded up. Return: 0, -EINVAL, -ENOMEM on a hole, -EACCES on a shared region without WRITE
 * (nothing changed), -EIO when a lost page is in a shared region.
 */
int space_discard(struct space *space, uint64_t address, uint64_t bytes);

/*
 * brk: moves the end of the area that starts at `start` from old_end to new_end (all page-aligned).
 * Growing extends the last region when it is plain private memory, so that a growing heap stays one
 * region. Return: 0, -EINVAL, -ENOMEM (occupied, or none left; nothing changed).
 */
int space_grow(struct space *space, uint64_t start, uint64_t old_end, uint64_t new_end);

/* For explaining a fault: is address in a region, and with which current protection?
 * `space` is a struct space (void so that it serves as a callback). Return: true and
 * *ret_protection, or false. */
bool space_protection_at(void *space, uint64_t address, vm_prot_t *ret_protection);

uint64_t space_virtual_bytes(struct space *space);
/* Bytes of the task's pages that are in this host's memory and mapped here. */
uint64_t space_resident_bytes(struct space *space);

/* ---- children ---- */

typedef void (*space_child_fn)(void *context) __attribute__((noreturn));

/*
 * How space_export forks this process, when it may.
 *
 * `fork` is called with the space locked and threads paused. It forks, calls first(first_context)
 * in the child, where only the calling thread exists, and returns 0 in the parent; -errno: there is
 * no child. `first` puts the space's things away and then calls child(context), which is to call
 * space_renew_after_fork.
 */
struct space_forker {
	int (*fork)(void *context, space_child_fn first, void *first_context);
	space_child_fn child;
	void *context;
	uint64_t pages_min; /* it is worth it when so many pages would be copied otherwise */
};

/*
 * What a fork costs over a waiting VMM: 120 us for the process and 400 us for its VM, and 0.07 us
 * for each page that is mapped; copying costs 0.7 us for a page.
 */
#define SPACE_FORK_PAGES_MIN 1000u

/* A description for vmm_export's reply. regions[region_count] and fds[window_count] belong to the
 * caller: space_exported_done(). */
struct space_exported {
	uint64_t pause_ns;
	bool is_forked; /* the child's process is a fork of this one */
	struct region_entry *regions;
	uint32_t region_count;
	uint32_t window_count;
	struct object_window windows[MESSAGE_MAX_FDS];
	int fds[MESSAGE_MAX_FDS];
};

/* What kind of child it is. */
struct space_child {
	enum export_mode mode;
	bool is_here; /* on this host: frozen memory that is complete goes along as files */
	const struct space_forker *forker; /* NULL: it is not to be a fork of this process */
};

void space_exported_done(struct space_exported *exported);

/*
 * Prepares what a child gets: publishes objects with the pager, freezes and copies
 * what the table "Objects and regions" of ARCHITECTURE.md says, and describes it. forker: NULL when
 * the child is not to be a fork of this process, on another host for one. All or nothing: after a
 * failure the task is as before. The objects are held until as many space_export_end as successful
 * space_export were made. Return: KERN_SUCCESS; KERN_INVALID_ARGUMENT (mode),
 * KERN_RESOURCE_SHORTAGE, KERN_OPERATION_TIMED_OUT (threads could not be stopped, or the pager did
 * not answer), KERN_MEMORY_ERROR (a page to be copied is lost), KERN_FAILURE (no pager, or it
 * refused); *ret_failure then holds a sentence.
 */
kern_return_t space_export(struct space *space, const struct space_child *child,
			   struct space_exported *ret_exported, struct failure *ret_failure);
/* What became of the last export: whoever it was for has the memory, or nobody has. In the latter
 * case regions that were not shared before are not shared any more. */
enum export_fate { EXPORT_FATE_TAKEN, EXPORT_FATE_REFUSED };
void space_export_end(struct space *space, enum export_fate fate);

/*
 * The same for the pages of a range, whatever their inheritance: shared (`copy` false) or as of
 * now. Addresses of the entries are this task's. Return: as space_export; KERN_INVALID_ARGUMENT for
 * 0 bytes, KERN_INVALID_ADDRESS when not all of it is allocated.
 */
kern_return_t space_export_range(struct space *space, struct vm_extent extent, bool is_copy,
				 struct space_exported *ret_exported, struct failure *ret_failure);

/*
 * In the child of a fork that space_export made, after machine_renew_after_fork: an empty space
 * without a pager that keeps the mappings which the parent described as REGION_FORKED, until
 * space_import; all others are gone. Return: 0, -errno of opening /proc/self/pagemap.
 */
int space_renew_after_fork(struct space *space);

/*
 * Fills an empty space with a child's regions, all or nothing; everything about the lists is
 * checked. REGION_FORKED entries must be what the fork kept. Return: KERN_SUCCESS;
 * KERN_INVALID_ADDRESS (unordered, overlapping, unaligned or outside); KERN_INVALID_ARGUMENT
 * (attributes, mapping against object kind, window too short); KERN_NO_SPACE (the space is not
 * empty); KERN_NODE_DOWN and others as the pager says when attaching; KERN_RESOURCE_SHORTAGE;
 * KERN_OPERATION_TIMED_OUT; KERN_FAILURE. *ret_failure then holds a sentence.
 */
kern_return_t space_import(struct space *space, struct region_list list, struct window_list along,
			   struct failure *ret_failure);

/*
 * Adds regions that space_export_range of this or another space described, moved so that the first
 * begins where `place` says, all with this inheritance. All or nothing. Return: as space_import;
 * KERN_INVALID_ADDRESS, KERN_NO_SPACE (place); KERN_INVALID_ARGUMENT (inheritance, no regions).
 */
kern_return_t space_import_range(struct space *space, const struct space_place_request *place,
				 vm_inherit_t inheritance, struct region_list list,
				 uint64_t *ret_address, struct failure *ret_failure);

#endif
