/*
 * See proof.h.  The second reader: GMime's parser and decoders read the
 * result, and what they find is compared with what ours made of the original.
 * The original is given to GMime only where it looks deeper than we do, into
 * a message within the message: that must then be the same to it.
 */
#include <string.h>

#include <gmime/gmime.h>

#include "milter/codec.h"
#include "milter/proof.h"

enum {
	CHUNK = 16 * 1024,
};

struct walk {
	const struct cm_proof *proof;
	char **digests; /* by part: of messages, from the old body */
	bool after;     /* reading the new one */
	size_t next;    /* part */
	const char *why;
};

static bool disagree(struct walk *w, const char *why)
{
	if (w->why == NULL)
		w->why = why;
	return false;
}

static bool same_word(const char *theirs, struct cm_span ours,
		      const char *otherwise)
{
	if (ours.n == 0)
		ours = cm_span(otherwise);
	return cm_span_is(ours, theirs != NULL ? theirs : "");
}

static bool same_type(GMimeObject *object, const struct cm_mime_part *part)
{
	GMimeContentType *type = g_mime_object_get_content_type(object);

	return same_word(g_mime_content_type_get_media_type(type), part->type,
			 "text") &&
	       same_word(g_mime_content_type_get_media_subtype(type),
			 part->subtype, "plain");
}

static const struct cm_proof_leaf *find_leaf(const struct walk *w, size_t part)
{
	size_t i;

	for (i = 0; i < w->proof->nleaves; i++)
		if (w->proof->leaves[i].part == part)
			return &w->proof->leaves[i];
	return NULL;
}

/* ---- what GMime is given --------------------------------------------- */

/* A header line that is none (LF before no blank) must stay one line. */
static void add_value(GByteArray *out, struct cm_span value)
{
	size_t i;

	for (i = 0; i < value.n; i++) {
		char c = value.p[i];

		/* A line end already. */
		if (c == '\r' && i + 1 < value.n && value.p[i + 1] == '\n')
			continue;
		if (c == '\r' || c == '\0' ||
		    (c == '\n' && i + 1 < value.n && value.p[i + 1] != ' ' &&
		     value.p[i + 1] != '\t'))
			c = ' ';
		if (c == '\n' && i + 1 == value.n)
			break;
		if (c == '\n')
			g_byte_array_append(out, (const guint8 *)"\r", 1);
		g_byte_array_append(out, (const guint8 *)&c, 1);
	}
}

static void add_text(GByteArray *out, struct cm_span text)
{
	g_byte_array_append(out, (const guint8 *)text.p, (guint)text.n);
}

/* Others say nothing of the body, and broken ones stop GMime's parser. */
static bool is_mime_field(struct cm_span name)
{
	size_t i;

	for (i = 0; i < name.n; i++)
		if (name.p[i] <= ' ' || name.p[i] > '~' || name.p[i] == ':')
			return false;
	return cm_span_starts(name, "Content-") ||
	       cm_span_is(name, "MIME-Version");
}

static GByteArray *whole_message(const struct cm_facts_header *headers,
				 size_t nheaders, struct cm_span body)
{
	GByteArray *out = g_byte_array_sized_new((guint)body.n + 4096);
	size_t i;

	for (i = 0; i < nheaders; i++) {
		if (!is_mime_field(headers[i].name))
			continue;
		add_text(out, headers[i].name);
		add_text(out, cm_span(": "));
		add_value(out, headers[i].value);
		add_text(out, cm_span("\r\n"));
	}
	add_text(out, cm_span("\r\n"));
	add_text(out, body);
	return out;
}

/* ---- fields ------------------------------------------------------------ */

/* The next field of a header as it stands, its last line end included. */
static bool next_field(struct cm_span *rest, struct cm_span *ret_name,
		       struct cm_span *ret_value)
{
	const char *end = rest->p + rest->n;
	const char *p = rest->p;
	const char *colon = rest->n > 0 ? memchr(p, ':', rest->n) : NULL;

