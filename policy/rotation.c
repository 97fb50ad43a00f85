/* See rotation.h. */
#include "policy/rotation.h"

#include <inttypes.h>
#include <string.h>

static const char first_line[] = "consent-milter rotation 1";

/* ---- the note ----------------------------------------------------------- */

static int print_text(const struct cm_rotation *rotation, struct cm_buf *out)
{
	char old_key[CM_NOTE_KEY_TEXT], new_key[CM_NOTE_KEY_TEXT];
	struct cm_buf head;
	struct cm_span text;
	int rc;

	cm_note_key_public(&rotation->old_key, old_key);
	cm_note_key_public(&rotation->new_key, new_key);
	(void)cm_buf_addf(out, "%s\n%s\n%s\n", first_line, old_key, new_key);
	cm_buf_init(&head, CM_NOTE_MAX);
	rc = cm_checkpoint_text(&rotation->head, &head);
	text = cm_span_n(cm_buf_text(&head), head.len);
	(void)cm_span_cut(&text, '\n'); /* the origin, which the keys name */
	if (rc == CM_OK)
		rc = cm_buf_add(out, text.p, text.n);
	cm_buf_free(&head);
	return rc;
}

int cm_rotation_sign(const struct cm_rotation *rotation, struct cm_buf *out,
		     struct cm_error *err)
{
	struct cm_buf text;
	struct cm_span span;
	int rc;

	cm_buf_init(&text, CM_NOTE_MAX);
	rc = print_text(rotation, &text);
	span = cm_span_n(cm_buf_text(&text), text.len);
	if (rc != CM_OK)
		(void)cm_fail(err, rc, "no room for a change of key");
	if (rc == CM_OK)
		rc = cm_note_sign(&rotation->old_key, span, out, err);
	if (rc == CM_OK)
		rc = cm_note_cosign(&rotation->new_key, span, out, err);
	cm_buf_free(&text);
	return rc;
}

static int not_one(struct cm_error *err)
{
	return cm_fail(err, CM_EDATA,
		       "it is not a change of key (\"%s\", the old key, the "
		       "new key, number of events, root of the tree)",
		       first_line);
}

static int parse_head(struct cm_rotation *rotation, struct cm_span text,
		      struct cm_error *err)
{
	struct cm_buf head;
	int rc;

	cm_buf_init(&head, CM_NOTE_MAX);
	(void)cm_buf_addf(&head, "%s\n", rotation->new_key.name);
	rc = cm_buf_add(&head, text.p, text.n);
	if (rc != CM_OK)
		(void)cm_fail(err, rc, "no room for a change of key");
	else if (cm_checkpoint_parse(cm_span_n(cm_buf_text(&head), head.len),
				     &rotation->head, NULL) != CM_OK)
		rc = not_one(err);
	cm_buf_free(&head);
	return rc;
}

/* Before any signature was looked at: the keys are in it. */
static int parse(struct cm_span text, struct cm_rotation *rotation,
		 struct cm_error *err)
{
	struct cm_span first = cm_span_cut(&text, '\n');
	struct cm_span old_key = cm_span_cut(&text, '\n');
	struct cm_span new_key = cm_span_cut(&text, '\n');

	memset(rotation, 0, sizeof(*rotation));
	if (!cm_span_eq(first, cm_span(first_line)) ||
	    cm_note_key_parse(old_key, &rotation->old_key, NULL) != CM_OK ||
	    cm_note_key_parse(new_key, &rotation->new_key, NULL) != CM_OK ||
	    rotation->old_key.can_sign || rotation->new_key.can_sign ||
	    strcmp(rotation->old_key.name, rotation->new_key.name) != 0 ||
	    cm_note_key_same(&rotation->old_key, &rotation->new_key))
		return not_one(err);
	return parse_head(rotation, text, err);
}

int cm_rotation_open(struct cm_span note, struct cm_rotation *ret_rotation,
		     struct cm_error *err)
{
	uint8_t sig[CM_ED25519_SIG_LEN];
	struct cm_rotation rotation;
	struct cm_span text;
	int rc;

