/* config: the forms by which people subscribe. */
#include <string.h>

#include "tests/unit/config_kit.h"

#define MAIL "mail { domain = \"m.acme.example\" }\n"

static void a_form_has_its_words_in_every_language(void **state)
{
	struct cm_config *config = load_good(
		PRELUDE MAIL
		"purpose \"acme/x\" { title = \"x\"  about = \"Weekly\" "
		"about-cs = \"T\303\275dn\304\233\" }\n"
		"form \"shop\" { purpose = {\"acme/x\", \"acme/news\"}\n"
		" title = \"News\"  title-cs = \"Novinky\"  intro-pt-br = "
		"\"Oi\"  embed-on = {\"https://shop.example:8443\"} }\n"
		"form \"contest\" { purpose = {\"acme\"}  source = "
		"\"contest\" }");
	const struct cm_subscribe_form *form =
		cm_config_form(config, cm_span("shop"));

	(void)state;
	assert_ptr_equal(cm_config_form(config, cm_span("")), form);
	assert_null(cm_config_form(config, cm_span("sho")));
	assert_int_equal(form->npurposes, 2);
	assert_string_equal(form->purposes[0]->path, "acme/x");
	assert_string_equal(form->source, "web-form");
	assert_string_equal(form->embed_on.v[0], "https://shop.example:8443");
	assert_string_equal(
		cm_title_in(form->title, form->titles, form->ntitles, "cs"),
		"Novinky");
	assert_string_equal(
		cm_title_in(form->title, form->titles, form->ntitles, "sv"),
		"News");
	assert_string_equal(
		cm_title_in(form->intro, form->intros, form->nintros, "pt-br"),
		"Oi");
	assert_null(
		cm_title_in(form->intro, form->intros, form->nintros, "cs"));
	assert_string_equal(form->purposes[0]->about, "Weekly");
	assert_int_equal(form->purposes[0]->nabouts, 1);
	assert_string_equal(config->forms[1].source, "contest");
	cm_config_unref(&config);
}

static void forms_are_checked(void **state)
{
	static const struct wrong cases[] = {
		{PRELUDE "form \"shop\" { purpose = {\"acme/news\"} }",
		 "6: form \"shop\": a form needs a mail section (who "
		 "subscribes is asked by a letter)"},
		{PRELUDE MAIL "form \"shop\" { }",
		 "7: form \"shop\": \"purpose\" is missing"},
		{PRELUDE MAIL "form \"Shop\" { purpose = {\"acme/news\"} }",
		 "7: form \"Shop\": the name of a form stands in its address: "
		 "1 to 32 of a-z, 0-9 and \"-\""},
		{PRELUDE MAIL "form \"s\" { purpose = {\"acme/mews\"} }",
		 "7: form \"s\": purpose \"acme/mews\" is not defined (did "
		 "you mean \"acme/news\"?)"},
		{PRELUDE MAIL "form \"s\" { purpose = {\"acme/news\",\n"
			      "\"acme/news\"} }",
		 "7: form \"s\": purpose \"acme/news\" is named twice"},
		{PRELUDE MAIL "form \"s\" { purpose = {\"acme/news\"}\n"
			      "source = \"purchased\" }",
		 "8: form \"s\": source: contacts of source \"purchased\" "
		 "never get marketing (leave it out)"},
		{PRELUDE MAIL "form \"s\" { purpose = {\"acme/news\"}\n"
			      "embed-on = {\"https://shop.example/\"} }",
		 "8: form \"s\": embed-on: \"https://shop.example/\" is not "
		 "a site (write https://shop.example, without a path or a "
		 "closing slash)"},
		{PRELUDE MAIL "form \"s\" { purpose = {\"acme/news\"}\n"
			      "embed-on = {\"https://a; script-src *\"} }",
		 "8: form \"s\": embed-on: \"https://a; script-src *\" is "
		 "not a site (write https://shop.example, without a path or a "
		 "closing slash)"},
		{PRELUDE MAIL "form \"s\" { purpose = {\"acme/news\"}\n"
			      "intro-cz = \"y\" }",
		 "8: form \"s\": \"cz\" is no language of the European "
		 "Union, and there are no templates in it (did you mean "
		 "\"cs\"?)"},
		{PRELUDE MAIL "form \"s\" { purpose = {\"acme/news\"}\n"
			      "about-cs = \"y\" }",
		 "8: form \"s\": unknown setting \"about-cs\""},
	};

	(void)state;
	ALL_FAIL(cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_form_has_its_words_in_every_language),
		cmocka_unit_test(forms_are_checked),
	};

	return cmocka_run_group_tests(tests, config_set_up, config_tear_down);
}
