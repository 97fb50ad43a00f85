/* See config_value.h. */
#include "policy/config_value.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "lib/colour.h"
#include "policy/address.h"
#include "policy/config_pattern.h"
#include "policy/header_value.h"
#include "policy/note.h"
#include "policy/purpose.h"
#include "policy/token.h"

enum {
	URI_MAX = 200, /* R5322-1: a URI cannot be folded */
	/* What consent-web puts behind base-url: "/u/" and a token. */
	URI_TAIL = 3 + CM_TOKEN_URL_LEN,
	PORT_MAX = 65535,
	/* sun_path holds a closing NUL too. */
	SOCKET_PATH_MAX = sizeof(((struct sockaddr_un *)0)->sun_path) - 1,
	MAILBOX_MAX = 200, /* a name of a few words, and an address */
	NAMES_MAX = 512,   /* looked through for "did you mean" */
};

typedef int (*convert_fn)(const struct cm_value_context *context,
			  const struct cm_setting *setting, const char *text,
			  void *out, struct cm_error *err);

int cm_value_suggest(struct cm_error *err, const char *word,
		     const char *const *words, size_t count)
{
	const char *near = cm_suggest(word, words, count);
	size_t used;

	if (err == NULL)
		return CM_ECONFIG;
	used = strlen(err->text);
	if (near != NULL)
		snprintf(err->text + used, sizeof(err->text) - used,
			 " (did you mean \"%s\"?)", near);
	return (int)err->code;
}

static int keep(const struct cm_value_context *context, struct cm_span text,
		void *out, struct cm_error *err)
{
	const char *copy = cm_arena_dup(context->arena, text.p, text.n);

	if (copy == NULL)
		return cm_fail(err, CM_ENOMEM, "out of memory");
	memcpy(out, &copy, sizeof(copy));
	return CM_OK;
}

static int keep_text(const struct cm_value_context *context, const char *text,
		     void *out, struct cm_error *err)
{
	return keep(context, cm_span(text), out, err);
}

static bool only(struct cm_span text, const char *others)
{
	size_t i;

	for (i = 0; i < text.n; i++)
		if (!cm_ascii_alpha(text.p[i]) && !cm_ascii_digit(text.p[i]) &&
		    (text.p[i] == '\0' || strchr(others, text.p[i]) == NULL))
			return false;
	return true;
}

/* ---- words --------------------------------------------------------------- */

static int text_value(const struct cm_value_context *context,
		      const struct cm_setting *setting, const char *text,
		      void *out, struct cm_error *err)
{
	struct cm_span value = cm_span_trim(cm_span(text));

	if (value.n == 0)
		return cm_fail(err, CM_ECONFIG, "the text is empty");
	if (!cm_text_is_plain(value))
		return cm_fail(err, CM_ECONFIG,
			       "a control character or line separator stands "
			       "in the text");
	if (value.n > (size_t)setting->max)
		return cm_fail(err, CM_ECONFIG, "longer than %d octets (%zu)",
			       (int)setting->max, value.n);
	return keep(context, value, out, err);
}

static int name_value(const struct cm_value_context *context,
		      const struct cm_setting *setting, const char *text,
		      void *out, struct cm_error *err)
{
	(void)setting;
	if (text[0] == '\0' || strchr(text, ' ') != NULL)
		return cm_fail(err, CM_ECONFIG, "\"%s\" is not a name", text);
	return keep_text(context, text, out, err);
}

static int source_value(const struct cm_value_context *context,
			const struct cm_setting *setting, const char *text,
			void *out, struct cm_error *err)
{
	struct cm_span word = cm_span(text);
	size_t i;

	(void)setting;
	if (word.n == 0 || word.n > CM_SOURCE_MAX || !only(word, "-"))
		return cm_fail(err, CM_ECONFIG,
			       "\"%s\" is not a word of a-z, 0-9 and -", text);
	for (i = 0; i < word.n; i++)
		if (word.p[i] != cm_ascii_lower(word.p[i]))
			return cm_fail(err, CM_ECONFIG,
				       "\"%s\": write it in lower case", text);
	if (cm_span_is(word, "unknown") || cm_span_is(word, "purchased"))
		return cm_fail(err, CM_ECONFIG,
			       "contacts of source \"%s\" never get marketing "
			       "(leave it out)",
			       text);
	return keep_text(context, text, out, err);
}

