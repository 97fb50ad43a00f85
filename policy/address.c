/*
 * See address.h.
 *
 * The local part is read into its content (quotes and escapes gone), and the
 * content is written back in the one way we have: bare if it is a dot-atom
 * (RFC 5322, 3.2.3, with the characters of RFC 6532, 3.2), quoted with the
 * fewest escapes if not.  Two dots in a row or at an end are no dot-atom, yet
 * some providers gave out such addresses and MTAs take them unquoted: they
 * are read, and written quoted, which is the same mailbox (RFC 5321, 4.1.2).
 *
 * Domains that are plain letters, digits and hyphens need no library; all
 * others go through libidn2, which also checks that "xn--" is a real A-label.
 */
#include "policy/address.h"

#include <stdlib.h>
#include <string.h>

#include <idn2.h>
#include <uninorm.h>

enum {
	/* A From header with a long display name; more is not an address. */
	CM_ADDRESS_TEXT_MAX = 4096,
	CM_LABEL_MAX = 63, /* RFC 1035, 2.3.4 */
	/* Content before NFC, which may shrink it: combining marks. */
	CM_CONTENT_MAX = 4 * CM_LOCAL_MAX,
};

/* What stands between the quotes, or would: octets, no escapes. */
struct content {
	char p[CM_CONTENT_MAX];
	size_t n;
};

/* ---- character rules ---------------------------------------------------- */

static bool is_control(char c)
{
	unsigned char u = (unsigned char)c;

	return u < 0x20 || u == 0x7f;
}

/* RFC 5322 atext, and with RFC 6532 everything beyond ASCII. */
static bool is_atext(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       cm_ascii_digit(c) || (unsigned char)c > 127 ||
	       (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/*
 * Characters nobody sees or types, with which two addresses look the same:
 * C1 controls, no-break space, soft hyphen, zero-width and bidi marks, line
 * and paragraph separators, byte order mark.
 */
static bool has_invisible(struct cm_span text)
{
	static const struct {
		const char *from, *to; /* UTF-8 sorts as code points do */
		size_t n;
	} ranges[] = {
		{"\xc2\x80", "\xc2\xa0", 2},
		{"\xc2\xad", "\xc2\xad", 2},
		{"\xe2\x80\x8b", "\xe2\x80\x8f", 3},
		{"\xe2\x80\xa8", "\xe2\x80\xae", 3},
		{"\xe2\x81\xa0", "\xe2\x81\xaf", 3},
		{"\xef\xbb\xbf", "\xef\xbb\xbf", 3},
	};
	size_t i, k;

	if (cm_ascii_only(text.p, text.n))
		return false;
	for (i = 0; i < text.n; i++) {
		for (k = 0; k < sizeof(ranges) / sizeof(ranges[0]); k++) {
			size_t n = ranges[k].n;

			if (text.n - i >= n &&
			    memcmp(text.p + i, ranges[k].from, n) >= 0 &&
			    memcmp(text.p + i, ranges[k].to, n) <= 0)
				return true;
		}
	}
	return false;
}

/* ---- "Name <u@d>" ------------------------------------------------------- */

/* The offset of the "<" that is not inside quotes; text.n if there is none.
 * A comma, semicolon or colon there means a list or a group: text.n too. */
static size_t find_angle(struct cm_span text)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && c == '<')
			return i;
		else if (!quoted && (c == ',' || c == ';' || c == ':'))
			break;
	}
	return text.n;
}

/* Drop a display name and the angle brackets. */
static int strip_brackets(struct cm_span *text, struct cm_error *err)
{
	size_t i, angle;

	*text = cm_span_trim(*text);
	if (text->n == 0)
		return cm_fail(err, CM_EDATA, "the address is empty");
	if (text->p[text->n - 1] != '>')
		return CM_OK;
	angle = find_angle(*text);
	if (angle == text->n)
		return cm_fail(err, CM_EDATA,
			       "not one address, or a \">\" without \"<\"");
	for (i = 0; i < angle; i++) {
		char c = text->p[i];

		/* Folding may stand in a display name, nothing worse. */
		if (is_control(c) && c != '\t' && c != '\r' && c != '\n')
			return cm_fail(err, CM_EDATA,
				       "control character in the address");
	}
	*text = cm_span_trim(
		cm_span_n(text->p + angle + 1, text->n - angle - 2));
	if (text->n == 0)
		return cm_fail(err, CM_EDATA, "the address is empty");
	return CM_OK;
}

