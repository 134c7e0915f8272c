/*
 * The messages as structs with encoders and decoders, generated from calls.def and control.def.
 * For each message `x` there are struct x_request and struct x_reply, and for every struct `s`:
 *
 *   void s_encode(struct wire_writer *writer, const struct s *value);
 *   void s_decode(struct wire_reader *reader, struct s *ret_value);
 *
 * Errors stick to the writer or reader. Encoding what is over its cap is -EMSGSIZE. BYTES fields
 * borrow the reader's data, ARRAY fields (a pointer and `NAME_count`) live in the reader's scratch
 * area. Decoding checks every length and count against its cap; what the values mean is checked by
 * whoever acts on them.
 */
#ifndef MESSAGE_MESSAGE_H
#define MESSAGE_MESSAGE_H

#include <stdint.h>

#include "message/header.h"
#include "wire/wire.h"

#define CPU_CLEAR_MAX_BYTES 1024u /* of a list of CPUID bits, with its end */
#define EXPORT_MAX_REGIONS  1024u
#define CPU_MAX_LEAVES	    128u
#define CPU_MAX_XML	    8192u
#define CPU_MAX_WORDS	    32u
#define SPAWN_MAX_CHILDREN  1024u /* of one norma_task_spawn */

/* Scratch that is enough for the arrays of any one message (a unit test holds it to that). */
#define MESSAGE_MAX_SCRATCH (64u * 1024u)

#define THREAD_STATE64_BYTES 160u /* an encoded thread_state64 */

enum message_type {
#define CALL(number, name, route, executor) MESSAGE_##name = number,
#define CONTROL(number, name)		    MESSAGE_##name = number,
#include "message/calls.def"
#include "message/control.def"
#undef CALL
#undef CONTROL
};

enum message_route { ROUTE_NONE, ROUTE_HERE, ROUTE_TASK, ROUTE_THREAD, ROUTE_NODE };
enum message_executor { EXECUTOR_NONE, EXECUTOR_HOSTD, EXECUTOR_VMM };

/* How a child's memory comes about (vmm_export, peer_create_child). */
enum export_mode {
	EXPORT_EMPTY,  /* inherit_memory was false */
	EXPORT_CREATE, /* inheritance honoured: task_create, norma_task_create */
	EXPORT_CLONE,  /* everything shared: norma_task_clone */
	EXPORT_NUM_MODES,
};

/* What an object promises to those who map it. */
enum object_kind {
	OBJECT_COHERENT = 1, /* mapped shared; every store is seen by all */
	OBJECT_FROZEN = 2,   /* never changes again; mapped privately */
};

/* Ids of windows whose memfds go along with a message; no pager gives such ids. */
#define OBJECT_ALONG (UINT64_C(1) << 63)

enum region_mapping {
	REGION_SHARED = 1,  /* MAP_SHARED of a coherent object */
	REGION_PRIVATE = 2, /* MAP_PRIVATE over a frozen object */
	REGION_FORKED = 3,  /* the same, with pages of its own: the child's process has it mapped */
};

/* The descriptors that come first with the reply to a vmm_export that forked. */
enum forked_descriptor { FORKED_PIDFD, FORKED_CONTROL, FORKED_PAGER, FORKED_FDS };

enum console_stream { CONSOLE_STDOUT = 1, CONSOLE_STDERR = 2 };

enum task_state {
	TASK_STATE_RUNNING = 1,
	TASK_STATE_EXITED,    /* status: what the program said */
	TASK_STATE_EXCEPTION, /* status: 128 + Mach exception number; text says which */
	TASK_STATE_KILLED,    /* task_terminate, or its VMM died; text says which */
	TASK_STATE_LOADING,   /* norma_run_begin done, norma_run_start not yet */
};

/* What node_summary says of libvirt on a node. */
enum node_libvirt {
	NODE_LIBVIRT_OFF = 1, /* the configuration says so */
	NODE_LIBVIRT_ABSENT,  /* norma's module for it, or libvirt itself, is not installed */
	NODE_LIBVIRT_DOWN,    /* it does not answer */
	NODE_LIBVIRT_UP,
};

/* Whether a task of the node that was asked could go on there. */
enum node_cpu { NODE_CPU_UNKNOWN, NODE_CPU_COMPATIBLE, NODE_CPU_INCOMPATIBLE };

enum node_state { NODE_STATE_SELF = 1, NODE_STATE_UP, NODE_STATE_DOWN, NODE_STATE_UNKNOWN };

/* The structs. */
#define U32(name)	 uint32_t name;
#define U64(name)	 uint64_t name;
#define I32(name)	 int32_t name;
#define BYTES(name, max) struct wire_span name;
#define TEXT(name, max)	 char name[max];
#define ARRAY(element, name, max)                                                                  \
	const struct element *name;                                                                \
	uint32_t name##_count;
#define MESSAGE_STRUCT(struct_name)                                                                \
	struct struct_name {                                                                       \
		struct_name##_FIELDS                                                               \
	};                                                                                         \
	void struct_name##_encode(struct wire_writer *writer, const struct struct_name *value);    \
	void struct_name##_decode(struct wire_reader *reader, struct struct_name *ret_value);
#include "message/structs.def"

/* Return: where a call of this type goes; ROUTE_NONE when clients may not send it. */
enum message_route message_type_route(uint16_t type);
/* Return: who answers it; EXECUTOR_NONE when clients may not send it. */
enum message_executor message_type_executor(uint16_t type);
/* Return: the name, or "unknown". */
const char *message_type_name(uint16_t type);

#endif