static int path_value(const struct cm_value_context *context,
		      const struct cm_setting *setting, const char *text,
		      void *out, struct cm_error *err)
{
	struct cm_span path = cm_span(text);

	(void)setting;
	if (path.n == 0 || path.p[0] != '/')
		return cm_fail(err, CM_ECONFIG,
			       "\"%s\" is not an absolute path (begin it with "
			       "\"/\")",
			       text);
	if (path.n >= PATH_MAX)
		return cm_fail(err, CM_ECONFIG, "the path is too long");
	while (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	return keep(context, path, out, err);
}

/* "a, b or c": the words that may be written. */
static void list_words(const struct cm_setting_word *words, char *out,
		       size_t room)
{
	const char *separator = "";
	size_t used = 0;

	out[0] = '\0';
	for (; words->word != NULL && used < room; words++) {
		if (words->value < 0)
			continue;
		used += (size_t)snprintf(out + used, room - used, "%s%s",
					 separator, words->word);
		separator = ", ";
	}
}

static int no_such_word(const struct cm_setting *setting, const char *text,
			struct cm_error *err)
{
	const struct cm_setting_word *word;
	const char *words[32];
	char all[200];
	size_t n = 0;

	list_words(setting->words, all, sizeof(all));
	for (word = setting->words; word->word != NULL && n < 32; word++)
		words[n++] = word->word;
	cm_fail(err, CM_ECONFIG, "\"%s\" is not one of: %s", text, all);
	return cm_value_suggest(err, text, words, n);
}

static int find_word(const struct cm_setting *setting, const char *text,
		     int *ret_value, struct cm_error *err)
{
	const struct cm_setting_word *word;
	char all[200];

	for (word = setting->words; word->word != NULL; word++)
		if (strcmp(word->word, text) == 0)
			break;
	if (word->word == NULL)
		return no_such_word(setting, text, err);
	if (word->value < 0) {
		list_words(setting->words, all, sizeof(all));
		return cm_fail(err, CM_ECONFIG,
			       "this version does not have \"%s\" (it has: %s)",
			       text, all);
	}
	*ret_value = word->value;
	return CM_OK;
}

static int word_value(const struct cm_value_context *context,
		      const struct cm_setting *setting, const char *text,
		      void *out, struct cm_error *err)
{
	int value = 0;
	int rc = find_word(setting, text, &value, err);

	(void)context;
	if (rc == CM_OK)
		memcpy(out, &value, sizeof(value));
	return rc;
}

static int choice_value(const struct cm_value_context *context,
			const struct cm_setting *setting, const char *text,
			void *out, struct cm_error *err)
{
	int value;
	int rc = find_word(setting, text, &value, err);

	return rc == CM_OK ? keep_text(context, text, out, err) : rc;
}

static int bool_value(const struct cm_value_context *context,
		      const struct cm_setting *setting, const char *text,
		      void *out, struct cm_error *err)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {{"yes", true},    {"no", false}, {"true", true},
		     {"false", false}, {"on", true},  {"off", false}};
	size_t i;

	(void)context;
	(void)setting;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].word, text) != 0)
			continue;
		memcpy(out, &words[i].value, sizeof(words[i].value));
		return CM_OK;
	}
	return cm_fail(err, CM_ECONFIG, "\"%s\" is neither yes nor no", text);
}

static int language_value(const struct cm_value_context *context,
			  const struct cm_setting *setting, const char *text,
			  void *out, struct cm_error *err)
{
	struct cm_span tag = cm_span(text);
	char lower[CM_LANGUAGE_MAX + 1];

	(void)setting;
	if (tag.n < 2 || tag.n > CM_LANGUAGE_MAX || !only(tag, "-") ||
	    !cm_ascii_alpha(text[0]) || !cm_ascii_alpha(text[1]))
		return cm_fail(err, CM_ECONFIG,
			       "\"%s\" is not a language (write en, cs, pt-br)",
			       text);
	memcpy(lower, text, tag.n + 1);
	cm_ascii_lower_n(lower, tag.n);
	return keep_text(context, lower, out, err);
}

