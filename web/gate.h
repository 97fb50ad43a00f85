/*
 * gate - how many answers may wait for the ledger.
 *
 * A grant is durable in the ledger before its answer, and the ledger has one
 * writer: an import may hold it for a minute.  Answers have few threads, and
 * withdrawals must never wait; so one goes in at a time, a few wait for their
 * turn, and everybody else is told to come again.  After one who found the
 * ledger held, all are, for a moment.
 */
#ifndef CM_WEB_GATE_H
#define CM_WEB_GATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"

enum {
	CM_GATE_WAITING = 6,   /* of the 8 threads that answer; one is inside */
	CM_GATE_WAIT_MS = 250, /* some 20 grants, each synced to the disk */
	CM_GATE_CLOSED_MS = 2000,
};

struct cm_gate {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	unsigned waiting;
	bool inside;
	int64_t closed_until; /* of cm_clock_steady_ms() */
};

CM_MUST_CHECK int cm_gate_init(struct cm_gate *gate, struct cm_error *err);
void cm_gate_deinit(struct cm_gate *gate);

/* CM_OK: inside, alone.  CM_EAGAIN: come again later. */
CM_MUST_CHECK int cm_gate_enter(struct cm_gate *gate, struct cm_error *err);
void cm_gate_leave(struct cm_gate *gate, bool found_it_held);

#endif
