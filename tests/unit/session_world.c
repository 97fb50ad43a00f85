/* See session_world.h. */
#include "tests/unit/session_world.h"

#include <unistd.h>

struct fake_store fake;

/* ---- a store ---------------------------------------------------------- */

struct cm_store {
	int unused;
};
struct cm_store_reader {
	int unused;
};

int cm_store_open(const struct cm_store_options *options,
		  enum cm_store_access access, const struct cm_keys *keys,
		  struct cm_store **ret_store, struct cm_error *err)
{
	const struct cm_key *key = cm_keys_current(keys, CM_KEY_STORE);

	(void)options;
	assert_int_equal(access, CM_STORE_READ);
	fake.opens++;
	if (fake.fail_open != CM_OK)
		return cm_fail(err, fake.fail_open, "no store for jane@x.test");
	cm_hmac_free(&fake.hmac);
	assert_int_equal(cm_hmac_new(key->bytes, key->len, &fake.hmac, err),
			 CM_OK);
	*ret_store = calloc(1, sizeof(**ret_store));
	return CM_OK;
}

void cm_store_close(struct cm_store **store)
{
	free(*store);
	*store = NULL;
}

int cm_store_read_begin(struct cm_store *store, struct cm_arena *arena,
			struct cm_store_reader **ret_reader,
			struct cm_error *err)
{
	assert_non_null(store);
	fake.reads++;
	if (fake.fail_begin != CM_OK)
		return cm_fail(err, fake.fail_begin, "the store was replaced");
	fake.arena = arena;
	*ret_reader = calloc(1, sizeof(**ret_reader));
	return CM_OK;
}

void cm_store_read_end(struct cm_store_reader **reader)
{
	free(*reader);
	*reader = NULL;
}

int64_t cm_store_newest_rec(const struct cm_store_reader *reader)
{
	(void)reader;
	return fake.newest_rec;
}

uint64_t cm_store_size(const struct cm_store_reader *reader)
{
	(void)reader;
	return fake.size;
}

/* Of each size another one. */
int cm_store_root_at(struct cm_store_reader *reader, uint64_t size,
		     struct cm_hash *ret_root, struct cm_error *err)
{
	(void)reader;
	(void)err;
	memset(ret_root, 0, sizeof(*ret_root));
	memcpy(ret_root->b, &size, sizeof(size));
	ret_root->b[8] = fake.history;
	return CM_OK;
}

int cm_store_root(struct cm_store_reader *reader, struct cm_hash *ret_root,
		  struct cm_error *err)
{
	return cm_store_root_at(reader, fake.size, ret_root, err);
}

/* Nothing ever happened. */
int cm_store_event(struct cm_store_reader *reader, uint64_t seq,
		   struct cm_span *ret_json, struct cm_error *err)
{
	(void)reader;
	(void)seq;
	*ret_json = cm_span("{}");
	(void)err;
	return CM_OK;
}

static void add_fact(struct cm_view *view, enum cm_fact_kind kind, int64_t at)
{
	struct cm_fact *fact;

	if (view->facts == NULL)
		view->facts = cm_arena_array(fake.arena, 4, sizeof(*fact));
	fact = &view->facts[view->count++];
	fact->kind = kind;
	fact->purpose = cm_span("acme/newsletter");
	fact->source = cm_span(kind == CM_FACT_GRANTED ? "web-form" : "");
	fact->at = at;
	fact->seq = 17;
}

/* Asked at RCPT and at the end: both times under both names. */
static void check_family(const struct cm_address *address,
			 const struct cm_id *family)
{
	struct cm_address whole;
	struct cm_id id;

	cm_address_family(address, NULL, 0, &whole);
	assert_int_equal(cm_address_id(&whole, fake.hmac, &id), CM_OK);
	assert_memory_equal(&id, family, sizeof(id));
}

int cm_store_lookup(struct cm_store_reader *reader, const struct cm_id *contact,
		    const struct cm_id *family, struct cm_view *ret_own,
		    struct cm_view *ret_family, struct cm_error *err)
{
	size_t i;

	(void)reader;
	memset(ret_own, 0, sizeof(*ret_own));
	memset(ret_family, 0, sizeof(*ret_family));
	if (fake.fail_lookup != CM_OK)
		return cm_fail(err, fake.fail_lookup, "a view fails its MAC");
	for (i = 0; i < fake.count; i++) {
		const struct fake_person *p = &fake.people[i];
		struct cm_address address;
		struct cm_id id;

		assert_int_equal(
			cm_address_parse(cm_span(p->address), &address, NULL),
			CM_OK);
		assert_int_equal(cm_address_id(&address, fake.hmac, &id),
				 CM_OK);
		if (memcmp(&id, contact, sizeof(id)) != 0)
			continue;
		check_family(&address, family);
		if (p->granted)
			add_fact(ret_own, CM_FACT_GRANTED, GRANT);
		if (p->withdrawn)
			add_fact(ret_own, CM_FACT_WITHDRAWN, GRANT + 1);
		if (p->requested != 0) {
			add_fact(ret_own, CM_FACT_OBJECTED, p->requested - 1);
			add_fact(ret_own, CM_FACT_PERSON_REQUESTED,
				 p->requested);
		}
		if (p->language != NULL)
			(void)snprintf(ret_own->language,
				       sizeof(ret_own->language), "%s",
				       p->language);
	}
	return CM_OK;
}

