/*
 * consentctl init: keys, store and the folder of what people ask for, with the
 * groups that make the trust real.
 *
 * Never makes a key beside a store that another key wrote: such a store would
 * be unreadable for ever, and people's refusals with it.
 */
#include "tools/ctl_commands.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/config.h"
#include "policy/keys.h"
#include "policy/queue.h"
#include "policy/sent.h"
#include "policy/store.h"

struct made {
	bool keys;  /* were there before */
	bool store; /* ditto */
	bool web;   /* ditto: the folder of what people ask for */
};

static int exists(const char *path, bool *ret_there, struct cm_error *err)
{
	struct stat st;

	if (lstat(path, &st) == 0) {
		*ret_there = true;
		return CM_OK;
	}
	if (errno != ENOENT && errno != ENOTDIR)
		return cm_fail_errno(err, errno, "%s", path);
	*ret_there = false;
	return CM_OK;
}

static int look(struct cm_ctl *ctl, struct made *ret_made, struct cm_error *err)
{
	const struct cm_config *config = ctl->config;
	const char *store_key =
		cm_arena_printf(ctl->arena, "%s/%s.key", config->keys_path,
				cm_key_kind_name(CM_KEY_STORE));
	const char *ledger =
		cm_arena_printf(ctl->arena, "%s/store", config->store_path);
	const char *web =
		cm_arena_printf(ctl->arena, "%s/web", config->store_path);
	struct made made;
	int rc;

	if (store_key == NULL || ledger == NULL || web == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	rc = exists(store_key, &made.keys, err);
	if (rc == CM_OK)
		rc = exists(ledger, &made.store, err);
	if (rc == CM_OK)
		rc = exists(web, &made.web, err);
	if (rc != CM_OK)
		return rc;
	if (made.store && !made.keys)
		return cm_fail(err, CM_ECONFIG,
			       "the store %s is there, but its key %s is not: "
			       "bring the key back from a backup (a new key "
			       "could not read this store)",
			       ledger, store_key);
	*ret_made = made;
	return CM_OK;
}

static int make_store(struct cm_ctl *ctl, gid_t group, gid_t write_group,
		      struct cm_error *err)
{
	const struct cm_config *config = ctl->config;
	struct cm_store_options options = {
		.path = config->store_path,
		.map_size = config->store_map_size,
		.lock_wait_ms = config->store_lock_wait * 1000,
		.group = group,
		.write_group = write_group,
	};
	int rc = cm_keys_open(config->keys_path, &ctl->keys, err);

	if (rc == CM_OK)
		rc = cm_store_init(&options, ctl->keys, err);
	/* Of a store that was there before. */
	if (rc == CM_OK)
		rc = cm_sent_forget_head(options.path, options.map_size,
					 options.lock_wait_ms, err);
	return rc;
}

static void tell(struct cm_ctl *ctl, struct made made)
{
	const struct cm_config *config = ctl->config;
	const char *const verb[] = {"is there already", "made"};

	(void)fprintf(ctl->out, "keys   %s  %s\n", config->keys_path,
		      verb[!made.keys]);
	(void)fprintf(ctl->out, "store  %s/store  %s\n", config->store_path,
		      verb[!made.store]);
	(void)fprintf(ctl->out, "web    %s/web  %s\n", config->store_path,
		      verb[!made.web]);
}

int cm_cmd_init(struct cm_ctl *ctl, const struct cm_args *args,
		struct cm_error *err)
{
	gid_t group;
	gid_t write_group;
	struct made made;
	int rc = look(ctl, &made, err);

	(void)args;
	if (rc != CM_OK)
		return rc;
	if (made.keys && made.store && made.web) {
		tell(ctl, made);
		return cm_fail(err, CM_EREFUSED,
			       "nothing to make; nothing was changed");
	}
	rc = cm_ctl_groups(ctl->config, &group, &write_group, err);
	if (rc == CM_OK)
		rc = cm_keys_init(ctl->config->keys_path, group, write_group,
				  err);
	if (rc == CM_OK && !made.store)
		rc = make_store(ctl, group, write_group, err);
	if (rc == CM_OK)
		rc = cm_queue_make(ctl->config->store_path, write_group, err);
	if (rc != CM_OK)
		return rc;
	tell(ctl, made);
	if (geteuid() != 0)
		(void)fputs("note: not run as root, so the files belong to "
			    "you and your group\n",
			    ctl->notes);
	return CM_OK;
}
