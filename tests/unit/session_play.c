/*
 * See session_play.h.
 *
 * The first octet picks the config, each one after it a step, until 0xff:
 * what follows that is the message of all that comes before it.
 */
#include "tests/unit/session_play.h"

#include "policy/token.h"

#include "tests/unit/session_world.h"

enum { RCPTS_MAX = 64 };

#define BASE "https://c.acme.example/u/"

static const char *const configs[] = {
	"refuse = reject",
	"refuse = drop",
	"refuse = rewrite rewrite-to = \"audit@acme.example\"",
	"mode = edit",
	"mode = observe",
};
enum {
	CONFIGS = sizeof(configs) / sizeof(configs[0]),
	REWRITE = 2,
	EDIT,
	OBSERVE
};

static const char *const senders[] = {
	"<news@acme.example>",
	"NEWS@Acme.Example",
	"<shop@acme.example>",
	"<x@acme.example>",
	"<>",
};
enum { SENDERS = sizeof(senders) / sizeof(senders[0]), MARKETING = 2 };

static const char *const people[] = {
	/* The first are those of fake.people. */
	"anna@x.test", "bert@x.test",   "carl@x.test",
	"dora@x.test", "anna+1@x.test",
};
enum { KNOWN = 3, NOBODY = -1 };

/* person: of people[]; NOBODY where no address can be read. */
static const struct {
	const char *typed;
	int person;
} rcpts[] = {
	{"<anna@x.test>", 0},  {"<Anna@X.TEST>", 0},
	{"anna@x.test", 0},    {"<bert@x.test>", 1},
	{"<bert@x.test.>", 1}, {"<carl@x.test>", 2},
	{"<dora@x.test>", 3},  {"<anna+1@x.test>", 4},
	{"<>", NOBODY},        {"<@h.test:anna@x.test>", 0},
	{"anna", NOBODY},      {"<anna@[127.0.0.1]>", NOBODY},
};
enum { RCPTS = sizeof(rcpts) / sizeof(rcpts[0]) };

struct session_play {
	struct world worlds[CONFIGS];
	struct cm_keys *keys[CONFIGS];
	/* Of the conversation at hand. */
	struct world *w;
	size_t config;
	bool in_mail;
	bool marketing;
	bool fault;              /* something of ours was made to fail */
	size_t taken[RCPTS_MAX]; /* rows of rcpts[] answered 250 */
	size_t ntaken;
};

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "session_play: %s\n", what);
	abort();
}

/* There is one store behind all worlds, so they have one set of keys. */
static void share_keys(const struct world *from, const struct world *to)
{
	char command[256];

	(void)snprintf(command, sizeof(command), "cp -p %s/* %s/", from->keys,
		       to->keys);
	must(from == to || system(command) == 0, "keys are not copied");
}

struct session_play *session_play_new(void)
{
	struct session_play *play = calloc(1, sizeof(*play));
	struct cm_error err;
	size_t i;

	must(play != NULL, "no memory");
	for (i = 0; i < CONFIGS; i++) {
		world_begin(&play->worlds[i], configs[i], "");
		share_keys(&play->worlds[0], &play->worlds[i]);
		must(cm_keys_open(play->worlds[i].keys, &play->keys[i], &err) ==
			     CM_OK,
		     "no keys");
	}
	return play;
}

void session_play_free(struct session_play **play)
{
	size_t i;

	for (i = 0; i < CONFIGS; i++) {
		cm_keys_free(&(*play)->keys[i]);
		world_end(&(*play)->worlds[i]);
	}
	free(*play);
	*play = NULL;
}

/* ---- what must hold ---------------------------------------------------- */

static bool may(const struct session_play *play, size_t row)
{
	int person = rcpts[row].person;

	if (play->config == EDIT || play->config == OBSERVE)
		return true;
	return person >= 0 && person < KNOWN && fake.people[person].granted &&
	       !fake.people[person].withdrawn;
}

