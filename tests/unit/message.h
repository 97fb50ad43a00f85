/* A message and a world to edit it in, for the tests of milter/edit. */
#ifndef CM_TESTS_UNIT_MESSAGE_H
#define CM_TESTS_UNIT_MESSAGE_H

#include "lib/buf.h"
#include "milter/edit.h"

#define TEST_LINK   "https://consent.acme.example/u/AQIDBAUGBwgJCgsMDQ4PEBESExQV"
#define TEST_HTTPS  "https://consent.acme.example/u/AQOTHERTOKENforTheHeader"
#define TEST_MAILTO "mailto:u+abcdefgh234567@m.acme.example"

struct test_world {
	struct cm_config config;
	struct cm_stream stream;
	struct cm_purpose purpose;
	struct cm_title title_cs;
	const char *ours; /* DKIM: d= */
	struct cm_templates *templates;
	struct cm_arena *arena;
	struct cm_edit_request request;
};

/* conf/templates of the source tree; request is filled in but the message. */
void test_world_open(struct test_world *world);
void test_world_close(struct test_world *world);

/* Splits data at the empty line; lines as they are. Resets the arena. */
void test_world_message(struct test_world *world, const void *data, size_t n);

/* The message after the edits, in the arena. */
struct cm_span test_world_apply(struct test_world *world,
				const struct cm_edit *edit);

/* Lines of "AT REMOVE HEX", for others to apply to the old body; appended. */
int test_splices(const struct cm_edit *edit, struct cm_buf *out);

#endif
