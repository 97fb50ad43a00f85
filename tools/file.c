/* See file.h. */
#include "tools/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/charset.h"
#include "lib/path.h"

enum {
	READ_STEP = 1024 * 1024, /* for pipes, which have no size */
	FOLDER_MAX = 4096,       /* PATH_MAX of Linux */
};

/* A path that was typed wrong is for the person who typed it to mend. */
static int wrong_path(const char *path, int why, struct cm_error *err)
{
	(void)cm_fail_errno(err, why, "%s", path);
	if (err != NULL)
		err->code = CM_EUSAGE;
	return CM_EUSAGE;
}

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
	if (fd < 0)
		return wrong_path(path, errno, err);
	rc = read_all(fd, path, out, err);
	(void)close(fd);
	return rc;
}

static bool reads(const struct cm_charset *charset, struct cm_span text)
{
	struct cm_buf out;
	bool good;

	cm_buf_init(&out, SIZE_MAX - 1);
	good = cm_charset_decode(charset, text, &out) == CM_OK;
	cm_buf_free(&out);
	return good;
}

/* Which line it is, and which octet of it where that can be told. */
static int tell_bad_octet(const struct cm_charset *charset, struct cm_span text,
			  struct cm_error *err)
{
	struct cm_span rest = text;
	struct cm_span line = text;
	size_t number = 0;
	size_t good, bad;

	while (rest.n > 0) {
		line = cm_span_cut(&rest, '\n');
		number++;
		if (!reads(charset, line))
			break;
	}
	if (charset->kind == CM_CHARSET_WIDE)
		return cm_fail(err, CM_EDATA,
			       "the file is not %s: is it really in that "
			       "encoding?",
			       charset->name);
	if (charset->kind != CM_CHARSET_OCTET || line.n == 0)
		return cm_fail(err, CM_EDATA,
			       "line %zu of the file is not %s: is it really "
			       "in that encoding?",
			       number, charset->name);
	/* What an octet means does not depend on others: halve. */
	good = 0;
	bad = line.n;
	while (bad - good > 1) {
		size_t half = good + (bad - good) / 2;

		if (reads(charset, cm_span_n(line.p, half)))
			good = half;
		else
			bad = half;
	}
	return cm_fail(err, CM_EDATA,
		       "octet %zu of line %zu, 0x%02X, is not %s: is the file "
		       "really in that encoding?",
		       bad, number, (unsigned char)line.p[bad - 1],
		       charset->name);
}

int cm_file_to_utf8(struct cm_span text, const char *name, struct cm_buf *out,
		    struct cm_error *err)
{
	const struct cm_charset *charset = cm_charset_find(cm_span(name));
	const struct cm_charset *exact;
	int rc;

	if (charset == NULL)
		return cm_fail(err, CM_EUSAGE,
			       "--charset: \"%.40s\" is not an encoding that "
			       "consentctl knows (windows-1252, iso-8859-2, "
			       "utf-16le, koi8-r ...)",
			       name);
	exact = cm_charset_resolve(charset, text);
	if (exact == NULL)
		return cm_fail(err, CM_EDATA,
			       "the file has no byte order mark: give "
			       "--charset %sle, or %sbe",
			       charset->name, charset->name);
	rc = cm_charset_decode(exact, text, out);
	if (rc == CM_EDATA)
		return tell_bad_octet(exact, text, err);
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
	if (fd < 0)
		return wrong_path(path, errno, err);
	why = write_all(fd, text);
	if (close(fd) != 0 && why == 0)
		why = errno;
	if (why == 0)
		return CM_OK;
	(void)unlink(path);
	return cm_fail_errno(err, why, "%s", path);
}

/* ---- folders ------------------------------------------------------------ */

static int check_empty(const char *path, struct cm_error *err)
{
	const struct dirent *entry;
	DIR *folder = opendir(path);
	bool empty = true;

	if (folder == NULL)
		return wrong_path(path, errno, err);
	while (empty && (entry = readdir(folder)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 ||
			strcmp(entry->d_name, "..") == 0;
	(void)closedir(folder);
	if (empty)
		return CM_OK;
	return cm_fail(err, CM_EUSAGE,
		       "%s is not empty: name a new folder (nothing was "
		       "written)",
		       path);
}

int cm_file_new_folder(const char *path, bool *ret_made, struct cm_error *err)
{
	int rc;

	if (mkdir(path, 0700) == 0) {
		*ret_made = true;
		return CM_OK;
	}
	if (errno != EEXIST)
		return wrong_path(path, errno, err);
	rc = check_empty(path, err);
	if (rc == CM_OK)
		*ret_made = false;
	return rc;
}

/* The folder that a path lies in. */
static int sync_parent(const char *path, struct cm_error *err)
{
	char folder[FOLDER_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);

	if (slash == NULL)
		return cm_path_sync_folder(".", err);
	if (n == 0)
		return cm_path_sync_folder("/", err);
	if (n >= sizeof(folder))
		return cm_fail(err, CM_EUSAGE, "%s: the name is too long",
			       path);
	memcpy(folder, path, n);
	folder[n] = '\0';
	return cm_path_sync_folder(folder, err);
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
