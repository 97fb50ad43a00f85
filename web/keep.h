/*
 * keep - the answer to a mail that asked to renew a consent.
 *
 * Whoever was asked, by consent-milter's own record or the ledger's, and
 * follows the footer's link, is offered to keep the mail as well as to stop
 * it.  A POST of that button is a new consent; its evidence is the page as
 * they saw it.  A header's token cannot do this, and nothing can after the old
 * consent has ended, or where no renewal stream asks for the purpose: a milter
 * that was taken over could say yes only for those whom the admin has asked.
 */
#ifndef CM_WEB_KEEP_H
#define CM_WEB_KEEP_H

#include <pthread.h>

#include "policy/sent.h"
#include "policy/store.h"
#include "policy/token.h"

/* What the milter remembers; opened when it is first needed. */
struct cm_keep {
	pthread_mutex_t lock;
	struct cm_sent *sent;
};
CM_MUST_CHECK int cm_keep_init(struct cm_keep *keep, struct cm_error *err);
void cm_keep_deinit(struct cm_keep *keep);

/* When they were last asked to renew it, and sent mail of it; both 0 if nothing
 * is remembered, or nothing can be read. */
void cm_keep_recall(struct cm_keep *keep, const struct cm_config *config,
		    const struct cm_id *contact,
		    const struct cm_purpose *purpose, int64_t *ret_asked,
		    int64_t *ret_mailed);
/* What the milter remembers, for this thread alone until it is given back;
 * NULL if there is nothing, or it cannot be read.  Always give back. */
struct cm_sent *cm_keep_borrow(struct cm_keep *keep,
			       const struct cm_config *config);
/* good: false if it could not be read. */
void cm_keep_return(struct cm_keep *keep, bool good);

/* A consent that may be given anew, now. */
struct cm_keep_offer {
	const struct cm_purpose *purpose;
	int64_t asked;
	char source[CM_SOURCE_MAX + 1]; /* of the consent that it renews */
};
/*
 * Has the token's person a question to answer?  own, family: as they stand.
 * What cannot be read is no question.
 */
bool cm_keep_offers(struct cm_keep *keep, const struct cm_config *config,
		    const struct cm_token *token, const struct cm_view *own,
		    const struct cm_view *family, int64_t now,
		    struct cm_keep_offer *ret_offer);

/* Was it a second press of the button: may they be written to? */
bool cm_keep_stands(const struct cm_config *config,
		    const struct cm_token *token, const struct cm_view *own,
		    const struct cm_view *family, int64_t now);

/* Their yes; page: what they were shown, language: its.  As cm_store_append. */
CM_MUST_CHECK int cm_keep_write(struct cm_store *store,
				const struct cm_keep_offer *offer,
				const struct cm_token *token,
				const struct cm_id *family, struct cm_span page,
				const char *language, int64_t now,
				struct cm_error *err);

#endif
