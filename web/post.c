/* See post.h. */
#include "web/post.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/enc.h"
#include "policy/optin.h"
#include "policy/purpose.h"
#include "policy/submit.h"
#include "web/letter.h"

enum {
	ARENA_MAX = 1 << 22,
	LINK_MAX = 300, /* base-url and a token: 200 octets at most */
	IDLE_MS = 60000,
	BROKEN_MS = 15000,
	FAILURES_MAX = 3, /* in a row: the server is away, not the person */
	HEX_MAX = CM_HEX_LEN(CM_CONTACT_ID_LEN) + 1,
};

#define PAUSE_FIRST_MS (5 * CM_SECOND_MS)
#define PAUSE_MAX_MS   (2 * 3600 * CM_SECOND_MS)
#define GIVE_UP_MS     (3 * CM_DAY_MS)

struct cm_post {
	const struct cm_site *site;
	struct cm_duty *duty;
	uint64_t finished; /* a letter that the queue still has; 0: none */
};

/* One round: the letters that are due, over one connection. */
struct round {
	struct cm_post *post;
	const struct cm_site *site;
	struct cm_duty *duty;
	struct cm_arena *arena;
	struct cm_mailer *mailer; /* NULL until it is needed */
	struct cm_address from;
	int failures; /* in a row */
};

int64_t cm_post_pause(uint32_t tries)
{
	int64_t pause = PAUSE_FIRST_MS;

	while (tries-- > 1 && pause < PAUSE_MAX_MS)
		pause *= 2;
	return pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS;
}

/* ---- what is in a letter ------------------------------------------------ */

static const struct {
	enum cm_key_kind key;
	const char *place; /* web/route.c */
} links[CM_LETTERS] = {
	[CM_LETTER_CONFIRM] = {CM_KEY_CONFIRM, "c"},
	[CM_LETTER_LOST] = {CM_KEY_PREFERENCE, "p"},
	[CM_LETTER_DATA] = {CM_KEY_MAILED, "m"},
};

/* The day of a confirm link is that of the request: DOI-3 counts from it. */
static int make_link(const struct round *round, const struct cm_letter *letter,
		     int64_t now, char link[LINK_MAX], struct cm_error *err)
{
	bool confirms = letter->kind == CM_LETTER_CONFIRM;
	struct cm_token token = {
		.kind = links[letter->kind].key,
		.contact = letter->contact,
		.day = (uint16_t)((confirms ? letter->made : now) / CM_DAY_MS),
		.has_message = confirms,
	};
	char text[CM_TOKEN_URL_LEN + 1];
	int rc;

	memcpy(token.purpose, letter->purpose, sizeof(token.purpose));
	if (confirms)
		memcpy(token.message, letter->request, sizeof(token.message));
	rc = cm_token_url(round->site->keys, &token, text, err);
	if (rc == CM_OK)
		(void)snprintf(link, LINK_MAX, "%s/%s/%s",
			       round->site->config->web_base_url,
			       links[letter->kind].place, text);
	return rc;
}

/* CM_ENOTFOUND: it is no longer wanted. */
static int read_request(const struct round *round,
			const struct cm_letter *letter, int64_t now,
			struct cm_optin *optin, struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	int rc;

	memset(optin, 0, sizeof(*optin));
	if (letter->kind != CM_LETTER_CONFIRM)
		return CM_OK;
	rc = cm_store_read_begin(round->site->store, round->arena, &reader,
				 err);
	if (rc == CM_OK)
		rc = cm_optin_read(reader, &letter->contact, letter->request,
				   round->arena, optin, err);
	cm_store_read_end(&reader);
	if (rc == CM_OK && (optin->confirmed || !cm_optin_is_open(optin, now)))
		rc = CM_ENOTFOUND;
	return rc;
}

static int make_letter(const struct round *round,
		       const struct cm_letter *letter, int64_t now,
		       struct cm_span *ret_to, struct cm_buf *out,
		       struct cm_error *err)
{
	char link[LINK_MAX];
	struct cm_letter_want want = {
		.kind = letter->kind,
		.language = letter->language,
		.link = link,
		.number = letter->number,
		.made = letter->made,
	};
	struct cm_optin optin;
	struct cm_span as_given;
	int rc = read_request(round, letter, now, &optin, err);

