/* See logo.h. */
#include "web/logo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"

enum { CM_LOGO_HEAD = 1024 }; /* an SVG may begin with comments */

/* NULL if it is no picture that browsers show. */
static const char *type_of(struct cm_span picture)
{
	static const struct {
		size_t at;
		const char *begin;
		size_t n;
		const char *type;
	} types[] = {
		{0, "\x89PNG\r\n\x1a\n", 8, "image/png"},
		{0, "\xff\xd8\xff", 3, "image/jpeg"},
		{0, "GIF8", 4, "image/gif"},
		{8, "WEBP", 4, "image/webp"},
	};
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (picture.n >= types[i].at + types[i].n &&
		    memcmp(picture.p + types[i].at, types[i].begin,
			   types[i].n) == 0)
			return types[i].type;
	for (i = 0; i < picture.n && i < CM_LOGO_HEAD; i++)
		if (cm_span_starts(cm_span_n(picture.p + i, picture.n - i),
				   "<svg"))
			return "image/svg+xml";
	return NULL;
}

static int read_picture(const char *path, struct cm_logo *logo,
			struct cm_error *err)
{
	struct cm_buf *picture = &logo->picture;
	FILE *file = fopen(path, "re");
	int failed;

	if (file == NULL)
		return cm_fail_errno(err, errno, "cannot read logo %s", path);
	picture->len = fread(picture->data, 1, CM_LOGO_MAX + 1, file);
	failed = ferror(file) ? errno : 0;
	(void)fclose(file);
	if (failed != 0)
		return cm_fail_errno(err, failed, "cannot read logo %s", path);
	if (picture->len > CM_LOGO_MAX)
		return cm_fail(err, CM_ECONFIG,
			       "logo %s is over %d octets; make it smaller",
			       path, (int)CM_LOGO_MAX);
	logo->type = type_of(cm_span_n(picture->data, picture->len));
	if (logo->type == NULL)
		return cm_fail(err, CM_ECONFIG,
			       "logo %s is no SVG, PNG, JPEG, WebP or GIF",
			       path);
	return CM_OK;
}

int cm_logo_load(const char *path, struct cm_logo **ret_logo,
		 struct cm_error *err)
{
	struct cm_logo *logo;
	int rc;

	if (path == NULL)
		return CM_OK;
	logo = calloc(1, sizeof(*logo));
	if (logo == NULL)
		return cm_fail(err, CM_ENOMEM, "no memory for logo %s", path);
	cm_buf_init(&logo->picture, CM_LOGO_MAX + 1);
	rc = cm_buf_reserve(&logo->picture, CM_LOGO_MAX + 1);
	rc = rc == CM_OK ? read_picture(path, logo, err)
			 : cm_fail(err, rc, "no memory for logo %s", path);
	if (rc != CM_OK) {
		cm_logo_free(&logo);
		return rc;
	}
	*ret_logo = logo;
	return CM_OK;
}

void cm_logo_free(struct cm_logo **logo)
{
	if (*logo == NULL)
		return;
	cm_buf_free(&(*logo)->picture);
	free(*logo);
	*logo = NULL;
}
