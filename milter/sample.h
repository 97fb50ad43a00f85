/*
 * sample - messages whose footer did not pass its proof, for the developer.
 *
 * Two files each, "TIME-QUEUEID-WORD.before.eml" and ".after.eml", of mode
 * 0600: the message as it came, and what the edit would have made of its body.
 * They hold personal data; nobody but the admin deletes them, so there are
 * never more than the admin allowed, nor more than CM_SAMPLES_OCTETS_MAX in
 * all.  Keeping one is worth no mail: whatever fails here is a line in the
 * log.
 */
#ifndef CM_MILTER_SAMPLE_H
#define CM_MILTER_SAMPLE_H

#include <sys/types.h>

#include "lib/err.h"
#include "policy/classify.h"

enum {
	/* A hundred newsletters and a few that are huge. */
	CM_SAMPLES_OCTETS_MAX = 256 << 20,
	CM_SAMPLE_NAME_MAX = 128,
};

/* Is there such a folder, owned by that user and closed to others? */
CM_MUST_CHECK int cm_sample_check(const char *folder, uid_t owner,
				  struct cm_error *err);

struct cm_sample {
	int64_t now;
	const char *queue_id; /* NULL = unknown */
	const char *word;     /* what the proof found */
	const struct cm_facts_header *headers;
	size_t nheaders;
	struct cm_span before;
	struct cm_span after;
};

/*
 * keep: how many samples there may be.  CM_ELIMIT when there are that many,
 * or as many octets; else CM_EIO with the reason, and nothing is left behind.
 * ret_name: without ".before.eml".
 */
CM_MUST_CHECK int cm_sample_keep(const char *folder, unsigned keep,
				 const struct cm_sample *sample,
				 char ret_name[CM_SAMPLE_NAME_MAX],
				 struct cm_error *err);

#endif