/* ---- a world ---------------------------------------------------------- */

static void keep_line(void *ctx, enum cm_log_level level, const char *line)
{
	struct world *w = ctx;

	(void)level;
	(void)cm_buf_addf(&w->lines, "%s\n", line);
}

static int64_t now(void)
{
	return NOW;
}

static void write_config(const struct world *w, const char *stream,
			 const char *global)
{
	FILE *out = fopen(w->config_file, "w");

	assert_non_null(out);
	(void)fprintf(
		out,
		"controller \"acme\" { name = \"Acme GmbH\" address = \"Main "
		"Street 1\" contact = \"privacy@acme.example\" }\n"
		"store { path = \"%s\" }\nkeys { path = \"%s\" }\n"
		"templates = \"" CM_SRCDIR "/conf/templates\"\n"
		"own-networks = {\"127.0.0.0/8\"}\n%s\n"
		"listener \"main\" { socket = \"unix:%s/s\" }\n"
		"web { base-url = \"https://c.acme.example\" }\n"
		"purpose \"acme\" { title = \"All\" }\n"
		"purpose \"acme/newsletter\" { title = \"Acme news\" }\n"
		"stream \"newsletter\" { type = marketing sender = "
		"{\"news@acme.example\"} purpose = {\"acme/newsletter\"} %s }\n"
		"stream \"receipts\" { type = service sender = "
		"{\"shop@acme.example\"} client = {\"127.0.0.1\"} "
		"approved-by = \"DPO\" }\n"
		"stream \"confirm\" { type = optin sender = "
		"{\"consent@acme.example\"} client = {\"127.0.0.1\"} %s }\n",
		w->folder, w->keys, global, w->folder, stream, w->optin);
	assert_int_equal(fclose(out), 0);
}

static void load_config(struct world *w)
{
	struct cm_error err;

	cm_config_unref(&w->config);
	if (cm_config_load(w->config_file, &w->config, &err) != CM_OK)
		fail_msg("%s", err.text);
}

static void put_in_force(struct world *w)
{
	struct cm_templates *templates = NULL;
	struct cm_error err;

	if (cm_templates_load(w->config->templates, "en", &templates, &err) !=
		    CM_OK ||
	    cm_engine_reload(w->engine, w->config, templates, &err) != CM_OK)
		fail_msg("%s", err.text);
}

static void people(void)
{
	static const struct fake_person all[] = {
		{"anna@x.test", true, false, "cs", 0},
		{"bert@x.test", true, false, NULL, 0},
		{"carl@x.test", true, true, NULL, 0},
		{"emil@x.test", false, false, NULL, NOW - 3600 * 1000},
		{"finn@x.test", false, false, NULL, NOW - 8 * CM_DAY_MS},
	};

	memset(&fake, 0, sizeof(fake));
	memcpy(fake.people, all, sizeof(all));
	fake.count = sizeof(all) / sizeof(all[0]);
	fake.newest_rec = GRANT;
}

/* stream, global: settings to add to the newsletter and to the file. */
void world_begin(struct world *w, const char *stream, const char *global)
{
	struct cm_error err;

	people();
	memset(w, 0, sizeof(*w));
	w->optin = "";
	(void)snprintf(w->folder, sizeof(w->folder), "/tmp/t_session.XXXXXX");
	assert_non_null(mkdtemp(w->folder));
	(void)snprintf(w->config_file, sizeof(w->config_file), "%s/c",
		       w->folder);
	(void)snprintf(w->keys, sizeof(w->keys), "%s/keys", w->folder);
	if (cm_keys_init(w->keys, (gid_t)-1, (gid_t)-1, &err) != CM_OK)
		fail_msg("%s", err.text);
	write_config(w, stream, global);
	load_config(w);
	cm_buf_init(&w->lines, 64 << 20);
	cm_buf_init(&w->out, 1 << 20);
	assert_int_equal(cm_log_call(keep_line, w, &w->log), CM_OK);
	assert_int_equal(
		cm_engine_new(w->config, w->log, now, &w->engine, &err), CM_OK);
	put_in_force(w);
}

static void hang_up(struct world *w)
{
	cm_session_free(&w->session);
	cm_record_free(&w->record);
}

