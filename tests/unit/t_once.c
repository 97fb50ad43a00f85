/*
 * once: exactly one footer and one of each header, however often a message
 * comes through (RMIME-11; pitfalls 20 and 21).  "Done before" is this
 * recipient's own valid token in the header and in every display leaf.
 */
#include <dirent.h>
#include <sys/stat.h>

#include "policy/address.h"
#include "policy/purpose.h"
#include "policy/token.h"

#include "tests/unit/session_world.h"

#define BASE  "https://c.acme.example/u"
#define PLAIN "Content-Type: text/plain; charset=utf-8\r\n\r\n"
#define HTML  "Content-Type: text/html; charset=utf-8\r\n\r\n"
#define MAIL                                                                   \
	"From: Acme <news@acme.example>\r\nSubject: Autumn\r\n"                \
	"MIME-Version: 1.0\r\n"
/* %s: a line of each alternative, or nothing. */
#define BOTH                                                                   \
	MAIL "Content-Type: multipart/alternative; boundary=b\r\n\r\n"         \
	     "--b\r\n" PLAIN "Hello\r\n%s\r\n--b\r\n" HTML                     \
	     "<p>Hello</p>%s\r\n--b--\r\n"

static unsigned count(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)) != NULL; text += strlen(what))
		n++;
	return n;
}

/* What it leaves with, through another queue; the caller's. */
static char *pass(struct world *w, const char *eml, const char *const *rcpts)
{
	struct cm_buf out;
	char *text;

	world_dial(w, eml);
	cm_record_set_macro(w->record, "i", "4Zanother1");
	assert_int_equal(world_mail_to(w, "<news@acme.example>", rcpts),
			 CM_ANSWER_CONTINUE);
	cm_buf_init(&out, 1 << 20);
	assert_int_equal(cm_record_message(w->record, &out), CM_OK);
	/* SMTP has nothing but whole lines. */
	if (out.len > 0 && out.data[out.len - 1] != '\n')
		assert_int_equal(cm_buf_adds(&out, "\r\n"), CM_OK);
	text = strdup(cm_buf_text(&out));
	assert_non_null(text);
	cm_buf_free(&out);
	return text;
}

static void check_once(const char *text)
{
	assert_int_equal(
		count(text, "\r\nList-Unsubscribe-Post: ") +
			(strncmp(text, "List-Unsubscribe-Post: ", 23) == 0),
		1);
	assert_int_equal(count(text, "List-Unsubscribe: <"), 1);
}

/* ---- what counts ------------------------------------------------------- */

/* A footer link made by hand. */
struct made {
	enum cm_key_kind kind;
	const char *contact_of;
	const char *purpose;
	char uri[128];
};

static void make_link(struct world *w, struct made *made)
{
	struct cm_token token = {
		.kind = made->kind, .day = 20000, .has_message = true};
	struct cm_address address;
	struct cm_keys *keys = NULL;
	char text[CM_TOKEN_URL_LEN + 1];

	assert_int_equal(cm_keys_open(w->keys, &keys, NULL), CM_OK);
	assert_int_equal(
		cm_address_parse(cm_span(made->contact_of), &address, NULL),
		CM_OK);
	assert_int_equal(cm_address_id(&address, fake.hmac, &token.contact),
			 CM_OK);
	assert_int_equal(cm_purpose_id(cm_span(made->purpose), token.purpose),
			 CM_OK);
	memset(token.message, 7, sizeof(token.message));
	assert_int_equal(cm_token_url(keys, &token, text, NULL), CM_OK);
	(void)snprintf(made->uri, sizeof(made->uri), BASE "/%s", text);
	cm_keys_free(&keys);
}

#define BERTS "bert@x.test"

static void spoil(char *uri)
{
	char *last = uri + strlen(uri) - 5;

	*last = *last == 'A' ? 'B' : 'A';
}