	if (colon == NULL)
		return false;
	do {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		p = nl != NULL ? nl + 1 : end;
	} while (p < end && (*p == ' ' || *p == '\t'));
	if (colon >= p)
		return false;
	*ret_name = cm_span_trim(cm_span_n(rest->p, (size_t)(colon - rest->p)));
	*ret_value = cm_span_n(colon + 1, (size_t)(p - colon - 1));
	rest->n = (size_t)(end - p);
	rest->p = p;
	return true;
}

/* RMIME-10. */
static bool is_measure(struct cm_span name)
{
	return cm_span_is(name, "Content-MD5") ||
	       cm_span_is(name, "Content-Length") || cm_span_is(name, "Lines");
}

static bool is_upgraded_field(struct cm_span name)
{
	return cm_span_is(name, "Content-Type") ||
	       cm_span_is(name, "Content-Transfer-Encoding");
}

/* What an upgrade writes anew has whole lines, too. */
static bool has_whole_lines(const char *raw)
{
	const char *p;

	for (p = raw; *p != '\0'; p++)
		if ((*p == '\r') != (p[1] == '\n'))
			return false;
		else if (*p == '\r')
			p++;
	return true;
}

static bool is_one_word(const char *raw)
{
	struct cm_span word = cm_span_trim(cm_span(raw));

	return word.n > 0 && strcspn(word.p, " \t\r\n;(") >= word.n;
}

/* What an upgrade wrote is there once. */
static bool fields_are_upgraded(GMimeHeaderList *list)
{
	unsigned types = 0;
	unsigned encodings = 0;
	int i;

	for (i = 0; i < g_mime_header_list_get_count(list); i++) {
		GMimeHeader *header = g_mime_header_list_get_header_at(list, i);
		struct cm_span name = cm_span(g_mime_header_get_name(header));

		if (!is_upgraded_field(name))
			continue;
		if (!has_whole_lines(g_mime_header_get_raw_value(header)))
			return false;
		if (cm_span_is(name, "Content-Type")) {
			types++;
		} else {
			encodings++;
			if (!is_one_word(g_mime_header_get_raw_value(header)))
				return false;
		}
	}
	return types == 1 && encodings <= 1;
}

/* How a part's header may differ from what it was. */
struct upgraded {
	bool measured; /* then what measured it is gone */
	bool is;
	bool moved; /* the message's own, where an MTA puts ours first */
	bool had_type;
	bool had_encoding;
};

static bool is_passed_over(const struct upgraded *upgraded, struct cm_span name)
{
	if (!upgraded->is)
		return false;
	if (cm_span_is(name, "Content-Type"))
		return upgraded->moved || !upgraded->had_type;
	if (cm_span_is(name, "Content-Transfer-Encoding"))
		return upgraded->moved || !upgraded->had_encoding;
	return false;
}

/* GMime's fields, one after the other. */
struct their_fields {
	GMimeHeaderList *list;
	int at;
	bool begun; /* what an upgrade adds stands before all others */
};

static GMimeHeader *their_next(struct their_fields *theirs,
			       const struct upgraded *upgraded)
{
	while (theirs->at < g_mime_header_list_get_count(theirs->list)) {
		GMimeHeader *header = g_mime_header_list_get_header_at(
			theirs->list, theirs->at++);

		if ((theirs->begun && !upgraded->moved) ||
		    !is_passed_over(upgraded,
				    cm_span(g_mime_header_get_name(header)))) {
			theirs->begun = true;
			return header;
		}
	}
	return NULL;
}

