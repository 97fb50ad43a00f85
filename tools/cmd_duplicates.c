/*
 * consentctl duplicates: people who stand in the store more than once.
 *
 * Upper and lower case and the forms of international domains are one address
 * to the store already (policy/address.h).  What is left: addresses of one
 * family (+tag, dots where they are ignored), and, as a hint only, a domain
 * that looks like a mistyped one whose right form is here, too.
 */
#include "tools/ctl_commands.h"

#include <stdlib.h>
#include <string.h>

#include "policy/purpose.h"
#include "tools/ctl_past.h"
#include "tools/ctl_person.h"

enum {
	SHOWN = 50,   /* groups and hints a person reads */
	KEPT = 10000, /* ditto, in JSON */
	CANONICAL_MAX = CM_ADDRESS_MAX + 1,
};

struct known {
	struct cm_id contact;
	struct cm_id family;
	struct cm_span canonical; /* the arena's */
};

struct hint {
	const struct known *known;
	const char *meant; /* the domain that was probably meant */
};

struct duplicates {
	struct cm_ctl *ctl;
	struct cm_arena *arena;
	struct known *list; /* malloc'ed; by family */
	size_t count;
	size_t room;
	bool all; /* also groups whose states are the same */
	uint64_t groups;
	uint64_t same; /* of them, with the same states */
	uint64_t people;
	struct hint *hints; /* the arena's */
	uint64_t nhints;
	struct cm_json_writer *w; /* NULL: text */
};

/* ---- everybody ---------------------------------------------------------- */

static int add_known(void *ctx, const struct cm_id *contact,
		     struct cm_span canonical, struct cm_error *err)
{
	enum { FIRST = 1024 };
	struct duplicates *d = ctx;
	struct cm_person person;
	int rc = cm_person_identify(d->ctl, canonical, &person, err);

	/* Written before dots-ignored or our own rules changed. */
	if (rc == CM_EDATA)
		return CM_OK;
	if (rc != CM_OK)
		return rc;
	if (d->count == d->room) {
		size_t room = d->room > 0 ? d->room * 2 : FIRST;
		struct known *list = realloc(d->list, room * sizeof(*list));

		if (list == NULL)
			return cm_fail(err, CM_ENOMEM, "out of memory");
		d->list = list;
		d->room = room;
	}
	d->list[d->count] = (struct known){
		.contact = *contact,
		.family = person.family,
		.canonical = {cm_arena_dup(d->arena, canonical.p, canonical.n),
			      canonical.n},
	};
	if (d->list[d->count].canonical.p == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	d->count++;
	return CM_OK;
}

static int compare_known(const void *a, const void *b)
{
	const struct known *x = a;
	const struct known *y = b;
	int order = memcmp(x->family.b, y->family.b, sizeof(x->family.b));

	return order != 0 ? order : cm_span_cmp(x->canonical, y->canonical);
}

/* ---- one group ---------------------------------------------------------- */

/* What the address itself says, whatever its relatives do. */
static int own_states(struct duplicates *d, struct cm_store_reader *reader,
		      const struct known *known, struct cm_decision *ret_states,
		      struct cm_error *err)
{
	const struct cm_config *config = d->ctl->config;
	struct cm_view own, family;
	size_t i;
	int rc = cm_store_lookup(reader, &known->contact, &known->family, &own,
				 &family, err);