/* Links in both alternatives, and whether they are a footer to BERT's copy. */
static void which_tokens_count(void **state)
{
	static const struct {
		struct made made;
		bool spoilt;
		const char *behind; /* the link */
		bool counts;
	} rows[] = {
		{{CM_KEY_FOOTER, BERTS, "acme/newsletter", ""},
		 false,
		 "",
		 true},
		/* a sentence, a tag or an entity may follow */
		{{CM_KEY_FOOTER, BERTS, "acme/newsletter", ""},
		 false,
		 ".",
		 true},
		{{CM_KEY_FOOTER, BERTS, "acme/newsletter", ""},
		 false,
		 "\"><b",
		 true},
		{{CM_KEY_FOOTER, BERTS, "acme/newsletter", ""},
		 false,
		 "&nbsp;",
		 true},
		/* another link that begins like it leads nowhere */
		{{CM_KEY_FOOTER, BERTS, "acme/newsletter", ""},
		 false,
		 "AA",
		 false},
		/* forged */
		{{CM_KEY_FOOTER, BERTS, "acme/newsletter", ""},
		 true,
		 "",
		 false},
		/* another person's, as a newsletter sent on has it */
		{{CM_KEY_FOOTER, "anna@x.test", "acme/newsletter", ""},
		 false,
		 "",
		 false},
		/* theirs, and it withdraws something else */
		{{CM_KEY_FOOTER, BERTS, "acme/offers", ""}, false, "", false},
		/* theirs, and made for another use */
		{{CM_KEY_HEADER, BERTS, "acme/newsletter", ""},
		 false,
		 "",
		 false},
		{{CM_KEY_VERP, BERTS, "acme/newsletter", ""}, false, "", false},
	};
	struct world w;
	size_t i;

	(void)state;
	world_begin(&w, "", "");
	assert_int_equal(world_newsletter(&w, TO(BERT)), CM_ANSWER_CONTINUE);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct made made = rows[i].made;
		char line[256];
		char eml[2048];
		char *out, *again;
		unsigned links;

		make_link(&w, &made);
		if (rows[i].spoilt)
			spoil(made.uri);
		(void)snprintf(line, sizeof(line), "%s%s", made.uri,
			       rows[i].behind);
		(void)snprintf(eml, sizeof(eml), BOTH, line, line);
		out = pass(&w, eml, TO(BERT));
		check_once(out);
		links = count(strstr(out, "\r\n\r\n"), BASE "/");
		if (links != (rows[i].counts ? 2 : 4))
			fail_msg("row %zu: %u links in the body", i, links);
		/* And what is there now is there for good. */
		again = pass(&w, out, TO(BERT));
		assert_string_equal(again, out);
		free(again);
		free(out);
	}
	world_end(&w);
}

/* One alternative has it: the other gets one, and this no second. */
static void each_alternative_has_its_own(void **state)
{
	struct made made = {CM_KEY_FOOTER, BERTS, "acme/newsletter", ""};
	struct world w;
	int html;

	(void)state;
	world_begin(&w, "", "");
	assert_int_equal(world_newsletter(&w, TO(BERT)), CM_ANSWER_CONTINUE);
	make_link(&w, &made);
	for (html = 0; html < 2; html++) {
		char eml[2048];
		char *out;
		char *second;

		(void)snprintf(eml, sizeof(eml), BOTH, html ? "" : made.uri,
			       html ? made.uri : "");
		out = pass(&w, eml, TO(BERT));
		second = strstr(out, "text/html");
		assert_non_null(second);
		*second++ = '\0';
		assert_int_equal(count(strstr(out, "\r\n\r\n"), BASE "/"), 1);
		assert_int_equal(count(second, BASE "/"), 1);
		free(out);
	}
	world_end(&w);
}

static char *without_line(const char *text, const char *name)
{
	const char *line = strstr(text, name);
	const char *end;
	char *out = calloc(1, strlen(text) + 1);

	assert_non_null(out);
	assert_non_null(line);
	end = line;
	do
		end = strstr(end, "\r\n") + 2;
	while (*end == ' ' || *end == '\t');
	memcpy(out, text, (size_t)(line - text));
	memcpy(out + (line - text), end, strlen(end));
	return out;
}

static const char *body_of(const char *text)
{
	const char *body = strstr(text, "\r\n\r\n");

	assert_non_null(body);
	return body + 4;
}

/* The header was lost on the way, or the body was made anew. */
static void one_half_is_completed(void **state)
{
	struct world w;
	char eml[2048];
	char head[4096];
	char *full, *bare, *out;

	(void)state;
	world_begin(&w, "", "");
	(void)snprintf(eml, sizeof(eml), BOTH, "", "");
	full = pass(&w, eml, TO(BERT));
	bare = without_line(full, "List-Unsubscribe: ");
	out = pass(&w, bare, TO(BERT));
	check_once(out);
	assert_string_equal(body_of(out), body_of(full));
	free(out);
	free(bare);
	(void)snprintf(head, sizeof(head), "%.*s%s",
		       (int)(body_of(full) - full), full, body_of(eml));
	out = pass(&w, head, TO(BERT));
	/* The same token again, so the same message. */
	assert_string_equal(out, full);
	free(out);
	free(full);
	world_end(&w);
}

