/*
 * webload - HTTP clients that ask consent-web over and over.
 *
 *   webload -p PORT -f FILE [-g] [-c CONNECTIONS] [-t MS]
 *
 * FILE has a path a line.  Each is asked for once, by a POST as mail
 * providers send it (-g: GET), in turn and over kept connections; with -t,
 * over and over until so many ms have passed.  Prints the time that all took
 * in ns, and then a line for each request in its order: the line of FILE it
 * was for (from 0), status, ns, octets of the body.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/str.h"

enum {
	CONNECTIONS_MAX = 1024,
	FILE_MAX = 64 << 20,
	ANSWER_MAX = 256 * 1024,
	REQUESTS_MAX = 4 << 20,
};

struct options {
	uint64_t port, connections, ms;
	const char *file;
	bool get;
};

struct asked {
	uint32_t line;
	int status; /* 0: the connection broke */
	int64_t ns;
	size_t octets;
};

struct run {
	struct options options;
	struct cm_span *lines;
	size_t nlines;
	struct asked *asked;
	size_t limit;
	int64_t until; /* ns; 0: until all have been asked for */
	atomic_size_t ticket;
};

static int64_t now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- one request -------------------------------------------------------- */

static int connect_to(uint64_t port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) ==
	    0)
		return fd;
	close(fd);
	return -1;
}

static bool send_request(int fd, const struct run *run, struct cm_span path,
			 struct cm_buf *out)
{
	static const char pair[] = "List-Unsubscribe=One-Click";
	size_t sent = 0;

