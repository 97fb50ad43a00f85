/*
 * config_raw - what a config file says, before it means anything.
 *
 * Sections in file order, their values with the line of each; every name is
 * one of policy/settings.c, every value alone is well formed.  Whether they
 * fit together is policy/config_check.c's question.
 */
#ifndef CM_POLICY_CONFIG_RAW_H
#define CM_POLICY_CONFIG_RAW_H

#include "policy/config_text.h"
#include "policy/settings.h"

struct cm_raw_text {
	int line; /* of the text for libConfuse: see config_text.h */
	const char *text;
};

struct cm_raw_value {
	const struct cm_setting *setting;
	const char *name; /* as written: "title-cs" of setting "title-XX" */
	struct cm_raw_text *texts; /* one, or those of a list; never none */
	size_t ntexts;
};

struct cm_raw_section {
	enum cm_section_kind kind;
	const char *title; /* "" if it has none */
	int line;
	struct cm_raw_value *values;
	size_t nvalues;
};

struct cm_raw {
	struct cm_config_text text;
	/* The last one holds what stands outside sections. */
	struct cm_raw_section *sections;
	size_t nsections;
};

/*
 * Everything but raw->text lives in the arena; call cm_raw_free in any case.
 * One thread at a time in the whole process: libConfuse's lexer is global.
 */
CM_MUST_CHECK int cm_raw_read(const char *file, struct cm_arena *arena,
			      struct cm_raw *raw, struct cm_error *err);
void cm_raw_free(struct cm_raw *raw);

/* The value of a setting in a section; NULL if it does not say. */
const struct cm_raw_value *cm_raw_value(const struct cm_raw_section *section,
					const struct cm_setting *setting);

/* Set *err to "file:line: section "title": text"; returns CM_ECONFIG. */
int cm_raw_fail(const struct cm_config_text *text, enum cm_section_kind kind,
		const char *title, int line, struct cm_error *err,
		const char *fmt, ...) CM_PRINTF(6, 7);

#endif