/* ---- the local part ----------------------------------------------------- */

static int add_content(struct content *content, char c, struct cm_error *err)
{
	if (content->n == sizeof(content->p))
		return cm_fail(err, CM_EDATA,
			       "the local part is longer than %d octets",
			       (int)CM_LOCAL_MAX);
	content->p[content->n++] = cm_ascii_lower(c);
	return CM_OK;
}

/* From the opening quote at *at to behind the closing one. */
static int read_quoted(struct cm_span text, size_t *at, struct content *content,
		       struct cm_error *err)
{
	size_t i = *at + 1;
	int rc = CM_OK;

	while (rc == CM_OK && i < text.n && text.p[i] != '"') {
		if (text.p[i] == '\\' && i + 1 < text.n)
			i++;
		rc = add_content(content, text.p[i], err);
		i++;
	}
	if (rc != CM_OK)
		return rc;
	if (i >= text.n)
		return cm_fail(err, CM_EDATA,
			       "a quote in the local part is not closed");
	*at = i + 1;
	return CM_OK;
}

/*
 * Words joined by dots (RFC 5322 local-part and obs-local-part), up to the
 * "@" that ends them; *ret_at is its offset.
 */
static int read_local(struct cm_span text, struct content *content,
		      size_t *ret_at, struct cm_error *err)
{
	bool after_quoted = false, quoted = false;
	size_t i = 0;
	int rc;

	content->n = 0;
	while (i < text.n && text.p[i] != '@') {
		char c = text.p[i];

		if (c == '"' && (i == 0 || text.p[i - 1] == '.')) {
			rc = read_quoted(text, &i, content, err);
			after_quoted = quoted = true;
			if (rc != CM_OK)
				return rc;
			continue;
		}
		if (c != '.' && (after_quoted || !is_atext(c)))
			return cm_fail(err, CM_EDATA,
				       "the local part holds a character that "
				       "needs quotes");
		after_quoted = false;
		rc = add_content(content, c, err);
		if (rc != CM_OK)
			return rc;
		i++;
	}
	if (i == text.n)
		return cm_fail(err, CM_EDATA, "no \"@\" and domain");
	if (content->n == 0)
		return cm_fail(err, CM_EDATA,
			       quoted ? "the local part is an empty quote"
				      : "nothing in front of the \"@\"");
	*ret_at = i;
	return CM_OK;
}

/* RFC 6532, 3.1: NFC makes equal what looks equal. */
static int normalise(struct content *content, struct cm_error *err)
{
	size_t n = sizeof(content->p);
	uint8_t out[CM_CONTENT_MAX];
	uint8_t *got;

	if (cm_ascii_only(content->p, content->n))
		return CM_OK;
	got = u8_normalize(UNINORM_NFC, (const uint8_t *)content->p, content->n,
			   out, &n);
	if (got != out) {
		free(got); /* longer than out, or NULL */
		return cm_fail(err, CM_EDATA,
			       "the local part is longer than %d octets",
			       (int)CM_LOCAL_MAX);
	}
	memcpy(content->p, out, n);
	content->n = n;
	return CM_OK;
}

static bool is_dot_atom(const struct content *content)
{
	size_t i;

	for (i = 0; i < content->n; i++) {
		char c = content->p[i];

		if (c == '.' &&
		    (i == 0 || i + 1 == content->n || content->p[i - 1] == '.'))
			return false;
		if (c != '.' && !is_atext(c))
			return false;
	}
	return content->n > 0;
}

/* Append the one spelling of a local part, and "@". */
static int write_local(const struct content *content,
		       struct cm_address *address, struct cm_error *err)
{
	bool quote = !is_dot_atom(content);
	char out[2 * CM_CONTENT_MAX + 2];
	size_t i, n = 0;

	if (quote)
		out[n++] = '"';
	for (i = 0; i < content->n; i++) {
		char c = content->p[i];

		if (quote && (c == '"' || c == '\\'))
			out[n++] = '\\';
		out[n++] = c;
	}
	if (quote)
		out[n++] = '"';
	if (n > CM_LOCAL_MAX)
		return cm_fail(err, CM_EDATA,
			       "the local part is longer than %d octets",
			       (int)CM_LOCAL_MAX);
	memcpy(address->canonical, out, n);
	address->canonical[n] = '@';
	address->at = n;
	return CM_OK;
}

