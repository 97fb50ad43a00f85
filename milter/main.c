/*
 * consent-milter: the daemon.  See consent-milter(8).
 *
 * Root is needed only to lock, bind and become somebody else; that is done
 * before the first octet of mail is read.
 */
#include "config.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

#include "lib/log.h"
#include "lib/proc.h"
#include "milter/advice.h"
#include "milter/listen.h"
#include "milter/supervise.h"
#include "milter/usable.h"
#include "milter/worker.h"
#include "policy/config.h"
#include "policy/sent.h"

#define PROGRAM "consent-milter"

struct options {
	const char *config_file;
	bool foreground;
	bool check_only;
};

struct daemon {
	struct options options;
	struct cm_config *config; /* for workers that are yet to start */
	struct cm_config *first;  /* listening[] points into it */
	struct cm_log *log;
	struct cm_listening *listening;
	size_t nlistening;
	struct cm_proc_user user;
	int ready; /* for cm_proc_ready() */
};

static int usage(void)
{
	(void)fputs("usage: " PROGRAM " [-c FILE] [-f] [-t]\n"
		    "  -c FILE  config file (" CM_CONFIG_DEFAULT ")\n"
		    "  -f       stay in the foreground, log to stderr\n"
		    "  -t       check the config and exit: 0 good, 78 bad\n",
		    stderr);
	return EX_USAGE;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
	int c;

	options->config_file = CM_CONFIG_DEFAULT;
	while ((c = getopt(argc, argv, "c:ft")) != -1) {
		switch (c) {
		case 'c':
			options->config_file = optarg;
			break;
		case 'f':
			options->foreground = true;
			break;
		case 't':
			options->check_only = true;
			break;
		default:
			return false;
		}
	}
	return optind == argc;
}

/* ---- config ----------------------------------------------------------- */

static int load(const char *file, struct cm_config **ret_config,
		struct cm_error *err)
{
	struct cm_config *config = NULL;
	int rc = cm_config_load(file, &config, err);

	if (rc == CM_OK)
		rc = cm_usable(config, err);
	if (rc != CM_OK) {
		cm_config_unref(&config);
		return rc;
	}
	*ret_config = config;
	return CM_OK;
}

/* ---- what the supervisor asks ----------------------------------------- */

static int run_worker(void *ctx, size_t index, int ready_fd)
{
	struct daemon *daemon = ctx;
	const struct cm_worker_options options = {
		.config = daemon->config,
		.log = daemon->log,
		.listening = &daemon->listening[index],
		.ready_fd = ready_fd,
	};
	size_t i;

	if (daemon->ready >= 0) {
		(void)close(daemon->ready);
		cm_proc_let_go();
	}
	/* The locks stay: they must outlive even a killed supervisor. */
	for (i = 0; i < daemon->nlistening; i++)
		if (i != index)
			(void)close(daemon->listening[i].fd);
	return cm_worker_run(&options);
}

static void on_ready(void *ctx)
{
	struct daemon *daemon = ctx;

	cm_log(daemon->log, CM_LOG_NOTICE, "%s " PACKAGE_VERSION " is ready",
	       daemon->config->file);
	cm_worker_say_modes(daemon->config, daemon->log);
	cm_advice_log(daemon->config, daemon->log);
	cm_proc_notify("READY=1");
	cm_proc_ready(&daemon->ready, EX_OK);
}

/* A worker that is started again must find its listener. */
static int keeps_listeners(const struct daemon *daemon,
			   const struct cm_config *config, struct cm_error *err)
{
	size_t i;

	for (i = 0; i < daemon->nlistening; i++) {
		const char *name = daemon->listening[i].listener->name;

		if (cm_config_listener(config, name) == NULL)
			return cm_fail(err, CM_ECONFIG,
				       "%s: listener \"%s\" is served and "
				       "cannot go away (restart to remove it)",
				       config->file, name);
	}
	return CM_OK;
}

static int on_reload(void *ctx)
{
	struct daemon *daemon = ctx;
	struct cm_config *config = NULL;
	struct cm_error err;
	size_t i;
	int rc = load(daemon->config->file, &config, &err);

	if (rc == CM_OK)
		rc = keeps_listeners(daemon, config, &err);
	if (rc != CM_OK) {
		cm_config_unref(&config);
		cm_log_error(daemon->log, CM_LOG_ERROR,
			     "reload failed, the old configuration stays",
			     &err);
		return rc;
	}
	if (config->nlisteners != daemon->nlistening)
		cm_log(daemon->log, CM_LOG_WARNING,
		       "reload: new listeners come at the next restart");
	cm_config_unref(&daemon->config);
	daemon->config = config;
	for (i = 0; i < daemon->nlistening; i++)
		cm_listen_note(&daemon->listening[i], config);
	cm_worker_say_modes(config, daemon->log);
	cm_advice_log(config, daemon->log);
	return CM_OK;
}

static void on_stopping(void *ctx)
{
	struct daemon *daemon = ctx;
	size_t i;

	cm_proc_notify("STOPPING=1");
	cm_log(daemon->log, CM_LOG_NOTICE, "stopping");
	/* The MTA hears "refused" at once instead of waiting. */
	for (i = 0; i < daemon->nlistening; i++)
		(void)close(daemon->listening[i].fd);
}

/* ---- start ------------------------------------------------------------ */

