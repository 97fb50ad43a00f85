/* What runs: sockets, daemons, timers.  See doctor.h. */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "tools/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/enc.h"
#include "milter/place.h"
#include "policy/config.h"
#include "tools/program.h"

enum {
	WAIT_MS = 5000, /* a daemon of ours answers in milliseconds */
	LOCK_TEXT_MAX = 200,
	STATUS_MAX = 64 * 1024, /* /proc/PID/status */
	ANSWER_MAX = 4096,
	MILTER_VERSION = 6,
	MILTER_NEGOTIATE = 13, /* octets of a negotiation, length apart */
};

/* ---- talking ------------------------------------------------------------ */

static int connect_unix(const char *path)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int errnum;

	if (fd < 0)
		return -1;
	(void)snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (connect(fd, (const struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	errnum = errno;
	(void)close(fd);
	errno = errnum;
	return -1;
}

/* Hosts of our own settings are numbers or in /etc/hosts. */
static int connect_inet(const char *host, const char *port)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	int errnum = EHOSTUNREACH;
	int fd = -1;

	if (getaddrinfo(host, port, &hints, &found) == 0)
		fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
		errnum = errno;
		(void)close(fd);
		fd = -1;
	}
	if (found != NULL)
		freeaddrinfo(found);
	errno = errnum;
	return fd;
}

/* Send all of it; then read up to max octets, or until the other side ends.
 * -1: nothing came in time. */
static ssize_t ask(int fd, const void *question, size_t n, char *out,
		   size_t max)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
	size_t got = 0;
	ssize_t more = 1;

	if (send(fd, question, n, MSG_NOSIGNAL) != (ssize_t)n)
		return -1;
	while (got < max && more > 0 && poll(&poll_fd, 1, WAIT_MS) == 1) {
		more = recv(fd, out + got, max - got, 0);
		got += more > 0 ? (size_t)more : 0;
	}
	return got > 0 ? (ssize_t)got : -1;
}

/* SMFIC_OPTNEG: version, actions, steps; an answer of the same kind. */
static bool answers_as_milter(int fd)
{
	static const unsigned char question[4 + MILTER_NEGOTIATE] = {
		0,
		0,
		0,
		MILTER_NEGOTIATE,
		'O',
		0,
		0,
		0,
		MILTER_VERSION,
		0,
		0,
		1,
		0xff,
		0,
		0,
		0,
		0x7f,
	};
	static const unsigned char quit[] = {0, 0, 0, 1, 'Q'};
	char answer[5];

	if (ask(fd, question, sizeof(question), answer, sizeof(answer)) !=
		    (ssize_t)sizeof(answer) ||
	    answer[4] != 'O')
		return false;
	(void)send(fd, quit, sizeof(quit), MSG_NOSIGNAL);
	return true;
}

/* ---- listeners ---------------------------------------------------------- */

static void check_answer(struct cm_doctor *doctor,
			 const struct cm_listener *listener,
			 const struct cm_place *place)
{
	int fd = place->family == AF_UNIX
			 ? connect_unix(place->path)
			 : connect_inet(place->host, place->port);

	if (fd < 0 && (errno == EACCES || errno == EPERM)) {
		cm_doctor_unknown(doctor,
				  "listener \"%s\": %s: %s (run as "
				  "root)",
				  listener->name, listener->socket,
				  strerror(errno));
		return;
	}
	if (fd < 0) {
		cm_doctor_find(doctor,
			       "listener \"%s\": %s: %s: does consent-milter "
			       "run? (systemctl status consent-milter)",
			       listener->name, listener->socket,
			       strerror(errno));
		return;
	}
	if (!answers_as_milter(fd))
		cm_doctor_find(doctor,
			       "listener \"%s\": what serves %s does not "
			       "answer as a milter within %d s",
			       listener->name, listener->socket,
			       WAIT_MS / 1000);
	(void)close(fd);
}

typedef void listener_fn(struct cm_doctor *doctor,
			 const struct cm_listener *listener,
			 const struct cm_place *place);

