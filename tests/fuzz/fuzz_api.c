/*
 * A body of the API as a program may send it: the first octet chooses the
 * call.  No crash; what is taken names an address, and its purposes, source and
 * time are ones that may stand in an event; what is not says why.  What is kept
 * as evidence is canonical JSON within its limit.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/grant.h"
#include "tests/fuzz/fuzz.h"
#include "web/api_body.h"

static const int64_t now = INT64_C(1795219200000); /* 2026-11-21 */

static struct cm_config **config_of_runs(void)
{
	static struct cm_config *config;

	return &config;
}

static void must(bool truth)
{
	if (!truth)
		abort();
}

static const char config_text[] =
	"controller \"acme\" { name = \"Acme\"  address = \"Berlin\"  contact "
	"= \"p@acme.example\"  country = \"DE\" }\n"
	"web { base-url = \"https://c.acme.example\" }\n"
	"listener \"main\" { socket = \"unix:/run/x.sock\"  unmatched = pass "
	"}\n"
	"purpose \"acme\" { title = \"All\" }\n"
	"purpose \"acme/news\" { title = \"News\" }\n"
	"purpose \"acme/offers\" { title = \"Offers\" }\n"
	"stream \"news\" { type = marketing  sender = {\"n@acme.example\"}  "
	"purpose = {\"acme/news\"}  sources = {\"till\"}  mode = observe }\n";

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char path[] = "/tmp/fuzz-api-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;
	struct cm_error err;

	(void)argc;
	(void)argv;
	must(file != NULL && fputs(config_text, file) >= 0 &&
	     fclose(file) == 0);
	if (cm_config_load(path, config_of_runs(), &err) != CM_OK) {
		(void)fputs(err.text, stderr);
		abort();
	}
	(void)remove(path);
	return 0;
}

static void check_evidence(const struct cm_api_call *call)
{
	struct cm_api_fault fault;
	struct cm_json *json = NULL;
	struct cm_buf out;

	cm_buf_init(&out, 1024);
	if (cm_api_evidence(call, "shop", "192.0.2.0/24", &out, &fault) ==
	    CM_OK) {
		must(out.len <= 1024);
		must(cm_json_read(cm_span_n(out.data, out.len), 1024, &json,
				  NULL) == CM_OK);
		must(cm_span_is(cm_json_text(cm_json_member(cm_json_root(json),
							    "api_key")),
				"shop"));
		cm_json_free(&json);
	} else {
		must(fault.status == 422 && call->evidence != NULL);
	}
	cm_buf_free(&out);
}

static void check_call(const struct cm_api_call *call)
{
	bool asks =
		call->kind == CM_API_GRANTS || call->kind == CM_API_REQUESTS;

	must(call->address.n <= CM_ACT_ADDRESS_MAX);
	must(call->at > 0 && call->at <= now);
	must(call->npurposes <= (*config_of_runs())->npurposes);
	must(!asks || call->npurposes > 0);
	must(!asks || cm_grant_check_source(call->event.source, NULL) == CM_OK);
	must(!asks || (call->notice.n > 0) != call->has_notice_hash);
	must(call->event.sold <= now);
	check_evidence(call);
}

static void check_fault(const struct cm_api_fault *fault)
{
	must(fault->status == 400 || fault->status == 422);
	must(fault->code != NULL && fault->err.text[0] != '\0');
	must(cm_utf8_valid(fault->err.text, strlen(fault->err.text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cm_api_call call;
	struct cm_api_fault fault;
	enum cm_api_call_kind kind;

	if (n == 0)
		return 0;
	kind = (enum cm_api_call_kind)(data[0] % CM_API_CALLS);
	if (cm_api_body_read(*config_of_runs(), kind,
			     cm_span_n((const char *)data + 1, n - 1), now,
			     &call, &fault) == CM_OK)
		check_call(&call);
	else
		check_fault(&fault);
	cm_api_call_free(&call);
	return 0;
}
