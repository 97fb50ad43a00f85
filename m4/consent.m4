dnl Switches of this project: warnings, hardening, sanitizers, fuzzers.

dnl CM_TRY_FLAGS(variable, flags): append each flag the compiler takes.
AC_DEFUN([CM_TRY_FLAGS], [
  for cm_flag in $2; do
    AC_MSG_CHECKING([whether $CC takes $cm_flag])
    cm_saved="$CFLAGS"
    CFLAGS="$CFLAGS -Werror $cm_flag"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([], [])],
      [$1="$$1 $cm_flag"; AC_MSG_RESULT([yes])], [AC_MSG_RESULT([no])])
    CFLAGS="$cm_saved"
  done
])

AC_DEFUN([CM_WARNINGS], [
  AC_ARG_ENABLE([werror],
    [AS_HELP_STRING([--enable-werror], [make warnings errors (for CI)])],
    [], [enable_werror=no])
  CM_CFLAGS="-std=c11"
  CM_TRY_FLAGS([CM_CFLAGS], [-Wall -Wextra -Wshadow -Wstrict-prototypes \
    -Wmissing-prototypes -Wformat=2 -Wpointer-arith -Wwrite-strings \
    -Wvla -Wundef])
  AS_IF([test "$enable_werror" = yes], [CM_CFLAGS="$CM_CFLAGS -Werror"])
  AC_SUBST([CM_CFLAGS])
])

AC_DEFUN([CM_HARDENING], [
  AC_ARG_ENABLE([hardening],
    [AS_HELP_STRING([--disable-hardening], [build without PIE, RELRO, FORTIFY])],
    [], [enable_hardening=yes])
  AC_ARG_WITH([sanitizer],
    [AS_HELP_STRING([--with-sanitizer=LIST], [e.g. address,undefined or thread])],
    [], [with_sanitizer=no])
  cm_hardening="$enable_hardening"
  AS_IF([test "$enable_hardening" = yes], [
    CM_TRY_FLAGS([CM_CFLAGS], [-fPIE -fstack-protector-strong \
      -fstack-clash-protection])
    CM_TRY_FLAGS([CM_LDFLAGS], [-pie -Wl,-z,relro -Wl,-z,now])
    AS_IF([test "$with_sanitizer" = no],
      [CM_CFLAGS="$CM_CFLAGS -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2"])
  ])
  AC_SUBST([CM_LDFLAGS])
])

AC_DEFUN([CM_SANITIZER], [
  cm_sanitizer="$with_sanitizer"
  AS_IF([test "$with_sanitizer" != no], [
    CM_CFLAGS="$CM_CFLAGS -fsanitize=$with_sanitizer -fno-omit-frame-pointer -g"
    CM_LDFLAGS="$CM_LDFLAGS -fsanitize=$with_sanitizer"
  ])
])

AC_DEFUN([CM_FUZZER], [
  AC_ARG_WITH([fuzzer],
    [AS_HELP_STRING([--with-fuzzer], [build libFuzzer targets (needs clang)])],
    [], [with_fuzzer=no])
  cm_fuzzer="$with_fuzzer"
  AM_CONDITIONAL([WITH_FUZZER], [test "$with_fuzzer" != no])
  AS_IF([test "$with_fuzzer" != no],
    [CM_CFLAGS="$CM_CFLAGS -fsanitize=fuzzer-no-link"])
])

dnl Where units go: below our own prefix, so that a build for /usr/local or a
dnl home folder touches nothing else.  systemd looks into both /usr trees.
AC_DEFUN([CM_SYSTEMD], [
  AC_ARG_WITH([systemd-dir],
    [AS_HELP_STRING([--with-systemd-dir=DIR],
      [folder above systemd/system, sysusers.d, tmpfiles.d [PREFIX/lib]])],
    [], [with_systemd_dir='${prefix}/lib'])
  AC_SUBST([SYSTEMD_UNIT_DIR], ["$with_systemd_dir/systemd/system"])
  AC_SUBST([SYSTEMD_SYSUSERS_DIR], ["$with_systemd_dir/sysusers.d"])
  AC_SUBST([SYSTEMD_TMPFILES_DIR], ["$with_systemd_dir/tmpfiles.d"])
])