static int country_value(const struct cm_value_context *context,
			 const struct cm_setting *setting, const char *text,
			 void *out, struct cm_error *err)
{
	(void)setting;
	if (strlen(text) != 2 || !cm_ascii_alpha(text[0]) ||
	    !cm_ascii_alpha(text[1]))
		return cm_fail(err, CM_ECONFIG,
			       "\"%s\" is not a country (two letters, as DE)",
			       text);
	return keep_text(context, text, out, err);
}

static int title_value(const struct cm_value_context *context,
		       const struct cm_setting *setting, const char *text,
		       void *out, struct cm_error *err)
{
	struct cm_title title;
	int rc = language_value(context, setting,
				cm_setting_language(setting, context->name),
				&title.language, err);

	if (rc == CM_OK)
		rc = text_value(context, setting, text, &title.text, err);
	if (rc == CM_OK)
		memcpy(out, &title, sizeof(title));
	return rc;
}

/* ---- numbers ---------------------------------------------------------------
 */

static int number_value(const struct cm_value_context *context,
			const struct cm_setting *setting, const char *text,
			void *out, struct cm_error *err)
{
	uint64_t value = 0;
	unsigned number;

	(void)context;
	if (cm_parse_u64(cm_span(text), (uint64_t)setting->max, &value) !=
		    CM_OK ||
	    value < (uint64_t)setting->min)
		return cm_fail(err, CM_ECONFIG,
			       "\"%s\" is not a number from %d to %d", text,
			       (int)setting->min, (int)setting->max);
	number = (unsigned)value;
	memcpy(out, &number, sizeof(number));
	return CM_OK;
}

static int mode_value(const struct cm_value_context *context,
		      const struct cm_setting *setting, const char *text,
		      void *out, struct cm_error *err)
{
	unsigned mode = 0;
	const char *p;

	(void)context;
	for (p = text; *p >= '0' && *p <= '7' && mode <= 0777; p++)
		mode = mode * 8 + (unsigned)(*p - '0');
	if (p == text || *p != '\0' || mode > (unsigned)setting->max)
		return cm_fail(err, CM_ECONFIG,
			       "\"%s\" is not a file mode (octal, as 0660)",
			       text);
	memcpy(out, &mode, sizeof(mode));
	return CM_OK;
}

static int size_value(const struct cm_value_context *context,
		      const struct cm_setting *setting, const char *text,
		      void *out, struct cm_error *err)
{
	static const char units[] = "KMGT";
	struct cm_span digits = cm_span(text);
	const char *unit = NULL;
	uint64_t value = 0;
	unsigned shift = 0;

	(void)context;
	if (digits.n > 0)
		unit = strchr(units, digits.p[digits.n - 1]);
	if (unit != NULL) {
		shift = 10 * (unsigned)(unit - units + 1);
		digits.n--;
	}
	if (cm_parse_u64(digits, (uint64_t)setting->max >> shift, &value) !=
		    CM_OK ||
	    value << shift < (uint64_t)setting->min)
		return cm_fail(err, CM_ECONFIG,
			       "\"%s\" is not a size from %lld to %lld octets "
			       "(write 64G, 10M, 512K)",
			       text, (long long)setting->min,
			       (long long)setting->max);
	value <<= shift;
	memcpy(out, &value, sizeof(value));
	return CM_OK;
}

static int period_value(const struct cm_value_context *context,
			const struct cm_setting *setting, const char *text,
			void *out, struct cm_error *err)
{
	struct cm_period period = {0, 0};

	(void)context;
	(void)setting;
	if (strcmp(text, "none") != 0 &&
	    (cm_period_parse(cm_span(text), &period) != CM_OK ||
	     cm_period_is_none(period)))
		return cm_fail(err, CM_ECONFIG,
			       "\"%s\" is not a length of time (write 3y, 18m, "
			       "90d or none)",
			       text);
	memcpy(out, &period, sizeof(period));
	return CM_OK;
}

/* ---- mail ------------------------------------------------------------------
 */

static int address_value(const struct cm_value_context *context,
			 const struct cm_setting *setting, const char *text,
			 void *out, struct cm_error *err)
{
	struct cm_address address;
	int rc = cm_address_parse(cm_span(text), &address, err);

	(void)setting;
	if (rc != CM_OK) {
		cm_error_prefix(err, "\"%s\": ", text);
		return rc;
	}
	return keep(context, cm_span_n(address.canonical, address.n), out, err);
}

