/* Owners, groups and modes: who may do what.  See doctor.h. */
#include "tools/doctor.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "policy/config.h"
#include "policy/keys.h"
#include "policy/queue.h"
#include "policy/sent.h"
#include "policy/store.h"

/* ---- may somebody do that? ---------------------------------------------- */

static bool in_group(const struct cm_proc_user *user, gid_t gid)
{
	int i;

	if (user->gid == gid)
		return true;
	for (i = 0; i < user->ngroups; i++)
		if (user->groups[i] == gid)
			return true;
	return false;
}

/* path_resolution(7): the first class that fits decides. */
static bool mode_allows(const struct cm_proc_user *user, const struct stat *st,
			int mode)
{
	unsigned bits = (unsigned)st->st_mode;

	if (user->uid == 0)
		return true;
	if (st->st_uid == user->uid)
		bits >>= 6;
	else if (in_group(user, st->st_gid))
		bits >>= 3;
	return (bits & (unsigned)mode & 7) == (unsigned)mode;
}

bool cm_doctor_may(struct cm_doctor *doctor, const struct cm_proc_user *user,
		   const char *path, int mode, const char **ret_where)
{
	char *part = cm_arena_strdup(doctor->ctl->arena, path);
	char *slash = part;
	struct stat st;

	while (part != NULL && slash != NULL) {
		slash = strchr(slash + 1, '/');
		if (slash != NULL)
			*slash = '\0';
		*ret_where = cm_doctor_text(doctor, "%s", part);
		if (stat(part, &st) != 0 ||
		    !mode_allows(user, &st, slash != NULL ? X_OK : mode))
			return false;
		if (slash != NULL)
			*slash = '/';
	}
	return part != NULL;
}

bool cm_doctor_user(struct cm_doctor *doctor, const char *name,
		    const char *const *groups, size_t ngroups,
		    struct cm_proc_user *ret_user)
{
	struct cm_proc_user user;
	struct cm_error err;
	size_t i;
	int rc = cm_proc_user(name, &user, &err);

	for (i = 0; rc == CM_OK && i < ngroups; i++) {
		gid_t gid;

		rc = cm_proc_group(groups[i], &gid, &err);
		if (rc == CM_OK)
			rc = cm_proc_add_group(&user, gid, &err);
	}
	if (rc != CM_OK) {
		cm_doctor_unknown(doctor, "%s", err.text);
		return false;
	}
	*ret_user = user;
	return true;
}

/* ---- accounts ----------------------------------------------------------- */

/* A user that a daemon becomes: ours, not root, not among the writers. */
static void check_user(struct cm_doctor *doctor, const char *name,
		       const char *what, bool writes)
{
	const struct cm_config *config = doctor->ctl->config;
	struct cm_proc_user user;
	struct cm_error err;
	gid_t writers;

	if (cm_proc_user(name, &user, &err) != CM_OK) {
		cm_doctor_find(doctor, "%s: %s", what, err.text);
		return;
	}
	if (user.uid == 0)
		cm_doctor_find(doctor,
			       "%s is \"%s\", who may do everything: give it a "
			       "user of its own",
			       what, name);
	if (!writes &&
	    cm_proc_group(config->store_write_group, &writers, NULL) == CM_OK &&
	    in_group(&user, writers))
		cm_doctor_find(doctor,
			       "%s \"%s\" is in group \"%s\" and could forge "
			       "consent: gpasswd -d %s %s",
			       what, name, config->store_write_group, name,
			       config->store_write_group);
}

static void check_apart(struct cm_doctor *doctor, const char *a,
			const char *what_a, const char *b, const char *what_b)
{
	if (strcmp(a, b) == 0)
		cm_doctor_find(doctor,
			       "%s and %s are one user, \"%s\": what one may, "
			       "the other may",
			       what_a, what_b, a);
}

static void check_group(struct cm_doctor *doctor, const char *name)
{
	struct cm_error err;
	gid_t gid;

	if (cm_proc_group(name, &gid, &err) != CM_OK)
		cm_doctor_find(doctor, "%s", err.text);
}

