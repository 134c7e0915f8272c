/*
 * libnorma: what a client program can do besides the Mach calls (mach/mach.h) on its host's
 * norma-hostd: run programs as tasks, follow their console, list and measure.
 *
 * A connection belongs to the thread that made it, with its self task and its last error: every
 * thread that makes calls connects for itself, and nothing needs a lock. One call at a time runs on
 * a connection. Calls return Mach return codes; those of mach/task.h apply to all. Results are
 * written on KERN_SUCCESS only.
 */
#ifndef CLIENT_NORMA_H
#define CLIENT_NORMA_H

#include <stddef.h>
#include <stdint.h>

#include <mach/mach.h>

#define NORMA_DEFAULT_SOCKET "/run/norma/hostd.sock"
#define NORMA_TEXT_BYTES     240 /* sentences, with their end */
#define NORMA_NAME_BYTES     64	 /* images and addresses in lists, with their end */
#define NORMA_WHY_BYTES	     128
#define NORMA_VENDOR_BYTES   32

/*
 * Connects this thread to the daemon's socket at `path`; NULL: $NORMA_SOCKET, or else
 * NORMA_DEFAULT_SOCKET. A connection that the thread has already is closed first.
 * Return: 0, or -errno (-ENOENT, -ECONNREFUSED: no daemon there; -EACCES; -EPROTO: another version
 * of the protocol; -ETIMEDOUT) with a sentence in norma_last_error().
 */
int norma_connect(const char *path);

/* Closes this thread's connection, if any. To be called before the thread ends. */
void norma_disconnect(void);

/*
 * Return: a sentence that says what failed and why, for the last call of this thread that the
 * daemon refused or that could not be made; valid until the thread's next call, never NULL. (A call
 * that the library refuses itself, such as a flavor that does not exist, only has its return code.)
 */
const char *norma_last_error(void);

/* Says which task mach_task_self() names on this thread's connection; TASK_NULL: none. */
void norma_set_self_task(task_t task);

/*
 * Runs a static Linux x86-64 program as a new task on `node`, which may be NORMA_NODE_AUTO.
 * image_path is read by the caller. arguments and environment end with NULL, as for execve(2);
 * environment may be NULL. Together they may be 32 KiB each. Return: KERN_SUCCESS with its name in
 * *ret_task, running; KERN_INVALID_ARGUMENT when the image cannot be read or is no such program, or
 * node does not exist; KERN_RESOURCE_SHORTAGE. After a failure there is no task.
 */
kern_return_t norma_run(const char *image_path, char *const arguments[], char *const environment[],
			int node, task_t *ret_task);

/* The same, with norma_exception_hold(task, TRUE) before the first instruction. */
kern_return_t norma_run_held(const char *image_path, char *const arguments[],
			     char *const environment[], int node, task_t *ret_task);

enum norma_task_state {
	NORMA_TASK_RUNNING = 1,
	NORMA_TASK_EXITED = 2,	  /* status: what the program said */
	NORMA_TASK_EXCEPTION = 3, /* status: 128 + Mach exception number; text says which */
	NORMA_TASK_KILLED = 4,	  /* task_terminate, or its process died; text says which */
	NORMA_TASK_LOADING = 5,	  /* norma_run is on its way */
};

struct norma_task_end {
	enum norma_task_state state;
	int status;
	char text[NORMA_TEXT_BYTES];
};

/*
 * Waits until the task ends, at most timeout_ms.
 * Return: KERN_SUCCESS, after timeout_ms with state NORMA_TASK_RUNNING (or _LOADING).
 */
kern_return_t norma_task_wait(task_t task, unsigned int timeout_ms, struct norma_task_end *ret_end);

enum norma_stream { NORMA_STDOUT = 1, NORMA_STDERR = 2 };

/* A reader's place in a task's output. Set task, attach and timeout_ms, all else 0. */
struct norma_console {
	task_t task;
	unsigned int timeout_ms;
	/*
	 * TRUE: while this reader is connected, the task waits when the host's buffer is full;
	 * FALSE: the oldest output is dropped, and `offset` jumps.
	 */
	boolean_t attach;
	uint64_t offset;	  /* next byte to read, counted from the task's start */
	enum norma_stream stream; /* out: where the data came from */
	boolean_t end;		  /* out: the task has ended and all was read */
};

/*
 * Reads output into data[capacity] and advances console->offset. Waits for some, at most
 * timeout_ms; *ret_bytes is 0 after that and at the end.
 */
kern_return_t norma_console_read(struct norma_console *console, void *data, size_t capacity,
				 size_t *ret_bytes);

/*
 * Gives the task bytes for its standard input; `end` TRUE: no more will come. *ret_accepted may be
 * less than `bytes` (and 0) while the program does not read.
 */
kern_return_t norma_console_write(task_t task, const void *data, size_t bytes, boolean_t end,
				  size_t *ret_accepted);

struct norma_task_row {
	task_t task;
	task_t parent; /* TASK_NULL when it was run, not created */
	unsigned int owner_uid;
	enum norma_task_state state;
	unsigned int threads;
	unsigned int vmm_pid; /* the process that is the task, on its node */
	uint64_t virtual_bytes;
	uint64_t age_ms;
	char image[NORMA_NAME_BYTES];
};

/* Lists the tasks of a node: *ret_rows is an array of *ret_count, for the caller to free(3). */
kern_return_t norma_task_list(int node, struct norma_task_row **ret_rows, size_t *ret_count);

