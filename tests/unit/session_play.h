/*
 * session_play - any octets as a client's conversation, and what must hold
 * whatever the client does: nobody without consent is left in the envelope,
 * nobody with consent is lost, no token reaches anybody but its owner, and
 * the counts in the log add up.  Aborts where it does not hold.
 */
#ifndef CM_TESTS_UNIT_SESSION_PLAY_H
#define CM_TESTS_UNIT_SESSION_PLAY_H

#include <stddef.h>
#include <stdint.h>

struct session_play;

struct session_play *session_play_new(void);
void session_play_free(struct session_play **play);
void session_play(struct session_play *play, const uint8_t *data, size_t size);

#endif
