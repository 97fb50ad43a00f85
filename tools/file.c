/* See file.h. */
#include "tools/file.h"

#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	READ_STEP = 1024 * 1024, /* for pipes, which have no size */
	ICONV_STEP = 16 * 1024,  /* output made per call */
	FOLDER_MAX = 4096,       /* PATH_MAX of Linux */
};

const char *cm_file_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL && slash[1] != '\0' ? slash + 1 : path;
}

static int no_room(const char *path, struct cm_buf *out, struct cm_error *err)
{
	if (cm_buf_ok(out) == CM_ENOMEM)
		return cm_fail(err, CM_ENOMEM, "no memory to read %s", path);
	return cm_fail(err, CM_ELIMIT, "%s is too large (at most %zu KiB)",
		       path, out->max / 1024);
}

/* Room for at least one octet more; at first for the whole file. */
static int make_room(struct cm_buf *out, size_t want)
{
	size_t left = out->max - out->len;

	if (out->len + 1 < out->cap)
		return CM_OK;
	if (want < READ_STEP)
		want = READ_STEP;
	if (want > left)
		want = left > 0 ? left : 1;
	return cm_buf_reserve(out, want);
}

static int read_all(int fd, const char *path, struct cm_buf *out,
		    struct cm_error *err)
{
	struct stat st;
	size_t size;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return cm_fail_errno(err, errno, "%s", path);
	if (S_ISDIR(st.st_mode))
		return cm_fail(err, CM_EUSAGE, "%s is a folder", path);
	size = S_ISREG(st.st_mode) ? (size_t)st.st_size + 1 : 0;
	do {
		if (make_room(out, size) != CM_OK)
			return no_room(path, out, err);
		n = read(fd, out->data + out->len, out->cap - out->len - 1);
		if (n < 0 && errno != EINTR)
			return cm_fail_errno(err, errno, "%s", path);
		if (n > 0) {
			out->len += (size_t)n;
			out->data[out->len] = '\0';
		}
	} while (n != 0);
	return CM_OK;
}

int cm_file_read(const char *path, struct cm_buf *out, struct cm_error *err)
{
	int fd;
	int rc;

	if (strcmp(path, "-") == 0)
		return read_all(STDIN_FILENO, "standard input", out, err);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		(void)cm_fail_errno(err, errno, "%s", path);
		if (err != NULL)
			err->code = CM_EUSAGE;
		return CM_EUSAGE;
	}
	rc = read_all(fd, path, out, err);
	(void)close(fd);
	return rc;
}

/* Some output of iconv into out; *ret_again while input is left over. */
static int convert_some(iconv_t conv, char **in, size_t *left,
			struct cm_buf *out, bool *ret_again)
{
	char chunk[ICONV_STEP];
	char *to = chunk;
	size_t room = sizeof(chunk);
	size_t n = iconv(conv, in, left, &to, &room);
	int why = errno;

	if (cm_buf_add(out, chunk, sizeof(chunk) - room) != CM_OK)
		return cm_buf_ok(out);
	if (n == (size_t)-1 && why != E2BIG)
		return CM_EDATA;
	*ret_again = n == (size_t)-1;
	return CM_OK;
}

int cm_file_to_utf8(struct cm_span text, const char *charset,
		    struct cm_buf *out, struct cm_error *err)
{
	/* POSIX left the const off iconv()'s input; it is not written to. */
	char *in = (char *)(uintptr_t)text.p;
	size_t left = text.n;
	iconv_t conv = iconv_open("UTF-8", charset);
	bool again = true;
	int rc = CM_OK;

	if (conv == (iconv_t)-1)
		return cm_fail(err, CM_EUSAGE,
			       "--charset: this system does not know \"%.40s\" "
			       "(iconv -l lists what it knows)",
			       charset);
	while (rc == CM_OK && again)
		rc = convert_some(conv, &in, &left, out, &again);
	(void)iconv_close(conv);
	if (rc == CM_EDATA)
		return cm_fail(err, CM_EDATA,
			       "byte %zu of the file, 0x%02X, is not %.40s: "
			       "is it really in that encoding?",
			       text.n - left + 1, (unsigned char)in[0],
			       charset);
	if (rc != CM_OK)
		return cm_fail(err, rc, "no room for the list in UTF-8");
	return CM_OK;
}

static int write_all(int fd, struct cm_span text)
{
	ssize_t n;

	while (text.n > 0) {
		n = write(fd, text.p, text.n);
		if (n < 0 && errno != EINTR)
			return errno;
		if (n > 0) {
			text.p += n;
			text.n -= (size_t)n;
		}
	}
	return fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
}

int cm_file_write_new(const char *path, struct cm_span text,
		      struct cm_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int why;

	if (fd < 0 && errno == EEXIST)
		return cm_fail(err, CM_EUSAGE,
			       "%s exists; name a new file, or remove it",
			       path);
	if (fd < 0) {
		(void)cm_fail_errno(err, errno, "%s", path);
		if (err != NULL)
			err->code = CM_EUSAGE;
		return CM_EUSAGE;
	}
	why = write_all(fd, text);
	if (close(fd) != 0 && why == 0)
		why = errno;
	if (why == 0)
		return CM_OK;
	(void)unlink(path);
	return cm_fail_errno(err, why, "%s", path);
}

int cm_file_sync_folder(const char *path, struct cm_error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int why = fd < 0 || fsync(fd) != 0 ? errno : 0;

	if (fd >= 0)
		(void)close(fd);
	/* Shares of other systems know no such thing. */
	return why == 0 || why == EINVAL
		       ? CM_OK
		       : cm_fail_errno(err, why, "%s: fsync", path);
}

/* The folder that a path lies in. */
static int sync_parent(const char *path, struct cm_error *err)
{
	char folder[FOLDER_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);

	if (slash == NULL)
		return cm_file_sync_folder(".", err);
	if (n == 0)
		return cm_file_sync_folder("/", err);
	if (n >= sizeof(folder))
		return cm_fail(err, CM_EUSAGE, "%s: the name is too long",
			       path);
	memcpy(folder, path, n);
	folder[n] = '\0';
	return cm_file_sync_folder(folder, err);
}

int cm_file_replace(const char *path, struct cm_span text, unsigned mode,
		    struct cm_error *err)
{
	char temp[FOLDER_MAX + 8];
	int fd, why;

	if (snprintf(temp, sizeof(temp), "%s.XXXXXX", path) >=
	    (int)sizeof(temp))
		return cm_fail(err, CM_EUSAGE, "%s: the name is too long",
			       path);
	fd = mkstemp(temp);
	if (fd < 0)
		return cm_fail_errno(err, errno, "%s", temp);
	why = write_all(fd, text);
	if (why == 0 && fchmod(fd, mode) != 0)
		why = errno;
	if (close(fd) != 0 && why == 0)
		why = errno;
	if (why == 0 && rename(temp, path) != 0)
		why = errno;
	if (why == 0)
		return sync_parent(path, err);
	(void)unlink(temp);
	return cm_fail_errno(err, why, "%s", path);
}
