/* enc: the vectors of RFC 4648, section 10, and one spelling only. */
#include <string.h>

#include "lib/enc.h"

#include "tests/unit/test.h"

static void the_vectors_of_rfc_4648(void **state)
{
	static const struct {
		const char *plain, *hex, *base32, *base64;
	} cases[] = {
		{"", "", "", ""},
		{"f", "66", "my", "Zg=="},
		{"fo", "666f", "mzxq", "Zm8="},
		{"foo", "666f6f", "mzxw6", "Zm9v"},
		{"foob", "666f6f62", "mzxw6yq", "Zm9vYg=="},
		{"fooba", "666f6f6261", "mzxw6ytb", "Zm9vYmE="},
		{"foobar", "666f6f626172", "mzxw6ytboi", "Zm9vYmFy"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t n = strlen(cases[i].plain);
		char out[32];

		assert_int_equal(cm_hex_encode(cases[i].plain, n, out),
				 CM_HEX_LEN(n));
		assert_string_equal(out, cases[i].hex);
		assert_int_equal(cm_base32_encode(cases[i].plain, n, out),
				 CM_BASE32_LEN(n));
		assert_string_equal(out, cases[i].base32);
		assert_int_equal(cm_base64_encode(cases[i].plain, n, out),
				 CM_BASE64_LEN(n));
		assert_string_equal(out, cases[i].base64);
		out[cm_base64url_encode(cases[i].plain, n, out)] = '\0';
		assert_memory_equal(out, cases[i].base64, strlen(out));
		assert_int_equal(strlen(out), CM_BASE64URL_LEN(n));
	}
}

static void base64url_has_no_plus_and_slash(void **state)
{
	static const uint8_t bytes[] = {0xfb, 0xef, 0xff};
	char out[8];

	(void)state;
	cm_base64url_encode(bytes, sizeof(bytes), out);
	assert_string_equal(out, "--__");
	cm_base64_encode(bytes, sizeof(bytes), out);
	assert_string_equal(out, "++//");
}

typedef int decoder(struct cm_span text, void *out, size_t max, size_t *ret_n);

static void only_our_own_spelling_is_read(void **state)
{
	static const struct {
		decoder *decode;
		const char *text;
		int rc;
		const char *plain;
	} cases[] = {
		{cm_hex_decode, "666f", CM_OK, "fo"},
		{cm_hex_decode, "666F", CM_EDATA, NULL},
		{cm_hex_decode, "666", CM_EDATA, NULL},
		{cm_hex_decode, "66 6f", CM_EDATA, NULL},
		{cm_hex_decode, "666f6f626172", CM_OK, "foobar"},
		{cm_hex_decode, "666f6f62617272", CM_ELIMIT, NULL},
		{cm_base32_decode, "mzxw6", CM_OK, "foo"},
		{cm_base32_decode, "MZXW6", CM_OK, "foo"},
		{cm_base32_decode, "mzxw7", CM_EDATA, NULL}, /* spare bit */
		{cm_base32_decode, "mzxw6===", CM_EDATA, NULL},
		{cm_base32_decode, "mzxw6y", CM_EDATA, NULL}, /* no length */
		{cm_base32_decode, "mzxw1", CM_EDATA, NULL},  /* 1 for l */
		{cm_base32_decode, "mzxw6ytboi", CM_OK, "foobar"},
		{cm_base32_decode, "mzxw6ytboj2a", CM_ELIMIT, NULL},
		{cm_base64url_decode, "Zm8", CM_OK, "fo"},
		{cm_base64url_decode, "Zm9", CM_EDATA, NULL}, /* spare bit */
		{cm_base64url_decode, "Zm8=", CM_EDATA, NULL},
		{cm_base64url_decode, "Zm9vY", CM_EDATA, NULL},
		{cm_base64url_decode, "Zm9v\n", CM_EDATA, NULL},
		{cm_base64url_decode, "++//", CM_EDATA, NULL},
		{cm_base64url_decode, "Zm9vYmFyeA", CM_ELIMIT, NULL},
		{cm_base64url_decode, "", CM_OK, ""},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[6];
		size_t n = 99;

		assert_int_equal(cases[i].decode(cm_span(cases[i].text), out,
						 sizeof(out), &n),
				 cases[i].rc);
		if (cases[i].rc != CM_OK) {
			assert_int_equal(n, 99);
			continue;
		}
		assert_int_equal(n, strlen(cases[i].plain));
		assert_memory_equal(out, cases[i].plain, n);
	}
}

/* Every text of 1 to 3 characters that is read is what we would write. */
static void no_two_texts_name_the_same_bytes(void **state)
{
	static const char tried[] = "Aag08-_=/+ zZ7";
	size_t i, j, k, n;
	char text[4] = "", out[4], again[8];

	(void)state;
	for (i = 0; i < sizeof(tried); i++)
		for (j = 0; j < sizeof(tried); j++)
			for (k = 0; k < sizeof(tried); k++) {
				text[0] = tried[i];
				text[1] = tried[j];
				text[2] = tried[k];
				if (cm_base64url_decode(cm_span(text), out,
							sizeof(out),
							&n) != CM_OK)
					continue;
				cm_base64url_encode(out, n, again);
				assert_string_equal(again, text);
			}
}

/* Also with padding: four characters, of which some are "=". */
static void base64_is_read_in_one_spelling(void **state)
{
	static const char tried[] = "Ag8+/=-\nZw";
	static const char *const bad[] = {
		"Zg", "Zg=", "Z===", "====", "Zg==\n", "Zm9v=", "Zh==", "=g=="};
	char text[5] = "", out[8], again[16];
	size_t i, n, all = sizeof(tried) - 1;

	(void)state;
	for (i = 0; i < all * all * all * all; i++) {
		text[0] = tried[i % all];
		text[1] = tried[i / all % all];
		text[2] = tried[i / all / all % all];
		text[3] = tried[i / all / all / all];
		if (cm_base64_decode(cm_span(text), out, sizeof(out), &n) !=
		    CM_OK)
			continue;
		cm_base64_encode(out, n, again);
		assert_string_equal(again, text);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
			cm_base64_decode(cm_span(bad[i]), out, sizeof(out), &n),
			CM_EDATA);
	assert_int_equal(
		cm_base64_decode(cm_span("Zm9vYmE="), out, sizeof(out), &n),
		CM_OK);
	assert_int_equal(n, 5);
	assert_memory_equal(out, "fooba", 5);
	assert_int_equal(cm_base64_decode(cm_span("Zm9vYmE="), out, 4, &n),
			 CM_ELIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_of_rfc_4648),
		cmocka_unit_test(base64url_has_no_plus_and_slash),
		cmocka_unit_test(only_our_own_spelling_is_read),
		cmocka_unit_test(no_two_texts_name_the_same_bytes),
		cmocka_unit_test(base64_is_read_in_one_spelling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