	for (i = 0; rc == CM_OK && i < config->npurposes; i++)
		rc = cm_ctl_decide_purpose(d->ctl, &config->purposes[i],
					   &known->contact, &own, NULL,
					   d->ctl->now, &ret_states[i], err);
	return rc;
}

static void print_states(const struct duplicates *d, const struct known *known,
			 const struct cm_decision *states)
{
	const struct cm_config *config = d->ctl->config;
	char quoted[CM_QUOTE_LEN];
	size_t i;

	(void)fprintf(d->ctl->out, "  %s\n",
		      cm_quote(known->canonical, quoted));
	for (i = 0; i < config->npurposes; i++)
		(void)fprintf(d->ctl->out, "    %-24s %-3s %s\n",
			      config->purposes[i].path,
			      states[i].verdict == CM_VERDICT_ALLOW ? "yes"
								    : "no",
			      cm_reason_code(states[i].reason));
}

static void json_states(const struct duplicates *d, const struct known *known,
			const struct cm_decision *states)
{
	const struct cm_config *config = d->ctl->config;
	char id[CM_ID_TEXT_LEN];
	size_t i;

	cm_json_begin_object(d->w);
	cm_json_put_span(d->w, "address", known->canonical);
	cm_json_put_text(d->w, "contact", cm_out_id(&known->contact, id));
	cm_json_name(d->w, "purposes");
	cm_json_begin_object(d->w);
	for (i = 0; i < config->npurposes; i++)
		cm_json_put_text(d->w, config->purposes[i].path,
				 cm_reason_code(states[i].reason));
	cm_json_end(d->w);
	cm_json_end(d->w);
}

static bool are_same(const struct cm_decision *states, size_t members,
		     size_t purposes)
{
	size_t i;

	for (i = purposes; i < members * purposes; i++) {
		if (states[i].reason != states[i % purposes].reason)
			return false;
	}
	return true;
}

static void show_group(struct duplicates *d, const struct known *first,
		       size_t members, const struct cm_decision *states,
		       bool same)
{
	size_t purposes = d->ctl->config->npurposes;
	size_t i;

	if (d->w != NULL) {
		cm_json_begin_object(d->w);
		cm_json_put_bool(d->w, "same", same);
		cm_json_name(d->w, "addresses");
		cm_json_begin_array(d->w);
	} else {
		(void)fprintf(d->ctl->out, "%s\n",
			      same ? "the same states:" : "different states:");
	}
	for (i = 0; i < members; i++) {
		if (d->w != NULL)
			json_states(d, &first[i], &states[i * purposes]);
		else
			print_states(d, &first[i], &states[i * purposes]);
	}
	if (d->w != NULL) {
		cm_json_end(d->w);
		cm_json_end(d->w);
	}
}

static int one_group(struct duplicates *d, const struct known *first,
		     size_t members, struct cm_error *err)
{
	enum { GROUP_ARENA = 256 * 1024 * 1024 };
	size_t purposes = d->ctl->config->npurposes;
	struct cm_store_reader *reader = NULL;
	struct cm_arena *arena = NULL;
	struct cm_decision *states = NULL;
	bool same;
	size_t i;
	int rc = cm_arena_new(GROUP_ARENA, &arena);

	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	rc = cm_store_read_begin(d->ctl->store, arena, &reader, err);
	if (rc == CM_OK) {
		states = cm_arena_array(arena, members * purposes + 1,
					sizeof(*states));
		if (states == NULL)
			rc = cm_fail(err, CM_ENOMEM, "out of memory");
	}
	for (i = 0; rc == CM_OK && i < members; i++)
		rc = own_states(d, reader, &first[i], &states[i * purposes],
				err);
	if (rc == CM_OK) {
		same = are_same(states, members, purposes);
		d->groups++;
		d->people += members;
		d->same += same;
		if ((!same || d->all) && d->groups - (d->all ? 0 : d->same) <=
						 (d->w != NULL ? KEPT : SHOWN))
			show_group(d, first, members, states, same);
	}
	cm_store_read_end(&reader);
	cm_arena_free(&arena);
	return rc;
}

static int each_group(struct duplicates *d, struct cm_error *err)
{
	size_t from = 0;
	int rc = CM_OK;

	while (rc == CM_OK && from < d->count) {
		size_t to = from + 1;

		while (to < d->count &&
		       memcmp(d->list[from].family.b, d->list[to].family.b,
			      sizeof(d->list[to].family.b)) == 0)
			to++;
		if (to - from > 1)
			rc = one_group(d, &d->list[from], to - from, err);
		from = to;
	}
	return rc;
}

/* ---- hints -------------------------------------------------------------- */

/* Where most people have their mail, and so most typing errors are. */
static const char *const well_known[] = {
	"gmail.com",     "googlemail.com", "hotmail.com",    "outlook.com",
	"yahoo.com",     "icloud.com",     "aol.com",        "live.com",
	"gmx.de",        "gmx.net",        "web.de",         "t-online.de",
	"freenet.de",    "orange.fr",      "free.fr",        "laposte.net",
	"libero.it",     "virgilio.it",    "seznam.cz",      "centrum.cz",
	"wp.pl",         "o2.pl",          "onet.pl",        "interia.pl",
	"abv.bg",        "mail.bg",        "mail.ru",        "yandex.ru",
	"proton.me",     "protonmail.com", "telia.com",      "bredband.net",
	"hotmail.co.uk", "yahoo.co.uk",    "btinternet.com",
};

enum { WELL_KNOWN = sizeof(well_known) / sizeof(well_known[0]) };

static const char *meant_domain(struct cm_span domain)
{
	char name[CM_DOMAIN_MAX + 1];
	size_t i;

	if (domain.n > CM_DOMAIN_MAX)
		return NULL;
	for (i = 0; i < WELL_KNOWN; i++) {
		if (cm_span_is(domain, well_known[i]))
			return NULL;
	}
	memcpy(name, domain.p, domain.n);
	name[domain.n] = '\0';
	return cm_suggest(name, well_known, WELL_KNOWN);
}

/* Is the address with the other domain in the store? */
static int has_other(struct duplicates *d, struct cm_span local,
		     const char *domain, bool *ret_has, struct cm_error *err)
{
	char text[2 * CANONICAL_MAX];
	struct cm_person person;
	int n = snprintf(text, sizeof(text), "%.*s@%s", (int)local.n, local.p,
			 domain);
	int rc;

	*ret_has = false;
	if (n < 0 || (size_t)n >= sizeof(text) ||
	    cm_person_identify(d->ctl, cm_span(text), &person, NULL) != CM_OK)
		return CM_OK;
	rc = cm_person_read(d->ctl, &person, err);
	*ret_has = rc == CM_OK && cm_person_known(&person);
	return rc;
}

static int find_hints(struct duplicates *d, struct cm_error *err)
{
	size_t i;
	int rc = CM_OK;

	d->hints = cm_arena_array(d->arena, KEPT, sizeof(*d->hints));
	if (d->hints == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	for (i = 0; rc == CM_OK && i < d->count; i++) {
		struct cm_span domain = d->list[i].canonical;
		struct cm_span local = cm_span_cut(&domain, '@');
		const char *meant = meant_domain(domain);
		bool has = false;

		if (meant != NULL)
			rc = has_other(d, local, meant, &has, err);
		if (!has)
			continue;
		if (d->nhints < KEPT)
			d->hints[d->nhints] = (struct hint){
				.known = &d->list[i], .meant = meant};
		d->nhints++;
	}
	return rc;
}

static void print_hints(const struct duplicates *d)
{
	char quoted[CM_QUOTE_LEN];
	uint64_t i;

	if (d->nhints > 0)
		(void)fputs("perhaps mistyped (the other address is here, "
			    "too):\n",
			    d->ctl->out);
	for (i = 0; i < d->nhints && i < SHOWN; i++)
		(void)fprintf(d->ctl->out, "  %s  for %s?\n",
			      cm_quote(d->hints[i].known->canonical, quoted),
			      d->hints[i].meant);
}

static void json_hints(const struct duplicates *d)
{
	uint64_t i;

	cm_json_name(d->w, "hints");
	cm_json_begin_array(d->w);
	for (i = 0; i < d->nhints && i < KEPT; i++) {
		cm_json_begin_object(d->w);
		cm_json_put_span(d->w, "address", d->hints[i].known->canonical);
		cm_json_put_text(d->w, "domain", d->hints[i].meant);
		cm_json_end(d->w);
	}
	cm_json_end(d->w);
}

/* ---- the answer --------------------------------------------------------- */

static void print_sum(const struct duplicates *d)
{
	FILE *out = d->ctl->out;
	char count[CM_COUNT_LEN];

	cm_out_plural(out, d->groups, "group");
	(void)fprintf(out, " of addresses that are one person's, %s addresses",
		      cm_out_count(d->people, count));
	(void)fprintf(out, "; %s with the same states%s\n",
		      cm_out_count(d->same, count),
		      d->same > 0 && !d->all ? " (--all lists them)" : "");
	if (d->groups - d->same > SHOWN)
		(void)fprintf(out, "only %d are shown; --json has more\n",
			      SHOWN);
}

static int answer(struct duplicates *d, struct cm_error *err)
{
	struct cm_out_json json;
	int rc;

	cm_out_json_begin(&json);
	if (d->ctl->json) {
		d->w = &json.w;
		cm_json_begin_object(d->w);
		cm_json_name(d->w, "groups");
		cm_json_begin_array(d->w);
	}
	rc = each_group(d, err);
	if (rc == CM_OK)
		rc = find_hints(d, err);
	if (rc != CM_OK || d->w == NULL) {
		cm_buf_free(&json.buf);
		if (rc == CM_OK) {
			print_hints(d);
			print_sum(d);
		}
		return rc;
	}
	cm_json_end(d->w);
	json_hints(d);
	cm_json_put_int(d->w, "different", (int64_t)(d->groups - d->same));
	cm_json_put_int(d->w, "same", (int64_t)d->same);
	cm_json_end(d->w);
	return cm_out_json_end(&json, d->ctl->out, err);
}

int cm_cmd_duplicates(struct cm_ctl *ctl, const struct cm_args *args,
		      struct cm_error *err)
{
#define ARENA_MAX (UINT64_C(8) * 1024 * 1024 * 1024)
	struct duplicates d = {.ctl = ctl, .all = cm_args_has(args, "all")};
	int rc = cm_arena_new(ARENA_MAX, &d.arena);

	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	rc = cm_store_addresses(ctl->store, add_known, &d, err);
	if (rc == CM_OK && d.count > 1)
		qsort(d.list, d.count, sizeof(*d.list), compare_known);
	if (rc == CM_OK)
		rc = answer(&d, err);
	if (rc == CM_OK && d.groups == d.same && d.nhints == 0)
		rc = CM_ENOTFOUND;
	free(d.list);
	cm_arena_free(&d.arena);
	return rc;
}
