/* See err.h. */
#include "lib/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

int cm_fail(struct cm_error *err, enum cm_code code, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return code;
	err->code = code;
	va_start(ap, fmt);
	(void)vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return code;
}

int cm_fail_errno(struct cm_error *err, int errnum, const char *fmt, ...)
{
	va_list ap;
	char text[CM_ERROR_MAX];
	char why[128];

	if (err == NULL)
		return CM_EIO;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* The POSIX strerror_r: strerror itself is not thread safe. */
	if (strerror_r(errnum, why, sizeof(why)) != 0)
		(void)snprintf(why, sizeof(why), "error %d", errnum);
	return cm_fail(err, CM_EIO, "%.800s: %s", text, why);
}

int cm_error_prefix(struct cm_error *err, const char *fmt, ...)
{
	va_list ap;
	char text[CM_ERROR_MAX];
	char was[CM_ERROR_MAX];

	if (err == NULL)
		return CM_EIO;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	memcpy(was, err->text, sizeof(was));
	return cm_fail(err, err->code, "%.500s%.520s", text, was);
}

int cm_exit_code(int code)
{
	switch (code) {
	case CM_OK:
		return EX_OK;
	case CM_ENOTFOUND:
	case CM_EREFUSED:
		return 1;
	case CM_EUSAGE:
		return EX_USAGE;
	case CM_EDATA:
	case CM_ELIMIT:
	case CM_ECORRUPT:
		return EX_DATAERR;
	case CM_ECONFIG:
		return EX_CONFIG;
	default:
		return EX_TEMPFAIL;
	}
}
