/*
 * fuzz_headers: any settings and any header through header building.
 *
 * The input is "setting value" lines, an empty line and a message's header.
 * Whatever comes: what the config takes never fails with a message, exactly
 * one of each field goes out, nothing gets a line of its own, everybody
 * else's fields stay, and a second pass changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"
#include "tests/unit/header_case.h"

static struct header_case world;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	header_case_open(&world);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *why;

	(void)header_case_read(&world, cm_span_n((const char *)data, size));
	why = header_case_check(&world);
	if (why == NULL)
		return 0;
	(void)fprintf(stderr, "fuzz_headers: %s\n", why);
	abort();
}
