/*
 * What a host keeps of a task that stands still: exactly what was given, until anything may have
 * changed the task.
 */
#include <check.h>
#include <fcntl.h>
#include <mach/vm_inherit.h>
#include <mach/vm_prot.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "child.h"
#include "run_suite.h"
#include "scene.h"
#include "template.h"

#define FILES_MAX (TEMPLATE_MAX_FILES + 1)

static struct vmm_set *set;
static struct task task;
static struct region_entry region;
static struct object_window windows[FILES_MAX];
static int fds[FILES_MAX];
static struct child_memory memory;

static void setup(void)
{
	harness_begin(&harness, 1);
	harness.configs[0].waiting_vmms = 1;
	harness.configs[0].waiting_vmms_most = 8;
	harness_start(&harness, 0);
	client_open(&harness, 0, &client);
	harness_settle(&harness);
	set = &harness.hosts[0]->vmms;
	task = (struct task){.hostd = harness.hosts[0]};
	for (uint64_t i = 0; i < FILES_MAX; i++) {
		windows[i] = (struct object_window){
		    .id = OBJECT_ALONG + i, .kind = OBJECT_FROZEN, .bytes = 4096};
		fds[i] = memfd_create("template", MFD_CLOEXEC);
		ck_assert_int_ge(fds[i], 0);
	}
	region = (struct region_entry){
	    .start = 0x10000,
	    .bytes = 4096,
	    .protection = VM_PROT_READ,
	    .max_protection = VM_PROT_ALL,
	    .inheritance = VM_INHERIT_COPY,
	    .object = OBJECT_ALONG,
	    .mapping = REGION_PRIVATE,
	};
	memory = (struct child_memory){
	    .regions = &region,
	    .region_count = 1,
	    .windows = windows,
	    .fds = fds,
	    .window_count = 1,
	};
}

static void teardown(void)
{
	for (unsigned int i = 0; i < FILES_MAX; i++)
		close(fds[i]);
	template_drop(&task);
	scene_end();
}

/* As a clone does: the export is asked for, answered, and what it gave is kept. */
static void keep(void)
{
	uint64_t mark;

	ck_assert(template_call_begins(&task, MESSAGE_vmm_export));
	mark = template_mark(&task);
	template_call_answered(&task);
	template_keep(&task, mark, &memory);
}

static void call(uint16_t type)
{
	if (template_call_begins(&task, type))
		template_call_answered(&task);
}

START_TEST(what_was_given_is_kept_with_descriptors_of_its_own)
{
	const struct child_memory *kept;

	keep();
	kept = template_use(&task, &(struct child_thread){0});
	ck_assert_ptr_nonnull(kept);
	ck_assert_uint_eq(kept->region_count, 1);
	ck_assert_mem_eq(kept->regions, &region, sizeof(region));
	ck_assert_uint_eq(kept->window_count, 1);
	ck_assert_mem_eq(kept->windows, windows, sizeof(windows[0]));
	ck_assert_int_ne(kept->fds[0], fds[0]);
	ck_assert_int_eq(fcntl(kept->fds[0], F_GETFD), FD_CLOEXEC);
}
END_TEST

static const struct {
	uint16_t type;
	bool is_kept;
} calls[] = {
    {MESSAGE_task_info, true},	       {MESSAGE_task_threads, true},
    {MESSAGE_vm_region, true},	       {MESSAGE_vm_read, true},
    {MESSAGE_thread_get_state, true},  {MESSAGE_vmm_export_end, true},
    {MESSAGE_vm_write, false},	       {MESSAGE_vm_allocate, false},
    {MESSAGE_vm_deallocate, false},    {MESSAGE_vm_protect, false},
    {MESSAGE_vm_inherit, false},       {MESSAGE_vm_copy, false},
    {MESSAGE_thread_create, false},    {MESSAGE_thread_set_state, false},
    {MESSAGE_thread_resume, false},    {MESSAGE_task_resume, false},
    {MESSAGE_vmm_export, false},       {MESSAGE_vmm_export_range, false},
    {MESSAGE_vmm_import_range, false}, {UINT16_MAX, false},
};
#define CALLS (int)(sizeof(calls) / sizeof(calls[0]))