static int first_day_value(const struct cm_value_context *context,
			   const struct cm_setting *setting, const char *text,
			   void *out, struct cm_error *err)
{
	char begin[CM_CLOCK_TEXT];
	int64_t at = 0;

	(void)context;
	(void)setting;
	(void)snprintf(begin, sizeof(begin), "%.10sT00:00:00Z", text);
	if (strlen(text) != strlen("2027-03-31") ||
	    cm_clock_parse(cm_span(begin), &at) != CM_OK)
		return cm_fail(err, CM_ECONFIG,
			       "\"%s\" is not a date (write 2027-03-31)", text);
	memcpy(out, &at, sizeof(at));
	return CM_OK;
}

/* All of that day still counts. */
static int last_day_value(const struct cm_value_context *context,
			  const struct cm_setting *setting, const char *text,
			  void *out, struct cm_error *err)
{
	int64_t end = 0;
	int rc = first_day_value(context, setting, text, &end, err);

	if (rc != CM_OK)
		return rc;
	end += CM_DAY_MS;
	memcpy(out, &end, sizeof(end));
	return CM_OK;
}

static int domain_value(const struct cm_value_context *context,
			const struct cm_setting *setting, const char *text,
			void *out, struct cm_error *err)
{
	const char *domain = NULL;
	int rc = cm_domain_parse(cm_span(text), context->arena, &domain, err);

	(void)setting;
	if (rc != CM_OK) {
		cm_error_prefix(err, "\"%s\": ", text);
		return rc;
	}
	memcpy(out, &domain, sizeof(domain));
	return CM_OK;
}

static int sender_value(const struct cm_value_context *context,
			const struct cm_setting *setting, const char *text,
			void *out, struct cm_error *err)
{
	(void)setting;
	return cm_sender_pattern_parse(cm_span(text), context->arena, out, err);
}

static int network_value(const struct cm_value_context *context,
			 const struct cm_setting *setting, const char *text,
			 void *out, struct cm_error *err)
{
	(void)context;
	(void)setting;
	return cm_network_parse(cm_span(text), out, err);
}

static int header_value(const struct cm_value_context *context,
			const struct cm_setting *setting, const char *text,
			void *out, struct cm_error *err)
{
	(void)setting;
	return cm_header_pattern_parse(cm_span(text), context->arena, out, err);
}

static int list_id_value(const struct cm_value_context *context,
			 const struct cm_setting *setting, const char *text,
			 void *out, struct cm_error *err)
{
	const char *fault = cm_list_id_fault(cm_span(text));

	(void)setting;
	if (fault != NULL)
		return cm_fail(err, CM_ECONFIG, "\"%s\": %s", text, fault);
	return keep_text(context, text, out, err);
}

static int feedback_id_value(const struct cm_value_context *context,
			     const struct cm_setting *setting, const char *text,
			     void *out, struct cm_error *err)
{
	const char *fault = cm_feedback_id_fault(cm_span(text));

	(void)setting;
	if (fault != NULL)
		return cm_fail(err, CM_ECONFIG, "\"%s\": %s", text, fault);
	return keep_text(context, text, out, err);
}

static int cfbl_value(const struct cm_value_context *context,
		      const struct cm_setting *setting, const char *text,
		      void *out, struct cm_error *err)
{
	const char *value = NULL;
	int rc = cm_cfbl_parse(cm_span(text), context->arena, &value, err);

	(void)setting;
	if (rc != CM_OK) {
		cm_error_prefix(err, "\"%s\": ", text);
		return rc == CM_ENOMEM ? rc : CM_ECONFIG;
	}
	memcpy(out, &value, sizeof(value));
	return CM_OK;
}

/* ---- network addresses ------------------------------------------------------
 */

static bool is_port(struct cm_span text)
{
	uint64_t port = 0;

	return cm_parse_u64(text, PORT_MAX, &port) == CM_OK && port > 0;
}

/* "inet:port@host" */
static bool is_inet_socket(struct cm_span text)
{
	const char *at = memchr(text.p, '@', text.n);
	struct cm_span host;

	if (at == NULL)
		return false;
	host = cm_span_n(at + 1, text.n - (size_t)(at + 1 - text.p));
	return is_port(cm_span_n(text.p, (size_t)(at - text.p))) &&
	       host.n > 0 && only(host, ".-:[]");
}

