/* signature: RFC 6376, 3.2 and 3.5 as they stand, and whose one is. */
#include "milter/signature.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"

#define GOOD "v=1; a=rsa-sha256; d=acme.example; s=s1; bh=YQ==; b=YQ=="

/* names: what it covers, of From and List-Id; "" = neither. */
static const struct {
	const char *value;
	bool readable;
	const char *names;
} values[] = {
	{GOOD "; h=From", true, "From"},
	{GOOD ";h=from:LIST-ID", true, "From List-Id"},
	{GOOD "; h = From :\r\n\t List-Id ; ", true, "From List-Id"},
	{GOOD "; h=From\n :Subject;\n\t", true, "From"},
	{"h=To; " GOOD "; x=12; i=@acme.example; q=dns/txt; z=a|b", true, ""},
	{GOOD "; h=From; unknown=", true, "From"},
	{"bh=Y\r\n Q==; b=Y\r\n\tQ==; v=1;a=x;s=s;d=d.test;h=From", true,
	 "From"},
	/* What cannot be read covers everything. */
	{GOOD, false, "From List-Id"},
	{GOOD "; h=", false, "From List-Id"},
	{GOOD "; h=From:", false, "From List-Id"},
	{GOOD "; h=:From", false, "From List-Id"},
	{GOOD "; h=From::To", false, "From List-Id"},
	{GOOD "; h=From To", false, "From List-Id"},
	{GOOD "; h=From; h=To", false, "From List-Id"},
	{GOOD "; h=From; d=d.test", false, "From List-Id"},
	{GOOD ";; h=From", false, "From List-Id"},
	{GOOD "; h=From; =x", false, "From List-Id"},
	{GOOD "; h=From; 1x=y", false, "From List-Id"},
	{GOOD "; h=From; x-y=z", false, "From List-Id"},
	{GOOD "; h=From; x", false, "From List-Id"},
	{GOOD "; h=From; x=\xc3\xa9", false, "From List-Id"},
	{GOOD "; h=Fr\x01om", false, "From List-Id"},
	{"v=2; a=x; d=d.test; s=s; bh=YQ; b=YQ; h=From", false, "From List-Id"},
	{"a=x; d=d.test; s=s; bh=YQ; b=YQ; h=From", false, "From List-Id"},
	{"V=1; a=x; d=d.test; s=s; bh=YQ; b=YQ; h=From", false, "From List-Id"},
	{"v=1; a=x; s=s; bh=YQ; b=YQ; h=From", false, "From List-Id"},
	{"v=1; a=x; d=d.test; s=s; bh=YQ; b=; h=From", false, "From List-Id"},
	{"", false, "From List-Id"},
	{";", false, "From List-Id"},
};

struct message {
	struct cm_config config;
	struct cm_stream stream;
	struct cm_edit_request request;
};

static void begin(struct message *m, const struct cm_facts_header *headers,
		  size_t count)
{
	static const char *ours[] = {"acme.example", "news.acme.example"};

	memset(m, 0, sizeof(*m));
	m->config.dkim_domains.v = ours;
	m->config.dkim_domains.n = 2;
	m->request.config = &m->config;
	m->request.stream = &m->stream;
	m->request.headers = headers;
	m->request.nheaders = count;
}

static void each_value(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		const struct cm_facts_header header = {
			cm_span("dkim-signature"), cm_span(values[i].value)};
		struct cm_signature signature;
		struct message m;
		char covers[32];

		begin(&m, &header, 1);
		assert_true(cm_signature_read(&header, &signature));
		if (signature.readable != values[i].readable)
			fail_msg("%s: readable is %d", values[i].value,
				 signature.readable);
		(void)snprintf(
			covers, sizeof(covers), "%s%s",
			cm_signature_covers(&m.request, "From") ? "From" : "",
			cm_signature_covers(&m.request, "List-Id") ? " List-Id"
								   : "");
		if (strcmp(covers, values[i].names) != 0)
			fail_msg("%s: covers \"%s\"", values[i].value, covers);
	}
}

