/*
 * Calls about a host.
 */
#ifndef MACH_MACH_HOST_H
#define MACH_MACH_HOST_H

#include <mach/host_info.h>
#include <mach/kern_return.h>
#include <mach/port.h>
#include <mach/vm_types.h>

/*
 * The size of a page, the unit of every address range: 4096 bytes.
 * Return: KERN_SUCCESS; KERN_INVALID_ARGUMENT when host is HOST_NULL.
 */
kern_return_t host_page_size(host_t host, vm_size_t *ret_page_bytes);

/*
 * Facts about a host of the cluster. flavor HOST_BASIC_INFO: info points to a struct
 * host_basic_info; *info_count is its room in natural_t units, at least HOST_BASIC_INFO_COUNT, and
 * is set to what was written.
 * Return: KERN_SUCCESS; KERN_INVALID_ARGUMENT when host is not a host's name, or for another
 * flavor; KERN_FAILURE when there is too little room; KERN_NODE_DOWN when the host cannot be
 * reached.
 */
kern_return_t host_info(host_t host, host_flavor_t flavor, host_info_t info,
			mach_msg_type_number_t *info_count);

#endif
