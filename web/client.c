/* See client.h. */
#include "web/client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <stdio.h>
#include <string.h>

enum {
	CM_CLIENT_HOPS = 16, /* proxies in a row; nobody has as many */
	CM_V4_KEPT = 15,     /* of a v4-mapped address: all but the last */
	CM_V6_KEPT = 6,      /* /48: what a site gets */
};

static const uint8_t v4_prefix[12] = {[10] = 0xff, [11] = 0xff};

static bool is_v4(const uint8_t address[16])
{
	return memcmp(address, v4_prefix, sizeof(v4_prefix)) == 0;
}

struct cm_client cm_client_of(const struct sockaddr *peer)
{
	struct cm_client client = {.known = true};

	if (peer != NULL && peer->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)peer;

		memcpy(client.address, v4_prefix, sizeof(v4_prefix));
		memcpy(client.address + sizeof(v4_prefix), &in->sin_addr, 4);
	} else if (peer != NULL && peer->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)peer;

		memcpy(client.address, &in6->sin6_addr, 16);
	} else {
		client.known = false;
	}
	return client;
}

/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80". */
static bool parse(struct cm_span text, struct cm_client *client)
{
	struct cm_span host = cm_span_trim(text);
	char copy[INET6_ADDRSTRLEN];
	size_t colons = 0, i;

	for (i = 0; i < host.n; i++)
		colons += host.p[i] == ':';
	if (host.n > 0 && host.p[0] == '[') {
		host.p++;
		host.n--;
		host = cm_span_cut(&host, ']');
	} else if (colons == 1) {
		host = cm_span_cut(&host, ':');
	}
	if (host.n == 0 || host.n >= sizeof(copy))
		return false;
	memcpy(copy, host.p, host.n);
	copy[host.n] = '\0';
	memcpy(client->address, v4_prefix, sizeof(v4_prefix));
	client->known = inet_pton(AF_INET, copy, client->address + 12) == 1 ||
			inet_pton(AF_INET6, copy, client->address) == 1;
	return client->known;
}

/* RFC 7239, 4: for=192.0.2.1;proto=http, for="[2001:db8::1]:80". */
static struct cm_span for_of(struct cm_span element)
{
	while (element.n > 0) {
		struct cm_span value = cm_span_cut(&element, ';');
		struct cm_span name = cm_span_trim(cm_span_cut(&value, '='));

		if (!cm_span_is(name, "for"))
			continue;
		value = cm_span_trim(value);
		if (value.n >= 2 && value.p[0] == '"' &&
		    value.p[value.n - 1] == '"')
			return cm_span_n(value.p + 1, value.n - 2);
		return value;
	}
	return cm_span("");
}

/* The last element, cut off the list. */
static struct cm_span take_last(struct cm_span *list)
{
	struct cm_span last;
	size_t i = list->n;

	while (i > 0 && list->p[i - 1] != ',')
		i--;
	last = cm_span_n(list->p + i, list->n - i);
	list->n = i > 0 ? i - 1 : 0;
	return last;
}

struct cm_client cm_client_find(const struct cm_config *config,
				const struct cm_client *peer,
				struct cm_span forwarded_for,
				struct cm_span forwarded)
{
	bool is_list = forwarded_for.n > 0;
	struct cm_span list = is_list ? forwarded_for : forwarded;
	struct cm_client client = *peer;
	int hops;

	for (hops = 0; hops < CM_CLIENT_HOPS && client.known && list.n > 0;
	     hops++) {
		struct cm_client next;
		struct cm_span last;

		if (!cm_network_has(config->web_trusted_proxies,
				    config->nweb_trusted_proxies,
				    client.address))
			break;
		last = take_last(&list);
		/* "unknown", a word, nonsense: nobody knows from here on. */
		if (!parse(is_list ? last : for_of(last), &next))
			return (struct cm_client){.known = false};
		client = next;
	}
	return client;
}

void cm_client_network(const struct cm_client *client,
		       char out[CM_CLIENT_TEXT_MAX])
{
	char text[INET6_ADDRSTRLEN] = "";
	bool v4 = is_v4(client->address);
	size_t kept = v4 ? CM_V4_KEPT : CM_V6_KEPT;
	uint8_t network[16] = {0};

	memcpy(network, client->address, kept);
	(void)inet_ntop(v4 ? AF_INET : AF_INET6, network + (v4 ? 12 : 0), text,
			sizeof(text));
	(void)snprintf(out, CM_CLIENT_TEXT_MAX, "%s/%d", text, v4 ? 24 : 48);
}
