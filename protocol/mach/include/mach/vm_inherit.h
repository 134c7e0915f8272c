/*
 * What a child task gets of a region.
 */
#ifndef MACH_VM_INHERIT_H
#define MACH_VM_INHERIT_H

typedef unsigned int vm_inherit_t;

#define VM_INHERIT_SHARE       ((vm_inherit_t)0) /* shared with the child */
#define VM_INHERIT_COPY	       ((vm_inherit_t)1) /* a copy, as of the child's creation */
#define VM_INHERIT_NONE	       ((vm_inherit_t)2) /* absent from the child */
#define VM_INHERIT_DONATE_COPY ((vm_inherit_t)3) /* defined by Mach, never accepted */
#define VM_INHERIT_DEFAULT     VM_INHERIT_COPY
#define VM_INHERIT_LAST_VALID  VM_INHERIT_NONE

#endif
