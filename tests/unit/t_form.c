/* form: every body that RFC 8058 clients send (R8058-5, R8058-10). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web/form.h"

#include "tests/unit/test.h"

#define URLENCODED "application/x-www-form-urlencoded"
#define FORM       "multipart/form-data; boundary="

#define PART(boundary, name, value)                                            \
	"--" boundary "\r\nContent-Disposition: form-data; name=\"" name       \
	"\"\r\n\r\n" value "\r\n"

static enum cm_form_act act_of(struct cm_span type, struct cm_span body)
{
	struct cm_form form;

	cm_form_read(type, body, &form);
	return form.act;
}

static void a_stop_says_of_what(void **state)
{
	struct cm_form form;

	(void)state;
	cm_form_read(cm_span(URLENCODED), cm_span("stop=acme/news"), &form);
	assert_int_equal(form.act, CM_FORM_PURPOSE);
	assert_int_equal(form.purpose.n, 9);
	cm_form_read(cm_span(URLENCODED), cm_span("stop="), &form);
	assert_int_equal(form.act, CM_FORM_NONE);
	cm_form_read(cm_span(URLENCODED), cm_span("stop"), &form);
	assert_int_equal(form.act, CM_FORM_NONE);
}

static void bodies_that_ask_and_bodies_that_do_not(void **state)
{
	static const struct {
		const char *type, *body;
		enum cm_form_act act;
	} cases[] = {
		/* RFC 8058, 8.1, and its relatives */
		{URLENCODED, "List-Unsubscribe=One-Click", CM_FORM_ONE_CLICK},
		{URLENCODED "; charset=UTF-8", "List-Unsubscribe=One-Click",
		 CM_FORM_ONE_CLICK},
		{"Application/X-WWW-Form-URLEncoded",
		 "List-Unsubscribe=One-Click\r\n", CM_FORM_ONE_CLICK},
		{"", "List-Unsubscribe=One-Click", CM_FORM_ONE_CLICK},
		{"text/plain", "List-Unsubscribe=One-Click\r\n",
		 CM_FORM_ONE_CLICK},
		{URLENCODED, "List%2DUnsubscribe=One%2dClick",
		 CM_FORM_ONE_CLICK},
		{URLENCODED, "list-unsubscribe=one-click", CM_FORM_ONE_CLICK},
		{URLENCODED, "utm=1&List-Unsubscribe=One-Click&x",
		 CM_FORM_ONE_CLICK},
		{URLENCODED, "act=stop", CM_FORM_STOP},
		{URLENCODED, "act=stop-all", CM_FORM_ALL},
		{URLENCODED, "act=stop-al", CM_FORM_NONE},
		{URLENCODED, "act=stop&List-Unsubscribe=One-Click",
		 CM_FORM_ONE_CLICK},
		{URLENCODED, "", CM_FORM_NONE},
		{URLENCODED, "List-Unsubscribe", CM_FORM_NONE},
		{URLENCODED, "List-Unsubscribe=", CM_FORM_NONE},
		{URLENCODED, "List-Unsubscribe=Yes", CM_FORM_NONE},
		{URLENCODED, "List-Unsubscribe=One-Clicks", CM_FORM_NONE},
		{URLENCODED, "One-Click=List-Unsubscribe", CM_FORM_NONE},
		{URLENCODED, "x=List-Unsubscribe=One-Click", CM_FORM_NONE},
		{URLENCODED, "act=go", CM_FORM_NONE},
		{URLENCODED, "%", CM_FORM_NONE},
		{URLENCODED, "%4&=&&==%zz", CM_FORM_NONE},
		{"application/json", "{\"List-Unsubscribe\":\"One-Click\"}",
		 CM_FORM_NONE},
		/* multipart/form-data, RFC 7578 */
		{FORM "xyz",
		 PART("xyz", "List-Unsubscribe", "One-Click") "--xyz--\r\n",
		 CM_FORM_ONE_CLICK},
		{FORM "xyz",
		 PART("xyz", "List-Unsubscribe", "One-Click") "--xyz--",
		 CM_FORM_ONE_CLICK},
		{FORM "\"xyz\"",
		 PART("xyz", "List-Unsubscribe", "One-Click") "--xyz--\r\n",
		 CM_FORM_ONE_CLICK},
		{"Multipart/Form-Data;charset=utf-8; Boundary=\"a b;=\\\"?\"",
		 PART("a b;=\"?", "List-Unsubscribe",
		      "One-Click") "--a b;=\"?--\r\n",
		 CM_FORM_ONE_CLICK},
		{FORM "----WebKitFormBoundary7MA4YWxkTrZu0gW",
		 PART("----WebKitFormBoundary7MA4YWxkTrZu0gW",
		      "List-Unsubscribe",
		      "One-Click") "------WebKitFormBoundary7MA4YWxkTrZu0gW--"
				   "\r\n",
		 CM_FORM_ONE_CLICK},
		{FORM "b",
		 "preamble\r\n" PART("b", "x", "y")
			 PART("b", "act", "stop") "--b--\r\nepilogue",
		 CM_FORM_STOP},
		{FORM "b",
		 "--b  \r\nContent-Type: text/plain\r\n"
		 "content-disposition:form-data;name="
		 "List-Unsubscribe\r\n\r\nOne-Click\r\n--b--",
		 CM_FORM_ONE_CLICK},
		{FORM "b",
		 "--b\nContent-Disposition: form-data; "
		 "name=\"List-Unsubscribe\"\n\nOne-Click\n--b--\n",
		 CM_FORM_ONE_CLICK},
		{FORM "b", PART("b", "List-Unsubscribe", "One-Click"),
		 CM_FORM_ONE_CLICK}, /* not closed */
		/* the boundary of another part does not end a value */
		{FORM "b",
		 PART("b", "List-Unsubscribe", "One-Click\r\n--bb") "--b--",
		 CM_FORM_NONE},
		{FORM "b", PART("c", "List-Unsubscribe", "One-Click") "--c--",
		 CM_FORM_NONE},
		{FORM "b", PART("b", "x", "List-Unsubscribe=One-Click") "--b--",
		 CM_FORM_NONE},
		{FORM "b", "--b--\r\n" PART("b", "act", "stop"),
		 CM_FORM_NONE}, /* behind the end */
		{FORM "b", "--b\r\n\r\nOne-Click\r\n--b--", CM_FORM_NONE},
		{FORM "b", "--b\r\n", CM_FORM_NONE},
		{FORM "b", "--b", CM_FORM_NONE},
		{FORM "b", "", CM_FORM_NONE},
		{FORM, PART("", "act", "stop") "----", CM_FORM_NONE},
		{"multipart/form-data",
		 PART("b", "List-Unsubscribe", "One-Click") "--b--",
		 CM_FORM_NONE},
		{"multipart/form-data; boundary=\"b",
		 PART("b", "act", "stop") "--b--", CM_FORM_NONE},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (act_of(cm_span(cases[i].type), cm_span(cases[i].body)) !=
		    cases[i].act)
			fail_msg("%s | %s: want %d", cases[i].type,
				 cases[i].body, cases[i].act);
}

