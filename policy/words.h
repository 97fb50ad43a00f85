/*
 * words - what people, lists and programs say of a consent, checked and made
 * uniform.
 *
 * Every error names the word and what it could be instead.  Pure.
 */
#ifndef CM_POLICY_WORDS_H
#define CM_POLICY_WORDS_H

#include "lib/str.h"
#include "policy/config.h"
#include "policy/event.h"

/* "web-form": [a-z0-9-], in any case, blanks around it dropped; "" stays. */
CM_MUST_CHECK int cm_word_source(struct cm_span text,
				 char ret_source[CM_SOURCE_MAX + 1],
				 struct cm_error *err);
/*
 * The source that was perhaps meant: one of the usual words, or of the config's
 * streams and forms, much like this one, which is none of them.  NULL: this
 * one is fine, be it the admin's own.
 */
const char *cm_word_meant_source(const struct cm_config *config,
				 const char *source);
/* BCP 47 in lower case; "cs_CZ" becomes "cs-cz"; "" stays. */
CM_MUST_CHECK int cm_word_language(struct cm_span text,
				   char ret_language[CM_LANGUAGE_MAX + 1],
				   struct cm_error *err);
/* A company, a kind of product, a number of a sale, as people write them:
 * blanks around it dropped, at most max octets; "" stays. */
CM_MUST_CHECK int cm_word_name(struct cm_span text, size_t max, char *ret_name,
			       struct cm_error *err);
CM_MUST_CHECK int cm_word_basis(struct cm_span text, enum cm_basis *ret_basis,
				struct cm_error *err);
/* A purpose of the config, else CM_EDATA with the most similar one. */
CM_MUST_CHECK int cm_word_purpose(const struct cm_config *config,
				  struct cm_span text,
				  const struct cm_purpose **ret_purpose,
				  struct cm_error *err);
CM_MUST_CHECK int cm_word_stream(const struct cm_config *config,
				 const char *text,
				 const struct cm_stream **ret_stream,
				 struct cm_error *err);

#endif
