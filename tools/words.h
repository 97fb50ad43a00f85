/*
 * words - the words of lists and options, checked and made uniform; those that
 * programs say, too, stand in policy/words.h.
 *
 * Every error names the word and what it could be instead.  Pure.
 */
#ifndef CM_TOOLS_WORDS_H
#define CM_TOOLS_WORDS_H

#include "policy/words.h"

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