static int socket_value(const struct cm_value_context *context,
			const struct cm_setting *setting, const char *text,
			void *out, struct cm_error *err)
{
	struct cm_span value = cm_span(text);
	const char *colon = strchr(text, ':');
	struct cm_span rest;

	(void)setting;
	if (colon == NULL)
		goto bad;
	rest = cm_span(colon + 1);
	if (cm_span_starts(value, "unix:") && rest.n > 0 && rest.p[0] == '/') {
		if (rest.n > SOCKET_PATH_MAX)
			return cm_fail(err, CM_ECONFIG,
				       "\"%s\": the path has %zu octets, the "
				       "system takes %d",
				       text, rest.n, (int)SOCKET_PATH_MAX);
		return keep_text(context, text, out, err);
	}
	if ((cm_span_starts(value, "inet:") ||
	     cm_span_starts(value, "inet6:")) &&
	    is_inet_socket(rest))
		return keep_text(context, text, out, err);
bad:
	return cm_fail(err, CM_ECONFIG,
		       "\"%s\" is not a socket (write unix:/path, "
		       "inet:port@host or inet6:port@host)",
		       text);
}

static int listen_value(const struct cm_value_context *context,
			const struct cm_setting *setting, const char *text,
			void *out, struct cm_error *err)
{
	struct cm_span value = cm_span(text), host;
	const char *colon = strrchr(text, ':');
	char ip[INET6_ADDRSTRLEN + 2] = "";
	uint8_t addr[16];
	bool v6, good = false;

	(void)setting;
	if (colon != NULL && is_port(cm_span(colon + 1))) {
		host = cm_span_n(text, (size_t)(colon - text));
		v6 = host.n > 2 && host.p[0] == '[' &&
		     host.p[host.n - 1] == ']';
		if (v6)
			host = cm_span_n(host.p + 1, host.n - 2);
		if (host.n < sizeof(ip)) {
			memcpy(ip, host.p, host.n);
			good = inet_pton(v6 ? AF_INET6 : AF_INET, ip, addr) ==
			       1;
		}
	}
	if (!good)
		return cm_fail(err, CM_ECONFIG,
			       "\"%s\" is not an address and port (write "
			       "127.0.0.1:8025 or [::1]:8025)",
			       text);
	return keep(context, value, out, err);
}

/* host[:port]; no user or password. */
static bool is_authority(struct cm_span text)
{
	const char *colon = text.n > 0 ? memchr(text.p, ':', text.n) : NULL;
	size_t n = colon == NULL ? text.n : (size_t)(colon - text.p);
	struct cm_span host = cm_span_n(text.p, n);

	if (n == 0 || !only(host, ".-") || host.p[0] == '.' ||
	    host.p[0] == '-' || memchr(host.p, '.', n) == NULL)
		return false;
	return colon == NULL || is_port(cm_span_n(colon + 1, text.n - n - 1));
}

/* Why a base URL will not do; NULL if it will. */
static const char *base_url_fault(const char *text)
{
	struct cm_span value = cm_span(text);
	size_t scheme = strlen("https://");
	const char *slash;
	struct cm_span host;

	if (!cm_span_starts(value, "https://"))
		return "it must begin with https:// (RFC 8058, 3.1)";
	if (strpbrk(text, "?#") != NULL)
		return "it must have no query (?) and no fragment (#)";
	if (text[value.n - 1] == '/')
		return "it must not end with a slash";
	slash = strchr(text + scheme, '/');
	host = slash == NULL ? cm_span(text + scheme)
			     : cm_span_n(text + scheme,
					 (size_t)(slash - text) - scheme);
	if (!is_authority(host))
		return "the host must be a domain, as ASCII, with an optional "
		       "port and no user";
	/* RFC 2369, 2: nothing that could end the "<...>" around it. */
	if (slash != NULL && !only(cm_span(slash), "/-._~%"))
		return "a character stands in the path that must not";
	if (value.n + URI_TAIL > URI_MAX)
		return "too long: with a token, links must not exceed 200 "
		       "octets";
	return NULL;
}

