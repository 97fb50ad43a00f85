/* See http_mhd.h. */
#define _GNU_SOURCE /* pthread_rwlockattr_setkind_np */
#include "web/http_mhd.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>

#include "lib/clock.h"

enum {
	/* A POST waits for the disk; those that wait share one sync. */
	CM_HTTP_THREADS = 8,
	/* Providers post in bursts from few addresses, and behind a proxy all
	 * have one: so no limit for each address (R8058-17). */
	CM_HTTP_CONNECTIONS = 1024,
	CM_HTTP_MEMORY = 16 * 1024, /* of one: request line and header */
	CM_HTTP_SILENCE_S = 10,     /* between two reads */
	CM_HTTP_REQUEST_S = 20,     /* for one whole request */
	CM_HTTP_DRAIN_MS = 3000,    /* at the end, for answers under way */
	CM_HTTP_DRAIN_STEP_MS = 20,
	/* More than this is not even read to be thrown away. */
	CM_HTTP_UPLOAD_MAX = 64 * 1024,
};

/* One TCP connection, in the list that cm_http_reap() goes through. */
struct connection {
	struct connection *next, *previous;
	int fd;
	int64_t since; /* the request's beginning, ms of the monotonic clock */
	bool cut;
};

struct cm_http {
	struct cm_log *log;
	struct cm_metrics *metrics; /* NULL: nobody counts */
	bool admin;
	int listen_fd;        /* the daemon has a copy */
	pthread_rwlock_t use; /* held for reading by every answer */
	struct cm_site *site;
	struct MHD_Daemon *daemon;
	pthread_mutex_t mutex;     /* guards the list */
	struct connection *newest; /* head of the list */
};

/* One request while its body arrives. */
struct pending {
	struct cm_buf body; /* grows as it comes, up to its place's limit */
	size_t uploaded;
	bool too_long;
	bool ambiguous;
};

/* ---- connections -------------------------------------------------------- */

static struct connection *connection_add(struct cm_http *http, int fd)
{
	struct connection *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL; /* the library's time-out still holds */
	c->fd = fd;
	c->since = cm_clock_steady_ms();
	pthread_mutex_lock(&http->mutex);
	c->next = http->newest;
	if (c->next != NULL)
		c->next->previous = c;
	http->newest = c;
	pthread_mutex_unlock(&http->mutex);
	cm_metrics_add(http->metrics, CM_METRIC_CONNECTIONS, 1);
	cm_metrics_add(http->metrics, CM_METRIC_CONNECTIONS_OPEN, 1);
	return c;
}

static void connection_remove(struct cm_http *http, struct connection *c)
{
	pthread_mutex_lock(&http->mutex);
	if (c->next != NULL)
		c->next->previous = c->previous;
	if (c->previous != NULL)
		c->previous->next = c->next;
	else
		http->newest = c->next;
	pthread_mutex_unlock(&http->mutex);
	cm_metrics_add(http->metrics, CM_METRIC_CONNECTIONS_OPEN, UINT64_MAX);
	free(c);
}

static void on_connection(void *cls, struct MHD_Connection *connection,
			  void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info;
	struct cm_http *http = cls;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		info = MHD_get_connection_info(
			connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		if (info != NULL)
			*socket_context =
				connection_add(http, info->connect_fd);
	} else if (*socket_context != NULL) {
		/* The socket is closed after this returns, not before. */
		connection_remove(http, *socket_context);
		*socket_context = NULL;
	}
}

void cm_http_reap(struct cm_http *http)
{
	int64_t oldest =
		cm_clock_steady_ms() - CM_HTTP_REQUEST_S * CM_SECOND_MS;
	struct connection *c;

	pthread_mutex_lock(&http->mutex);
	for (c = http->newest; c != NULL; c = c->next)
		if (c->since < oldest && !c->cut) {
			(void)shutdown(c->fd, SHUT_RDWR);
			c->cut = true;
			cm_metrics_add(http->metrics, CM_METRIC_CONNECTIONS_CUT,
				       1);
		}
	pthread_mutex_unlock(&http->mutex);
}

