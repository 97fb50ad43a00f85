/* See config_pattern.h. */
#include "policy/config_pattern.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum {
	V4_BITS = 32,
	V6_BITS = 128,
	V4_MAPPED = 96, /* RFC 4291, 2.5.5.2: ::ffff:0:0/96 */
	CIDR_MAX = 64,  /* the longest text of an address, and a prefix */
};

/* ---- senders ------------------------------------------------------------- */

int cm_domain_parse(struct cm_span text, struct cm_arena *arena,
		    const char **ret_domain, struct cm_error *err)
{
	char whole[2 + CM_DOMAIN_MAX + 1];
	struct cm_address address;
	struct cm_span domain;
	char *copy;
	int rc;

	if (text.n == 0 || text.n > CM_DOMAIN_MAX)
		return cm_fail(err, CM_ECONFIG, "not a domain");
	snprintf(whole, sizeof(whole), "x@%.*s", (int)text.n, text.p);
	rc = cm_address_parse(cm_span(whole), &address, err);
	if (rc != CM_OK)
		return rc;
	domain = cm_address_domain(&address);
	copy = cm_arena_dup(arena, domain.p, domain.n);
	if (copy == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	*ret_domain = copy;
	return CM_OK;
}

/* The local part as typed, without what "+*" stands for. */
static int parse_local(struct cm_span local, struct cm_span domain,
		       struct cm_arena *arena,
		       struct cm_sender_pattern *pattern, struct cm_error *err)
{
	char whole[CM_ADDRESS_MAX + 1];
	struct cm_address address;
	struct cm_span canonical;
	int rc;

	if (local.n + 1 + domain.n > CM_ADDRESS_MAX)
		return cm_fail(err, CM_ECONFIG, "too long for an address");
	if (local.n > 0 && memchr(local.p, '*', local.n) != NULL)
		return cm_fail(err, CM_ECONFIG,
			       "\"*\" may only stand as \"+*\" before the "
			       "\"@\"; all of a domain is \"@%.*s\"",
			       (int)domain.n, domain.p);
	snprintf(whole, sizeof(whole), "%.*s@%.*s", (int)local.n, local.p,
		 (int)domain.n, domain.p);
	rc = cm_address_parse(cm_span(whole), &address, err);
	if (rc != CM_OK)
		return rc;
	canonical = cm_address_local(&address);
	pattern->local = cm_arena_dup(arena, canonical.p, canonical.n);
	if (pattern->local == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	return CM_OK;
}

int cm_sender_pattern_parse(struct cm_span text, struct cm_arena *arena,
			    struct cm_sender_pattern *ret_pattern,
			    struct cm_error *err)
{
	struct cm_sender_pattern pattern = {"", NULL, false};
	struct cm_span local = text, domain;
	int rc;

	while (local.n > 0 && local.p[local.n - 1] != '@')
		local.n--;
	if (local.n == 0)
		return cm_fail(err, CM_ECONFIG,
			       "\"%.*s\" has no \"@\" (write news@domain, "
			       "news+*@domain or @domain)",
			       (int)text.n, text.p);
	domain = cm_span_n(local.p + local.n, text.n - local.n);
	local.n--;
	rc = cm_domain_parse(domain, arena, &pattern.domain, err);
	if (rc == CM_OK && local.n > 0) {
		if (local.n > 2 &&
		    memcmp(local.p + local.n - 2, "+*", 2) == 0) {
			pattern.any_tag = true;
			local.n -= 2;
		}
		rc = parse_local(local, domain, arena, &pattern, err);
	}
	if (rc != CM_OK) {
		cm_error_prefix(err, "\"%.*s\": ", (int)text.n, text.p);
		return rc;
	}
	*ret_pattern = pattern;
	return CM_OK;
}

/* local is base itself, or base with a "+tag". */
static bool has_tag_of(struct cm_span local, struct cm_span base)
{
	if (local.n < base.n || memcmp(local.p, base.p, base.n) != 0)
		return false;
	return local.n == base.n || local.p[base.n] == '+';
}

static bool local_matches(const struct cm_sender_pattern *pattern,
			  struct cm_span local)
{
	struct cm_span base = cm_span(pattern->local);

	if (base.n == 0)
		return true;
	return pattern->any_tag ? has_tag_of(local, base)
				: cm_span_eq(local, base);
}

bool cm_sender_pattern_has(const struct cm_sender_pattern *pattern,
			   const struct cm_address *address)
{
	return cm_span_eq(cm_address_domain(address),
			  cm_span(pattern->domain)) &&
	       local_matches(pattern, cm_address_local(address));
}

bool cm_sender_pattern_overlaps(const struct cm_sender_pattern *a,
				const struct cm_sender_pattern *b)
{
	struct cm_span la = cm_span(a->local), lb = cm_span(b->local);

	if (strcmp(a->domain, b->domain) != 0)
		return false;
	/* What each writes itself is a member of it; with "+*" on both, the
	 * longer base is a member of the other or they share nothing. */
	return la.n == 0 || lb.n == 0 || local_matches(a, lb) ||
	       local_matches(b, la);
}

/* ---- networks ------------------------------------------------------------ */

static void mask(uint8_t addr[16], unsigned prefix)
{
	unsigned i;

	for (i = 0; i < 16; i++) {
		unsigned bits = prefix > 8 * i ? prefix - 8 * i : 0;

		if (bits < 8)
			addr[i] &= (uint8_t)(0xff00U >> bits);
	}
}

/* Both as wide as a prefix: the same network? */
static bool same(const uint8_t a[16], const uint8_t b[16], unsigned prefix)
{
	uint8_t left[16], right[16];

	memcpy(left, a, 16);
	memcpy(right, b, 16);
	mask(left, prefix);
	mask(right, prefix);
	return memcmp(left, right, 16) == 0;
}

/* ret_bits: how wide a prefix may be. */
static int parse_ip(const char *text, uint8_t ret_addr[16], unsigned *ret_bits)
{
	static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (inet_pton(AF_INET6, text, ret_addr) == 1) {
		*ret_bits = V6_BITS;
		return CM_OK;
	}
	if (inet_pton(AF_INET, text, ret_addr + 12) == 1) {
		memcpy(ret_addr, v4_mapped, sizeof(v4_mapped));
		*ret_bits = V4_BITS;
		return CM_OK;
	}
	return CM_EDATA;
}

int cm_network_parse(struct cm_span text, struct cm_network *ret_network,
		     struct cm_error *err)
{
	struct cm_network network = {.prefix = V6_BITS};
	char ip[CIDR_MAX];
	const char *slash = text.n > 0 ? memchr(text.p, '/', text.n) : NULL;
	size_t n = slash == NULL ? text.n : (size_t)(slash - text.p);
	unsigned bits;
	uint64_t prefix;

	if (text.n >= sizeof(ip))
		return cm_fail(err, CM_ECONFIG, "too long for a network");
	snprintf(ip, sizeof(ip), "%.*s", (int)n, text.p);
	if (parse_ip(ip, network.addr, &bits) != CM_OK)
		return cm_fail(err, CM_ECONFIG,
			       "\"%.*s\" is not an address or network (write "
			       "192.0.2.0/24 or 2001:db8::/32)",
			       (int)text.n, text.p);
	if (slash != NULL) {
		if (cm_parse_u64(cm_span_n(slash + 1, text.n - n - 1), bits,
				 &prefix) != CM_OK)
			return cm_fail(err, CM_ECONFIG,
				       "\"%.*s\": the number after \"/\" must "
				       "be from 0 to %u",
				       (int)text.n, text.p, bits);
		network.prefix =
			(unsigned)prefix + (bits == V4_BITS ? V4_MAPPED : 0);
	}
	if (slash != NULL) {
		uint8_t whole[16];

		memcpy(whole, network.addr, 16);
		mask(network.addr, network.prefix);
		if (memcmp(whole, network.addr, 16) != 0)
			return cm_fail(err, CM_ECONFIG,
				       "\"%.*s\" is not the first address of "
				       "its network",
				       (int)text.n, text.p);
	}
	*ret_network = network;
	return CM_OK;
}

bool cm_network_overlaps(const struct cm_network *a, const struct cm_network *b)
{
	return same(a->addr, b->addr,
		    a->prefix < b->prefix ? a->prefix : b->prefix);
}

bool cm_network_has(const struct cm_network *networks, size_t count,
		    const uint8_t addr[16])
{
	size_t i;

	for (i = 0; i < count; i++)
		if (same(networks[i].addr, addr, networks[i].prefix))
			return true;
	return false;
}

/* ---- headers ------------------------------------------------------------- */

/* RFC 5322, 3.6.8: printable ASCII but ":". */
static bool is_header_name(struct cm_span name)
{
	size_t i;

	for (i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~' || name.p[i] == ':')
			return false;
	return name.n > 0;
}

int cm_header_pattern_parse(struct cm_span text, struct cm_arena *arena,
			    struct cm_header_pattern *ret_pattern,
			    struct cm_error *err)
{
	struct cm_header_pattern pattern;
	const char *colon = text.n > 0 ? memchr(text.p, ':', text.n) : NULL;
	size_t n = colon == NULL ? 0 : (size_t)(colon - text.p);
	struct cm_span value;

	if (!is_header_name(cm_span_n(text.p, n)))
		return cm_fail(err, CM_ECONFIG,
			       "\"%.*s\" is not a header and its value (write "
			       "\"X-Campaign: summer\" or \"X-Campaign: *\")",
			       (int)text.n, text.p);
	value = cm_span_trim(cm_span_n(colon + 1, text.n - n - 1));
	if (value.n == 0)
		return cm_fail(err, CM_ECONFIG,
			       "\"%.*s\" has no value (\"*\" is any)",
			       (int)text.n, text.p);
	pattern.name = cm_arena_dup(arena, text.p, n);
	pattern.value = cm_arena_dup(arena, value.p, value.n);
	if (pattern.name == NULL || pattern.value == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	*ret_pattern = pattern;
	return CM_OK;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Step over one octet, or over a run of blanks as if it were one SP. */
static char next_folded(struct cm_span *rest)
{
	char c = *rest->p;

	rest->p++;
	rest->n--;
	if (!is_blank(c))
		return cm_ascii_lower(c);
	while (rest->n > 0 && is_blank(*rest->p)) {
		rest->p++;
		rest->n--;
	}
	return ' ';
}

static bool same_value(struct cm_span a, struct cm_span b)
{
	a = cm_span_trim(a);
	b = cm_span_trim(b);
	while (a.n > 0 && b.n > 0)
		if (next_folded(&a) != next_folded(&b))
			return false;
	return a.n == 0 && b.n == 0;
}

/* RFC 2919, 6: only what stands in the brackets of a List-Id counts; who
 * writes a pattern may leave them out. */
static struct cm_span list_id(struct cm_span value)
{
	size_t start;

	value = cm_span_trim(value);
	if (value.n == 0 || value.p[value.n - 1] != '>')
		return value;
	for (start = value.n - 1; start > 0; start--)
		if (value.p[start - 1] == '<')
			break;
	return cm_span_n(value.p + start, value.n - 1 - start);
}

bool cm_header_pattern_has(const struct cm_header_pattern *pattern,
			   struct cm_span name, struct cm_span value)
{
	if (!cm_span_is(name, pattern->name))
		return false;
	if (strcmp(pattern->value, "*") == 0)
		return true;
	if (cm_span_is(name, "List-Id"))
		return same_value(list_id(value),
				  list_id(cm_span(pattern->value)));
	return same_value(value, cm_span(pattern->value));
}
