/* See rotation.h. */
#include "policy/rotation.h"

#include <inttypes.h>
#include <string.h>

#include "lib/clock.h"

static const char first_line[] = "consent-milter rotation 1";
static const char compromise_line[] = "consent-milter compromise 1";

/* ---- the note ----------------------------------------------------------- */

/* Number of events and root; the origin is what the keys are called. */
static int print_head(const struct cm_checkpoint *checkpoint,
		      struct cm_buf *out)
{
	struct cm_buf head;
	struct cm_span text;
	int rc;

	cm_buf_init(&head, CM_NOTE_MAX);
	rc = cm_checkpoint_text(checkpoint, &head);
	text = cm_span_n(cm_buf_text(&head), head.len);
	(void)cm_span_cut(&text, '\n');
	if (rc == CM_OK)
		rc = cm_buf_add(out, text.p, text.n);
	cm_buf_free(&head);
	return rc;
}

static int print_text(const struct cm_rotation *rotation, struct cm_buf *out)
{
	char old_key[CM_NOTE_KEY_TEXT], new_key[CM_NOTE_KEY_TEXT];

	cm_note_key_public(&rotation->old_key, old_key);
	cm_note_key_public(&rotation->new_key, new_key);
	(void)cm_buf_addf(out, "%s\n%s\n%s\n", first_line, old_key, new_key);
	return print_head(&rotation->head, out);
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

static bool parse_head(struct cm_checkpoint *checkpoint, const char *origin,
		       struct cm_span text)
{
	struct cm_buf head;
	bool good;

	cm_buf_init(&head, CM_NOTE_MAX);
	(void)cm_buf_addf(&head, "%s\n", origin);
	(void)cm_buf_add(&head, text.p, text.n);
	good = cm_buf_ok(&head) == CM_OK &&
	       cm_checkpoint_parse(cm_span_n(cm_buf_text(&head), head.len),
				   checkpoint, NULL) == CM_OK;
	cm_buf_free(&head);
	return good;
}

/* Two lines: public keys of one name that are not the same. */
static bool parse_keys(struct cm_span *text, struct cm_note_key *first,
		       struct cm_note_key *second)
{
	struct cm_span a = cm_span_cut(text, '\n');
	struct cm_span b = cm_span_cut(text, '\n');

	return cm_note_key_parse(a, first, NULL) == CM_OK &&
	       cm_note_key_parse(b, second, NULL) == CM_OK &&
	       !first->can_sign && !second->can_sign &&
	       strcmp(first->name, second->name) == 0 &&
	       !cm_note_key_same(first, second);
}

/* Before any signature was looked at: the keys are in it. */
static int parse(struct cm_span text, struct cm_rotation *rotation,
		 struct cm_error *err)
{
	struct cm_span first = cm_span_cut(&text, '\n');

	memset(rotation, 0, sizeof(*rotation));
	if (!cm_span_eq(first, cm_span(first_line)) ||
	    !parse_keys(&text, &rotation->old_key, &rotation->new_key) ||
	    !parse_head(&rotation->head, rotation->new_key.name, text))
		return not_one(err);
	return CM_OK;
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

/* ---- a key that others may have had ------------------------------------- */

int cm_compromise_sign(const struct cm_compromise *compromise,
		       struct cm_buf *out, struct cm_error *err)
{
	char key[CM_NOTE_KEY_TEXT], by[CM_NOTE_KEY_TEXT], at[CM_CLOCK_TEXT];
	struct cm_buf text;
	int rc;

	cm_note_key_public(&compromise->key, key);
	cm_note_key_public(&compromise->by, by);
	cm_buf_init(&text, CM_NOTE_MAX);
	(void)cm_buf_addf(&text, "%s\n%s\n%s\n%s\n", compromise_line, key, by,
			  cm_clock_format(compromise->since, at));
	rc = print_head(&compromise->head, &text);
	if (rc != CM_OK)
		(void)cm_fail(err, rc, "no room for the note");
	else
		rc = cm_note_sign(&compromise->by,
				  cm_span_n(cm_buf_text(&text), text.len), out,
				  err);
	cm_buf_free(&text);
	return rc;
}

/* One spelling of the time, as of all the rest. */
static bool parse_since(struct cm_span line, int64_t *ret_since)
{
	char again[CM_CLOCK_TEXT];
	int64_t since;

	if (cm_clock_parse(line, &since) != CM_OK || since <= 0 ||
	    !cm_span_is(line, cm_clock_format(since, again)))
		return false;
	*ret_since = since;
	return true;
}

int cm_compromise_open(struct cm_span note,
		       struct cm_compromise *ret_compromise,
		       struct cm_error *err)
{
	uint8_t sig[CM_ED25519_SIG_LEN];
	struct cm_compromise found;
	struct cm_span text, rest;
	int rc;

	memset(&found, 0, sizeof(found));
	if (!cm_note_split(note, &text))
		text = cm_span("");
	rest = text;
	if (!cm_span_eq(cm_span_cut(&rest, '\n'), cm_span(compromise_line)) ||
	    !parse_keys(&rest, &found.key, &found.by) ||
	    !parse_since(cm_span_cut(&rest, '\n'), &found.since) ||
	    !parse_head(&found.head, found.by.name, rest))
		return cm_fail(err, CM_EDATA,
			       "it is no note that a key was stolen (\"%s\", "
			       "the key, the key that says so, since when, "
			       "number of events, root of the tree)",
			       compromise_line);
	rc = cm_note_open(&found.by, note, &text, sig, err);
	if (rc == CM_OK)
		*ret_compromise = found;
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
	memmove(ring->root + 1, ring->root, ring->count * sizeof(*ring->root));
	memmove(ring->since + 1, ring->since,
		ring->count * sizeof(*ring->since));
	memmove(ring->said + 1, ring->said, ring->count * sizeof(*ring->said));
	ring->keys[0] = rotation->old_key;
	ring->until[0] = rotation->head.size;
	ring->root[0] = rotation->head.root;
	ring->since[0] = 0;
	ring->count++;
}

static void append(struct cm_keyring *ring, const struct cm_rotation *rotation)
{
	ring->until[ring->count - 1] = rotation->head.size;
	ring->root[ring->count - 1] = rotation->head.root;
	ring->keys[ring->count] = rotation->new_key;
	ring->until[ring->count++] = UINT64_MAX;
}

static bool same_head(const struct cm_checkpoint *head, uint64_t size,
		      const struct cm_hash *root)
{
	return head->size == size &&
	       memcmp(&head->root, root, sizeof(*root)) == 0;
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
	    same_head(&rotation->head, ring->until[before],
		      &ring->root[before]))
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

int cm_keyring_compromise(struct cm_keyring *ring,
			  const struct cm_compromise *compromise,
			  struct cm_error *err)
{
	int key = cm_keyring_find(ring, &compromise->key);
	int by = cm_keyring_find(ring, &compromise->by);

	if (key < 0 || by <= key)
		return cm_fail(err, CM_EDATA,
			       "it has to be said of a key that you know, by "
			       "one that followed it");
	if (ring->since[key] != 0 &&
	    (ring->since[key] != compromise->since ||
	     !same_head(&compromise->head, ring->said[key].size,
			&ring->said[key].root)))
		return cm_fail(err, CM_EDATA,
			       "it contradicts another note about that key");
	ring->since[key] = compromise->since;
	ring->said[key] = compromise->head;
	return CM_OK;
}

bool cm_keyring_confirms(const struct cm_keyring *ring, size_t key,
			 const struct cm_checkpoint *head)
{
	return (ring->since[key] != 0 &&
		same_head(head, ring->said[key].size, &ring->said[key].root)) ||
	       (key + 1 < ring->count && ring->since[key + 1] == 0 &&
		same_head(head, ring->until[key], &ring->root[key]));
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
