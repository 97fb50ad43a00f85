/* token: comes back whole, or not at all (R8058-4, R8058-14, RSRS-1). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/enc.h"
#include "policy/token.h"

#include "tests/unit/test.h"

static char *key_folder(void)
{
	char *folder = strdup("/tmp/t_token.XXXXXX");

	assert_non_null(folder);
	assert_non_null(mkdtemp(folder));
	assert_int_equal(cm_keys_init(folder, (gid_t)-1, (gid_t)-1, NULL),
			 CM_OK);
	return folder;
}

static void drop_folder(char *folder)
{
	char path[256];
	int kind;

	for (kind = 0; kind < CM_KEY_KINDS; kind++) {
		snprintf(path, sizeof(path), "%s/%s.key", folder,
			 cm_key_kind_name(kind));
		assert_int_equal(unlink(path), 0);
	}
	assert_int_equal(rmdir(folder), 0);
	free(folder);
}

struct fixture {
	char *folder;
	struct cm_keys *keys;
	struct cm_token token;
	char url[CM_TOKEN_URL_LEN + 1];
	char mail[CM_TOKEN_MAIL_LEN + 1];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->folder = key_folder();
	assert_int_equal(cm_keys_open(f->folder, &f->keys, NULL), CM_OK);
	f->token.kind = CM_KEY_HEADER;
	memcpy(f->token.contact.b, "contact-one!", CM_CONTACT_ID_LEN);
	memcpy(f->token.purpose, "news", CM_PURPOSE_ID_LEN);
	f->token.day = 20778;
	f->token.has_message = true;
	memcpy(f->token.message, "queue-id", CM_MESSAGE_REF_LEN);
	assert_int_equal(cm_token_url(f->keys, &f->token, f->url, NULL), CM_OK);
	assert_int_equal(cm_token_mail(f->keys, &f->token, f->mail, NULL),
			 CM_OK);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	cm_keys_free(&f->keys);
	drop_folder(f->folder);
	free(f);
	return 0;
}

static void assert_refused(struct fixture *f, const char *text, size_t n)
{
	struct cm_token token = {.day = 4711};

	assert_int_equal(cm_token_read(f->keys, CM_KEY_HEADER,
				       cm_span_n(text, n), &token),
			 CM_EDATA);
	assert_int_equal(token.day, 4711);
}

static void both_forms_come_back(void **state)
{
	struct fixture *f = *state;
	struct cm_token got;
	size_t i;

	assert_int_equal(strlen(f->url), 58);
	assert_int_equal(strlen(f->mail), 56);
	assert_int_equal(
		cm_token_read(f->keys, CM_KEY_HEADER, cm_span(f->url), &got),
		CM_OK);
	assert_int_equal(got.kind, CM_KEY_HEADER);
	assert_memory_equal(&got.contact, &f->token.contact,
			    sizeof(got.contact));
	assert_memory_equal(got.purpose, f->token.purpose, CM_PURPOSE_ID_LEN);
	assert_int_equal(got.day, 20778);
	assert_true(got.has_message);
	assert_memory_equal(got.message, "queue-id", CM_MESSAGE_REF_LEN);

	assert_int_equal(
		cm_token_read(f->keys, CM_KEY_HEADER, cm_span(f->mail), &got),
		CM_OK);
	assert_memory_equal(&got.contact, &f->token.contact,
			    sizeof(got.contact));
	assert_int_equal(got.day, 20778);
	assert_false(got.has_message);
	for (i = 0; f->mail[i] != '\0'; i++)
		assert_true((f->mail[i] >= 'a' && f->mail[i] <= 'z') ||
			    (f->mail[i] >= '2' && f->mail[i] <= '7'));
}

/* RSRS-1: mail systems fold local parts. */
static void an_upper_cased_mail_token_is_the_same(void **state)
{
	struct fixture *f = *state;
	struct cm_token got;
	char upper[CM_TOKEN_MAIL_LEN + 1];
	size_t i;

	for (i = 0; i <= CM_TOKEN_MAIL_LEN; i++)
		upper[i] = f->mail[i] >= 'a' && f->mail[i] <= 'z'
				   ? (char)(f->mail[i] - 'a' + 'A')
				   : f->mail[i];
	assert_int_equal(
		cm_token_read(f->keys, CM_KEY_HEADER, cm_span(upper), &got),
		CM_OK);
	assert_memory_equal(&got.contact, &f->token.contact,
			    sizeof(got.contact));
	f->mail[5] = upper[5];
	assert_int_equal(
		cm_token_read(f->keys, CM_KEY_HEADER, cm_span(f->mail), &got),
		CM_OK);
}