static int base_url_value(const struct cm_value_context *context,
			  const struct cm_setting *setting, const char *text,
			  void *out, struct cm_error *err)
{
	const char *fault = base_url_fault(text);

	(void)setting;
	if (fault != NULL)
		return cm_fail(err, CM_ECONFIG, "\"%s\": %s", text, fault);
	return keep_text(context, text, out, err);
}

static int submit_value(const struct cm_value_context *context,
			const struct cm_setting *setting, const char *text,
			void *out, struct cm_error *err)
{
	struct cm_span value = cm_span(text), host;
	size_t skip = cm_span_starts(value, "smtps://")  ? strlen("smtps://")
		      : cm_span_starts(value, "smtp://") ? strlen("smtp://")
							 : 0;

	(void)setting;
	host = cm_span(text + skip);
	if (strchr(text, '@') != NULL)
		return cm_fail(err, CM_ECONFIG,
			       "a user or password must not stand in this file "
			       "(submit-user and submit-password-file say who "
			       "we are there)");
	if (skip == 0 ||
	    (!is_authority(host) && !cm_span_starts(host, "localhost")))
		return cm_fail(err, CM_ECONFIG,
			       "\"%s\" is not a mail server (write "
			       "smtp://127.0.0.1:25 or "
			       "smtps://mail.acme.example:465)",
			       text);
	return keep_text(context, text, out, err);
}

/* Somebody that a mail can be from: it becomes a header field. */
static int mailbox_value(const struct cm_value_context *context,
			 const struct cm_setting *setting, const char *text,
			 void *out, struct cm_error *err)
{
	struct cm_address address;
	int rc = CM_OK;

	(void)setting;
	if (!cm_text_is_plain(cm_span(text)) || strlen(text) > MAILBOX_MAX)
		return cm_fail(err, CM_ECONFIG,
			       "it must be one line of at most %d octets",
			       MAILBOX_MAX);
	rc = cm_address_parse(cm_span(text), &address, err);
	if (rc != CM_OK) {
		cm_error_prefix(err,
				"\"%s\" (write Acme "
				"<consent@acme.example>): ",
				text);
		return rc;
	}
	if (!cm_ascii_only(address.canonical, address.n))
		return cm_fail(err, CM_ECONFIG,
			       "\"%s\": the address must be ASCII, or servers "
			       "without SMTPUTF8 do not take our letters",
			       text);
	return keep_text(context, text, out, err);
}

/* RFC 3986 characters behind a host; no user, who would have a password. */
static int url_value(const struct cm_value_context *context,
		     const struct cm_setting *setting, const char *text,
		     void *out, struct cm_error *err)
{
	struct cm_span value = cm_span(text);
	size_t skip = cm_span_starts(value, "https://")  ? strlen("https://")
		      : cm_span_starts(value, "http://") ? strlen("http://")
							 : 0;
	size_t host = strcspn(text + skip, "/?");

	(void)setting;
	if (skip == 0 || host == 0 ||
	    !only(cm_span_n(text + skip, host), ".-:[]") ||
	    !only(cm_span(text + skip + host), "/-._~%!$&'()*+,;=:@?"))
		return cm_fail(err, CM_ECONFIG,
			       "\"%s\" is not a URL (write "
			       "https://host.example/path, without a user)",
			       text);
	return keep_text(context, text, out, err);
}

/* It becomes a word of a header field (CSP, frame-ancestors). */
static int site_value(const struct cm_value_context *context,
		      const struct cm_setting *setting, const char *text,
		      void *out, struct cm_error *err)
{
	size_t skip = strncmp(text, "https://", 8) == 0  ? 8
		      : strncmp(text, "http://", 7) == 0 ? 7
							 : 0;
	struct cm_span host = cm_span(text + skip);

	(void)setting;
	if (skip == 0 || host.n == 0 || host.n > CM_DOMAIN_MAX ||
	    !only(host, ".-:[]"))
		return cm_fail(err, CM_ECONFIG,
			       "\"%s\" is not a site (write "
			       "https://shop.example, without a path or a "
			       "closing slash)",
			       text);
	return keep_text(context, text, out, err);
}

