/*
 * consent-web - the way out over HTTP.  See consent-web.8.
 */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "lib/proc.h"
#include "web/answer.h"
#include "web/clerk.h"
#include "web/fold.h"
#include "web/http_mhd.h"
#include "web/listen.h"
#include "web/post.h"

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
	struct cm_api_keys *api_keys;
	struct cm_store *store;
	struct cm_fold *fold;
	struct cm_site site;
};

/* All that lives while we serve. */
struct server {
	struct cm_config *config;
	struct cm_templates *templates;
	struct cm_shown *shown; /* NULL without a mail section */
	bool texts_wait;        /* the ledger could not take them yet */
	struct cm_logo *logo;   /* NULL: none */
	struct cm_log *log;
	struct cm_proc_user user;
	struct cm_metrics *metrics;
	struct cm_certificate *certificate; /* NULL: plain HTTP */
	int listen_fd;
	int admin_fd; /* -1: none */
	int ready;
	struct opened *opened;
	bool said_lost; /* its store, and that no other can be opened */
	/* PATH/web; NULL without a mail section.  It is not part of what a
	 * restore replaces, and a process may open it only once. */
	struct cm_queue *queue;
	/* Who work on it; NULL as long as there is none. */
	struct cm_post *post;
	struct cm_clerk *clerk;
	struct cm_http *http;
	struct cm_http *admin; /* NULL: none */
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
	rc = cm_listen_check("web.listen", config->web_listen, err);
	if (rc == CM_OK && config->web_admin_listen != NULL)
		rc = cm_listen_check("web.admin-listen",
				     config->web_admin_listen, err);
	if (rc != CM_OK)
		return cm_error_prefix(err, "%s: ", config->file);
	rc = cm_logo_load(config->web_logo, &server->logo, err);
	if (rc != CM_OK)
		return cm_error_prefix(err, "%s: ", config->file);
	rc = cm_templates_load(config->templates, config->language,
			       &server->templates, err);
	if (rc == CM_OK && config->mail_domain != NULL)
		rc = cm_shown_make(config, server->templates, &server->shown,
				   err);
	return rc;
}

