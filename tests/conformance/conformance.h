/*
 * What a case is made of. A case is a function that returns when everything was as the
 * specification says; at the first difference the function that found it ends the case (it does not
 * return), so that cases read as the specification does. Tasks made here are ended with the case.
 *
 * T, the tested task, is on node world.here; a clone's "any other node" is world.there.
 */
#ifndef CONFORMANCE_CONFORMANCE_H
#define CONFORMANCE_CONFORMANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mach/mach.h>

#define P      ((vm_size_t)4096)	  /* checked against host_page_size before the first case */
#define R      ((vm_address_t)0x20000000) /* where a case's region is */
#define S      ((vm_address_t)0x28000000) /* where its second region is */
#define FIRST  ((vm_address_t)0x10000)	  /* the first page of the address space */
#define LAST   ((vm_address_t)0x1ffffff000) /* and the last */
#define LIMITS (LAST + P - FIRST)

#define RW VM_PROT_DEFAULT
#define RX (VM_PROT_READ | VM_PROT_EXECUTE)

struct world {
	task_t first; /* what tested tasks are made from */
	host_t host;
	int caller; /* node where this program runs, as the driver says */
	int here, there, third;
	int nodes; /* of the table: 0 to nodes - 1 */
};

extern struct world world;

struct conformance_case {
	int number; /* SPEC's, or from 1001 on for those that it does not list */
	const char *sentence;
	void (*run)(void);
};

struct conformance_area {
	const char *name;
	const struct conformance_case *cases; /* up to one without a sentence */
	bool is_on_request;		      /* only cases that the command names run */
};

/* check.c */
/* Ends the case. The sentence has no task names in it: a guest and a client say the same. */
_Noreturn void wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
void check_code(kern_return_t seen, kern_return_t expected, const char *what);
void check_number(uint64_t seen, uint64_t expected, const char *what);
/* The call returns this code. */
#define IS(expected, call) check_code((call), (expected), #call)
#define OK(call)	   check_code((call), KERN_SUCCESS, #call)
/* The expression has this value. */
#define EQUAL(expected, expression)                                                                \
	check_number((uint64_t)(expression), (uint64_t)(expected), #expression)
/* A line that is no result: guest and client may differ. */
void remark(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint64_t now_ns(void);
/* For what no event tells about: false once `seconds` have passed since *start_ns (0: now). */
bool in_time(uint64_t *start_ns, unsigned int seconds);

/* tasks.c */
task_t task_new(void);			 /* T: empty, on world.here */
task_t task_with_pages(vm_size_t pages); /* T with R, filled with tag 1 */
task_t task_fork(task_t parent);	 /* task_create */
task_t task_clone(task_t parent, int node);
task_t task_ncreate(task_t parent, int node);
void task_end(task_t task);
/* Every task that a case gets by itself must be given here. */
task_t task_keep(task_t task);
void tasks_end_all(void);
struct task_basic_info task_facts(task_t task);
unsigned int tasks_of_all_nodes(void);

/* pages.c: contents. A filled page tells in every word its address and a tag. */
void region_make(task_t task, vm_address_t address, vm_size_t pages);
void pages_fill(task_t task, vm_address_t address, vm_size_t pages, uint32_t tag);
void pages_are(task_t task, vm_address_t address, vm_size_t pages, uint32_t tag);
/* The same, of pages that were filled at another address. */
void pages_are_as(task_t task, vm_address_t address, vm_size_t pages, uint32_t tag,
		  vm_address_t filled_at);
void pages_are_zero(task_t task, vm_address_t address, vm_size_t pages);
void word_set(task_t task, vm_address_t address, uint64_t value);
uint64_t word_get(task_t task, vm_address_t address);
void word_is(task_t task, vm_address_t address, uint64_t value);
/* A word set by one is what the other reads, both ways. */
void is_shared(task_t one, task_t other, vm_address_t address);
/* What one sets, the other does not read, both ways. */
void is_private(task_t one, task_t other, vm_address_t address);

/* regions.c: attributes, by page. */
struct vm_region_basic_info page_facts(task_t task, vm_address_t address);
bool page_exists(task_t task, vm_address_t address);
/* Not allocated: vm_region and vm_read say so. */
void page_is_absent(task_t task, vm_address_t address);
void inheritance_is(task_t task, vm_address_t address, vm_size_t pages, vm_inherit_t value);
/* Of three pages from R on. */
void inheritance_is_each(task_t task, vm_inherit_t first, vm_inherit_t second, vm_inherit_t third);
void protection_is(task_t task, vm_address_t address, vm_prot_t current, vm_prot_t maximum);
void inherit_set(task_t task, vm_address_t address, vm_size_t pages, vm_inherit_t value);
void protect_set(task_t task, vm_address_t address, vm_size_t pages, vm_prot_t value);
/* Every page that one has, the other has, with the same protections and inheritance. */
void layouts_are_equal(task_t one, task_t other);

/* threads.c: code.S in a task. */
struct code {
	const char *name;
	const uint8_t *start, *end;
};
#define CODE(name)                                                                                 \
	({                                                                                         \
		extern const uint8_t code_##name[], code_##name##_end[];                           \
		(struct code){#name, code_##name, code_##name##_end};                              \
	})

struct running {
	task_t task;
	thread_act_t thread;
	vm_address_t report;
};

void threads_begin(void);
/* Writes the code into the task (also at what address it is) and makes a thread run it. */
struct running code_run(task_t task, struct code code, uint64_t rdi, uint64_t rsi, uint64_t rdx,
			uint64_t rcx);
vm_address_t code_place(task_t task, struct code code);
/* Waits until it is done. Return: rax. */
uint64_t code_wait(const struct running *running);
/* Runs it to its end. */
uint64_t code_do(task_t task, struct code code, uint64_t rdi, uint64_t rsi);
/* Runs it until it is held at an exception of this code at this address. */
struct running code_faults(task_t task, struct code code, uint64_t rdi, uint64_t rsi,
			   kern_return_t expected, vm_address_t address);

extern const struct conformance_case area_a[], area_b[], area_c[], area_c_failures[], area_d[],
    area_e[], area_f[], area_g[], area_copies[], area_shares[], area_nodes[], area_ranges[],
    area_spawn[];

#endif
