/* See message.h. */
#include "milter/message.h"

#include <stdlib.h>
#include <string.h>

enum { CM_FIRST_ROOM = 16 };

int cm_message_new(struct cm_message **ret_message)
{
	struct cm_message *message = calloc(1, sizeof(*message));
	int rc;

	if (message == NULL)
		return CM_ENOMEM;
	rc = cm_arena_new(CM_MESSAGE_ARENA_MAX, &message->arena);
	if (rc != CM_OK) {
		free(message);
		return rc;
	}
	cm_buf_init(&message->body, 0);
	*ret_message = message;
	return CM_OK;
}

void cm_message_free(struct cm_message **message)
{
	if (*message == NULL)
		return;
	cm_buf_free(&(*message)->body);
	cm_arena_free(&(*message)->arena);
	free(*message);
	*message = NULL;
}

int cm_message_begin(struct cm_message *message, const char *sender,
		     uint64_t max_body)
{
	cm_message_end(message);
	message->body.max = max_body < SIZE_MAX ? (size_t)max_body : SIZE_MAX;
	message->sender = cm_arena_strdup(message->arena, sender);
	return message->sender != NULL ? CM_OK : CM_ENOMEM;
}

void cm_message_end(struct cm_message *message)
{
	struct cm_arena *arena = message->arena;
	struct cm_buf body = message->body;

	if (body.cap > CM_MESSAGE_BODY_KEEP)
		cm_buf_free(&body);
	cm_buf_reset(&body);
	cm_arena_reset(arena);
	memset(message, 0, sizeof(*message));
	message->arena = arena;
	message->body = body;
}

/* Room for one more of an array in the arena; false if there is none. */
static bool make_room(struct cm_arena *arena, void **items, size_t count,
		      size_t *room, size_t size)
{
	size_t more;
	void *bigger;

	if (count < *room)
		return true;
	more = *room > 0 ? *room * 2 : CM_FIRST_ROOM;
	bigger = cm_arena_array(arena, more, size);
	if (bigger == NULL)
		return false;
	if (count > 0)
		memcpy(bigger, *items, count * size);
	*items = bigger;
	*room = more;
	return true;
}

/* What no MTA takes apart before it keeps it. */
static bool is_plain(struct cm_span typed)
{
	size_t i;

	if (typed.n >= 2 && typed.p[0] == '<' && typed.p[typed.n - 1] == '>')
		typed = cm_span_n(typed.p + 1, typed.n - 2);
	for (i = 0; i < typed.n; i++)
		if (typed.p[i] <= ' ' || typed.p[i] > '~' ||
		    strchr("<>()[]:;,\\\"", typed.p[i]) != NULL)
			return false;
	return true;
}

/* Names only, so that every MTA sees the route's end where we do. */
static bool is_plain_route(const struct cm_recipient *rcpt)
{
	const char *route = rcpt->typed + (rcpt->typed[0] == '<');
	size_t n = strlen(rcpt->typed) - strlen(rcpt->kept);
	size_t i;

	for (i = 0; i + 1 < n; i++)
		if (!cm_ascii_alpha(route[i]) && !cm_ascii_digit(route[i]) &&
		    strchr("@,.-", route[i]) == NULL)
			return false;
	return true;
}

/*
 * An MTA makes sense of things like "<friends: u@d;>" and "<u@d>>" in its own
 * way, and then does not find "as typed" what it made of them: Postfix
 * delivered both.  What we can read ourselves it does find (mta.md, 1).
 */
static bool is_elusive(const struct cm_recipient *rcpt)
{
	struct cm_span kept = cm_span(rcpt->kept);
	struct cm_address address;

	if (rcpt->routed && !is_plain_route(rcpt))
		return true;
	return !is_plain(kept) &&
	       cm_address_parse(kept, &address, NULL) != CM_OK;
}

/* What follows the route of "<@a,@[IPv6:::1]:u@d>"; NULL if nothing does. */
static const char *behind_route(const char *typed)
{
	bool literal = false;

	for (; *typed != '\0'; typed++) {
		if (*typed == '[' || *typed == ']')
			literal = *typed == '[';
		else if (*typed == ':' && !literal)
			return typed + 1;
	}
	return NULL;
}

static const char *without_route(struct cm_arena *arena, const char *typed)
{
	const char *mailbox = behind_route(typed);

	if (mailbox == NULL)
		return typed; /* unreadable anyway */
	return cm_arena_printf(arena, "%s%s", *typed == '<' ? "<" : "",
			       mailbox);
}

struct cm_recipient *cm_message_rcpt(struct cm_message *message,
				     const char *typed)
{
	struct cm_recipient *rcpt;
	void *items = message->rcpts;
	const char *copy = NULL;
	const char *kept = NULL;
	bool routed = cm_address_has_route(cm_span(typed));

	if (message->nrcpts < CM_MESSAGE_RCPTS_MAX &&
	    make_room(message->arena, &items, message->nrcpts,
		      &message->rcpts_room, sizeof(*rcpt)))
		copy = cm_arena_strdup(message->arena, typed);
	message->rcpts = items;
	if (copy != NULL)
		kept = routed ? without_route(message->arena, copy) : copy;
	if (kept == NULL) {
		message->rcpts_lost++;
		return NULL;
	}
	rcpt = &message->rcpts[message->nrcpts++];
	rcpt->typed = copy;
	rcpt->kept = kept;
	rcpt->routed = routed;
	rcpt->elusive = is_elusive(rcpt);
	return rcpt;
}

void cm_message_header(struct cm_message *message, const char *name,
		       const char *value)
{
	void *items = message->headers;
	size_t octets = strlen(name) + strlen(value);
	struct cm_facts_header header = {{NULL, 0}, {NULL, 0}};

	if (message->headers_lost)
		return;
	if (message->nheaders < CM_MESSAGE_HEADERS_MAX &&
	    octets <= CM_MESSAGE_HEADER_OCTETS_MAX - message->header_octets &&
	    make_room(message->arena, &items, message->nheaders,
		      &message->headers_room, sizeof(header))) {
		header.name = cm_span(cm_arena_strdup(message->arena, name));
		/* RFC 5322, 4.5: blanks before the colon are no part of it;
		 * MTAs delete by the name without them. */
		header.name = cm_span_trim(header.name);
		header.value = cm_span(cm_arena_strdup(message->arena, value));
	}
	message->headers = items;
	if (header.name.p == NULL || header.value.p == NULL) {
		message->headers_lost = true;
		return;
	}
	message->headers[message->nheaders++] = header;
	message->header_octets += octets;
}

void cm_message_body(struct cm_message *message, const void *data, size_t n)
{
	if (message->body_lost || cm_buf_add(&message->body, data, n) == CM_OK)
		return;
	message->body_lost = true;
	cm_buf_free(&message->body);
}