static int load_certificate(struct server *server, struct cm_error *err)
{
	struct cm_certificate *certificate = NULL;
	int rc = cm_certificate_load(server->config, &certificate, err);

	if (rc != CM_OK)
		return rc;
	server->certificate = certificate;
	if (certificate == NULL)
		return CM_OK;
	cm_metrics_set(server->metrics, CM_METRIC_CERTIFICATE_ENDS,
		       (uint64_t)certificate->until);
	if (certificate->until < (int64_t)time(NULL))
		cm_log(server->log, CM_LOG_WARNING,
		       "the certificate of %s has ended: nobody can "
		       "unsubscribe "
		       "until it is renewed",
		       server->config->web_certificate);
	return CM_OK;
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

static int open_keys(const struct cm_config *config, struct opened *opened,
		     struct cm_error *err)
{
	int rc = cm_keys_open(config->keys_path, &opened->keys, err);

	return rc == CM_OK ? cm_api_keys_open(config->keys_path,
					      &opened->api_keys, err)
			   : rc;
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

	rc = open_keys(config, opened, err);
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
	cm_api_keys_free(&(*opened)->api_keys);
	cm_site_deinit(&(*opened)->site);
	free(*opened);
	*opened = NULL;
}

static void fill_site(const struct server *server, struct opened *opened)
{
	struct cm_site *site = &opened->site;

	site->config = server->config;
	site->templates = server->templates;
	site->logo = server->logo;
	site->keys = opened->keys;
	site->api_keys = opened->api_keys;
	site->store = opened->store;
	site->log = server->log;
	site->metrics = server->metrics;
	site->withdrawn = cm_fold_wake;
	site->ctx = opened->fold;
	site->shown = server->shown;
	site->queue =
		server->config->mail_domain != NULL ? server->queue : NULL;
	site->asked = server->clerk != NULL ? cm_clerk_wake : NULL;
	site->asked_ctx = server->clerk;
}

/* From here on they work with this one, which the caller keeps. */
static void put_to_work(const struct server *server, const struct cm_site *site)
{
	if (server->clerk != NULL)
		cm_clerk_use(server->clerk, site);
	if (server->post != NULL)
		cm_post_use(server->post, site);
}

/* Where there is a queue for the first time. */
static int start_work(struct server *server, struct cm_site *site,
		      struct cm_error *err)
{
	int rc = CM_OK;

	if (server->queue == NULL)
		return CM_OK;
	if (server->post == NULL)
		rc = cm_post_start(site, &server->post, err);
	if (rc == CM_OK && server->clerk == NULL)
		rc = cm_clerk_start(site, cm_post_duty(server->post),
				    &server->clerk, err);
	site->asked = server->clerk != NULL ? cm_clerk_wake : NULL;
	site->asked_ctx = server->clerk;
	return rc;
}

static void end_work(struct server *server)
{
	cm_clerk_end(&server->clerk);
	cm_post_end(&server->post);
}

static int opened_alloc(struct opened **ret_opened, struct cm_error *err)
{
	struct opened *opened = calloc(1, sizeof(*opened));
	int rc;

	if (opened == NULL)
		return cm_fail(err, CM_ENOMEM, "no memory to open the store");
	rc = cm_site_init(&opened->site, err);
	if (rc != CM_OK) {
		free(opened);
		return rc;
	}
	*ret_opened = opened;
	return CM_OK;
}

static int opened_new(const struct server *server, struct opened **ret_opened,
		      struct cm_error *err)
{
	struct opened *opened;
	int rc = opened_alloc(&opened, err);

	if (rc != CM_OK)
		return rc;
	rc = open_store(server->config, opened, err);
	if (rc == CM_OK)
		rc = cm_fold_start(opened->store, server->config, server->log,
				   server->metrics, &opened->fold, err);
	if (rc != CM_OK) {
		opened_free(&opened);
		return rc;
	}
	fill_site(server, opened);
	*ret_opened = opened;
	return CM_OK;
}

/*
 * The folder of what persons ask for, while we may make one there.  That there
 * is no store is said by who opens it.
 */
static int make_queue(const struct cm_config *config, struct cm_error *err)
{
	gid_t group = (gid_t)-1;
	int rc = CM_OK;

	if (config->mail_domain == NULL)
		return CM_OK;
	if (geteuid() == 0 && config->store_write_group != NULL)
		rc = cm_proc_group(config->store_write_group, &group, err);
	if (rc == CM_OK)
		rc = cm_queue_make(config->store_path, group, err);
	return rc == CM_ENOTFOUND ? CM_OK : rc;
}

static int open_queue(const struct cm_config *config,
		      const struct cm_keys *keys, struct cm_queue **queue,
		      struct cm_error *err)
{
	const struct cm_queue_options options = {
		.path = config->store_path,
		.map_size = config->store_map_size,
		.lock_wait_ms = CM_WEB_LOCK_WAIT_MS,
	};

	if (config->mail_domain == NULL)
		return CM_OK;
	if (*queue != NULL)
		return cm_queue_use_keys(*queue, keys, err);
	return cm_queue_open(&options, keys, queue, err);
}

/* What people are shown goes to the ledger, if need be some seconds later. */
static void put_texts(struct server *server)
{
	struct cm_error err;
	int rc = CM_OK;

	if (server->shown != NULL)
		rc = cm_shown_put(server->shown, server->opened->store, &err);
	if (rc != CM_OK && !server->texts_wait)
		cm_log_error(server->log, CM_LOG_WARNING,
			     "the texts of forms are not in the ledger yet",
			     &err);
	server->texts_wait = rc != CM_OK;
}

static int start_serving(struct server *server, struct cm_error *err)
{
	struct cm_http_options options = {.listen_fd = server->listen_fd,
					  .certificate = server->certificate};
	int rc = opened_new(server, &server->opened, err);

	if (rc == CM_OK)
		rc = open_queue(server->config, server->opened->keys,
				&server->queue, err);
	if (rc != CM_OK)
		return rc;
	fill_site(server, server->opened);
	rc = start_work(server, &server->opened->site, err);
	if (rc != CM_OK)
		return rc;
	put_texts(server);
	server->listen_fd = -1;
	rc = cm_http_start(&options, &server->opened->site, &server->http, err);
	if (rc != CM_OK || server->admin_fd < 0)
		return rc;
	options = (struct cm_http_options){.listen_fd = server->admin_fd,
					   .admin = true};
	server->admin_fd = -1;
	return cm_http_start(&options, &server->opened->site, &server->admin,
			     err);
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
	struct cm_error err;
	int rc;

	if (is_readable(old->store)) {
		server->said_lost = false;
		return;
	}
	rc = opened_new(server, &fresh, &err);
	if (rc == CM_OK)
		rc = open_queue(server->config, fresh->keys, &server->queue,
				&err);
	if (rc != CM_OK) {
		if (!server->said_lost)
			cm_log_error(server->log, CM_LOG_ERROR,
				     "the store that is open cannot be read, "
				     "and the one in its place not be opened",
				     &err);
		server->said_lost = true;
		opened_free(&fresh);
		return;
	}
	cm_shown_again(server->shown);
	fill_site(server, fresh);
	put_to_work(server, &fresh->site);
	cm_http_use(server->http, &fresh->site);
	cm_http_use(server->admin, &fresh->site);
	server->opened = fresh;
	opened_free(&old);
	cm_log(server->log, CM_LOG_NOTICE,
	       "the store was replaced: the new one is in use");
}

/* ---- reload ------------------------------------------------------------- */

/* By another one nobody would be found in the store that is open. */
static int check_store_key(const struct cm_keys *old,
			   const struct cm_keys *keys, struct cm_error *err)
{
	const struct cm_key *a = cm_keys_current(old, CM_KEY_STORE);
	const struct cm_key *b = cm_keys_current(keys, CM_KEY_STORE);

	if (a->len == b->len && cm_equal_ct(a->bytes, b->bytes, a->len))
		return CM_OK;
	return cm_fail(err, CM_ECONFIG,
		       "the store key is that of another store: put the right "
		       "file back");
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* A place that is used already cannot change under our feet. */
static int check_places(const struct cm_config *old,
			const struct cm_config *config, struct cm_error *err)
{
	if (strcmp(old->web_listen, config->web_listen) == 0 &&
	    same_text(old->web_admin_listen, config->web_admin_listen) &&
	    strcmp(old->store_path, config->store_path) == 0)
		return CM_OK;
	return cm_fail(err, CM_ECONFIG,
		       "%s: web.listen, web.admin-listen and store.path "
		       "change at a restart only",
		       config->file);
}

static void forget_config(struct server *server)
{
	cm_templates_free(&server->templates);
	cm_shown_free(&server->shown);
	cm_logo_free(&server->logo);
	cm_certificate_free(&server->certificate);
	cm_config_unref(&server->config);
}

static int read_anew(const struct server *server, struct server *fresh,
		     struct opened *opened, struct cm_error *err)
{
	int rc = read_config(server->config->file, fresh, err);

	if (rc == CM_OK)
		rc = check_places(server->config, fresh->config, err);
	if (rc == CM_OK)
		rc = open_keys(fresh->config, opened, err);
	if (rc == CM_OK)
		rc = check_store_key(server->opened->keys, opened->keys, err);
	if (rc == CM_OK)
		rc = load_certificate(fresh, err);
	return rc;
}

/* The same store and folding, under new keys, purposes and texts. */
static void put_in_force(struct server *server, struct server *fresh,
			 struct opened *opened)
{
	struct opened *old = server->opened;
	struct cm_error err;

	fresh->queue = server->queue;
	fresh->post = server->post;
	fresh->clerk = server->clerk;
	opened->store = old->store;
	opened->fold = old->fold;
	fill_site(fresh, opened);
	put_to_work(fresh, &opened->site);
	if (start_work(fresh, &opened->site, &err) != CM_OK)
		cm_log_error(server->log, CM_LOG_ERROR,
			     "what people ask for waits for a restart", &err);
	server->post = fresh->post;
	server->clerk = fresh->clerk;
	cm_http_use(server->http, &opened->site);
	cm_http_use(server->admin, &opened->site);
	cm_fold_use(opened->fold, fresh->config);
	old->store = NULL;
	old->fold = NULL;
	opened_free(&old);
	forget_config(server);
	server->config = fresh->config;
	server->templates = fresh->templates;
	server->shown = fresh->shown;
	server->logo = fresh->logo;
	server->certificate = fresh->certificate;
	server->opened = opened;
}

static void reload(struct server *server)
{
	struct server fresh = {.log = server->log,
			       .metrics = server->metrics,
			       .listen_fd = -1,
			       .admin_fd = -1};
	struct opened *opened = NULL;
	struct cm_error err;
	int rc = opened_alloc(&opened, &err);

	if (rc == CM_OK)
		rc = read_anew(server, &fresh, opened, &err);
	if (rc == CM_OK)
		rc = make_queue(fresh.config, &err);
	if (rc == CM_OK)
		rc = open_queue(fresh.config, opened->keys, &server->queue,
				&err);
	/* The last that can fail: it is in use when this returns. */
	if (rc == CM_OK &&
	    !cm_certificate_is_same(server->certificate, fresh.certificate))
		rc = cm_http_renew(server->http, fresh.certificate, &err);
	if (rc == CM_OK) {
		put_in_force(server, &fresh, opened);
		put_texts(server);
		cm_log(server->log, CM_LOG_NOTICE, "configuration reloaded");
		cm_metrics_add_of(server->metrics, CM_METRIC_RELOADS, "ok", 1);
		return;
	}
	cm_metrics_add_of(server->metrics, CM_METRIC_RELOADS, "failed", 1);
	cm_log_error(server->log, CM_LOG_ERROR,
		     "reload failed, the old configuration stays", &err);
	forget_config(&fresh);
	opened_free(&opened);
}

/* ---- start and stop ----------------------------------------------------- */

/* Who sees the public one answer may ask the other. */
static int open_sockets(struct server *server, struct cm_error *err)
{
	const struct cm_config *config = server->config;
	int rc = CM_OK;

	if (config->web_admin_listen != NULL)
		rc = cm_listen_open("web.admin-listen",
				    config->web_admin_listen, &server->admin_fd,
				    err);
	if (rc == CM_OK)
		rc = cm_listen_open("web.listen", config->web_listen,
				    &server->listen_fd, err);
	return rc;
}

/* In the order that proc.h asks for; threads start last. */
static int start(struct server *server, const struct options *options,
		 struct cm_error *err)
{
	int rc;

	rc = find_user(server, err);
	if (rc == CM_OK)
		rc = open_sockets(server, err);
	if (rc == CM_OK && !options->foreground)
		rc = cm_proc_detach(&server->ready, err);
	if (rc == CM_OK)
		rc = open_log(server, options->foreground, err);
	if (rc == CM_OK)
		rc = make_queue(server->config, err);
	if (rc == CM_OK)
		rc = cm_proc_drop(&server->user, err);
	/* As who must read a renewed one, too. */
	if (rc == CM_OK)
		rc = load_certificate(server, err);
	if (rc == CM_OK)
		rc = start_serving(server, err);
	return rc;
}

/* Threads inherit the mask: signals come to main() alone. */
static void block_signals(sigset_t *ret_signals)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
	size_t i;

	sigemptyset(ret_signals);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigaddset(ret_signals, numbers[i]);
	(void)pthread_sigmask(SIG_BLOCK, ret_signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

static void serve_until_told(struct server *server, const sigset_t *signals)
{
	const struct timespec second = {1, 0};

	for (;;) {
		switch (sigtimedwait(signals, NULL, &second)) {
		case SIGTERM:
		case SIGINT:
			return;
		case SIGHUP:
		case SIGUSR1:
			reload(server);
			break;
		default:
			cm_http_reap(server->http);
			if (server->admin != NULL)
				cm_http_reap(server->admin);
			follow_store(server);
			put_texts(server);
		}
	}
}

static void stop(struct server *server)
{
	cm_http_stop(&server->http);
	cm_http_stop(&server->admin);
	end_work(server);
	opened_free(&server->opened);
	cm_queue_close(&server->queue);
	if (server->listen_fd >= 0)
		close(server->listen_fd);
	if (server->admin_fd >= 0)
		close(server->admin_fd);
	forget_config(server);
	cm_metrics_free(&server->metrics);
	cm_log_free(&server->log);
}

static int serve(struct server *server, const struct options *options)
{
	struct cm_error err = {CM_OK, ""};
	sigset_t signals;
	int rc;

	block_signals(&signals);
	rc = cm_metrics_new(&server->metrics);
	cm_metrics_set(server->metrics, CM_METRIC_STARTED,
		       (uint64_t)time(NULL));
	if (rc == CM_OK)
		rc = start(server, options, &err);
	else
		(void)cm_fail(&err, rc, "no memory to count");
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
	serve_until_told(server, &signals);
	cm_proc_notify("STOPPING=1");
	cm_log(server->log, CM_LOG_NOTICE, "stopping");
	return EX_OK;
}

/* What -t checks beyond the config: that the certificate can be served. */
static int test(struct server *server)
{
	struct cm_error err;

	if (load_certificate(server, &err) == CM_OK)
		return EX_OK;
	fprintf(stderr, CM_WEB_PROGRAM ": %s\n", err.text);
	return EX_CONFIG;
}

int main(int argc, char **argv)
{
	struct options options = {CM_CONFIG_DEFAULT, false, false};
	struct server server = {.listen_fd = -1, .admin_fd = -1, .ready = -1};
	struct cm_error err;
	int status;

	if (!parse_options(argc, argv, &options))
		return usage();
	cm_proc_std_fds();
	if (read_config(options.config, &server, &err) != CM_OK) {
		fprintf(stderr, CM_WEB_PROGRAM ": %s\n", err.text);
		status = EX_CONFIG;
	} else {
		status =
			options.test ? test(&server) : serve(&server, &options);
	}
	stop(&server);
	return status;
}
