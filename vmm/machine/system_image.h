/*
 * The read-only system image every task maps above its user space: page tables, descriptor tables,
 * task state segments and entry stubs. Built once per host into a sealed memfd; no I/O but that.
 */
#ifndef MACHINE_SYSTEM_IMAGE_H
#define MACHINE_SYSTEM_IMAGE_H

#include <stdint.h>

#include "norma_abi.h"

#define SYSTEM_SELECTOR_KERNEL_CODE 0x08
#define SYSTEM_SELECTOR_KERNEL_DATA 0x10
#define SYSTEM_SELECTOR_USER_DATA   0x23
#define SYSTEM_SELECTOR_USER_CODE   0x2b
#define SYSTEM_SELECTOR_TSS	    0x30

#define SYSTEM_VECTORS	  32
#define SYSTEM_STUB_BYTES 16
/* Behind the system call stub, in the only page that programs may execute: vcpu_warm() runs it. It
 * does nothing that a program could not do itself. */
#define SYSTEM_WARM_STUB	(NORMA_SYSTEM_SYSCALL_STUB + SYSTEM_STUB_BYTES)
#define SYSTEM_WARM_STUB_OUT	(SYSTEM_WARM_STUB + 2) /* only its second instruction */
#define SYSTEM_WARM_STUB_NEXT	(SYSTEM_WARM_STUB + 4)
#define SYSTEM_TSS_STRIDE_BYTES 128
/* Fixed part (104) and the I/O bitmap up to and including the byte of the exception port, and its
 * end mark. */
#define SYSTEM_TSS_LIMIT (104 + NORMA_PORT_EXCEPTION / 8 + 1)
#define SYSTEM_GDT_LIMIT (6 * 8 - 1)
#define SYSTEM_IDT_LIMIT (SYSTEM_VECTORS * 16 - 1)

/* Fill image[NORMA_SYSTEM_IMAGE_BYTES]; a pure function of nothing, so equal on every host. */
void system_image_fill(uint8_t *image);

/* Make the image in a new sealed memfd. Return: a file descriptor the caller owns, or -errno. */
int system_image_create(void);

/* Is fd a memfd that holds the image and that nobody can change any more?
 * Return: 0, -EPERM if it can still be written or resized, -EINVAL if its contents differ. */
int system_image_check(int fd);

#endif
