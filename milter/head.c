/* See head.h. */
#include "milter/head.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/path.h"
#include "policy/note.h"

/* A file of the folder into out; CM_ENOTFOUND if there is none. */
static int read_file(const char *path, struct cm_buf *out, struct cm_error *err)
{
	FILE *file = fopen(path, "re");
	char chunk[4096];
	size_t n;
	int rc = CM_OK;

	if (file == NULL && errno == ENOENT)
		return cm_fail(err, CM_ENOTFOUND, "there is no %s", path);
	if (file == NULL)
		return cm_fail_errno(err, errno, "%s", path);
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		(void)cm_buf_add(out, chunk, n);
	if (ferror(file))
		rc = cm_fail_errno(err, errno, "%s", path);
	else if (cm_buf_ok(out) != CM_OK)
		rc = cm_fail(err, CM_ECORRUPT,
			     "%s cannot be what was signed: it is too large",
			     path);
	(void)fclose(file);
	return rc;
}

static struct cm_span text_of(const struct cm_buf *buf)
{
	return cm_span_n(cm_buf_text(buf), buf->len);
}

static int open_note(const char *key_path, const char *path,
		     uint64_t *ret_events, struct cm_error *err)
{
	struct cm_checkpoint checkpoint;
	struct cm_note_key key;
	struct cm_buf note, vkey;
	int rc;

	cm_buf_init(&note, CM_NOTE_MAX);
	cm_buf_init(&vkey, CM_NOTE_KEY_TEXT);
	rc = read_file(path, &note, err);
	if (rc != CM_OK)
		goto out;
	rc = read_file(key_path, &vkey, err);
	if (rc == CM_ENOTFOUND) /* somebody took it away */
		rc = err->code = CM_ECORRUPT;
	if (rc == CM_OK)
		rc = cm_note_key_parse(text_of(&vkey), &key, err);
	if (rc == CM_OK)
		rc = cm_checkpoint_open(&key, text_of(&note), &checkpoint, err);
	if (rc == CM_EDATA) {
		(void)cm_error_prefix(err, "%s: ", path);
		rc = err->code = CM_ECORRUPT;
	}
	if (rc == CM_OK)
		*ret_events = checkpoint.size;
out:
	cm_buf_free(&note);
	cm_buf_free(&vkey);
	return rc;
}

int cm_head_events(const char *folder, uint64_t *ret_events,
		   struct cm_error *err)
{
	char *key_path = cm_path_join(folder, "vkey");
	char *path = cm_path_join(folder, "checkpoint");
	int rc;

	if (key_path == NULL || path == NULL)
		rc = cm_fail(err, CM_ENOMEM, "out of memory");
	else
		rc = open_note(key_path, path, ret_events, err);
	if (rc == CM_ECORRUPT) /* the key may change between the two reads */
		rc = open_note(key_path, path, ret_events, err);
	if (rc == CM_ENOTFOUND) {
		*ret_events = 0;
		rc = CM_OK;
	}
	free(key_path);
	free(path);
	return rc;
}
