/*
 * What a host knows of itself at one moment. A snapshot is complete when it is published and never
 * changes afterwards. Bytes are bytes, whatever unit the source has.
 */
#ifndef INVENTORY_SNAPSHOT_H
#define INVENTORY_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#define SNAPSHOT_MAX_CELLS	16
#define SNAPSHOT_MAX_PAGE_SIZES 4
#define SNAPSHOT_NAME_BYTES	64
#define SNAPSHOT_WHY_BYTES	128
#define SNAPSHOT_FLAGS_BYTES	4096

/* Huge pages of one size. */
struct snapshot_pages {
	uint64_t page_bytes;
	uint64_t total, free; /* pages */
};

/* A NUMA cell. */
struct snapshot_cell {
	uint32_t id;	 /* the kernel's node number, as libvirt's cell id */
	uint32_t cpus;	 /* online */
	bool is_allowed; /* this process may take memory from it (cpuset.mems) */
	uint64_t memory_bytes;
	uint64_t free_bytes;
	uint64_t available_bytes; /* free, or file pages that can be dropped: an estimate */
	struct snapshot_pages pages[SNAPSHOT_MAX_PAGE_SIZES];
	uint32_t page_size_count;
};

struct snapshot_memory {
	uint64_t total_bytes;	  /* MemTotal */
	uint64_t free_bytes;	  /* MemFree */
	uint64_t available_bytes; /* MemAvailable */
	/* The tightest memory limit of this process's control groups; 0: there is none. */
	uint64_t limit_bytes;
	uint64_t limit_left_bytes; /* until it is reached, droppable file pages counted as left */
	struct snapshot_pages pages[SNAPSHOT_MAX_PAGE_SIZES]; /* of all cells */
	uint32_t page_size_count;
	struct snapshot_cell cells[SNAPSHOT_MAX_CELLS]; /* none: the kernel tells of no cells */
	uint32_t cell_count;
	/* False: the cells' memory does not add up to the total (some virtual machines with memory
	 * that was plugged in say so): no decision should rest on a cell's figures then. */
	bool cells_add_up;
};

struct snapshot_cpu {
	uint32_t online;		  /* logical processors */
	uint32_t load_hundredths;	  /* load average of the last minute, times 100 */
	uint32_t busy_permille;		  /* of all processors' time, since the snapshot before */
	char vendor[SNAPSHOT_NAME_BYTES]; /* "AuthenticAMD", "GenuineIntel" */
	char model[SNAPSHOT_NAME_BYTES];  /* the processor's own name */
	char flags[SNAPSHOT_FLAGS_BYTES]; /* the kernel's names, a space between */
};

enum libvirt_state {
	LIBVIRT_OFF = 1, /* the configuration says so */
	LIBVIRT_ABSENT,	 /* norma's module for it, or libvirt itself, is not installed */
	LIBVIRT_DOWN,	 /* it does not answer; tried again */
	LIBVIRT_UP,
	LIBVIRT_NUM_STATES,
};

/* A running guest that libvirt looks after. */
struct libvirt_guests {
	uint32_t count;
	uint32_t cpus;
	uint64_t memory_bytes;	 /* what they may hold */
	uint64_t resident_bytes; /* what they hold now; 0 with guests: libvirt does not say */
	/* By the cell's number: of what they may still take, what comes from that cell alone
	 * (<numatune>). */
	uint64_t bound_growth_bytes[SNAPSHOT_MAX_CELLS];
};

/* What only libvirt can tell. All 0 and empty unless the state is LIBVIRT_UP. */
struct snapshot_libvirt {
	enum libvirt_state state;
	char why[SNAPSHOT_WHY_BYTES]; /* a sentence: the version when up, else what is wrong */
	struct libvirt_guests guests;
	uint64_t memory_bytes, free_bytes;    /* libvirt's statistics of all cells */
	char cpu_model[SNAPSHOT_NAME_BYTES];  /* its name for this host's CPU, "EPYC-Milan" */
	char cpu_vendor[SNAPSHOT_NAME_BYTES]; /* its name for the vendor, "AMD" */
	/* The <cpu> element of the host model, as virConnectBaselineHypervisorCPU wants it; NULL
	 * when libvirt does not say. Lives as long as the snapshot. */
	const char *cpu_xml;
};

/* A process that this one started, and what it holds (children.h). */
struct snapshot_child {
	int32_t pid;
	uint64_t bytes;
};

struct snapshot_children {
	bool is_counted; /* else all is 0: nobody asked for it, or /proc does not say */
	uint64_t bytes;	 /* of all of them */
	uint32_t count;
	const struct snapshot_child *rows; /* [count], by pid; live as long as the snapshot */
};

struct inventory_snapshot {
	uint64_t taken_ns; /* CLOCK_MONOTONIC */
	struct snapshot_memory memory;
	struct snapshot_cpu cpu;
	struct snapshot_libvirt libvirt;
	struct snapshot_children children;
};

#endif