/* The MTA may not find it to delete it: then nobody gets the message. */
static bool has_elusive(const struct session_play *play)
{
	size_t i;

	for (i = 0; i < play->ntaken; i++)
		if (strchr(rcpts[play->taken[i]].typed, '[') != NULL &&
		    !may(play, play->taken[i]))
			return true;
	return false;
}

static size_t count_left(const struct session_play *play)
{
	size_t n = 0;

	while (cm_record_left(play->w->record, n) != NULL)
		n++;
	return n;
}

static void check_envelope(const struct session_play *play)
{
	size_t allowed = 0;
	size_t i;

	for (i = 0; i < play->ntaken; i++)
		if (may(play, play->taken[i]))
			allowed++;
	if (play->config == REWRITE && allowed < play->ntaken)
		allowed++; /* the auditor */
	must(count_left(play) == allowed, "somebody too many or too few");
}

/* The only person who may have the message; -1 if there is not just one. */
static int only_person(const struct session_play *play)
{
	int only = -1;
	size_t i;

	for (i = 0; i < play->ntaken; i++) {
		int person = rcpts[play->taken[i]].person;

		if (!may(play, play->taken[i])) {
			if (play->config == REWRITE)
				return -1;
			continue;
		}
		if (person < 0 || (only >= 0 && only != person))
			return -1;
		only = person;
	}
	return only;
}

static void check_token(const struct session_play *play, const char *text,
			int only)
{
	struct cm_address address;
	struct cm_token token;
	struct cm_id id;
	struct cm_span span = cm_span_n(text, CM_TOKEN_URL_LEN);
	const struct cm_keys *keys = play->keys[play->config];

	if (cm_token_read(keys, CM_KEY_HEADER, span, &token) != CM_OK &&
	    cm_token_read(keys, CM_KEY_FOOTER, span, &token) != CM_OK)
		return; /* the client's own text */
	must(only >= 0, "a token for several");
	must(cm_address_parse(cm_span(people[only]), &address, NULL) == CM_OK &&
		     cm_address_id(&address, fake.hmac, &id) == CM_OK,
	     "no contact id");
	must(memcmp(&id, &token.contact, sizeof(id)) == 0,
	     "somebody else's token");
}

static void check_tokens(const struct session_play *play)
{
	struct world *w = play->w;
	int only = only_person(play);
	const char *p;

	cm_buf_reset(&w->out);
	must(cm_record_message(w->record, &w->out) == CM_OK, "no message");
	for (p = cm_buf_text(&w->out); (p = strstr(p, BASE)) != NULL;) {
		p += strlen(BASE);
		if (strlen(p) >= CM_TOKEN_URL_LEN)
			check_token(play, p, only);
	}
}

static void check_counts(const struct session_play *play)
{
	const struct world *w = play->w;

	must(world_logged(w, "rcpts") == world_logged(w, "allowed") +
						 world_logged(w, "refused") +
						 world_logged(w, "deferred") +
						 world_logged(w, "unsent"),
	     "counts do not add up");
	must(strstr(cm_buf_text(&w->lines), "@x.test") == NULL ||
		     strstr(cm_buf_text(&w->lines), "anna@") == NULL,
	     "an address in the log");
	must(strstr(cm_buf_text(&w->lines), "/u/") == NULL,
	     "a token in the log");
}

static void check_end(const struct session_play *play, enum cm_answer answer)
{
	bool is_plain = cm_record_calls(play->w->record)[0] == '\0';

	check_counts(play);
	if (!play->marketing || play->config == OBSERVE) {
		must(answer == CM_ANSWER_CONTINUE || !play->marketing,
		     "observe refuses");
		must(is_plain, "changed what is to be left alone");
		return;
	}
	if (answer == CM_ANSWER_TEMPFAIL) {
		must(play->fault, "451 without a reason");
		return;
	}
	if (answer == CM_ANSWER_CONTINUE) {
		must(!has_elusive(play), "left to chance");
		check_envelope(play);
		check_tokens(play);
		return;
	}
	if (has_elusive(play))
		return;
	must(play->config == 0 || play->config == 1, "refuses nobody");
	must(only_person(play) < 0, "refused who agreed");
}