/* Its header is what it was, field by field. */
static bool same_fields(struct cm_span was, GMimeObject *object,
			const struct upgraded *upgraded)
{
	struct their_fields theirs = {g_mime_object_get_header_list(object), 0,
				      false};
	struct cm_span name, value;

	if (upgraded->is && !fields_are_upgraded(theirs.list))
		return false;
	while (next_field(&was, &name, &value)) {
		GMimeHeader *is;

		if (upgraded->measured && is_measure(name))
			continue;
		/* GMime keeps the message's with the message. */
		if ((upgraded->moved && cm_span_is(name, "MIME-Version")) ||
		    is_passed_over(upgraded, name))
			continue;
		is = their_next(&theirs, upgraded);
		if (is == NULL ||
		    !cm_span_eq(cm_span(g_mime_header_get_name(is)), name))
			return false;
		if ((!upgraded->is || !is_upgraded_field(name)) &&
		    !cm_span_eq(cm_span(g_mime_header_get_raw_value(is)),
				value))
			return false;
	}
	return their_next(&theirs, upgraded) == NULL;
}

static bool holds_edited(const struct walk *w, size_t part)
{
	size_t i;

	for (i = 0; i < w->proof->nleaves; i++)
		if (cm_mime_is_within(w->proof->tree, w->proof->leaves[i].part,
				      part))
			return true;
	return false;
}

static bool check_fields(struct walk *w, size_t index, GMimeObject *object)
{
	const struct cm_mime_part *part = &w->proof->tree->parts[index];
	const struct cm_proof_leaf *leaf = find_leaf(w, index);
	const struct upgraded upgraded = {
		holds_edited(w, index),
		leaf != NULL && leaf->upgraded,
		index == 0,
		part->type.n > 0,
		part->has_cte,
	};
	GByteArray *head;
	bool ok;

	if (index != 0) {
		ok = same_fields(cm_span_n(w->proof->before.p + part->head_at,
					   part->body_at - part->head_at),
				 object, &upgraded);
	} else {
		head = whole_message(w->proof->headers, w->proof->nheaders,
				     cm_span(""));
		ok = same_fields(cm_span_n((const char *)head->data, head->len),
				 object, &upgraded);
		g_byte_array_free(head, TRUE);
	}
	return ok || disagree(w, "fields");
}

static bool same_parameter(GMimeParam *a, GMimeParam *b)
{
	return g_ascii_strcasecmp(g_mime_param_get_name(a),
				  g_mime_param_get_name(b)) == 0 &&
	       g_strcmp0(g_mime_param_get_value(a),
			 g_mime_param_get_value(b)) == 0;
}

static GMimeParam *next_parameter(GMimeParamList *list, int *at,
				  unsigned *charsets)
{
	while (*at < g_mime_param_list_length(list)) {
		GMimeParam *param =
			g_mime_param_list_get_parameter_at(list, (*at)++);

		if (g_ascii_strcasecmp(g_mime_param_get_name(param),
				       "charset") != 0)
			return param;
		(*charsets)++;
	}
	return NULL;
}

/* Pitfall 18: an upgrade keeps every parameter but the charset. */
static bool check_parameters(struct walk *w, const struct cm_mime_part *part,
			     GMimeObject *object)
{
	char *text = part->type.n > 0
			     ? g_strndup(part->type_field.p, part->type_field.n)
			     : g_strdup("text/plain");
	GMimeContentType *type = g_mime_content_type_parse(NULL, text);
	GMimeParamList *was = g_mime_content_type_get_parameters(type);
	GMimeParamList *is = g_mime_content_type_get_parameters(
		g_mime_object_get_content_type(object));
	int at_was = 0;
	int at_is = 0;
	unsigned had = 0;
	unsigned has = 0;
	GMimeParam *a, *b;

	do {
		a = next_parameter(was, &at_was, &had);
		b = next_parameter(is, &at_is, &has);
	} while (a != NULL && b != NULL && same_parameter(a, b));
	g_object_unref(type);
	g_free(text);
	return (a == NULL && b == NULL && has == 1) ||
	       disagree(w, "parameters");
}

/* ---- leaves ------------------------------------------------------------ */