void cm_doctor_accounts(struct cm_doctor *doctor)
{
	const struct cm_config *config = doctor->ctl->config;
	bool web = config->web_base_url != NULL;
	bool signer = config->checkpoint_origin != NULL;

	check_group(doctor, config->store_group);
	check_group(doctor, config->store_write_group);
	if (strcmp(config->store_group, config->store_write_group) == 0)
		cm_doctor_find(doctor,
			       "store.group and store.write-group are one, "
			       "\"%s\": whoever reads could write",
			       config->store_group);
	check_user(doctor, config->milter_user, "milter.user", false);
	if (web) {
		check_user(doctor, config->web_user, "web.user", true);
		check_apart(doctor, config->milter_user, "milter.user",
			    config->web_user, "web.user");
	}
	if (signer) {
		check_user(doctor, config->checkpoint_user, "checkpoint.user",
			   false);
		check_apart(doctor, config->milter_user, "milter.user",
			    config->checkpoint_user, "checkpoint.user");
	}
	if (web && signer)
		check_apart(doctor, config->web_user, "web.user",
			    config->checkpoint_user, "checkpoint.user");
}

/* ---- one file ----------------------------------------------------------- */

struct wanted {
	const char *path;
	bool folder;
	unsigned mode;
	const char *group; /* NULL = any */
	const char *user;  /* NULL = root */
};

static void check_its_user(struct cm_doctor *doctor,
			   const struct wanted *wanted, const struct stat *st)
{
	struct cm_proc_user user;

	if (!cm_doctor_user(doctor, wanted->user, NULL, 0, &user) ||
	    st->st_uid == user.uid)
		return;
	cm_doctor_find(doctor,
		       "%s belongs to user %lu, not to \"%s\", who writes it: "
		       "chown %s %s",
		       wanted->path, (unsigned long)st->st_uid, wanted->user,
		       wanted->user, wanted->path);
}

static void check_owner(struct cm_doctor *doctor, const struct wanted *wanted,
			const struct stat *st)
{
	struct cm_error err;
	gid_t gid;

	/* A store that somebody made without root is all theirs. */
	if (geteuid() != 0 && st->st_uid == geteuid())
		return;
	if (wanted->user != NULL)
		check_its_user(doctor, wanted, st);
	else if (st->st_uid != 0)
		cm_doctor_find(doctor,
			       "%s belongs to user %lu, who may change its "
			       "mode: chown root %s",
			       wanted->path, (unsigned long)st->st_uid,
			       wanted->path);
	if (wanted->group == NULL)
		return;
	if (cm_proc_group(wanted->group, &gid, &err) != CM_OK)
		cm_doctor_unknown(doctor, "%s: %s", wanted->path, err.text);
	else if (st->st_gid != gid)
		cm_doctor_find(doctor,
			       "%s belongs to group %lu, not to \"%s\": chgrp "
			       "%s %s",
			       wanted->path, (unsigned long)st->st_gid,
			       wanted->group, wanted->group, wanted->path);
}

static void check_mode(struct cm_doctor *doctor, const struct wanted *wanted,
		       const struct stat *st)
{
	unsigned mode = (unsigned)st->st_mode & 0777U;

	if (mode == wanted->mode)
		return;
	cm_doctor_find(doctor, "%s has mode %04o, %s: chmod %04o %s",
		       wanted->path, mode,
		       (mode & ~wanted->mode) != 0
			       ? "which lets others in"
			       : "which keeps our own programs out",
		       wanted->mode, wanted->path);
}

/* An access list may give what the mode does not. */
static void check_acl(struct cm_doctor *doctor, const char *path)
{
	if (lgetxattr(path, "system.posix_acl_access", NULL, 0) > 0)
		cm_doctor_unknown(doctor,
				  "%s has an access list, which is not read "
				  "here (getfacl shows it)",
				  path);
}

static void check_file(struct cm_doctor *doctor, const struct wanted *wanted)
{
	struct stat st;

	if (lstat(wanted->path, &st) != 0) {
		if (errno == EACCES)
			cm_doctor_unknown(doctor, "%s: %s (run as root)",
					  wanted->path, strerror(errno));
		else
			cm_doctor_find(doctor, "%s: %s", wanted->path,
				       strerror(errno));
		return;
	}
	if (wanted->folder ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode)) {
		cm_doctor_find(doctor, "%s is no %s", wanted->path,
			       wanted->folder ? "folder" : "file");
		return;
	}
	check_mode(doctor, wanted, &st);
	check_owner(doctor, wanted, &st);
	check_acl(doctor, wanted->path);
}

