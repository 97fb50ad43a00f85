/* See leaf.h. */
#define _GNU_SOURCE /* memmem */
#include "milter/leaf.h"

#include <string.h>

#include "milter/codec.h"
#include "milter/display.h"
#include "milter/html_end.h"
#include "milter/way_out.h"

/* ---- reading ----------------------------------------------------------- */

/* RFC 2046, 4.1.2; no charset is us-ascii (RFC 2045, 5.2). */
static bool read_charset(struct cm_leaf *leaf, const struct cm_mime_part *part)
{
	leaf->charset = cm_charset_find(
		part->charset.p != NULL ? part->charset : cm_span("us-ascii"));
	return leaf->charset != NULL;
}

/* RFC 3676, 4.1 and 4.2: other formats are unknown, so nobody's to edit. */
static bool read_format(struct cm_leaf *leaf, const struct cm_mime_part *part)
{
	leaf->flowed = cm_span_is(part->format, "flowed");
	return leaf->html || leaf->flowed || part->format.p == NULL ||
	       cm_span_is(part->format, "fixed");
}

static const char *read_type(struct cm_leaf *leaf,
			     const struct cm_mime_part *part)
{
	if (part->unsure != NULL)
		return part->unsure;
	if (part->cte == CM_CTE_OTHER)
		return "encoding";
	if (!read_charset(leaf, part))
		return "charset";
	return read_format(leaf, part) ? NULL : "format";
}

static int decode(struct cm_leaf *leaf, const struct cm_mime_part *part,
		  const char **ret_why)
{
	int rc;

	leaf->cte = part->cte;
	if (cm_cte_is_plain(part->cte)) {
		leaf->has_8bit =
			!cm_ascii_only(leaf->encoded.p, leaf->encoded.n);
		leaf->octets = leaf->encoded;
		return CM_OK;
	}
	rc = cm_decode(part->cte, leaf->encoded, &leaf->decoded);
	if (rc == CM_EDATA) {
		*ret_why = "encoding";
		return CM_OK;
	}
	leaf->octets =
		cm_span_n(cm_buf_text(&leaf->decoded), leaf->decoded.len);
	return rc;
}

/* ---- the charset ------------------------------------------------------- */

static bool begins(struct cm_span text, const char *with)
{
	size_t n = strlen(with);

	return text.n >= n && memcmp(text.p, with, n) == 0;
}

/* What browsers take for UTF-16 whatever the label says. */
static bool begins_wide(struct cm_span text)
{
	return begins(text, "\xff\xfe") || begins(text, "\xfe\xff");
}

int cm_leaf_read_as_utf8(struct cm_leaf *leaf)
{
	int rc;

	cm_buf_init(&leaf->as_utf8, CM_LEAF_UTF8_MAX(leaf->octets.n));
	rc = cm_charset_decode(leaf->charset, leaf->octets, &leaf->as_utf8);
	if (rc == CM_OK)
		leaf->text = cm_span_n(cm_buf_text(&leaf->as_utf8),
				       leaf->as_utf8.len);
	return rc;
}

/* Octets below 128 are ASCII here, so a lie does no harm to a place. */
static int read_octets(struct cm_leaf *leaf, const char **ret_why)
{
	bool ascii = cm_ascii_only(leaf->octets.p, leaf->octets.n);
	int rc = CM_OK;

	if (ascii)
		return CM_OK;
	if (leaf->charset->kind == CM_CHARSET_ASCII) {
		leaf->guessed = cm_utf8_valid(leaf->octets.p, leaf->octets.n);
		leaf->lies = !leaf->guessed;
	} else if (leaf->charset->kind == CM_CHARSET_OCTET) {
		/* Browsers take this mark for the truth. */
		leaf->lies = begins(leaf->octets, "\xef\xbb\xbf");
	} else {
		rc = cm_leaf_read_as_utf8(leaf);
		leaf->lies = rc == CM_EDATA;
	}
	if (leaf->lies && begins_wide(leaf->octets))
		*ret_why = "charset";
	return rc == CM_EDATA ? CM_OK : rc;
}

/* RFC 1557: without its designator, Korean is read by some alone. */
static bool lacks_designator(const struct cm_leaf *leaf)
{
	struct cm_span text = leaf->octets;
	const char *so = text.n > 0 ? memchr(text.p, '\x0e', text.n) : NULL;

	return so != NULL && leaf->charset != NULL &&
	       strcmp(leaf->charset->name, "iso-2022-kr") == 0 &&
	       memmem(text.p, (size_t)(so - text.p), "\x1b$)C", 4) == NULL;
}