START_TEST(only_calls_that_look_leave_it)
{
	keep();
	call(calls[_i].type);
	ck_assert_int_eq(template_is_kept(&task), calls[_i].is_kept);
	ck_assert_int_eq(template_use(&task, &(struct child_thread){0}) != NULL, calls[_i].is_kept);
}
END_TEST

/* Any of these may reach the task before the export does, or behind it. */
START_TEST(nothing_is_kept_when_another_call_is_under_way)
{
	uint64_t mark;

	ck_assert(template_call_begins(&task, MESSAGE_vm_write)); /* and is never answered */
	ck_assert(template_call_begins(&task, MESSAGE_vmm_export));
	mark = template_mark(&task);
	template_call_answered(&task);
	template_keep(&task, mark, &memory);
	ck_assert(!template_is_kept(&task));
	template_call_answered(&task);
	keep();
	ck_assert(template_is_kept(&task));
}
END_TEST

START_TEST(nothing_is_kept_when_a_call_came_after_the_export)
{
	for (int is_answered = 0; is_answered < 2; is_answered++) {
		uint64_t mark;

		ck_assert(template_call_begins(&task, MESSAGE_vmm_export));
		mark = template_mark(&task);
		ck_assert(template_call_begins(&task, MESSAGE_vm_write));
		template_call_answered(&task);
		if (is_answered)
			template_call_answered(&task);
		template_keep(&task, mark, &memory);
		ck_assert(!template_is_kept(&task));
		if (!is_answered)
			template_call_answered(&task);
	}
}
END_TEST

START_TEST(only_private_memory_that_came_as_files_is_kept)
{
	region.mapping = REGION_SHARED;
	keep();
	ck_assert(!template_is_kept(&task));
	region.mapping = REGION_FORKED;
	keep();
	ck_assert(!template_is_kept(&task));
	region.mapping = REGION_PRIVATE;
	region.object = 7; /* the pager's */
	keep();
	ck_assert(!template_is_kept(&task));
	region.object = OBJECT_ALONG;
	memory.window_count = FILES_MAX;
	keep();
	ck_assert(!template_is_kept(&task));
	memory.window_count = FILES_MAX - 1;
	keep();
	ck_assert(template_is_kept(&task));
}
END_TEST

static bool has_prepared(void *context)
{
	const struct vmm_pool *pool = context;

	return pool->count == 1 && TAILQ_FIRST(&pool->waiting)->is_prepared;
}

START_TEST(vmms_with_its_memory_end_with_it)
{
	const struct child_memory *kept;

	keep();
	kept = template_use(&task, &(struct child_thread){0});
	vmms_refill(set);
	harness_until(&harness, has_prepared, kept->pool, "a VMM is prepared");
	harness_settle(&harness);
	ck_assert_uint_eq(vmms_waiting(set), 2);
	call(MESSAGE_vm_write);
	ck_assert_uint_eq(set->pool_count, 0);
	harness_settle(&harness);
	ck_assert_uint_eq(vmms_waiting(set), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("template");
	TCase *tcase = tcase_create("template");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, what_was_given_is_kept_with_descriptors_of_its_own);
	tcase_add_loop_test(tcase, only_calls_that_look_leave_it, 0, CALLS);
	tcase_add_test(tcase, nothing_is_kept_when_another_call_is_under_way);
	tcase_add_test(tcase, nothing_is_kept_when_a_call_came_after_the_export);
	tcase_add_test(tcase, only_private_memory_that_came_as_files_is_kept);
	tcase_add_test(tcase, vmms_with_its_memory_end_with_it);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
