/* session: what must hold, over conversations drawn by chance. */
#include "tests/unit/session_play.h"
#include "tests/unit/test.h"

enum { ROUNDS = 20000, LONGEST = 24 };

/* xorshift32: the same conversations in every run. */
static uint32_t draw(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static void whatever_the_client_does(void **state)
{
	struct session_play *play = session_play_new();
	uint8_t data[LONGEST];
	uint32_t seed = 20261121;
	int i;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		size_t n = 2 + draw(&seed) % (LONGEST - 2);
		size_t k;

		for (k = 0; k < n; k++)
			data[k] = (uint8_t)(draw(&seed) % 255);
		/* Begin where it matters, with somebody in the envelope. */
		data[1] = (uint8_t)(draw(&seed) % 4 == 0 ? data[1] % 40 : 0);
		session_play(play, data, n);
	}
	session_play_free(&play);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_the_client_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
