/*
 * The calls, as they are.
 */
#include "calls.h"

kern_return_t call_make_child(const struct operation *operation, task_t parent, task_t *ret_child)
{
	return make_child_rightly(operation, parent, ret_child);
}

kern_return_t call_inherit(task_t task, uint64_t address, uint64_t size, vm_inherit_t inheritance)
{
	return vm_inherit(task, address, size, inheritance);
}

kern_return_t call_write(task_t task, uint64_t address, const uint8_t *bytes, uint64_t size)
{
	return vm_write(task, address, (vm_offset_t)bytes, (mach_msg_type_number_t)size);
}

kern_return_t call_read(task_t task, uint64_t address, uint64_t size, uint8_t *bytes)
{
	return read_rightly(task, address, size, bytes);
}

bool calls_tell_shared(void)
{
	return true;
}
