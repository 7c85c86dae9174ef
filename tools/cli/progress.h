/* progress.h - a bar on the terminal for long work.
 *
 * It is drawn on standard error, at most ten times a second, and only on a terminal: not when
 * piped, not with --quiet, NO_COLOR or TERM=dumb. It is gone when the work is done. One thread. */
#ifndef IG_PROGRESS_H
#define IG_PROGRESS_H

#include "runtime/base/status.h"

typedef struct {
    const char *what; /* borrowed: "converting" */
    uint64_t total;   /* 0: unknown; a count is shown */
    double began, drawn;
    bool on, visible;
} ig_progress;

void ig_progress_begin(ig_progress *p, const char *what, uint64_t total, bool quiet);
void ig_progress_step(ig_progress *p, uint64_t done);
void ig_progress_end(ig_progress *p); /* also before an error is printed */

#endif