/* The user's own group and the one that may read the store, no others. */
static int find_user(struct daemon *daemon, struct cm_error *err)
{
	const struct cm_config *config = daemon->config;
	gid_t group;
	int rc = cm_proc_user(config->milter_user, &daemon->user, err);

	if (rc != CM_OK)
		return rc;
	daemon->user.ngroups = 0;
	rc = cm_proc_add_group(&daemon->user, daemon->user.gid, err);
	if (rc != CM_OK || config->store_group == NULL)
		return rc;
	rc = cm_proc_group(config->store_group, &group, err);
	if (rc == CM_OK)
		rc = cm_proc_add_group(&daemon->user, group, err);
	return rc;
}

static int listen_all(struct daemon *daemon, struct cm_error *err)
{
	const struct cm_config *config = daemon->config;
	uid_t owner = geteuid() == 0 ? daemon->user.uid : (uid_t)-1;
	size_t i;

	daemon->first = cm_config_ref(daemon->config);
	daemon->listening =
		calloc(config->nlisteners, sizeof(*daemon->listening));
	if (daemon->listening == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	for (i = 0; i < config->nlisteners; i++) {
		int rc = cm_listen_open(&config->listeners[i], owner,
					&daemon->listening[i], err);

		if (rc != CM_OK)
			return cm_error_prefix(err, "listener \"%s\": ",
					       config->listeners[i].name);
		cm_listen_note(&daemon->listening[i], config);
		daemon->nlistening++;
	}
	return CM_OK;
}

static int open_log(struct daemon *daemon, struct cm_error *err)
{
	cm_log_free(&daemon->log);
	if (!daemon->options.foreground)
		return cm_log_syslog(PROGRAM, daemon->config->syslog_facility,
				     &daemon->log, err);
	if (cm_log_stderr(PROGRAM, &daemon->log) != CM_OK)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	return CM_OK;
}

/* What the milter itself remembers lies there.  Without it service mail still
 * has to pass: workers try again, and say so. */
static void make_memory_folder(const struct daemon *daemon)
{
	const struct cm_proc_user *user = &daemon->user;
	struct cm_error err;

	if (cm_sent_make(daemon->config->store_path, user->uid,
			 user->groups[user->ngroups - 1], &err) != CM_OK)
		(void)fprintf(stderr, PROGRAM ": %s\n", err.text);
}

/* All that needs root, then never again root. */
static int become_daemon(struct daemon *daemon, struct cm_error *err)
{
	int rc = find_user(daemon, err);

	/* Without root this only says whether we are who we should be. */
	if (rc == CM_OK && geteuid() != 0)
		rc = cm_proc_drop(&daemon->user, err);
	/* First, so that lock and pid file hold the daemon's own number;
	 * the terminal is let go of only when all is well. */
	if (rc == CM_OK && !daemon->options.foreground)
		rc = cm_proc_detach(&daemon->ready, err);
	if (rc == CM_OK)
		rc = listen_all(daemon, err);
	if (rc == CM_OK && geteuid() == 0)
		make_memory_folder(daemon);
	if (rc == CM_OK && daemon->config->pid_file != NULL)
		rc = cm_proc_pid_file(daemon->config->pid_file, err);
	if (rc == CM_OK)
		rc = cm_proc_drop(&daemon->user, err);
	if (rc == CM_OK)
		rc = open_log(daemon, err);
	return rc;
}

static int serve(struct daemon *daemon)
{
	const struct cm_supervisor supervisor = {
		.log = daemon->log,
		.count = daemon->nlistening,
		.ctx = daemon,
		.run = run_worker,
		.ready = on_ready,
		.reload = on_reload,
		.stopping = on_stopping,
	};

	return cm_supervise(&supervisor);
}

/* The log is not open yet, or the person is at the terminal. */
static int complain(struct daemon *daemon, const struct cm_error *err)
{
	int status = cm_exit_code(err->code);

	(void)fprintf(stderr, PROGRAM ": %s\n", err->text);
	cm_proc_ready(&daemon->ready, status);
	return status;
}

static int check_only(struct daemon *daemon)
{
	if (cm_log_stderr(PROGRAM, &daemon->log) != CM_OK)
		return EX_OSERR;
	cm_worker_say_modes(daemon->config, daemon->log);
	cm_advice_log(daemon->config, daemon->log);
	return EX_OK;
}

static int run(struct daemon *daemon)
{
	struct cm_error err;
	int status;

	if (load(daemon->options.config_file, &daemon->config, &err) != CM_OK)
		return complain(daemon, &err);
	if (daemon->options.check_only)
		return check_only(daemon);
	if (become_daemon(daemon, &err) != CM_OK)
		return complain(daemon, &err);
	status = serve(daemon);
	if (daemon->ready >= 0)
		(void)fputs(PROGRAM ": did not start, see the log\n", stderr);
	cm_proc_ready(&daemon->ready, status);
	return status;
}

int main(int argc, char **argv)
{
	struct daemon daemon = {.ready = -1};
	int status;

	cm_proc_std_fds();
	/* Whoever listens to our ends of pipes may be gone. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (!parse_options(argc, argv, &daemon.options))
		return usage();
	status = run(&daemon);
	cm_config_unref(&daemon.config);
	cm_config_unref(&daemon.first);
	cm_log_free(&daemon.log);
	free(daemon.listening);
	return status;
}