static void restart_clock(struct cm_http *http,
			  struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct connection *c = info != NULL ? info->socket_context : NULL;

	if (c == NULL)
		return;
	pthread_mutex_lock(&http->mutex);
	c->since = cm_clock_steady_ms();
	pthread_mutex_unlock(&http->mutex);
}

/* ---- requests ----------------------------------------------------------- */

static struct cm_span field(struct MHD_Connection *connection, const char *name)
{
	return cm_span(
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name));
}

/* The one place where a response is made, queued and let go. */
static enum MHD_Result send_answer(struct MHD_Connection *connection,
				   struct cm_answer *answer)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		answer->page.body.len, answer->page.body.data,
		MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result = MHD_YES;
	size_t i;

	if (response == NULL)
		return MHD_NO;
	for (i = 0; i < answer->nheaders && result == MHD_YES; i++)
		result = MHD_add_response_header(response,
						 answer->headers[i].name,
						 answer->headers[i].value);
	if (result == MHD_YES)
		result = MHD_queue_response(connection,
					    (unsigned)answer->status, response);
	MHD_destroy_response(response);
	return result;
}

struct last {
	const char *name;
	struct cm_span value;
};

static enum MHD_Result keep_last(void *cls, enum MHD_ValueKind kind,
				 const char *name, const char *value)
{
	struct last *last = cls;

	(void)kind;
	if (cm_span_is(cm_span(name), last->name))
		last->value = cm_span(value);
	return MHD_YES;
}

/* Some proxies add a field behind that of the client, others to it. */
static struct cm_span last_field(struct MHD_Connection *connection,
				 const char *name)
{
	struct last last = {name, {NULL, 0}};

	(void)MHD_get_connection_values(connection, MHD_HEADER_KIND, keep_last,
					&last);
	return last.value;
}

static struct cm_client peer_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(
		connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	if (info == NULL)
		return (struct cm_client){.known = false};
	return cm_client_of(info->client_addr);
}

static enum MHD_Result respond(struct cm_http *http,
			       struct MHD_Connection *connection,
			       const char *url, const char *method,
			       const struct pending *pending)
{
	const struct cm_request request = {
		.admin = http->admin,
		.method = method,
		.url = cm_span(url),
		.content_type = field(connection, MHD_HTTP_HEADER_CONTENT_TYPE),
		.accept_language =
			field(connection, MHD_HTTP_HEADER_ACCEPT_LANGUAGE).p,
		.peer = peer_of(connection),
		.forwarded_for = last_field(connection, "X-Forwarded-For"),
		.forwarded = last_field(connection, "Forwarded"),
		.user_agent = field(connection, MHD_HTTP_HEADER_USER_AGENT),
		.authorization =
			field(connection, MHD_HTTP_HEADER_AUTHORIZATION),
		.body = cm_span_n(pending->body.data, pending->body.len),
		.ambiguous = pending->ambiguous,
		.body_too_long = pending->too_long,
	};
	int64_t began = cm_clock_steady_us();
	struct cm_answer answer;
	enum MHD_Result result;

	pthread_rwlock_rdlock(&http->use);
	cm_answer_make(http->site, &request, cm_clock_now(), &answer);
	result = send_answer(connection, &answer);
	cm_metrics_request(http->metrics, answer.place, answer.method,
			   answer.status,
			   (uint64_t)(cm_clock_steady_us() - began));
	cm_answer_free(&answer);
	pthread_rwlock_unlock(&http->use);
	return result;
}

/* What says how long a request is, counted. */
struct framing {
	unsigned lengths, encodings;
	bool odd_name;
};

static enum MHD_Result count_framing(void *cls, enum MHD_ValueKind kind,
				     const char *name, const char *value)
{
	struct framing *framing = cls;

	(void)kind;
	(void)value;
	framing->lengths +=
		cm_span_is(cm_span(name), MHD_HTTP_HEADER_CONTENT_LENGTH);
	framing->encodings +=
		cm_span_is(cm_span(name), MHD_HTTP_HEADER_TRANSFER_ENCODING);
	/* "Content-Length :" is one to some (RFC 9112, 5.1). */
	framing->odd_name =
		framing->odd_name || strpbrk(name, " \t\r\n\v\f") != NULL;
	return MHD_YES;
}