static int colour_value(const struct cm_value_context *context,
			const struct cm_setting *setting, const char *text,
			void *out, struct cm_error *err)
{
	uint32_t behind = (uint32_t)setting->min, colour;
	int contrast;

	if (cm_colour_parse(text, &colour) != CM_OK)
		return cm_fail(
			err, CM_ECONFIG,
			"\"%s\" is not a colour (write \"#0b57d0\": red, "
			"green, blue in hex)",
			text);
	contrast = cm_colour_contrast(colour, behind);
	if (contrast < CM_CONTRAST_TEXT)
		return cm_fail(
			err, CM_ECONFIG,
			"\"%s\" has a contrast of %d.%02d:1 on #%06x, and "
			"people need 4.5:1 to read it (WCAG 2.1): take a "
			"%s colour",
			text, contrast / 100, contrast % 100, (unsigned)behind,
			behind == CM_COLOUR_WHITE ? "darker" : "lighter");
	return keep_text(context, text, out, err);
}

/* What c2sp.org/tlog-checkpoint asks of an origin that is a key's name too. */
static int origin_value(const struct cm_value_context *context,
			const struct cm_setting *setting, const char *text,
			void *out, struct cm_error *err)
{
	(void)setting;
	if (!cm_note_name_good(cm_span(text)) || strstr(text, "//") != NULL)
		return cm_fail(err, CM_ECONFIG,
			       "\"%s\" is not an origin (write a URL without "
			       "https://, spaces and \"+\": "
			       "acme.example/consent)",
			       text);
	return keep_text(context, text, out, err);
}

/* ---- names of other sections ------------------------------------------------
 */

static int undefined(const char *what, const char *text,
		     const char *const *names, size_t count,
		     struct cm_error *err)
{
	cm_fail(err, CM_ECONFIG, "%s \"%s\" is not defined", what, text);
	return cm_value_suggest(err, text, names, count);
}

static int no_such_stream(const struct cm_config *config,
			  const struct cm_setting *setting, const char *text,
			  struct cm_error *err)
{
	const struct cm_setting_word *word = setting->words;
	const char *names[NAMES_MAX + 8];
	size_t n;

	for (n = 0; n < config->nstreams && n < NAMES_MAX; n++)
		names[n] = config->streams[n].name;
	for (; word->word != NULL && n < NAMES_MAX + 8; word++)
		names[n++] = word->word;
	return undefined("stream", text, names, n, err);
}

static int purpose_ref(const struct cm_value_context *context,
		       const struct cm_setting *setting, const char *text,
		       void *out, struct cm_error *err)
{
	const struct cm_config *config = context->config;
	const struct cm_purpose *purpose = NULL;
	const char *names[NAMES_MAX];
	size_t n;

	(void)setting;
	if (config != NULL) {
		purpose = cm_config_purpose(config, cm_span(text));
		for (n = 0; n < config->npurposes && n < NAMES_MAX; n++)
			names[n] = config->purposes[n].path;
		if (purpose == NULL)
			return undefined("purpose", text, names, n, err);
	}
	memcpy(out, &purpose, sizeof(purpose));
	return CM_OK;
}

static int listener_ref(const struct cm_value_context *context,
			const struct cm_setting *setting, const char *text,
			void *out, struct cm_error *err)
{
	const struct cm_config *config = context->config;
	const char *names[NAMES_MAX];
	size_t n;

	(void)setting;
	if (config != NULL && cm_config_listener(config, text) == NULL) {
		for (n = 0; n < config->nlisteners && n < NAMES_MAX; n++)
			names[n] = config->listeners[n].name;
		return undefined("listener", text, names, n, err);
	}
	return keep_text(context, text, out, err);
}

static int stream_ref(const struct cm_value_context *context,
		      const struct cm_setting *setting, const char *text,
		      void *out, struct cm_error *err)
{
	const struct cm_config *config = context->config;
	const struct cm_stream *stream = NULL;

	if (config != NULL && strcmp(text, setting->words->word) != 0) {
		stream = cm_config_stream(config, text);
		if (stream == NULL)
			return no_such_stream(config, setting, text, err);
	}
	memcpy(out, &stream, sizeof(stream));
	return CM_OK;
}

