/*
 * api - /api/v1/, for the programs of shops and CRMs; see consent-web-api(7).
 *
 *   api.c       who calls, and may they: keys, rights, problems (RFC 9457)
 *   api_body.c  what they say                                       pure
 *   api_act.c   what is done about it
 *
 * Each answer comes after what it says is durable.  A key speaks for whoever
 * runs the program, never for the person: so a grant by it is none of the
 * person's own confirmations, and lifts nothing that only the person can.
 */
#ifndef CM_WEB_API_H
#define CM_WEB_API_H

#include "policy/api_keys.h"
#include "policy/person.h"
#include "web/api_body.h"
#include "web/work.h"

struct cm_api {
	struct cm_work *work;
	const struct cm_api_key *key;
	struct cm_api_call call;
	struct cm_api_fault fault;
	struct cm_person person;
	char network[CM_CLIENT_TEXT_MAX]; /* "" = unknown */
};

/* What is wrong, to the client; code is a static word, and the outcome. */
void cm_api_problem(struct cm_api *api, int status, const char *code,
		    const char *field, const char *detail);
/* ->fault, as it is. */
void cm_api_tell_fault(struct cm_api *api);
/* The store or the queue failed, or is busy; why is in the log. */
void cm_api_later(struct cm_api *api, const struct cm_error *err);

/* The answer's JSON, one object: begin it, and finish with its status. */
void cm_api_begin(struct cm_api *api, struct cm_json_writer *w);
void cm_api_finish(struct cm_api *api, struct cm_json_writer *w, int status,
		   const char *outcome);

/* api_act.c: the calls; ->person has its ids already. */
void cm_api_grant(struct cm_api *api);
void cm_api_request(struct cm_api *api);
void cm_api_withdraw(struct cm_api *api);
void cm_api_look_up(struct cm_api *api);

#endif
