/*
 * err - how every function that can fail says so.
 *
 * A function returns CM_OK (0) or one of the negative codes below, and leaves
 * its ret_ arguments untouched on failure.  Where a person may have to act,
 * it also takes a struct cm_error and writes one sentence into it that names
 * the offending value; the caller adds where it came from (cm_error_prefix).
 * Libraries fill cm_error; only main(), commands and log code print it.
 */
#ifndef CM_LIB_ERR_H
#define CM_LIB_ERR_H

enum cm_code {
	CM_OK = 0,
	CM_ENOMEM = -1,
	CM_EIO = -2, /* the system refused; strerror is in the text */
	CM_ENOTFOUND = -3,
	CM_EDATA = -4,     /* input is not well formed */
	CM_EUSAGE = -5,    /* the command line is wrong */
	CM_EAGAIN = -6,    /* busy or over a deadline: try again */
	CM_ECONFIG = -7,   /* the admin must mend the configuration */
	CM_ELIMIT = -8,    /* a named limit was reached */
	CM_ECORRUPT = -9,  /* our own data is not as we wrote it */
	CM_ECRYPTO = -10,  /* the crypto library failed, not the input */
	CM_EREFUSED = -11, /* understood, and not allowed */
};

#define CM_ERROR_MAX 1024 /* octets; a longer text is cut, never overrun */

struct cm_error {
	enum cm_code code;
	char text[CM_ERROR_MAX];
};

#define CM_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define CM_MUST_CHECK        __attribute__((warn_unused_result))

/* Set *err (which may be NULL) to code and text; returns code. */
int cm_fail(struct cm_error *err, enum cm_code code, const char *fmt, ...)
	CM_PRINTF(3, 4);

/* As cm_fail(CM_EIO), with ": strerror(errnum)" appended. */
int cm_fail_errno(struct cm_error *err, int errnum, const char *fmt, ...)
	CM_PRINTF(3, 4);

/* Put more words in front of what *err says; returns err->code. */
int cm_error_prefix(struct cm_error *err, const char *fmt, ...) CM_PRINTF(2, 3);

/* The sysexits(3) code a program ends with for this result. */
int cm_exit_code(int code);

#endif
