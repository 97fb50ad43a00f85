/* headers: exactly one of each list header, whatever came in. */
#include <stdio.h>
#include <string.h>

#include "milter/headers.h"
#include "policy/header_value.h"

#include "tests/unit/message.h"
#include "tests/unit/test.h"

struct world {
	struct test_world w;
	struct cm_header_edit *edits;
	size_t count;
	struct cm_error err;
};

static int plan(struct world *world, const char *headers)
{
	char text[8192];

	(void)snprintf(text, sizeof(text), "Subject: x\r\n%s\r\nHello\r\n",
		       headers);
	test_world_message(&world->w, text, strlen(text));
	world->count = 0;
	return cm_headers_plan(&world->w.request, NULL, world->w.arena,
			       &world->edits, &world->count, &world->err);
}

static const char *inserted(const struct world *world, const char *name)
{
	const char *value = NULL;
	size_t i;

	for (i = 0; i < world->count; i++)
		if (world->edits[i].op == CM_HEADER_INSERT &&
		    strcmp(world->edits[i].name, name) == 0) {
			assert_null(value);
			value = world->edits[i].value;
		}
	return value;
}

/* R2369-1, R8058-1, R8058-2: "D name nth" of each deletion, in order. */
static void one_out_whatever_came_in(void **state)
{
	static const struct {
		const char *in;
		const char *deleted;
	} rows[] = {
		{"", ""},
		{"List-Unsubscribe: <https://tool.example/>\r\n",
		 "List-Unsubscribe 1,"},
		{"LIST-unsubscribe: a\r\nX: y\r\nlist-Unsubscribe:\r\n b\r\n"
		 "List-Unsubscribe: c\r\n",
		 "List-Unsubscribe 3,list-Unsubscribe 2,LIST-unsubscribe 1,"},
		{"List-Unsubscribe-Post: x\r\nList-Unsubscribe-Post: y\r\n",
		 "List-Unsubscribe-Post 2,List-Unsubscribe-Post 1,"},
		{"x-CONSENT-purpose: acme/newsletter\r\n",
		 "x-CONSENT-purpose 1,"},
		{"List-Unsubscribers: x\r\nList-Id: <a.b>\r\n", ""},
	};
	struct world world = {0};
	size_t i, e;

	(void)state;
	test_world_open(&world.w);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char deleted[512] = "";
		bool inserting = false;

		assert_int_equal(plan(&world, rows[i].in), CM_OK);
		for (e = 0; e < world.count; e++) {
			size_t n = strlen(deleted);

			if (world.edits[e].op == CM_HEADER_INSERT) {
				inserting = true;
				continue;
			}
			assert_false(inserting);
			(void)snprintf(deleted + n, sizeof(deleted) - n,
				       "%s %u,", world.edits[e].name,
				       world.edits[e].nth);
		}
		assert_string_equal(deleted, rows[i].deleted);
		assert_string_equal(inserted(&world, "List-Unsubscribe"),
				    "<" TEST_HTTPS ">,\n <" TEST_MAILTO ">");
		assert_string_equal(inserted(&world, "List-Unsubscribe-Post"),
				    "List-Unsubscribe=One-Click");
	}
	test_world_close(&world.w);
}

static void forms_of_the_way_out(void **state)
{
	struct world world = {0};
	struct cm_way_out *way = &world.w.request.way_out;

	(void)state;
	test_world_open(&world.w);
	way->mailto = NULL;
	assert_int_equal(plan(&world, ""), CM_OK);
	assert_string_equal(inserted(&world, "List-Unsubscribe"),
			    "<" TEST_HTTPS ">");
	way->https = "https://a.example/u";
	way->mailto = "mailto:u@a.example";
	assert_int_equal(plan(&world, ""), CM_OK);
	assert_string_equal(inserted(&world, "List-Unsubscribe"),
			    "<https://a.example/u>, <mailto:u@a.example>");
	/* R8058-15: no promise without a person's own token. */
	way->one_click = false;
	assert_int_equal(plan(&world, "List-Unsubscribe-Post: "
				      "List-Unsubscribe=One-Click\r\n"),
			 CM_OK);
	assert_null(inserted(&world, "List-Unsubscribe-Post"));
	assert_string_equal(world.edits[0].name, "List-Unsubscribe-Post");
	way->one_click = true;
	way->https = NULL; /* One-Click is https only */
	assert_int_equal(plan(&world, ""), CM_OK);
	assert_string_equal(inserted(&world, "List-Unsubscribe"),
			    "<mailto:u@a.example>");
	assert_null(inserted(&world, "List-Unsubscribe-Post"));
	way->mailto = NULL; /* no way out of ours: the tool's stays */
	assert_int_equal(plan(&world, "List-Unsubscribe: <x>\r\n"), CM_OK);
	assert_int_equal(world.count, 0);
	test_world_close(&world.w);
}

