/*
 * Waiting for a word to change from a guest thread without libc. After a while the thread gives its
 * CPU away, so that more threads than cores make progress.
 */
#ifndef GUESTS_SPIN_H
#define GUESTS_SPIN_H

#include <norma_guest.h>
#include <sys/syscall.h>

static inline void spin_hint(void)
{
	for (int i = 0; i < 64; i++)
		__builtin_ia32_pause();
}

#define spin_until(condition)                                                                      \
	for (unsigned int spins_ = 0; !(condition); spins_++) {                                    \
		spin_hint();                                                                       \
		if (spins_ % 64 == 63)                                                             \
			norma_system_call(SYS_sched_yield, 0, 0, 0);                               \
	}

#endif
