/*
 * The model's pages and tasks: what sharing, copying and making children mean.
 */
#include "model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cell *cell_new(void)
{
	struct cell *cell = calloc(1, sizeof(*cell));

	if (!cell) {
		fprintf(stderr, "model: no memory\n");
		exit(2);
	}
	cell->references = 1;
	return cell;
}

void page_clear(struct page *page)
{
	if (page->cell && --page->cell->references == 0)
		free(page->cell);
	*page = (struct page){0};
}

void page_set_new(struct page *page)
{
	*page = (struct page){
	    .cell = cell_new(),
	    .protection = VM_PROT_READ | VM_PROT_WRITE,
	    .max_protection = VM_PROT_READ | VM_PROT_WRITE | VM_PROT_EXECUTE,
	    .inheritance = VM_INHERIT_COPY,
	    .behavior = VM_BEHAVIOR_DEFAULT,
	};
}

void page_set_shared(struct page *to, struct page *from)
{
	from->cell->references++;
	from->is_shared = true;
	*to = *from;
}

void page_set_copy(struct page *to, const struct page *from)
{
	*to = *from;
	to->cell = cell_new();
	memcpy(to->cell->bytes, from->cell->bytes, PAGE);
	to->is_shared = false;
}

struct page *model_page(struct model_task *task, uint64_t address)
{
	uint64_t index = (address - MODEL_START) / PAGE;

	if (address < MODEL_START || index >= MODEL_PAGES || !task->pages[index].cell)
		return NULL;
	return &task->pages[index];
}

static void task_end(struct model_task *task)
{
	for (int i = 0; i < MODEL_PAGES; i++)
		page_clear(&task->pages[i]);
	task->is_alive = false;
}

void model_clear(struct model *model)
{
	for (int slot = 0; slot < SLOTS; slot++)
		task_end(&model->tasks[slot]);
}

static void inherit_page(struct page *child, struct page *parent, bool is_clone)
{
	vm_inherit_t how = is_clone ? VM_INHERIT_SHARE : parent->inheritance;

	if (!parent->cell || how == VM_INHERIT_NONE)
		return;
	if (how == VM_INHERIT_SHARE)
		page_set_shared(child, parent);
	else
		page_set_copy(child, parent);
}

static kern_return_t make_child(struct model *model, const struct operation *operation,
				const struct outcome *real)
{
	struct model_task *parent = &model->tasks[operation->task];
	struct model_task *child = &model->tasks[operation->other];
	int node = operation->kind == TASK_CREATE ? parent->node : operation->node;

	if (node < 0 || node >= model->nodes)
		return KERN_INVALID_ARGUMENT;
	if (model->is_away[node] && real->code != KERN_SUCCESS)
		return KERN_NODE_DOWN;
	model->is_away[node] = false;
	child->is_alive = true;
	child->node = node;
	if (operation->flag)
		for (int i = 0; i < MODEL_PAGES; i++)
			inherit_page(&child->pages[i], &parent->pages[i],
				     operation->kind == NORMA_TASK_CLONE);
	return KERN_SUCCESS;
}

static kern_return_t make_first(struct model *model, const struct operation *operation,
				const struct outcome *real)
{
	if (model->is_away[operation->node] && real->code != KERN_SUCCESS)
		return KERN_NODE_DOWN;
	model->is_away[operation->node] = false;
	model->tasks[operation->other].is_alive = true;
	model->tasks[operation->other].node = operation->node;
	return KERN_SUCCESS;
}

kern_return_t model_perform(struct model *model, const struct operation *operation,
			    const struct outcome *real, struct outcome *ret_expected)
{
	*ret_expected = (struct outcome){0};
	if (operation->kind == MAKE_FIRST)
		return make_first(model, operation, real);
	if (operation->task < 0)
		return KERN_INVALID_ARGUMENT;
	if (operation->kind == VM_REMAP && operation->other < 0)
		return KERN_INVALID_ARGUMENT;
	if (operation_makes_task(operation->kind))
		return make_child(model, operation, real);
	if (operation->kind == TASK_TERMINATE || operation->kind == TASK_KILL) {
		task_end(&model->tasks[operation->task]);
		return KERN_SUCCESS;
	}
	return model_memory_call(model, operation, real, ret_expected);
}
