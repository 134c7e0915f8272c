/*
 * Mach's calls on a task's memory, and what hostd asks of it to make children.
 */
#include <assert.h>
#include <string.h>

#include "answer.h"
#include "fork.h"
#include "mach/vm_region.h"
#include "space.h"
#include "task.h"

kern_return_t answer_vm_allocate(struct call *call, const struct vm_allocate_request *request,
				 struct vm_allocate_reply *reply)
{
	enum space_placement placement = request->anywhere ? SPACE_ANYWHERE : SPACE_FIXED;
	kern_return_t code;

	reply->address = request->address;
	code = space_allocate(call->task->space, &reply->address, request->size, placement);
	return call_fail_range(call, code, request->address, request->size);
}

kern_return_t answer_vm_deallocate(struct call *call, const struct vm_deallocate_request *request,
				   struct vm_deallocate_reply *reply)
{
	(void)reply;
	return call_fail_range(call,
			       space_deallocate(call->task->space, request->address, request->size),
			       request->address, request->size);
}

kern_return_t answer_vm_protect(struct call *call, const struct vm_protect_request *request,
				struct vm_protect_reply *reply)
{
	enum space_protect_what what =
	    request->set_maximum ? SPACE_PROTECT_MAXIMUM : SPACE_PROTECT_CURRENT;

	(void)reply;
	return call_fail_range(call,
			       space_protect(call->task->space, request->address, request->size,
					     what, (vm_prot_t)request->new_protection),
			       request->address, request->size);
}

kern_return_t answer_vm_inherit(struct call *call, const struct vm_inherit_request *request,
				struct vm_inherit_reply *reply)
{
	(void)reply;
	return call_fail_range(call,
			       space_inherit(call->task->space, request->address, request->size,
					     request->new_inheritance),
			       request->address, request->size);
}

kern_return_t answer_vm_region(struct call *call, const struct vm_region_request *request,
			       struct vm_region_reply *reply)
{
	struct space_region_info info;
	kern_return_t code;

	if (request->flavor != VM_REGION_BASIC_INFO)
		return call_fail(call, KERN_INVALID_ARGUMENT,
				 "vm_region flavor %u does not exist: use VM_REGION_BASIC_INFO",
				 request->flavor);
	code = space_region(call->task->space, request->address, &info);
	if (code)
		return call_fail(call, code, "task 0x%x has no region at or above 0x%llx",
				 call->task->name, (unsigned long long)request->address);
	*reply = (struct vm_region_reply){
	    .address = info.start,
	    .size = info.bytes,
	    .protection = (uint32_t)info.protection,
	    .max_protection = (uint32_t)info.max_protection,
	    .inheritance = info.inheritance,
	    .shared = info.is_shared,
	    .offset = info.offset,
	    .behavior = (uint32_t)info.behavior,
	    .user_wired_count = info.user_wired_count,
	};
	return KERN_SUCCESS;
}

kern_return_t answer_vm_read(struct call *call, const struct vm_read_request *request,
			     struct vm_read_reply *reply)
{
	kern_return_t code;

	if (request->size > MESSAGE_MAX_DATA)
		return call_fail(call, KERN_INVALID_ARGUMENT,
				 "vm_read of %llu bytes: one message carries at most %u",
				 (unsigned long long)request->size, MESSAGE_MAX_DATA);
	code = space_read(call->task->space, request->address, call->arena->data, request->size);
	reply->data = (struct wire_span){call->arena->data, (uint32_t)request->size};
	return call_fail_range(call, code, request->address, request->size);
}

kern_return_t answer_vm_write(struct call *call, const struct vm_write_request *request,
			      struct vm_write_reply *reply)
{
	(void)reply;
	return call_fail_range(call,
			       space_write(call->task->space, request->address, request->data.data,
					   request->data.bytes, request->check_address,
					   request->check_size),
			       request->address, request->data.bytes);
}

/* ---- children ---- */

/* The request is decoded, so its area can hold the reply's arrays until those are encoded: the
 * codec of the reply has the same caps. */
