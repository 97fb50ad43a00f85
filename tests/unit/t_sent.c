/*
 * sent: an ask is spent once, whoever asks at the same time; waves, cap and
 * complaints; the day of the last mail.
 */
#include "policy/sent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "tests/unit/test.h"

#define NOW (INT64_C(20000) * CM_DAY_MS)

static char folder[64];
static struct cm_purpose news = {.path = "acme/news", .id = {1, 2, 3, 4}};
static struct cm_purpose offers = {.path = "acme/offers", .id = {1, 2, 3, 5}};
static const struct cm_purpose *of_news[] = {&news};

static struct cm_stream stream(unsigned wave_size, unsigned cap)
{
	const struct cm_stream s = {
		.name = "keep",
		.type = CM_STREAM_RENEWAL,
		.purposes = of_news,
		.npurposes = 1,
		.wave_size = wave_size,
		.wave_every = {0, CM_DAY_MS},
		.cap = cap,
		.stop_complaints = 100,
	};

	return s;
}

static struct cm_id person(unsigned n)
{
	struct cm_id id = {{0}};

	id.b[0] = (uint8_t)(n >> 8);
	id.b[1] = (uint8_t)n;
	return id;
}

static struct cm_sent *open_sent(bool write)
{
	const struct cm_sent_options options = {
		.path = folder,
		.map_size = 64 << 20,
		.lock_wait_ms = 10000,
		.write = write,
	};
	struct cm_sent *sent = NULL;
	struct cm_error err;

	if (cm_sent_open(&options, &sent, &err) != CM_OK)
		fail_msg("%s", err.text);
	return sent;
}

static int begin(void **state)
{
	struct cm_error err;

	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/t_sent.XXXXXX");
	assert_non_null(mkdtemp(folder));
	return cm_sent_make(folder, (uid_t)-1, (gid_t)-1, &err);
}

