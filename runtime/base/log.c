/* log.c - see log.h. */
#include "runtime/base/log.h"

#include <stdarg.h>
#include <stdio.h>

void ig_log_say(const ig_log *log, ig_log_level level, const char *format, ...)
{
    if (!log || level > log->level) return;
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (log->fn)
        log->fn(log->ud, (int)level, text);
    else
        fprintf(stderr, "ingot: %s\n", text);
}
