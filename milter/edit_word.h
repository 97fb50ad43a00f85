/*
 * edit_word - what a word of struct cm_edit's .why means to a person.
 *
 * The log has the word alone (edit=charset); consentctl try and
 * consent-milter(8) give the sentence and the advice from this table, and
 * t_edit_word compares the manual.  A new word is one row here and the same
 * in the manual; the corpus, the random trees and the fuzzer fail on a word
 * that has none.
 */
#ifndef CM_MILTER_EDIT_WORD_H
#define CM_MILTER_EDIT_WORD_H

#include "milter/edit.h"

struct cm_edit_word {
	enum cm_body_outcome outcome;
	const char *word;
	const char *sentence; /* why, as a whole sentence */
	const char *advice;   /* what to do about it; NULL = nothing */
};

/* Rows in the manual's order; NULL beyond the last. */
const struct cm_edit_word *cm_edit_word_at(size_t index);
/* The row of an edit; NULL if it has a footer, and nothing to explain. */
const struct cm_edit_word *cm_edit_word_of(const struct cm_edit *edit);

#endif
