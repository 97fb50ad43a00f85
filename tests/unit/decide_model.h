/*
 * decide_model - a second reading of the rules of consent, to compare decide
 * with: over raw events, without views.
 */
#ifndef CM_TESTS_UNIT_DECIDE_MODEL_H
#define CM_TESTS_UNIT_DECIDE_MODEL_H

#include "tests/unit/decide_world.h"

/* What is told of these events, for the world's stream of whatever type. */
enum cm_reason world_model(const struct world *world, const struct raw *raws,
			   size_t n, bool *ret_by_family);

#endif
