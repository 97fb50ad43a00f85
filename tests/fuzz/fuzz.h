/* What libFuzzer calls; replay.c calls the same. */
#ifndef CM_TESTS_FUZZ_FUZZ_H
#define CM_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
