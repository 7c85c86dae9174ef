/* softmax_body.h - softmax over the sixteen-lane vector of the including file.
 *
 * Bound by exp: about 13 operations for sixteen elements. Three passes over rows that stay in L1:
 * the top of z; z anew (cheaper than to keep it), exp and its sum; the division. Short rows go
 * through each pass in groups, so that one row's folding of lanes runs beside the next row's
 * elements; the pass of exp, which leaves the memory idle, fetches the rows that come next. */
#include "kernels/softmax/softmax.h"
#include "kernels/softmax/softmax_rows.h"

enum { GROUP = 8, GROUP_ELEMENTS = 2048, PAST_COLS = 4096 };

typedef struct {
    float *y;
    const float *x, *mask;
    size_t mask_stride, cols;
    float scale;
    bool plain; /* z is x */
} softmax_rows;

/* The first n <= 16 elements of z at i; `fill` beyond. */
VEC_INLINE vf take_z(const softmax_rows *s, const float *x, const float *mask, size_t i, size_t n,
                     vf fill)
{
    const vf by = vf_set(s->scale);
    const vf v = n == 16 ? vf_load(x + i) : vf_load_n(x + i, n, fill);
    if (s->plain) return v;
    if (!mask) return vf_mul(v, by);
    return vf_fma(v, by, n == 16 ? vf_load(mask + i) : vf_load_n(mask + i, n, fill));
}

VEC_INLINE float top_row(const softmax_rows *s, const float *x, const float *mask)
{
    const vf lowest = vf_set(-__builtin_inff());
    vf top = lowest;
    size_t i = 0;
    for (; i + 16 <= s->cols; i += 16) top = vf_max(top, take_z(s, x, mask, i, 16, lowest));
    if (i < s->cols) {
        const size_t n = s->cols - i;
        top = vf_max(top, vf_keep_n(take_z(s, x, mask, i, n, lowest), n, lowest));
    }
    return vf_top(top);
}

/* sum_row - the sum of exp(z - top); y keeps exp(z - top), or z where not `keep`. `next` elements
 * further on lies what is read and written next: it may be past the end. */
VEC_INLINE float sum_row(const softmax_rows *s, float *y, const float *x, const float *mask,
                         float top, bool keep, size_t next)
{
    const vf by = vf_set(top);
    vf sum = vf_set(0.0f);
    size_t i = 0;
    for (; i + 16 <= s->cols; i += 16) {
        __builtin_prefetch(x + next + i);
        __builtin_prefetch(y + next + i, 1);
        const vf z = take_z(s, x, mask, i, 16, by), e = vf_exp(vf_sub(z, by));
        vf_store(y + i, keep ? e : z);
        sum = vf_add(sum, e);
    }
    if (i < s->cols) {
        const size_t n = s->cols - i;
        const vf z = take_z(s, x, mask, i, n, by), e = vf_exp(vf_sub(z, by));
        vf_store_n(y + i, keep ? e : z, n);
        sum = vf_add(sum, vf_keep_n(e, n, vf_set(0.0f)));
    }
    return vf_sum(sum);
}

/* n rows from r on: the top of each, and its sum. */
VEC_INLINE void sum_group(const softmax_rows *s, size_t r, size_t n, float *top, float *sum,
                          bool keep)
{
    const size_t cols = s->cols, row = s->mask_stride;
    const float *x = s->x + r * cols, *mask = s->mask ? s->mask + r * row : NULL;
    for (size_t g = 0; g < n; g++) top[g] = top_row(s, x + g * cols, mask ? mask + g * row : NULL);
    for (size_t g = 0; g < n; g++)
        sum[g] = sum_row(s, s->y + (r + g) * cols, x + g * cols, mask ? mask + g * row : NULL,
                         top[g], keep, n * cols);
}

VEC_INLINE size_t group_of(size_t cols)
{
    const size_t fits = cols ? GROUP_ELEMENTS / cols : GROUP;
    return fits < 1 ? 1 : fits < GROUP ? fits : GROUP;
}

