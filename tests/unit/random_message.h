/*
 * random_message - messages by chance, well-formed and editable by their
 * making: every shape that milter/display.h names, every encoding, every
 * charset of lib/charset, texts with all that has ever gone wrong.
 *
 * The maker knows which parts a person is shown; nothing of milter/ is asked.
 */
#ifndef CM_TESTS_UNIT_RANDOM_MESSAGE_H
#define CM_TESTS_UNIT_RANDOM_MESSAGE_H

#include <stdint.h>

#include "lib/buf.h"

enum { RANDOM_SHOWN_MAX = 12, RANDOM_PATH_MAX = 48 };

struct random_message {
	uint64_t state; /* set it before each message */
	struct cm_buf out;
	/* The parts that must get a footer, in order, "1.2". */
	char shown[RANDOM_SHOWN_MAX][RANDOM_PATH_MAX];
	unsigned nshown;
	/* For the maker. */
	unsigned boundaries;
	char path[RANDOM_PATH_MAX];
};

void random_message_init(struct random_message *m);
void random_message_free(struct random_message *m);

/* The same state gives the same message. */
void random_message_make(struct random_message *m);

/* 0 to n - 1; for whoever goes on from here. */
unsigned random_below(struct random_message *m, unsigned n);

#endif
