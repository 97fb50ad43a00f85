/*
 * peer - the milters that consent-milter is measured against.
 *
 *   peer noop SOCKET   libmilter with every callback, each says CONTINUE:
 *                      what a milter costs that does nothing the usual way
 *   peer copy SOCKET   "(b-nr)", the cheapest thing of our kind: the body is
 *                      kept and sent back with 200 octets more, two headers
 *                      are added; no parsing, no lookup; only RCPT and end
 *                      of message are answered (SMFIP_NR_*), unused steps off
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "lib/buf.h"

enum {
	CM_PEER_BODY_MAX = 64 << 20, /* larger than any test message */
	CM_PEER_FOOTER = 200,
	CM_PEER_TIMEOUT = 7210,
};

#define CM_PEER_KEPT                                                           \
	(SMFIP_NR_CONN | SMFIP_NR_HELO | SMFIP_NR_MAIL | SMFIP_NR_DATA |       \
	 SMFIP_NR_UNKN | SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_BODY)
#define CM_PEER_OFF                                                            \
	(SMFIP_NOCONNECT | SMFIP_NOHELO | SMFIP_NODATA | SMFIP_NOUNKNOWN |     \
	 SMFIP_NOEOH)

/* ---- noop --------------------------------------------------------------- */

static sfsistat noop_connect(SMFICTX *ctx, char *host, _SOCK_ADDR *addr)
{
	(void)ctx, (void)host, (void)addr;
	return SMFIS_CONTINUE;
}

static sfsistat noop_word(SMFICTX *ctx, char *word)
{
	(void)ctx, (void)word;
	return SMFIS_CONTINUE;
}

static sfsistat noop_envelope(SMFICTX *ctx, char **argv)
{
	(void)ctx, (void)argv;
	return SMFIS_CONTINUE;
}

static sfsistat noop_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx, (void)name, (void)value;
	return SMFIS_CONTINUE;
}

static sfsistat noop_step(SMFICTX *ctx)
{
	(void)ctx;
	return SMFIS_CONTINUE;
}

static sfsistat noop_body(SMFICTX *ctx, unsigned char *data, size_t n)
{
	(void)ctx, (void)data, (void)n;
	return SMFIS_CONTINUE;
}

static sfsistat noop_unknown(SMFICTX *ctx, const char *command)
{
	(void)ctx, (void)command;
	return SMFIS_CONTINUE;
}

/* ---- copy --------------------------------------------------------------- */

static sfsistat copy_negotiate(SMFICTX *ctx, unsigned long f0, unsigned long f1,
			       unsigned long f2, unsigned long f3,
			       unsigned long *pf0, unsigned long *pf1,
			       unsigned long *pf2, unsigned long *pf3)
{
	(void)ctx, (void)f0, (void)f2, (void)f3;
	*pf0 = SMFIF_ADDHDRS | SMFIF_CHGBODY;
	*pf1 = (CM_PEER_KEPT | CM_PEER_OFF) & f1;
	*pf2 = *pf3 = 0;
	return SMFIS_CONTINUE;
}

static sfsistat copy_mail(SMFICTX *ctx, char **argv)
{
	struct cm_buf *body = smfi_getpriv(ctx);

	(void)argv;
	if (body == NULL) {
		body = malloc(sizeof(*body));
		if (body == NULL)
			return SMFIS_NOREPLY; /* end of message will tell */
		cm_buf_init(body, CM_PEER_BODY_MAX);
		(void)smfi_setpriv(ctx, body);
	}
	cm_buf_reset(body);
	return SMFIS_NOREPLY;
}

static sfsistat copy_header(SMFICTX *ctx, char *name, char *value)
{
	(void)ctx, (void)name, (void)value;
	return SMFIS_NOREPLY;
}

static sfsistat copy_body(SMFICTX *ctx, unsigned char *data, size_t n)
{
	struct cm_buf *body = smfi_getpriv(ctx);

	if (body != NULL)
		(void)cm_buf_add(body, data, n);
	return SMFIS_NOREPLY;
}

static sfsistat copy_eom(SMFICTX *ctx)
{
	struct cm_buf *body = smfi_getpriv(ctx);
	char footer[CM_PEER_FOOTER];
	/* libmilter's arguments are not const */
	char list[] = "List-Unsubscribe", post[] = "List-Unsubscribe-Post";
	char uri[] = "<https://consent.example/u/0123456789>";
	char one_click[] = "List-Unsubscribe=One-Click";

	memset(footer, 'x', sizeof(footer));
	memcpy(footer + sizeof(footer) - 2, "\r\n", 2);
	if (body == NULL || cm_buf_add(body, footer, sizeof(footer)) != CM_OK ||
	    smfi_insheader(ctx, 1, list, uri) != MI_SUCCESS ||
	    smfi_insheader(ctx, 1, post, one_click) != MI_SUCCESS ||
	    smfi_replacebody(ctx, (unsigned char *)body->data,
			     (int)body->len) != MI_SUCCESS)
		return SMFIS_TEMPFAIL;
	return SMFIS_CONTINUE;
}

static sfsistat copy_close(SMFICTX *ctx)
{
	struct cm_buf *body = smfi_getpriv(ctx);

	if (body != NULL) {
		cm_buf_free(body);
		free(body);
		(void)smfi_setpriv(ctx, NULL);
	}
	return SMFIS_CONTINUE;
}

static const struct smfiDesc noop = {
	.xxfi_name = (char *)"noop",
	.xxfi_version = SMFI_VERSION,
	.xxfi_connect = noop_connect,
	.xxfi_helo = noop_word,
	.xxfi_envfrom = noop_envelope,
	.xxfi_envrcpt = noop_envelope,
	.xxfi_header = noop_header,
	.xxfi_eoh = noop_step,
	.xxfi_body = noop_body,
	.xxfi_eom = noop_step,
	.xxfi_abort = noop_step,
	.xxfi_close = noop_step,
	.xxfi_unknown = noop_unknown,
	.xxfi_data = noop_step,
};

static const struct smfiDesc copy = {
	.xxfi_name = (char *)"copy",
	.xxfi_version = SMFI_VERSION,
	.xxfi_flags = SMFIF_ADDHDRS | SMFIF_CHGBODY,
	.xxfi_envfrom = copy_mail,
	.xxfi_envrcpt = noop_envelope,
	.xxfi_header = copy_header,
	.xxfi_body = copy_body,
	.xxfi_eom = copy_eom,
	.xxfi_close = copy_close,
	.xxfi_negotiate = copy_negotiate,
};

int main(int argc, char **argv)
{
	if (argc != 3 ||
	    (strcmp(argv[1], "noop") != 0 && strcmp(argv[1], "copy") != 0)) {
		(void)fprintf(stderr, "usage: peer noop|copy SOCKET\n");
		return 64;
	}
	(void)unlink(strncmp(argv[2], "unix:", 5) == 0 ? argv[2] + 5 : argv[2]);
	if (smfi_setconn(argv[2]) != MI_SUCCESS ||
	    smfi_register(strcmp(argv[1], "noop") == 0 ? noop : copy) !=
		    MI_SUCCESS ||
	    smfi_settimeout(CM_PEER_TIMEOUT) != MI_SUCCESS ||
	    smfi_opensocket(0) != MI_SUCCESS) {
		(void)fprintf(stderr, "peer: cannot listen on %s\n", argv[2]);
		return 75;
	}
	return smfi_main() == MI_SUCCESS ? 0 : 70;
}
