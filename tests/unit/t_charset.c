/*
 * charset: every row can be read and written here, labels lead where mail
 * means them to, and what is written is what all readers read (RMIME-3).
 */
#include <iconv.h>
#include <string.h>

#include "lib/charset.h"

#include "tests/unit/test.h"

enum { MAX = 64 * 1024 };

static const struct cm_charset *find(const char *label)
{
	const struct cm_charset *charset = cm_charset_find(cm_span(label));

	if (charset == NULL)
		fail_msg("no charset \"%s\"", label);
	return charset;
}

static void labels_are_lower_case_and_unique(void **state)
{
	const struct cm_charset *charset;
	size_t i;

	(void)state;
	for (i = 0; (charset = cm_charset_at(i)) != NULL; i++) {
		struct cm_span rest = cm_span(charset->labels);

		assert_ptr_equal(find(charset->name), charset);
		while (rest.n > 0) {
			struct cm_span label = cm_span_cut(&rest, ' ');
			size_t k;

			if (cm_charset_find(label) != charset && label.n > 0)
				fail_msg("%.*s is two charsets", (int)label.n,
					 label.p);
			for (k = 0; k < label.n; k++)
				assert_int_equal(label.p[k],
						 cm_ascii_lower(label.p[k]));
		}
	}
	assert_true(i > 60);
}

static void labels_lead_where_mail_means(void **state)
{
	static const struct {
		const char *label;
		const char *want;
	} cases[] = {
		{"UTF-8", "utf-8"},
		{"utf8", "utf-8"},
		{"US-ASCII", "us-ascii"},
		{"ANSI_X3.4-1968", "us-ascii"},
		{"ISO-8859-1", "iso-8859-1"},
		{"latin1", "iso-8859-1"},
		{"Windows-1252", "windows-1252"},
		{"cp1250", "windows-1250"},
		{"iso-8859-8-i", "iso-8859-8-i"},
		{"ks_c_5601-1987", "euc-kr"},
		{"GB2312", "gb2312"},
		{"x-sjis", "shift_jis"},
		{"cp932", "windows-31j"},
		{"iso-2022-jp", "iso-2022-jp"},
		{"HZ-GB-2312", "hz-gb-2312"},
		{"UTF-16", "utf-16"},
		{"unicode", "utf-16"},
		/* Nobody's, or not for us. */
		{"", NULL},
		{" ", NULL},
		{"utf-8 ", NULL},
		{"x-unknown", NULL},
		{"unknown-8bit", NULL},
		{"iso-2022-cn-ext", NULL},
		{"iso-2022-cn", NULL},
		{"ISO-8859-1//TRANSLIT", NULL},
		{"ebcdic-us", NULL},
		{"../../tmp/x", NULL},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct cm_charset *got =
			cm_charset_find(cm_span(cases[i].label));

		if ((got == NULL) != (cases[i].want == NULL) ||
		    (got != NULL && strcmp(got->name, cases[i].want) != 0))
			fail_msg("%s: got %s", cases[i].label,
				 got != NULL ? got->name : "none");
	}
}

static void every_reader_is_there(void **state)
{
	const struct cm_charset *charset;
	size_t i, k;

	(void)state;
	for (i = 0; (charset = cm_charset_at(i)) != NULL; i++)
		for (k = 0; k < CM_CHARSET_READERS; k++) {
			iconv_t cd;

			if (charset->readers[k] == NULL)
				continue;
			cd = iconv_open("UTF-8", charset->readers[k]);
			if (cd == (iconv_t)-1)
				fail_msg("no %s here (Fedora: "
					 "glibc-gconv-extra)",
					 charset->readers[k]);
			(void)iconv_close(cd);
		}
}

/* The claim that the kinds make: planning on raw octets rests on it. */
static void ascii_is_ascii_where_it_is_said(void **state)
{
	static const char text[] = "\t\r\n !\"#$%&'()*+,-./0123456789:;<=>?@"
				   "ABCXYZ[]^_`abcxyz{|}";
	const struct cm_span ascii = cm_span_n(text, sizeof(text) - 1);
	const struct cm_charset *charset;
	size_t i;

	(void)state;
	for (i = 0; (charset = cm_charset_at(i)) != NULL; i++) {
		struct cm_buf out;

		if (!cm_charset_has_ascii(charset))
			continue;
		cm_buf_init(&out, MAX);
		if (!cm_charset_reads_as(charset, &ascii, 1, &ascii, 1) ||
		    cm_charset_encode(charset, ascii, &out) != CM_OK ||
		    !cm_span_eq(ascii, cm_span_n(out.data, out.len)))
			fail_msg("%s is no ASCII", charset->name);
		cm_buf_free(&out);
	}
}

