/*
 * words - the words of lists and options, checked and made uniform.
 *
 * Every error names the word and what it could be instead.  Pure.
 */
#ifndef CM_TOOLS_WORDS_H
#define CM_TOOLS_WORDS_H

#include "lib/str.h"
#include "policy/config.h"
#include "policy/event.h"

/* "web-form": [a-z0-9-], in any case, blanks around it dropped; "" stays. */
CM_MUST_CHECK int cm_word_source(struct cm_span text,
				 char ret_source[CM_SOURCE_MAX + 1],
				 struct cm_error *err);
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

/* What one of these said of an option's value: as a word of the command line
 * it is a usage error, not bad data.  Returns CM_EUSAGE. */
int cm_word_bad_option(const char *option, struct cm_error *err);

/* What a list may say of a person, in the column "status". */
enum cm_status {
	CM_STATUS_GRANTED,
	CM_STATUS_CONFIRMED,
	CM_STATUS_PENDING,
	CM_STATUS_WITHDRAWN,
	CM_STATUS_OBJECTED,
	CM_STATUS_COMPLAINED,
	CM_STATUS_UNDELIVERABLE,
	CM_STATUS_UNKNOWN,
	CM_STATUSES
};
const char *cm_status_name(enum cm_status status);
/* Empty, NULL, N/A and the like are "unknown"; "yes" and "1" are errors. */
CM_MUST_CHECK int cm_word_status(struct cm_span text,
				 enum cm_status *ret_status,
				 struct cm_error *err);

/* "20261121T101500-1f2e3d4c": when, and four octets of what. */
void cm_word_batch(int64_t now, const uint8_t tag[4],
		   char out[CM_BATCH_MAX + 1]);

/* "", NULL, N/A, none, -, 0x00: a cell in which nobody wrote anything. */
bool cm_word_is_nothing(struct cm_span text);

#endif
