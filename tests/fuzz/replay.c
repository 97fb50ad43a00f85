/*
 * replay: a fuzz target over files, without libFuzzer.
 *
 * Arguments are files or folders; by default the folders named at build time
 * (CM_REPLAY, one or more, ":" between them).  Aborts where the target does.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/buf.h"

#include "tests/fuzz/fuzz.h"

enum { FILE_MAX = 64 * 1024 * 1024 };

static int run_file(const char *path)
{
	FILE *file = fopen(path, "re");
	struct cm_buf buf;
	char chunk[4096];
	size_t n;

	if (file == NULL) {
		(void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	cm_buf_init(&buf, FILE_MAX);
	while ((n = fread(chunk, 1, sizeof(chunk), file)) > 0)
		(void)cm_buf_add(&buf, chunk, n);
	(void)fclose(file);
	if (getenv("CM_REPLAY_VERBOSE") != NULL)
		(void)fprintf(stderr, "%s\n", path);
	(void)LLVMFuzzerTestOneInput((const uint8_t *)cm_buf_text(&buf),
				     buf.len);
	cm_buf_free(&buf);
	return 1;
}

static int run_path(const char *path)
{
	DIR *folder = opendir(path);
	struct dirent *entry;
	int count = 0;

	if (folder == NULL)
		return run_file(path);
	while (count >= 0 && (entry = readdir(folder)) != NULL) {
		char name[4096];
		int n = snprintf(name, sizeof(name), "%s/%s", path,
				 entry->d_name);

		if (entry->d_name[0] == '.' || n >= (int)sizeof(name))
			continue;
		n = run_file(name);
		count = n < 0 ? n : count + n;
	}
	(void)closedir(folder);
	return count;
}

static int run_list(const char *list)
{
	char *copy = strdup(list);
	char *path = copy;
	int count = 0;

	while (path != NULL && count >= 0) {
		char *colon = strchr(path, ':');
		int n;

		if (colon != NULL)
			*colon = '\0';
		n = run_path(path);
		count = n < 0 ? n : count + n;
		path = colon != NULL ? colon + 1 : NULL;
	}
	free(copy);
	return count;
}

int main(int argc, char **argv)
{
	int count = 0;
	int i;

	(void)LLVMFuzzerInitialize(&argc, &argv);
	if (argc == 1)
		count = run_list(CM_REPLAY);
	for (i = 1; i < argc && count >= 0; i++) {
		int n = run_path(argv[i]);

		count = n < 0 ? n : count + n;
	}
	(void)printf("%d inputs\n", count);
	return count > 0 ? 0 : 1;
}