static void each_listener(struct cm_doctor *doctor, listener_fn *check)
{
	const struct cm_config *config = doctor->ctl->config;
	struct cm_place place;
	size_t i;

	for (i = 0; i < config->nlisteners; i++)
		/* What does not parse is told by "config". */
		if (cm_place_parse(config->listeners[i].socket, &place, NULL) ==
		    CM_OK)
			check(doctor, &config->listeners[i], &place);
}

void cm_doctor_listeners(struct cm_doctor *doctor)
{
	each_listener(doctor, check_answer);
}

/* ---- the lock file ------------------------------------------------------ */

struct lock {
	bool held;
	char text[LOCK_TEXT_MAX]; /* "PID\nDIGEST\n" */
	const char *pid;
	const char *digest; /* "" if it does not say */
};

/* A shared lock, for an instant: asked only where somebody serves the socket,
 * so a daemon of ours has its own already. */
static bool read_lock(struct cm_doctor *doctor,
		      const struct cm_listener *listener,
		      const struct cm_place *place, struct lock *lock)
{
	const char *path = cm_doctor_text(doctor, "%s.lock", place->path);
	char *end;
	ssize_t n;
	int fd;

	if (place->family != AF_UNIX) {
		cm_doctor_unknown(doctor,
				  "listener \"%s\": an inet socket has no "
				  "lock file",
				  listener->name);
		return false;
	}
	fd = connect_unix(place->path);
	if (fd < 0) {
		cm_doctor_unknown(doctor, "listener \"%s\": nobody answers",
				  listener->name);
		return false;
	}
	(void)close(fd);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && errno == EACCES) {
		cm_doctor_unknown(doctor, "%s: %s (run as root)", path,
				  strerror(errno));
		return false;
	}
	memset(lock, 0, sizeof(*lock));
	if (fd >= 0) {
		lock->held = flock(fd, LOCK_SH | LOCK_NB) != 0;
		n = pread(fd, lock->text, sizeof(lock->text) - 1, 0);
		lock->text[n > 0 ? n : 0] = '\0';
		(void)close(fd);
	}
	lock->pid = lock->digest = lock->text;
	end = strchr(lock->text, '\n');
	if (end != NULL) {
		*end = '\0';
		lock->digest = end + 1;
		end[1 + strcspn(end + 1, "\n")] = '\0';
	} else {
		lock->digest = "";
	}
	return true;
}

static void check_ours(struct cm_doctor *doctor,
		       const struct cm_listener *listener,
		       const struct cm_place *place)
{
	struct lock lock;

	if (read_lock(doctor, listener, place, &lock) && !lock.held)
		cm_doctor_find(doctor,
			       "listener \"%s\": %s is served by another "
			       "program: %s.lock is not held (ss -xlp names "
			       "it)",
			       listener->name, listener->socket, place->path);
}

void cm_doctor_ours(struct cm_doctor *doctor)
{
	each_listener(doctor, check_ours);
}

static void check_reload(struct cm_doctor *doctor,
			 const struct cm_listener *listener,
			 const struct cm_place *place)
{
	const struct cm_config *config = doctor->ctl->config;
	char hex[CM_HEX_LEN(sizeof(config->digest)) + 1];
	struct lock lock;

	if (!read_lock(doctor, listener, place, &lock) || !lock.held)
		return;
	(void)cm_hex_encode(config->digest, sizeof(config->digest), hex);
	if (lock.digest[0] == '\0')
		cm_doctor_unknown(doctor,
				  "listener \"%s\": %s.lock does not say",
				  listener->name, place->path);
	else if (strcmp(lock.digest, hex) != 0)
		cm_doctor_find(doctor,
			       "listener \"%s\": %s was changed, and "
			       "consent-milter has not read it since: "
			       "systemctl reload consent-milter",
			       listener->name, config->file);
}

void cm_doctor_reload(struct cm_doctor *doctor)
{
	each_listener(doctor, check_reload);
}

/* ---- the process -------------------------------------------------------- */