/* Whoever may write to a folder above may put another one in its place. */
static void check_above(struct cm_doctor *doctor, const char *path)
{
	char *part = cm_arena_strdup(doctor->ctl->arena, path);
	char *slash;
	struct stat st;

	while (part != NULL && (slash = strrchr(part, '/')) != NULL) {
		slash[slash == part] = '\0';
		if (stat(part, &st) != 0)
			return;
		if ((st.st_mode & S_IWOTH) != 0 && (st.st_mode & S_ISVTX) == 0)
			cm_doctor_find(doctor,
				       "anybody may replace what is in %s: "
				       "chmod o-w %s",
				       part, part);
		if (st.st_uid != 0 && st.st_uid != geteuid())
			cm_doctor_find(doctor,
				       "%s belongs to user %lu, who may "
				       "replace %s: chown root %s",
				       part, (unsigned long)st.st_uid, path,
				       part);
		if (slash == part)
			return;
	}
}

/* ---- keys --------------------------------------------------------------- */

void cm_doctor_key_modes(struct cm_doctor *doctor)
{
	const struct cm_config *config = doctor->ctl->config;
	struct wanted wanted = {
		.path = config->keys_path,
		.folder = true,
		.mode = CM_KEYS_FOLDER_MODE,
		.group = config->store_group,
	};
	enum cm_key_kind kind;

	check_file(doctor, &wanted);
	check_above(doctor, config->keys_path);
	wanted.folder = false;
	wanted.mode = CM_KEYS_FILE_MODE;
	for (kind = CM_KEY_STORE; kind < CM_KEY_KINDS; kind++) {
		wanted.path =
			cm_doctor_text(doctor, "%s/%s.key", config->keys_path,
				       cm_key_kind_name(kind));
		wanted.group = cm_key_kind_is_writers(kind)
				       ? config->store_write_group
				       : config->store_group;
		check_file(doctor, &wanted);
	}
	wanted.path = cm_doctor_text(doctor, "%s/api", config->keys_path);
	wanted.group = config->store_write_group;
	if (access(wanted.path, F_OK) == 0) /* only where there are any */
		check_file(doctor, &wanted);
}

/* As the system sees it: links are followed where there is something. */
static const char *real_path(struct cm_doctor *doctor, const char *path)
{
	char *real = realpath(path, NULL);
	const char *copy =
		cm_doctor_text(doctor, "%s", real != NULL ? real : path);

	free(real);
	return copy;
}

static bool is_below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 &&
	       (path[n] == '\0' || path[n] == '/');
}

static void check_not_below(struct cm_doctor *doctor, const char *key,
			    const char *folder, const char *why)
{
	if (is_below(real_path(doctor, key), real_path(doctor, folder)))
		cm_doctor_find(doctor, "%s lies in %s: %s", key, folder, why);
}

/* The key that signs is its user's alone. */
static void check_signing_key(struct cm_doctor *doctor)
{
	const struct cm_config *config = doctor->ctl->config;
	const char *key = config->checkpoint_key;
	struct cm_proc_user user;
	struct stat st;

	if (lstat(key, &st) != 0) {
		if (errno != ENOENT) /* checkpoint-age tells of that */
			cm_doctor_unknown(doctor, "%s: %s (run as root)", key,
					  strerror(errno));
		return;
	}
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		cm_doctor_find(doctor,
			       "%s has mode %04o: others could sign (chmod "
			       "0600 it, and make a new key)",
			       key, (unsigned)st.st_mode & 0777U);
	if (geteuid() == 0 &&
	    cm_doctor_user(doctor, config->checkpoint_user, NULL, 0, &user) &&
	    st.st_uid != user.uid)
		cm_doctor_find(
			doctor,
			"%s belongs to user %lu, not to \"%s\": chown %s "
			"%s",
			key, (unsigned long)st.st_uid, user.name, user.name,
			key);
}

void cm_doctor_keys_apart(struct cm_doctor *doctor)
{
	static const char *const why =
		"a copy of the store would hold the key to it (move the keys, "
		"set keys.path)";
	const struct cm_config *config = doctor->ctl->config;

	check_not_below(doctor, config->keys_path, config->store_path, why);
	check_not_below(doctor, config->store_path, config->keys_path, why);
	if (config->checkpoint_origin == NULL)
		return;
	check_not_below(doctor, config->checkpoint_key, config->store_path,
			"set checkpoint.key");
	check_not_below(doctor, config->checkpoint_key, config->keys_path,
			"the keys' readers could sign (set checkpoint.key)");
	check_signing_key(doctor);
}