static const struct region_entry *exported_regions(struct call *call,
						   struct space_exported *exported)
{
	memcpy(call->arena->decoded, exported->regions,
	       exported->region_count * sizeof(exported->regions[0]));
	return (const struct region_entry *)call->arena->decoded;
}

static const struct object_window *exported_windows(struct call *call,
						    struct space_exported *exported)
{
	uint8_t *place = call->arena->decoded + EXPORT_MAX_REGIONS * sizeof(struct region_entry);
	size_t bytes = exported->window_count * sizeof(exported->windows[0]);

	static_assert(sizeof(exported->windows) +
			      EXPORT_MAX_REGIONS * sizeof(struct region_entry) <=
			  sizeof(call->arena->decoded),
		      "both lists fit");
	memcpy(place, exported->windows, bytes);
	memcpy(call->arena->reply_fds + call->arena->reply_fd_count, exported->fds,
	       exported->window_count * sizeof(int));
	call->arena->reply_fd_count += exported->window_count;
	exported->window_count = 0; /* the descriptors are the reply's now */
	return (const struct object_window *)place;
}

/* The descriptors of the reply: a new process's first, then the windows'. */
static void export_answer(struct call *call, struct space_exported *exported,
			  struct task_fork *fork, struct vmm_export_reply *reply)
{
	reply->pause_ns = exported->pause_ns;
	reply->forked = exported->is_forked;
	/* What a fork brings is for that child only. */
	reply->still = reply->still && !exported->is_forked;
	if (exported->is_forked)
		call->arena->reply_fd_count = task_fork_take(fork, call->arena->reply_fds);
	reply->regions_count = exported->region_count;
	reply->regions = exported_regions(call, exported);
	reply->windows_count = exported->window_count;
	reply->windows = exported_windows(call, exported);
	space_exported_done(exported);
}

kern_return_t answer_vmm_export(struct call *call, const struct vmm_export_request *request,
				struct vmm_export_reply *reply)
{
	struct space_exported exported;
	struct task_fork fork;
	const struct space_forker forker = task_fork_init(&fork, call->task);
	kern_return_t code;

	/* From here on, and not only at the end: a thread that ran meanwhile could have changed
	 * memory behind the export. */
	reply->still = threads_are_still(call->task);
	code = space_export(call->task->space,
			    &(struct space_child){
				.mode = (enum export_mode)request->mode,
				.is_here = request->here != 0,
				.forker = request->here == 1 ? &forker : NULL,
			    },
			    &exported, &call->failure);
	if (!code)
		export_answer(call, &exported, &fork, reply);
	task_fork_done(&fork);
	return code;
}

kern_return_t answer_vmm_export_end(struct call *call, const struct vmm_export_end_request *request,
				    struct vmm_export_end_reply *reply)
{
	(void)reply;
	space_export_end(call->task->space,
			 request->refused ? EXPORT_FATE_REFUSED : EXPORT_FATE_TAKEN);
	return KERN_SUCCESS;
}

kern_return_t answer_vmm_export_range(struct call *call,
				      const struct vmm_export_range_request *request,
				      struct vmm_export_range_reply *reply)
{
	const struct vm_extent extent = {request->address, request->bytes};
	struct space_exported exported;
	kern_return_t code = space_export_range(call->task->space, extent, request->copy != 0,
						&exported, &call->failure);

	if (code)
		return code;
	reply->regions_count = exported.region_count;
	reply->regions = exported_regions(call, &exported);
	space_exported_done(&exported);
	return KERN_SUCCESS;
}

kern_return_t answer_vmm_import_range(struct call *call,
				      const struct vmm_import_range_request *request,
				      struct vmm_import_range_reply *reply)
{
	const struct space_place_request place = {
	    .address = request->address,
	    .mask = request->mask,
	    .is_anywhere = request->anywhere != 0,
	};
	const struct region_list list = {request->regions, request->regions_count};

	return space_import_range(call->task->space, &place, request->inheritance, list,
				  &reply->address, &call->failure);
}
