/* client: who is believed about where a request comes from (pitfall 34). */
#include <string.h>

#include "policy/config_pattern.h"
#include "web/client.h"

#include "tests/unit/test.h"

#define PROXY "10.0.0.1"

static struct cm_client address(const char *text)
{
	struct cm_network network;
	struct cm_client client = {.known = true};

	assert_int_equal(cm_network_parse(cm_span(text), &network, NULL),
			 CM_OK);
	memcpy(client.address, network.addr, sizeof(client.address));
	return client;
}

static void only_our_proxies_are_believed(void **state)
{
	static const struct {
		const char *peer, *forwarded_for, *forwarded, *want;
	} cases[] = {
		{"192.0.2.77", "", "", "192.0.2.0/24"},
		{"192.0.2.77", "198.51.100.7", "", "192.0.2.0/24"},
		{PROXY, "198.51.100.7", "", "198.51.100.0/24"},
		{PROXY, "198.51.100.7:4711", "", "198.51.100.0/24"},
		{PROXY, "", "", "10.0.0.0/24"},
		/* The client wrote the first one. */
		{PROXY, "203.0.113.1, 198.51.100.7", "", "198.51.100.0/24"},
		{PROXY, "203.0.113.1,198.51.100.7,10.0.0.2", "",
		 "198.51.100.0/24"},
		{PROXY, "10.0.0.3, 10.0.0.2", "", "10.0.0.0/24"},
		{PROXY, "2001:db8:1:2::3", "", "2001:db8:1::/48"},
		{PROXY, "[2001:db8:1:2::3]:80", "", "2001:db8:1::/48"},
		{PROXY, "::ffff:198.51.100.7", "", "198.51.100.0/24"},
		{PROXY, "unknown", "", NULL},
		{PROXY, "198.51.100.7, ,", "", NULL},
		{PROXY, "1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3.4", "",
		 NULL},
		{PROXY, "", "for=198.51.100.7;proto=https", "198.51.100.0/24"},
		{PROXY, "",
		 "for=203.0.113.1, proto=https; For=\"[2001:db8:1::1]:9\"",
		 "2001:db8:1::/48"},
		{PROXY, "", "for=_hidden", NULL},
		{PROXY, "", "proto=https", NULL},
		{"2001:db8::1", "198.51.100.7", "", "198.51.100.0/24"},
	};
	struct cm_network trusted[2];
	struct cm_config config = {.web_trusted_proxies = trusted,
				   .nweb_trusted_proxies = 2};
	size_t i;

	(void)state;
	assert_int_equal(
		cm_network_parse(cm_span("10.0.0.0/8"), &trusted[0], NULL),
		CM_OK);
	assert_int_equal(
		cm_network_parse(cm_span("2001:db8::1"), &trusted[1], NULL),
		CM_OK);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_client peer = address(cases[i].peer);
		struct cm_client got = cm_client_find(
			&config, &peer, cm_span(cases[i].forwarded_for),
			cm_span(cases[i].forwarded));
		char text[CM_CLIENT_TEXT_MAX] = "";

		if (got.known != (cases[i].want != NULL))
			fail_msg("case %zu: known %d", i, got.known);
		if (!got.known)
			continue;
		cm_client_network(&got, text);
		assert_string_equal(text, cases[i].want);
	}
}

static void a_peer_of_no_known_family(void **state)
{
	struct cm_client nobody = cm_client_of(NULL);
	const struct cm_config config = {.file = "x"};

	(void)state;
	assert_false(nobody.known);
	assert_false(cm_client_find(&config, &nobody, cm_span("192.0.2.1"),
				    cm_span(""))
			     .known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_our_proxies_are_believed),
		cmocka_unit_test(a_peer_of_no_known_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
