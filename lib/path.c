/* See path.h. */
#include "lib/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *cm_path_join(const char *folder, const char *name)
{
	size_t n = strlen(folder) + strlen(name) + 2;
	char *out = malloc(n);

	if (out != NULL)
		(void)snprintf(out, n, "%s/%s", folder, name);
	return out;
}

int cm_path_sync_folder(const char *folder, struct cm_error *err)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int why = fd < 0 || fsync(fd) != 0 ? errno : 0;

	if (fd >= 0)
		(void)close(fd);
	return why == 0 || why == EINVAL
		       ? CM_OK
		       : cm_fail_errno(err, why, "%s: cannot sync", folder);
}
