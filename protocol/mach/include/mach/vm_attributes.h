/*
 * Attributes that vm_machine_attribute() gets and sets.
 */
#ifndef MACH_VM_ATTRIBUTES_H
#define MACH_VM_ATTRIBUTES_H

typedef unsigned int vm_machine_attribute_t;
typedef int vm_machine_attribute_val_t;

#define MATTR_CACHE	((vm_machine_attribute_t)1)
#define MATTR_MIGRATE	((vm_machine_attribute_t)2)
#define MATTR_REPLICATE ((vm_machine_attribute_t)4)

#define MATTR_VAL_OFF ((vm_machine_attribute_val_t)0)
#define MATTR_VAL_ON  ((vm_machine_attribute_val_t)1)
#define MATTR_VAL_GET ((vm_machine_attribute_val_t)2) /* changes nothing, only asks */

#endif