static void a_long_boundary_is_read_and_a_huge_one_is_not(void **state)
{
	char type[1024], body[2048], boundary[512];
	size_t n;

	(void)state;
	for (n = 70; n <= 257; n += 187) { /* 70, 257 */
		memset(boundary, 'z', n);
		boundary[n] = '\0';
		snprintf(type, sizeof(type), FORM "%s", boundary);
		snprintf(body, sizeof(body),
			 "--%s\r\nContent-Disposition: form-data; "
			 "name=\"act\"\r\n\r\nstop\r\n--%s--",
			 boundary, boundary);
		assert_int_equal(act_of(cm_span(type), cm_span(body)),
				 n == 70 ? CM_FORM_STOP : CM_FORM_NONE);
	}
}

static void the_cap_is_4_kib(void **state)
{
	char *body = malloc(CM_FORM_MAX + 1);

	(void)state;
	assert_non_null(body);
	memset(body, 'x', CM_FORM_MAX + 1);
	memcpy(body, "act=stop&", 9);
	assert_int_equal(
		act_of(cm_span(URLENCODED), cm_span_n(body, CM_FORM_MAX)),
		CM_FORM_STOP);
	assert_int_equal(
		act_of(cm_span(URLENCODED), cm_span_n(body, CM_FORM_MAX + 1)),
		CM_FORM_NONE);
	free(body);
}

/* NULs, bare CRs, 8-bit: any octets in any place, and no crash. */
static void any_octet_anywhere(void **state)
{
	static const char body[] =
		PART("b", "List-Unsubscribe", "One-Click") "--b--\r\n";
	static const char type[] = FORM "b";
	char copy[sizeof(body)], type_copy[sizeof(type)];
	size_t i;
	int c;

	(void)state;
	for (i = 0; i < sizeof(body) - 1; i++)
		for (c = 0; c < 256; c++) {
			memcpy(copy, body, sizeof(body));
			copy[i] = (char)c;
			(void)act_of(cm_span(type),
				     cm_span_n(copy, sizeof(body) - 1));
			(void)act_of(cm_span(URLENCODED),
				     cm_span_n(copy, sizeof(body) - 1));
			(void)act_of(cm_span(type), cm_span_n(copy, i));
		}
	for (i = 0; i < sizeof(type) - 1; i++)
		for (c = 0; c < 256; c++) {
			memcpy(type_copy, type, sizeof(type));
			type_copy[i] = (char)c;
			(void)act_of(cm_span_n(type_copy, sizeof(type) - 1),
				     cm_span(body));
		}
}

static void escapes(void **state)
{
	static const struct {
		const char *text;
		bool plus;
		const char *plain;
		size_t n;
	} cases[] = {
		{"a%20b+c", true, "a b c", 5},
		{"a%20b+c", false, "a b+c", 5},
		{"%00%41", false, "\0A", 2},
		{"%4", false, "%4", 2},
		{"%", false, "%", 1},
		{"%%41", false, "%A", 2},
		{"%g1%1g", false, "%g1%1g", 6},
		{"%fF", false, "\xff", 1},
		{"", true, "", 0},
	};
	char out[16];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(cm_form_unescape(cm_span(cases[i].text),
						  cases[i].plus, out),
				 cases[i].n);
		assert_memory_equal(out, cases[i].plain, cases[i].n);
	}
}

