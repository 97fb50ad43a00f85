/* See load.h.  Letters and numbers are those of libmilter's mfdef.h. */
#include "tests/bench/load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"

enum {
	LOAD_VERSION = 6,
	LOAD_ACTIONS = 0x1ff,
	LOAD_STEPS = 0x1fffff, /* every SMFIP_* */
	LOAD_FILE_MAX = 64 << 20,
	LOAD_PACKET_MAX = 64 << 20,
};

/* The steps: letter, SMFIP_NO*, SMFIP_NR_*, stage of its macros. */
enum step {
	STEP_CONNECT,
	STEP_HELO,
	STEP_MAIL,
	STEP_RCPT,
	STEP_DATA,
	STEP_HEADER,
	STEP_EOH,
	STEP_BODY,
	STEP_EOM
};

static const struct {
	char letter;
	uint32_t off;
	uint32_t silent;
	unsigned stage;
} steps[] = {
	[STEP_CONNECT] = {'C', 0x1, 0x1000, 0},
	[STEP_HELO] = {'H', 0x2, 0x2000, 1},
	[STEP_MAIL] = {'M', 0x4, 0x4000, 2},
	[STEP_RCPT] = {'R', 0x8, 0x8000, 3},
	[STEP_DATA] = {'T', 0x200, 0x10000, 4},
	[STEP_HEADER] = {'L', 0x20, 0x80, 6},
	[STEP_EOH] = {'N', 0x40, 0x40000, 6},
	[STEP_BODY] = {'B', 0x10, 0x80000, 5},
	[STEP_EOM] = {'E', 0, 0, 5},
};

/* What Postfix sends unless asked for other names (shared/mta.md). */
static const char *const default_macros[CM_LOAD_STAGES] = {
	"j {daemon_name} {daemon_addr} v _",
	"{tls_version} {cipher} {cipher_bits}",
	"{auth_type} {auth_authen} {mail_addr} {mail_host} {mail_mailer}",
	"i {rcpt_addr} {rcpt_host} {rcpt_mailer}",
	"i",
	"i",
	"i",
};

static const struct {
	const char *name;
	const char *value;
} known_macros[] = {
	{"j", "mta.example"},
	{"{daemon_name}", "smtpd"},
	{"{daemon_addr}", "127.0.0.1"},
	{"v", "Postfix 3.7.11"},
	{"_", "localhost [127.0.0.1]"},
	{"{client_addr}", "127.0.0.1"},
	{"{client_port}", "40000"},
	{"{client_name}", "localhost"},
	{"{mail_addr}", "news@acme.example"},
	{"{mail_host}", "acme.example"},
	{"{mail_mailer}", "smtp"},
	{"{rcpt_addr}", "someone@example.com"},
	{"{rcpt_host}", "example.com"},
	{"{rcpt_mailer}", "smtp"},
	{"i", "4BenchQueueId0001"},
};

/* ---- the message file ---------------------------------------------------- */

static int read_file(const char *file, char **ret_text, size_t *ret_n)
{
	FILE *stream = fopen(file, "rb");
	char *text = NULL;
	size_t n = 0;

	if (stream == NULL)
		return CM_EIO;
	text = malloc(LOAD_FILE_MAX + 1);
	if (text != NULL)
		n = fread(text, 1, LOAD_FILE_MAX, stream);
	(void)fclose(stream);
	if (text == NULL || n == 0) {
		free(text);
		return CM_EIO;
	}
	text[n] = '\0';
	*ret_text = text;
	*ret_n = n;
	return CM_OK;
}

/* One header from at on; returns where the next begins, NULL if not one. */
static char *cut_header(char *at, struct cm_load_message *message)
{
	char *colon = strchr(at, ':');
	char *end = at;

	do {
		end = strstr(end, "\r\n");
		if (end == NULL)
			return NULL;
		end += 2;
	} while (*end == ' ' || *end == '\t');
	if (colon == NULL || colon > end ||
	    message->nheaders == CM_LOAD_HEADERS_MAX)
		return NULL;
	*colon = '\0';
	end[-2] = '\0';
	message->names[message->nheaders] = at;
	message->values[message->nheaders] = colon + (colon[1] == ' ' ? 2 : 1);
	message->nheaders++;
	return end;
}

