/*
 * way_out: "done before" is this recipient's own valid token in the header,
 * and nothing else (R2369-1, R8058-4): every other link gives way to a new
 * one, and whoever's it was stays without effect.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "milter/headers.h"
#include "milter/way_out.h"

#include "tests/unit/test.h"

#define BASE    "https://consent.acme.example"
#define TOOLS   "<https://tool.example/u/17>"
#define MAILBOX "<mailto:leave@tool.example>"
#define DAY     20778

enum { FIELDS_MAX = 4 };

struct desk {
	char folder[32];
	struct cm_keys *keys;
	struct cm_arena *arena;
	struct cm_config config;
	struct cm_purpose purpose;
	struct cm_stream stream;
	struct cm_id anna;
	char ours[256];   /* <link> of Anna for this purpose */
	char berts[256];  /* of somebody else */
	char offers[256]; /* of Anna for another purpose */
	char footer[256]; /* of the other kind */
};

static void make_link(struct desk *d, enum cm_key_kind kind, const char *who,
		      const char *purpose, char *out)
{
	struct cm_token token = {.kind = kind, .day = DAY, .has_message = true};
	char url[CM_TOKEN_URL_LEN + 1];

	memcpy(token.contact.b, who, CM_CONTACT_ID_LEN);
	memcpy(token.purpose, purpose, CM_PURPOSE_ID_LEN);
	memcpy(token.message, "queue-id", CM_MESSAGE_REF_LEN);
	assert_int_equal(cm_token_url(d->keys, &token, url, NULL), CM_OK);
	(void)snprintf(out, 256, "<" BASE "/u/%s>", url);
}

static int setup(void **state)
{
	struct desk *d = calloc(1, sizeof(*d));

	assert_non_null(d);
	(void)snprintf(d->folder, sizeof(d->folder), "/tmp/t_way_out.XXXXXX");
	assert_non_null(mkdtemp(d->folder));
	assert_int_equal(cm_keys_init(d->folder, (gid_t)-1, (gid_t)-1, NULL),
			 CM_OK);
	assert_int_equal(cm_keys_open(d->folder, &d->keys, NULL), CM_OK);
	assert_int_equal(cm_arena_new(1 << 20, &d->arena), CM_OK);
	d->config.web_base_url = BASE;
	d->stream.name = "newsletter";
	memcpy(d->purpose.id, "news", CM_PURPOSE_ID_LEN);
	memcpy(d->anna.b, "contact-anna", CM_CONTACT_ID_LEN);
	make_link(d, CM_KEY_HEADER, "contact-anna", "news", d->ours);
	make_link(d, CM_KEY_HEADER, "contact-bert", "news", d->berts);
	make_link(d, CM_KEY_HEADER, "contact-anna", "offr", d->offers);
	make_link(d, CM_KEY_FOOTER, "contact-anna", "news", d->footer);
	*state = d;
	return 0;
}