static int bulk_value(const struct cm_value_context *context,
		      const struct cm_setting *setting, const char *text,
		      void *out, struct cm_error *err)
{
	const struct cm_config *config = context->config;
	int value = CM_BULK_STREAM;

	if (find_word(setting, text, &value, NULL) != CM_OK && config != NULL &&
	    cm_config_stream(config, text) == NULL)
		return no_such_stream(config, setting, text, err);
	memcpy(out, &value, sizeof(value));
	return CM_OK;
}

/* ---- the table
 * --------------------------------------------------------------- */

#define TEXT_SIZE sizeof(const char *)

_Static_assert(sizeof(int) == sizeof(enum cm_mode), "enums are kept as int");

static const struct {
	convert_fn convert;
	size_t size;
} types[CM_SETTING_TYPES] = {
	[CM_SETTING_TEXT] = {text_value, TEXT_SIZE},
	[CM_SETTING_NAME] = {name_value, TEXT_SIZE},
	[CM_SETTING_SOURCE] = {source_value, TEXT_SIZE},
	[CM_SETTING_PATH] = {path_value, TEXT_SIZE},
	[CM_SETTING_WORD] = {word_value, sizeof(int)},
	[CM_SETTING_CHOICE] = {choice_value, TEXT_SIZE},
	[CM_SETTING_BOOL] = {bool_value, sizeof(bool)},
	[CM_SETTING_NUMBER] = {number_value, sizeof(unsigned)},
	[CM_SETTING_MODE] = {mode_value, sizeof(unsigned)},
	[CM_SETTING_SIZE] = {size_value, sizeof(uint64_t)},
	[CM_SETTING_PERIOD] = {period_value, sizeof(struct cm_period)},
	[CM_SETTING_LANGUAGE] = {language_value, TEXT_SIZE},
	[CM_SETTING_COUNTRY] = {country_value, TEXT_SIZE},
	[CM_SETTING_ADDRESS] = {address_value, TEXT_SIZE},
	[CM_SETTING_DOMAIN] = {domain_value, TEXT_SIZE},
	[CM_SETTING_SENDER] = {sender_value, sizeof(struct cm_sender_pattern)},
	[CM_SETTING_NETWORK] = {network_value, sizeof(struct cm_network)},
	[CM_SETTING_HEADER] = {header_value, sizeof(struct cm_header_pattern)},
	[CM_SETTING_SOCKET] = {socket_value, TEXT_SIZE},
	[CM_SETTING_LISTEN] = {listen_value, TEXT_SIZE},
	[CM_SETTING_BASE_URL] = {base_url_value, TEXT_SIZE},
	[CM_SETTING_SUBMIT] = {submit_value, TEXT_SIZE},
	[CM_SETTING_MAILBOX] = {mailbox_value, TEXT_SIZE},
	[CM_SETTING_URL] = {url_value, TEXT_SIZE},
	[CM_SETTING_SITE] = {site_value, TEXT_SIZE},
	[CM_SETTING_COLOUR] = {colour_value, TEXT_SIZE},
	[CM_SETTING_ORIGIN] = {origin_value, TEXT_SIZE},
	[CM_SETTING_FIRST_DAY] = {first_day_value, sizeof(int64_t)},
	[CM_SETTING_LAST_DAY] = {last_day_value, sizeof(int64_t)},
	[CM_SETTING_LIST_ID] = {list_id_value, TEXT_SIZE},
	[CM_SETTING_FEEDBACK_ID] = {feedback_id_value, TEXT_SIZE},
	[CM_SETTING_CFBL] = {cfbl_value, TEXT_SIZE},
	[CM_SETTING_PURPOSE_REF] = {purpose_ref, sizeof(struct cm_purpose *)},
	[CM_SETTING_LISTENER_REF] = {listener_ref, TEXT_SIZE},
	[CM_SETTING_STREAM_REF] = {stream_ref, sizeof(struct cm_stream *)},
	[CM_SETTING_BULK] = {bulk_value, sizeof(int)},
	[CM_SETTING_TITLE] = {title_value, sizeof(struct cm_title)},
};

size_t cm_value_size(enum cm_setting_type type)
{
	return types[type].size;
}

int cm_value_convert(const struct cm_value_context *context,
		     const struct cm_setting *setting, const char *text,
		     void *ret_value, struct cm_error *err)
{
	return types[setting->type].convert(context, setting, text, ret_value,
					    err);
}
