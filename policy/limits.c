/* See limits.h. */
#include "policy/limits.h"

#include "lib/clock.h"

#define MINUTE_MS (60 * CM_SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)

const struct cm_limit_rule cm_limit_rules[CM_LIMITS] = {
	/* Who waits for a letter presses again; a second one helps nobody. */
	[CM_LIMIT_PAUSE] = {"pause", CM_LIMIT_BY_ADDRESS, 10 * MINUTE_MS, 1},
	/* A person at work on it needs fewer; a bomb needs thousands. */
	[CM_LIMIT_DAY] = {"day", CM_LIMIT_BY_ADDRESS, CM_DAY_MS, 4},
	/* They said no: once a month is all that a stranger may remind. */
	[CM_LIMIT_REFUSED] = {"refused", CM_LIMIT_BY_ADDRESS, 30 * CM_DAY_MS,
			      1},
	/* An office or a fair behind one address; a bot does that in seconds.
	 */
	[CM_LIMIT_NETWORK] = {"network", CM_LIMIT_BY_NETWORK, HOUR_MS, 30},
	/* Below what makes a provider slow us down. */
	[CM_LIMIT_DOMAIN] = {"domain", CM_LIMIT_BY_DOMAIN, HOUR_MS, 300},
	[CM_LIMIT_ALL] = {"all", CM_LIMIT_BY_NOTHING, HOUR_MS, 0},
};

/* A clock that was set back must not stretch a span for ever. */
bool cm_limit_is_over(const struct cm_limit_count *count, int64_t now)
{
	int64_t span = cm_limit_rules[count->limit].span;

	return count->n == 0 || now < count->since - span ||
	       now >= count->since + span;
}

bool cm_limit_room(const struct cm_limit_count *count, uint32_t max,
		   int64_t now)
{
	uint32_t own = cm_limit_rules[count->limit].max;

	return cm_limit_is_over(count, now) ||
	       count->n < (own != 0 ? own : max);
}

void cm_limit_spend(struct cm_limit_count *count, int64_t now)
{
	if (cm_limit_is_over(count, now)) {
		count->since = now;
		count->n = 0;
	}
	count->n++;
}