/* ---- the domain --------------------------------------------------------- */

/* Lower-case letters, digits, hyphens inside, 1 to 63 octets (RFC 1123). */
static bool is_label(const char *p, size_t n)
{
	size_t i;

	if (n == 0 || n > CM_LABEL_MAX || p[0] == '-' || p[n - 1] == '-')
		return false;
	for (i = 0; i < n; i++)
		if (!cm_ascii_digit(p[i]) && p[i] != '-' &&
		    (p[i] < 'a' || p[i] > 'z'))
			return false;
	return true;
}

static bool all_digits(const char *p, size_t n)
{
	while (n > 0 && cm_ascii_digit(p[n - 1]))
		n--;
	return n == 0;
}

static bool is_host_name(const char *p, size_t n)
{
	const char *dot;

	while ((dot = memchr(p, '.', n)) != NULL) {
		if (!is_label(p, (size_t)(dot - p)))
			return false;
		n -= (size_t)(dot - p) + 1;
		p = dot + 1;
	}
	/* A last label of digits is an IP address, not a name. */
	return is_label(p, n) && !all_digits(p, n);
}

static bool has_a_label(const char *p, size_t n)
{
	size_t i;

	for (i = 0; i + 4 <= n; i++)
		if ((i == 0 || p[i - 1] == '.') &&
		    memcmp(p + i, "xn--", 4) == 0)
			return true;
	return false;
}

