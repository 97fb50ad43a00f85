/*
 * phrase - a name for people in a structured header field (RFC 5322, 3.2.5).
 *
 * As it is where that is allowed, quoted where it has specials, and as
 * encoded-words (RFC 2047) where it is not ASCII.  Never raw UTF-8, not even
 * in an SMTPUTF8 transaction: such a header must not go to a server that does
 * not take SMTPUTF8 (RFC 6531, 3.7.1), so mail that could be delivered before
 * would bounce because of us, and encoded-words are read everywhere
 * (R6532-2).
 */
#ifndef CM_LIB_PHRASE_H
#define CM_LIB_PHRASE_H

#include "lib/arena.h"
#include "lib/str.h"

/*
 * column: where on its line it will stand.  Lines are parted by LF and a
 * blank, and have at most 76 octets if they hold encoded-words (RFC 2047, 2).
 * text must be plain (policy/header_value.h).  NULL if there is no memory.
 */
const char *cm_phrase(const char *text, size_t column, struct cm_arena *arena);

#endif
