/*
 * What a thread asks of the scheduler when others wait for what it does next.
 */
#ifndef BASE_SCHEDULE_H
#define BASE_SCHEDULE_H

/*
 * Asks for short slices and exact timers for the calling thread; its nice value stays. A thread
 * that sleeps most of the time and wakes for a page then gets a CPU back from one that computes at
 * once, instead of at the end of that one's slice; it gets no more of the CPU for that.
 * Return: 0 or -errno.
 */
int schedule_short_slices_only(void);

#endif