/* Postfix gives folded lines with LF alone. */
static void drop_returns(char *text)
{
	char *to = text;

	for (; *text != '\0'; text++)
		if (*text != '\r')
			*to++ = *text;
	*to = '\0';
}

int cm_load_read_message(const char *file, struct cm_load_message *ret_message)
{
	struct cm_load_message message = {0};
	char *at;
	size_t i, n;
	int rc = read_file(file, &message.text, &n);

	if (rc != CM_OK)
		return rc;
	for (at = message.text; strncmp(at, "\r\n", 2) != 0;) {
		at = cut_header(at, &message);
		if (at == NULL) {
			free(message.text);
			return CM_EDATA;
		}
	}
	for (i = 0; i < message.nheaders; i++)
		drop_returns(message.values[i]);
	message.body = cm_span_n(at + 2, n - (size_t)(at + 2 - message.text));
	*ret_message = message;
	return CM_OK;
}

/* ---- packets ------------------------------------------------------------- */

static int write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t done = send(fd, p, n, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return CM_EIO;
		p += done;
		n -= (size_t)done;
	}
	return CM_OK;
}

static int flush(struct cm_load_connection *c)
{
	const char *p = c->out.data;
	size_t n = c->out.len;
	int rc = CM_OK;

	for (; rc == CM_OK && n > 0;) {
		size_t part = n < CM_LOAD_WRITE ? n : CM_LOAD_WRITE;

		rc = write_all(c->fd, p, part);
		p += part;
		n -= part;
	}
	cm_buf_reset(&c->out);
	return rc;
}

static void put_packet(struct cm_load_connection *c, char letter,
		       const void *data, size_t n)
{
	uint32_t length = htonl((uint32_t)n + 1);

	(void)cm_buf_add(&c->out, &length, sizeof(length));
	(void)cm_buf_addc(&c->out, letter);
	(void)cm_buf_add(&c->out, data, n);
	if (c->out.len >= CM_LOAD_WRITE)
		(void)flush(c); /* an error shows at the next read */
}