/*
 * Could a server in front have read another end of the body?  Then what comes
 * after it may be a request that it never saw (RFC 9112, 6.1 and 6.3).
 */
static bool is_ambiguous(struct MHD_Connection *connection, const char *version)
{
	struct framing framing = {0, 0, false};

	(void)MHD_get_connection_values(connection, MHD_HEADER_KIND,
					count_framing, &framing);
	return framing.odd_name || framing.lengths + framing.encodings > 1 ||
	       (framing.encodings > 0 &&
		strcmp(version, MHD_HTTP_VERSION_1_1) != 0);
}

/* A body announced as hopelessly long is answered before it comes. */
static bool announces_too_much(struct MHD_Connection *connection)
{
	struct cm_span length =
		field(connection, MHD_HTTP_HEADER_CONTENT_LENGTH);
	uint64_t value;

	return length.n > 0 &&
	       cm_parse_u64(length, CM_HTTP_UPLOAD_MAX, &value) != CM_OK;
}

static int take_upload(struct pending *pending, const char *data, size_t n)
{
	size_t room = pending->body.max - pending->body.len;

	pending->uploaded += n;
	if (n > room) {
		pending->too_long = true;
		n = room;
	}
	return cm_buf_add(&pending->body, data, n);
}

static struct pending *pending_new(struct cm_http *http, const char *url)
{
	struct pending *pending = calloc(1, sizeof(*pending));

	if (pending == NULL)
		return NULL;
	pthread_rwlock_rdlock(&http->use);
	cm_buf_init(&pending->body, cm_answer_body_max(http->site, url));
	pthread_rwlock_unlock(&http->use);
	return pending;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection,
				  const char *url, const char *method,
				  const char *version, const char *upload_data,
				  size_t *upload_data_size, void **con_cls)
{
	struct pending *pending = *con_cls;
	struct cm_http *http = cls;

	if (pending == NULL) {
		pending = pending_new(http, url);
		if (pending == NULL)
			return MHD_NO;
		*con_cls = pending;
		pending->ambiguous = is_ambiguous(connection, version);
		pending->too_long = announces_too_much(connection);
		if (!pending->ambiguous && !pending->too_long)
			return MHD_YES;
		return respond(http, connection, url, method, pending);
	}
	if (*upload_data_size > 0) {
		int rc = take_upload(pending, upload_data, *upload_data_size);

		*upload_data_size = 0;
		return rc != CM_OK || pending->uploaded > CM_HTTP_UPLOAD_MAX
			       ? MHD_NO
			       : MHD_YES;
	}
	return respond(http, connection, url, method, pending);
}

static void on_completed(void *cls, struct MHD_Connection *connection,
			 void **con_cls, enum MHD_RequestTerminationCode code)
{
	struct pending *pending = *con_cls;

	(void)code;
	if (pending != NULL)
		cm_buf_free(&pending->body);
	free(pending);
	*con_cls = NULL;
	restart_clock(cls, connection);
}

/* The route undoes escapes itself, where a NUL is one more octet. */
static size_t leave_escapes(void *cls, struct MHD_Connection *connection,
			    char *text)
{
	(void)cls;
	(void)connection;
	return strlen(text);
}

static void on_message(void *cls, const char *fmt, va_list ap) CM_PRINTF(2, 0);
static void on_message(void *cls, const char *fmt, va_list ap)
{
	const struct cm_http *http = cls;
	char text[CM_LOG_LINE_MAX];
	int n = vsnprintf(text, sizeof(text), fmt, ap);

	if (n > 0)
		cm_log(http->log, CM_LOG_DEBUG, "http: %s", text);
}

/* ---- start and stop ----------------------------------------------------- */

/* TLS 1.2 is what RFC 9325, 3.1.1 still allows; what follows is its order. */
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