void world_end(struct world *w)
{
	char command[128];

	hang_up(w);
	cm_engine_free(&w->engine);
	cm_config_unref(&w->config);
	cm_log_free(&w->log);
	cm_buf_free(&w->lines);
	cm_buf_free(&w->out);
	cm_hmac_free(&fake.hmac);
	(void)snprintf(command, sizeof(command), "rm -rf %s", w->folder);
	assert_int_equal(system(command), 0);
}

void world_restart(struct world *w)
{
	struct cm_error err;

	hang_up(w);
	cm_memory_stop(cm_engine_memory(w->engine));
	cm_engine_free(&w->engine);
	assert_int_equal(
		cm_engine_new(w->config, w->log, now, &w->engine, &err), CM_OK);
	put_in_force(w);
	assert_int_equal(cm_engine_remember(w->engine, &err), CM_OK);
}

/* A new connection that will carry this message. */
void world_dial(struct world *w, const char *eml)
{
	static const uint8_t localhost[16] = {0, 0, 0,    0,    0,   0, 0, 0,
					      0, 0, 0xff, 0xff, 127, 0, 0, 1};
	struct cm_session_options options = {
		.engine = w->engine,
		.listener = "main",
		.answers_rcpt = !w->quiet_rcpt,
	};
	struct cm_error err;

	hang_up(w);
	cm_buf_reset(&w->lines);
	assert_int_equal(cm_record_new(cm_span(eml), &w->record, &err), CM_OK);
	cm_record_set_macro(w->record, "i", "4bX1");
	options.mta = cm_record_mta(w->record);
	assert_int_equal(cm_session_new(&options, &w->session), CM_OK);
	cm_session_connect(w->session, localhost, w->local ? 0 : 40000);
}

enum cm_answer world_mail_to(struct world *w, const char *sender,
			     const char *const *rcpts)
{
	cm_record_mail(w->record, w->session, sender);
	for (; *rcpts != NULL; rcpts++)
		(void)cm_record_rcpt(w->record, w->session, *rcpts);
	return cm_record_data(w->record, w->session);
}

enum cm_answer world_newsletter(struct world *w, const char *const *rcpts)
{
	world_dial(w, NEWSLETTER);
	return world_mail_to(w, "<news@acme.example>", rcpts);
}

/* The number behind " key=" in the log, 0 if it is not there. */
unsigned long long world_logged(const struct world *w, const char *key)
{
	char want[40];
	const char *at;

	(void)snprintf(want, sizeof(want), " %s=", key);
	at = strstr(cm_buf_text(&w->lines), want);
	return at != NULL ? strtoull(at + strlen(want), NULL, 10) : 0;
}

/* R5321-4, and what no line may hold (log.h). */
void world_check_log(const struct world *w, const char *result, unsigned rcpts,
		     unsigned allowed, unsigned refused)
{
	char want[40];
	const char *text = cm_buf_text(&w->lines);

	(void)snprintf(want, sizeof(want), " result=%s ", result);
	if (strstr(text, want) == NULL)
		fail_msg("no \"%s\" in: %s", want, text);
	assert_int_equal(world_logged(w, "rcpts"), rcpts);
	assert_int_equal(world_logged(w, "allowed"), allowed);
	assert_int_equal(world_logged(w, "refused"), refused);
	assert_int_equal(world_logged(w, "deferred"),
			 rcpts - allowed - refused);
	assert_null(strstr(text, "anna"));
	assert_null(strstr(text, "carl"));
	assert_null(strstr(text, "/u/"));
}

void world_check_left(const struct world *w, const char *const *want)
{
	size_t i;

	for (i = 0; want[i] != NULL; i++) {
		assert_non_null(cm_record_left(w->record, i));
		assert_string_equal(cm_record_left(w->record, i), want[i]);
	}
	assert_null(cm_record_left(w->record, i));
}

bool world_has_call(const struct world *w, const char *text)
{
	return strstr(cm_record_calls(w->record), text) != NULL;
}

/* Fails if the released message differs from eml. */
void world_check_untouched(const struct world *w, const char *eml)
{
	struct cm_buf out;

	assert_string_equal(cm_record_calls(w->record), "");
	cm_buf_init(&out, 1 << 20);
	assert_int_equal(cm_record_message(w->record, &out), CM_OK);
	assert_string_equal(cm_buf_text(&out), eml);
	cm_buf_free(&out);
}

void world_check_line(const struct world *w, const char *want)
{
	if (strstr(cm_buf_text(&w->lines), want) == NULL)
		fail_msg("no \"%s\" in: %s", want, cm_buf_text(&w->lines));
}

void world_reload(struct world *w, const char *stream, const char *global)
{
	write_config(w, stream, global);
	load_config(w);
	put_in_force(w);
}
