/* route: what is ours, what is not, and which methods may what (R8058-7). */
#include <string.h>

#include "web/route.h"

#include "tests/unit/test.h"

static void paths_and_places(void **state)
{
	static const struct {
		const char *base, *url;
		enum cm_place place;
		const char *token;
	} cases[] = {
		{"https://h.example", "/u/abc", CM_PLACE_TOKEN, "abc"},
		{"https://h.example", "/u/a%2Dc%5f", CM_PLACE_TOKEN, "a-c_"},
		{"https://h.example", "/u/a%2fb", CM_PLACE_TOKEN, "a/b"},
		{"https://h.example", "/u", CM_PLACE_NO_TOKEN, ""},
		{"https://h.example", "/u/", CM_PLACE_NO_TOKEN, ""},
		{"https://h.example", "/healthz", CM_PLACE_HEALTH, ""},
		{"https://h.example", "/", CM_PLACE_NONE, ""},
		{"https://h.example", "", CM_PLACE_NONE, ""},
		{"https://h.example", "*", CM_PLACE_NONE, ""},
		{"https://h.example", "//u/abc", CM_PLACE_NONE, ""},
		{"https://h.example", "/U/abc", CM_PLACE_NONE, ""},
		{"https://h.example", "/u/abc/", CM_PLACE_NONE, ""},
		{"https://h.example", "/u/abc/d", CM_PLACE_NONE, ""},
		{"https://h.example", "/u//abc", CM_PLACE_NONE, ""},
		{"https://h.example", "/uabc", CM_PLACE_NONE, ""},
		{"https://h.example", "/healthz/", CM_PLACE_NONE, ""},
		{"https://h.example", "/../u/abc", CM_PLACE_NONE, ""},
		{"https://h.example", "http://h.example/u/abc", CM_PLACE_TOKEN,
		 "abc"},
		{"https://h.example", "http://h.example", CM_PLACE_NONE, ""},
		/* a path in base-url: the proxy passes it on, or takes it */
		{"https://h.example/out", "/out/u/abc", CM_PLACE_TOKEN, "abc"},
		{"https://h.example/out", "/u/abc", CM_PLACE_TOKEN, "abc"},
		{"https://h.example/out", "/out/u", CM_PLACE_NO_TOKEN, ""},
		{"https://h.example/out", "/out", CM_PLACE_NONE, ""},
		{"https://h.example/out", "/outu/abc", CM_PLACE_NONE, ""},
		{"https://h.example/u", "/u/u/abc", CM_PLACE_TOKEN, "abc"},
		{"https://h.example/u", "/u/abc", CM_PLACE_TOKEN, "abc"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_route route =
			cm_route_find(cases[i].base, cm_span(cases[i].url));

		if (route.place != cases[i].place)
			fail_msg("%s of %s: got %s", cases[i].url,
				 cases[i].base, cm_place_name(route.place));
		assert_int_equal(route.token_n, strlen(cases[i].token));
		assert_memory_equal(route.token, cases[i].token, route.token_n);
	}
}

/* What monitors read is on their address alone, and links only on ours. */
static void monitors_have_an_address_of_their_own(void **state)
{
	static const struct {
		const char *url;
		enum cm_place here, there;
	} cases[] = {
		{"/metrics", CM_PLACE_NONE, CM_PLACE_METRICS},
		{"/healthz", CM_PLACE_HEALTH, CM_PLACE_HEALTH},
		{"/u/abc", CM_PLACE_TOKEN, CM_PLACE_NONE},
		{"/logo", CM_PLACE_LOGO, CM_PLACE_NONE},
		{"/metrics/", CM_PLACE_NONE, CM_PLACE_NONE},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_span url = cm_span(cases[i].url);

		assert_int_equal(cm_route_find("https://h.example", url).place,
				 cases[i].here);
		assert_int_equal(cm_route_find_admin(url).place,
				 cases[i].there);
	}
}

static void long_tokens_are_nothing_of_ours(void **state)
{
	char url[600] = "/u/";
	size_t n;

	(void)state;
	memset(url + 3, 'a', sizeof(url) - 3);
	for (n = 1; n < sizeof(url) - 3; n++)
		assert_int_equal(cm_route_find("https://h.example",
					       cm_span_n(url, 3 + n))
					 .place,
				 n <= CM_ROUTE_TOKEN_MAX ? CM_PLACE_TOKEN
							 : CM_PLACE_NONE);
}

static void methods(void **state)
{
	static const struct {
		enum cm_place place;
		const char *method;
		bool allowed;
	} cases[] = {
		{CM_PLACE_TOKEN, "GET", true},
		{CM_PLACE_TOKEN, "HEAD", true},
		{CM_PLACE_TOKEN, "POST", true},
		{CM_PLACE_TOKEN, "OPTIONS", true},
		{CM_PLACE_TOKEN, "PUT", false},
		{CM_PLACE_TOKEN, "DELETE", false},
		{CM_PLACE_TOKEN, "post", false},
		{CM_PLACE_NO_TOKEN, "GET", true},
		{CM_PLACE_NO_TOKEN, "POST", false},
		{CM_PLACE_HEALTH, "HEAD", true},
		{CM_PLACE_HEALTH, "POST", false},
		{CM_PLACE_NONE, "BREW", true}, /* 404 comes first */
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(cm_route_allows(cases[i].place,
						 cm_method_of(cases[i].method)),
				 cases[i].allowed);
	assert_string_equal(cm_route_allow(CM_PLACE_TOKEN),
			    "GET, HEAD, POST, OPTIONS");
	assert_string_equal(cm_route_allow(CM_PLACE_HEALTH),
			    "GET, HEAD, OPTIONS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_and_places),
		cmocka_unit_test(monitors_have_an_address_of_their_own),
		cmocka_unit_test(long_tokens_are_nothing_of_ours),
		cmocka_unit_test(methods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
