/*
 * engine - what all sessions of one process share: the config in force, the
 * keys, the store, the log, and how many messages are on their way.
 *
 * Thread safe.  A store or keys that cannot be opened are no reason not to
 * run, because service mail needs neither: they are tried again, at most once
 * a second, and each change of state is logged once.  Paths are those of the
 * first config; a reload changes everything else.
 */
#ifndef CM_MILTER_ENGINE_H
#define CM_MILTER_ENGINE_H

#include "lib/log.h"
#include "milter/memory.h"
#include "policy/config.h"
#include "policy/store.h"
#include "policy/template.h"

struct cm_engine;

/* config: a reference is taken.  now: cm_clock_now, or a test's clock. */
CM_MUST_CHECK int cm_engine_new(struct cm_config *config, struct cm_log *log,
				int64_t (*now)(void),
				struct cm_engine **ret_engine,
				struct cm_error *err);
void cm_engine_free(struct cm_engine **engine); /* no session may be left */

/*
 * Put a config and its templates in force for messages that begin from now
 * on.  A reference to config is taken, templates are taken over on success.
 * Keys are read anew, so a rotation takes effect.  On failure nothing changes.
 */
CM_MUST_CHECK int cm_engine_reload(struct cm_engine *engine,
				   struct cm_config *config,
				   struct cm_templates *templates,
				   struct cm_error *err);

/* The config and texts of one message, from MAIL to its end. */
struct cm_snapshot {
	struct cm_config *config;
	struct cm_templates *templates; /* NULL before the first reload */
	int users;                      /* the engine's */
};
struct cm_snapshot *cm_engine_pin(struct cm_engine *engine);
void cm_engine_unpin(struct cm_engine *engine, struct cm_snapshot **snapshot);

/* Keys and store for one short use; hand back on the same thread, soon. */
struct cm_loan {
	struct cm_keys *keys; /* current, for tokens and contact ids */
	struct cm_store *store;
	uint64_t generation; /* changes when the keys do */
	uint64_t seen;       /* events that this process saw before */
	struct cm_keyring *keyring;
};
CM_MUST_CHECK int cm_engine_lend(struct cm_engine *engine,
				 struct cm_loan *ret_loan,
				 struct cm_error *err);
/* failure: what the store answered, CM_OK if all went well; opened anew
 * after CM_EIO and CM_ECORRUPT, and the reason logged. */
void cm_engine_return(struct cm_engine *engine, struct cm_loan *loan,
		      int failure, const struct cm_error *err);
/*
 * Look how many events the ledger of a loan has.  A ledger only grows: one
 * that is shorter than before, or than the newest checkpoint, is an older
 * copy, without the refusals that came since: CM_ECORRUPT.  It is remembered
 * (policy/sent.h), so that a new process knows, too, and compares what the
 * ledger begins with when it opens the store.
 */
CM_MUST_CHECK int cm_engine_saw(struct cm_engine *engine,
				const struct cm_loan *loan,
				struct cm_store_reader *reader,
				struct cm_error *err);

/* What the milter itself remembers; for reading, unless it was told to. */
struct cm_memory *cm_engine_memory(const struct cm_engine *engine);
/* From now on asks are spent and mail is noted: the daemon, after fork. */
CM_MUST_CHECK int cm_engine_remember(struct cm_engine *engine,
				     struct cm_error *err);

struct cm_log *cm_engine_log(const struct cm_engine *engine);
int64_t cm_engine_now(const struct cm_engine *engine);
/* True for every nth call, n of the config; never for 0. */
bool cm_engine_proof_is_due(struct cm_engine *engine, unsigned n);

/* What became of bodies since the start; for the log, by any thread. */
enum cm_tally {
	CM_TALLY_FOOTER,
	CM_TALLY_WRAPPED,
	CM_TALLY_LEFT_ALONE,
	CM_TALLY_DISPROVED, /* besides one of the above */
	CM_TALLY_HELD,      /* ditto */
	CM_TALLIES
};
void cm_engine_count(struct cm_engine *engine, enum cm_tally tally);
/* "since start: footer=..."; nothing if nothing changed since it last said. */
void cm_engine_log_tallies(struct cm_engine *engine);

/* Messages between MAIL and their end, so that SIGTERM can wait for them. */
void cm_engine_begin(struct cm_engine *engine);
void cm_engine_end(struct cm_engine *engine);
unsigned cm_engine_in_flight(const struct cm_engine *engine);

#endif
