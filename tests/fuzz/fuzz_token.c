/*
 * fuzz_token: any octets where a link or a mail address has its token.
 *
 * The first octet says how: the rest is the text itself; or octets, encoded
 * as a link or an address would have them, with a right head or not; or a
 * token of ours with octets changed.  What reads is what was made, in the
 * one spelling we make (mail systems fold case), under the kind it was made
 * for alone (R8058-4, R8058-14, RSRS-1); all else is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/enc.h"
#include "policy/token.h"

#include "tests/fuzz/fuzz.h"

enum { KINDS = 4, OURS = 16, TEXT_MAX = 256 };

static const enum cm_key_kind kinds[KINDS] = {CM_KEY_HEADER, CM_KEY_FOOTER,
					      CM_KEY_VERP, CM_KEY_CONFIRM};

static struct cm_keys *keys;
/* Whatever reads was made here. */
static struct cm_token ours[OURS];
static char urls[OURS][CM_TOKEN_URL_LEN + 1];
static char mails[OURS][CM_TOKEN_MAIL_LEN + 1];

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	(void)fprintf(stderr, "fuzz_token: %s\n", what);
	abort();
}

/* The same every time, so that a finding can be replayed. */
static void write_key(const char *path, int kind)
{
	FILE *file = fopen(path, "we");
	size_t octets = kind == CM_KEY_STORE ? 32 : 64;

	must(file != NULL && fchmod(fileno(file), 0640) == 0, "no key file");
	(void)fprintf(file, "%d ", kind + 1);
	while (octets-- > 0)
		(void)fprintf(file, "%02x",
			      ((unsigned)kind * 37 + (unsigned)octets) % 256);
	(void)fprintf(file, "\n");
	must(fclose(file) == 0, "no key file");
}

static void make_keys(void)
{
	char folder[] = "/tmp/fuzz_token.XXXXXX";
	char path[64];
	struct cm_error err = {0};
	int kind;

	must(mkdtemp(folder) != NULL, "no folder");
	for (kind = 0; kind < CM_KEY_KINDS; kind++) {
		(void)snprintf(path, sizeof(path), "%s/%s.key", folder,
			       cm_key_kind_name(kind));
		write_key(path, kind);
	}
	must(cm_keys_open(folder, &keys, &err) == CM_OK, err.text);
	for (kind = 0; kind < CM_KEY_KINDS; kind++) {
		(void)snprintf(path, sizeof(path), "%s/%s.key", folder,
			       cm_key_kind_name(kind));
		(void)unlink(path);
	}
	(void)rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	int i;

	(void)argc;
	(void)argv;
	make_keys();
	for (i = 0; i < OURS; i++) {
		struct cm_token *token = &ours[i];

		token->kind = kinds[i % KINDS];
		memset(token->contact.b, 'a' + i, sizeof(token->contact.b));
		memset(token->purpose, i, sizeof(token->purpose));
		token->day = (uint16_t)(20000 + i);
		token->has_message = true;
		memset(token->message, 1 + i, sizeof(token->message));
		must(cm_token_url(keys, token, urls[i], NULL) == CM_OK &&
			     cm_token_mail(keys, token, mails[i], NULL) ==
				     CM_OK,
		     "no token");
	}
	return 0;
}

static bool same_in_any_case(struct cm_span text, const char *mail)
{
	return cm_span_is(text, mail);
}

static bool is_one_of_ours(enum cm_key_kind kind, struct cm_span text,
			   const struct cm_token *token)
{
	int i;

	for (i = 0; i < OURS; i++) {
		bool url = cm_span_eq(text, cm_span(urls[i]));

		if (ours[i].kind != kind ||
		    (!url && !same_in_any_case(text, mails[i])))
			continue;
		return token->kind == kind && token->day == ours[i].day &&
		       token->has_message == url &&
		       memcmp(&token->contact, &ours[i].contact,
			      sizeof(token->contact)) == 0 &&
		       memcmp(token->purpose, ours[i].purpose,
			      sizeof(token->purpose)) == 0 &&
		       (!url || memcmp(token->message, ours[i].message,
				       sizeof(token->message)) == 0);
	}
	return false;
}

/* Its spelling as we would have made it, were it one. */
static bool is_ours_to_read(enum cm_key_kind kind, struct cm_span text)
{
	int i;

	for (i = 0; i < OURS; i++)
		if (ours[i].kind == kind &&
		    (cm_span_eq(text, cm_span(urls[i])) ||
		     same_in_any_case(text, mails[i])))
			return true;
	return false;
}

static void read_as_all_kinds(struct cm_span text)
{
	int i;

	for (i = 0; i < KINDS; i++) {
		struct cm_token token = {.day = 4711};
		int rc = cm_token_read(keys, kinds[i], text, &token);

		must(rc == CM_OK || rc == CM_EDATA, "another error");
		must((rc == CM_OK) == is_ours_to_read(kinds[i], text),
		     rc == CM_OK ? "a forged token is read"
				 : "a token of ours is refused");
		must(rc == CM_OK ? is_one_of_ours(kinds[i], text, &token)
				 : token.day == 4711,
		     "it says what was not sealed");
	}
}

/* Octets at places of a good token are others: at, octet, at, octet ... */
static void read_changed(const char *good, const uint8_t *data, size_t n)
{
	char text[TEXT_MAX];
	size_t length = strlen(good);
	size_t i;

	memcpy(text, good, length + 1);
	for (i = 0; i + 1 < n; i += 2)
		text[data[i] % length] = (char)data[i + 1];
	read_as_all_kinds(cm_span_n(text, length));
	if (n % 2 == 1)
		read_as_all_kinds(cm_span_n(text, data[n - 1] % (length + 1)));
}

/* Octets in the spelling of links and addresses, right head or not. */
static void read_encoded(const uint8_t *data, size_t n, bool mail)
{
	char text[TEXT_MAX];

	if (n > TEXT_MAX / 2)
		n = TEXT_MAX / 2;
	n = mail ? cm_base32_encode(data, n, text)
		 : cm_base64url_encode(data, n, text);
	read_as_all_kinds(cm_span_n(text, n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned how = size > 0 ? data[0] : 0;

	if (size == 0)
		return 0;
	data++;
	size--;
	switch (how % 5) {
	case 0:
		read_as_all_kinds(cm_span_n((const char *)data, size));
		break;
	case 1:
	case 2:
		read_encoded(data, size, how % 5 == 2);
		break;
	case 3:
		read_changed(urls[how / 5 % OURS], data, size);
		break;
	default:
		read_changed(mails[how / 5 % OURS], data, size);
		break;
	}
	return 0;
}
