/* check.h - cmocka with the headers that it asks for, and what every test file shares. */
#ifndef IG_TESTS_CHECK_H
#define IG_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "runtime/base/status.h"

/* check_ok - a call that must succeed; prints the error where it does not. */
#define check_ok(call)                                    \
    do {                                                  \
        if ((call) != INGOT_OK) fail_msg("%s", err.text); \
    } while (0)

#endif
