/* Is Postfix attached as it has to be?  See doctor.h, shared with mta.md. */
#include "tools/doctor.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "milter/place.h"
#include "policy/config.h"
#include "tools/postfix_config.h"
#include "tools/sendmail_config.h"

enum {
	COMMAND_SECONDS_LEAST = 10, /* a busy disk is waited for at RCPT */
	CONTENT_SECONDS_LEAST = 30, /* 25 MB are edited and proven in 2 s */
	/* RFC 5321, 4.5.3.2.6: the client waits ten minutes. */
	CONTENT_SECONDS_MOST = 540,
	ERRORS_LEAST = 1000, /* a mailing's refusals, each an error */
	PROTOCOL_BEST = 6,
};

/* A way for mail to come in, and what Postfix asks there. */
struct way {
	const char *name; /* "smtp/inet", "sendmail(1)" */
	const struct cm_postfix_service *service; /* that asks */
	struct cm_postfix_milter *milters;
	size_t nmilters;
	size_t ours; /* index; nmilters = not asked */
	const struct cm_listener *listener;
	const struct cm_listener *meant; /* its path, but for the chroot */
	const char *seen; /* the socket that is looked for instead */
};

struct ways {
	struct way *way;
	size_t count;
	bool failed; /* told already */
};

/* ---- which of the milters are we? --------------------------------------- */

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	if (strcmp(a, b) == 0)
		return true;
	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

static bool same_host(const char *a, size_t n, const char *b)
{
	static const char *const here[] = {"localhost", "127.0.0.1", "::1"};
	bool a_here = false, b_here = false;
	size_t i;

	if (n >= 2 && a[0] == '[' && a[n - 1] == ']') {
		a++;
		n -= 2;
	}
	if (strlen(b) == n && strncmp(a, b, n) == 0)
		return true;
	for (i = 0; i < sizeof(here) / sizeof(here[0]); i++) {
		a_here = a_here ||
			 (strlen(here[i]) == n && strncmp(a, here[i], n) == 0);
		b_here = b_here || strcmp(here[i], b) == 0;
	}
	return a_here && b_here;
}

/* "inet:host:port" of Postfix is "inet:port@host" of libmilter. */
static bool is_place(const char *endpoint, const char *seen,
		     const struct cm_place *place)
{
	const char *colon;

	if (place->family == AF_UNIX)
		return seen != NULL && same_file(seen, place->path);
	if (strncmp(endpoint, "inet:", 5) != 0)
		return false;
	colon = strrchr(endpoint, ':');
	return colon > endpoint + 4 && strcmp(colon + 1, place->port) == 0 &&
	       same_host(endpoint + 5, (size_t)(colon - endpoint) - 5,
			 place->host);
}

static const struct cm_listener *listener_at(const struct cm_config *config,
					     const char *endpoint,
					     const char *seen)
{
	struct cm_place place;
	size_t i;

	for (i = 0; i < config->nlisteners; i++)
		if (cm_place_parse(config->listeners[i].socket, &place, NULL) ==
			    CM_OK &&
		    is_place(endpoint, seen, &place))
			return &config->listeners[i];
	return NULL;
}

/* The socket, as this service sees it, and as it was perhaps meant. */
static void find_ours(struct cm_doctor *doctor, struct way *way)
{
	const struct cm_config *config = doctor->ctl->config;
	bool chroot = way->service != NULL && way->service->chroot;

	way->ours = way->nmilters;
	for (size_t i = 0; i < way->nmilters; i++) {
		const char *endpoint = way->milters[i].endpoint;
		const char *path = NULL, *seen = NULL;

		if (strncmp(endpoint, "unix:", 5) == 0) {
			path = endpoint + 5;
			seen = cm_postfix_socket(doctor->mta, chroot, path,
						 doctor->ctl->arena);
		}
		way->listener = listener_at(config, endpoint, seen);
		if (way->listener != NULL) {
			way->ours = i;
			return;
		}
		if (path == NULL || way->meant != NULL)
			continue;
		way->meant = listener_at(config, endpoint,
					 cm_postfix_socket(doctor->mta, !chroot,
							   path,
							   doctor->ctl->arena));
		way->seen = seen;
	}
}

