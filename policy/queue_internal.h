/* queue_internal - what queue.c and queue_letters.c share. */
#ifndef CM_POLICY_QUEUE_INTERNAL_H
#define CM_POLICY_QUEUE_INTERNAL_H

#include <pthread.h>

#include "lib/kv.h"
#include "policy/queue.h"

enum cm_queue_db {
	CM_QUEUE_ACTS,
	CM_QUEUE_LETTERS,
	CM_QUEUE_LIMITS,
	CM_QUEUE_META,
	CM_QUEUE_DBS
};

struct cm_queue_seal {
	uint8_t id; /* of its mailed key */
	struct cm_siv *siv;
};

struct cm_queue_put;

struct cm_queue {
	char *folder;
	char *lock;
	int lock_wait_ms;
	struct cm_kv *kv;
	pthread_mutex_t keys_mutex; /* over the three below */
	struct cm_queue_seal seals[CM_KEY_IDS];
	size_t nseals; /* the last is the current one */
	struct cm_hmac *digest;
	pthread_mutex_t mutex; /* over the three below */
	pthread_cond_t done;
	struct cm_queue_put *waiting;
	bool led; /* a thread writes */
};

/* One writing transaction, under the lock. */
struct cm_queue_change {
	int lock;
	struct cm_kv_txn *txn;
};
CM_MUST_CHECK int cm_queue_begin(struct cm_queue *queue,
				 struct cm_queue_change *change,
				 struct cm_error *err);
/* Commits if rc is CM_OK. */
CM_MUST_CHECK int cm_queue_end(struct cm_queue_change *change, int rc,
			       struct cm_error *err);

struct cm_queue_key {
	uint8_t b[8];
};
struct cm_span cm_queue_key(uint64_t number, struct cm_queue_key *room);
/* A number that was never used. */
CM_MUST_CHECK int cm_queue_number(struct cm_queue *queue, struct cm_kv_txn *txn,
				  uint64_t *ret_number, struct cm_error *err);
int cm_queue_damaged(const struct cm_queue *queue, struct cm_error *err);

#endif