/* name: CM_DOMAIN_MAX + 1 octets and a NUL; *n is updated. */
static int to_a_labels(char *name, size_t *n)
{
	char *out = NULL;
	int rc;

	name[*n] = '\0';
	rc = idn2_to_ascii_8z(name, &out,
			      IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (rc != IDN2_OK || strlen(out) > CM_DOMAIN_MAX) {
		idn2_free(out);
		return CM_EDATA;
	}
	*n = strlen(out);
	memcpy(name, out, *n + 1);
	idn2_free(out);
	return CM_OK;
}

static int fail_domain(struct cm_span domain, struct cm_error *err)
{
	size_t i;

	for (i = 0; i < domain.n; i++)
		if (!is_atext(domain.p[i]) && domain.p[i] != '.')
			return cm_fail(err, CM_EDATA,
				       "the domain holds a character that no "
				       "domain may hold");
	return cm_fail(err, CM_EDATA, "\"%.*s\" is not a domain name",
		       (int)domain.n, domain.p);
}

static int write_domain(struct cm_span domain, struct cm_address *address,
			struct cm_error *err)
{
	char name[CM_DOMAIN_MAX + 2];
	size_t n = domain.n;

	if (n > 0 && domain.p[n - 1] == '.')
		n--; /* "example.com." is the same name */
	if (n == 0)
		return cm_fail(err, CM_EDATA, "no domain behind the \"@\"");
	if (domain.p[0] == '[')
		return cm_fail(err, CM_EDATA,
			       "a domain literal is not an address that "
			       "anybody consents with");
	if (n > CM_DOMAIN_MAX)
		return cm_fail(err, CM_EDATA,
			       "the domain is longer than %d octets",
			       (int)CM_DOMAIN_MAX);
	memcpy(name, domain.p, n);
	cm_ascii_lower_n(name, n);
	if ((!cm_ascii_only(name, n) || has_a_label(name, n)) &&
	    to_a_labels(name, &n) != CM_OK)
		return fail_domain(domain, err);
	if (!is_host_name(name, n))
		return fail_domain(domain, err);
	memcpy(address->canonical + address->at + 1, name, n);
	address->n = address->at + 1 + n;
	address->canonical[address->n] = '\0';
	return CM_OK;
}

/* ---- the address -------------------------------------------------------- */

static int check_octets(struct cm_span text, struct cm_error *err)
{
	size_t i;

	for (i = 0; i < text.n; i++)
		if (is_control(text.p[i]))
			return cm_fail(err, CM_EDATA,
				       "control character in the address");
	if (has_invisible(text))
		return cm_fail(err, CM_EDATA,
			       "invisible character in the address");
	return CM_OK;
}

int cm_address_parse(struct cm_span text, struct cm_address *ret_address,
		     struct cm_error *err)
{
	struct cm_address address;
	struct content content;
	size_t at;
	int rc;

	if (text.n > CM_ADDRESS_TEXT_MAX)
		return cm_fail(err, CM_EDATA,
			       "the address is longer than %d octets",
			       (int)CM_ADDRESS_TEXT_MAX);
	if (!cm_utf8_valid(text.p, text.n))
		return cm_fail(err, CM_EDATA, "the address is not UTF-8");
	rc = strip_brackets(&text, err);
	if (rc != CM_OK)
		return rc;
	rc = check_octets(text, err);
	if (rc != CM_OK)
		return rc;
	if (text.p[0] == '@')
		return cm_fail(err, CM_EDATA,
			       cm_address_has_route(text)
				       ? "a source route is not taken"
				       : "nothing in front of the \"@\"");
	rc = read_local(text, &content, &at, err);
	if (rc == CM_OK)
		rc = normalise(&content, err);
	if (rc == CM_OK)
		rc = write_local(&content, &address, err);
	if (rc == CM_OK)
		rc = write_domain(cm_span_n(text.p + at + 1, text.n - at - 1),
				  &address, err);
	if (rc == CM_OK)
		*ret_address = address;
	return rc;
}

struct cm_span cm_address_domain(const struct cm_address *address)
{
	return cm_span_n(address->canonical + address->at + 1,
			 address->n - address->at - 1);
}

struct cm_span cm_address_local(const struct cm_address *address)
{
	return cm_span_n(address->canonical, address->at);
}

bool cm_address_has_route(struct cm_span text)
{
	text = cm_span_trim(text);
	if (text.n > 0 && text.p[0] == '<')
		text = cm_span_trim(cm_span_n(text.p + 1, text.n - 1));
	return text.n > 0 && text.p[0] == '@' &&
	       memchr(text.p, ':', text.n) != NULL;
}

/* ---- the family --------------------------------------------------------- */

static bool ignores_dots(const struct cm_address *address,
			 const char *const *dots_ignored, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (cm_span_is(cm_address_domain(address), dots_ignored[i]))
			return true;
	return false;
}

static void drop_dots(struct content *content)
{
	size_t i, n = 0;

	for (i = 0; i < content->n; i++)
		if (content->p[i] != '.')
			content->p[n++] = content->p[i];
	content->n = n;
}

void cm_address_family(const struct cm_address *address,
		       const char *const *dots_ignored, size_t count,
		       struct cm_address *ret_family)
{
	struct cm_span domain = cm_address_domain(address);
	struct cm_address family = *address;
	struct content content;
	const char *plus;
	size_t at;

	*ret_family = *address;
	/* A canonical address always reads back; nothing here can fail. */
	if (read_local(cm_span_n(address->canonical, address->n), &content, &at,
		       NULL) != CM_OK)
		return;
	plus = memchr(content.p, '+', content.n);
	if (plus != NULL)
		content.n = (size_t)(plus - content.p);
	if (ignores_dots(address, dots_ignored, count))
		drop_dots(&content);
	/* "+tag@d" and "..@gmail.com": nothing would be left. */
	if (content.n == 0 || write_local(&content, &family, NULL) != CM_OK)
		return;
	memcpy(family.canonical + family.at + 1, domain.p, domain.n);
	family.n = family.at + 1 + domain.n;
	family.canonical[family.n] = '\0';
	*ret_family = family;
}

int cm_address_id(const struct cm_address *address, struct cm_hmac *store_key,
		  struct cm_id *ret_id)
{
	struct cm_span part = cm_span_n(address->canonical, address->n);
	uint8_t mac[CM_SHA256_LEN];
	int rc = cm_hmac(store_key, &part, 1, mac);

	if (rc == CM_OK)
		memcpy(ret_id->b, mac, sizeof(ret_id->b));
	return rc;
}

int cm_address_ids(const struct cm_address *address,
		   const char *const *dots_ignored, size_t count,
		   struct cm_hmac *store_key, struct cm_id *ret_contact,
		   struct cm_id *ret_family)
{
	struct cm_address family;
	struct cm_id contact, of_family;
	int rc = cm_address_id(address, store_key, &contact);

	if (rc != CM_OK)
		return rc;
	of_family = contact;
	cm_address_family(address, dots_ignored, count, &family);
	if (family.n != address->n ||
	    memcmp(family.canonical, address->canonical, family.n) != 0)
		rc = cm_address_id(&family, store_key, &of_family);
	if (rc != CM_OK)
		return rc;
	*ret_contact = contact;
	*ret_family = of_family;
	return CM_OK;
}