enum norma_node_state {
	NORMA_NODE_SELF = 1,
	NORMA_NODE_UP = 2,
	NORMA_NODE_DOWN = 3,
	NORMA_NODE_UNKNOWN = 4, /* not tried yet */
};

/* What libvirt is to a node. */
enum norma_libvirt_state {
	NORMA_LIBVIRT_OFF = 1,	  /* the node's configuration says so */
	NORMA_LIBVIRT_ABSENT = 2, /* it is not installed */
	NORMA_LIBVIRT_DOWN = 3,	  /* it does not answer */
	NORMA_LIBVIRT_UP = 4,
};

/* Whether a task of this host could go on there. */
enum norma_cpu_compatibility {
	NORMA_CPU_UNKNOWN = 0,
	NORMA_CPU_COMPATIBLE = 1,
	NORMA_CPU_INCOMPATIBLE = 2,
};

/* Of a node that does not answer only node, state and address are known; the rest is 0 or empty. */
struct norma_node_row {
	int node;
	enum norma_node_state state; /* as this host sees it */
	char address[NORMA_NAME_BYTES];
	unsigned int tasks;
	unsigned int cpus;	      /* logical processors that are online */
	unsigned int load_hundredths; /* load average of the last minute, times 100 */
	unsigned int busy_permille;   /* of all processors' time, during the last second */
	unsigned int cells;	      /* NUMA cells; 0: the kernel tells of none */
	boolean_t cells_add_up;	      /* FALSE: the cells' memory is not the host's */
	uint64_t memory_bytes;
	uint64_t available_bytes;  /* that new programs can have without swapping */
	uint64_t limit_bytes;	   /* of the daemon's control group; 0: none */
	uint64_t limit_left_bytes; /* until that limit is reached */
	uint64_t huge_bytes;	   /* in huge pages of all sizes */
	uint64_t huge_free_bytes;
	unsigned int guests; /* that libvirt runs there, with their processors and memory: */
	unsigned int guest_cpus;
	uint64_t guests_memory_bytes;	/* what they may hold */
	uint64_t guests_resident_bytes; /* what they hold; 0 with guests: not known */
	enum norma_libvirt_state libvirt;
	char libvirt_why[NORMA_WHY_BYTES]; /* its version when up, else what is wrong */
	enum norma_cpu_compatibility cpu_compatible;
	char cpu_vendor[NORMA_VENDOR_BYTES];
	char cpu_model[NORMA_NAME_BYTES]; /* the processor's own name */
	char cpu_name[NORMA_NAME_BYTES];  /* libvirt's for what KVM offers; empty: not known */
};

/*
 * Lists all nodes of the table, and what each says of itself: *ret_rows is an array of *ret_count,
 * for the caller to free(3). Nodes answer from what they know, so that a slow libvirt makes nobody
 * wait.
 */
kern_return_t norma_node_list(struct norma_node_row **ret_rows, size_t *ret_count);

/* Moments are nanoseconds of CLOCK_REALTIME on the task's host, 0 while not reached. */
struct norma_task_statistics {
	uint64_t created_ns;
	uint64_t first_instruction_ns; /* just before its first thread first entered the guest */
	uint64_t last_pause_ns;	       /* how long its last child's making stopped its threads */
	uint64_t hypercalls;
	uint64_t system_calls;
	uint64_t unknown_system_calls;
	char unknown_names[NORMA_TEXT_BYTES];
};

kern_return_t norma_task_statistics(task_t task, struct norma_task_statistics *ret_statistics);

struct norma_pager_statistics {
	uint64_t objects; /* now; all others count since the pager started */
	uint64_t faults;
	uint64_t pages_in, pages_out;
	uint64_t bytes_in, bytes_out;
	uint64_t invalidations;
	uint64_t lost_pages;
};

kern_return_t norma_pager_statistics(int node, struct norma_pager_statistics *ret_statistics);

/* The CPU of a node. */
struct norma_cpu_row {
	int node;
	boolean_t known;	/* FALSE: text says why not */
	boolean_t applies;	/* its KVM shows tasks the CPUID table that it is given */
	boolean_t has_baseline; /* it promises its tasks no more than a baseline */
	char model[NORMA_NAME_BYTES];
	char text[NORMA_TEXT_BYTES]; /* features that it has and the common ones lack */
};

/* Tasks of node `from` cannot be cloned to node `to`. */
struct norma_cpu_pair {
	int from, to;
	char text[NORMA_TEXT_BYTES];
};

/* One allocation, for the caller to free(3). */
struct norma_cpu_baseline {
	const struct norma_cpu_row *nodes; /* [node_count] */
	size_t node_count;
	const struct norma_cpu_pair *pairs; /* [pair_count] */
	size_t pair_count;
	const char *libvirt;	 /* what libvirt's baseline is, a sentence */
	const char *libvirt_cpu; /* its <cpu> element, or empty */
};

/*
 * What the CPUs of all nodes have in common, and which nodes could exchange tasks with that. apply
 * TRUE (root only): every node stores it and promises new tasks no more; pairs are then as
 * measured. Return: KERN_SUCCESS; KERN_NODE_DOWN when it is to be applied and a node does not
 * answer; KERN_INVALID_ARGUMENT when it is to be applied and the caller is not root; KERN_FAILURE
 * when the CPUs are of different vendors, or a node could not apply it; KERN_RESOURCE_SHORTAGE
 * without memory.
 */
kern_return_t norma_cpu_baseline(boolean_t apply, struct norma_cpu_baseline **ret_baseline);

#endif
