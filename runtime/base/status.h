/* status.h - reporting failures: a status, and an error object the caller owns. */
#ifndef IG_STATUS_H
#define IG_STATUS_H

#include "runtime/ingot.h"

/* ig_fail_at - fill err (may be NULL) and return status. The text names the thing, the value and
 * the limit. Threads: err is written without locking. */
ingot_status ig_fail_at(ingot_error *err, ingot_status status, const char *file, int line,
                        const char *format, ...) __attribute__((format(printf, 5, 6)));

#define ig_fail(err, status, ...) ig_fail_at((err), (status), __FILE__, __LINE__, __VA_ARGS__)

/* IG_TRY - return from the calling function when the expression's status is not INGOT_OK. */
#define IG_TRY(expression)                      \
    do {                                        \
        const ingot_status try_ = (expression); \
        if (try_) return try_;                  \
    } while (0)

/* ig_wrap - put "context: " before the text of an error that is already filled. Returns status. */
ingot_status ig_wrap(ingot_error *err, ingot_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
