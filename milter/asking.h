/*
 * asking - a renewal mail is about to leave: spend the asks, on disk, before
 * the reply that lets it go.
 *
 * Who was asked by somebody else in the meantime is refused; what has no room
 * in its wave is put off.  What the ledger says since of people asked before
 * (they complained, they objected) is counted first, so that a campaign stops
 * by itself.  An ask that was spent and then not sent is not given back: once
 * too few is better than twice.
 */
#ifndef CM_MILTER_ASKING_H
#define CM_MILTER_ASKING_H

#include "milter/engine.h"
#include "milter/message.h"

/*
 * For every recipient whose fate is allowed.  ret_again: some verdicts are no
 * longer what the plan was made from.
 */
CM_MUST_CHECK int cm_asking_spend(struct cm_engine *engine,
				  const struct cm_stream *stream,
				  struct cm_message *message, bool *ret_again,
				  struct cm_error *err);

#endif
