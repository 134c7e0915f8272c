/*
 * libnorma's inside: a thread's connection and its last error.
 */
#ifndef CLIENT_CONNECTION_H
#define CLIENT_CONNECTION_H

#include <mach/mach.h>

#include "mach/call.h"

/* Keeps a sentence for norma_last_error. */
void client_error_set(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Room for a call of any size on this thread's connection, used until the next call.
 * Return: KERN_SUCCESS; KERN_FAILURE with a sentence when there is no connection.
 */
kern_return_t client_room_get(struct mach_room *ret_room);

#endif
