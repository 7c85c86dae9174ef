/* conv_i8.c - see conv_i8.h. */
#include "runtime/ops/conv_i8.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { WIDE = 32 }; /* bytes past the rows of windows that may be written */

/* ---- bind ---- */

static bool list_taps(ig_conv_i8 *s, ig_arena *arena)
{
    const int n = s->win.n;
    s->tap = ig_new_n(arena, int64_t, s->taps * (size_t)n + 1);
    s->offset = ig_new_n(arena, ptrdiff_t, s->taps + 1);
    if (!s->tap || !s->offset) return false;
    for (size_t t = 0; t < s->taps; t++) {
        size_t rest = t, place = 1;
        for (int d = n - 1; d >= 0; d--) {
            const size_t k = (size_t)s->win.kernel[d];
            const int64_t by = (int64_t)(rest % k) * s->win.dilation[d];
            s->tap[t * (size_t)n + (size_t)d] = by;
            const size_t before = (size_t)s->offset[t]; /* wraps where no window lies in x */
            s->offset[t] = (ptrdiff_t)(before + (size_t)by * place * s->c);
            place *= (size_t)s->win.in[d];
            rest /= k;
        }
    }
    return true;
}

/* Windows of 3 x 3 go to the kernel in columns. */
static bool list_slots(ig_conv_i8 *s, size_t copies, ig_arena *arena)
{
    const size_t all = copies * s->taps;
    s->dw_columns = copies == 1 && s->win.n == 2 && s->win.kernel[0] == 3 && s->win.kernel[1] == 3;
    s->dw_groups = (all + 3) / 4;
    s->slot = ig_new_n(arena, int64_t, 4 * s->dw_groups);
    s->slot_offset = ig_new_n(arena, ptrdiff_t, 4 * s->dw_groups);
    if (!s->slot || !s->slot_offset) return false;
    for (size_t i = 0; i < 4 * s->dw_groups; i++) {
        s->slot[i] = i < all ? (int64_t)(i % s->taps) : -1;
        if (s->dw_columns) s->slot[i] = i % 4 < 3 ? (int64_t)(i % 4 * 3 + i / 4) : -1;
        if (s->slot[i] >= 0) s->slot_offset[i] = s->offset[s->slot[i]];
    }
    return true;
}

/* Blocks of about IG_I8_ROWS positions, a multiple of the threads where they are few; columns are
 * cut too where one image has less positions than that. */
static void cut(ig_conv_i8 *s, size_t n_threads)
{
    s->blocks = s->p_out / IG_I8_ROWS + (s->p_out % IG_I8_ROWS != 0);
    if (s->blocks * s->batch < 4 * n_threads && s->p_out >= 8 * n_threads)
        s->blocks = (s->blocks + n_threads - 1) / n_threads * n_threads;
    s->blocks = IG_MAX(s->blocks, (size_t)1);
    s->block_rows = (s->p_out + s->blocks - 1) / s->blocks;
    const size_t wide = (s->m_each + 63) / 64, rows = IG_MAX(s->blocks * s->batch, (size_t)1);
    s->col_blocks = 1;
    if (rows < n_threads && s->groups == 1)
        s->col_blocks = IG_MAX(IG_MIN(wide, 2 * n_threads / rows), (size_t)1);
}

ingot_status ig_conv_i8_bind(ig_conv_i8 *s, ig_bind *b, size_t copies)
{
    const size_t before = b->scratch_bytes;
    size_t acts, room, k4;
    s->gemm = ig_gemm_i8();
    s->pack = ig_gemm_i8_acts();
    s->raw = ig_gemm_i8_raw();
    s->dw = ig_conv_dw_i8();
    s->depthwise = copies > 0;
    s->k = s->taps * s->c_each;
    s->direct = s->groups == 1 && s->p_in == s->p_out && s->taps == 1;
    for (int i = 0; i < s->win.n; i++)
        if (s->win.stride[i] != 1 || s->win.begin[i]) s->direct = false;
    s->run = 1;
    if (s->groups == 1 && s->win.dilation[s->win.n - 1] == 1)
        s->run = (size_t)s->win.kernel[s->win.n - 1];
    if (!list_taps(s, b->arena) || !list_slots(s, copies, b->arena))
        return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory for the window");
    cut(s, IG_MAX(b->n_threads, (size_t)1));
    ig_conv_i8_place_bind(s, IG_MAX(b->n_threads, (size_t)1));
    b->scratch_bytes = 0; /* count one worker's part alone */
    const size_t rows = s->in_place ? IG_MAX(s->block_rows, (size_t)IG_I8_ROWS) : s->block_rows;
    if (!ig_gemm_i8_acts_bytes(rows, s->k, &acts) || !ig_align_ok(s->k, 4, &k4) ||
        !ig_mul_ok(rows, copies ? 4 * s->dw_groups * sizeof(void *) : k4, &room) ||
        !ig_add_ok(room, WIDE, &room))
        return ig_bind_fail(b, "the windows are too large");
    size_t at;
    IG_TRY(ig_scratch_add(b, room, 1, &at));
    if (!copies) IG_TRY(ig_scratch_add(b, acts, 1, &s->at_acts));
    if (!copies) IG_TRY(ig_scratch_add(b, rows, sizeof(int32_t), &s->at_sums));
    s->worker_bytes = b->scratch_bytes;
    b->scratch_bytes = before;
    return INGOT_OK;
}

