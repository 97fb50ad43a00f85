/* See secret_file.h. */
#include "policy/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/crypto.h"

int cm_secret_buf(struct cm_buf *buf, size_t max, struct cm_error *err)
{
	cm_buf_init(buf, max);
	if (cm_buf_reserve(buf, max) == CM_OK)
		return CM_OK;
	return cm_fail(err, CM_ENOMEM, "no memory for keys");
}

void cm_secret_forget(struct cm_buf *buf)
{
	if (buf->data != NULL)
		cm_wipe(buf->data, buf->len);
	cm_buf_free(buf);
}

int cm_secret_open(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

static int check_mode(int fd, struct cm_error *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return cm_fail_errno(err, errno, "cannot be examined");
	if (!S_ISREG(st.st_mode))
		return cm_fail(err, CM_ECONFIG, "is not a regular file");
	if ((st.st_mode & (S_IWGRP | S_IRWXO)) != 0)
		return cm_fail(err, CM_ECONFIG,
			       "has mode %04o, which lets others in: "
			       "chmod 0640 it",
			       (unsigned)st.st_mode & 07777U);
	return CM_OK;
}

static int read_all(int fd, struct cm_buf *buf, struct cm_error *err)
{
	char chunk[4096];
	int rc = CM_OK;

	while (rc == CM_OK) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = cm_fail_errno(err, errno, "cannot be read");
		if (n <= 0)
			break;
		if (cm_buf_add(buf, chunk, (size_t)n) != CM_OK)
			rc = cm_fail(err, CM_ECONFIG,
				     "is longer than any such file");
	}
	cm_wipe(chunk, sizeof(chunk));
	return rc;
}

int cm_secret_read(int fd, struct cm_buf *buf, struct cm_error *err)
{
	int rc = check_mode(fd, err);

	return rc == CM_OK ? read_all(fd, buf, err) : rc;
}

static int write_all(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t done = write(fd, data, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -1;
		data += done;
		n -= (size_t)done;
	}
	return 0;
}

int cm_secret_fill(int fd, struct cm_span text, gid_t group,
		   struct cm_error *err)
{
	if (write_all(fd, text.p, text.n) == 0 &&
	    (group == (gid_t)-1 || fchown(fd, (uid_t)-1, group) == 0) &&
	    fchmod(fd, CM_SECRET_FILE_MODE) == 0 && fsync(fd) == 0)
		return CM_OK;
	return cm_fail_errno(err, errno, "cannot be written");
}

/* Only whoever holds the lock comes here: one name for all. */
int cm_secret_replace(const char *path, struct cm_span text, gid_t group,
		      struct cm_error *err)
{
	char temp[CM_SECRET_PATH_MAX + 8];
	int fd, rc;

	snprintf(temp, sizeof(temp), "%s.new", path);
	if (unlink(temp) != 0 && errno != ENOENT)
		return cm_fail_errno(err, errno, "%s cannot be removed", temp);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		  0600);
	if (fd < 0)
		return cm_fail_errno(err, errno, "%s cannot be made", temp);
	rc = cm_secret_fill(fd, text, group, err);
	if (rc != CM_OK)
		cm_error_prefix(err, "%s: ", temp);
	if (close(fd) != 0 && rc == CM_OK)
		rc = cm_fail_errno(err, errno, "%s", temp);
	if (rc == CM_OK && rename(temp, path) != 0)
		rc = cm_fail_errno(err, errno, "%s cannot be replaced", path);
	if (rc != CM_OK)
		(void)unlink(temp);
	return rc;
}

int cm_secret_lock(const char *folder, int *ret_fd, struct cm_error *err)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return cm_fail_errno(err, errno,
				     "%s cannot be opened (is `consentctl "
				     "init` done?)",
				     folder);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		rc = errno == EWOULDBLOCK
			     ? cm_fail(err, CM_EAGAIN,
				       "%s: somebody else changes keys now; "
				       "try again",
				       folder)
			     : cm_fail_errno(err, errno, "%s: flock", folder);
		close(fd);
		return rc;
	}
	*ret_fd = fd;
	return CM_OK;
}
