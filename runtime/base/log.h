/* log.h - messages that are not errors of a call. */
#ifndef IG_LOG_H
#define IG_LOG_H

#include "runtime/ingot.h"

typedef enum { IG_LOG_ERROR, IG_LOG_WARN, IG_LOG_INFO, IG_LOG_DEBUG } ig_log_level;

typedef struct {
    void (*fn)(void *ud, int level, const char *text); /* NULL: stderr */
    void *ud;
    ig_log_level level; /* messages above it are dropped */
} ig_log;

/* ig_log_say - log may be NULL: nothing is said. Threads: any, when the host's fn allows it. */
void ig_log_say(const ig_log *log, ig_log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
