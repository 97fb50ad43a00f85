/*
 * shown - what people are shown before they ask for mail, word for word.
 *
 * A consent is worth what can be proven of it: its event names the SHA-256 of
 * the text, and the ledger keeps the text (GDPR 7(1)).  All of these texts are
 * known when the configuration is read: of each form, and of each purpose in
 * the preferences, what stands in the page's <main>, in every language.  So no
 * request has to wait for the ledger's lock.
 */
#ifndef CM_WEB_SHOWN_H
#define CM_WEB_SHOWN_H

#include "policy/config.h"
#include "policy/store.h"
#include "policy/template.h"

struct cm_shown; /* read-only but for cm_shown_put(); shared by threads */

CM_MUST_CHECK int cm_shown_make(const struct cm_config *config,
				const struct cm_templates *templates,
				struct cm_shown **ret_shown,
				struct cm_error *err);
void cm_shown_free(struct cm_shown **shown);

/* The ledger gets what it has not yet; waits for other writers as the store
 * was opened to.  Call it until it is CM_OK, by one thread. */
CM_MUST_CHECK int cm_shown_put(struct cm_shown *shown, struct cm_store *store,
			       struct cm_error *err);

/* To another store, everything once more; shown may be NULL. */
void cm_shown_again(struct cm_shown *shown);

/* The text's hash; language: the page's.  False if there is no such text. */
bool cm_shown_form(const struct cm_shown *shown,
		   const struct cm_subscribe_form *form, const char *language,
		   struct cm_hash *ret_hash);
bool cm_shown_more(const struct cm_shown *shown,
		   const struct cm_purpose *purpose, const char *language,
		   struct cm_hash *ret_hash);

#endif
