/*
 * export - what every proof folder has: the keys and signed heads.
 */
#ifndef CM_TOOLS_EXPORT_H
#define CM_TOOLS_EXPORT_H

#include "policy/store.h"
#include "tools/bundle.h"
#include "tools/heads.h"

/* As cm_heads_read(), but there must be one of the present ledger's that is
 * not empty: CM_EREFUSED with what to do. */
CM_MUST_CHECK int cm_export_begin(struct cm_ctl *ctl,
				  struct cm_heads *ret_heads,
				  struct cm_error *err);
/* vkey, public.pem for openssl, and the changes of the key. */
CM_MUST_CHECK int cm_export_key(struct cm_ctl *ctl, struct cm_bundle *bundle,
				const struct cm_heads *heads,
				struct cm_error *err);
/*
 * Head i: the note, its text and signature apart, the key if it is an older
 * one, its time stamp if it has one, and the proof that the last of heads
 * extends it.
 */
CM_MUST_CHECK int cm_export_head(struct cm_ctl *ctl, struct cm_bundle *bundle,
				 const struct cm_heads *heads, size_t i,
				 struct cm_store_reader *reader,
				 struct cm_error *err);

#endif