static int read_some(struct cm_load_connection *c, size_t n)
{
	while (c->in.len < n) {
		ssize_t got;

		if (cm_buf_reserve(&c->in, 65536) != CM_OK)
			return CM_EIO;
		got = recv(c->fd, c->in.data + c->in.len, 65536, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return CM_EIO;
		c->in.len += (size_t)got;
	}
	return CM_OK;
}

/* The next packet; data points into c->in until the next call. */
static int get_packet(struct cm_load_connection *c, size_t *done, char *letter,
		      struct cm_span *data)
{
	uint32_t length;

	if (*done > 0 && *done == c->in.len) {
		cm_buf_reset(&c->in);
		*done = 0;
	}
	if (read_some(c, *done + 5) != CM_OK)
		return CM_EIO;
	memcpy(&length, c->in.data + *done, sizeof(length));
	length = ntohl(length);
	if (length < 1 || length > LOAD_PACKET_MAX ||
	    read_some(c, *done + 4 + length) != CM_OK)
		return CM_EIO;
	*letter = c->in.data[*done + 4];
	*data = cm_span_n(c->in.data + *done + 5, length - 1);
	*done += 4 + (size_t)length;
	return CM_OK;
}

/* ---- one step ------------------------------------------------------------ */

static void count_change(char letter, struct cm_span data,
			 struct cm_load_result *result)
{
	switch (letter) {
	case 'b':
		result->body += data.n;
		break;
	case '-':
		result->deleted++;
		break;
	case 'h':
	case 'i':
	case 'm':
		result->headers++;
		break;
	default: /* progress, quarantine, sender: not counted */
		break;
	}
}

/* Everything up to the reply that ends the step. */
static int get_reply(struct cm_load_connection *c, char *ret_reply,
		     struct cm_load_result *result)
{
	struct cm_span data;
	size_t done = 0;
	char letter;

	if (flush(c) != CM_OK)
		return CM_EIO;
	cm_buf_reset(&c->in);
	do {
		if (get_packet(c, &done, &letter, &data) != CM_OK)
			return CM_EIO;
		count_change(letter, data, result);
	} while (strchr("carstdyf4", letter) == NULL);
	/* "550 ..." and "450 ..." are told apart by their first digit */
	if (letter == 'y' && data.n > 0 && data.p[0] == '4')
		letter = 't';
	*ret_reply = letter;
	return CM_OK;
}

/* reply: 'c' when none is waited for. */
static int do_step(struct cm_load_connection *c, enum step step,
		   const void *data, size_t n, char *ret_reply,
		   struct cm_load_result *result)
{
	unsigned stage = steps[step].stage;

	*ret_reply = 'c';
	if (c->pause_us > 0 && (step <= STEP_DATA || step == STEP_EOM)) {
		struct timespec pause = {0, (long)c->pause_us * 1000};

		(void)nanosleep(&pause, NULL);
	}
	/* macros first, even of a step that is off */
	c->macros[stage][0] = steps[step].letter;
	put_packet(c, 'D', c->macros[stage], c->nmacros[stage]);
	if ((c->steps & steps[step].off) != 0)
		return CM_OK;
	put_packet(c, steps[step].letter, data, n);
	if ((c->steps & steps[step].silent) != 0)
		return CM_OK;
	return get_reply(c, ret_reply, result);
}

/* ---- the session ----------------------------------------------------------
 */

static const char *macro_value(const char *name, size_t n)
{
	size_t i;

	for (i = 0; i < sizeof(known_macros) / sizeof(known_macros[0]); i++)
		if (strlen(known_macros[i].name) == n &&
		    memcmp(known_macros[i].name, name, n) == 0)
			return known_macros[i].value;
	return NULL;
}

/* macros[stage] = step letter, then name NUL value NUL for those known. */
static void set_macros(struct cm_load_connection *c, unsigned stage,
		       const char *names)
{
	size_t room = sizeof(c->macros[0]), n = 1;

	while (*names != '\0') {
		size_t word = strcspn(names, " ");
		const char *value = macro_value(names, word);

		if (value != NULL && n + word + strlen(value) + 2 <= room) {
			memcpy(c->macros[stage] + n, names, word);
			c->macros[stage][n + word] = '\0';
			memcpy(c->macros[stage] + n + word + 1, value,
			       strlen(value) + 1);
			n += word + strlen(value) + 2;
		}
		names += word;
		names += strspn(names, " ");
	}
	c->nmacros[stage] = n;
}

/* The rest of the milter's answer: stage number, names, NUL, and so on. */
static void take_macro_lists(struct cm_load_connection *c, struct cm_span rest)
{
	while (rest.n > 4) {
		uint32_t stage;
		const char *nul = memchr(rest.p + 4, '\0', rest.n - 4);

		memcpy(&stage, rest.p, sizeof(stage));
		stage = ntohl(stage);
		if (nul == NULL || stage >= CM_LOAD_STAGES)
			return;
		set_macros(c, stage, rest.p + 4);
		rest.n -= (size_t)(nul + 1 - rest.p);
		rest.p = nul + 1;
	}
}

static int negotiate(struct cm_load_connection *c)
{
	uint32_t offer[3] = {htonl(LOAD_VERSION), htonl(LOAD_ACTIONS),
			     htonl(LOAD_STEPS)};
	struct cm_span data;
	uint32_t word;
	size_t done = 0;
	char letter;
	unsigned i;

	for (i = 0; i < CM_LOAD_STAGES; i++)
		set_macros(c, i, default_macros[i]);
	put_packet(c, 'O', offer, sizeof(offer));
	if (flush(c) != CM_OK || get_packet(c, &done, &letter, &data) != CM_OK)
		return CM_EIO;
	if (letter != 'O' || data.n < sizeof(offer))
		return CM_EDATA;
	memcpy(&word, data.p + 8, sizeof(word));
	c->steps = ntohl(word);
	take_macro_lists(c, cm_span_n(data.p + 12, data.n - 12));
	return CM_OK;
}

static int connect_to(const char *path)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	int fd;

	if (strlen(path) >= sizeof(name.sun_path))
		return -1;
	memcpy(name.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd >= 0 &&
	    connect(fd, (struct sockaddr *)&name, sizeof(name)) != 0) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

int cm_load_open(struct cm_load_connection *c, const char *path,
		 unsigned pause_us)
{
	static const char client[] = "localhost\0004\x9c\x40"
				     "127.0.0.1";
	struct cm_load_result ignored;
	char reply;
	int rc;

	memset(c, 0, sizeof(*c));
	cm_buf_init(&c->out, LOAD_PACKET_MAX);
	cm_buf_init(&c->in, LOAD_PACKET_MAX);
	c->pause_us = pause_us;
	c->fd = connect_to(path);
	if (c->fd < 0)
		return CM_EIO;
	rc = negotiate(c);
	if (rc == CM_OK)
		rc = do_step(c, STEP_CONNECT, client, sizeof(client), &reply,
			     &ignored);
	if (rc == CM_OK)
		rc = do_step(c, STEP_HELO, "client.example", 15, &reply,
			     &ignored);
	if (rc != CM_OK)
		cm_load_close(c);
	return rc;
}

void cm_load_close(struct cm_load_connection *c)
{
	if (c->fd >= 0) {
		put_packet(c, 'Q', "", 0);
		(void)flush(c);
		(void)close(c->fd);
	}
	c->fd = -1;
	cm_buf_free(&c->out);
	cm_buf_free(&c->in);
}

/* ---- one message -----------------------------------------------------------
 */

static int send_envelope(struct cm_load_connection *c, const char *sender,
			 const char *const *rcpts, size_t nrcpts,
			 struct cm_load_result *result)
{
	char reply;
	size_t i;
	int rc = do_step(c, STEP_MAIL, sender, strlen(sender) + 1, &reply,
			 result);

	if (rc != CM_OK || reply != 'c') {
		result->verdict = reply;
		return rc;
	}
	for (i = 0; rc == CM_OK && i < nrcpts; i++) {
		rc = do_step(c, STEP_RCPT, rcpts[i], strlen(rcpts[i]) + 1,
			     &reply, result);
		if (reply == 'c')
			result->taken++;
		else if (reply == 't')
			result->later++;
		else
			result->refused++;
	}
	if (rc == CM_OK && result->taken == 0)
		result->verdict = 'A';
	return rc;
}

static int send_headers(struct cm_load_connection *c,
			const struct cm_load_message *message,
			struct cm_load_result *result)
{
	struct cm_buf pair;
	char reply;
	size_t i;
	int rc = CM_OK;

	cm_buf_init(&pair, LOAD_PACKET_MAX);
	for (i = 0; rc == CM_OK && i < message->nheaders; i++) {
		cm_buf_reset(&pair);
		(void)cm_buf_add(&pair, message->names[i],
				 strlen(message->names[i]) + 1);
		(void)cm_buf_add(&pair, message->values[i],
				 strlen(message->values[i]) + 1);
		rc = do_step(c, STEP_HEADER, pair.data, pair.len, &reply,
			     result);
	}
	cm_buf_free(&pair);
	return rc;
}

static int send_content(struct cm_load_connection *c,
			const struct cm_load_message *message,
			struct cm_load_result *result)
{
	struct cm_span rest = message->body;
	char reply;
	int rc = do_step(c, STEP_DATA, "", 0, &reply, result);

	if (rc == CM_OK)
		rc = send_headers(c, message, result);
	if (rc == CM_OK)
		rc = do_step(c, STEP_EOH, "", 0, &reply, result);
	while (rc == CM_OK && rest.n > 0) {
		size_t n = rest.n < CM_LOAD_CHUNK ? rest.n : CM_LOAD_CHUNK;

		rc = do_step(c, STEP_BODY, rest.p, n, &reply, result);
		rest.p += n;
		rest.n -= n;
	}
	if (rc == CM_OK)
		rc = do_step(c, STEP_EOM, "", 0, &result->verdict, result);
	return rc;
}

int cm_load_send(struct cm_load_connection *c, const char *sender,
		 const char *const *rcpts, size_t nrcpts,
		 const struct cm_load_message *message,
		 struct cm_load_result *ret_result)
{
	struct cm_load_result result = {0};
	int rc = send_envelope(c, sender, rcpts, nrcpts, &result);

	if (rc == CM_OK && result.verdict == '\0')
		rc = send_content(c, message, &result);
	if (rc != CM_OK)
		return rc;
	put_packet(c, 'A', "", 0); /* smtpd does so after each message */
	*ret_result = result;
	return CM_OK;
}
