/*
 * client - where a request comes from, when proxies stand in front.
 *
 * Anybody can write X-Forwarded-For (RFC 7239 has the same as Forwarded), so
 * it is read from its end, and only as long as who wrote it is one of our own
 * proxies (pitfall 34).  Pure.
 */
#ifndef CM_WEB_CLIENT_H
#define CM_WEB_CLIENT_H

#include "policy/config.h"
#include "lib/str.h"

struct cm_client {
	bool known;
	uint8_t address[16]; /* v4-mapped for IPv4 */
};

enum { CM_CLIENT_TEXT_MAX = 64 };

struct sockaddr;
/* Not known if it is NULL or of another family. */
struct cm_client cm_client_of(const struct sockaddr *peer);

/*
 * peer: who is connected.  forwarded_for, forwarded: the last such field,
 * empty if there is none; the first of them that is there counts.
 */
struct cm_client cm_client_find(const struct cm_config *config,
				const struct cm_client *peer,
				struct cm_span forwarded_for,
				struct cm_span forwarded);

/* Its network, "192.0.2.0/24" or "2001:db8:1::/48": no single person. */
void cm_client_network(const struct cm_client *client,
		       char out[CM_CLIENT_TEXT_MAX]);

#endif