static struct cm_form read_form(const char *body)
{
	struct cm_form form;

	cm_form_read(cm_span(URLENCODED), cm_span(body), &form);
	return form;
}

static void assert_text(const char *text, size_t n, const char *want)
{
	assert_int_equal(n, strlen(want));
	assert_memory_equal(text, want, n);
}

/* What somebody typed and ticked, whatever it is: judged later. */
static void a_subscription_has_an_address_and_boxes(void **state)
{
	struct cm_form form = read_form(
		"form=t0ken&email=+petr%40example.com+&website=&purpose=acme"
		"%2Fnews&purpose=acme/offers&purpose=&act=subscribe");

	(void)state;
	assert_int_equal(form.act, CM_FORM_SUBSCRIBE);
	assert_text(form.email, form.email_n, "petr@example.com");
	assert_text(form.token.text, form.token.n, "t0ken");
	assert_int_equal(form.npurposes, 2);
	assert_text(form.purposes[0].text, form.purposes[0].n, "acme/news");
	assert_text(form.purposes[1].text, form.purposes[1].n, "acme/offers");
	assert_false(form.trapped);
	assert_true(read_form("website=http://x").trapped);
	form = read_form("email=a%0d%0aBcc:%20b%40c%00");
	assert_int_equal(form.email_n, strlen("a\r\nBcc: b@c") + 1);
	assert_int_equal(form.act, CM_FORM_NONE);
}

/* What is longer than any of ours is nothing, and boxes have an end. */
static void fields_have_room_and_no_more(void **state)
{
	char body[CM_FORM_MAX] = "email=";
	size_t i;

	(void)state;
	memset(body + 6, 'x', CM_FORM_EMAIL_MAX);
	assert_int_equal(read_form(body).email_n, CM_FORM_EMAIL_MAX);
	body[6 + CM_FORM_EMAIL_MAX] = 'x';
	assert_int_equal(read_form(body).email_n, 0);
	memset(body, 0, sizeof(body));
	for (i = 0; i < CM_FORM_PURPOSES_MAX + 2; i++)
		memcpy(body + 10 * i, "&purpose=a", 10);
	assert_int_equal(read_form(body).npurposes, CM_FORM_PURPOSES_MAX);
	memset(body, 'x', CM_FORM_VALUE_MAX + 9);
	memcpy(body, "purpose=", 8);
	body[CM_FORM_VALUE_MAX + 9] = '\0';
	assert_int_equal(read_form(body).npurposes, 0);
}

/* Of several acts the one that asks for less. */
static void of_two_acts_the_one_for_less(void **state)
{
	static const struct {
		const char *body;
		enum cm_form_act act;
		const char *purpose;
	} cases[] = {
		{"more=acme/n", CM_FORM_MORE, "acme/n"},
		{"more=acme/n&stop=acme/o", CM_FORM_PURPOSE, "acme/o"},
		{"stop=acme/o&more=acme/n", CM_FORM_PURPOSE, "acme/o"},
		{"act=confirm", CM_FORM_CONFIRM, ""},
		{"act=cancel&act=confirm", CM_FORM_CANCEL, ""},
		{"act=confirm&act=cancel", CM_FORM_CANCEL, ""},
		{"act=subscribe&act=confirm", CM_FORM_CONFIRM, ""},
		{"act=subscribe&act=stop", CM_FORM_STOP, ""},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cm_form form = read_form(cases[i].body);

		assert_int_equal(form.act, cases[i].act);
		assert_text(form.purpose.text, form.purpose.n,
			    cases[i].purpose);
	}
}

/* Whoever manages to press both wants no mail. */
static void to_stop_is_stronger_than_to_keep(void **state)
{
	struct cm_form form;

	(void)state;
	cm_form_read(cm_span(URLENCODED), cm_span("act=keep"), &form);
	assert_int_equal(form.act, CM_FORM_KEEP);
	cm_form_read(cm_span(URLENCODED), cm_span("act=stop&act=keep"), &form);
	assert_int_equal(form.act, CM_FORM_STOP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(to_stop_is_stronger_than_to_keep),
		cmocka_unit_test(a_stop_says_of_what),
		cmocka_unit_test(bodies_that_ask_and_bodies_that_do_not),
		cmocka_unit_test(a_long_boundary_is_read_and_a_huge_one_is_not),
		cmocka_unit_test(the_cap_is_4_kib),
		cmocka_unit_test(any_octet_anywhere),
		cmocka_unit_test(a_subscription_has_an_address_and_boxes),
		cmocka_unit_test(fields_have_room_and_no_more),
		cmocka_unit_test(of_two_acts_the_one_for_less),
		cmocka_unit_test(escapes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
