/*
 * head - how long the ledger was when it was last signed for.
 *
 * A store that is put back by hand is as good as any other, but for the
 * refusals that came since.  The newest checkpoint (tools/heads.h has the
 * folder) is kept elsewhere and says how many events there must be at least.
 */
#ifndef CM_MILTER_HEAD_H
#define CM_MILTER_HEAD_H

#include <stdint.h>

#include "lib/err.h"

/*
 * Events of the newest checkpoint in the folder; 0 if none was signed yet.
 * CM_EIO if it cannot be read, CM_ECORRUPT if it is not signed by the key
 * beside it; err names the file.
 */
CM_MUST_CHECK int cm_head_events(const char *folder, uint64_t *ret_events,
				 struct cm_error *err);

#endif