static bool add_way(struct cm_doctor *doctor, struct ways *ways,
		    const char *name, const struct cm_postfix_service *service,
		    const char *value)
{
	struct way *way = &ways->way[ways->count];
	struct cm_error err;

	memset(way, 0, sizeof(*way));
	way->name = name;
	way->service = service;
	if (cm_postfix_milters(value, doctor->ctl->arena, &way->milters,
			       &way->nmilters, &err) != CM_OK) {
		cm_doctor_unknown(doctor, "%s", err.text);
		return false;
	}
	find_ours(doctor, way);
	ways->count++;
	return true;
}

/* Every smtpd, then sendmail(1), for which cleanup(8) asks. */
static bool find_ways(struct cm_doctor *doctor, struct ways *ways)
{
	const struct cm_postfix *mta = doctor->mta;
	const struct cm_postfix_service *cleanup =
		cm_postfix_service_of(mta, "cleanup");
	size_t i;

	memset(ways, 0, sizeof(*ways));
	ways->way = cm_arena_array(doctor->ctl->arena, mta->nservices + 1,
				   sizeof(*ways->way));
	if (ways->way == NULL) {
		cm_doctor_unknown(doctor, "out of memory");
		return false;
	}
	for (i = 0; i < mta->nservices; i++) {
		const struct cm_postfix_service *service = &mta->services[i];

		if (strcmp(service->command, "smtpd") == 0 &&
		    !add_way(doctor, ways, service->name, service,
			     cm_postfix_get(mta, service, "smtpd_milters")))
			return false;
	}
	return add_way(doctor, ways, "sendmail(1)", cleanup,
		       cm_postfix_get(mta, cleanup, "non_smtpd_milters"));
}

static bool is_smtpd(const struct ways *ways, size_t i)
{
	return i + 1 < ways->count;
}

static bool asks(const struct way *way)
{
	return way->ours < way->nmilters;
}

static const char *option(struct cm_doctor *doctor, const struct way *way,
			  const char *name)
{
	return cm_postfix_milter_option(doctor->mta, way->service,
					&way->milters[way->ours], name,
					doctor->ctl->arena);
}

/* ---- attached at all ---------------------------------------------------- */

void cm_doctor_mta(struct cm_doctor *doctor)
{
	const struct cm_error *postfix = &doctor->mta_missing;
	const struct cm_error *sendmail = &doctor->other_mta_missing;

	if (postfix->code == CM_OK)
		cm_doctor_note(
			doctor, "Postfix, %s",
			cm_postfix_get(doctor->mta, NULL, "config_directory"));
	else if (postfix->code != CM_ENOTFOUND)
		cm_doctor_find(doctor, "%s", postfix->text);
	if (sendmail->code == CM_OK)
		cm_doctor_note(doctor, "Sendmail, %s", doctor->other_mta->file);
	else if (sendmail->code != CM_ENOTFOUND)
		cm_doctor_find(doctor, "%s", sendmail->text);
	if (postfix->code == CM_ENOTFOUND && sendmail->code == CM_ENOTFOUND)
		cm_doctor_find(doctor,
			       "neither is here: look at how yours is attached "
			       "by the examples in the manual");
}

void cm_doctor_postfix_asked(struct cm_doctor *doctor)
{
	struct ways ways;
	bool any = false;
	size_t i;

	if (!find_ways(doctor, &ways))
		return;
	for (i = 0; i < ways.count; i++)
		any = any || (is_smtpd(&ways, i) && asks(&ways.way[i]));
	if (!any)
		cm_doctor_find(doctor,
			       "no smtpd of Postfix asks consent-milter: "
			       "nobody's mail is checked (put a listener's "
			       "socket first in smtpd_milters, as "
			       "main.cf.snippet does)");
}

void cm_doctor_postfix_ports(struct cm_doctor *doctor)
{
	struct ways ways;
	size_t i;

	if (!find_ways(doctor, &ways))
		return;
	for (i = 0; i < ways.count; i++)
		if (is_smtpd(&ways, i) && !asks(&ways.way[i]))
			cm_doctor_find(doctor,
				       "%s does not ask consent-milter: may "
				       "only service mail come in there?",
				       ways.way[i].name);
}

