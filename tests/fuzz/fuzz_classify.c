/*
 * Any octets as sender, login and headers ("Name: value" lines; the first is
 * the sender, the second the login): always an answer, and never a service
 * stream for a client that is not its own.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/classify.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { HEADERS_MAX = 32 };

static const char text[] =
	"controller a { name = b address = c contact = \"d@e.example\" }\n"
	"web { base-url = \"https://c.a.example\" }\n"
	"listener m { socket = \"unix:/m\" }\n"
	"purpose a { title = All }\n"
	"purpose \"a/b\" { title = Some }\n"
	"stream shop { type = service sender = {\"shop@a.example\"}\n"
	"  client = {\"10.0.0.1\"} from = {\"shop@a.example\"}\n"
	"  approved-by = me }\n"
	"own-networks = {\"10.0.0.0/8\", \"127.0.0.1\"}\n"
	"stream news { type = marketing sender = {\"news+*@a.example\"}\n"
	"  header = {\"X-Campaign: a b\", \"List-Id: <x.a.example>\"}\n"
	"  purpose = {a, \"a/b\"} }\n"
	"stream from { type = marketing from = {\"@a.example\"}\n"
	"  client = {\"127.0.0.1\"} purpose = {a} }\n";

static void must(bool truth)
{
	if (!truth)
		abort();
}

/* The one config of all runs: libFuzzer has no place for it but main's. */
static struct cm_config *make(void)
{
	char name[] = "/tmp/fuzz_classify.XXXXXX";
	struct cm_config *config = NULL;
	int fd = mkstemp(name);

	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	must(cm_config_load(name, &config, NULL) == CM_OK);
	unlink(name);
	return config;
}

static struct cm_span next_line(struct cm_span *rest)
{
	const char *end = rest->n > 0 ? memchr(rest->p, '\n', rest->n) : NULL;
	size_t n = end == NULL ? rest->n : (size_t)(end - rest->p);
	struct cm_span line = cm_span_n(rest->p, n);

	rest->p += n + (end != NULL);
	rest->n -= n + (end != NULL);
	return line;
}

static struct cm_config **config_of_runs(void)
{
	static struct cm_config *config;

	return &config;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	*config_of_runs() = make();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const uint8_t foreign[16] = {
		[10] = 0xff, [11] = 0xff, [12] = 203, [15] = 5};
	static const uint8_t own[16] = {
		[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1};
	const struct cm_config *config = *config_of_runs();
	struct cm_span rest = cm_span_n((const char *)data, n);
	struct cm_facts_header headers[HEADERS_MAX];
	struct cm_facts facts = {.headers = headers, .has_client = true};
	struct cm_classified class;

	facts.listener = config->listeners;
	facts.sender = next_line(&rest);
	facts.null_sender = cm_span_is(facts.sender, "<>");
	facts.auth = next_line(&rest);
	while (rest.n > 0 && facts.nheaders < HEADERS_MAX) {
		struct cm_span line = next_line(&rest);
		const char *colon =
			line.n > 0 ? memchr(line.p, ':', line.n) : NULL;
		size_t name = colon == NULL ? 0 : (size_t)(colon - line.p);

		headers[facts.nheaders].name = cm_span_n(line.p, name);
		headers[facts.nheaders++].value =
			cm_span_n(line.p + name, line.n - name);
	}
	memcpy(facts.client, own, sizeof(own));
	cm_classify(config, &facts, &class);
	must(class.rule != NULL && class.class == CM_CLASS_LATER);
	facts.headers_known = true;
	cm_classify(config, &facts, &class);
	must(class.rule != NULL && class.class != CM_CLASS_LATER);
	must(class.stream == NULL || cm_stream_is_marketing(class.stream));
	must((class.class == CM_CLASS_STREAM) == (class.npurposes > 0));
	memcpy(facts.client, foreign, sizeof(foreign));
	facts.auth.n = 0;
	cm_classify(config, &facts, &class);
	must(class.class == CM_CLASS_PASS ||
	     class.class == CM_CLASS_AUTO_REPLY);
	return 0;
}
