/* See ledger_scan.h. */
#include "tools/ledger_scan.h"

#include "tools/ctl_output.h"

enum {
	SCAN_CHUNK = 4096,
	SCAN_ARENA_MAX = 64 * 1024 * 1024, /* 4,096 events at their longest */
};

static int scan_chunk(struct cm_ctl *ctl, struct cm_arena *arena, uint64_t *seq,
		      uint64_t *ret_size, cm_scan_fn *each, void *ctx,
		      struct cm_error *err)
{
	struct cm_store_reader *reader = NULL;
	struct cm_event event;
	struct cm_span json;
	uint64_t end;
	int rc = cm_store_read_begin(ctl->store, arena, &reader, err);

	if (rc != CM_OK)
		return rc;
	*ret_size = cm_store_size(reader);
	end = *ret_size - *seq > SCAN_CHUNK ? *seq + SCAN_CHUNK : *ret_size;
	for (; rc == CM_OK && *seq < end; (*seq)++) {
		rc = cm_store_event(reader, *seq, &json, err);
		if (rc == CM_OK)
			rc = cm_event_decode(json, &event, err);
		if (rc == CM_OK)
			rc = each(ctx, &event, *seq, err);
	}
	cm_store_read_end(&reader);
	cm_arena_reset(arena);
	return rc;
}

int cm_ledger_scan(struct cm_ctl *ctl, cm_scan_fn *each, void *ctx,
		   struct cm_error *err)
{
	struct cm_arena *arena = NULL;
	struct cm_progress progress;
	uint64_t seq = 0;
	uint64_t size = 1;
	int rc = cm_arena_new(SCAN_ARENA_MAX, &arena);

	if (rc != CM_OK)
		return cm_fail(err, rc, "out of memory");
	cm_progress_init(&progress, ctl->notes);
	progress.what = "reading the ledger";
	while (rc == CM_OK && seq < size) {
		rc = scan_chunk(ctl, arena, &seq, &size, each, ctx, err);
		cm_progress_show(&progress, seq, size);
	}
	cm_progress_end(&progress);
	cm_arena_free(&arena);
	return rc;
}
