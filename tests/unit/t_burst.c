/*
 * burst: which withdrawals belong together; held against a reading of its own
 * that looks at every stretch of time.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/str.h"
#include "policy/burst.h"
#include "policy/config.h"

#include "tests/unit/test.h"

enum { PEOPLE = 3, WINDOW = 100, ROUNDS = 3000, CLICKS = 40 };

struct spec {
	const char *of;
	int person;
	int64_t at;
};

static void fill(const struct spec *specs, size_t n,
		 struct cm_burst_click *clicks)
{
	size_t i;

	memset(clicks, 0, n * sizeof(*clicks));
	for (i = 0; i < n; i++) {
		(void)snprintf(clicks[i].of, sizeof(clicks[i].of), "%s",
			       specs[i].of);
		clicks[i].contact.b[0] = (uint8_t)specs[i].person;
		clicks[i].at = specs[i].at;
		clicks[i].item = i;
	}
}

/* Sizes of the bursts, "3 4". */
static void assert_bursts(const struct spec *specs, size_t n, const char *want)
{
	struct cm_burst_click clicks[CLICKS];
	struct cm_burst *bursts;
	char got[64] = "";
	size_t count, i;

	fill(specs, n, clicks);
	assert_int_equal(
		cm_burst_find(clicks, n, PEOPLE, WINDOW, &bursts, &count),
		CM_OK);
	for (i = 0; i < count; i++)
		(void)snprintf(got + strlen(got), sizeof(got) - strlen(got),
			       "%s%zu", i > 0 ? " " : "", bursts[i].count);
	free(bursts);
	assert_string_equal(got, want);
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void what_is_a_burst(void **state)
{
	static const struct spec in_time[] = {
		{"a", 1, 0}, {"a", 2, 50}, {"a", 3, 100}};
	static const struct spec late[] = {
		{"a", 1, 0}, {"a", 2, 50}, {"a", 3, 101}};
	static const struct spec apart[] = {
		{"a", 1, 0}, {"b", 2, 1}, {"a", 3, 2}, {"b", 4, 3}};
	static const struct spec one_person[] = {
		{"a", 1, 0}, {"a", 1, 1}, {"a", 1, 2}, {"a", 2, 3}};
	static const struct spec all_of_it[] = {{"a", 1, 0},
						{"a", 1, 1},
						{"a", 2, 2},
						{"a", 3, 3},
						{"a", 9, 500}};
	static const struct spec goes_on[] = {{"a", 1, 0},   {"a", 2, 60},
					      {"a", 3, 90},  {"a", 4, 150},
					      {"a", 5, 190}, {"a", 6, 250}};
	static const struct spec two[] = {{"a", 1, 0},    {"a", 2, 1},
					  {"a", 3, 2},    {"a", 1, 1000},
					  {"a", 2, 1001}, {"a", 3, 1002}};

	(void)state;
	assert_bursts(in_time, COUNT(in_time), "3");
	assert_bursts(late, COUNT(late), "");
	assert_bursts(apart, COUNT(apart), "");
	assert_bursts(one_person, COUNT(one_person), "");
	assert_bursts(all_of_it, COUNT(all_of_it), "4");
	assert_bursts(goes_on, COUNT(goes_on), "6");
	assert_bursts(two, COUNT(two), "3 3");
}

/* Its name stays while it goes on, and tells places apart. */
static void names(void **state)
{
	static const struct spec specs[] = {
		{"a", 1, 1767225600123}, {"a", 2, 1767225600150},
		{"a", 3, 1767225600170}, {"a", 4, 1767225600180},
		{"b", 1, 1767225600123}, {"b", 2, 1767225600150},
		{"b", 3, 1767225600170}};
	struct cm_burst_click clicks[COUNT(specs)];
	struct cm_burst *some, *all;
	size_t count;

	(void)state;
	fill(specs, 3, clicks);
	assert_int_equal(
		cm_burst_find(clicks, 3, PEOPLE, WINDOW, &some, &count), CM_OK);
	assert_int_equal(count, 1);
	fill(specs, COUNT(specs), clicks);
	assert_int_equal(cm_burst_find(clicks, COUNT(specs), PEOPLE, WINDOW,
				       &all, &count),
			 CM_OK);
	assert_int_equal(count, 2);
	assert_int_equal(strncmp(some[0].id, "20260101T000000-", 16), 0);
	assert_int_equal(strlen(some[0].id), 24);
	assert_string_equal(some[0].id, all[0].id);
	assert_string_not_equal(all[0].id, all[1].id);
	assert_int_equal(all[0].people, 4);
	free(some);
	free(all);
}

static void without_a_rule_there_is_none(void **state)
{
	static const struct spec specs[] = {{"a", 1, 0}};
	struct cm_burst_click click;
	struct cm_burst *bursts;
	size_t count = 1;

	(void)state;
	fill(specs, 1, &click);
	assert_int_equal(cm_burst_find(&click, 1, 0, WINDOW, &bursts, &count),
			 CM_OK);
	assert_int_equal(count, 0);
	assert_int_equal(cm_burst_find(NULL, 0, 1, WINDOW, &bursts, &count),
			 CM_OK);
	assert_int_equal(count, 0);
}

/* Of people who click once: is there a stretch with enough of them? */
static bool is_part(const struct cm_burst_click *clicks, size_t n, size_t i)
{
	size_t k, m;

	for (k = 0; k < n; k++) {
		int64_t from = clicks[k].at;
		size_t people = 0;

		if (strcmp(clicks[k].of, clicks[i].of) != 0 ||
		    clicks[i].at < from || clicks[i].at - from > WINDOW)
			continue;
		for (m = 0; m < n; m++)
			people += strcmp(clicks[m].of, clicks[i].of) == 0 &&
				  clicks[m].at >= from &&
				  clicks[m].at - from <= WINDOW;
		if (people >= PEOPLE)
			return true;
	}
	return false;
}

static void random_clicks(void **state)
{
	size_t rounds, i;

	(void)state;
	srand(1);
	for (rounds = 0; rounds < ROUNDS; rounds++) {
		struct cm_burst_click clicks[CLICKS];
		struct spec specs[CLICKS];
		struct cm_burst *bursts;
		size_t count, n = (size_t)rand() % CLICKS + 1, parts = 0;

		for (i = 0; i < n; i++)
			specs[i] = (struct spec){rand() % 2 ? "a" : "b", (int)i,
						 rand() % 1000};
		fill(specs, n, clicks);
		assert_int_equal(cm_burst_find(clicks, n, PEOPLE, WINDOW,
					       &bursts, &count),
				 CM_OK);
		for (i = 0; i < n; i++)
			assert_int_equal(clicks[i].is_part,
					 is_part(clicks, n, i));
		for (i = 0; i < count; i++)
			parts += bursts[i].count;
		for (i = 0; i < n; i++)
			parts -= clicks[i].is_part;
		assert_int_equal(parts, 0);
		free(bursts);
	}
}

/* Network from the evidence, domain from the address; neither is a must. */
static void places(void **state)
{
	static const char *ignored[] = {"gmail.com"};
	const struct cm_config config = {.web_burst_ignored = {ignored, 1}};
	static const struct {
		const char *evidence, *canonical, *want;
	} cases[] = {
		{"{\"network\":\"192.0.2.0/24\"}", "a@x.test",
		 "network 192.0.2.0/24 domain x.test "},
		{"{\"network\":\"192.0.2.0/24\"}", "a@gmail.com",
		 "network 192.0.2.0/24 "},
		{"{\"method\":\"POST\"}", "a@x.test", "domain x.test "},
		{"", "", ""},
		{"{\"network\":7}", "nonsense", ""},
		{"nonsense", "\"a@b\"@x.test", "domain x.test "},
	};
	const struct cm_id contact = {{1}};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		struct cm_burst_click clicks[CM_BURST_PLACES];
		char got[200] = "";
		size_t n = cm_burst_places(&config, cm_span(cases[i].evidence),
					   cm_span(cases[i].canonical),
					   &contact, 5, clicks);
		size_t k;

		for (k = 0; k < n; k++) {
			(void)snprintf(got + strlen(got),
				       sizeof(got) - strlen(got), "%s %s ",
				       cm_burst_kind_name(clicks[k].kind),
				       clicks[k].of);
			assert_int_equal(clicks[k].at, 5);
		}
		assert_string_equal(got, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_a_burst),
		cmocka_unit_test(names),
		cmocka_unit_test(without_a_rule_there_is_none),
		cmocka_unit_test(random_clicks),
		cmocka_unit_test(places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
