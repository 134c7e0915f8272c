/*
 * vm_remap at the target's host. The steps, each of which may fail, and what is undone then:
 *
 *   EXPORT   a turn at the source (export_turn.h), then    nothing: the VMM undoes its own failure
 *            vmm_export_range here, peer_export_range
 *            (peer_export.h) elsewhere
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
