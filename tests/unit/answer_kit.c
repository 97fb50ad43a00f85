/* See answer_kit.h. */
#include "tests/unit/answer_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "policy/token.h"

static const char config_text[] =
	"controller \"acme\" { name = \"Acme <GmbH>\"  address = \"Main "
	"Street 1, Berlin\"  contact = \"privacy@acme.example\"  country = "
	"\"DE\" }\n"
	"web { base-url = \"https://consent.acme.example\"  listen = "
	"\"127.0.0.1:8025\" }\n"
	"mail { domain = \"m.acme.example\" }\n"
	"form \"shop\" { purpose = {\"acme/newsletter\", "
	"\"acme/offers\"}  embed-on = {\"https://shop.example\"} }\n"
	"form \"contest\" { purpose = {\"acme/offers\"}  source = "
	"\"contest\"  title-cs = \"Sout\304\233\305\276\" }\n"
	"listener \"main\" { socket = \"unix:/run/x.sock\"  unmatched = pass "
	"}\n"
	"purpose \"acme\" { title = \"Everything\" }\n"
	"purpose \"acme/newsletter\" { title = \"Acme newsletter\"  title-cs "
	"= \"Zpravodaj Acme\" }\n"
	"purpose \"acme/offers\" { title = \"Offers\" }\n"
	"purpose \"acme/digest\" { title = \"Digest\"  idle = 1y }\n"
	"stream \"newsletter\" { type = marketing  sender = "
	"{\"news@acme.example\"}  purpose = {\"acme/newsletter\"}  mode = "
	"enforce }\n";

static void keep_line(void *ctx, enum cm_log_level level, const char *line)
{
	struct cm_buf *log = ctx;

	(void)cm_buf_addf(log, "%d %s\n", (int)level, line);
}

static void count_call(void *ctx)
{
	unsigned *told = ctx;

	(*told)++;
}

static void load_config(struct fixture *f)
{
	static const char folder[] = CM_SRCDIR "/conf/templates";
	char path[160];
	struct cm_error err = {CM_OK, ""};
	FILE *file;

	kit_path(&f->kit, "c.conf", path);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file,
		"templates = \"%s\"\nstore { path = \"%s\"  map-size = 64M "
		"}\n%s",
		folder, f->kit.options.path, config_text);
	assert_int_equal(fclose(file), 0);
	if (cm_config_load(path, &f->config, &err) != CM_OK ||
	    cm_templates_load(folder, "en", &f->templates, &err) != CM_OK)
		fail_msg("%s", err.text);
}

static void open_queue(struct fixture *f)
{
	const struct cm_queue_options options = {
		.path = f->kit.options.path,
		.map_size = f->kit.options.map_size,
		.lock_wait_ms = 1000,
	};
	struct cm_error err = {CM_OK, ""};

	if (cm_queue_make(options.path, (gid_t)-1, &err) != CM_OK ||
	    cm_queue_open(&options, f->kit.keys, &f->site.queue, &err) !=
		    CM_OK ||
	    cm_shown_make(f->config, f->templates, &f->shown, &err) != CM_OK)
		fail_msg("%s", err.text);
	f->site.shown = f->shown;
}

int web_set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	kit_new(&f->kit);
	load_config(f);
	cm_buf_init(&f->log, 16 << 20);
	f->site.config = f->config;
	f->site.templates = f->templates;
	f->site.keys = f->kit.keys;
	f->site.store = f->kit.store;
	open_queue(f);
	f->site.asked = count_call;
	f->site.asked_ctx = &f->asked;
	f->site.withdrawn = count_call;
	f->site.ctx = &f->told;
	assert_int_equal(cm_log_call(keep_line, &f->log, &f->site.log), CM_OK);
	assert_int_equal(cm_site_init(&f->site, NULL), CM_OK);
	*state = f;
	return 0;
}

