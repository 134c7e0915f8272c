/*
 * Compares the real system with the model: what a call returned, maps, bytes.
 */
#ifndef MODEL_CHECK_H
#define MODEL_CHECK_H

#include "model.h"

/* A difference, in words; "" when there is none. */
struct difference {
	char text[256];
};

/* Each returns: whether there is no difference. */
bool check_outcome(const struct outcome *expected, const struct outcome *real,
		   struct difference *difference);
/* Every page: allocated or not, and its attributes. */
bool check_map(struct model *model, int slot, struct difference *difference);
/* All bytes of the pages that hold [address, address + size), as far as they may be read. */
bool check_bytes(struct model *model, int slot, uint64_t address, uint64_t size,
		 struct difference *difference);
bool check_task(struct model *model, int slot, struct difference *difference);
bool check_all(struct model *model, struct difference *difference);

#endif