/* Keys were changed while it was on its way; the old still verify. */
static void a_new_key_changes_nothing_on_the_way(void **state)
{
	static const char *const files[] = {"header", "footer"};
	struct world w;
	char *once, *twice;
	size_t i;

	(void)state;
	world_begin(&w, "", "");
	once = pass(&w, NEWSLETTER, TO(BERT));
	for (i = 0; i < 2; i++) {
		char path[256];
		FILE *file;
		int n;

		(void)snprintf(path, sizeof(path), "%s/%s.key", w.keys,
			       files[i]);
		file = fopen(path, "a");
		assert_non_null(file);
		(void)fprintf(file, "77 ");
		for (n = 0; n < 64; n++)
			(void)fprintf(file, "%02x", n + (int)i);
		(void)fprintf(file, "\n");
		assert_int_equal(fclose(file), 0);
	}
	world_reload(&w, "", "");
	twice = pass(&w, once, TO(BERT));
	assert_string_equal(twice, once);
	free(twice);
	/* A new message has the new key's. */
	twice = pass(&w, NEWSLETTER, TO(BERT));
	assert_string_not_equal(twice, once);
	free(twice);
	free(once);
	world_end(&w);
}

/* Without a token only the very link counts, not one that begins like it. */
static void several_recipients(void **state)
{
	static const struct {
		const char *text;
		bool counts;
	} rows[] = {
		{"See " BASE "nsubscribe-survey for more.", false},
		{"See " BASE "/faq.", false},
		{"See " BASE "%41.", false},
		{"See " BASE "-2.", false},
		{"See " BASE ".html", false},
		{"See " BASE ".", true},
		{"(" BASE ")", true},
		{"<" BASE ">", true},
		{BASE, true},
	};
	struct world w;
	size_t i;

	(void)state;
	world_begin(&w, "", "");
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char eml[1024];
		char *once, *twice;
		bool left;

		(void)snprintf(eml, sizeof(eml), MAIL PLAIN "%s\r\n",
			       rows[i].text);
		once = pass(&w, eml, TO(ANNA, BERT));
		left = strcmp(body_of(once), body_of(eml)) == 0;
		if (left != rows[i].counts)
			fail_msg("%s: %s", rows[i].text,
				 left ? "counts" : "does not count");
		twice = pass(&w, once, TO(ANNA, BERT));
		assert_string_equal(twice, once);
		free(once);
		free(twice);
	}
	world_end(&w);
}

/* ---- the whole corpus -------------------------------------------------- */

static int is_eml(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot != NULL && strcmp(dot, ".eml") == 0;
}

static char *read_message(const char *name)
{
	char path[512];
	struct stat st;
	char *text;
	FILE *file;

	(void)snprintf(path, sizeof(path), CM_SRCDIR "/tests/corpus/%s", name);
	assert_int_equal(stat(path, &st), 0);
	text = calloc(1, (size_t)st.st_size + 1);
	assert_non_null(text);
	file = fopen(path, "r");
	assert_non_null(file);
	assert_int_equal(fread(text, 1, (size_t)st.st_size, file), st.st_size);
	(void)fclose(file);
	/* A NUL: not a text that can be compared as one; never edited. */
	if (strlen(text) != (size_t)st.st_size) {
		free(text);
		return NULL;
	}
	return text;
}

/* Every charset, encoding and shape: another hop, another queue, a loop. */
static void every_message_of_the_corpus_once(void **state)
{
	struct dirent **names = NULL;
	struct world w;
	int n = scandir(CM_SRCDIR "/tests/corpus", &names, is_eml, alphasort);
	int edited = 0;
	int bad = 0;
	int several, i;

	(void)state;
	assert_true(n > 0);
	world_begin(&w, "", "");
	for (i = 0; i < n; i++) {
		char *eml = read_message(names[i]->d_name);

		for (several = 0; eml != NULL && several < 2; several++) {
			const char *const *to =
				several ? TO(ANNA, BERT) : TO(BERT);
			char *once = pass(&w, eml, to);
			char *twice = pass(&w, once, to);

			edited += strcmp(body_of(once), body_of(eml)) != 0;
			if (strcmp(once, twice) != 0) {
				print_error("%s: a second pass changes it:\n"
					    "%s\n%s\n",
					    names[i]->d_name, once, twice);
				bad++;
			}
			free(once);
			free(twice);
		}
		free(eml);
		free(names[i]);
	}
	free(names);
	print_message("%d of %d messages were edited\n", edited, 2 * n);
	assert_true(edited > n / 2);
	assert_int_equal(bad, 0);
	world_end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(which_tokens_count),
		cmocka_unit_test(each_alternative_has_its_own),
		cmocka_unit_test(one_half_is_completed),
		cmocka_unit_test(a_new_key_changes_nothing_on_the_way),
		cmocka_unit_test(several_recipients),
		cmocka_unit_test(every_message_of_the_corpus_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
