/*
 * Addresses and sizes of a task's memory: 64 bits, in bytes. An address of a task is a number, not
 * a pointer, unless the task is the one that runs the code.
 */
#ifndef MACH_VM_TYPES_H
#define MACH_VM_TYPES_H

typedef unsigned int natural_t;
typedef int integer_t;

typedef unsigned long vm_address_t;
typedef unsigned long vm_offset_t;
typedef unsigned long vm_size_t;

#endif
