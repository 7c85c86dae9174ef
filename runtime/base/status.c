/* status.c - see status.h. */
#include "runtime/base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *ingot_status_text(ingot_status status)
{
    switch (status) {
#define X(name, code, text) \
    case INGOT_##name:      \
        return text;
        INGOT_STATUS_MAP(X)
#undef X
    }
    return "unknown status";
}

ingot_status ig_fail_at(ingot_error *err, ingot_status status, const char *file, int line,
                        const char *format, ...)
{
    if (!err) return status;
    err->status = status;
    err->file = file;
    err->line = line;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return status;
}

ingot_status ig_wrap(ingot_error *err, ingot_status status, const char *format, ...)
{
    if (!err || !status) return status;
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    const int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text - 3) return status;
    const size_t room = sizeof text - (size_t)n - 3, rest = strnlen(err->text, room);
    memcpy(text + n, ": ", 2);
    memcpy(text + n + 2, err->text, rest);
    text[(size_t)n + 2 + rest] = 0;
    memcpy(err->text, text, sizeof text);
    return status;
}
