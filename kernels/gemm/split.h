/* split.h - how a product is cut into tasks for threads: the one place that decides it.
 *
 *     blocks of `rows` rows x `panels` panels, task = panel block * row blocks + row block
 *
 * Weights are the larger operand of most products and each of their panels should be read by one
 * thread, once: so panels are cut first, and rows only where there are too few panels. Streaming A
 * past a block of 16 panels costs a quarter of a byte for each multiplication of a vector, so the
 * size of A does not matter. Neighbouring tasks share their panels, and a thread that takes several
 * does them in one call. K is never cut, so no split changes a bit. */
#ifndef IG_GEMM_SPLIT_H
#define IG_GEMM_SPLIT_H

#include "runtime/base/checked.h"

#include <stddef.h>

enum {
    IG_SPLIT_ROWS = 14,       /* rows are cut at multiples of the highest tile, */
    IG_SPLIT_PANELS = 4,      /* panels at multiples of the widest; */
    IG_SPLIT_BLOCK = 16,      /* many rows want a whole block of the kernel's */
    IG_SPLIT_TASKS = 8,       /* for each thread, so that one that comes late loses little */
    IG_SPLIT_WORTH = 1 << 17, /* multiplications that are worth a task: about 2 us */
};

typedef struct {
    size_t m, p;         /* rows and panels of the whole */
    size_t rows, panels; /* of a block */
    size_t n_rows, n_panels;
} ig_split;

static inline size_t ig_split_tasks(const ig_split *s) { return s->n_rows * s->n_panels; }

static inline size_t ig_ceil_div(size_t n, size_t by) { return n / by + (n % by != 0); }

static inline size_t ig_round_up(size_t n, size_t to) { return ig_ceil_div(n, to) * to; }

/* ig_split_of - a product of m rows, p panels of 16 columns and depth k for n_threads threads, of
 * which `batch` equal ones are done together. m or p = 0: no tasks. */
static inline ig_split ig_split_of(size_t m, size_t p, size_t k, size_t n_threads, size_t batch)
{
    ig_split s = {m, p, m, p, m != 0, p != 0};
    if (!m || !p || n_threads <= 1) return s;
    const double work = (double)m * (double)p * 16 * (double)k / IG_SPLIT_WORTH;
    const double most = (double)(IG_SPLIT_TASKS * n_threads) / (double)batch;
    const size_t tasks = (size_t)IG_MIN(work, most);
    if (tasks <= 1) return s;
    const size_t least = m > 4 * IG_SPLIT_ROWS ? IG_SPLIT_BLOCK : IG_SPLIT_PANELS;
    const size_t cuts = ig_ceil_div(p, IG_MAX(ig_ceil_div(p, tasks), least));
    s.panels = IG_MIN(p, ig_round_up(ig_ceil_div(p, cuts), IG_SPLIT_PANELS));
    s.n_panels = ig_ceil_div(p, s.panels);
    if (s.n_panels * 2 >= tasks) return s;
    const size_t rows = ig_ceil_div(m, ig_ceil_div(tasks, s.n_panels));
    s.rows = IG_MIN(m, ig_round_up(rows, IG_SPLIT_ROWS));
    s.n_rows = ig_ceil_div(m, s.rows);
    return s;
}

/* A part of the whole: rows [m0, m1), panels [p0, p1). */
typedef struct {
    size_t m0, m1, p0, p1;
} ig_split_part;

/* ig_split_take - the part that tasks [task, end) begin with; returns the first task after it. */
static inline size_t ig_split_take(const ig_split *s, size_t task, size_t end, ig_split_part *part)
{
    const size_t row = task % s->n_rows, panel = task / s->n_rows;
    size_t n = IG_MIN(s->n_rows - row, end - task), n_panels = 1;
    if (row == 0 && n == s->n_rows) { /* whole panel blocks */
        n_panels = (end - task) / s->n_rows;
        n = n_panels * s->n_rows;
    }
    const size_t rows = n_panels > 1 ? s->n_rows : n;
    part->m0 = row * s->rows;
    part->m1 = IG_MIN(s->m, (row + rows) * s->rows);
    part->p0 = panel * s->panels;
    part->p1 = IG_MIN(s->p, (panel + n_panels) * s->panels);
    return task + n;
}

#endif
