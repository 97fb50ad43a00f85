/*
 * bundle - write a folder of files and the list of their hashes.
 *
 * The folder is new or empty; files are mode 0600, durable when the bundle
 * is finished.  What was begun and not finished is taken away again.
 */
#ifndef CM_TOOLS_BUNDLE_H
#define CM_TOOLS_BUNDLE_H

#include "lib/arena.h"
#include "lib/buf.h"

struct cm_bundle;

/* CM_EUSAGE if the folder has something in it. */
CM_MUST_CHECK int cm_bundle_begin(const char *path, struct cm_arena *arena,
				  struct cm_bundle **ret_bundle,
				  struct cm_error *err);
/* name as in tools/proof.h; folders in it are made. */
CM_MUST_CHECK int cm_bundle_add(struct cm_bundle *bundle, const char *name,
				struct cm_span text, struct cm_error *err);
/* The same of what was printed into a buffer; it may have failed. */
CM_MUST_CHECK int cm_bundle_add_printed(struct cm_bundle *bundle,
					const char *name,
					const struct cm_buf *text,
					struct cm_error *err);
/* Write SHA256SUMS. */
CM_MUST_CHECK int cm_bundle_finish(struct cm_bundle *bundle,
				   struct cm_error *err);
/* After either; without finish, everything written is removed. */
void cm_bundle_end(struct cm_bundle *bundle);

#endif
