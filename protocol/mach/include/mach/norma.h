/*
 * Calls that reach another node: Mach's NORMA family.
 */
#ifndef MACH_NORMA_H
#define MACH_NORMA_H

#include <mach/boolean.h>
#include <mach/kern_return.h>
#include <mach/port.h>

/*
 * Instead of a node's number, where a task is made: the host that is asked chooses a node whose CPU
 * suffices and that has room for the task's memory. KERN_RESOURCE_SHORTAGE when there is none;
 * norma_last_error() then has the figures of each node.
 */
#define NORMA_NODE_AUTO (-3)

/*
 * The number of the node where the caller is (its daemon's, for a client): what norma_task_clone
 * and norma_task_create take as child_node. `host` is not looked at. Return: KERN_SUCCESS.
 */
kern_return_t norma_node_self(host_t host, int *ret_node);

/*
 * Makes a child task on node child_node that shares all of the parent's memory, whatever the
 * regions' inheritance says; the child's regions have the parent's inheritance. The memory stays
 * coherent between the nodes, page by page, as long as both live. The child has no threads and is
 * not suspended. The parent runs on; it is not a snapshot. With inherit_memory FALSE the child has
 * no memory. child_node may be the parent's own node, or NORMA_NODE_AUTO.
 *
 * Return: KERN_SUCCESS with the child's name in *child_task;
 *         KERN_INVALID_ARGUMENT  parent_task is not a task, or child_node is not in the node table;
 *         KERN_INVALID_TASK      the caller may not use parent_task;
 *         KERN_NODE_DOWN         child_node, or the parent's node, cannot be reached;
 *         KERN_OPERATION_TIMED_OUT  it did not answer in time;
 *         KERN_RESOURCE_SHORTAGE no memory, or a limit was reached on child_node, or no node
 *                                can take the child.
 * After any failure no child exists anywhere and the parent is unchanged.
 */
kern_return_t norma_task_clone(task_t parent_task, boolean_t inherit_memory, int child_node,
			       task_t *child_task);

/*
 * Makes a child task on node child_node that gets the parent's memory as the regions' inheritance
 * says (see vm_inherit), as of the moment of the call. On the parent's own node it is task_create.
 * Return: as norma_task_clone.
 */
kern_return_t norma_task_create(task_t parent_task, boolean_t inherit_memory, int child_node,
				task_t *child_task);

/*
 * The node of the task, thread or host that `port` names. Nothing moves, so the hint is exact; when
 * that node does not answer it is still what the name says. `task` must be a living task.
 * Return: KERN_SUCCESS; KERN_INVALID_ARGUMENT when port is not the name of something in the
 * cluster.
 */
kern_return_t norma_port_location_hint(task_t task, mach_port_t port, int *ret_node);

#endif
