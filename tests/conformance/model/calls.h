/*
 * The calls that a deliberate mistake can be put in front of. right_calls.c makes them as they are;
 * mistaken_calls.c, built once for each mistake, makes them wrongly, so that a test can prove that
 * the model finds such a system out.
 */
#ifndef MODEL_CALLS_H
#define MODEL_CALLS_H

#include "operation.h"

/* task_create, norma_task_create and norma_task_clone. */
kern_return_t call_make_child(const struct operation *operation, task_t parent, task_t *ret_child);
kern_return_t call_inherit(task_t task, uint64_t address, uint64_t size, vm_inherit_t inheritance);
kern_return_t call_write(task_t task, uint64_t address, const uint8_t *bytes, uint64_t size);
/* vm_read_overwrite */
kern_return_t call_read(task_t task, uint64_t address, uint64_t size, uint8_t *bytes);

/* Is the `shared` attribute worth comparing? Not where a mistake would be given away by it alone.
 */
bool calls_tell_shared(void);

/* The call itself. */
kern_return_t make_child_rightly(const struct operation *operation, task_t parent,
				 task_t *ret_child);
kern_return_t read_rightly(task_t task, uint64_t address, uint64_t size, uint8_t *bytes);

#endif
