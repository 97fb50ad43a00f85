/*
 * See mta_libmilter.h.  The only file that includes <libmilter/mfapi.h>.
 *
 * A callback that never answers is negotiated away with SMFIP_NR_* and must
 * then return SMFIS_NOREPLY: two to three times the throughput (perf.md).
 * libmilter itself answers for us where the MTA does not know NR, so old
 * peers need nothing more.
 *
 * Debian's libmilter runs one session's callbacks on different threads, one
 * at a time: everything hangs on smfi_setpriv().
 */
#include "milter/mta_libmilter.h"

#include <libmilter/mfapi.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "milter/session.h"

#define NO_REPLY (SMFIP_NR_CONN | SMFIP_NR_MAIL | SMFIP_NR_HDR | SMFIP_NR_BODY)
#define NO_STEP  (SMFIP_NOHELO | SMFIP_NODATA | SMFIP_NOEOH | SMFIP_NOUNKNOWN)
#define MUST_DO                                                                \
	(SMFIF_ADDHDRS | SMFIF_CHGHDRS | SMFIF_CHGBODY | SMFIF_ADDRCPT |       \
	 SMFIF_DELRCPT)
#define MAY_DO (SMFIF_ADDRCPT_PAR | SMFIF_SETSYMLIST | SMFIF_QUARANTINE)

/* libmilter hands its callbacks nothing of ours: set once, before it runs. */
static struct {
	struct cm_engine *engine;
	const char *listener;
} us;

struct connection {
	SMFICTX *ctx;
	struct cm_session *session;
	unsigned long quiet; /* SMFIP_NR_* that were negotiated */
	bool has_rcpt_params;
};

/* ---- cm_mta_ops ------------------------------------------------------- */

static int done(int mi)
{
	return mi == MI_SUCCESS ? CM_OK : CM_EIO;
}

static const char *mta_macro(void *ctx, const char *name)
{
	struct connection *c = ctx;

	return smfi_getsymval(c->ctx, (char *)(uintptr_t)name);
}

static int mta_delete_recipient(void *ctx, const char *rcpt)
{
	struct connection *c = ctx;

	return done(smfi_delrcpt(c->ctx, (char *)(uintptr_t)rcpt));
}

static int mta_add_recipient(void *ctx, const char *rcpt, const char *params)
{
	struct connection *c = ctx;
	char *to = (char *)(uintptr_t)rcpt;

	if (params != NULL && c->has_rcpt_params)
		return done(smfi_addrcpt_par(c->ctx, to,
					     (char *)(uintptr_t)params));
	return done(smfi_addrcpt(c->ctx, to));
}

static int mta_insert_header(void *ctx, int index, const char *name,
			     const char *value)
{
	struct connection *c = ctx;

	return done(smfi_insheader(c->ctx, index, (char *)(uintptr_t)name,
				   (char *)(uintptr_t)value));
}

static int mta_delete_header(void *ctx, const char *name, unsigned nth)
{
	struct connection *c = ctx;

	return done(smfi_chgheader(c->ctx, (char *)(uintptr_t)name, (int)nth,
				   NULL));
}

static int mta_replace_body(void *ctx, struct cm_span piece)
{
	struct connection *c = ctx;

	if (piece.n > INT32_MAX)
		return CM_ELIMIT;
	return done(smfi_replacebody(
		c->ctx, (unsigned char *)(uintptr_t)piece.p, (int)piece.n));
}

/* Where the MTA cannot, libmilter says so: then the message gets 451. */
static int mta_quarantine(void *ctx, const char *reason)
{
	struct connection *c = ctx;

	return done(smfi_quarantine(c->ctx, (char *)(uintptr_t)reason));
}

static int mta_set_reply(void *ctx, const char *code, const char *status,
			 const char *text)
{
	struct connection *c = ctx;

	return done(smfi_setreply(c->ctx, (char *)(uintptr_t)code,
				  (char *)(uintptr_t)status,
				  (char *)(uintptr_t)text));
}

static const struct cm_mta_ops ops = {
	.macro = mta_macro,
	.delete_recipient = mta_delete_recipient,
	.add_recipient = mta_add_recipient,
	.insert_header = mta_insert_header,
	.delete_header = mta_delete_header,
	.replace_body = mta_replace_body,
	.quarantine = mta_quarantine,
	.set_reply = mta_set_reply,
};

/* ---- connections ------------------------------------------------------ */