	cm_buf_reset(out);
	(void)cm_buf_addf(out, "%s %.*s HTTP/1.1\r\nHost: x\r\n",
			  run->options.get ? "GET" : "POST", (int)path.n,
			  path.p);
	if (!run->options.get)
		(void)cm_buf_addf(out,
				  "Content-Type: application/"
				  "x-www-form-urlencoded\r\n"
				  "Content-Length: %zu\r\n\r\n%s",
				  sizeof(pair) - 1, pair);
	else
		(void)cm_buf_adds(out, "\r\n");
	while (sent < out->len) {
		ssize_t n = send(fd, out->data + sent, out->len - sent,
				 MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		sent += (size_t)n;
	}
	return true;
}

/* Where the body begins and how long it is; false if the head is not whole. */
static bool read_head(const struct cm_buf *in, size_t *ret_body,
		      uint64_t *ret_length)
{
	static const char field[] = "\r\nContent-Length: ";
	const char *text = cm_buf_text(in);
	const char *end = strstr(text, "\r\n\r\n");
	const char *at = strstr(text, field);
	struct cm_span rest;

	if (end == NULL || at == NULL || at > end)
		return false;
	rest = cm_span(at + sizeof(field) - 1);
	*ret_body = (size_t)(end + 4 - text);
	return cm_parse_u64(cm_span_cut(&rest, '\r'), ANSWER_MAX, ret_length) ==
	       CM_OK;
}

static void read_answer(int fd, struct cm_buf *in, struct asked *asked)
{
	uint64_t status, length = 0;
	size_t body = 0;

	cm_buf_reset(in);
	while (!read_head(in, &body, &length) || in->len < body + length) {
		ssize_t n;

		if (cm_buf_reserve(in, 4096) != CM_OK)
			return;
		n = recv(fd, in->data + in->len, 4096, 0);
		if (n <= 0)
			return;
		in->len += (size_t)n;
	}
	if (in->len > 12 &&
	    cm_parse_u64(cm_span_n(in->data + 9, 3), 999, &status) == CM_OK)
		asked->status = (int)status;
	asked->octets = (size_t)length;
}

/* ---- a client ----------------------------------------------------------- */

static void *client(void *arg)
{
	struct run *run = arg;
	int fd = connect_to(run->options.port);
	struct cm_buf out, in;

	cm_buf_init(&out, ANSWER_MAX);
	cm_buf_init(&in, ANSWER_MAX);
	while (run->until == 0 || now_ns() < run->until) {
		size_t i = atomic_fetch_add(&run->ticket, 1);
		struct asked *asked = &run->asked[i < run->limit ? i : 0];
		int64_t began = now_ns();

		if (i >= run->limit)
			break;
		asked->line = (uint32_t)(i % run->nlines);
		if (send_request(fd, run, run->lines[asked->line], &out))
			read_answer(fd, &in, asked);
		asked->ns = now_ns() - began;
		if (asked->status != 0)
			continue;
		close(fd);
		fd = connect_to(run->options.port);
	}
	close(fd);
	cm_buf_free(&out);
	cm_buf_free(&in);
	return NULL;
}

static int64_t run_clients(struct run *run)
{
	pthread_t threads[CONNECTIONS_MAX];
	int64_t began = now_ns();
	uint64_t i, started = 0;

	if (run->options.ms > 0)
		run->until = began + (int64_t)run->options.ms * 1000000;
	for (i = 0; i < run->options.connections; i++)
		if (pthread_create(&threads[started], NULL, client, run) == 0)
			started++;
	for (i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	return now_ns() - began;
}

/* ---- main --------------------------------------------------------------- */

static int read_lines(struct run *run, struct cm_buf *text)
{
	FILE *file = fopen(run->options.file, "re");
	struct cm_span rest;
	size_t n = 1;

	if (file == NULL)
		return CM_EIO;
	while (n > 0 && cm_buf_reserve(text, 65536) == CM_OK) {
		n = fread(text->data + text->len, 1, 65536, file);
		text->len += n;
	}
	(void)fclose(file);
	run->lines = calloc(text->len + 1, sizeof(*run->lines));
	if (run->lines == NULL)
		return CM_ENOMEM;
	rest = cm_span_n(text->data, text->len);
	while (rest.n > 0)
		run->lines[run->nlines++] = cm_span_cut(&rest, '\n');
	run->limit = run->options.ms > 0 ? REQUESTS_MAX : run->nlines;
	run->asked = calloc(run->limit + 1, sizeof(*run->asked));
	return run->nlines > 0 && run->asked != NULL ? CM_OK : CM_ENOMEM;
}

static int take_option(struct options *o, int letter, const char *text)
{
	switch (letter) {
	case 'p':
		return cm_parse_u64(cm_span(text), 65535, &o->port);
	case 'c':
		return cm_parse_u64(cm_span(text), CONNECTIONS_MAX,
				    &o->connections);
	case 't':
		return cm_parse_u64(cm_span(text), 3600000, &o->ms);
	case 'f':
		o->file = text;
		return CM_OK;
	case 'g':
		o->get = true;
		return CM_OK;
	default:
		return CM_EUSAGE;
	}
}

static void report(const struct run *run, int64_t elapsed)
{
	size_t i, n = atomic_load(&run->ticket);

	(void)printf("%lld\n", (long long)elapsed);
	for (i = 0; i < n && i < run->limit; i++)
		if (run->asked[i].ns > 0)
			(void)printf("%u %d %lld %zu\n", run->asked[i].line,
				     run->asked[i].status,
				     (long long)run->asked[i].ns,
				     run->asked[i].octets);
}

int main(int argc, char **argv)
{
	struct run run = {.options = {.connections = 1}};
	struct cm_buf text;
	int letter, rc = CM_OK;

	while (rc == CM_OK && (letter = getopt(argc, argv, "p:c:t:f:g")) != -1)
		rc = take_option(&run.options, letter, optarg);
	if (rc != CM_OK || run.options.file == NULL) {
		(void)fputs("usage: webload -p PORT -f FILE [-g] "
			    "[-c CONNECTIONS] [-t MS]\n",
			    stderr);
		return 64;
	}
	cm_buf_init(&text, FILE_MAX);
	rc = read_lines(&run, &text);
	if (rc == CM_OK)
		report(&run, run_clients(&run));
	free(run.lines);
	free(run.asked);
	cm_buf_free(&text);
	return rc == CM_OK ? 0 : 1;
}
