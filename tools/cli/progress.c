/* progress.c - see progress.h. */
#include "tools/cli/progress.h"
#include "runtime/base/checked.h"
#include "tools/cli/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WIDTH = 30 };
static const double PAUSE = 0.1;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool wanted(void)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    return isatty(STDERR_FILENO) && !(no_color && *no_color) && !(term && !strcmp(term, "dumb"));
}

void ig_progress_begin(ig_progress *p, const char *what, uint64_t total, bool quiet)
{
    *p = (ig_progress){.what = what, .total = total, .on = !quiet && wanted()};
    if (p->on) p->began = p->drawn = now(); /* short work shows no bar at all */
}

void ig_progress_step(ig_progress *p, uint64_t done)
{
    char bar[WIDTH + 1], left[32];
    if (!p->on) return;
    const double at = now();
    if (at - p->drawn < PAUSE) return;
    p->drawn = at;
    p->visible = true;
    if (!p->total) {
        fprintf(stderr, "\r\033[K%s %" PRIu64, p->what, done);
        fflush(stderr);
        return;
    }
    const double part = (double)IG_MIN(done, p->total) / (double)p->total;
    memset(bar, '.', WIDTH);
    memset(bar, '#', (size_t)(part * WIDTH));
    bar[WIDTH] = 0;
    fprintf(stderr, "\r\033[K%s [%s] %3.0f %%", p->what, bar, 100 * part);
    if (part > 0)
        fprintf(stderr, ", %s left",
                ig_format_time(left, sizeof left, (at - p->began) * (1 - part) / part));
    fflush(stderr);
}

void ig_progress_end(ig_progress *p)
{
    if (p->visible) fputs("\r\033[K", stderr);
    p->on = p->visible = false;
}
