/* See way_out.h. */
#define _GNU_SOURCE /* memmem */
#include "milter/way_out.h"

#include <string.h>

int cm_way_out_ref(struct cm_hmac *hmac, struct cm_span queue_id, int64_t now,
		   uint8_t out[CM_MESSAGE_REF_LEN])
{
	uint8_t digest[CM_SHA256_LEN];
	/* The time, because short queue ids are used again. */
	const struct cm_span parts[] = {
		{(const char *)&now, sizeof(now)},
		queue_id,
	};
	int rc = cm_hmac(hmac, parts, 2, digest);

	if (rc == CM_OK)
		memcpy(out, digest, CM_MESSAGE_REF_LEN);
	return rc;
}

/* The token of the first of our own links in a List-Unsubscribe. */
static bool find_token(const struct cm_config *config, struct cm_span value,
		       struct cm_span *ret_token)
{
	struct cm_span base = cm_span(config->web_base_url);
	const size_t path = strlen(CM_WAY_OUT_PATH "/");
	const char *p;

	for (p = value.p; value.n > 0; p++, value.n--) {
		if (*p != '<' || value.n < 1 + base.n + path + CM_TOKEN_URL_LEN)
			continue;
		if (memcmp(p + 1, base.p, base.n) != 0 ||
		    memcmp(p + 1 + base.n, CM_WAY_OUT_PATH "/", path) != 0)
			continue;
		*ret_token = cm_span_n(p + 1 + base.n + path, CM_TOKEN_URL_LEN);
		return true;
	}
	return false;
}

static bool is_theirs(const struct cm_token *token, const struct cm_id *contact,
		      const struct cm_purpose *purpose)
{
	return token->has_message &&
	       memcmp(&token->contact, contact, sizeof(token->contact)) == 0 &&
	       memcmp(token->purpose, purpose->id, sizeof(token->purpose)) == 0;
}

void cm_way_out_reuse(struct cm_way_out_request *request,
		      const struct cm_facts_header *headers, size_t count)
{
	struct cm_token token;
	struct cm_span text;
	size_t i;

	if (request->contact == NULL || request->config->web_base_url == NULL)
		return;
	for (i = 0; i < count; i++) {
		if (!cm_span_is(headers[i].name, "List-Unsubscribe") ||
		    !find_token(request->config, headers[i].value, &text) ||
		    cm_token_read(request->keys, CM_KEY_HEADER, text, &token) !=
			    CM_OK ||
		    !is_theirs(&token, request->contact, request->purpose))
			continue;
		memcpy(request->message, token.message,
		       sizeof(request->message));
		request->now = token.day * CM_DAY_MS;
		request->header_token = text;
		return;
	}
}

static int link_to(const struct cm_way_out_request *request,
		   struct cm_span token, struct cm_arena *arena,
		   const char **ret_uri, struct cm_error *err)
{
	const char *uri = cm_arena_printf(arena, "%s" CM_WAY_OUT_PATH "/%.*s",
					  request->config->web_base_url,
					  (int)token.n, token.p);

	if (uri == NULL)
		return cm_fail(err, CM_ELIMIT, "the message's memory is full");
	*ret_uri = uri;
	return CM_OK;
}

static int token_uri(const struct cm_way_out_request *request,
		     enum cm_key_kind kind, struct cm_arena *arena,
		     const char **ret_uri, struct cm_error *err)
{
	struct cm_token token = {
		.kind = kind,
		.contact = *request->contact,
		.day = (uint16_t)(request->now / CM_DAY_MS),
		.has_message = true,
	};
	char text[CM_TOKEN_URL_LEN + 1];
	int rc;

	memcpy(token.purpose, request->purpose->id, sizeof(token.purpose));
	memcpy(token.message, request->message, sizeof(token.message));
	rc = cm_token_url(request->keys, &token, text, err);
	if (rc != CM_OK)
		return rc;
	return link_to(request, cm_span(text), arena, ret_uri, err);
}

int cm_way_out_make(const struct cm_way_out_request *request,
		    struct cm_arena *arena, struct cm_way_out *ret_way_out,
		    struct cm_error *err)
{
	struct cm_way_out out = {NULL, NULL, false, NULL};
	int rc;

	if (request->config->web_base_url == NULL) {
		*ret_way_out = out;
		return CM_OK;
	}
	if (request->contact == NULL) {
		out.https = cm_arena_printf(arena, "%s" CM_WAY_OUT_PATH,
					    request->config->web_base_url);
		if (out.https == NULL)
			return cm_fail(err, CM_ELIMIT,
				       "the message's memory is full");
		out.footer_link = out.https;
		*ret_way_out = out;
		return CM_OK;
	}
	rc = request->header_token.n > 0
		     ? link_to(request, request->header_token, arena,
			       &out.https, err)
		     : token_uri(request, CM_KEY_HEADER, arena, &out.https,
				 err);
	if (rc == CM_OK)
		rc = token_uri(request, CM_KEY_FOOTER, arena, &out.footer_link,
			       err);
	if (rc != CM_OK)
		return rc;
	out.one_click = true;
	*ret_way_out = out;
	return CM_OK;
}

/* ---- shown already ----------------------------------------------------- */

/* Entities and brackets follow a link; they are not of it. */
static bool is_link_char(char c)
{
	return cm_ascii_alpha(c) || cm_ascii_digit(c) ||
	       (c != '\0' && strchr("-_~/#[]@$+=%", c) != NULL);
}

/* What a sentence puts behind a link belongs to neither. */
static bool link_ends(struct cm_span rest)
{
	while (rest.n > 0 && *rest.p != '\0' &&
	       strchr(".,;:!?)'*", *rest.p) != NULL) {
		rest.p++;
		rest.n--;
	}
	return rest.n == 0 || !is_link_char(*rest.p);
}

/* rest: what follows web.base-url in the text. */
static bool is_own_link(const struct cm_edit_request *request,
			struct cm_span rest)
{
	const size_t path = strlen(CM_WAY_OUT_PATH "/");
	const size_t n = path + CM_TOKEN_URL_LEN;
	struct cm_token token;

	return rest.n >= n && memcmp(rest.p, CM_WAY_OUT_PATH "/", path) == 0 &&
	       link_ends(cm_span_n(rest.p + n, rest.n - n)) &&
	       cm_token_read(request->keys, CM_KEY_FOOTER,
			     cm_span_n(rest.p + path, CM_TOKEN_URL_LEN),
			     &token) == CM_OK &&
	       is_theirs(&token, request->contact, request->purpose);
}

bool cm_way_out_is_shown(const struct cm_edit_request *request,
			 const char *link, struct cm_span text)
{
	bool personal = request->keys != NULL && request->contact != NULL &&
			request->config->web_base_url != NULL;
	struct cm_span wanted =
		cm_span(personal ? request->config->web_base_url : link);
	const char *at;

	while (text.n > 0 &&
	       (at = memmem(text.p, text.n, wanted.p, wanted.n)) != NULL) {
		text.n -= (size_t)(at - text.p) + wanted.n;
		text.p = at + wanted.n;
		if (personal ? is_own_link(request, text) : link_ends(text))
			return true;
	}
	return false;
}