void cm_doctor_postfix_sendmail(struct cm_doctor *doctor)
{
	struct ways ways;

	if (find_ways(doctor, &ways) && !asks(&ways.way[ways.count - 1]))
		cm_doctor_find(doctor,
			       "mail by sendmail(1), as PHP's mail() sends it, "
			       "goes out unasked: set non_smtpd_milters = "
			       "$smtpd_milters");
}

void cm_doctor_postfix_chroot(struct cm_doctor *doctor)
{
	struct ways ways;
	size_t i;

	if (!find_ways(doctor, &ways))
		return;
	for (i = 0; i < ways.count; i++) {
		const struct way *way = &ways.way[i];

		if (asks(way) || way->meant == NULL)
			continue;
		cm_doctor_find(doctor,
			       "%s is %s, so it looks for the socket at %s and "
			       "not where listener \"%s\" is: %s",
			       way->name,
			       way->service->chroot ? "chrooted"
						    : "not chrooted",
			       way->seen, way->meant->name,
			       way->service->chroot
				       ? "name a socket below queue_directory "
					 "in consent-milter.conf, and its path "
					 "from there in main.cf"
				       : "write its whole path in main.cf");
	}
}

/* ---- may it connect? ---------------------------------------------------- */

/* smtpd and cleanup drop to mail_owner with all its groups. */
void cm_doctor_postfix_socket(struct cm_doctor *doctor)
{
	const char *owner = cm_postfix_get(doctor->mta, NULL, "mail_owner");
	const struct cm_config *config = doctor->ctl->config;
	struct cm_proc_user user;
	struct cm_place place;
	size_t i;

	if (geteuid() != 0) {
		cm_doctor_unknown(doctor, "only root can look everywhere");
		return;
	}
	if (!cm_doctor_user(doctor, owner, NULL, 0, &user))
		return;
	for (i = 0; i < config->nlisteners; i++) {
		const struct cm_listener *listener = &config->listeners[i];
		const char *where = "";
		struct stat st;

		if (cm_place_parse(listener->socket, &place, NULL) != CM_OK ||
		    place.family != AF_UNIX || stat(place.path, &st) != 0)
			continue;
		if (!cm_doctor_may(doctor, &user, place.path, R_OK | W_OK,
				   &where))
			cm_doctor_find(doctor,
				       "Postfix (\"%s\") cannot connect to "
				       "listener \"%s\": %s is in the way (set "
				       "socket-group = \"postfix\", and let it "
				       "pass the folders)",
				       owner, listener->name, where);
	}
}

/* ---- how ---------------------------------------------------------------- */

void cm_doctor_postfix_action(struct cm_doctor *doctor)
{
	struct ways ways;
	size_t i;

	if (!find_ways(doctor, &ways))
		return;
	for (i = 0; i < ways.count; i++) {
		const char *action;

		if (!asks(&ways.way[i]))
			continue;
		action = option(doctor, &ways.way[i], "default_action");
		if (strcmp(action, "tempfail") != 0)
			cm_doctor_find(doctor,
				       "%s: default_action is \"%s\": while "
				       "consent-milter is down, mail %s (set "
				       "milter_default_action = tempfail)",
				       ways.way[i].name, action,
				       strcmp(action, "accept") == 0
					       ? "goes out to everybody"
					       : "is not put off");
	}
}

void cm_doctor_postfix_protocol(struct cm_doctor *doctor)
{
	struct ways ways;
	uint64_t version;
	size_t i;

	if (!find_ways(doctor, &ways))
		return;
	for (i = 0; i < ways.count; i++) {
		const char *text;

		if (!asks(&ways.way[i]))
			continue;
		text = option(doctor, &ways.way[i], "protocol");
		if (cm_parse_u64(cm_span(text), 99, &version) == CM_OK &&
		    version < PROTOCOL_BEST)
			cm_doctor_find(doctor,
				       "%s: milter_protocol is %s: the login "
				       "and the client's address may not come "
				       "along, by which streams are told apart "
				       "(set it to 6)",
				       ways.way[i].name, text);
	}
}

