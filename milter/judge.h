/*
 * judge - asks the store about recipients and lets decide answer.
 *
 * One per session, because an HMAC object is for one thread at a time.  The
 * store is read in one short transaction, however many recipients there are;
 * of what it says nothing is remembered from one call to the next.
 */
#ifndef CM_MILTER_JUDGE_H
#define CM_MILTER_JUDGE_H

#include "milter/engine.h"
#include "milter/message.h"

struct cm_judge {
	struct cm_engine *engine;
	struct cm_hmac *hmac; /* of the store key; NULL before first use */
	uint64_t generation;  /* of the keys it was made from */
};

void cm_judge_init(struct cm_judge *judge, struct cm_engine *engine);
void cm_judge_free(struct cm_judge *judge);

/*
 * Fill in the verdict of every recipient whose fate is pending, and its
 * contact.  ahead: people of the same message that were told yes before, for
 * a renewal stream's wave.  On failure nothing that was filled in may be used.
 */
CM_MUST_CHECK int cm_judge_all(struct cm_judge *judge,
			       const struct cm_config *config,
			       const struct cm_classified *classified,
			       struct cm_recipient *rcpts, size_t count,
			       size_t ahead, struct cm_arena *arena,
			       struct cm_error *err);

#endif