/* States, UTF-16: a place is found in the characters alone. */
static int read_characters(struct cm_leaf *leaf, const char **ret_why)
{
	int rc = CM_EDATA;

	leaf->charset = cm_charset_resolve(leaf->charset, leaf->octets);
	/* A line end of UTF-16 is none to SMTP. */
	if (leaf->charset != NULL && (leaf->charset->kind != CM_CHARSET_WIDE ||
				      !cm_cte_is_plain(leaf->cte)))
		rc = cm_leaf_read_as_utf8(leaf);
	/* U+FFFE: a mark of the other order; ESC: not everyone's sequence. */
	if (rc == CM_EDATA || begins(leaf->text, "\xef\xbf\xbe") ||
	    lacks_designator(leaf) ||
	    (leaf->text.n > 0 && memchr(leaf->text.p, '\x1b', leaf->text.n)))
		*ret_why = "charset";
	return rc == CM_EDATA ? CM_OK : rc;
}

static int read_characters_of(struct cm_leaf *leaf, const char **ret_why)
{
	leaf->text = leaf->octets;
	if (leaf->charset->kind == CM_CHARSET_UTF8) {
		leaf->lies = !cm_utf8_valid(leaf->octets.p, leaf->octets.n);
		if (leaf->lies && begins_wide(leaf->octets))
			*ret_why = "charset";
		return CM_OK;
	}
	return cm_charset_has_ascii(leaf->charset)
		       ? read_octets(leaf, ret_why)
		       : read_characters(leaf, ret_why);
}

/* ---- the place --------------------------------------------------------- */

static bool has(struct cm_span text, const char *what)
{
	return text.n > 0 && memmem(text.p, text.n, what, strlen(what)) != NULL;
}

static const char *read_text(struct cm_leaf *leaf)
{
	struct cm_html_end end;

	if (leaf->text.n > 0 &&
	    memchr(leaf->text.p, '\0', leaf->text.n) != NULL)
		return "binary";
	if (!leaf->html && has(leaf->text, "-----BEGIN PGP "))
		return "pgp";
	if (!leaf->html) {
		leaf->at = cm_footer_place(leaf->text);
		return NULL;
	}
	end = cm_html_end(leaf->text);
	leaf->at = end.at;
	leaf->lang = end.lang;
	return end.unsure;
}

/* Re-encoded anyway, so its own line ends may go on: LF, if no CRLF. */
static bool uses_lf(const struct cm_leaf *leaf, enum cm_cte cte)
{
	const char *nl;

	if (cte != CM_CTE_BASE64 || leaf->text.n == 0)
		return false;
	nl = memchr(leaf->text.p, '\n', leaf->text.n);
	return nl != NULL && (nl == leaf->text.p || nl[-1] != '\r');
}

int cm_leaf_read(const struct cm_edit_request *request,
		 const struct cm_mime *tree, size_t index,
		 struct cm_arena *arena, struct cm_leaf *leaf,
		 const char **ret_why)
{
	const struct cm_mime_part *part = &tree->parts[index];
	const char *link = request->way_out.footer_link;
	int rc;

	memset(leaf, 0, sizeof(*leaf));
	leaf->part = index;
	leaf->html = cm_display_is_html(part);
	leaf->encoded = cm_span_n(
		request->body.n > 0 ? request->body.p + part->body_at : "",
		part->end - part->body_at);
	cm_buf_init(&leaf->decoded, leaf->encoded.n + 1);
	*ret_why = read_type(leaf, part);
	if (*ret_why != NULL)
		return CM_OK;
	rc = decode(leaf, part, ret_why);
	if (rc == CM_OK && *ret_why == NULL)
		rc = read_characters_of(leaf, ret_why);
	if (rc != CM_OK || *ret_why != NULL)
		return rc;
	*ret_why = read_text(leaf);
	leaf->lf = uses_lf(leaf, part->cte);
	leaf->done = cm_way_out_is_shown(request, link, leaf->text);
	if (leaf->html && !leaf->done && strchr(link, '&') != NULL) {
		link = cm_footer_link_html(link, arena);
		if (link == NULL)
			return CM_ENOMEM;
		leaf->done = cm_way_out_is_shown(request, link, leaf->text);
	}
	return CM_OK;
}

void cm_leaf_free(struct cm_leaf *leaf)
{
	cm_buf_free(&leaf->decoded);
	cm_buf_free(&leaf->as_utf8);
}

void cm_leaf_forget_text(struct cm_leaf *leaf)
{
	cm_leaf_free(leaf);
	leaf->octets = cm_span_n(NULL, 0);
	leaf->text = cm_span_n(NULL, 0);
}
