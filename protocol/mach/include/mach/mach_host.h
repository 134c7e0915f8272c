/*
 * Calls about a host.
 */
#ifndef MACH_MACH_HOST_H
#define MACH_MACH_HOST_H

#include <mach/kern_return.h>
#include <mach/port.h>
#include <mach/vm_types.h>

/*
 * The size of a page, the unit of every address range: 4096 bytes.
 * Return: KERN_SUCCESS; KERN_INVALID_ARGUMENT when host is HOST_NULL.
 */
kern_return_t host_page_size(host_t host, vm_size_t *ret_page_bytes);

#endif