/* "Uid:\t13\t13\t13\t13\n": is there a word of it that is the number? */
static bool line_has(const char *status, const char *name, unsigned long id)
{
	const char *line = strstr(status, name);
	struct cm_span rest;
	uint64_t value;

	if (line == NULL)
		return false;
	line += strlen(name);
	rest = cm_span_n(line, strcspn(line, "\n"));
	while (rest.n > 0) {
		size_t n = 0;

		while (n < rest.n && rest.p[n] != ' ' && rest.p[n] != '\t')
			n++;
		if (cm_parse_u64(cm_span_n(rest.p, n), UINT32_MAX, &value) ==
			    CM_OK &&
		    value == id)
			return true;
		n += n < rest.n;
		rest.p += n;
		rest.n -= n;
	}
	return false;
}

static bool read_status(const char *pid, char out[STATUS_MAX])
{
	char path[64];
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/status", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, out, STATUS_MAX - 1);
	(void)close(fd);
	out[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static void check_process(struct cm_doctor *doctor,
			  const struct cm_listener *listener,
			  const struct cm_place *place)
{
	const struct cm_config *config = doctor->ctl->config;
	char *status = cm_arena_alloc(doctor->ctl->arena, STATUS_MAX);
	struct lock lock;
	uint64_t pid;
	gid_t writers;

	if (status == NULL || !read_lock(doctor, listener, place, &lock) ||
	    !lock.held)
		return;
	if (cm_parse_u64(cm_span(lock.pid), INT32_MAX, &pid) != CM_OK ||
	    !read_status(lock.pid, status)) {
		cm_doctor_unknown(doctor,
				  "listener \"%s\": process \"%s\" cannot be "
				  "looked at",
				  listener->name, lock.pid);
		return;
	}
	if (line_has(status, "\nUid:", 0))
		cm_doctor_find(doctor,
			       "listener \"%s\": process %s runs as root",
			       listener->name, lock.pid);
	if (cm_proc_group(config->store_write_group, &writers, NULL) == CM_OK &&
	    (line_has(status, "\nGroups:", writers) ||
	     line_has(status, "\nGid:", writers)))
		cm_doctor_find(doctor,
			       "listener \"%s\": process %s is in group "
			       "\"%s\" and could forge consent (take it out of "
			       "the unit or the group, and restart)",
			       listener->name, lock.pid,
			       config->store_write_group);
}

void cm_doctor_process(struct cm_doctor *doctor)
{
	each_listener(doctor, check_process);
}

/* ---- modes of sockets --------------------------------------------------- */

static void check_socket(struct cm_doctor *doctor,
			 const struct cm_listener *listener,
			 const struct cm_place *place)
{
	const char *folder = cm_doctor_text(doctor, "%s", place->path);
	struct stat st;

	if (place->family != AF_UNIX)
		return;
	if (lstat(place->path, &st) != 0) {
		if (errno != ENOENT) /* "listeners" tells of that */
			cm_doctor_unknown(doctor, "%s: %s", place->path,
					  strerror(errno));
		return;
	}
	if ((st.st_mode & S_IWOTH) != 0)
		cm_doctor_find(doctor,
			       "%s has mode %04o: any program of this machine "
			       "could ask who has consented (set socket-mode "
			       "of listener \"%s\")",
			       place->path, (unsigned)st.st_mode & 0777U,
			       listener->name);
	folder = cm_doctor_text(doctor, "%.*s",
				(int)(strrchr(folder, '/') - folder), folder);
	if (stat(folder[0] != '\0' ? folder : "/", &st) == 0 &&
	    (st.st_mode & S_IWOTH) != 0 && (st.st_mode & S_ISVTX) == 0)
		cm_doctor_find(doctor,
			       "anybody may put another socket in the place of "
			       "%s: chmod o-w %s",
			       place->path, folder);
}

void cm_doctor_sockets(struct cm_doctor *doctor)
{
	each_listener(doctor, check_socket);
}

/* ---- consent-web -------------------------------------------------------- */

/* "127.0.0.1:8025", "[::1]:8025" to a connected socket. */
static int connect_web(const char *listen)
{
	struct cm_place place;
	char name[sizeof(place.host) + sizeof(place.port) + 8];
	const char *colon = strrchr(listen, ':');

	if (colon == NULL)
		return -1;
	(void)snprintf(name, sizeof(name), "inet:%s@%.*s", colon + 1,
		       (int)(colon - listen), listen);
	if (cm_place_parse(name, &place, NULL) != CM_OK)
		return -1;
	return connect_inet(place.host, place.port);
}

/* A GET changes nothing (design 9).  False if nobody is there to answer. */
static bool check_page(struct cm_doctor *doctor, const char *path,
		       const char *status, const char *header)
{
	const char *listen = doctor->ctl->config->web_listen;
	const char *question = cm_doctor_text(
		doctor, "GET %s HTTP/1.0\r\nHost: localhost\r\n\r\n", path);
	char answer[ANSWER_MAX + 1];
	int fd = connect_web(listen);
	ssize_t n;

	if (fd < 0) {
		cm_doctor_find(doctor,
			       "%s: %s: does consent-web run? Until it does, "
			       "nobody can unsubscribe (systemctl status "
			       "consent-web)",
			       listen, strerror(errno));
		return false;
	}
	n = ask(fd, question, strlen(question), answer, ANSWER_MAX);
	(void)close(fd);
	answer[n > 0 ? n : 0] = '\0';
	if (n < 12 || memcmp(answer, "HTTP/1.", 7) != 0 ||
	    strncmp(answer + 9, status, 3) != 0 ||
	    strcasestr(answer, header) == NULL)
		cm_doctor_find(doctor,
			       "%s answers %s with \"%.*s\", not as "
			       "consent-web does (%s)",
			       listen, path, (int)strcspn(answer, "\r\n"),
			       answer, status);
	return true;
}

void cm_doctor_web(struct cm_doctor *doctor)
{
	/* One that is no token, and the page of mail to several. */
	static const struct {
		const char *path, *status, *header;
	} pages[] = {
		{"/u/doctor", "404", "\nContent-Security-Policy:"},
		{"/u", "200", "\nContent-Security-Policy:"},
		{"/healthz", "200", ""},
	};
	size_t i;

	if (doctor->ctl->config->web_base_url == NULL) {
		cm_doctor_unknown(doctor, "there is no web section");
		return;
	}
	for (i = 0; i < sizeof(pages) / sizeof(*pages); i++)
		if (!check_page(doctor, pages[i].path, pages[i].status,
				pages[i].header))
			return;
}

/* ---- timers ------------------------------------------------------------- */

/* "consent-milter.conf" is the only instance, "shop.conf" is instance shop. */
static const char *timer_name(struct cm_doctor *doctor, const char *what)
{
	const char *slash = strrchr(doctor->ctl->config->file, '/');
	const char *name =
		slash != NULL ? slash + 1 : doctor->ctl->config->file;
	size_t n = strcspn(name, ".");

	if (strcmp(name, "consent-milter.conf") == 0)
		return cm_doctor_text(doctor, "%s.timer", what);
	return cm_doctor_text(doctor, "%s@%.*s.timer", what, (int)n, name);
}

static void check_timer(struct cm_doctor *doctor, const char *what,
			const char *loss)
{
	const char *timer = timer_name(doctor, what);
	const char *argv[] = {"systemctl", "is-active", timer, NULL};
	char *out;
	struct cm_error err;
	int status;

	if (cm_program_run(argv, doctor->ctl->arena, &out, &status, &err) !=
	    CM_OK)
		cm_doctor_unknown(doctor, "%s", err.text);
	else if (status != 0)
		cm_doctor_find(doctor,
			       "%s is %.*s: %s (systemctl enable --now "
			       "%s)",
			       timer, (int)strcspn(out, "\n"), out, loss,
			       timer);
}

void cm_doctor_timers(struct cm_doctor *doctor)
{
	const char *argv[] = {"systemctl", "is-system-running", NULL};
	char *out;
	struct cm_error err;
	int status;

	if (cm_program_run(argv, doctor->ctl->arena, &out, &status, &err) !=
		    CM_OK ||
	    strncmp(out, "offline", 7) == 0) {
		cm_doctor_unknown(doctor,
				  "systemd does not run this machine: have "
				  "\"consentctl checkpoint\" and \"backup "
				  "--refusals-only\" run some other way");
		return;
	}
	if (doctor->ctl->config->checkpoint_origin != NULL)
		check_timer(doctor, "consent-checkpoint",
			    "nothing signs the ledger");
	check_timer(doctor, "consent-refusals",
		    "refusals since the last backup would be lost with the "
		    "store");
}