static struct connection *connection_new(SMFICTX *ctx, bool answers_rcpt)
{
	struct connection *c = calloc(1, sizeof(*c));
	struct cm_session_options options = {
		.engine = us.engine,
		.listener = us.listener,
		.mta = {&ops, c},
		.answers_rcpt = answers_rcpt,
	};

	if (c == NULL)
		return NULL;
	c->ctx = ctx;
	if (cm_session_new(&options, &c->session) != CM_OK ||
	    smfi_setpriv(ctx, c) != MI_SUCCESS) {
		cm_session_free(&c->session);
		free(c);
		return NULL;
	}
	return c;
}

static sfsistat quiet(const struct connection *c, unsigned long step)
{
	return (c->quiet & step) != 0 ? SMFIS_NOREPLY : SMFIS_CONTINUE;
}

static sfsistat status_of(enum cm_answer answer)
{
	switch (answer) {
	case CM_ANSWER_REJECT:
		return SMFIS_REJECT;
	case CM_ANSWER_TEMPFAIL:
		return SMFIS_TEMPFAIL;
	case CM_ANSWER_DISCARD:
		return SMFIS_DISCARD;
	default:
		return SMFIS_CONTINUE;
	}
}

/* ---- callbacks -------------------------------------------------------- */

/* Sendmail's lists are whatever sendmail.cf says; address and port of the
 * client come with xxfi_connect. */
static void ask_for_macros(SMFICTX *ctx)
{
	static const struct {
		int stage;
		const char *macros;
	} wanted[] = {
		{SMFIM_ENVFROM, "i {auth_authen}"},
		{SMFIM_ENVRCPT, "i"},
		{SMFIM_EOM, "i"},
	};
	size_t i;

	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		(void)smfi_setsymlist(ctx, wanted[i].stage,
				      (char *)(uintptr_t)wanted[i].macros);
}

static bool may_refuse_rcpt(void)
{
	struct cm_snapshot *snapshot = cm_engine_pin(us.engine);
	bool may = cm_session_may_refuse_rcpt(snapshot->config);

	cm_engine_unpin(us.engine, &snapshot);
	return may;
}

static sfsistat on_negotiate(SMFICTX *ctx, unsigned long actions,
			     unsigned long steps, unsigned long f2,
			     unsigned long f3, unsigned long *ret_actions,
			     unsigned long *ret_steps, unsigned long *ret_f2,
			     unsigned long *ret_f3)
{
	bool answers_rcpt = may_refuse_rcpt();
	struct connection *c;

	(void)f2;
	(void)f3;
	if ((actions & MUST_DO) != MUST_DO) {
		cm_log(cm_engine_log(us.engine), CM_LOG_ERROR,
		       "the MTA does not let milters change headers, bodies "
		       "and recipients (actions 0x%lx): no mail is taken",
		       actions);
		return SMFIS_REJECT;
	}
	c = connection_new(ctx, answers_rcpt);
	if (c == NULL)
		return SMFIS_REJECT;
	c->quiet = steps & (NO_REPLY | (answers_rcpt ? 0 : SMFIP_NR_RCPT));
	c->has_rcpt_params = (actions & SMFIF_ADDRCPT_PAR) != 0;
	if ((actions & SMFIF_SETSYMLIST) != 0)
		ask_for_macros(ctx);
	*ret_actions = MUST_DO | (actions & MAY_DO);
	*ret_steps = (steps & NO_STEP) | c->quiet;
	*ret_f2 = 0;
	*ret_f3 = 0;
	return SMFIS_CONTINUE;
}

/* False for what has no IP address. */
static bool address_of(const struct sockaddr *from, uint8_t out[16],
		       unsigned *ret_port)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0,    0,
					   0, 0, 0, 0, 0xff, 0xff};

	if (from == NULL)
		return false;
	if (from->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)from;

		memcpy(out, mapped, sizeof(mapped));
		memcpy(out + sizeof(mapped), &in->sin_addr, 4);
		*ret_port = ntohs(in->sin_port);
		return true;
	}
	if (from->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)from;

		memcpy(out, &in6->sin6_addr, 16);
		*ret_port = ntohs(in6->sin6_port);
		return true;
	}
	return false;
}