static bool stream_is(GMimeStream *stream, struct cm_span wanted)
{
	char chunk[CHUNK];
	size_t at = 0;
	ssize_t n;

	if (g_mime_stream_reset(stream) != 0)
		return false;
	while ((n = g_mime_stream_read(stream, chunk, sizeof(chunk))) > 0) {
		if ((size_t)n > wanted.n - at ||
		    memcmp(chunk, wanted.p + at, (size_t)n) != 0)
			return false;
		at += (size_t)n;
	}
	return n == 0 && at == wanted.n;
}

static bool is_inserted(struct cm_span old, struct cm_span new,
			struct cm_span piece, size_t at)
{
	size_t rest = old.n - at;

	if (at > old.n || new.n != old.n + piece.n)
		return false;
	return cm_span_eq(cm_span_n(new.p, at), cm_span_n(old.p, at)) &&
	       cm_span_eq(cm_span_n(new.p + at, piece.n), piece) &&
	       (rest == 0 ||
		memcmp(new.p + new.n - rest, old.p + at, rest) == 0);
}

/* GMime's text of the result is ours of the original, and the piece. */
static bool is_as_claimed(struct walk *w, const struct cm_proof_leaf *leaf,
			  struct cm_span raw, struct cm_span new)
{
	enum cm_cte cte = w->proof->tree->parts[leaf->part].cte;
	bool converted = leaf->reading == CM_PROOF_CONVERTED;
	struct cm_span old = leaf->text;
	struct cm_buf decoded;
	bool ok = true;

	cm_buf_init(&decoded, 4 * raw.n + 16);
	if (old.p == NULL) {
		ok = (converted ? cm_proof_old_utf8(leaf, cte, raw, &decoded)
				: cm_decode(cte, raw, &decoded)) == CM_OK;
		old = cm_span_n(cm_buf_text(&decoded), decoded.len);
	}
	ok = ok &&
	     is_inserted(old, new, converted ? leaf->utf8_piece : leaf->piece,
			 converted ? leaf->utf8_at : leaf->at);
	cm_buf_free(&decoded);
	return ok || disagree(w, "text");
}

/* Text in UTF-8 as GMime reads this charset; NULL: it knows none such. */
static GByteArray *to_utf8(const struct cm_charset *charset,
			   struct cm_span text)
{
	GMimeFilter *filter = g_mime_filter_charset_new(charset->name, "utf-8");
	GByteArray *out;
	char *got;
	size_t n, prespace;

	if (filter == NULL)
		return NULL;
	out = g_byte_array_new();
	g_mime_filter_complete(filter, (char *)(uintptr_t)text.p, text.n, 0,
			       &got, &n, &prespace);
	g_byte_array_append(out, (const guint8 *)got, (guint)n);
	g_object_unref(filter);
	return out;
}

static struct cm_span bytes(const GByteArray *array)
{
	return cm_span_n((const char *)array->data, array->len);
}

/*
 * To GMime the result says what both sides of the original say by themselves,
 * and the footer between them.
 */
static bool reads_alike(struct walk *w, const struct cm_proof_leaf *leaf,
			struct cm_span new)
{
	size_t after = leaf->at + leaf->piece.n;
	const struct cm_span parts[] = {
		cm_span_n(new.p, leaf->at),
		cm_span_n(new.p + after, new.n - after),
		new,
	};
	GByteArray *texts[3];
	bool ok = true;
	size_t i;

	for (i = 0; i < 3; i++)
		texts[i] = to_utf8(leaf->charset_was, parts[i]);
	if (texts[0] != NULL) {
		struct cm_span old = bytes(texts[0]);
		size_t at = old.n;

		g_byte_array_append(texts[0], texts[1]->data, texts[1]->len);
		old = bytes(texts[0]);
		ok = is_inserted(old, bytes(texts[2]), leaf->utf8_piece, at);
	}
	for (i = 0; i < 3; i++)
		if (texts[i] != NULL)
			g_byte_array_unref(texts[i]);
	return ok || disagree(w, "charset");
}

static bool check_text(struct walk *w, const struct cm_proof_leaf *leaf,
		       struct cm_span raw, GMimeDataWrapper *content)
{
	GMimeStream *out = g_mime_stream_mem_new();
	GByteArray *text =
		g_byte_array_sized_new((guint)(raw.n + leaf->piece.n));
	bool ok;