	if (rc == CM_OK)
		rc = cm_store_address(round->site->store, &letter->contact,
				      round->arena, ret_to, &as_given, err);
	if (rc == CM_OK)
		rc = make_link(round, letter, now, link, err);
	if (rc != CM_OK)
		return rc;
	want.to = cm_arena_dup(round->arena, ret_to->p, ret_to->n);
	if (want.to == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	ret_to->p = want.to;
	want.purposes = optin.purposes;
	want.npurposes = optin.npurposes;
	memcpy(want.request, letter->request, sizeof(want.request));
	return cm_letter_make(round->site->config, round->site->templates,
			      &want, out, err);
}

/* ---- sending ------------------------------------------------------------ */

static bool is_pressed(void *duty)
{
	return cm_duty_is_pressed(duty);
}

static int connect_once(struct round *round, struct cm_error *err)
{
	struct cm_transfer_server server = {.url = NULL};
	int rc;

	if (round->mailer != NULL)
		return CM_OK;
	rc = cm_letter_from(round->site->config, &round->from, err);
	if (rc == CM_OK)
		rc = cm_submit_server(round->site->config, round->arena,
				      &server, err);
	if (rc == CM_OK)
		rc = cm_mailer_open(&server, &round->mailer, err);
	if (rc == CM_OK)
		cm_mailer_interrupt(round->mailer, is_pressed, round->duty);
	cm_submit_forget(&server);
	return rc;
}

/* CM_ENOTFOUND: there is nobody to write to, or nothing to ask any more. */
static int send_letter(struct round *round, const struct cm_letter *letter,
		       int64_t now, struct cm_error *err)
{
	struct cm_buf message;
	struct cm_span to;
	int rc;

	cm_buf_init(&message, CM_LETTER_MAX);
	rc = make_letter(round, letter, now, &to, &message, err);
	if (rc == CM_OK)
		rc = connect_once(round, err);
	if (rc == CM_OK)
		rc = cm_mailer_send(
			round->mailer,
			cm_letter_sender(letter->kind, &round->from), to.p,
			cm_span_n(message.data, message.len), err);
	cm_wipe(message.data, message.len); /* the link in it opens doors */
	cm_buf_free(&message);
	return rc;
}

/* ---- one letter --------------------------------------------------------- */

static void tell(const struct round *round, const struct cm_letter *letter,
		 const char *result, const struct cm_error *err)
{
	char hex[HEX_MAX];

	(void)cm_hex_encode(letter->contact.b, CM_CONTACT_ID_LEN, hex);
	cm_metrics_add_of(round->site->metrics, CM_METRIC_LETTERS, result, 1);
	cm_log(round->site->log, err != NULL ? CM_LOG_WARNING : CM_LOG_INFO,
	       "letter: kind=%s contact=%s number=%llu result=%s%s%s",
	       cm_letter_kind_name(letter->kind), hex,
	       (unsigned long long)letter->number, result,
	       err != NULL ? ": " : "", err != NULL ? err->text : "");
}

static int put_off(struct round *round, struct cm_letter *letter, int64_t now,
		   const struct cm_error *why, struct cm_error *err)
{
	letter->tries++;
	letter->due = now + cm_post_pause(letter->tries);
	tell(round, letter, "later", why);
	return cm_queue_later(round->site->queue, letter, err);
}

/* Until the queue can be written, nothing else leaves: nobody gets a letter
 * twice because of that. */
static int strike_out(struct round *round, struct cm_error *err)
{
	uint64_t number = round->post->finished;
	int rc = CM_OK;

	if (number != 0)
		rc = cm_queue_sent(round->site->queue, number, err);
	if (rc == CM_ENOTFOUND)
		rc = CM_OK;
	if (rc == CM_OK)
		round->post->finished = 0;
	return rc;
}

static int finish(struct round *round, const struct cm_letter *letter,
		  const char *result, const struct cm_error *why,
		  struct cm_error *err)
{
	tell(round, letter, result, why);
	round->post->finished = letter->number;
	return strike_out(round, err);
}

static int do_letter(struct round *round, struct cm_letter *letter,
		     struct cm_error *err)
{
	int64_t now = cm_clock_now();
	struct cm_error why = {CM_OK, ""};
	int rc;

