/*
 * vm_remap at the target's host. The steps, each of which may fail, and what is undone then:
 *
 *   EXPORT   by the source, wherever it is                 nothing: the VMM undoes its own failure
 *            (remap_source.h)
 *   IMPORT   vmm_import_range into the target              the end of the export; an import that
 *                                                          succeeds after its deadline is
 *                                                          deallocated
 *
 * The export always ends, after success too: by then the target's VMM holds the objects itself.
 * The caller must have the right to both tasks. One that goes away does not stop it.
 */
#ifndef DAEMON_REMAP_H
#define DAEMON_REMAP_H

#include "message/message.h"
#include "request.h"

void remap_begin(struct request *request, const struct vm_remap_request *wanted);

#endif