void cm_doctor_postfix_order(struct cm_doctor *doctor)
{
	const char *unsigned_ways = "";
	struct ways ways;
	size_t i, m;

	if (!find_ways(doctor, &ways))
		return;
	for (i = 0; i < ways.count; i++) {
		const struct way *way = &ways.way[i];

		for (m = 0; asks(way) && m < way->ours; m++) {
			const char *endpoint = way->milters[m].endpoint;

			if (cm_milter_is_signer(endpoint))
				cm_doctor_find(doctor,
					       "%s: %s comes before "
					       "consent-milter, which breaks "
					       "the signature it makes: put "
					       "consent-milter first",
					       way->name, endpoint);
			else
				cm_doctor_unknown(
					doctor,
					"%s: if %s signs mail, it must come "
					"behind consent-milter",
					way->name, endpoint);
		}
		if (asks(way) && way->ours + 1 == way->nmilters)
			unsigned_ways = cm_doctor_text(
				doctor, "%s%s%s", unsigned_ways,
				unsigned_ways[0] != '\0' ? ", " : "",
				way->name);
	}
	if (unsigned_ways[0] != '\0')
		cm_doctor_unknown(doctor,
				  "%s: no milter behind consent-milter signs; "
				  "one-click needs a DKIM signature over both "
				  "list headers (RFC 8058), by a later hop at "
				  "the latest",
				  unsigned_ways);
}

void cm_doctor_postfix_timeouts(struct cm_doctor *doctor)
{
	static const struct {
		const char *name;
		uint64_t least, most;
		const char *what;
	} rows[] = {
		{"command_timeout", COMMAND_SECONDS_LEAST, UINT64_MAX,
		 "an answer to RCPT"},
		{"content_timeout", CONTENT_SECONDS_LEAST, CONTENT_SECONDS_MOST,
		 "a large message"},
	};
	struct ways ways;
	uint64_t seconds;
	size_t i, r;

	if (!find_ways(doctor, &ways))
		return;
	for (i = 0; i < ways.count; i++) {
		for (r = 0; asks(&ways.way[i]) && r < 2; r++) {
			const char *text =
				option(doctor, &ways.way[i], rows[r].name);

			if (cm_postfix_seconds(text, &seconds) != CM_OK)
				continue;
			if (seconds < rows[r].least)
				cm_doctor_find(doctor,
					       "%s: %s is %s: %s may take %u s "
					       "and would be put off",
					       ways.way[i].name, rows[r].name,
					       text, rows[r].what,
					       (unsigned)rows[r].least);
			if (seconds > rows[r].most)
				cm_doctor_find(doctor,
					       "%s: %s is %s: the client gives "
					       "up after ten minutes and sends "
					       "twice",
					       ways.way[i].name, rows[r].name,
					       text);
		}
	}
}

void cm_doctor_postfix_disabled(struct cm_doctor *doctor)
{
	struct ways ways;
	size_t i;

	if (!find_ways(doctor, &ways))
		return;
	for (i = 0; i < ways.count; i++) {
		const char *maps;

		if (!is_smtpd(&ways, i) || !asks(&ways.way[i]))
			continue;
		maps = cm_postfix_get(doctor->mta, ways.way[i].service,
				      "smtpd_milter_maps");
		if (maps[0] != '\0')
			cm_doctor_find(doctor,
				       "%s: smtpd_milter_maps = %s: clients "
				       "named there are not checked, or by "
				       "other milters: only service mail may "
				       "come from them",
				       ways.way[i].name, maps);
	}
}

/* ---- what Postfix does besides ------------------------------------------ */

void cm_doctor_postfix_original(struct cm_doctor *doctor)
{
	if (strcmp(cm_postfix_get(doctor->mta,
				  cm_postfix_service_of(doctor->mta, "cleanup"),
				  "enable_original_recipient"),
		   "no") == 0)
		cm_doctor_find(doctor,
			       "enable_original_recipient = no: Postfix's log "
			       "no longer says whom the tool sent to where an "
			       "address is rewritten or expanded");
}

