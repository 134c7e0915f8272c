/*
 * Names of tasks, threads and hosts. A name is valid on every node that knows the others, contains
 * the node where the thing is, and is not used again before all others were.
 */
#ifndef MACH_PORT_H
#define MACH_PORT_H

typedef unsigned int mach_port_t;
typedef unsigned int mach_msg_type_number_t; /* how many elements an array has */

typedef mach_port_t task_t;
typedef mach_port_t vm_task_t; /* a task, where a call is about its memory */
typedef mach_port_t thread_t;
typedef mach_port_t thread_act_t;
typedef mach_port_t host_t;
typedef mach_port_t ledger_port_t;
typedef host_t host_priv_t; /* a host, where a call is for its owner */

typedef mach_port_t *mach_port_array_t;
typedef thread_act_t *thread_act_array_t;
typedef ledger_port_t *ledger_port_array_t;

#define MACH_PORT_NULL ((mach_port_t)0)
#define TASK_NULL      ((task_t)0)
#define THREAD_NULL    ((thread_act_t)0)
#define HOST_NULL      ((host_t)0)
#define HOST_PRIV_NULL ((host_priv_t)0)

#endif
