/*
 * edit_check - what an edit may do, asked of GMime and iconv alone.
 *
 * Shares no scanner, decoder or proof with milter/: the same tree, the same
 * octets in every part but the edited ones, and in these the old text with
 * one insertion that shows the link once.  For property tests and fuzzers.
 */
#ifndef CM_TESTS_UNIT_EDIT_CHECK_H
#define CM_TESTS_UNIT_EDIT_CHECK_H

#include "tests/unit/message.h"

enum { EDIT_CHECK_TEXT = 160 };

struct edit_check {
	char why[EDIT_CHECK_TEXT]; /* "" if all is well */
};

/* Of a message that was edited; names the first thing that is wrong. */
void edit_check(const struct test_world *world, const struct cm_edit *edit,
		struct edit_check *ret_check);

#endif