	g_mime_stream_mem_set_byte_array((GMimeStreamMem *)out, text);
	ok = g_mime_data_wrapper_write_to_stream(content, out) >= 0 ||
	     disagree(w, "decode");
	g_object_unref(out);
	ok = ok &&
	     is_as_claimed(w, leaf, raw,
			   cm_span_n((const char *)text->data, text->len));
	if (ok &&
	    (leaf->reading == CM_PROOF_PIECE || leaf->reading == CM_PROOF_TEXT))
		ok = reads_alike(
			w, leaf,
			cm_span_n((const char *)text->data, text->len));
	g_byte_array_free(text, TRUE);
	return ok;
}

static size_t longest_line(const char *p, size_t n, size_t *line,
			   size_t longest)
{
	size_t i;

	for (i = 0; i < n; i++) {
		*line = p[i] == '\n' ? 0 : *line + (p[i] != '\r');
		if (*line > longest)
			longest = *line;
	}
	return longest;
}

/* As it goes over the wire: RFC 5322, 2.1.1 and RFC 6152. */
static bool check_octets(struct walk *w, const struct cm_proof_leaf *leaf,
			 struct cm_span raw, GMimeDataWrapper *content)
{
	GMimeStream *stream = g_mime_data_wrapper_get_stream(content);
	bool encoded = leaf->upgraded &&
		       leaf->cte != w->proof->tree->parts[leaf->part].cte;
	bool ascii = encoded || cm_ascii_only(raw.p, raw.n);
	size_t line = 0;
	size_t allowed = longest_line(raw.p, raw.n, &line, CM_PROOF_LINE_MAX);
	char chunk[CHUNK];
	ssize_t n;

	line = 0;
	if (g_mime_stream_reset(stream) != 0)
		return disagree(w, "content");
	while ((n = g_mime_stream_read(stream, chunk, sizeof(chunk))) > 0) {
		if (ascii && !cm_ascii_only(chunk, (size_t)n))
			return disagree(w, "8bit");
		if (longest_line(chunk, (size_t)n, &line, 0) > allowed)
			return disagree(w, "line");
	}
	return n == 0 || disagree(w, "content");
}

static bool check_edited(struct walk *w, const struct cm_proof_leaf *leaf,
			 struct cm_span raw, GMimePart *object)
{
	static const GMimeContentEncoding encodings[] = {
		[CM_CTE_7BIT] = GMIME_CONTENT_ENCODING_7BIT,
		[CM_CTE_8BIT] = GMIME_CONTENT_ENCODING_8BIT,
		[CM_CTE_QP] = GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE,
		[CM_CTE_BASE64] = GMIME_CONTENT_ENCODING_BASE64,
		[CM_CTE_OTHER] = GMIME_CONTENT_ENCODING_UUENCODE,
	};
	const struct cm_mime_part *part = &w->proof->tree->parts[leaf->part];
	bool upgraded = leaf->upgraded;
	enum cm_cte cte = upgraded ? leaf->cte : part->cte;
	const char *charset = g_mime_object_get_content_type_parameter(
		(GMimeObject *)object, "charset");
	GMimeContentEncoding encoding =
		g_mime_part_get_content_encoding(object);

	/* Of lines both mean the same: RFC 2045, 2.8 and 2.9. */
	if (encoding == GMIME_CONTENT_ENCODING_BINARY)
		encoding = GMIME_CONTENT_ENCODING_8BIT;
	if (!same_word(charset, upgraded ? leaf->charset : part->charset, ""))
		return disagree(w, "charset");
	/* Read by what its header says, not by what it said. */
	if (upgraded && leaf->reading != CM_PROOF_CONVERTED &&
	    leaf->reading != CM_PROOF_OCTETS)
		return disagree(w, "charset");
	if (upgraded && !check_parameters(w, part, (GMimeObject *)object))
		return false;
	if (encoding != encodings[cte] &&
	    (part->has_cte || cte != part->cte ||
	     encoding != GMIME_CONTENT_ENCODING_DEFAULT))
		return disagree(w, "encoding");
	return check_octets(w, leaf, raw, g_mime_part_get_content(object)) &&
	       check_text(w, leaf, raw, g_mime_part_get_content(object));
}