/* Whoever gets a copy of a person's mail gets the person's link. */
static void check_copies(struct cm_doctor *doctor, const char *const *names,
			 size_t nnames, const char *what)
{
	struct ways ways;
	size_t i, n;

	if (!find_ways(doctor, &ways))
		return;
	for (i = 0; i < ways.count; i++) {
		const struct way *way = &ways.way[i];

		if (!is_smtpd(&ways, i) || !asks(way) ||
		    cm_postfix_list_has(
			    cm_postfix_get(doctor->mta, way->service,
					   "receive_override_options"),
			    "no_address_mappings"))
			continue;
		for (n = 0; n < nnames; n++) {
			const char *value = cm_postfix_get(
				doctor->mta, way->service, names[n]);

			if (value[0] != '\0')
				cm_doctor_find(
					doctor,
					"%s: %s = %s: %s the unsubscribe link "
					"of somebody else (have marketing come "
					"in by a port with "
					"receive_override_options = "
					"no_address_mappings)",
					way->name, names[n], value, what);
		}
	}
}

void cm_doctor_postfix_bcc(struct cm_doctor *doctor)
{
	static const char *const names[] = {"always_bcc", "recipient_bcc_maps",
					    "sender_bcc_maps"};

	check_copies(doctor, names, 3, "who gets the copy gets");
}

void cm_doctor_postfix_aliases(struct cm_doctor *doctor)
{
	static const char *const names[] = {"virtual_alias_maps"};

	check_copies(doctor, names, 1,
		     "it works behind consent-milter, so those whom an alias "
		     "stands for may all get");
}

void cm_doctor_postfix_errors(struct cm_doctor *doctor)
{
	struct ways ways;
	uint64_t limit;
	size_t i;

	if (!find_ways(doctor, &ways))
		return;
	for (i = 0; i < ways.count; i++) {
		const struct way *way = &ways.way[i];
		const char *text;

		if (!is_smtpd(&ways, i) || !asks(way) ||
		    way->listener->unmatched == NULL)
			continue;
		text = cm_postfix_get(doctor->mta, way->service,
				      "smtpd_hard_error_limit");
		if (cm_parse_u64(cm_span(text), UINT32_MAX, &limit) == CM_OK &&
		    limit < ERRORS_LEAST)
			cm_doctor_find(doctor,
				       "%s: smtpd_hard_error_limit is %s: a "
				       "mailing is hung up on after so many "
				       "refused recipients (set it to 10000 "
				       "there, and smtpd_soft_error_limit)",
				       way->name, text);
	}
}

void cm_doctor_postfix_utf8(struct cm_doctor *doctor)
{
	if (strcmp(cm_postfix_get(doctor->mta, NULL, "smtputf8_enable"),
		   "no") == 0)
		cm_doctor_find(doctor,
			       "smtputf8_enable = no: people with addresses in "
			       "other letters than ASCII can get no mail");
}

void cm_doctor_postfix_ids(struct cm_doctor *doctor)
{
	if (strcmp(cm_postfix_get(doctor->mta, NULL, "enable_long_queue_ids"),
		   "yes") != 0)
		cm_doctor_find(doctor,
			       "enable_long_queue_ids = no: queue ids are used "
			       "again, so a line of the log may be another "
			       "message's");
}

/* The names by which the log tells ways in apart. */
void cm_doctor_postfix_names(struct cm_doctor *doctor)
{
	static const char name[] = "milter_macro_daemon_name";
	const char *sendmail = NULL;
	struct ways ways;
	size_t i;

	if (!find_ways(doctor, &ways))
		return;
	sendmail = cm_postfix_get(doctor->mta, ways.way[ways.count - 1].service,
				  name);
	for (i = 0; i < ways.count; i++)
		if (is_smtpd(&ways, i) && asks(&ways.way[i]) &&
		    strcmp(cm_postfix_get(doctor->mta, ways.way[i].service,
					  name),
			   sendmail) == 0)
			cm_doctor_find(doctor,
				       "%s: %s is \"%s\" there and for "
				       "sendmail(1), so milters cannot tell "
				       "them apart (set it to NON_SMTPD in "
				       "main.cf, to smtpd in master.cf)",
				       ways.way[i].name, name, sendmail);
}
