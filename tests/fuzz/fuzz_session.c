/*
 * fuzz_session: any octets as a client's conversation and message; what must
 * hold is in tests/unit/session_play.c.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/session_play.h"

static struct session_play *play;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	play = session_play_new();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	session_play(play, data, size);
	return 0;
}