/* ---- windows ---- */

/* A position in the output, stepped along. */
typedef struct {
    int64_t out[IG_SPATIAL], in[IG_SPATIAL]; /* where its window begins: may be outside of x */
} place;

static void place_at(const ig_conv_i8 *s, size_t p, place *at)
{
    for (int d = s->win.n - 1; d >= 0; d--) {
        const size_t out = (size_t)s->win.out[d];
        at->out[d] = (int64_t)(p % out);
        at->in[d] = at->out[d] * s->win.stride[d] - s->win.begin[d];
        p /= out;
    }
}

/* n positions on, which do not go past the end of a row. */
static void step(const ig_conv_i8 *s, place *at, size_t n)
{
    const int row = s->win.n - 1;
    at->in[row] += (int64_t)n * s->win.stride[row];
    at->out[row] += (int64_t)n;
    for (int d = row; d >= 0 && at->out[d] == s->win.out[d]; d--) {
        at->out[d] = 0;
        at->in[d] = -s->win.begin[d];
        if (d == 0) return;
        at->in[d - 1] += s->win.stride[d - 1];
        at->out[d - 1]++;
    }
}

/* Does the whole window lie in x? *p: where its first tap is, in bytes. */
static bool inside(const ig_conv_i8 *s, const place *at, ptrdiff_t *p)
{
    bool in = true;
    size_t base = 0; /* wraps where it is outside */
    for (int d = 0; d < s->win.n; d++) {
        const int64_t last = at->in[d] + (s->win.kernel[d] - 1) * s->win.dilation[d];
        in = in && at->in[d] >= 0 && last < s->win.in[d];
        base = base * (size_t)s->win.in[d] + (size_t)at->in[d];
    }
    *p = (ptrdiff_t)(base * s->c);
    return in;
}

/* How many windows from this one on, at most `most`, lie in x side by side; 0: this one does not.
 * *p: where its first tap is, in bytes. */
static size_t run_inside(const ig_conv_i8 *s, const place *at, size_t most, ptrdiff_t *p)
{
    const int d = s->win.n - 1;
    if (!inside(s, at, p)) return 0;
    const int64_t last = at->in[d] + (s->win.kernel[d] - 1) * s->win.dilation[d];
    const int64_t fit = (s->win.in[d] - 1 - last) / s->win.stride[d] + 1;
    return IG_MIN(most, (size_t)IG_MIN(fit, s->win.out[d] - at->out[d]));
}

/* Bytes between neighbouring windows. */
static ptrdiff_t window_step(const ig_conv_i8 *s)
{
    return (ptrdiff_t)s->win.stride[s->win.n - 1] * (ptrdiff_t)s->c;
}

static bool tap_inside(const ig_conv_i8 *s, const place *at, size_t t)
{
    const int64_t *by = s->tap + t * (size_t)s->win.n;
    for (int d = 0; d < s->win.n; d++)
        if (at->in[d] + by[d] < 0 || at->in[d] + by[d] >= s->win.in[d]) return false;
    return true;
}

/* memcpy of a few bytes, without its call: the last piece overlaps the one before. */
static inline void copy(uint8_t *to, const uint8_t *from, size_t n)
{
    if (n >= 16) {
        for (size_t i = 0; i + 16 < n; i += 16) memcpy(to + i, from + i, 16);
        memcpy(to + n - 16, from + n - 16, 16);
    } else if (n >= 8) {
        memcpy(to, from, 8);
        memcpy(to + n - 8, from + n - 8, 8);
    } else {
        for (size_t i = 0; i < n; i++) to[i] = from[i];
    }
}