/* R8058-4 */
static void every_flipped_bit_is_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t bytes[64];
	char text[128];
	size_t bit, n;

	assert_int_equal(
		cm_base64url_decode(cm_span(f->url), bytes, sizeof(bytes), &n),
		CM_OK);
	assert_int_equal(n, 43);
	for (bit = 0; bit < n * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_refused(f, text, cm_base64url_encode(bytes, n, text));
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	assert_int_equal(
		cm_base32_decode(cm_span(f->mail), bytes, sizeof(bytes), &n),
		CM_OK);
	assert_int_equal(n, 35);
	for (bit = 0; bit < n * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_refused(f, text, cm_base32_encode(bytes, n, text));
		bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
}

/* No other character anywhere: of all 255, only the fold of base32. */
static void every_other_character_is_refused(void **state)
{
	struct fixture *f = *state;
	char *const forms[] = {f->url, f->mail};
	size_t form, i;
	int c;

	for (form = 0; form < 2; form++)
		for (i = 0; forms[form][i] != '\0'; i++) {
			char was = forms[form][i];

			for (c = 1; c < 256; c++) {
				if ((char)c == was ||
				    (form == 1 &&
				     cm_ascii_lower((char)c) == was))
					continue;
				forms[form][i] = (char)c;
				assert_refused(f, forms[form],
					       strlen(forms[form]));
			}
			forms[form][i] = was;
		}
}

static void other_lengths_are_refused(void **state)
{
	struct fixture *f = *state;
	char longer[1024];
	size_t n;

	memset(longer, 'A', sizeof(longer));
	memcpy(longer, f->url, CM_TOKEN_URL_LEN);
	for (n = 0; n < sizeof(longer); n++)
		if (n != CM_TOKEN_URL_LEN)
			assert_refused(f, longer, n);
	memset(longer, 'a', sizeof(longer));
	memcpy(longer, f->mail, CM_TOKEN_MAIL_LEN);
	for (n = 0; n < sizeof(longer); n++)
		if (n != CM_TOKEN_MAIL_LEN)
			assert_refused(f, longer, n);
}

static void a_token_of_another_kind_is_refused(void **state)
{
	struct fixture *f = *state;
	char path[256], other[256];
	struct cm_keys *keys = NULL;
	struct cm_token got;
	int kind;

	for (kind = 0; kind < CM_KEY_KINDS; kind++)
		assert_int_equal(
			cm_token_read(f->keys, kind, cm_span(f->url), &got),
			kind == CM_KEY_HEADER ? CM_OK : CM_EDATA);
	/* Not even if somebody gives two kinds the same key. */
	snprintf(path, sizeof(path), "%s/header.key", f->folder);
	snprintf(other, sizeof(other), "%s/footer.key", f->folder);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(link(path, other), 0);
	assert_int_equal(cm_keys_open(f->folder, &keys, NULL), CM_OK);
	assert_int_equal(
		cm_token_read(keys, CM_KEY_HEADER, cm_span(f->url), &got),
		CM_OK);
	assert_int_equal(
		cm_token_read(keys, CM_KEY_FOOTER, cm_span(f->url), &got),
		CM_EDATA);
	cm_keys_free(&keys);
}

/* R8058-14: 400 days later, after two rotations. */
static void an_old_key_still_verifies(void **state)
{
	struct fixture *f = *state;
	char fresh[CM_TOKEN_URL_LEN + 1];
	struct cm_token got;
	uint8_t id;

	for (id = 0; id < 3;)
		assert_int_equal(cm_keys_rotate(f->folder, CM_KEY_HEADER,
						(gid_t)-1, (gid_t)-1, &id,
						NULL),
				 CM_OK);
	cm_keys_free(&f->keys);
	assert_int_equal(cm_keys_open(f->folder, &f->keys, NULL), CM_OK);
	assert_int_equal(cm_keys_current(f->keys, CM_KEY_HEADER)->id, 3);
	assert_int_equal(
		cm_token_read(f->keys, CM_KEY_HEADER, cm_span(f->url), &got),
		CM_OK);
	assert_int_equal(cm_token_url(f->keys, &f->token, fresh, NULL), CM_OK);
	assert_string_not_equal(fresh, f->url);
	assert_int_equal(
		cm_token_read(f->keys, CM_KEY_HEADER, cm_span(fresh), &got),
		CM_OK);
}

static void tokens_are_deterministic_and_say_nothing(void **state)
{
	struct fixture *f = *state;
	char again[CM_TOKEN_URL_LEN + 1];
	uint8_t bytes[64];
	size_t i, n;

	assert_int_equal(cm_token_url(f->keys, &f->token, again, NULL), CM_OK);
	assert_string_equal(again, f->url);
	assert_int_equal(
		cm_base64url_decode(cm_span(f->url), bytes, sizeof(bytes), &n),
		CM_OK);
	for (i = 0; i + 4 <= n; i++) {
		assert_memory_not_equal(bytes + i, "cont", 4);
		assert_memory_not_equal(bytes + i, "news", 4);
	}
	/* Another person's, purpose's or day's token is another one. */
	f->token.day++;
	assert_int_equal(cm_token_url(f->keys, &f->token, again, NULL), CM_OK);
	assert_string_not_equal(again, f->url);
}

static void without_a_key_there_is_no_token(void **state)
{
	struct fixture *f = *state;
	struct cm_error err = {CM_OK, ""};
	char url[CM_TOKEN_URL_LEN + 1];

	f->token.kind = CM_KEY_STORE;
	assert_int_equal(cm_token_url(f->keys, &f->token, url, &err),
			 CM_ECONFIG);
	assert_string_equal(err.text,
			    "there is no store key for links: run `consentctl "
			    "init`, and let this user read it");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_forms_come_back, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			an_upper_cased_mail_token_is_the_same, setup, teardown),
		cmocka_unit_test_setup_teardown(every_flipped_bit_is_refused,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			every_other_character_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(other_lengths_are_refused,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_token_of_another_kind_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(an_old_key_still_verifies,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			tokens_are_deterministic_and_say_nothing, setup,
			teardown),
		cmocka_unit_test_setup_teardown(without_a_key_there_is_no_token,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
