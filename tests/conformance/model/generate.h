/*
 * Random calls: the same seed and the same state of the model give the same call.
 */
#ifndef MODEL_GENERATE_H
#define MODEL_GENERATE_H

#include "model.h"

struct generator {
	uint64_t state;
	const bool *is_left_out; /* [OPERATION_KINDS] */
};

struct operation generate(struct generator *generator, const struct model *model);

#endif
