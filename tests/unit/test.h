/* What every unit test includes: cmocka and its obligatory headers. */
#ifndef CM_TESTS_UNIT_TEST_H
#define CM_TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
