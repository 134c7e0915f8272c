/*
 * The special ports of a task.
 */
#ifndef MACH_TASK_SPECIAL_PORTS_H
#define MACH_TASK_SPECIAL_PORTS_H

#define TASK_KERNEL_PORT    1 /* represents the task itself */
#define TASK_BOOTSTRAP_PORT 4 /* for finding services; children get a copy */

/* How many ports mach_ports_register() keeps for a task. */
#define TASK_PORT_REGISTER_MAX 3

#define task_get_kernel_port(task, port) task_get_special_port((task), TASK_KERNEL_PORT, (port))
#define task_set_kernel_port(task, port) task_set_special_port((task), TASK_KERNEL_PORT, (port))
#define task_get_bootstrap_port(task, port)                                                        \
	task_get_special_port((task), TASK_BOOTSTRAP_PORT, (port))
#define task_set_bootstrap_port(task, port)                                                        \
	task_set_special_port((task), TASK_BOOTSTRAP_PORT, (port))

#endif
