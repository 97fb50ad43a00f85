/*
 * chance - numbers by chance, the same on every machine, and which cases of
 * a test that rests on them are run.
 *
 * In the environment: CM_ROUNDS for how many, CM_SEED for the first of them
 * (alone: for that one again).
 */
#ifndef CM_TESTS_UNIT_CHANCE_H
#define CM_TESTS_UNIT_CHANCE_H

#include <stdint.h>

/* A state for a case's number; neighbours have nothing in common. */
uint64_t chance_of(uint64_t seed);
/* 0 to n - 1. */
unsigned chance_below(uint64_t *state, unsigned n);

struct chance_rounds {
	uint64_t first;
	uint64_t count;
};

/* usual: how many if nobody says otherwise. */
struct chance_rounds chance_rounds(uint64_t usual);
/* A number of the environment. */
uint64_t chance_setting(const char *name, uint64_t otherwise);

#endif
