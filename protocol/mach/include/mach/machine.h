/*
 * Kinds of CPUs, as host_info() reports them.
 */
#ifndef MACH_MACHINE_H
#define MACH_MACHINE_H

#include <mach/vm_types.h>

typedef integer_t cpu_type_t;
typedef integer_t cpu_subtype_t;

#define CPU_TYPE_X86_64	       ((cpu_type_t)0x01000007)
#define CPU_SUBTYPE_X86_64_ALL ((cpu_subtype_t)3)

#endif