/* Many tags are somebody's attempt at something. */
static void too_many_tags(void **state)
{
	char value[1024] = GOOD "; h=From";
	struct cm_facts_header header = {cm_span("DKIM-Signature"), {0}};
	struct cm_signature signature;
	size_t n = strlen(value);
	int i;

	(void)state;
	for (i = 0; i < 40; i++)
		n += (size_t)snprintf(value + n, sizeof(value) - n,
				      "; x%d=", i);
	header.value = cm_span(value);
	assert_true(cm_signature_read(&header, &signature));
	assert_false(signature.readable);
}

#define OURS                                                                   \
	{                                                                      \
		{"DKIM-Signature", 14},                                        \
		{                                                              \
			GOOD "; h=From", sizeof(GOOD "; h=From") - 1           \
		}                                                              \
	}
#define FIELD(name, text)                                                      \
	{                                                                      \
		{name, sizeof(name) - 1},                                      \
		{                                                              \
			text, sizeof(text) - 1                                 \
		}                                                              \
	}
#define REST "; h=From; v=1; a=x; s=s; bh=YQ; b=YQ"

static const struct {
	struct cm_facts_header headers[2];
	enum cm_presigned_as resign, keep;
} cases[] = {
	{{FIELD("From", "a"), FIELD("To", "b")},
	 CM_PRESIGNED_NOT,
	 CM_PRESIGNED_NOT},
	{{FIELD("From", "a"), OURS}, CM_PRESIGNED_RENEW, CM_PRESIGNED_KEEP},
	{{OURS, OURS}, CM_PRESIGNED_RENEW, CM_PRESIGNED_KEEP},
	{{OURS, FIELD("DKIM-Signature", "d=News.Acme.Example" REST)},
	 CM_PRESIGNED_RENEW,
	 CM_PRESIGNED_KEEP},
	{{OURS, FIELD("DKIM-Signature", "d=esp.test" REST)},
	 CM_PRESIGNED_KEEP,
	 CM_PRESIGNED_KEEP},
	{{FIELD("DKIM-Signature", "d=x.acme.example" REST), FIELD("To", "")},
	 CM_PRESIGNED_KEEP,
	 CM_PRESIGNED_KEEP},
	{{OURS, FIELD("DKIM-Signature", "d=acme.example")},
	 CM_PRESIGNED_KEEP,
	 CM_PRESIGNED_KEEP},
	{{OURS, FIELD("ARC-Message-Signature", "i=1; d=acme.example" REST)},
	 CM_PRESIGNED_KEEP,
	 CM_PRESIGNED_KEEP},
	{{OURS, FIELD("DomainKey-Signature", "d=acme.example" REST)},
	 CM_PRESIGNED_KEEP,
	 CM_PRESIGNED_KEEP},
	{{FIELD("X-Google-DKIM-Signature", "d=x.test" REST),
	  FIELD("Authentication-Results", "dkim=pass")},
	 CM_PRESIGNED_NOT,
	 CM_PRESIGNED_NOT},
};

/* R8058-12: only where every one is ours. */
static void whose_it_is(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct message m;

		begin(&m, cases[i].headers, 2);
		assert_int_equal(cm_signature_presigned(&m.request),
				 cases[i].keep);
		m.stream.presigned = CM_PRESIGNED_IS_RENEWED;
		assert_int_equal(cm_signature_presigned(&m.request),
				 cases[i].resign);
		/* What may go covers nothing. */
		if (cases[i].resign != CM_PRESIGNED_KEEP)
			assert_false(cm_signature_covers(&m.request, "From"));
		else
			assert_true(cm_signature_covers(&m.request, "From"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_value),
		cmocka_unit_test(too_many_tags),
		cmocka_unit_test(whose_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
