/*
 * See random_seed.h.
 */
#include "random_seed.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

unsigned int random_seed(int index)
{
	const char *text = getenv("NORMA_SEED");
	unsigned int seed = text ? (unsigned int)strtoul(text, NULL, 10)
				 : (unsigned int)time(NULL) * 16 + (unsigned int)index;

	srand(seed);
	fprintf(stderr, "# NORMA_SEED=%u\n", seed);
	return seed;
}
