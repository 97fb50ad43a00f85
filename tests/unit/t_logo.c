/* logo: what pictures are taken, and what is said of others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "web/logo.h"

#include "tests/unit/test.h"

static int load(const char *octets, size_t n, struct cm_logo **logo,
		struct cm_error *err)
{
	char path[] = "/tmp/t_logo.XXXXXX";
	int fd = mkstemp(path);
	int rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, octets, n), n);
	(void)close(fd);
	rc = cm_logo_load(path, logo, err);
	(void)unlink(path);
	return rc;
}

static void pictures_are_known_by_their_octets(void **state)
{
	static const struct {
		const char *octets;
		size_t n;
		const char *type;
	} cases[] = {
#define ROW(octets, type) {octets, sizeof(octets) - 1, type}
		ROW("\x89PNG\r\n\x1a\n....", "image/png"),
		ROW("\xff\xd8\xff\xe0", "image/jpeg"),
		ROW("GIF89a", "image/gif"),
		ROW("RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
		ROW("<?xml version=\"1.0\"?>\n<!-- x -->\n<svg/>",
		    "image/svg+xml"),
		ROW("<SVG>", "image/svg+xml"),
		ROW("<html><p>hello", NULL),
		ROW("", NULL),
		ROW("RIFF\0\0\0\0WAVE", NULL),
		ROW("GIF", NULL),
#undef ROW
	};
	struct cm_error err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_logo *logo = NULL;
		int rc = load(cases[i].octets, cases[i].n, &logo, &err);

		if (cases[i].type == NULL) {
			assert_int_equal(rc, CM_ECONFIG);
			assert_null(logo);
			assert_non_null(strstr(err.text, "is no SVG, PNG"));
			continue;
		}
		assert_int_equal(rc, CM_OK);
		assert_string_equal(logo->type, cases[i].type);
		assert_int_equal(logo->picture.len, cases[i].n);
		cm_logo_free(&logo);
		assert_null(logo);
	}
}

static void none_missing_and_huge(void **state)
{
	char *huge = calloc(1, CM_LOGO_MAX + 1);
	struct cm_logo *logo = NULL;
	struct cm_error err;

	(void)state;
	assert_non_null(huge);
	assert_int_equal(cm_logo_load(NULL, &logo, &err), CM_OK);
	assert_null(logo);
	assert_int_equal(cm_logo_load("/nowhere/x.png", &logo, &err), CM_EIO);
	assert_non_null(strstr(err.text, "/nowhere/x.png: No such file"));
	memcpy(huge, "GIF8", 4);
	assert_int_equal(load(huge, CM_LOGO_MAX + 1, &logo, &err), CM_ECONFIG);
	assert_non_null(strstr(err.text, "over 262144 octets"));
	assert_int_equal(load(huge, CM_LOGO_MAX, &logo, &err), CM_OK);
	cm_logo_free(&logo);
	free(huge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pictures_are_known_by_their_octets),
		cmocka_unit_test(none_missing_and_huge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