static void an_octet_is_a_character(void **state)
{
	const struct cm_charset *charset;
	size_t i;
	int c;

	(void)state;
	for (i = 0; (charset = cm_charset_at(i)) != NULL; i++) {
		struct cm_buf out;

		cm_buf_init(&out, MAX);
		for (c = 128; charset->kind == CM_CHARSET_OCTET && c < 256;
		     c++) {
			const char octet = (char)c;
			struct cm_buf back;
			int rc;

			cm_buf_reset(&out);
			rc = cm_charset_decode(charset, cm_span_n(&octet, 1),
					       &out);
			/* armscii-8 has ASCII twice. */
			if (rc == CM_EDATA || cm_ascii_only(out.data, out.len))
				continue;
			assert_int_equal(rc, CM_OK);
			cm_buf_init(&back, MAX);
			rc = cm_charset_encode(
				charset, cm_span_n(out.data, out.len), &back);
			/* What readers differ on is read, and not written. */
			if (rc == CM_OK &&
			    (back.len != 1 || back.data[0] != octet))
				fail_msg("%s: %02x comes back otherwise",
					 charset->name, (unsigned)c);
			cm_buf_free(&back);
		}
		cm_buf_free(&out);
	}
}

static const struct {
	const char *label;
	const char *utf8;
	const char *text; /* NULL: cannot be written */
} samples[] = {
	{"us-ascii", "abc", "abc"},
	{"us-ascii", "\xc4\x8d", NULL},
	{"utf-8", "\xc4\x8d", "\xc4\x8d"},
	{"utf-8", "\xc4", NULL},
	{"iso-8859-1", "caf\xc3\xa9", "caf\xe9"},
	{"iso-8859-1", "\xc4\x8d", NULL},
	/* Readers differ: 0x80 is the euro sign to most, a control to some. */
	{"iso-8859-1", "\xe2\x82\xac", NULL},
	{"iso-8859-1", "\xc2\x80", NULL},
	{"windows-1252", "\xe2\x82\xac", "\x80"},
	{"windows-1250", "\xc5\xbelu\xc5\xa5", "\x9elu\x9d"},
	{"iso-8859-2", "\xc5\xbelu\xc5\xa5", "\xbelu\xbb"},
	{"windows-1251", "\xd0\x9f\xd0\xb8", "\xcf\xe8"},
	{"koi8-r", "\xd0\x9f\xd0\xb8", "\xf0\xc9"},
	{"iso-8859-9", "\xc4\x9f", "\xf0"},
	{"iso-8859-8", "\xd7\x90", NULL}, /* as it looks */
	{"iso-8859-8-i", "\xd7\x90", "\xe0"},
	/* e, hat and dot below in one: two octets that some compose. */
	{"windows-1258", "\xe1\xbb\x87", NULL},
	{"windows-1258", "\xc3\xaa", "\xea"},
	{"shift_jis", "\xe3\x81\x82 ~\\", "\x82\xa0 ~\\"},
	{"shift_jis", "\xe2\x91\xa0", NULL}, /* NEC's: cp932 alone */
	{"windows-31j", "\xe2\x91\xa0", "\x87\x40"},
	{"gb2312", "\xe4\xb8\xad", "\xd6\xd0"},
	{"gb2312", "\xe5\x9c\x8b", NULL}, /* GBK has it */
	{"gbk", "\xe5\x9c\x8b", "\x87\xf8"},
	{"gb18030", "\xc4\x8d", "\x81\x30\x8d\x30"},
	{"big5", "\xe4\xb8\xad", "\xa4\xa4"},
	{"euc-kr", "\xed\x95\x9c", "\xc7\xd1"},
	{"johab", "\xed\x95\x9c", "\xd0\x65"},
	{"euc-jp", "\xe3\x81\x82", "\xa4\xa2"},
	{"iso-2022-jp", "a\xe3\x81\x82", "a\x1b$B$\"\x1b(B"},
	{"iso-2022-kr", "a\xed\x95\x9c", "a\x0eGQ\x0f"},
	{"iso-2022-kr", "abc", "abc"},
	{"hz-gb-2312", "a~\xe4\xb8\xad!", "a~~~{VP~}!"},
	{"hz-gb-2312", "\xc4\x8d", NULL},
	{"utf-7",
	 "\xc5\xbe"
	 "a",
	 "+AX4-a"},
	{"koi8-r", "\xc4\x8d \xd0\x9f", NULL},
	{"utf-16", "a", NULL}, /* of which order? */
};