/* ---- past the caches: a row is kept in a room and leaves when its sum is known ---- */

/* As sum_row for whole vectors; the row after this one is fetched into L2, for L1 is full with this
 * one and the room. */
VEC_INLINE float sum_in_room(const softmax_rows *s, float *room, const float *x, const float *mask,
                             float top, bool keep)
{
    const vf by = vf_set(top);
    vf sum = vf_set(0.0f);
    for (size_t i = 0; i < s->cols; i += 16) {
        __builtin_prefetch(x + s->cols + i, 0, 2);
        const vf z = take_z(s, x, mask, i, 16, by), e = vf_exp(vf_sub(z, by));
        vf_store(room + i, keep ? e : z);
        sum = vf_add(sum, e);
    }
    return vf_sum(sum);
}

VEC_INLINE void rows_past(const softmax_rows *s, size_t rows, bool log_of)
{
    float room[PAST_COLS];
    for (size_t r = 0; r < rows; r++) {
        const float *x = s->x + r * s->cols, *mask = s->mask ? s->mask + r * s->mask_stride : NULL;
        const float most = top_row(s, x, mask);
        const float sum = sum_in_room(s, room, x, mask, most, !log_of);
        const vf top = vf_set(most), by = log_of ? vf_log(vf_set(sum)) : vf_set(1.0f / sum);
        for (size_t i = 0; i < s->cols; i += 16) {
            const vf v = vf_load(room + i);
            vf_stream(s->y + r * s->cols + i, log_of ? vf_sub(vf_sub(v, top), by) : vf_mul(v, by));
        }
    }
    vf_stream_end();
}

VEC_INLINE bool whole_lines(const softmax_rows *s)
{
    return s->cols % 16 == 0 && s->cols <= PAST_COLS && (uintptr_t)s->y % 64 == 0;
}

void IG_ISA(softmax_f32)(float *y, const float *x, const float *mask, size_t mask_stride,
                         size_t rows, size_t cols, float scale, bool past)
{
    const softmax_rows s = {y, x, mask, mask_stride, cols, scale, !mask && scale == 1.0f};
    const size_t group = group_of(cols);
    float top[GROUP], sum[GROUP];
    if (past && whole_lines(&s)) {
        rows_past(&s, rows, false);
        return;
    }
    for (size_t r = 0; r < rows; r += group) {
        const size_t n = rows - r < group ? rows - r : group;
        sum_group(&s, r, n, top, sum, true);
        for (size_t g = 0; g < n; g++) scale_row(y + (r + g) * cols, cols, vf_set(1.0f / sum[g]));
    }
}

void IG_ISA(log_softmax_f32)(float *y, const float *x, const float *mask, size_t mask_stride,
                             size_t rows, size_t cols, float scale, bool past)
{
    const softmax_rows s = {y, x, mask, mask_stride, cols, scale, !mask && scale == 1.0f};
    const size_t group = group_of(cols);
    float top[GROUP], sum[GROUP];
    if (past && whole_lines(&s)) {
        rows_past(&s, rows, true);
        return;
    }
    for (size_t r = 0; r < rows; r += group) {
        const size_t n = rows - r < group ? rows - r : group;
        sum_group(&s, r, n, top, sum, false);
        for (size_t g = 0; g < n; g++)
            lower_row(y + (r + g) * cols, cols, vf_set(top[g]), vf_log(vf_set(sum[g])));
    }
}

/* ---- down columns ---- */

/* Strips of four lines of columns: on a stride of a page or more, fewer bytes a row would cost an
 * address translation and a request to memory each. */
enum { COL_BLOCK = 128, STRIP = 4, ROWS_AHEAD = 16 };

/* The first m <= 16 columns of a row. */
VEC_INLINE vf take_cols(const float *x, size_t m)
{
    return m == 16 ? vf_load(x) : vf_load_n(x, m, vf_set(0.0f));
}

