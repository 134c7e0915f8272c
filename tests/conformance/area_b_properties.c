/*
 * Section B: what task_create gives the child besides memory.
 */
#include "area_b.h"
#include "conformance.h"
#include "properties.h"

void case_54(void)
{
	task_t t = task_with_pages(1);

	code_do(t, CODE(store), R, 5);
	is_idle_and_not_suspended(task_fork(t));
}

void case_55(void)
{
	task_t c = 12345;
	unsigned int before = tasks_of_all_nodes();

	IS(KERN_INVALID_ARGUMENT, task_create(TASK_NULL, NULL, 0, TRUE, &c));
	EQUAL(12345, c);
	EQUAL(before, tasks_of_all_nodes());
}

void case_56(void)
{
	task_t t = task_with_pages(1);

	properties_set(t);
	bootstrap_is_inherited(task_fork(t));
}

void case_57(void)
{
	task_t t = task_with_pages(1);

	properties_set(t);
	registered_are_inherited(task_fork(t));
}

void case_58(void)
{
	task_t t = task_with_pages(1);

	properties_set(t);
	exception_hold_is_inherited(task_fork(t));
}

void case_61(void)
{
	task_t t = task_with_pages(1);

	OK(task_suspend(t));
	OK(task_suspend(t));
	is_idle_and_not_suspended(task_fork(t));
	EQUAL(2, task_facts(t).suspend_count);
}

void case_62(void)
{
	task_t t = task_with_pages(1);

	properties_set(t);
	scheduling_is_inherited(t, task_fork(t));
}