int web_tear_down(void **state)
{
	struct fixture *f = *state;

	cm_site_deinit(&f->site);
	cm_shown_free(&f->shown);
	cm_queue_close(&f->site.queue);
	cm_log_free(&f->site.log);
	cm_buf_free(&f->log);
	cm_templates_free(&f->templates);
	cm_config_unref(&f->config);
	kit_free(&f->kit);
	free(f);
	return 0;
}

/* ---- asking ------------------------------------------------------------- */

struct link link_of(struct fixture *f, enum cm_key_kind kind,
		    const char *address, const char *purpose, uint16_t day)
{
	struct cm_token token = {.kind = kind, .day = day, .has_message = true};
	char text[CM_TOKEN_URL_LEN + 1];
	struct cm_id family;
	struct link link;

	kit_ids(&f->kit, address, &token.contact, &family);
	assert_int_equal(cm_purpose_id(cm_span(purpose), token.purpose), CM_OK);
	memcpy(token.message, "message!", sizeof(token.message));
	assert_int_equal(cm_token_url(f->kit.keys, &token, text, NULL), CM_OK);
	(void)snprintf(link.url, sizeof(link.url), "/u/%s", text);
	return link;
}

struct link petrs_link(struct fixture *f)
{
	return link_of(f, CM_KEY_HEADER, PETR, KIT_PURPOSE, TODAY);
}

void web_ask(struct fixture *f, const char *method, const char *url,
	     const char *body, const char *accept, struct cm_answer *answer)
{
	const struct cm_request request = {
		.method = method,
		.url = cm_span(url),
		.content_type = cm_span("application/x-www-form-urlencoded"),
		.accept_language = accept,
		.body = cm_span(body),
	};

	cm_answer_make(&f->site, &request, KIT_NOW, answer);
}

void assert_answer(struct fixture *f, const char *method, const char *url,
		   const char *body, int status, const char *text)
{
	struct cm_answer answer;

	web_ask(f, method, url, body, NULL, &answer);
	if (answer.status != status ||
	    strstr(cm_buf_text(&answer.page.body), text) == NULL)
		fail_msg("%s %s %s: %d, want %d and \"%s\":\n%s", method, url,
			 body, answer.status, status, text,
			 cm_buf_text(&answer.page.body));
	cm_answer_free(&answer);
}

void assert_page_lacks(struct fixture *f, const char *url, const char *text)
{
	struct cm_answer answer;

	web_ask(f, "GET", url, "", NULL, &answer);
	assert_null(strstr(cm_buf_text(&answer.page.body), text));
	cm_answer_free(&answer);
}

const char *web_header(const struct cm_answer *answer, const char *name)
{
	size_t i;

	for (i = 0; i < answer->nheaders; i++)
		if (strcmp(answer->headers[i].name, name) == 0)
			return answer->headers[i].value;
	return "";
}

struct cm_store_counts web_counts(struct fixture *f)
{
	struct cm_store_counts c;
	struct cm_error err;

	assert_int_equal(cm_store_count(f->kit.store, &c, &err), CM_OK);
	return c;
}

void web_grant(struct fixture *f, const char *address, const char *purpose,
	       int64_t now)
{
	struct cm_event event = kit_event(&f->kit, address, CM_EVENT_GRANTED);

	(void)snprintf(event.purpose, sizeof(event.purpose), "%s", purpose);
	(void)kit_append(&f->kit, &event, now);
}

bool is_withdrawn(struct fixture *f, const char *address, const char *purpose)
{
	struct cm_view own, family;
	size_t i;

	kit_lookup(&f->kit, address, &own, &family);
	assert_true(kit_fact(&own, CM_FACT_WITHDRAWN) != NULL ||
		    kit_fact(&family, CM_FACT_WITHDRAWN) == NULL);
	for (i = 0; i < own.count; i++)
		if (own.facts[i].kind == CM_FACT_WITHDRAWN &&
		    cm_span_is(own.facts[i].purpose, purpose))
			return true;
	return false;
}
