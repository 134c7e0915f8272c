/*
 * A task's memory in a process of its own, told what to do over a socket: what two VMMs are to each
 * other. The machine under it is a real one.
 */
#ifndef TESTS_MEMORY_PEER_H
#define TESTS_MEMORY_PEER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "memory_broker.h"
#include "space.h"

#define PEER_DATA_BYTES 65536u

struct peer {
	pid_t pid;
	int fd;
};

/* Starts a task. broker may be NULL: then it has no pager. */
struct peer peer_start(struct broker *broker);
/* Ends it and checks that it ended well, with as many descriptors and mappings as it began with. */
void peer_end(struct peer *peer);

/* The calls of space.h in that process. */
kern_return_t peer_allocate(struct peer *peer, uint64_t *address, uint64_t bytes,
			    enum space_placement placement);
kern_return_t peer_deallocate(struct peer *peer, uint64_t address, uint64_t bytes);
kern_return_t peer_protect(struct peer *peer, uint64_t address, uint64_t bytes,
			   enum space_protect_what what, vm_prot_t protection);
kern_return_t peer_inherit(struct peer *peer, uint64_t address, uint64_t bytes,
			   vm_inherit_t inheritance);
kern_return_t peer_region(struct peer *peer, uint64_t address, struct space_region_info *ret_info);
kern_return_t peer_read(struct peer *peer, uint64_t address, void *buffer, uint64_t bytes);
/* What a system call gets: 0 or -EFAULT, by the host's protections alone. */
int peer_copy_in(struct peer *peer, uint64_t address);
kern_return_t peer_write(struct peer *peer, uint64_t address, const void *data, uint64_t bytes);
int peer_map(struct peer *peer, const struct space_map_request *request, uint64_t *ret_address);
int peer_discard(struct peer *peer, uint64_t address, uint64_t bytes);
int peer_grow(struct peer *peer, uint64_t start, uint64_t old_end, uint64_t new_end);
kern_return_t peer_map_region(struct peer *peer, const struct space_place_request *place,
			      const struct space_attributes *attributes, uint64_t bytes,
			      uint64_t *ret_address);
kern_return_t peer_copy(struct peer *peer, uint64_t source, uint64_t bytes, uint64_t destination);
kern_return_t peer_wire(struct peer *peer, uint64_t address, uint64_t bytes, vm_prot_t access);
/* Bytes of the process that the kernel keeps in memory (VmLck). */
uint64_t peer_locked_bytes(struct peer *peer);
kern_return_t peer_behavior(struct peer *peer, uint64_t address, uint64_t bytes,
			    vm_behavior_t behavior);
void peer_limit(struct peer *peer, uint64_t bytes);
/* The parts of vm_remap; the export is kept until peer_export_end. */
kern_return_t peer_export_range(struct peer *peer, struct vm_extent extent, bool is_copy,
				struct region_entry *entries, uint32_t *ret_count);
kern_return_t peer_import_range(struct peer *peer, const struct space_place_request *place,
				vm_inherit_t inheritance, struct region_list list,
				uint64_t *ret_address);
uint64_t peer_virtual_bytes(struct peer *peer);
uint64_t peer_resident_bytes(struct peer *peer);
/* Bytes of all memfds that the process has open, each file once: what its memory costs. */
uint64_t peer_file_bytes(struct peer *peer);
/* Waits for the pager's hang-up and does what has to be done then. */
void peer_wait_pager_lost(struct peer *peer);
/* The same on a thread, which is done when the task ends. */
void peer_watch_pager(struct peer *peer);

/* From now on the nth time this step is reached it fails (1: the next). 0: never. */
void peer_fail_at(struct peer *peer, int step, uint32_t nth);

/* Exports; entries[EXPORT_MAX_REGIONS]. */
kern_return_t peer_export(struct peer *peer, enum export_mode mode, struct region_entry *entries,
			  uint32_t *ret_count);
/* In two halves, for a peer that is going to wait for something. */
void peer_read_begin(struct peer *peer, uint64_t address);
void peer_export_begin(struct peer *peer, enum export_mode mode);
/* Return: what the begun call returned. */
kern_return_t peer_finish(struct peer *peer);
void peer_export_end(struct peer *peer);
void peer_export_refused(struct peer *peer);
kern_return_t peer_import(struct peer *peer, const struct region_entry *entries, uint32_t count);
uint32_t peer_pauses(struct peer *peer);
/* A thread's last store before the next pause: value to address. */
void peer_store_at_pause(struct peer *peer, uint64_t address, uint8_t value);

/*
 * Export, a new task, import, export_end: all of which must succeed. The parent may fork for it,
 * from so many pages on; PEER_NEVER_FORKS unless a test sets it.
 */
#define PEER_NEVER_FORKS UINT64_MAX
extern uint64_t peer_fork_pages;
/* How many children were forks of their parents. */
extern uint32_t peer_forks;
/* The same without import and export_end, for a parent that is to be offered a fork. Return: the
 * export's; *ret_child is a fork, or pid is -1. */
kern_return_t peer_export_fork(struct broker *broker, struct peer *parent, enum export_mode mode,
			       struct region_list *ret_list, struct peer *ret_child);
struct peer peer_child(struct broker *broker, struct peer *parent, enum export_mode mode);

/* One byte, for shorter tests. Access must succeed. */
uint8_t peer_get(struct peer *peer, uint64_t address);
void peer_put(struct peer *peer, uint64_t address, uint8_t value);

#endif