	if (now > letter->made + GIVE_UP_MS)
		return finish(round, letter, "given-up", NULL, err);
	rc = send_letter(round, letter, now, &why);
	switch (rc) {
	case CM_OK:
		round->failures = 0;
		return finish(round, letter, "sent", NULL, err);
	case CM_ENOTFOUND:
		return finish(round, letter, "not-wanted", NULL, err);
	case CM_EREFUSED:
		round->failures = 0;
		return finish(round, letter, "no-address", &why, err);
	default:
		if (cm_duty_is_pressed(round->duty))
			return CM_OK; /* we ended it ourselves */
		round->failures++;
		return put_off(round, letter, now, &why, err);
	}
}

/* ---- the thread --------------------------------------------------------- */

static int pause_until(int64_t next)
{
	int64_t now = cm_clock_now();

	if (next <= now)
		return 1000; /* never in a tight circle */
	return next - now < IDLE_MS ? (int)(next - now) : IDLE_MS;
}

/* Until nothing is due, or the server seems to be away. */
static int send_due(struct round *round, struct cm_error *err)
{
	uint64_t after = 0;
	int64_t next = INT64_MAX;
	int rc = strike_out(round, err);

	while (rc == CM_OK && round->failures < FAILURES_MAX &&
	       !cm_duty_is_pressed(round->duty)) {
		struct cm_letter letter;

		cm_arena_reset(round->arena);
		rc = cm_queue_due(round->site->queue, after, cm_clock_now(),
				  &letter, &next, err);
		if (rc == CM_OK) {
			after = letter.number;
			rc = do_letter(round, &letter, err);
		}
	}
	if (rc == CM_ENOTFOUND)
		return pause_until(next);
	if (rc == CM_OK)
		return (int)PAUSE_FIRST_MS;
	cm_log_error(round->site->log, CM_LOG_ERROR,
		     "letters cannot be sent now", err);
	return BROKEN_MS;
}

static void show_waiting(const struct cm_site *site)
{
	struct cm_queue_counts counts;

	if (cm_queue_count(site->queue, &counts, NULL) == CM_OK)
		cm_metrics_set(site->metrics, CM_METRIC_LETTERS_WAITING,
			       counts.letters);
}

static int work(void *ctx, struct cm_duty *duty)
{
	struct cm_post *post = ctx;
	struct round round = {
		.post = post,
		.site = post->site,
		.duty = duty,
	};
	struct cm_error err = {CM_OK, ""};
	int pause;

	if (post->site->queue == NULL)
		return IDLE_MS;
	if (cm_arena_new(ARENA_MAX, &round.arena) != CM_OK)
		return BROKEN_MS;
	pause = send_due(&round, &err);
	cm_mailer_close(&round.mailer);
	cm_arena_free(&round.arena);
	show_waiting(post->site);
	return pause;
}

int cm_post_start(const struct cm_site *site, struct cm_post **ret_post,
		  struct cm_error *err)
{
	struct cm_post *post = calloc(1, sizeof(*post));
	int rc;

	if (post == NULL)
		return cm_fail(err, CM_ENOMEM, "no memory for a thread");
	post->site = site;
	rc = cm_duty_start(work, post, &post->duty, err);
	if (rc != CM_OK) {
		free(post);
		return rc;
	}
	*ret_post = post;
	return CM_OK;
}

struct cm_duty *cm_post_duty(struct cm_post *post)
{
	return post->duty;
}

void cm_post_use(struct cm_post *post, const struct cm_site *site)
{
	cm_duty_hold(post->duty);
	post->site = site;
	cm_duty_release(post->duty);
}

void cm_post_end(struct cm_post **post)
{
	if (*post == NULL)
		return;
	cm_duty_end(&(*post)->duty);
	free(*post);
	*post = NULL;
}