/* R2919-1: one List-Id, ours if the stream has one. */
static void the_list_id_is_the_streams(void **state)
{
	struct world world = {0};

	(void)state;
	test_world_open(&world.w);
	world.w.stream.list_id = "news.acme.example";
	assert_int_equal(plan(&world, "LIST-ID: a\r\nList-Id: b\r\n"), CM_OK);
	assert_string_equal(world.edits[0].name, "List-Id");
	assert_int_equal(world.edits[0].nth, 2);
	assert_string_equal(inserted(&world, "List-Id"), "<news.acme.example>");
	assert_int_equal(plan(&world, "List-Id: <news.acme.example>\r\n"),
			 CM_OK);
	assert_null(inserted(&world, "List-Id"));
	test_world_close(&world.w);
}

/* Feedback-ID and CFBL-Address: ours if the stream has them, else theirs. */
static void reports_go_where_the_stream_says(void **state)
{
	static const char in[] = "FEEDBACK-id: a:tool1\r\nCfbl-Address: x@y\r\n"
				 "Feedback-ID: b:tool1\r\n"
				 "CFBL-Feedback-ID: theirs\r\n";
	struct world world = {0};
	size_t i;

	(void)state;
	test_world_open(&world.w);
	assert_int_equal(plan(&world, in), CM_OK);
	for (i = 0; i < world.count; i++)
		assert_int_equal(world.edits[i].op, CM_HEADER_INSERT);
	world.w.stream.feedback_id = "spring:news:acme1";
	world.w.stream.cfbl_address = "fbl@acme.example; report=arf";
	assert_int_equal(plan(&world, in), CM_OK);
	assert_string_equal(inserted(&world, "Feedback-ID"),
			    "spring:news:acme1");
	assert_string_equal(inserted(&world, "CFBL-Address"),
			    "fbl@acme.example; report=arf");
	assert_string_equal(world.edits[0].name, "Feedback-ID");
	assert_int_equal(world.edits[0].nth, 2);
	assert_string_equal(world.edits[1].name, "FEEDBACK-id");
	assert_string_equal(world.edits[2].name, "Cfbl-Address");
	/* Theirs has no receiver of ours, and none that it could harm. */
	for (i = 0; i < world.count; i++)
		assert_string_not_equal(world.edits[i].name,
					"CFBL-Feedback-ID");
	test_world_close(&world.w);
}

/* R2919-1, R6532-2: encoded, whatever the transaction. */
static void the_list_has_a_name(void **state)
{
	struct world world = {0};

	(void)state;
	test_world_open(&world.w);
	world.w.stream.list_id = "news.acme.example";
	world.w.stream.list_name = "Acme, News";
	assert_int_equal(plan(&world, ""), CM_OK);
	assert_string_equal(inserted(&world, "List-Id"),
			    "\"Acme, News\" <news.acme.example>");
	world.w.stream.list_name = "Zpravodaj pro v\xc5\xa1"
				   "echny \xc5\xbd";
	assert_int_equal(plan(&world, ""), CM_OK);
	assert_string_equal(inserted(&world, "List-Id"),
			    "=?utf-8?B?WnByYXZvZGFqIHBybyB2xaFlY2hueSDFvQ==?="
			    "\n <news.acme.example>");
	test_world_close(&world.w);
}

/* R8058-2: octet by octet, and one blank at most. */
static void one_click_is_exact(void **state)
{
	static const struct {
		const char *in;
		bool kept;
	} rows[] = {
		{"List-Unsubscribe-Post: List-Unsubscribe=One-Click", true},
		{"list-unsubscribe-post:List-Unsubscribe=One-Click", true},
		{"List-Unsubscribe-Post:  List-Unsubscribe=One-Click", false},
		{"List-Unsubscribe-Post: List-Unsubscribe=One-Click ", false},
		{"List-Unsubscribe-Post: list-unsubscribe=one-click", false},
		{"List-Unsubscribe-Post:\r\n List-Unsubscribe=One-Click",
		 false},
		{"List-Unsubscribe-Post: List-Unsubscribe=One-Click; x", false},
	};
	struct world world = {0};
	char text[200];
	size_t i;

	(void)state;
	test_world_open(&world.w);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		(void)snprintf(text, sizeof(text), "%s\r\n", rows[i].in);
		assert_int_equal(plan(&world, text), CM_OK);
		if ((inserted(&world, "List-Unsubscribe-Post") == NULL) !=
		    rows[i].kept)
			fail_msg("%s", rows[i].in);
	}
	test_world_close(&world.w);
}

