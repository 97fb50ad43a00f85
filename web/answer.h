/*
 * answer - what consent-web says to a request, and what it does about it.
 *
 * GET, HEAD and OPTIONS never write (R8058-8).  A POST that names one-click
 * or our button withdraws: durable through cm_store_stop() before the 200
 * (R8058-18), once an hour for each standing withdrawal however often it comes
 * (R8058-13, web/leave.h).  Whatever is not a token of ours gets one answer,
 * after the same work.  Never a redirect, never a cookie (R8058-6, R8058-7).
 *
 * Free of HTTP libraries, so that unit tests and fuzzers reach all of it.
 * cm_answer_make() may be called by many threads at once.
 */
#ifndef CM_WEB_ANSWER_H
#define CM_WEB_ANSWER_H

#include <pthread.h>

#include "lib/log.h"
#include "policy/api_keys.h"
#include "policy/config.h"
#include "policy/keys.h"
#include "policy/queue.h"
#include "policy/store.h"
#include "policy/template.h"
#include "web/failures.h"
#include "web/gate.h"
#include "web/keep.h"
#include "web/logo.h"
#include "web/metrics.h"
#include "web/client.h"
#include "web/page.h"
#include "web/route.h"
#include "web/shown.h"

enum { CM_SITE_LOCKS = 64 }; /* many more than threads: few wait in vain */

/* What all requests share; all of it outlives them. */
struct cm_site {
	const struct cm_config *config;
	const struct cm_templates *templates;
	const struct cm_logo *logo; /* NULL: none */
	const struct cm_keys *keys;
	struct cm_store *store;
	struct cm_keep keep;        /* of cm_site_init() */
	struct cm_log *log;         /* NULL: none */
	struct cm_metrics *metrics; /* NULL: none */
	/* Told after each new withdrawal, so that stop gets folded. */
	void (*withdrawn)(void *ctx);
	void *ctx;
	/*
	 * What persons ask for, and who is told of each new act (NULL:
	 * nobody).  NULL without a mail section: then nothing can be asked.
	 */
	struct cm_queue *queue;
	const struct cm_shown *shown; /* set if queue is */
	void (*asked)(void *ctx);
	void *asked_ctx;
	/*
	 * One POST at a time of one person looks and writes, so that twins
	 * make one event; those of others share the disk's sync.
	 */
	pthread_mutex_t one_post[CM_SITE_LOCKS];
	const struct cm_api_keys *api_keys; /* NULL: nobody has one */
	struct cm_gate gate;                /* of cm_site_init(), as is: */
	struct cm_failures failures;
};

/* The locks only; the rest is the caller's to fill in. */
CM_MUST_CHECK int cm_site_init(struct cm_site *site, struct cm_error *err);
void cm_site_deinit(struct cm_site *site);
/* Of this person; see one_post. */
pthread_mutex_t *cm_site_lock(struct cm_site *site,
			      const struct cm_id *contact);

struct cm_request {
	bool admin; /* it came to the admin address */
	const char *method;
	struct cm_span url;           /* path, escapes as sent, no query */
	struct cm_span content_type;  /* fields that are missing are empty */
	const char *accept_language;  /* NULL if missing */
	struct cm_client peer;        /* who is connected, perhaps a proxy */
	struct cm_span forwarded_for; /* the last X-Forwarded-For */
	struct cm_span forwarded;     /* the last Forwarded (RFC 7239) */
	struct cm_span user_agent;
	struct cm_span authorization;
	struct cm_span body;
	/* Nobody can say for sure where it ends: it gets 400, and the
	 * connection closes (RFC 9112, 6.3; 11.2). */
	bool ambiguous;
	bool body_too_long; /* then body is what came first */
};

enum { CM_ANSWER_HEADERS_MAX = 12 };

struct cm_answer {
	enum cm_place place; /* what was asked for, to count it */
	enum cm_method method;
	int status;
	struct cm_page page; /* the body */
	struct {
		const char *name, *value;
	} headers[CM_ANSWER_HEADERS_MAX];
	size_t nheaders;
};

/*
 * Always gives an answer, if need be an empty 500.  Logs one line without
 * tokens or addresses.  Free it with cm_answer_free(); header values live as
 * long as the answer and the site.
 */
void cm_answer_make(struct cm_site *site, const struct cm_request *request,
		    int64_t now, struct cm_answer *answer);
void cm_answer_free(struct cm_answer *answer);

/* How long a body may be, by where it goes. */
size_t cm_answer_body_max(const struct cm_site *site, const char *url);

#endif