static sfsistat on_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *from)
{
	struct connection *c = smfi_getpriv(ctx);
	uint8_t address[16];
	unsigned port = 0;

	(void)host;
	/* After SMFIC_QUIT_NC there is no second negotiation, and what the
	 * first one said is forgotten.  An MTA that waits for no reply to RCPT
	 * would never hear a refusal: all is decided at the end. */
	if (c == NULL)
		c = connection_new(ctx, false);
	if (c == NULL)
		return SMFIS_TEMPFAIL;
	if (address_of((const struct sockaddr *)from, address, &port))
		cm_session_connect(c->session, address, port);
	else
		cm_session_connect(c->session, NULL, 0);
	return quiet(c, SMFIP_NR_CONN);
}

static sfsistat on_mail(SMFICTX *ctx, char **args)
{
	struct connection *c = smfi_getpriv(ctx);

	if (c == NULL || args[0] == NULL)
		return SMFIS_TEMPFAIL;
	cm_session_mail(c->session, args[0]);
	return quiet(c, SMFIP_NR_MAIL);
}

static sfsistat on_rcpt(SMFICTX *ctx, char **args)
{
	struct connection *c = smfi_getpriv(ctx);
	enum cm_answer answer;

	if (c == NULL || args[0] == NULL)
		return SMFIS_TEMPFAIL;
	answer = cm_session_rcpt(c->session, args[0]);
	if (answer == CM_ANSWER_CONTINUE)
		return quiet(c, SMFIP_NR_RCPT);
	return status_of(answer);
}

static sfsistat on_header(SMFICTX *ctx, char *name, char *value)
{
	struct connection *c = smfi_getpriv(ctx);

	if (c == NULL)
		return SMFIS_TEMPFAIL;
	cm_session_header(c->session, name, value);
	return quiet(c, SMFIP_NR_HDR);
}

static sfsistat on_body(SMFICTX *ctx, unsigned char *data, size_t n)
{
	struct connection *c = smfi_getpriv(ctx);

	if (c == NULL)
		return SMFIS_TEMPFAIL;
	cm_session_body(c->session, data, n);
	return quiet(c, SMFIP_NR_BODY);
}

static sfsistat on_eom(SMFICTX *ctx)
{
	struct connection *c = smfi_getpriv(ctx);

	if (c == NULL)
		return SMFIS_TEMPFAIL;
	return status_of(cm_session_eom(c->session));
}

static sfsistat on_abort(SMFICTX *ctx)
{
	struct connection *c = smfi_getpriv(ctx);

	if (c != NULL)
		cm_session_abort(c->session);
	return SMFIS_CONTINUE;
}

static sfsistat on_close(SMFICTX *ctx)
{
	struct connection *c = smfi_getpriv(ctx);

	if (c == NULL)
		return SMFIS_CONTINUE;
	cm_session_free(&c->session);
	free(c);
	(void)smfi_setpriv(ctx, NULL);
	return SMFIS_CONTINUE;
}

/* ---- life ------------------------------------------------------------- */

int cm_libmilter_open(struct cm_engine *engine, const char *listener, int fd,
		      struct cm_error *err)
{
	struct smfiDesc description = {
		.xxfi_name = (char *)(uintptr_t) "consent-milter",
		.xxfi_version = SMFI_VERSION,
		.xxfi_flags = MUST_DO | MAY_DO,
		.xxfi_connect = on_connect,
		.xxfi_envfrom = on_mail,
		.xxfi_envrcpt = on_rcpt,
		.xxfi_header = on_header,
		.xxfi_body = on_body,
		.xxfi_eom = on_eom,
		.xxfi_abort = on_abort,
		.xxfi_close = on_close,
		.xxfi_negotiate = on_negotiate,
	};
	char where[32];

	us.engine = engine;
	us.listener = listener;
	(void)snprintf(where, sizeof(where), "fd:%d", fd);
	if (smfi_register(description) != MI_SUCCESS)
		return cm_fail(err, CM_EIO, "libmilter refused to register");
	if (smfi_setconn(where) != MI_SUCCESS ||
	    smfi_opensocket(false) != MI_SUCCESS)
		return cm_fail(err, CM_EIO,
			       "this libmilter cannot serve a socket that is "
			       "open already (\"%s\"): use one with that "
			       "feature, such as Debian's",
			       where);
	return CM_OK;
}

int cm_libmilter_run(struct cm_error *err)
{
	if (smfi_main() != MI_SUCCESS)
		return cm_fail(err, CM_EIO, "libmilter gave up");
	return CM_OK;
}
