/*
 * Where a test that does random things begins. NORMA_SEED=n repeats a run.
 */
#ifndef UNIT_RANDOM_SEED_H
#define UNIT_RANDOM_SEED_H

/* Seeds rand(), differently for each index of a loop test, and says how to repeat it. Return: the
 * seed; its lowest bit is that of the index, unless it was given. */
unsigned int random_seed(int index);

#endif