/* What the config may say at its longest, all at once: no mail fails of it. */
static void the_longest_settings_fit(void **state)
{
	struct world world = {0};
	char https[201];
	char mailto[400];
	char id[CM_LIST_ID_MAX + 1];
	char name[CM_LIST_NAME_MAX + 1];
	char feedback[CM_FEEDBACK_ID_MAX + 1];
	char cfbl[CM_CFBL_MAX + 20];
	size_t i;

	(void)state;
	test_world_open(&world.w);
	memset(https, 'x', sizeof(https));
	memcpy(https, "https://", 8);
	https[200] = '\0';
	memset(mailto, 'x', sizeof(mailto));
	memcpy(mailto, "mailto:", 7);
	mailto[7 + 64 + 1 + 255] = '\0';
	memset(id, 'x', sizeof(id));
	id[CM_LIST_ID_MAX] = '\0';
	memset(feedback, 'x', sizeof(feedback));
	feedback[CM_FEEDBACK_ID_MAX] = '\0';
	memset(cfbl, 'x', sizeof(cfbl));
	memcpy(cfbl + CM_CFBL_MAX, "; report=xarf", 14);
	for (i = 0; i < CM_LIST_NAME_MAX; i += 2)
		memcpy(name + i, "\xc5\xbd", 2);
	name[CM_LIST_NAME_MAX] = '\0';
	world.w.request.way_out.https = https;
	world.w.request.way_out.mailto = mailto;
	world.w.stream.list_id = id;
	world.w.stream.list_name = name;
	world.w.stream.feedback_id = feedback;
	world.w.stream.cfbl_address = cfbl;
	assert_int_equal(plan(&world, ""), CM_OK);
	assert_int_equal(world.count, 5);
	memset(name, '"', CM_LIST_NAME_MAX);
	assert_int_equal(plan(&world, ""), CM_OK);
	test_world_close(&world.w);
}

/* R5322-2: nothing gets a line of its own into the header. */
static void injection_is_refused(void **state)
{
	static const char *const bad[] = {
		"https://a.example/\r\nBcc: x",
		"https://a.example/\nx",
		"https://a.example/ x",
		"https://a.example/>x",
		"https://a.example/<x",
		"https://a.example/\"x",
		"https://a.example/\xc3\xa9",
		"https://a.example/\x7f",
		"https://a.example/\tx",
		"https://a.example/\xe2\x80\xa8",
	};
	struct world world = {0};
	size_t i;

	(void)state;
	test_world_open(&world.w);
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		world.w.request.way_out.https = bad[i];
		assert_int_equal(plan(&world, ""), CM_EDATA);
		assert_null(strstr(world.err.text, bad[i]));
	}
	world.w.request.way_out.https = "https://a.example/%0d%0a,x";
	assert_int_equal(plan(&world, ""), CM_OK);
	/* Settings come checked; a second lock costs nothing. */
	world.w.stream.feedback_id = "x:acme1\nBcc: x";
	assert_int_equal(plan(&world, ""), CM_EDATA);
	world.w.stream.feedback_id = NULL;
	world.w.stream.list_id = "a.b\r\n\r\nx";
	assert_int_equal(plan(&world, ""), CM_EDATA);
	test_world_close(&world.w);
}

/* R5322-1, B14: a line is at most 998, all we add under 2 KB. */
static void long_links_are_refused(void **state)
{
	struct world world = {0};
	char uri[3000];

	(void)state;
	test_world_open(&world.w);
	memset(uri, 'x', sizeof(uri));
	memcpy(uri, "https://", 8);
	world.w.request.way_out.https = uri;
	uri[970] = '\0';
	assert_int_equal(plan(&world, ""), CM_OK);
	uri[970] = 'x';
	uri[990] = '\0';
	assert_int_equal(plan(&world, ""), CM_ELIMIT);
	test_world_close(&world.w);
}

#define SIGNATURE "v=1; a=rsa-sha256; d=esp.example; s=s"

/* Whoever signed a header before us keeps it; what he did not is ours. */
static void signed_headers_stay(void **state)
{
	static const struct {
		const char *signature;
		bool ours;
	} rows[] = {
		{SIGNATURE "; bh=x; h=From:To; b=x", true},
		{SIGNATURE "; bh=x; h=From:List-Unsubscribe:To; b=x", false},
		{SIGNATURE "; bh=x; h=From : list-unsubscribe-post\r\n\t; b=x",
		 false},
		{SIGNATURE "; bh=x; H=from:LIST-UNSUBSCRIBE; b=x", false},
		{SIGNATURE "; bh=List-Unsubscribe; h=From; b=List-Unsubscribe",
		 true},
		{SIGNATURE "; bh=x; b=x", false},
		{"", false},
	};
	struct world world = {0};
	size_t i;

	(void)state;
	test_world_open(&world.w);
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char text[512];

		(void)snprintf(
			text, sizeof(text),
			"DKIM-Signature: %s\r\nList-Unsubscribe: <x>\r\n",
			rows[i].signature);
		assert_int_equal(plan(&world, text), CM_OK);
		assert_int_equal(world.count > 0, rows[i].ours);
		assert_int_equal(
			cm_headers_are_locked(&world.w.request, world.w.arena),
			!rows[i].ours);
	}
	assert_int_equal(plan(&world, ""), CM_OK);
	assert_false(cm_headers_are_locked(&world.w.request, world.w.arena));
	test_world_close(&world.w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_out_whatever_came_in),
		cmocka_unit_test(forms_of_the_way_out),
		cmocka_unit_test(the_list_id_is_the_streams),
		cmocka_unit_test(reports_go_where_the_stream_says),
		cmocka_unit_test(the_list_has_a_name),
		cmocka_unit_test(one_click_is_exact),
		cmocka_unit_test(the_longest_settings_fit),
		cmocka_unit_test(injection_is_refused),
		cmocka_unit_test(long_links_are_refused),
		cmocka_unit_test(signed_headers_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