/* ---- steps ------------------------------------------------------------- */

static void do_mail(struct session_play *play, size_t which)
{
	cm_buf_reset(&play->w->lines);
	cm_record_mail(play->w->record, play->w->session, senders[which]);
	play->in_mail = true;
	play->marketing = which < MARKETING;
	play->ntaken = 0;
}

static void do_rcpt(struct session_play *play, size_t row)
{
	enum cm_answer answer;

	if (!play->in_mail || play->ntaken == RCPTS_MAX)
		return;
	answer = cm_record_rcpt(play->w->record, play->w->session,
				rcpts[row].typed);
	if (answer == CM_ANSWER_CONTINUE) {
		play->taken[play->ntaken++] = row;
		return;
	}
	/* A source route is not taken from a known marketing stream. */
	must(play->marketing && play->config <= REWRITE &&
		     (play->fault || !may(play, row) ||
		      rcpts[row].typed[1] == '@'),
	     "refused at RCPT without a reason");
}

/* One message a connection: the record's changes stay in it. */
static void do_data(struct session_play *play)
{
	if (!play->in_mail || play->ntaken == 0)
		return;
	check_end(play, cm_record_data(play->w->record, play->w->session));
	play->in_mail = false;
}

static void do_odd(struct session_play *play, uint8_t step)
{
	switch (step % 6) {
	case 0:
		fake.people[step / 6 % 3].withdrawn ^= true;
		break;
	case 1:
		fake.fail_lookup = CM_ECORRUPT;
		play->fault = true;
		break;
	case 2:
		fake.fail_begin = CM_EIO;
		play->fault = true;
		break;
	case 3:
		cm_record_fail_at(play->w->record, 1 + step / 6 % 8);
		play->fault = true;
		break;
	case 4:
		cm_session_abort(play->w->session);
		play->in_mail = false;
		break;
	default:
		cm_session_header(play->w->session, "X", "y");
		break;
	}
}

static void do_step(struct session_play *play, uint8_t step)
{
	if (step < 40)
		do_mail(play, step % SENDERS);
	else if (step < 180)
		do_rcpt(play, step % RCPTS);
	else if (step < 240)
		do_odd(play, step - 180);
}

static void dial(struct session_play *play, const uint8_t *eml, size_t n)
{
	char *copy = calloc(1, n + 1);

	must(copy != NULL, "no memory");
	memcpy(copy, eml, n);
	play->w->local = play->config == 1;
	world_dial(play->w, copy);
	free(copy);
}

static void people_as_at_first(void)
{
	fake.fail_begin = CM_OK;
	fake.fail_lookup = CM_OK;
	fake.people[0].withdrawn = false;
	fake.people[1].withdrawn = false;
	fake.people[2].withdrawn = true;
}

void session_play(struct session_play *play, const uint8_t *data, size_t size)
{
	const uint8_t *end;
	size_t steps;
	size_t i;

	if (size < 2)
		return;
	play->config = data[0] % CONFIGS;
	play->w = &play->worlds[play->config];
	play->in_mail = false;
	play->fault = false;
	people_as_at_first();
	end = memchr(data, 0xff, size);
	steps = end != NULL ? (size_t)(end - data) : size;
	if (end != NULL)
		dial(play, end + 1, size - steps - 1);
	else
		dial(play, (const uint8_t *)NEWSLETTER, strlen(NEWSLETTER));
	for (i = 1; i < steps; i++)
		do_step(play, data[i]);
	do_data(play);
	cm_session_free(&play->w->session);
	must(cm_engine_in_flight(play->w->engine) == 0, "a message is left");
	/* A store that failed is opened anew; this clock stands still. */
	people_as_at_first();
}