static struct MHD_Daemon *start_daemon(struct cm_http *http,
				       const struct cm_certificate *certificate)
{
	const bool tls = certificate != NULL;
	/* The first end ends it: without TLS there is nothing in it. */
	struct MHD_OptionItem secure[] = {
		{tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0,
		 tls ? certificate->chain.data : NULL},
		{MHD_OPTION_HTTPS_MEM_KEY, 0,
		 tls ? certificate->key.data : NULL},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)PRIORITIES},
		{MHD_OPTION_END, 0, NULL},
	};
	int fd = fcntl(http->listen_fd, F_DUPFD_CLOEXEC, 0);
	struct MHD_Daemon *daemon;

	if (fd < 0)
		return NULL;
	daemon = MHD_start_daemon(
		MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_ITC | MHD_USE_ERROR_LOG |
			(tls ? MHD_USE_TLS : 0),
		0, NULL, NULL, on_request, http, MHD_OPTION_EXTERNAL_LOGGER,
		on_message, http, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_THREAD_POOL_SIZE, (unsigned)CM_HTTP_THREADS,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)CM_HTTP_CONNECTIONS,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CM_HTTP_SILENCE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CM_HTTP_MEMORY,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,
		MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, NULL,
		MHD_OPTION_ARRAY, secure, MHD_OPTION_END);
	if (daemon == NULL)
		close(fd);
	return daemon;
}

static void http_free(struct cm_http **http)
{
	pthread_rwlock_destroy(&(*http)->use);
	pthread_mutex_destroy(&(*http)->mutex);
	if ((*http)->listen_fd >= 0)
		close((*http)->listen_fd);
	free(*http);
	*http = NULL;
}

/* Answers are never all at rest under load: the one who waits goes first. */
static int init_use(pthread_rwlock_t *use)
{
	pthread_rwlockattr_t attr;
	int rc = pthread_rwlockattr_init(&attr);

	if (rc != 0)
		return rc;
	(void)pthread_rwlockattr_setkind_np(
		&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	rc = pthread_rwlock_init(use, &attr);
	(void)pthread_rwlockattr_destroy(&attr);
	return rc;
}

int cm_http_start(const struct cm_http_options *options, struct cm_site *site,
		  struct cm_http **ret_http, struct cm_error *err)
{
	struct cm_http *http = calloc(1, sizeof(*http));

	if (http == NULL || pthread_mutex_init(&http->mutex, NULL) != 0 ||
	    init_use(&http->use) != 0) {
		free(http);
		close(options->listen_fd);
		return cm_fail(err, CM_ENOMEM, "no memory for HTTP");
	}
	http->listen_fd = options->listen_fd;
	http->admin = options->admin;
	http->log = site->log;
	http->metrics = site->metrics;
	http->site = site;
	http->daemon = start_daemon(http, options->certificate);
	if (http->daemon == NULL) {
		http_free(&http);
		return cm_fail(err, CM_EIO, "libmicrohttpd did not start");
	}
	*ret_http = http;
	return CM_OK;
}

void cm_http_use(struct cm_http *http, struct cm_site *site)
{
	if (http == NULL)
		return;
	pthread_rwlock_wrlock(&http->use);
	http->site = site;
	pthread_rwlock_unlock(&http->use);
}

static unsigned connections(struct MHD_Daemon *daemon)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(
		daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

	return info != NULL ? info->num_connections : 0;
}

/* No new connections; those under way have a moment to end. */
static void end_daemon(struct MHD_Daemon *daemon)
{
	const struct timespec step = {0, CM_HTTP_DRAIN_STEP_MS * 1000000L};
	int listen_fd = MHD_quiesce_daemon(daemon);
	int waited;

	if (listen_fd >= 0)
		close(listen_fd);
	for (waited = 0; waited < CM_HTTP_DRAIN_MS && connections(daemon) > 0;
	     waited += CM_HTTP_DRAIN_STEP_MS)
		(void)nanosleep(&step, NULL);
	MHD_stop_daemon(daemon);
}

int cm_http_renew(struct cm_http *http,
		  const struct cm_certificate *certificate,
		  struct cm_error *err)
{
	struct MHD_Daemon *fresh = start_daemon(http, certificate);

	if (fresh == NULL)
		return cm_fail(err, CM_EIO,
			       "libmicrohttpd did not start with the new "
			       "certificate");
	end_daemon(http->daemon);
	http->daemon = fresh;
	return CM_OK;
}

void cm_http_stop(struct cm_http **http)
{
	if (*http == NULL)
		return;
	close((*http)->listen_fd);
	(*http)->listen_fd = -1;
	end_daemon((*http)->daemon);
	http_free(http);
}