/* ---- parts ------------------------------------------------------------- */

static bool check_part(struct walk *w, size_t index, GMimePart *object)
{
	const struct cm_mime_part *part = &w->proof->tree->parts[index];
	const struct cm_proof_leaf *leaf = find_leaf(w, index);
	GMimeDataWrapper *content = g_mime_part_get_content(object);
	struct cm_span raw = cm_span_n(w->proof->before.p + part->body_at,
				       part->end - part->body_at);

	if (content == NULL)
		return raw.n == 0 && leaf == NULL ? true
						  : disagree(w, "content");
	if (leaf != NULL && w->after)
		return check_edited(w, leaf, raw, object);
	return stream_is(g_mime_data_wrapper_get_stream(content), raw) ||
	       disagree(w, "content");
}

/* GMime looks into a message; we do not: it must only be the same again. */
static bool check_message(struct walk *w, size_t index, GMimeObject *object)
{
	char *text = g_mime_object_to_string(object, NULL);
	char *digest = g_compute_checksum_for_string(
		G_CHECKSUM_SHA256, text != NULL ? text : "", -1);
	bool ok = true;

	g_free(text);
	if (!w->after) {
		w->digests[index] = digest;
		return true;
	}
	ok = w->digests[index] != NULL &&
	     strcmp(digest, w->digests[index]) == 0;
	g_free(digest);
	return ok || disagree(w, "message");
}

/* ---- the tree ---------------------------------------------------------- */

static bool check_object(struct walk *w, GMimeObject *object)
{
	size_t index = w->next++;
	const struct cm_mime_part *part;
	int i, n;

	if (index >= w->proof->tree->count || object == NULL)
		return disagree(w, "shape");
	part = &w->proof->tree->parts[index];
	if (!same_type(object, part))
		return disagree(w, "type");
	if (w->after && !check_fields(w, index, object))
		return false;
	if (GMIME_IS_MESSAGE_PART(object))
		return check_message(w, index, object);
	if (GMIME_IS_PART(object))
		return check_part(w, index, (GMimePart *)object);
	if (!GMIME_IS_MULTIPART(object) || !cm_mime_is_multipart(part))
		return disagree(w, "shape");
	n = g_mime_multipart_get_count((GMimeMultipart *)object);
	if ((size_t)n != part->children)
		return disagree(w, "shape");
	for (i = 0; i < n; i++)
		if (!check_object(w, g_mime_multipart_get_part(
					     (GMimeMultipart *)object, i)))
			return false;
	return true;
}

/* ---- reading ----------------------------------------------------------- */

/* NULL if there is none; the bytes are freed with it. */
static GMimeMessage *parse(GByteArray *bytes)
{
	GMimeStream *stream = g_mime_stream_mem_new_with_byte_array(bytes);
	GMimeParser *parser = g_mime_parser_new_with_stream(stream);
	GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);

	/* The stream frees the bytes, and lives as long as the message. */
	g_mime_stream_mem_set_owner((GMimeStreamMem *)stream, TRUE);
	g_object_unref(parser);
	g_object_unref(stream);
	return message;
}

static void check_body(struct walk *w, GByteArray *bytes)
{
	GMimeMessage *message = parse(bytes);

	w->next = 0;
	if (message == NULL)
		(void)disagree(w, "message");
	else if (check_object(w, g_mime_message_get_mime_part(message)) &&
		 w->next != w->proof->tree->count)
		(void)disagree(w, "shape");
	if (message != NULL)
		g_object_unref(message);
}