/* ---- store -------------------------------------------------------------- */

/* What the milter itself remembers; made when it first starts. */
static void check_sent(struct cm_doctor *doctor)
{
	const struct cm_config *config = doctor->ctl->config;
	struct wanted wanted = {
		.path = cm_doctor_text(doctor, "%s/milter", config->store_path),
		.folder = true,
		.mode = 0750,
		.group = config->store_group,
		.user = config->milter_user,
	};
	const char *folder = wanted.path;
	struct stat st;
	size_t i;

	if (lstat(folder, &st) != 0 && errno == ENOENT)
		return;
	check_file(doctor, &wanted);
	wanted.folder = false;
	for (i = 0; i < CM_SENT_FILES; i++) {
		wanted.path = cm_doctor_text(doctor, "%s/%s", folder,
					     cm_sent_files[i].name);
		wanted.mode = cm_sent_files[i].mode;
		if (lstat(wanted.path, &st) == 0 || errno != ENOENT)
			check_file(doctor, &wanted);
	}
}

/* What people ask for, with their addresses: nobody but who writes. */
static void check_queue(struct cm_doctor *doctor)
{
	static const char *const names[] = {"", "/data.mdb", "/lock.mdb",
					    "/writer.lock"};
	const struct cm_config *config = doctor->ctl->config;
	struct stat st;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const struct wanted wanted = {
			.path = cm_doctor_text(doctor, "%s/web%s",
					       config->store_path, names[i]),
			.folder = i == 0,
			.mode = i == 0 ? CM_QUEUE_FOLDER_MODE & 0777
				       : CM_QUEUE_FILE_MODE,
			.group = config->store_write_group,
		};

		if (lstat(wanted.path, &st) == 0 || errno != ENOENT)
			check_file(doctor, &wanted);
	}
}

void cm_doctor_store_modes(struct cm_doctor *doctor)
{
	const struct cm_config *config = doctor->ctl->config;
	size_t i;

	for (i = 0; i < cm_nstore_files; i++) {
		const struct cm_store_file *file = &cm_store_files[i];
		const struct wanted wanted = {
			.path = cm_doctor_text(doctor, "%s/%s",
					       config->store_path, file->path),
			.folder = file->folder,
			.mode = file->mode,
			.group = file->writers ? config->store_write_group
					       : config->store_group,
		};

		check_file(doctor, &wanted);
	}
	check_sent(doctor);
	check_queue(doctor);
	check_above(doctor,
		    cm_doctor_text(doctor, "%s/store", config->store_path));
}

/* What is true of the milter's user, whatever the modes look like. */
void cm_doctor_milter_reach(struct cm_doctor *doctor)
{
	static const struct {
		const char *path;
		int mode;
		bool may;
		const char *what;
	} rows[] = {
		{"store/ledger/data.mdb", R_OK, true, "read the ledger"},
		{"store/ledger/lock.mdb", R_OK | W_OK, true,
		 "take a reader's slot"},
		{"store/stop/data.mdb", R_OK, true, "read new refusals"},
		{"store/stop/lock.mdb", R_OK | W_OK, true,
		 "take a reader's slot"},
		{"store/ledger/data.mdb", W_OK, false, "write the ledger"},
		{"store/stop/data.mdb", W_OK, false, "write refusals"},
		{"store/private/data.mdb", R_OK, false, "read addresses"},
		{"store/writer.lock", W_OK, false, "keep writers out"},
	};
	const struct cm_config *config = doctor->ctl->config;
	const char *const groups[] = {config->store_group};
	struct cm_proc_user user;
	size_t i;

	if (geteuid() != 0) {
		cm_doctor_unknown(doctor, "only root can look everywhere");
		return;
	}
	if (!cm_doctor_user(doctor, config->milter_user, groups, 1, &user))
		return;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *path = cm_doctor_text(
			doctor, "%s/%s", config->store_path, rows[i].path);
		const char *where = path;

		if (cm_doctor_may(doctor, &user, path, rows[i].mode, &where) ==
		    rows[i].may)
			continue;
		cm_doctor_find(doctor, "\"%s\" %s %s: %s is %s", user.name,
			       rows[i].may ? "cannot" : "can", rows[i].what,
			       rows[i].may ? where : path,
			       rows[i].may ? "in the way" : "open to it");
	}
}
