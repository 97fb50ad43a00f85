/* path - names of files, and folders that must survive a power cut. */
#ifndef CM_LIB_PATH_H
#define CM_LIB_PATH_H

#include "lib/err.h"

/* "folder/name", malloc'ed; NULL without memory. */
char *cm_path_join(const char *folder, const char *name);

/*
 * What was made, renamed or removed in the folder is on disk when this
 * returns.  File systems that cannot do that (shares of other systems: EINVAL)
 * are no failure.
 */
CM_MUST_CHECK int cm_path_sync_folder(const char *folder, struct cm_error *err);

#endif
