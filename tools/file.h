/*
 * file - whole files into memory, and into UTF-8.
 */
#ifndef CM_TOOLS_FILE_H
#define CM_TOOLS_FILE_H

#include "lib/buf.h"
#include "lib/str.h"

/*
 * Append a whole file to out, whose .max is the limit; "-" is standard
 * input.  CM_EUSAGE if it cannot be opened, CM_ELIMIT if it is too large.
 */
CM_MUST_CHECK int cm_file_read(const char *path, struct cm_buf *out,
			       struct cm_error *err);

/*
 * Convert from a charset of lib/charset.h to UTF-8.  CM_EUSAGE for another;
 * CM_EDATA names the line, and the octet, that is not of the charset.
 */
CM_MUST_CHECK int cm_file_to_utf8(struct cm_span text, const char *name,
				  struct cm_buf *out, struct cm_error *err);

/* The last part of a path, for messages and evidence. */
const char *cm_file_name(const char *path);

/*
 * Write a new file, mode 0600, durable on return; an existing one is never
 * touched (CM_EUSAGE).
 */
CM_MUST_CHECK int cm_file_write_new(const char *path, struct cm_span text,
				    struct cm_error *err);
/*
 * Put text in the place of a file, or make it: a crash leaves the old text or
 * the new one, and the new one is durable on return.
 */
CM_MUST_CHECK int cm_file_replace(const char *path, struct cm_span text,
				  unsigned mode, struct cm_error *err);
/*
 * Make a folder, mode 0700, or take one that is there and empty: CM_EUSAGE for
 * any other.  ret_made: it was not there before.
 */
CM_MUST_CHECK int cm_file_new_folder(const char *path, bool *ret_made,
				     struct cm_error *err);

#endif