	if (!cm_note_split(note, &text))
		return not_one(err);
	rc = parse(text, &rotation, err);
	if (rc != CM_OK)
		return rc;
	rc = cm_note_open(&rotation.old_key, note, &text, sig, err);
	if (rc == CM_EDATA)
		return cm_error_prefix(err, "the old key: ");
	if (rc == CM_OK)
		rc = cm_note_open(&rotation.new_key, note, &text, sig, err);
	if (rc == CM_EDATA)
		return cm_error_prefix(err, "the new key: ");
	if (rc == CM_OK)
		*ret_rotation = rotation;
	return rc;
}

/* ---- keys that followed each other -------------------------------------- */

bool cm_note_key_same(const struct cm_note_key *a, const struct cm_note_key *b)
{
	return strcmp(a->name, b->name) == 0 &&
	       memcmp(a->public_key, b->public_key, sizeof(a->public_key)) == 0;
}

void cm_keyring_init(struct cm_keyring *ring, const struct cm_note_key *key)
{
	memset(ring, 0, sizeof(*ring));
	ring->keys[0] = *key;
	ring->until[0] = UINT64_MAX;
	ring->count = 1;
}

int cm_keyring_find(const struct cm_keyring *ring,
		    const struct cm_note_key *key)
{
	size_t i;

	for (i = 0; i < ring->count; i++) {
		if (cm_note_key_same(&ring->keys[i], key))
			return (int)i;
	}
	return -1;
}

static void prepend(struct cm_keyring *ring, const struct cm_rotation *rotation)
{
	memmove(ring->keys + 1, ring->keys, ring->count * sizeof(*ring->keys));
	memmove(ring->until + 1, ring->until,
		ring->count * sizeof(*ring->until));
	ring->keys[0] = rotation->old_key;
	ring->until[0] = rotation->head.size;
	ring->count++;
}

static void append(struct cm_keyring *ring, const struct cm_rotation *rotation)
{
	ring->until[ring->count - 1] = rotation->head.size;
	ring->keys[ring->count] = rotation->new_key;
	ring->until[ring->count++] = UINT64_MAX;
}

int cm_keyring_add(struct cm_keyring *ring, const struct cm_rotation *rotation,
		   struct cm_error *err)
{
	int before = cm_keyring_find(ring, &rotation->old_key);
	int after = cm_keyring_find(ring, &rotation->new_key);

	if (before < 0 && after < 0)
		return cm_fail(err, CM_EDATA,
			       "neither of its keys is one that you trust");
	if (before >= 0 && after == before + 1 &&
	    ring->until[before] == rotation->head.size)
		return CM_OK;
	if (ring->count == CM_KEYRING_MAX)
		return cm_fail(err, CM_EDATA, "more than %d keys",
			       CM_KEYRING_MAX);
	if (before < 0 && after == 0)
		prepend(ring, rotation);
	else if (after < 0 && before == (int)ring->count - 1)
		append(ring, rotation);
	else
		return cm_fail(err, CM_EDATA,
			       "it contradicts another change of the same key");
	return CM_OK;
}

int cm_keyring_open(const struct cm_keyring *ring, struct cm_span note,
		    struct cm_checkpoint *ret_checkpoint, size_t *ret_key,
		    struct cm_error *err)
{
	struct cm_checkpoint checkpoint;
	size_t i;
	int rc = CM_EDATA;

	/* The newest last: its words are the ones to tell. */
	for (i = 0; i < ring->count; i++) {
		rc = cm_checkpoint_open(&ring->keys[i], note, &checkpoint, err);
		if (rc != CM_OK && rc != CM_EDATA)
			return rc;
		if (rc != CM_OK)
			continue;
		if (checkpoint.size > ring->until[i]) {
			rc = cm_fail(err, CM_EDATA,
				     "it is of %" PRIu64
				     " events, but its key signed up to "
				     "%" PRIu64 " only: then another took its "
				     "place",
				     checkpoint.size, ring->until[i]);
			break;
		}
		*ret_checkpoint = checkpoint;
		*ret_key = i;
		return CM_OK;
	}
	return rc;
}