VEC_INLINE void put_cols(float *y, vf v, size_t m)
{
    if (m == 16)
        vf_store(y, v);
    else
        vf_store_n(y, v, m);
}

/* A row further down the strip, into L2: a far stride is nothing that the hardware foresees, and
 * one of a power of two would throw the rows before it out of L1. */
VEC_INLINE void fetch_row(const float *p, size_t row, size_t vectors)
{
    for (size_t v = 0; v < vectors; v++) __builtin_prefetch(p + ROWS_AHEAD * row + 16 * v, 0, 2);
}

/* The sums of exp(x - top) of `vectors` times m columns; y keeps exp where `keep`. */
VEC_INLINE void sum_cols(float *y, const float *x, size_t n, size_t row, size_t vectors, size_t m,
                         const vf *top, vf *all, bool keep)
{
    vf part[STRIP];
    for (size_t v = 0; v < vectors; v++) all[v] = vf_set(0.0f);
    for (size_t from = 0; from < n; from += COL_BLOCK) {
        const size_t end = n - from < COL_BLOCK ? n : from + COL_BLOCK;
        for (size_t v = 0; v < vectors; v++) part[v] = vf_set(0.0f);
        for (size_t k = from; k < end; k++) {
            fetch_row(x + k * row, row, vectors);
            if (keep && y != x) fetch_row(y + k * row, row, vectors);
            for (size_t v = 0; v < vectors; v++) {
                const size_t at = k * row + 16 * v;
                const vf e = vf_exp(vf_sub(take_cols(x + at, m), top[v]));
                if (keep) put_cols(y + at, e, m);
                part[v] = vf_add(part[v], e);
            }
        }
        for (size_t v = 0; v < vectors; v++) all[v] = vf_add(all[v], part[v]);
    }
}

/* `vectors` times m <= 16 columns, from the top to the bottom, three times. */
VEC_INLINE void strip(float *y, const float *x, size_t n, size_t row, size_t vectors, size_t m,
                      bool log_of)
{
    vf top[STRIP], by[STRIP];
    for (size_t v = 0; v < vectors; v++) top[v] = vf_set(-__builtin_inff());
    for (size_t k = 0; k < n; k++) {
        fetch_row(x + k * row, row, vectors);
        for (size_t v = 0; v < vectors; v++)
            top[v] = vf_max(top[v], take_cols(x + k * row + 16 * v, m));
    }
    sum_cols(y, x, n, row, vectors, m, top, by, !log_of);
    for (size_t v = 0; v < vectors; v++)
        by[v] = log_of ? vf_log(by[v]) : vf_div(vf_set(1.0f), by[v]);
    for (size_t k = 0; k < n; k++) {
        fetch_row((log_of ? x : y) + k * row, row, vectors);
        for (size_t v = 0; v < vectors; v++) {
            const size_t at = k * row + 16 * v;
            const vf z = take_cols((log_of ? x : y) + at, m);
            put_cols(y + at, log_of ? vf_sub(vf_sub(z, top[v]), by[v]) : vf_mul(z, by[v]), m);
        }
    }
}

VEC_INLINE void strips(float *y, const float *x, size_t n, size_t cols, size_t row, bool log_of)
{
    size_t c = 0;
    for (; c + 16 * STRIP <= cols; c += 16 * STRIP) strip(y + c, x + c, n, row, STRIP, 16, log_of);
    for (; c + 16 <= cols; c += 16) strip(y + c, x + c, n, row, 1, 16, log_of);
    if (c < cols) strip(y + c, x + c, n, row, 1, cols - c, log_of);
}

void IG_ISA(softmax_cols_f32)(float *y, const float *x, size_t n, size_t cols, size_t row)
{
    strips(y, x, n, cols, row, false);
}

void IG_ISA(log_softmax_cols_f32)(float *y, const float *x, size_t n, size_t cols, size_t row)
{
    strips(y, x, n, cols, row, true);
}
