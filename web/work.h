/*
 * work - a request on its way to its answer; what web's places share.
 */
#ifndef CM_WEB_WORK_H
#define CM_WEB_WORK_H

#include "policy/token.h"
#include "web/answer.h"
#include "web/form.h"

struct cm_work {
	struct cm_site *site;
	const struct cm_request *request;
	enum cm_method method;
	struct cm_route route;
	int64_t now;
	struct cm_arena *arena;
	struct cm_form form; /* of a POST */
	struct cm_client client;
	/* Filled by cm_visitor_read(): whose link it is, and what the store
	 * says of them. */
	struct cm_token token;
	struct cm_view view;
	struct cm_view of_family;
	struct cm_id family;
	size_t nevents;
	struct cm_span path; /* of the purpose that this is about */
	struct cm_line line; /* for the log */
	struct cm_answer *answer;
	const char *outcome;
	bool quiet; /* enough of these are in the log */
};

/* web/answer.c: what to answer. */
void cm_work_page(struct cm_work *work, int status,
		  const struct cm_page_want *want);
/* One answer for whatever is not ours, in the language asked for. */
void cm_work_invalid(struct cm_work *work, const char *outcome);
/* The store failed; what and why is in the log, not on the page. */
void cm_work_later(struct cm_work *work, const struct cm_error *err);

/* One more header of the answer; both texts are static. */
void cm_work_header(struct cm_work *work, const char *name, const char *value);

/* What the link says, for the log. */
void cm_work_describe(struct cm_work *work);

/* web/way_out.c and web/preferences.c: the places of persons. */
void cm_way_out(struct cm_work *work);
void cm_preferences(struct cm_work *work);
/* web/api.c: that of programs. */
void cm_api(struct cm_work *work);

#endif
