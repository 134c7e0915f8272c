/*
 * Sentences for return codes. Freestanding.
 */
#include <stddef.h>

#include <mach/mach_error.h>

static const struct {
	kern_return_t code;
	const char *text;
} error_texts[] = {
    {KERN_SUCCESS, "the call succeeded"},
    {KERN_INVALID_ADDRESS, "the address range is not allocated or not inside the address space"},
    {KERN_PROTECTION_FAILURE, "the memory's protection does not allow this"},
    {KERN_NO_SPACE, "the address range is taken, or no free range is long enough"},
    {KERN_INVALID_ARGUMENT, "an argument is not valid"},
    {KERN_FAILURE, "the call failed"},
    {KERN_RESOURCE_SHORTAGE, "there is not enough memory, or a limit was reached"},
    {KERN_NOT_RECEIVER, "the caller does not hold the receive right"},
    {KERN_NO_ACCESS, "access is not allowed"},
    {KERN_MEMORY_FAILURE, "the memory's object is gone"},
    {KERN_MEMORY_ERROR, "a page was lost with the node or the pager that held it"},
    {KERN_NOT_IN_SET, "the right is not a member of a port set"},
    {KERN_NAME_EXISTS, "the name is taken"},
    {KERN_ABORTED, "the call was interrupted"},
    {KERN_INVALID_NAME, "the name does not denote a right"},
    {KERN_INVALID_TASK, "the task does not exist, or belongs to another user"},
    {KERN_INVALID_RIGHT, "the name denotes another kind of right"},
    {KERN_INVALID_VALUE, "a value is out of its range"},
    {KERN_UREFS_OVERFLOW, "there would be too many references to the right"},
    {KERN_INVALID_CAPABILITY, "the right is null or dead"},
    {KERN_RIGHT_EXISTS, "the task has this right under another name"},
    {KERN_INVALID_HOST, "this is not a host"},
    {KERN_MEMORY_PRESENT, "the page is in memory already"},
    {KERN_MEMORY_DATA_MOVED, "the data is in another object now"},
    {KERN_MEMORY_RESTART_COPY, "the copy has to be done again"},
    {KERN_INVALID_POLICY, "the scheduling policy does not exist or is not enabled"},
    {KERN_INVALID_OBJECT, "the object cannot be used for this"},
    {KERN_TERMINATED, "the thread has ended"},
    {KERN_NODE_DOWN, "the node cannot be reached"},
    {KERN_OPERATION_TIMED_OUT, "the node did not answer in time"},
};

const char *mach_error_string(kern_return_t code)
{
	for (size_t i = 0; i < sizeof(error_texts) / sizeof(error_texts[0]); i++)
		if (error_texts[i].code == code)
			return error_texts[i].text;
	return "a return code that this library does not know";
}