/*
 * g_mime_init() is not thread safe and sessions are threads, so it runs before
 * main(): there is no lock to keep, and no call for a program to forget.
 */
__attribute__((constructor)) static void start_gmime(void)
{
	g_mime_init();
}

static bool has_message(const struct cm_mime *tree)
{
	size_t i;

	for (i = 0; i < tree->count; i++)
		if (cm_span_is(tree->parts[i].type, "message"))
			return true;
	return false;
}

int cm_proof_gmime(const struct cm_proof *proof, const char **ret_why)
{
	struct walk w = {.proof = proof};
	size_t i;

	/* GLib counts in 32 bits; max-edit-size keeps us far below. */
	if (proof->after.n > G_MAXINT32 || proof->before.n > G_MAXINT32) {
		*ret_why = "size";
		return CM_OK;
	}
	w.digests = g_new0(char *, proof->tree->count);
	if (has_message(proof->tree))
		check_body(&w, whole_message(proof->headers, proof->nheaders,
					     proof->before));
	w.after = true;
	if (w.why == NULL)
		check_body(&w,
			   whole_message(proof->headers_after,
					 proof->nheaders_after, proof->after));
	for (i = 0; i < proof->tree->count; i++)
		g_free(w.digests[i]);
	g_free(w.digests);
	*ret_why = w.why;
	return CM_OK;
}

/* ---- wrapped ----------------------------------------------------------- */

static bool same_object(GMimeObject *was, GMimeObject *is)
{
	char *a = g_mime_object_to_string(was, NULL);
	char *b = g_mime_object_to_string(is, NULL);
	bool same = a != NULL && b != NULL && strcmp(a, b) == 0;

	g_free(a);
	g_free(b);
	return same;
}

static bool text_is(GMimeObject *object, struct cm_span wanted)
{
	GMimeDataWrapper *content;
	GMimeStream *out;
	GByteArray *text;
	bool is;

	if (!GMIME_IS_PART(object))
		return false;
	content = g_mime_part_get_content((GMimePart *)object);
	if (content == NULL)
		return false;
	out = g_mime_stream_mem_new();
	text = g_byte_array_new();
	g_mime_stream_mem_set_byte_array((GMimeStreamMem *)out, text);
	is = g_mime_data_wrapper_write_to_stream(content, out) >= 0 &&
	     cm_span_eq(cm_span_n((const char *)text->data, text->len), wanted);
	g_object_unref(out);
	g_byte_array_free(text, TRUE);
	return is;
}

static const char *check_wrapped(GMimeObject *was, GMimeObject *root,
				 struct cm_span footer)
{
	GMimeContentType *type;
	GMimeMultipart *mixed;

	if (was == NULL || !GMIME_IS_MULTIPART(root))
		return "shape";
	type = g_mime_object_get_content_type(root);
	mixed = (GMimeMultipart *)root;
	if (!g_mime_content_type_is_type(type, "multipart", "mixed") ||
	    g_mime_multipart_get_count(mixed) != 2)
		return "shape";
	if (!same_object(was, g_mime_multipart_get_part(mixed, 0)))
		return "other";
	return text_is(g_mime_multipart_get_part(mixed, 1), footer) ? NULL
								    : "text";
}

int cm_proof_wrap_gmime(const struct cm_proof *proof, struct cm_span footer,
			const char **ret_why)
{
	GMimeMessage *was;
	GMimeMessage *is;

	if (proof->after.n > G_MAXINT32) {
		*ret_why = "size";
		return CM_OK;
	}
	was = parse(
		whole_message(proof->headers, proof->nheaders, proof->before));
	is = parse(whole_message(proof->headers_after, proof->nheaders_after,
				 proof->after));
	if (was == NULL || is == NULL)
		*ret_why = "message";
	else
		*ret_why =
			check_wrapped(g_mime_message_get_mime_part(was),
				      g_mime_message_get_mime_part(is), footer);
	if (was != NULL)
		g_object_unref(was);
	if (is != NULL)
		g_object_unref(is);
	return CM_OK;
}
