/* See way_out.h. */
#include "milter/way_out.h"

#include <string.h>

int cm_way_out_ref(struct cm_span queue_id, int64_t now,
		   uint8_t out[CM_MESSAGE_REF_LEN])
{
	uint8_t digest[CM_SHA256_LEN];
	/* The time, because short queue ids are used again. */
	const struct cm_span parts[] = {
		{(const char *)&now, sizeof(now)},
		queue_id,
	};
	int rc = cm_sha256_parts(parts, 2, digest);

	if (rc == CM_OK)
		memcpy(out, digest, CM_MESSAGE_REF_LEN);
	return rc;
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
	const char *uri;
	int rc;

	memcpy(token.purpose, request->purpose->id, sizeof(token.purpose));
	memcpy(token.message, request->message, sizeof(token.message));
	rc = cm_token_url(request->keys, &token, text, err);
	if (rc != CM_OK)
		return rc;
	uri = cm_arena_printf(arena, "%s" CM_WAY_OUT_PATH "/%s",
			      request->config->web_base_url, text);
	if (uri == NULL)
		return cm_fail(err, CM_ELIMIT, "the message's memory is full");
	*ret_uri = uri;
	return CM_OK;
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
	rc = token_uri(request, CM_KEY_HEADER, arena, &out.https, err);
	if (rc == CM_OK)
		rc = token_uri(request, CM_KEY_FOOTER, arena, &out.footer_link,
			       err);
	if (rc != CM_OK)
		return rc;
	out.one_click = true;
	*ret_way_out = out;
	return CM_OK;
}