static int teardown(void **state)
{
	struct desk *d = *state;
	char path[256];
	int kind;

	for (kind = 0; kind < CM_KEY_KINDS; kind++) {
		(void)snprintf(path, sizeof(path), "%s/%s.key", d->folder,
			       cm_key_kind_name(kind));
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(rmdir(d->folder), 0);
	cm_arena_free(&d->arena);
	cm_keys_free(&d->keys);
	free(d);
	return 0;
}

/* What the header leaves with, and whether it is the link that came in. */
static struct cm_way_out way_out_of(struct desk *d,
				    const struct cm_facts_header *headers,
				    size_t count)
{
	struct cm_way_out_request request = {
		.config = &d->config,
		.keys = d->keys,
		.purpose = &d->purpose,
		.contact = &d->anna,
		.now = (DAY + 3) * CM_DAY_MS,
	};
	struct cm_way_out way_out;
	struct cm_error err;

	memcpy(request.message, "another1", CM_MESSAGE_REF_LEN);
	cm_way_out_reuse(&request, headers, count);
	assert_int_equal(cm_way_out_make(&request, d->arena, &way_out, &err),
			 CM_OK);
	return way_out;
}

static bool is_kept(const struct desk *d, const struct cm_way_out *way_out)
{
	size_t n = strlen(way_out->https);

	return strncmp(d->ours + 1, way_out->https, n) == 0 &&
	       d->ours[1 + n] == '>';
}

/* Every field of that name goes, and one of ours comes (or stays). */
static void one_is_left(struct desk *d, struct cm_facts_header *headers,
			size_t count, bool untouched)
{
	struct cm_edit_request request = {.config = &d->config,
					  .stream = &d->stream,
					  .headers = headers,
					  .nheaders = count};
	struct cm_header_edit *edits = NULL;
	size_t n = 0;
	size_t deleted = 0;
	size_t i;
	struct cm_error err;

	request.way_out = way_out_of(d, headers, count);
	assert_int_equal(
		cm_headers_plan(&request, NULL, d->arena, &edits, &n, &err),
		CM_OK);
	for (i = 0; i < n; i++)
		deleted += edits[i].op == CM_HEADER_DELETE &&
			   strcmp(edits[i].name, "List-Unsubscribe") == 0;
	assert_int_equal(deleted, untouched ? 0 : count);
}

static void what_is_ours_stays(void **state)
{
	struct desk *d = *state;
	char folded[600];
	char broken[600];
	char behind[600];
	const struct {
		const char *fields[FIELDS_MAX]; /* List-Unsubscribe */
		bool kept;                      /* the token */
		bool untouched;                 /* the header */
	} rows[] = {
		{{NULL}, false, false},
		{{d->ours}, true, true},
		{{folded}, true, true},
		/* Two fields, one of them ours, in either order. */
		{{TOOLS, d->ours}, true, false},
		{{d->ours, TOOLS}, true, false},
		{{d->ours, d->ours}, true, false},
		{{d->berts, d->ours}, true, false},
		/* Ours with another's mailto: the token stays, theirs goes. */
		{{behind}, true, false},
		/* Valid for somebody or something else. */
		{{d->berts}, false, false},
		{{d->offers}, false, false},
		{{d->footer}, false, false},
		/* Folded within: no link any more. */
		{{broken}, false, false},
		{{TOOLS}, false, false},
		{{MAILBOX}, false, false},
		{{"<" BASE "/u/>"}, false, false},
		{{"<" BASE "/u/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		  "AAAAAAAAAAAAAAAAAAAA>"},
		 false,
		 false},
		{{""}, false, false},
	};
	size_t i;

	(void)snprintf(folded, sizeof(folded), "\r\n\t%s\r\n ", d->ours);
	(void)snprintf(broken, sizeof(broken), "%.40s\r\n %s", d->ours,
		       d->ours + 40);
	(void)snprintf(behind, sizeof(behind), "%s, " MAILBOX, d->ours);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct cm_facts_header headers[FIELDS_MAX];
		struct cm_way_out way_out;
		size_t n;

		for (n = 0; n < FIELDS_MAX && rows[i].fields[n] != NULL; n++) {
			headers[n].name = cm_span("List-Unsubscribe");
			headers[n].value = cm_span(rows[i].fields[n]);
		}
		way_out = way_out_of(d, headers, n);
		if (is_kept(d, &way_out) != rows[i].kept)
			fail_msg("row %zu", i);
		one_is_left(d, headers, n, rows[i].untouched);
		cm_arena_reset(d->arena);
	}
}

/* A token in another header proves nothing. */
static void only_in_its_own_field(void **state)
{
	struct desk *d = *state;
	const struct cm_facts_header header = {cm_span("X-List-Unsubscribe"),
					       cm_span(d->ours)};
	struct cm_way_out way_out = way_out_of(d, &header, 1);

	assert_false(is_kept(d, &way_out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_ours_stays, setup,
						teardown),
		cmocka_unit_test_setup_teardown(only_in_its_own_field, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
