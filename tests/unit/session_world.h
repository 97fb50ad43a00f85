/*
 * session_world - whole messages against an MTA of memory and a store of this
 * file, so that every failure can be had at will.
 */
#ifndef CM_TESTS_UNIT_SESSION_WORLD_H
#define CM_TESTS_UNIT_SESSION_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter/mta_record.h"

#include "tests/unit/test.h"

#define NOW   INT64_C(1795000000000)
#define GRANT (NOW - 86400000)

/* The store that cm_store_open() gives; reset by world_begin(). */
struct fake_person {
	const char *address;
	bool granted;
	bool withdrawn;
	const char *language;
	/* When they asked, having objected before that; 0 = never. */
	int64_t requested;
};

struct fake_store {
	struct fake_person people[8];
	size_t count;
	int fail_open, fail_begin, fail_lookup;
	int64_t newest_rec;
	uint64_t size;   /* events */
	uint8_t history; /* which ones, of as many */
	unsigned opens, reads;
	struct cm_hmac *hmac;
	struct cm_arena *arena;
};
extern struct fake_store fake;

#define ANNA "<anna@x.test>" /* granted; reads Czech */
#define BERT "<bert@x.test>" /* granted */
#define CARL "<carl@x.test>" /* withdrawn */
#define DORA "<dora@x.test>" /* unknown to us */
#define EMIL "<emil@x.test>" /* objected once, asked an hour ago */
#define FINN "<finn@x.test>" /* asked 8 days ago */

#define NEWSLETTER                                                             \
	"From: Acme <news@acme.example>\r\n"                                   \
	"To: list@acme.example\r\n"                                            \
	"Subject: Autumn\r\n"                                                  \
	"X-Consent-Purpose: acme/newsletter\r\n"                               \
	"\r\n"                                                                 \
	"Hello\r\n"
#define CONFIRM                                                                \
	"From: Acme <consent@acme.example>\r\n"                                \
	"Subject: Please confirm\r\n"                                          \
	"Auto-Submitted: auto-generated\r\n"                                   \
	"\r\n"                                                                 \
	"https://c.acme.example/c/TOKEN\r\n"
#define RESET                                                                  \
	"From: shop@acme.example\r\n"                                          \
	"Subject: Your password\r\n"                                           \
	"List-Unsubscribe: <https://tool.example/u>\r\n"                       \
	"\r\n"                                                                 \
	"Click\r\n"

struct world {
	char folder[64];
	char config_file[96];
	char keys[96];
	struct cm_config *config;
	struct cm_log *log;
	struct cm_buf lines; /* of the log */
	struct cm_buf out;   /* for cm_record_message() */
	struct cm_engine *engine;
	struct cm_record *record;
	struct cm_session *session;
	const char *optin; /* settings to add to the optin stream */
	bool local;        /* as sendmail(1) */
	bool quiet_rcpt;
};

/* stream, global: settings to add to the newsletter and to the file. */
void world_begin(struct world *w, const char *stream, const char *global);
void world_end(struct world *w);
/* Another config for messages that begin from now on. */
void world_reload(struct world *w, const char *stream, const char *global);

/* Another process on the same folder, one that remembers. */
void world_restart(struct world *w);

/* A new connection that will carry this message. */
void world_dial(struct world *w, const char *eml);
enum cm_answer world_mail_to(struct world *w, const char *sender,
			     const char *const *rcpts);
/* Both, for NEWSLETTER. */
enum cm_answer world_newsletter(struct world *w, const char *const *rcpts);

#define TO(...)                                                                \
	(const char *const[])                                                  \
	{                                                                      \
		__VA_ARGS__, NULL                                              \
	}

/* The number behind " key=" in the log, 0 if it is not there. */
unsigned long long world_logged(const struct world *w, const char *key);
/* The log holds this. */
void world_check_line(const struct world *w, const char *want);
/* R5321-4, and what no line may hold (log.h). */
void world_check_log(const struct world *w, const char *result, unsigned rcpts,
		     unsigned allowed, unsigned refused);
/* Exactly these are still in the envelope. */
void world_check_left(const struct world *w, const char *const *want);
bool world_has_call(const struct world *w, const char *text);
/* Fails if the released message differs from eml. */
void world_check_untouched(const struct world *w, const char *eml);

#endif
