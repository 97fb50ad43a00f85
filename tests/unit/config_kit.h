/*
 * config_kit - config files in a folder of their own: what loads, and the
 * exact words of what does not.
 */
#ifndef CM_TESTS_CONFIG_KIT_H
#define CM_TESTS_CONFIG_KIT_H

#include "policy/config.h"

#include "tests/unit/test.h"

extern const char design[]; /* design 14, letter for letter */

#define CONTROLLER                                                             \
	"controller \"acme\" { name = \"A\" address = \"B\" contact = "        \
	"\"p@a.example\" }\n"
#define WEB      "web { base-url = \"https://c.a.example\" }\n"
#define LISTENER "listener \"main\" { socket = \"unix:/run/main\" }\n"
#define PURPOSES                                                               \
	"purpose \"acme\" { title = \"All\" }\n"                               \
	"purpose \"acme/news\" { title = \"News\" }\n"
/* Five lines; what follows begins on line 6. */
#define PRELUDE CONTROLLER WEB LISTENER PURPOSES
#define NEWS    "type = marketing purpose = {\"acme/news\"} "

/* Of the whole group: a folder, into it, and out again. */
int config_set_up(void **state);
int config_tear_down(void **state);

void put(const char *name, const char *data, size_t n);
/* As "c.conf". */
int load_bytes(const char *data, size_t n, struct cm_config **config,
	       struct cm_error *err);
struct cm_config *load_good(const char *text);

struct wrong {
	const char *text;
	const char *error; /* without the file's name */
};
void all_fail(const struct wrong *cases, size_t count);
#define ALL_FAIL(cases) all_fail(cases, sizeof(cases) / sizeof(cases[0]))

#endif
