/*
 * Any octets as a config file: a snapshot, or one line that says what is
 * wrong; and a failed load leaves nothing behind that spoils the next.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const char good[] = "controller \"a\" { name = b address = c "
			   "contact = \"d@e.example\" }";

static void must(bool truth)
{
	if (!truth)
		abort();
}

static int load(const void *data, size_t n, struct cm_error *err)
{
	char name[] = "/tmp/fuzz_config.XXXXXX";
	struct cm_config *config = NULL;
	int fd = mkstemp(name), rc;

	must(fd >= 0 && write(fd, data, n) == (ssize_t)n);
	must(close(fd) == 0);
	rc = cm_config_load(name, &config, err);
	unlink(name);
	must((rc == CM_OK) == (config != NULL));
	cm_config_unref(&config);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct cm_error err = {CM_OK, ""};

	if (load(data, n, &err) != CM_OK) {
		must(err.code == CM_ECONFIG && err.text[0] != '\0');
		must(strchr(err.text, '\n') == NULL);
	}
	must(load(good, strlen(good), &err) == CM_OK);
	return 0;
}
