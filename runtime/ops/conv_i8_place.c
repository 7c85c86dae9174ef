/* conv_i8_place.c - convolutions of bytes whose windows are read where they lie in x; see
 * conv_i8.h.
 *
 * Along each dimension the output falls into stretches whose windows have the same taps inside the
 * image, so all positions of a rectangle, a stretch of rows by a stretch of columns, have them too.
 * A line of a rectangle is one product: its windows are evenly spaced in x, and the taps of a row
 * of a window, which lie side by side, are a piece of k. Taps in the padding are left out where the
 * zero point of x is 0, as they add nothing; else windows that reach into it are gathered. Windows
 * of one tap, which stride, are gathered too: each byte once, for tiles that do not end with a
 * line.
 *
 *     for stretches of columns (output channels), for bands of output rows:    a task
 *     for 64 columns at a time
 *     for rectangles, for lines of them: one call of the kernel */
#include "runtime/ops/conv_i8.h"
#include "runtime/base/checked.h"

enum {
    ROW,
    COL,            /* of the two dimensions */
    MOST_TAPS = 64, /* pieces of a window */
    NARROW = 64,    /* columns that a kernel takes at a time */
    BAND = 256,     /* positions of a band, about: x stays in L1 or L2 beside the weights */
    TASKS_EACH = 4, /* for each thread, where there is enough work */
};

void ig_conv_i8_place_bind(ig_conv_i8 *s, size_t n_threads)
{
    const size_t lines = s->win.n == 2 ? (size_t)s->win.out[ROW] : 0;
    s->in_place = s->raw && !s->depthwise && !s->direct && !s->x_signed && s->groups == 1 &&
                  lines && s->c && s->c % 4 == 0 && s->taps > 1 && s->taps <= MOST_TAPS;
    if (!s->in_place) return;
    s->bands = IG_MIN(s->p_out / BAND + 1, lines);
    s->band_cols = (s->m + NARROW - 1) / NARROW;
    while (s->bands < lines && s->bands * s->band_cols * s->batch < TASKS_EACH * n_threads &&
           n_threads > 1)
        s->bands++;
}

/* Neighbouring output positions along a dimension, and which of their windows' taps are inside. */
typedef struct {
    size_t begin, end;
    size_t tap, end_tap;
} stretch;

/* The one that begins at `at`, at most up to `end`. */
static stretch stretch_at(const ig_window *w, int d, size_t at, size_t end)
{
    const int64_t first = (int64_t)at * w->stride[d] - w->begin[d], by = w->dilation[d];
    const int64_t below = first < 0 ? (by - 1 - first) / by : 0; /* taps before the image */
    const int64_t above = first < w->in[d] ? (w->in[d] - 1 - first) / by + 1 : 0;
    const int64_t tap = IG_MIN(below, w->kernel[d]), end_tap = IG_MIN(above, w->kernel[d]);
    size_t n = 1;
    if (tap == 0 && end_tap == w->kernel[d])
        n = (size_t)((w->in[d] - 1 - first - (w->kernel[d] - 1) * by) / w->stride[d]) + 1;
    return (stretch){at, IG_MIN(at + n, end), (size_t)tap, (size_t)IG_MAX(tap, end_tap)};
}

static bool whole(const ig_window *w, int d, const stretch *s)
{
    return s->tap == 0 && s->end_tap == (size_t)w->kernel[d];
}

/* A rectangle of output positions and what its windows read. */
typedef struct {
    const ig_conv_i8_job *j;
    char *mine; /* the worker's scratch */
    size_t image;
    stretch rows, cols;
    gemm_i8_piece pieces[MOST_TAPS];
    size_t n_pieces;
} rectangle;

/* The taps that are inside, row by row of the window; a row of them is one piece where they are
 * neighbours in x. */
static void list_pieces(rectangle *t)
{
    const ig_conv_i8 *s = t->j->s;
    const size_t kernel = (size_t)s->win.kernel[COL], c4 = s->c / 4;
    const size_t each = s->win.dilation[COL] == 1 ? t->cols.end_tap - t->cols.tap : 1;
    t->n_pieces = 0;
    if (t->rows.tap == t->rows.end_tap || t->cols.tap == t->cols.end_tap) return;
    const ptrdiff_t first = s->offset[t->rows.tap * kernel + t->cols.tap];
    for (size_t y = t->rows.tap; y < t->rows.end_tap; y++)
        for (size_t x = t->cols.tap; x < t->cols.end_tap; x += each) {
            const size_t tap = y * kernel + x;
            t->pieces[t->n_pieces++] = (gemm_i8_piece){s->offset[tap] - first, tap * c4, each * c4};
        }
}

/* A line of n output positions, `step` of them apart, that begins at row y and column x; columns
 * [col, end) of the product. */
typedef struct {
    size_t y, x, n, step, col, end;
} line;

