/*
 * What vm_region() tells about a region.
 */
#ifndef MACH_VM_REGION_H
#define MACH_VM_REGION_H

#include <mach/boolean.h>
#include <mach/port.h>
#include <mach/vm_behavior.h>
#include <mach/vm_inherit.h>
#include <mach/vm_prot.h>
#include <mach/vm_types.h>

typedef int vm_region_flavor_t;
typedef int *vm_region_info_t; /* points to the struct of the flavor */

#define VM_REGION_BASIC_INFO 10

struct vm_region_basic_info {
	vm_prot_t protection;
	vm_prot_t max_protection;
	vm_inherit_t inheritance;
	boolean_t shared;   /* other tasks map the same memory, or did */
	boolean_t reserved; /* always FALSE */
	vm_offset_t offset; /* of the region's start in its memory object */
	vm_behavior_t behavior;
	unsigned short user_wired_count;
};

typedef struct vm_region_basic_info vm_region_basic_info_data_t;
typedef struct vm_region_basic_info *vm_region_basic_info_t;

#define VM_REGION_BASIC_INFO_COUNT                                                                 \
	((mach_msg_type_number_t)(sizeof(vm_region_basic_info_data_t) / sizeof(int)))

#endif
