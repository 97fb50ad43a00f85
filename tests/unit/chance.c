/* See chance.h. */
#include "tests/unit/chance.h"

#include <stdlib.h>

#include "lib/str.h"

#include "tests/unit/test.h"

uint64_t chance_of(uint64_t seed)
{
	return seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
}

/* xorshift64*, Vigna 2016. */
unsigned chance_below(uint64_t *state, unsigned n)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return (unsigned)((*state * UINT64_C(2685821657736338717)) >> 33) % n;
}

uint64_t chance_setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	uint64_t value = otherwise;

	if (text != NULL)
		assert_int_equal(
			cm_parse_u64(cm_span(text), UINT64_MAX, &value), CM_OK);
	return value;
}

struct chance_rounds chance_rounds(uint64_t usual)
{
	const struct chance_rounds rounds = {
		.first = chance_setting("CM_SEED", 1),
		.count = chance_setting("CM_ROUNDS",
					getenv("CM_SEED") != NULL ? 1 : usual),
	};

	return rounds;
}
