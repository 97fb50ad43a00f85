/*
 * consent-web - the way out over HTTP.  See consent-web.8.
 */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "lib/proc.h"
#include "web/answer.h"
#include "web/fold.h"
#include "web/http_mhd.h"
#include "web/listen.h"

#define CM_WEB_PROGRAM "consent-web"

enum {
	/* The folding thread may wait so long for another writer; answers
	 * never do, they go to stop. */
	CM_WEB_LOCK_WAIT_MS = 1000,
	CM_WEB_PROBE_MAX = 1 << 20, /* octets of a look at the store */
};

struct options {
	const char *config;
	bool foreground;
	bool test;
};

/* Keys and store as they were when opened, and what works on them. */
struct opened {
	struct cm_keys *keys;
	struct cm_store *store;
	struct cm_fold *fold;
	struct cm_site site;
};

/* All that lives while we serve. */
struct server {
	struct cm_config *config;
	struct cm_templates *templates;
	struct cm_log *log;
	struct cm_proc_user user;
	int listen_fd;
	int ready;
	struct opened *opened;
	struct cm_http *http;
};

static int usage(void)
{
	fprintf(stderr, "usage: " CM_WEB_PROGRAM " [-c FILE] [-f] [-t]\n"
			"  -c FILE  read this config instead of "
			"" CM_CONFIG_DEFAULT "\n"
			"  -f       stay in the foreground, log to stderr\n"
			"  -t       check the config and exit 0 or 78\n");
	return EX_USAGE;
}

static bool parse_options(int argc, char **argv, struct options *options)
{
	int c;

	while ((c = getopt(argc, argv, "c:ft")) != -1) {
		switch (c) {
		case 'c':
			options->config = optarg;
			break;
		case 'f':
			options->foreground = true;
			break;
		case 't':
			options->test = true;
			break;
		default:
			return false;
		}
	}
	return optind == argc;
}

/* Everything that can be known to be wrong before we touch anything. */
static int read_config(const char *file, struct server *server,
		       struct cm_error *err)
{
	const struct cm_config *config;
	int rc = cm_config_load(file, &server->config, err);

	if (rc != CM_OK)
		return rc;
	config = server->config;
	if (config->web_base_url == NULL)
		return cm_fail(err, CM_ECONFIG,
			       "%s: there is no web section, so " CM_WEB_PROGRAM
			       " has nothing to do: add web { base-url = "
			       "\"https://...\" }",
			       config->file);
	rc = cm_listen_check(config->web_listen, err);
	if (rc != CM_OK)
		return cm_error_prefix(err, "%s: ", config->file);
	return cm_templates_load(config->templates, config->language,
				 &server->templates, err);
}

/* Who we become: the web user, reading and writing the store. */
static int find_user(struct server *server, struct cm_error *err)
{
	const struct cm_config *config = server->config;
	const char *const groups[] = {config->store_group,
				      config->store_write_group};
	size_t i;
	int rc;

	rc = cm_proc_user(config->web_user, &server->user, err);
	for (i = 0; i < 2 && rc == CM_OK; i++) {
		gid_t gid;

		if (groups[i] == NULL)
			continue;
		rc = cm_proc_group(groups[i], &gid, err);
		if (rc == CM_OK)
			rc = cm_proc_add_group(&server->user, gid, err);
	}
	return rc;
}

static int open_log(struct server *server, bool foreground,
		    struct cm_error *err)
{
	int rc;

	if (!foreground)
		return cm_log_syslog(CM_WEB_PROGRAM,
				     server->config->syslog_facility,
				     &server->log, err);
	rc = cm_log_stderr(CM_WEB_PROGRAM, &server->log);
	return rc == CM_OK ? CM_OK : cm_fail(err, rc, "no memory for the log");
}

static int open_store(const struct cm_config *config, struct opened *opened,
		      struct cm_error *err)
{
	const struct cm_store_options options = {
		.path = config->store_path,
		.map_size = config->store_map_size,
		.lock_wait_ms = CM_WEB_LOCK_WAIT_MS,
		.group = (gid_t)-1,
		.write_group = (gid_t)-1,
	};
	int rc;

	rc = cm_keys_open(config->keys_path, &opened->keys, err);
	if (rc == CM_OK)
		rc = cm_store_open(&options, CM_STORE_WRITE, opened->keys,
				   &opened->store, err);
	return rc;
}

static void opened_free(struct opened **opened)
{
	if (*opened == NULL)
		return;
	cm_fold_end(&(*opened)->fold);
	cm_store_close(&(*opened)->store);
	cm_keys_free(&(*opened)->keys);
	cm_site_deinit(&(*opened)->site);
	free(*opened);
	*opened = NULL;
}

static int opened_new(const struct server *server, struct opened **ret_opened,
		      struct cm_error *err)
{
	struct opened *opened = calloc(1, sizeof(*opened));
	struct cm_site *site;
	int rc;

