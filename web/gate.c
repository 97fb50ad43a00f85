/* See gate.h. */
#include "web/gate.h"

#include "lib/clock.h"
#include "lib/cond.h"

int cm_gate_init(struct cm_gate *gate, struct cm_error *err)
{
	int rc = pthread_mutex_init(&gate->mutex, NULL);

	if (rc != 0)
		return cm_fail_errno(err, rc, "no lock can be made");
	rc = cm_cond_init(&gate->changed);
	if (rc != 0) {
		pthread_mutex_destroy(&gate->mutex);
		return cm_fail_errno(err, rc, "no lock can be made");
	}
	gate->waiting = 0;
	gate->inside = false;
	gate->closed_until = 0;
	return CM_OK;
}

void cm_gate_deinit(struct cm_gate *gate)
{
	pthread_cond_destroy(&gate->changed);
	pthread_mutex_destroy(&gate->mutex);
}

static bool is_closed(const struct cm_gate *gate)
{
	return cm_clock_steady_ms() < gate->closed_until;
}

int cm_gate_enter(struct cm_gate *gate, struct cm_error *err)
{
	int64_t until = cm_clock_steady_ms() + CM_GATE_WAIT_MS;
	bool entered;

	pthread_mutex_lock(&gate->mutex);
	if (gate->inside && gate->waiting < CM_GATE_WAITING) {
		gate->waiting++;
		while (gate->inside && !is_closed(gate) &&
		       cm_cond_wait(&gate->changed, &gate->mutex, until))
			continue;
		gate->waiting--;
	}
	entered = !gate->inside && !is_closed(gate);
	gate->inside = gate->inside || entered;
	pthread_mutex_unlock(&gate->mutex);
	if (entered)
		return CM_OK;
	return cm_fail(err, CM_EAGAIN,
		       "the ledger has another writer; try again");
}

void cm_gate_leave(struct cm_gate *gate, bool found_it_held)
{
	pthread_mutex_lock(&gate->mutex);
	gate->inside = false;
	if (found_it_held)
		gate->closed_until = cm_clock_steady_ms() + CM_GATE_CLOSED_MS;
	pthread_cond_broadcast(&gate->changed);
	pthread_mutex_unlock(&gate->mutex);
}