static int end(void **state)
{
	char command[96];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

/* Ask n people, the first of that number; how many were spent. */
static size_t ask(struct cm_sent *sent, const struct cm_stream *s,
		  unsigned first, size_t n, int64_t since, int64_t now,
		  enum cm_reason *reason)
{
	static const struct cm_ask_news nothing = {NULL, 0, 7};
	struct cm_ask asks[64];
	struct cm_error err;
	size_t i, spent = 0;

	for (i = 0; i < n; i++) {
		asks[i].contact = person(first + (unsigned)i);
		asks[i].since = since;
	}
	if (cm_sent_ask(sent, s, asks, n, &nothing, now, reason, &err) != CM_OK)
		fail_msg("%s", err.text);
	for (i = 0; i < n; i++)
		spent += asks[i].spent;
	return spent;
}

static struct cm_campaign campaign_of(struct cm_sent *sent)
{
	struct cm_campaign campaign;
	struct cm_error err;

	assert_int_equal(cm_sent_campaign(sent, "keep", &campaign, &err),
			 CM_OK);
	return campaign;
}

/* ---- asks --------------------------------------------------------------- */

static void once_for_each_consent(void **state)
{
	struct cm_stream s = stream(100, 0);
	struct cm_sent *sent = open_sent(true);
	struct cm_id id = person(1);
	enum cm_reason reason;
	struct cm_error err;
	int64_t at;

	(void)state;
	assert_int_equal(ask(sent, &s, 1, 2, 0, NOW, &reason), 2);
	assert_int_equal(ask(sent, &s, 1, 3, 0, NOW + 1, &reason), 1);
	/* after a crash, too */
	cm_sent_close(&sent);
	sent = open_sent(true);
	assert_int_equal(ask(sent, &s, 1, 3, 0, NOW + 2, &reason), 0);
	/* of a consent given since, but not of an older one */
	assert_int_equal(ask(sent, &s, 1, 1, NOW, NOW + 3, &reason), 0);
	assert_int_equal(ask(sent, &s, 1, 1, NOW + 1, NOW + 3, &reason), 1);
	assert_int_equal(cm_sent_asked(sent, &id, &news, &at, &err), CM_OK);
	assert_int_equal(at, NOW + 3);
	assert_int_equal(cm_sent_asked(sent, &id, &offers, &at, &err), CM_OK);
	assert_int_equal(at, 0);
	assert_int_equal(campaign_of(sent).asked, 4);
	assert_int_equal(campaign_of(sent).began, NOW);
	assert_int_equal(campaign_of(sent).seen, 7);
	cm_sent_close(&sent);
}

static void the_same_person_twice_is_one_ask(void **state)
{
	static const struct cm_ask_news nothing = {NULL, 0, 0};
	struct cm_stream s = stream(100, 0);
	struct cm_sent *sent = open_sent(true);
	struct cm_ask asks[2] = {{person(1), 0, false}, {person(1), 0, false}};
	enum cm_reason reason;
	struct cm_error err;

	(void)state;
	assert_int_equal(
		cm_sent_ask(sent, &s, asks, 2, &nothing, NOW, &reason, &err),
		CM_OK);
	assert_true(asks[0].spent && asks[1].spent);
	assert_int_equal(campaign_of(sent).asked, 1);
	cm_sent_close(&sent);
}

enum { RACERS = 4, RACED = 40 };

/* Four processes want the same forty people: each is had by one of them. */
static void processes_that_race_ask_once(void **state)
{
	struct cm_stream s = stream(1000, 0);
	struct cm_sent *sent;
	size_t total = 0;
	int i;

	(void)state;
	for (i = 0; i < RACERS; i++) {
		if (fork() == 0) {
			enum cm_reason reason;
			size_t spent = 0;
			unsigned n;

			sent = open_sent(true);
			for (n = 0; n < RACED; n++)
				spent += ask(sent, &s, n, 1, 0, NOW, &reason);
			cm_sent_close(&sent);
			_exit((int)spent);
		}
	}
	for (i = 0; i < RACERS; i++) {
		int how;

		assert_true(wait(&how) > 0);
		assert_true(WIFEXITED(how));
		total += (size_t)WEXITSTATUS(how);
	}
	assert_int_equal(total, RACED);
	sent = open_sent(false);
	assert_int_equal(campaign_of(sent).asked, RACED);
	cm_sent_close(&sent);
}

static void waves_and_a_cap(void **state)
{
	struct cm_stream s = stream(3, 5);
	struct cm_sent *sent = open_sent(true);
	enum cm_reason reason;

	(void)state;
	assert_int_equal(ask(sent, &s, 1, 2, 0, NOW, &reason), 2);
	/* two do not fit where one would: none is spent */
	assert_int_equal(ask(sent, &s, 3, 2, 0, NOW, &reason), 0);
	assert_int_equal(reason, CM_REASON_WAVE_FULL);
	assert_int_equal(ask(sent, &s, 3, 1, 0, NOW, &reason), 1);
	assert_int_equal(ask(sent, &s, 4, 1, 0, NOW + CM_DAY_MS - 1, &reason),
			 0);
	assert_int_equal(reason, CM_REASON_WAVE_FULL);
	/* who was asked before needs no room */
	assert_int_equal(ask(sent, &s, 1, 1, 0, NOW, &reason), 0);
	assert_int_equal(reason, CM_REASON_ALLOWED_RENEWAL);
	assert_int_equal(ask(sent, &s, 4, 2, 0, NOW + CM_DAY_MS, &reason), 2);
	assert_int_equal(campaign_of(sent).waves, 2);
	assert_int_equal(ask(sent, &s, 6, 1, 0, NOW + CM_DAY_MS, &reason), 0);
	assert_int_equal(reason, CM_REASON_CAP_REACHED);
	cm_sent_close(&sent);
}

/* 2 of 20 is a hundred of a thousand, and so is allowed; 3 are not. */
static void complaints_are_counted_once(void **state)
{
	struct cm_stream s = stream(100, 0);
	struct cm_sent *sent = open_sent(true);
	const struct cm_id complained[] = {person(1), person(2), person(99),
					   person(1)};
	const struct cm_id third = person(3);
	struct cm_ask_news found = {complained, 4, 50};
	enum cm_reason reason;
	struct cm_error err;

	(void)state;
	assert_int_equal(ask(sent, &s, 1, 20, 0, NOW, &reason), 20);
	for (int i = 0; i < 2; i++)
		assert_int_equal(cm_sent_ask(sent, &s, NULL, 0, &found, NOW,
					     &reason, &err),
				 CM_OK);
	assert_int_equal(campaign_of(sent).complained, 2);
	assert_int_equal(campaign_of(sent).seen, 50);
	assert_int_equal(ask(sent, &s, 21, 1, 0, NOW, &reason), 1);
	found.complained = &third;
	found.count = 1;
	assert_int_equal(
		cm_sent_ask(sent, &s, NULL, 0, &found, NOW, &reason, &err),
		CM_OK);
	assert_int_equal(ask(sent, &s, 22, 1, 0, NOW, &reason), 0);
	assert_int_equal(reason, CM_REASON_STOPPED);
	/* they are found in the list, and another stream's are not counted */
	s.name = "other";
	assert_int_equal(ask(sent, &s, 30, 1, 0, NOW, &reason), 1);
	cm_sent_close(&sent);
}

/* ---- mail --------------------------------------------------------------- */

static int64_t mailed(struct cm_sent *sent, unsigned n,
		      const struct cm_purpose *purpose)
{
	struct cm_id id = person(n);
	struct cm_error err;
	int64_t at = -1;

	assert_int_equal(cm_sent_mailed(sent, &id, &purpose, 1, &at, &err),
			 CM_OK);
	return at;
}

static void the_last_mail_counts(void **state)
{
	struct cm_sent_mail mails[] = {
		{person(1), {1, 2, 3, 4}, 20000},
		{person(1), {1, 2, 3, 4}, 19999},
		{person(2), {1, 2, 3, 5}, 19000},
	};
	struct cm_sent *sent = open_sent(true);
	struct cm_error err;

	(void)state;
	assert_int_equal(cm_sent_mails(sent, mails, 3, &err), CM_OK);
	assert_int_equal(mailed(sent, 1, &news), 20000 * CM_DAY_MS);
	assert_int_equal(mailed(sent, 1, &offers), 0);
	assert_int_equal(mailed(sent, 2, &offers), 19000 * CM_DAY_MS);
	assert_int_equal(mailed(sent, 3, &news), 0);
	cm_sent_close(&sent);
}

/* ---- files -------------------------------------------------------------- */

static void who_may_read_it(void **state)
{
	struct cm_sent_options options = {.path = folder, .map_size = 64 << 20};
	struct cm_sent *sent = NULL;
	struct cm_error err;
	struct stat st;
	char path[128];

	(void)state;
	assert_int_equal(cm_sent_open(&options, &sent, &err), CM_ENOTFOUND);
	sent = open_sent(true);
	cm_sent_close(&sent);
	(void)snprintf(path, sizeof(path), "%s/milter/data.mdb", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	(void)snprintf(path, sizeof(path), "%s/milter/lock.mdb", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(cm_sent_make(folder, (uid_t)-1, (gid_t)-1, &err),
			 CM_OK);
	sent = open_sent(false);
	cm_sent_close(&sent);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

/* ---- the ledger --------------------------------------------------------- */

static struct cm_sent_head head_of(uint64_t size)
{
	struct cm_sent_head head = {.size = size};

	memset(head.root.b, (int)size, sizeof(head.root.b));
	return head;
}

static uint64_t saw(uint64_t forgotten, uint64_t size)
{
	struct cm_sent *sent = open_sent(true);
	struct cm_sent_head before = {.forgotten = forgotten}, now;
	struct cm_sent_head head = head_of(size);

	assert_int_equal(cm_sent_saw(sent, &before, &head, &now, NULL), CM_OK);
	cm_sent_close(&sent);
	sent = open_sent(false);
	assert_int_equal(cm_sent_head(sent, &head, NULL), CM_OK);
	assert_int_equal(head.size, now.size);
	assert_memory_equal(&head.root, &now.root, sizeof(head.root));
	cm_sent_close(&sent);
	return now.size;
}

/* The longest stays; what was forgotten on purpose does not come back. */
static void test_the_longest_ledger(void **state)
{
	(void)state;
	assert_int_equal(saw(0, 10), 10);
	assert_int_equal(saw(0, 12), 12);
	assert_int_equal(saw(0, 11), 12); /* another process was faster */
	assert_int_equal(cm_sent_forget_head(folder, 64 << 20, 1000, NULL),
			 CM_OK);
	assert_int_equal(saw(0, 14), 0);
	assert_int_equal(saw(1, 7), 7);
	assert_int_equal(cm_sent_forget_head(folder, 64 << 20, 1000, NULL),
			 CM_OK);
	assert_int_equal(saw(1, 14), 0);
	assert_int_equal(
		cm_sent_forget_head("/nonexistent", 64 << 20, 1000, NULL),
		CM_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(once_for_each_consent),
		TEST(the_same_person_twice_is_one_ask),
		TEST(processes_that_race_ask_once),
		TEST(waves_and_a_cap),
		TEST(complaints_are_counted_once),
		TEST(the_last_mail_counts),
		TEST(who_may_read_it),
		TEST(test_the_longest_ledger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