	if (opened == NULL)
		return cm_fail(err, CM_ENOMEM, "no memory to open the store");
	rc = cm_site_init(&opened->site, err);
	if (rc != CM_OK) {
		free(opened);
		return rc;
	}
	rc = open_store(server->config, opened, err);
	if (rc == CM_OK)
		rc = cm_fold_start(opened->store, server->log, &opened->fold,
				   err);
	if (rc != CM_OK) {
		opened_free(&opened);
		return rc;
	}
	site = &opened->site;
	site->config = server->config;
	site->templates = server->templates;
	site->keys = opened->keys;
	site->store = opened->store;
	site->log = server->log;
	site->withdrawn = cm_fold_wake;
	site->ctx = opened->fold;
	*ret_opened = opened;
	return CM_OK;
}

static int start_serving(struct server *server, struct cm_error *err)
{
	int fd = server->listen_fd;
	int rc = opened_new(server, &server->opened, err);

	if (rc != CM_OK)
		return rc;
	server->listen_fd = -1;
	return cm_http_start(fd, &server->opened->site, &server->http, err);
}

static bool is_readable(struct cm_store *store)
{
	struct cm_store_reader *reader = NULL;
	struct cm_arena *arena = NULL;
	int rc;

	if (cm_arena_new(CM_WEB_PROBE_MAX, &arena) != CM_OK)
		return true; /* that is another trouble */
	rc = cm_store_read_begin(store, arena, &reader, NULL);
	cm_store_read_end(&reader);
	cm_arena_free(&arena);
	return rc == CM_OK;
}

/*
 * A store that was put back from a backup is another one than we have open,
 * perhaps with other keys.  The old one is kept until the new one is there:
 * as long as its stop can be written, clicks are taken.
 */
static void follow_store(struct server *server)
{
	struct opened *fresh = NULL, *old = server->opened;

	if (is_readable(old->store) ||
	    opened_new(server, &fresh, NULL) != CM_OK)
		return;
	cm_http_use(server->http, &fresh->site);
	server->opened = fresh;
	opened_free(&old);
	cm_log(server->log, CM_LOG_NOTICE,
	       "the store was replaced: the new one is in use");
}

/* In the order that proc.h asks for; threads start last. */
static int start(struct server *server, const struct options *options,
		 struct cm_error *err)
{
	int rc;

	rc = find_user(server, err);
	if (rc == CM_OK)
		rc = cm_listen_open(server->config->web_listen,
				    &server->listen_fd, err);
	if (rc == CM_OK && !options->foreground)
		rc = cm_proc_detach(&server->ready, err);
	if (rc == CM_OK)
		rc = open_log(server, options->foreground, err);
	if (rc == CM_OK)
		rc = cm_proc_drop(&server->user, err);
	if (rc == CM_OK)
		rc = start_serving(server, err);
	return rc;
}

/* Threads inherit the mask: signals come to main() alone. */
static void block_signals(sigset_t *ret_ending)
{
	sigemptyset(ret_ending);
	sigaddset(ret_ending, SIGTERM);
	sigaddset(ret_ending, SIGINT);
	(void)pthread_sigmask(SIG_BLOCK, ret_ending, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGUSR1, SIG_IGN);
}

static void serve_until_told(struct server *server, const sigset_t *ending)
{
	const struct timespec second = {1, 0};

	while (sigtimedwait(ending, NULL, &second) < 0) {
		cm_http_reap(server->http);
		follow_store(server);
	}
}

static void stop(struct server *server)
{
	cm_http_stop(&server->http);
	opened_free(&server->opened);
	if (server->listen_fd >= 0)
		close(server->listen_fd);
	cm_templates_free(&server->templates);
	cm_config_unref(&server->config);
	cm_log_free(&server->log);
}

static int serve(struct server *server, const struct options *options)
{
	struct cm_error err = {CM_OK, ""};
	sigset_t ending;
	int rc;

	block_signals(&ending);
	rc = start(server, options, &err);
	if (rc != CM_OK) {
		fprintf(stderr, CM_WEB_PROGRAM ": %s\n", err.text);
		cm_log_error(server->log, CM_LOG_ERROR, "not started", &err);
		cm_proc_ready(&server->ready, cm_exit_code(rc));
		return cm_exit_code(rc);
	}
	cm_log(server->log, CM_LOG_NOTICE, "started, listening on %s",
	       server->config->web_listen);
	cm_proc_ready(&server->ready, EX_OK);
	cm_proc_notify("READY=1");
	serve_until_told(server, &ending);
	cm_proc_notify("STOPPING=1");
	cm_log(server->log, CM_LOG_NOTICE, "stopping");
	return EX_OK;
}

int main(int argc, char **argv)
{
	struct options options = {CM_CONFIG_DEFAULT, false, false};
	struct server server = {.listen_fd = -1, .ready = -1};
	struct cm_error err;
	int status;

	if (!parse_options(argc, argv, &options))
		return usage();
	cm_proc_std_fds();
	if (read_config(options.config, &server, &err) != CM_OK) {
		fprintf(stderr, CM_WEB_PROGRAM ": %s\n", err.text);
		status = EX_CONFIG;
	} else {
		status = options.test ? EX_OK : serve(&server, &options);
	}
	stop(&server);
	return status;
}
