/*
 * What the Linux personality asks of the task it runs in. It knows no address map, no console and
 * no KVM: only these callbacks. Each returns 0 or a result, or -errno in Linux's numbers; each may
 * be called by several threads at once. Protections are Linux's PROT_ bits.
 */
#ifndef LINUX_LINUX_HOST_H
#define LINUX_LINUX_HOST_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum linux_map_place {
	LINUX_MAP_ANYWHERE,   /* address is a hint */
	LINUX_MAP_FIXED,      /* exactly there, replacing what is there */
	LINUX_MAP_FIXED_FREE, /* exactly there, -EEXIST if anything is there */
};

enum linux_map_sharing {
	LINUX_MAP_IS_PRIVATE, /* a child gets a copy */
	LINUX_MAP_IS_SHARED,  /* a child shares it */
};

struct linux_map_request {
	uint64_t address; /* page aligned */
	uint64_t bytes;	  /* whole pages, not 0 */
	int protection;
	enum linux_map_place place;
	enum linux_map_sharing sharing;
};

struct linux_host {
	void *context;
	/* Zero-filled memory. Return: its address, -ENOMEM, -EEXIST, -EINVAL outside user space. */
	int64_t (*map)(void *context, const struct linux_map_request *request);
	/* Holes in the range are fine. */
	int (*unmap)(void *context, uint64_t address, uint64_t bytes);
	/* -ENOMEM if part of the range is not mapped. */
	int (*protect)(void *context, uint64_t address, uint64_t bytes, int protection);
	/* Forget the contents: reads as zero afterwards. -ENOMEM as protect. */
	int (*discard)(void *context, uint64_t address, uint64_t bytes);
	/* Whole range or -EFAULT. */
	int (*copy_in)(void *context, uint64_t address, void *buffer, size_t bytes);
	int (*copy_out)(void *context, uint64_t address, const void *buffer, size_t bytes);
	/* stream 1 or 2. Return: bytes taken, may be fewer. */
	int64_t (*console_write)(void *context, int stream, const void *buffer, size_t bytes);
	/* Blocks. Return: bytes, 0 at the end, -EINTR when interrupted. */
	int64_t (*console_read)(void *context, void *buffer, size_t bytes);
	/* Wait up to timeout_ns (negative: for ever) for console input. Return: 1, 0, -EINTR. */
	int (*console_wait)(void *context, int64_t timeout_ns);
	/* The task's clocks. -EINVAL for one it does not have. */
	int (*clock_get)(void *context, clockid_t clock, struct timespec *now);
	int (*random)(void *context, void *buffer, size_t bytes);
	/* The thread is about to wait until another wakes it. */
	void (*before_wait)(void *context);
};

#endif