/* One window as a row of k4 bytes, where it lies in x from `base` on; else gather_border. wide: the
 * runs of a window of few channels are copied with what follows them, which the next run covers. */
static void gather_one(const ig_conv_i8 *s, uint8_t *to, const uint8_t *base, bool wide)
{
    const size_t run = s->run * s->c_each;
    if (wide && run <= WIDE / 2)
        for (size_t t = 0; t < s->taps; t += s->run, to += run)
            memcpy(to, base + s->offset[t], WIDE / 2);
    else if (wide)
        for (size_t t = 0; t < s->taps; t += s->run, to += run)
            memcpy(to, base + s->offset[t], WIDE);
    else
        for (size_t t = 0; t < s->taps; t += s->run, to += run) copy(to, base + s->offset[t], run);
    for (size_t i = s->k; i % 4; i++) *to++ = 0;
}

/* How many of the s->run taps from t on, which lie side by side, come before the image, and how
 * many up to its end. */
static void run_of_taps(const ig_conv_i8 *s, const place *at, size_t t, size_t *before, size_t *end)
{
    const int64_t *by = s->tap + t * (size_t)s->win.n, run = (int64_t)s->run;
    const int last = s->win.n - 1;
    const int64_t first = at->in[last] + by[last], left = s->win.in[last] - first;
    *before = *end = 0;
    for (int d = 0; d < last; d++)
        if (at->in[d] + by[d] < 0 || at->in[d] + by[d] >= s->win.in[d]) return;
    *before = (size_t)IG_MIN(IG_MAX(-first, (int64_t)0), run);
    *end = IG_MAX((size_t)IG_MIN(IG_MAX(left, (int64_t)0), run), *before);
}

static void gather_border(const ig_conv_i8_job *j, uint8_t *to, const uint8_t *x, const place *at,
                          ptrdiff_t base)
{
    const ig_conv_i8 *s = j->s;
    const size_t c = s->c_each;
    for (size_t t = 0; t < s->taps; t += s->run, to += s->run * c) {
        size_t before, end;
        run_of_taps(s, at, t, &before, &end);
        memset(to, j->border[0], before * c);
        if (end > before)
            copy(to + before * c, x + base + s->offset[t] + (ptrdiff_t)(before * c),
                 (end - before) * c);
        memset(to + end * c, j->border[0], (s->run - end) * c);
    }
    for (size_t i = s->k; i % 4; i++) *to++ = 0;
}

void ig_conv_i8_gather(const ig_conv_i8_job *j, uint8_t *to, const uint8_t *x, size_t p,
                       size_t rows, size_t g)
{
    const ig_conv_i8 *s = j->s;
    const size_t k4 = (s->k + 3) / 4 * 4;
    const ptrdiff_t by = window_step(s);
    const uint8_t *end = j->x + s->batch * s->p_in * s->c;
    const bool few = s->run * s->c_each <= WIDE;
    place at;
    place_at(s, p, &at);
    x += g * s->c_each;
    for (size_t r = 0, n; r < rows; r += n, step(s, &at, n)) {
        ptrdiff_t base;
        n = run_inside(s, &at, rows - r, &base);
        const ptrdiff_t last = base + (ptrdiff_t)(n - (n > 0)) * by + s->offset[s->taps - s->run];
        const bool wide = few && end - x - last >= WIDE;
        for (size_t i = 0; i < n; i++, base += by, to += k4) gather_one(s, to, x + base, wide);
        if (n) continue;
        n = 1;
        gather_border(j, to, x, &at, base);
        to += k4;
    }
}

/* The same as lists of pointers, for the depthwise kernel. */
static void list_windows(const ig_conv_i8_job *j, const uint8_t **from, const uint8_t *x, size_t p,
                         size_t rows)
{
    const ig_conv_i8 *s = j->s;
    const size_t slots = 4 * s->dw_groups;
    const ptrdiff_t by = window_step(s);
    place at;
    place_at(s, p, &at);
    for (size_t r = 0, n; r < rows; r += n, step(s, &at, n)) {
        ptrdiff_t base;
        n = run_inside(s, &at, rows - r, &base);
        for (size_t i = 0; i < n; i++, base += by, from += slots)
            for (size_t k = 0; k < slots; k++) from[k] = x + base + s->slot_offset[k];
        if (n) continue;
        n = 1;
        for (size_t k = 0; k < slots; k++) {
            const int64_t t = s->slot[k];
            const bool in = t >= 0 && tap_inside(s, &at, (size_t)t);
            from[k] = in ? x + base + s->slot_offset[k] : j->border;
        }
        from += slots;
    }
}

