/*
 * What a command works on: the config, then the keys, then the store.
 * See ctl.h.
 */
#include "tools/ctl.h"

#include <errno.h>
#include <grp.h>
#include <unistd.h>

#include "lib/crypto.h"
#include "policy/config.h"
#include "policy/keys.h"
#include "policy/sent.h"
#include "policy/store.h"

static int open_keys(struct cm_ctl *ctl, struct cm_error *err)
{
	const struct cm_key *key;
	int rc = cm_keys_open(ctl->config->keys_path, &ctl->keys, err);

	if (rc != CM_OK)
		return rc;
	key = cm_keys_current(ctl->keys, CM_KEY_STORE);
	return cm_hmac_new(key->bytes, key->len, &ctl->hmac, err);
}

/* A store that was never made deserves a better word than ENOENT. */
static int check_made(const struct cm_config *config, struct cm_error *err)
{
	if (access(config->keys_path, F_OK) == 0 || errno != ENOENT)
		return CM_OK;
	return cm_fail(err, CM_ECONFIG,
		       "there are no keys in %s (make keys and store with: "
		       "consentctl init)",
		       config->keys_path);
}

/* Opening has tried; here is somebody to tell why it did not work. */
static void tell_unfinished(struct cm_ctl *ctl)
{
	struct cm_erased erased;
	struct cm_error err;

	if (cm_store_erase_finish(ctl->store, &erased, &err) != CM_OK)
		(void)fprintf(ctl->notes,
			      "WARNING: an erasure that was interrupted could "
			      "not be finished: %s\n",
			      err.text);
}

static int open_store(struct cm_ctl *ctl, enum cm_ctl_access access,
		      struct cm_error *err)
{
	const struct cm_config *config = ctl->config;
	struct cm_store_options options = {
		.path = config->store_path,
		.map_size = config->store_map_size,
		.lock_wait_ms = config->store_lock_wait * 1000,
		.group = (gid_t)-1,
		.write_group = (gid_t)-1,
	};
	static const enum cm_store_access as[] = {
		[CM_CTL_READ] = CM_STORE_READ,
		[CM_CTL_WRITE] = CM_STORE_WRITE,
		[CM_CTL_REBUILD] = CM_STORE_REBUILD,
	};
	int rc = cm_store_open(&options, as[access], ctl->keys, &ctl->store,
			       err);

	if (rc == CM_OK && access == CM_CTL_WRITE)
		tell_unfinished(ctl);
	return rc;
}

/* access(2) asks as the real user, and consentctl is never set-id. */
static bool may(const struct cm_ctl *ctl, const char *part, int mode)
{
	const char *path = cm_arena_printf(ctl->arena, "%s/store/%s",
					   ctl->config->store_path, part);

	return path != NULL && access(path, mode) == 0;
}

bool cm_ctl_may_write(const struct cm_ctl *ctl)
{
	return may(ctl, "private", R_OK | W_OK | X_OK);
}

/* "Permission denied" alone sends people to chmod. */
static int no_right(const struct cm_ctl *ctl, enum cm_ctl_access access,
		    struct cm_error *err)
{
	struct cm_error was = *err;

	if (err->code != CM_EIO || !may(ctl, "..", F_OK) ||
	    (access >= CM_CTL_WRITE ? cm_ctl_may_write(ctl)
				    : may(ctl, "ledger", R_OK | X_OK)))
		return err->code;
	return cm_fail(err, CM_EIO, "%.800s (this needs root, or group \"%s\")",
		       was.text,
		       access >= CM_CTL_WRITE ? ctl->config->store_write_group
					      : ctl->config->store_group);
}

int cm_ctl_open(struct cm_ctl *ctl, enum cm_ctl_access access,
		struct cm_error *err)
{
	int rc = CM_OK;

	if (access >= CM_CTL_CONFIG && ctl->config == NULL)
		rc = cm_config_load(ctl->config_file, &ctl->config, err);
	if (rc != CM_OK || access < CM_CTL_KEYS)
		return rc;
	if (ctl->keys == NULL) {
		rc = check_made(ctl->config, err);
		if (rc == CM_OK)
			rc = open_keys(ctl, err);
	}
	if (rc != CM_OK || access < CM_CTL_READ || ctl->store != NULL)
		return rc;
	rc = open_store(ctl, access, err);
	return rc == CM_OK ? rc : no_right(ctl, access, err);
}

static int find_group(const char *name, gid_t *ret_gid, struct cm_error *err)
{
	struct group *group;

	errno = 0;
	group = getgrnam(name);
	if (group == NULL)
		return cm_fail(err, CM_ECONFIG,
			       "there is no group \"%s\" (make it with: "
			       "groupadd --system %s)",
			       name, name);
	*ret_gid = group->gr_gid;
	return CM_OK;
}

/* Only root can give files away; others make an instance of their own. */
int cm_ctl_groups(const struct cm_config *config, gid_t *ret_group,
		  gid_t *ret_write_group, struct cm_error *err)
{
	gid_t group = (gid_t)-1;
	gid_t write_group = (gid_t)-1;
	int rc = CM_OK;

	if (geteuid() == 0) {
		rc = find_group(config->store_group, &group, err);
		if (rc == CM_OK)
			rc = find_group(config->store_write_group, &write_group,
					err);
	}
	if (rc == CM_OK) {
		*ret_group = group;
		*ret_write_group = write_group;
	}
	return rc;
}

void cm_ctl_close(struct cm_ctl *ctl)
{
	cm_sent_close(&ctl->sent);
	cm_store_close(&ctl->store);
	cm_hmac_free(&ctl->hmac);
	cm_keys_free(&ctl->keys);
	cm_config_unref(&ctl->config);
}
