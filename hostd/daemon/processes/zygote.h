/*
 * This host's zygote: a norma-vmm that has everything that is the same for every task made once,
 * and copies itself when a new VMM is wanted. The copies are this daemon's children, not the
 * zygote's: one way to watch and reap every VMM, and when the zygote dies, they live on.
 */
#ifndef DAEMON_ZYGOTE_H
#define DAEMON_ZYGOTE_H

#include "calls.h"
#include "helper.h"

extern const struct helper_kind zygote_kind;

/*
 * Orders a VMM with these two sockets (borrowed). `done` is called once, not from within, with the
 * answer, which zygote_answer_pid() reads.
 */
void zygote_order(struct helper *zygote, int control_fd, int pager_fd, call_done_fn done,
		  void *context);

/* Return: the process of an answer without a result, -EBADMSG. */
pid_t zygote_answer_pid(struct hostd *hostd, const struct answer *answer);

/* No more orders: it ends once those that it has are carried out. */
void zygote_stop(struct helper *zygote);

#endif