/* ---- run ---- */

static size_t block_begin(const ig_conv_i8 *s, size_t block)
{
    return block * (s->p_out / s->blocks) + IG_MIN(block, s->p_out % s->blocks);
}

static char *result(const ig_conv_i8_job *j, size_t image, size_t p, size_t channel)
{
    return (char *)j->y + ((image * j->s->p_out + p) * j->s->m + channel) * j->y_bytes;
}

static void products(const ig_conv_i8_job *j, char *mine, size_t image, size_t p, size_t rows,
                     size_t g, size_t col_block)
{
    const ig_conv_i8 *s = j->s;
    const uint8_t *x = j->x + image * s->p_in * s->c, *a = x + p * s->c;
    const size_t wide = (s->m_each + 63) / 64, k4 = (s->k + 3) / 4 * 4;
    const size_t col = col_block * wide / s->col_blocks * 64;
    const size_t end = IG_MIN((col_block + 1) * wide / s->col_blocks * 64, s->m_each);
    const bool raw = s->raw && !s->x_signed && !j->columns.w_zero;
    gemm_i8_args q = {.y = result(j, image, p, g * s->m_each + col), .y_row = s->m};
    if (!s->direct || (raw && s->c % 4)) {
        ig_conv_i8_gather(j, (uint8_t *)mine, x, p, rows, g);
        a = (const uint8_t *)mine;
    }
    const size_t a_row = a == (const uint8_t *)mine ? k4 : s->c;
    if (raw) {
        q.acts = a;
        q.acts_row = a_row;
    } else {
        int32_t *sums = j->columns.w_zero ? (int32_t *)(void *)(mine + s->at_sums) : NULL;
        s->pack(mine + s->at_acts, sums, a, s->x_signed, rows, s->k, a_row);
        q.acts = mine + s->at_acts;
        q.a_sum = sums;
    }
    ig_i8_operand(&q, j->w, j->panels, &j->columns, g, col, end - col);
    s->gemm(&q, 0, rows, 0, (q.n + GEMM_I8_PANEL - 1) / GEMM_I8_PANEL);
}

static void depthwise(const ig_conv_i8_job *j, char *mine, size_t image, size_t p, size_t rows)
{
    const ig_conv_i8 *s = j->s;
    const uint8_t *x = j->x + image * s->p_in * s->c;
    list_windows(j, (const uint8_t **)(void *)mine, x, p, rows);
    const conv_dw_i8_args q = {.y = result(j, image, p, 0),
                               .taps = (const uint8_t *const *)(void *)mine,
                               .w = j->panels,
                               .finish = j->columns.finish,
                               .groups = s->dw_groups,
                               .columns = s->dw_columns,
                               .c = s->c,
                               .y_row = s->m,
                               .flip = s->x_signed ? 0x80 : 0};
    s->dw(&q, rows);
}

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    const ig_conv_i8_job *j = arg;
    const ig_conv_i8 *s = j->s;
    char *mine = j->workers + worker * s->worker_bytes;
    for (size_t i = begin; i < end; i++) {
        const size_t block = i / s->col_blocks % s->blocks, image = i / s->col_blocks / s->blocks;
        const size_t p = block_begin(s, block), rows = block_begin(s, block + 1) - p;
        if (s->depthwise)
            depthwise(j, mine, image, p, rows);
        else
            for (size_t g = 0; g < s->groups; g++)
                products(j, mine, image, p, rows, g, i % s->col_blocks);
    }
}

void ig_conv_i8_run(const ig_conv_i8_job *j, ig_pool *pool)
{
    const ig_conv_i8 *s = j->s;
    const size_t macs = s->block_rows * s->k * s->m;
    if (s->in_place && !j->columns.w_zero) {
        ig_conv_i8_place_run(j, pool);
        return;
    }
    ig_parallel(pool, s->batch * s->blocks * s->col_blocks,
                (size_t)(s->depthwise ? 2 : 8) * IG_GRAIN / (macs + 1) + 1, 0, work,
                (void *)(uintptr_t)j);
}
