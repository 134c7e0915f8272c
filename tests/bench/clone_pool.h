/*
 * Waits until a norma-hostd has its waiting VMMs again, so that what is measured next finds one.
 */
#ifndef BENCH_CLONE_POOL_H
#define BENCH_CLONE_POOL_H

#define CLONE_POOL_WAITING 2 /* waiting_vmms, as norma-hostd has it if not told otherwise */

/* `daemon`: its process number, a text. One task lives on it, the parent. */
void clone_pool_wait(const char *daemon);

#endif