static gemm_i8_args product_of(const rectangle *t, const line *l, size_t done)
{
    const ig_conv_i8_job *j = t->j;
    const ig_conv_i8 *s = j->s;
    const size_t p = t->image * s->p_out + l->y * (size_t)s->win.out[COL] + l->x + done * l->step;
    gemm_i8_args q = {.y = (char *)j->y + (p * s->m + l->col) * j->y_bytes,
                      .y_row = l->step * s->m};
    ig_i8_operand(&q, j->w, j->panels, &j->columns, 0, l->col, l->end - l->col);
    return q;
}

static size_t panels_of(const gemm_i8_args *q)
{
    return (q->n + GEMM_I8_PANEL - 1) / GEMM_I8_PANEL;
}

static void read_line(const rectangle *t, const line *l)
{
    const ig_conv_i8 *s = t->j->s;
    const ig_window *w = &s->win;
    const bool down = l->step != 1;
    const int d = down ? ROW : COL;
    const int64_t y =
        (int64_t)l->y * w->stride[ROW] - w->begin[ROW] + (int64_t)t->rows.tap * w->dilation[ROW];
    const int64_t x =
        (int64_t)l->x * w->stride[COL] - w->begin[COL] + (int64_t)t->cols.tap * w->dilation[COL];
    const size_t pitch = down ? (size_t)w->in[COL] * s->c : s->c;
    gemm_i8_args q = product_of(t, l, 0);
    q.pieces = t->pieces;
    q.n_pieces = t->n_pieces;
    q.acts_row = (size_t)w->stride[d] * pitch;
    q.acts = t->j->x + t->image * s->p_in * s->c;
    if (t->n_pieces) q.acts = (const uint8_t *)q.acts + (size_t)(y * w->in[COL] + x) * s->c;
    s->gemm(&q, 0, l->n, 0, panels_of(&q));
}

static void gather_line(const rectangle *t, const line *l)
{
    const ig_conv_i8_job *j = t->j;
    const ig_conv_i8 *s = j->s;
    const uint8_t *x = j->x + t->image * s->p_in * s->c;
    for (size_t at = 0, n; at < l->n; at += n) {
        n = IG_MIN(l->n - at, (size_t)IG_I8_ROWS);
        gemm_i8_args q = product_of(t, l, at);
        for (size_t i = 0; i < n; i++)
            ig_conv_i8_gather(j, (uint8_t *)t->mine + i * s->k, x,
                              l->y * (size_t)s->win.out[COL] + l->x + (at + i) * l->step, 1, 0);
        q.acts = t->mine;
        q.acts_row = s->k;
        s->gemm(&q, 0, n, 0, panels_of(&q));
    }
}

/* Lines run along rows, or down where that makes longer ones. */
static void fill(rectangle *t, size_t col, size_t end)
{
    const ig_conv_i8 *s = t->j->s;
    const size_t high = t->rows.end - t->rows.begin, wide = t->cols.end - t->cols.begin;
    const bool down = high > wide,
               in = whole(&s->win, ROW, &t->rows) && whole(&s->win, COL, &t->cols);
    const bool read = in || t->j->border[0] == 0;
    line l = {t->rows.begin,
              t->cols.begin,
              down ? high : wide,
              down ? (size_t)s->win.out[COL] : 1,
              col,
              end};
    if (read) list_pieces(t);
    for (size_t i = 0; i < (down ? wide : high); i++) {
        if (read)
            read_line(t, &l);
        else
            gather_line(t, &l);
        if (down)
            l.x++;
        else
            l.y++;
    }
}

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    const ig_conv_i8_job *j = arg;
    const ig_conv_i8 *s = j->s;
    const size_t lines = (size_t)s->win.out[ROW], wide = (size_t)s->win.out[COL];
    rectangle t = {.j = j, .mine = j->workers + worker * s->worker_bytes};
    for (size_t i = begin; i < end; i++) {
        const size_t band = i % s->bands, rest = i / s->bands, col = rest % s->band_cols * NARROW;
        const size_t last = (band + 1) * lines / s->bands;
        t.image = rest / s->band_cols;
        for (size_t y = band * lines / s->bands; y < last; y = t.rows.end) {
            t.rows = stretch_at(&s->win, ROW, y, last);
            for (size_t x = 0; x < wide; x = t.cols.end) {
                t.cols = stretch_at(&s->win, COL, x, wide);
                fill(&t, col, IG_MIN(col + NARROW, s->m));
            }
        }
    }
}

void ig_conv_i8_place_run(const ig_conv_i8_job *j, ig_pool *pool)
{
    const ig_conv_i8 *s = j->s;
    const size_t tasks = s->batch * s->band_cols * s->bands;
    const size_t macs = s->batch * s->p_out * s->k * s->m / IG_MAX(tasks, (size_t)1);
    ig_parallel(pool, tasks, (size_t)8 * IG_GRAIN / (macs + 1) + 1, 0, work, (void *)(uintptr_t)j);
}
