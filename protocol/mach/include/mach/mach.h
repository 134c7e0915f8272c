/*
 * All Mach calls of norma: one set of headers for guest programs (calls are hypercalls) and for
 * client programs (libnorma, calls go through the host's daemon).
 */
#ifndef MACH_MACH_H
#define MACH_MACH_H

#include <mach/boolean.h>
#include <mach/exception.h>
#include <mach/host_info.h>
#include <mach/kern_return.h>
#include <mach/mach_error.h>
#include <mach/mach_host.h>
#include <mach/mach_init.h>
#include <mach/machine.h>
#include <mach/norma.h>
#include <mach/norma_task.h>
#include <mach/policy.h>
#include <mach/port.h>
#include <mach/task.h>
#include <mach/task_info.h>
#include <mach/task_special_ports.h>
#include <mach/thread_act.h>
#include <mach/thread_info.h>
#include <mach/thread_status.h>
#include <mach/time_value.h>
#include <mach/vm.h>
#include <mach/vm_attributes.h>
#include <mach/vm_behavior.h>
#include <mach/vm_inherit.h>
#include <mach/vm_prot.h>
#include <mach/vm_region.h>
#include <mach/vm_sync.h>
#include <mach/vm_types.h>

#endif
