/* See sample.h. */
#include "milter/sample.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/buf.h"

#define BEFORE ".before.eml"
#define AFTER  ".after.eml"

enum {
	/* Of a file's name, which then is too short to be taken for a token
	 * (lib/log); queue ids have 17 at most. */
	WORD_MAX = 17,
	HEADER_MAX = 8 << 20,
};

int cm_sample_check(const char *folder, uid_t owner, struct cm_error *err)
{
	struct stat st;

	if (stat(folder, &st) != 0)
		return cm_fail(err, CM_ECONFIG,
			       "samples: \"%s\" cannot be used (%s): make it "
			       "with install -d -m 0700 -o USER, USER being "
			       "milter's",
			       folder, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return cm_fail(err, CM_ECONFIG, "samples: \"%s\" is no folder",
			       folder);
	if (st.st_uid != owner)
		return cm_fail(err, CM_ECONFIG,
			       "samples: \"%s\" belongs to user id %u, not to "
			       "%u that consent-milter runs as (chown it)",
			       folder, (unsigned)st.st_uid, (unsigned)owner);
	if ((st.st_mode & 0027) != 0 || (st.st_mode & 0300) != 0300)
		return cm_fail(err, CM_ECONFIG,
			       "samples: \"%s\" has mode %04o, but holds "
			       "people's mail (chmod 0700)",
			       folder, (unsigned)st.st_mode & 07777);
	return CM_OK;
}

/* ---- how much there is ------------------------------------------------- */

static bool ends(const char *name, const char *suffix)
{
	size_t n = strlen(name);
	size_t tail = strlen(suffix);

	return n >= tail && strcmp(name + n - tail, suffix) == 0;
}

static bool is_full(DIR *dir, unsigned keep, uint64_t more)
{
	const struct dirent *entry;
	uint64_t octets = more;
	unsigned count = 0;
	struct stat st;

	while ((entry = readdir(dir)) != NULL) {
		count += ends(entry->d_name, BEFORE);
		if (fstatat(dirfd(dir), entry->d_name, &st,
			    AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode))
			octets += (uint64_t)st.st_size;
	}
	return count >= keep || octets > CM_SAMPLES_OCTETS_MAX;
}

/* ---- one of them ------------------------------------------------------- */

/* Letters, digits and hyphens of what others wrote. */
static void add_word(struct cm_buf *out, const char *word)
{
	size_t i;

	for (i = 0; word[i] != '\0' && i < WORD_MAX; i++)
		if (cm_ascii_alpha(word[i]) || cm_ascii_digit(word[i]) ||
		    word[i] == '-')
			(void)cm_buf_addc(out, word[i]);
}

static void make_name(const struct cm_sample *sample,
		      char name[CM_SAMPLE_NAME_MAX])
{
	struct cm_buf out;

	cm_buf_init(&out, CM_SAMPLE_NAME_MAX - 1);
	(void)cm_buf_addf(&out, "%" PRId64 "-", sample->now);
	add_word(&out, sample->queue_id != NULL ? sample->queue_id : "NOQUEUE");
	(void)cm_buf_addc(&out, '-');
	add_word(&out, sample->word);
	memcpy(name, cm_buf_text(&out), out.len + 1);
	cm_buf_free(&out);
}

static int make_header(const struct cm_sample *sample, struct cm_buf *out)
{
	size_t i;

	for (i = 0; i < sample->nheaders; i++) {
		const struct cm_facts_header *header = &sample->headers[i];

		(void)cm_buf_add(out, header->name.p, header->name.n);
		(void)cm_buf_adds(out, ": ");
		(void)cm_buf_add(out, header->value.p, header->value.n);
		(void)cm_buf_adds(out, "\r\n");
	}
	(void)cm_buf_adds(out, "\r\n");
	return cm_buf_ok(out);
}

static int write_all(int fd, struct cm_span text)
{
	while (text.n > 0) {
		ssize_t n = write(fd, text.p, text.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return CM_EIO;
		text.p += n;
		text.n -= (size_t)n;
	}
	return CM_OK;
}

static void file_name(const char *name, const char *suffix,
		      char out[CM_SAMPLE_NAME_MAX + 16])
{
	(void)snprintf(out, CM_SAMPLE_NAME_MAX + 16, "%s%s", name, suffix);
}

/* All of it or nothing; the file must be a new one. */
static int write_file(int dir, const char *name, const char *suffix,
		      struct cm_span header, struct cm_span body,
		      struct cm_error *err)
{
	char file[CM_SAMPLE_NAME_MAX + 16];
	int errnum = 0;
	int fd;

	file_name(name, suffix, file);
	fd = openat(dir, file,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return cm_fail_errno(err, errno, "making \"%s\"", file);
	if (write_all(fd, header) != CM_OK || write_all(fd, body) != CM_OK)
		errnum = errno;
	if (close(fd) != 0 && errnum == 0)
		errnum = errno;
	if (errnum == 0)
		return CM_OK;
	(void)unlinkat(dir, file, 0);
	return cm_fail_errno(err, errnum, "writing \"%s\"", file);
}

static int write_both(int dir, const char *name, struct cm_span header,
		      const struct cm_sample *sample, struct cm_error *err)
{
	char file[CM_SAMPLE_NAME_MAX + 16];
	int rc = write_file(dir, name, BEFORE, header, sample->before, err);

	if (rc != CM_OK)
		return rc;
	rc = write_file(dir, name, AFTER, header, sample->after, err);
	if (rc == CM_OK)
		return CM_OK;
	file_name(name, BEFORE, file);
	(void)unlinkat(dir, file, 0);
	return rc;
}

int cm_sample_keep(const char *folder, unsigned keep,
		   const struct cm_sample *sample,
		   char ret_name[CM_SAMPLE_NAME_MAX], struct cm_error *err)
{
	char name[CM_SAMPLE_NAME_MAX];
	DIR *dir = opendir(folder);
	struct cm_buf header;
	int rc;

	if (dir == NULL)
		return cm_fail_errno(err, errno, "opening \"%s\"", folder);
	cm_buf_init(&header, HEADER_MAX);
	rc = make_header(sample, &header);
	if (rc != CM_OK)
		rc = cm_fail(err, (enum cm_code)rc, "its header is too large");
	else if (is_full(dir, keep,
			 2 * (uint64_t)header.len + sample->before.n +
				 sample->after.n))
		rc = cm_fail(err, CM_ELIMIT,
			     "there are enough samples in \"%s\": look at "
			     "them, and delete them",
			     folder);
	if (rc == CM_OK) {
		make_name(sample, name);
		rc = write_both(dirfd(dir), name,
				cm_span_n(cm_buf_text(&header), header.len),
				sample, err);
	}
	if (rc == CM_OK)
		memcpy(ret_name, name, sizeof(name));
	cm_buf_free(&header);
	(void)closedir(dir);
	return rc;
}