static void samples_are_written_and_read(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(samples) / sizeof(*samples); i++) {
		const struct cm_charset *charset = find(samples[i].label);
		const struct cm_span utf8 = cm_span(samples[i].utf8);
		const struct cm_span text = cm_span(samples[i].text);
		struct cm_buf out;
		int rc;

		cm_buf_init(&out, MAX);
		rc = cm_charset_encode(charset, utf8, &out);
		if (samples[i].text == NULL) {
			if (rc != CM_EDATA)
				fail_msg("%zu: written in %s", i,
					 charset->name);
			cm_buf_free(&out);
			continue;
		}
		if (rc != CM_OK ||
		    !cm_span_eq(text, cm_span_n(cm_buf_text(&out), out.len)))
			fail_msg("%zu: %s got %d, %s", i, charset->name, rc,
				 cm_buf_text(&out));
		cm_buf_reset(&out);
		assert_int_equal(cm_charset_decode(charset, text, &out), CM_OK);
		assert_string_equal(cm_buf_text(&out), samples[i].utf8);
		assert_true(cm_charset_reads_as(charset, &text, 1, &utf8, 1));
		cm_buf_free(&out);
	}
}

static void wide_text_needs_its_order(void **state)
{
	static const struct {
		const char *label;
		const char *text;
		size_t n;
		const char *want;
	} cases[] = {
		{"utf-16",
		 "\xff\xfe"
		 "a\0",
		 4, "utf-16le"},
		{"utf-16", "\xfe\xff\0a", 4, "utf-16be"},
		{"utf-16", "a\0", 2, NULL},
		{"utf-16", "\xff", 1, NULL},
		{"utf-16", "", 0, NULL},
		{"utf-16le", "a\0", 2, "utf-16le"},
		{"utf-32", "\xff\xfe\0\0", 4, "utf-32le"},
		{"utf-32", "\0\0\xfe\xff", 4, "utf-32be"},
		{"utf-32", "\0\0\0a", 4, NULL},
		{"utf-8", "a", 1, "utf-8"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct cm_charset *got = cm_charset_resolve(
			find(cases[i].label),
			cm_span_n(cases[i].text, cases[i].n));

		if (cases[i].want == NULL)
			assert_null(got);
		else
			assert_string_equal(got->name, cases[i].want);
	}
}

static void bad_text_is_no_text(void **state)
{
	static const struct {
		const char *label;
		const char *text;
	} cases[] = {
		{"us-ascii", "\xe9"},       {"utf-8", "\xe9"},
		{"shift_jis", "\x82"},      {"shift_jis", "\x82\x20"},
		{"gb2312", "\xd6"},         {"gb18030", "\x81\x30\x81"},
		{"euc-kr", "\xff"},         {"iso-2022-jp", "\xa4\xa2"},
		{"iso-2022-jp", "\x1b$B$"}, {"iso-2022-kr", "\xc7\xd1"},
		{"hz-gb-2312", "~x"},       {"hz-gb-2312", "~{V\n~}"},
		{"hz-gb-2312", "\xd6\xd0"}, {"utf-7", "a~b"},
		{"utf-16le", "a"},          {"windows-1257", "\xa5"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct cm_span text = cm_span(cases[i].text);
		struct cm_buf out;

		cm_buf_init(&out, MAX);
		(void)cm_buf_adds(&out, "kept");
		if (cm_charset_decode(find(cases[i].label), text, &out) !=
		    CM_EDATA)
			fail_msg("%zu: %s read it", i, cases[i].label);
		assert_string_equal(out.data, "kept");
		cm_buf_free(&out);
	}
}

/* Offsets of UTF-8 that can be places; all others must be none. */
static void a_place_is_between_states(void **state)
{
	static const struct {
		const char *label;
		const char *text;
		size_t at; /* in UTF-8 */
		int want;  /* in text; -1: no place */
	} cases[] = {
		{"windows-1250",
		 "a\x9e"
		 "b",
		 3, 2},
		{"shift_jis",
		 "\x82\xa0"
		 "b",
		 3, 2},
		{"shift_jis",
		 "\x82\xa0"
		 "b",
		 1, -1},
		{"iso-2022-jp", "\x1b$B$\"\x1b(Bb", 3, 8},
		{"iso-2022-jp", "\x1b$B$\"$\"\x1b(Bb", 3, -1},
		{"iso-2022-jp", "\x1b$B$\"\x1b(B", 3, 8},
		{"iso-2022-jp", "\x1b$B$\"", 3, -1}, /* no way back */
		{"iso-2022-jp", "a\x1b$B$\"\x1b(Bb", 1, 1},
		{"iso-2022-kr",
		 "\x1b$)Ca\x0eGQ\x0f"
		 "b",
		 4, 9},
		{"iso-2022-kr",
		 "\x1b$)Ca\x0eGQGQ\x0f"
		 "b",
		 4, -1},
		{"hz-gb-2312", "~{VP~}b", 3, 6},
		{"hz-gb-2312", "a~~b", 2, 3},
		{"utf-7", "+AX4-b", 2, 5},
		{"utf-7", "+AX4 b", 2, -1},
		{"utf-7", "+AX4 b", 3, 5},
		{"utf-7", "+AX4BfgF+-b", 2, -1},
		{"gb18030",
		 "\x81\x30\x8d\x30"
		 "b",
		 2, 4},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct cm_charset *charset = find(cases[i].label);
		const struct cm_span text = cm_span(cases[i].text);
		struct cm_buf out;
		size_t at = 0;
		int rc;

		cm_buf_init(&out, MAX);
		assert_int_equal(cm_charset_decode(charset, text, &out), CM_OK);
		rc = cm_charset_cut(charset, text, cm_span_n(out.data, out.len),
				    cases[i].at, &at);
		if (rc != (cases[i].want < 0 ? CM_EDATA : CM_OK) ||
		    (rc == CM_OK && at != (size_t)cases[i].want))
			fail_msg("%zu: %s got %d, %zu", i, charset->name, rc,
				 at);
		cm_buf_free(&out);
	}
}

static void long_texts_are_read_in_pieces(void **state)
{
	static const char *const labels[] = {"iso-2022-jp", "shift_jis",
					     "hz-gb-2312", "utf-16le"};
	struct cm_buf utf8;
	size_t i;

	(void)state;
	cm_buf_init(&utf8, 4 * MAX);
	for (i = 0; i < 9000; i++)
		(void)cm_buf_adds(&utf8, i % 7 == 0 ? "x\n" : "\xe3\x81\x82");
	for (i = 0; i < sizeof(labels) / sizeof(*labels); i++) {
		const struct cm_charset *charset = find(labels[i]);
		const struct cm_span all = cm_span_n(utf8.data, utf8.len);
		const struct cm_span halves[] = {
			cm_span_n(utf8.data, 5001),
			cm_span_n(utf8.data + 5001, utf8.len - 5001),
		};
		struct cm_span text;
		struct cm_buf out;

		cm_buf_init(&out, 8 * MAX);
		assert_int_equal(cm_charset_encode(charset, all, &out), CM_OK);
		text = cm_span_n(out.data, out.len);
		assert_true(cm_charset_reads_as(charset, &text, 1, halves, 2));
		assert_false(cm_charset_reads_as(charset, &text, 1, halves, 1));
		text.n -= 1;
		assert_false(cm_charset_reads_as(charset, &text, 1, &all, 1));
		cm_buf_free(&out);
	}
	cm_buf_free(&utf8);
}

static void limits_hold(void **state)
{
	struct cm_buf out;

	(void)state;
	cm_buf_init(&out, 3);
	assert_int_equal(
		cm_charset_decode(find("koi8-r"), cm_span("\xf0\xc9"), &out),
		CM_ELIMIT);
	cm_buf_free(&out);
	cm_buf_init(&out, 3);
	assert_int_equal(
		cm_charset_encode(find("utf-16le"), cm_span("ab"), &out),
		CM_ELIMIT);
	cm_buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_are_lower_case_and_unique),
		cmocka_unit_test(labels_lead_where_mail_means),
		cmocka_unit_test(every_reader_is_there),
		cmocka_unit_test(ascii_is_ascii_where_it_is_said),
		cmocka_unit_test(an_octet_is_a_character),
		cmocka_unit_test(samples_are_written_and_read),
		cmocka_unit_test(wide_text_needs_its_order),
		cmocka_unit_test(bad_text_is_no_text),
		cmocka_unit_test(a_place_is_between_states),
		cmocka_unit_test(long_texts_are_read_in_pieces),
		cmocka_unit_test(limits_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
