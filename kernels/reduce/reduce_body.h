/* reduce_body.h - reductions over the sixteen-lane vector of the including file. Bound by reading x
 * once; a column reduction keeps four vectors of columns in registers, or a thousand columns in L1.
 * The file that includes it says up to how many elements MOST_SHORT rows go sixteen at a time. */
#include "kernels/reduce/reduce.h"

enum {
    ROW_BLOCK = 4096,
    ROW_VECTORS = 4,
    COL_BLOCK = 128,
    COL_VECTORS = 4,
    LEAST_ROWS = 16,
    AT_ONCE = 16,
    WIDE = 1024
};

typedef vf join_fn(vf a, vf b); /* add an element, or a block, to what was reduced so far */

/* fold - lane i with lane i + 8, then + 4, + 2, + 1. */
VEC_INLINE float fold(vf v, vf empty, join_fn *join)
{
    float lanes[16];
    for (size_t half = 8; half; half /= 2) {
        vf_store(lanes, v);
        v = join(v, vf_load_n(lanes + half, half, empty));
    }
    vf_store(lanes, v);
    return lanes[0];
}

/* Four vectors of lanes, for one would wait for its own latency. */
VEC_INLINE vf reduce_block(const float *x, size_t n, vf empty, join_fn *take, join_fn *join)
{
    vf part[ROW_VECTORS] = {empty, empty, empty, empty};
    size_t i = 0, v = 0;
    for (; i + 16 * ROW_VECTORS <= n; i += 16 * ROW_VECTORS) {
        part[0] = take(part[0], vf_load(x + i));
        part[1] = take(part[1], vf_load(x + i + 16));
        part[2] = take(part[2], vf_load(x + i + 32));
        part[3] = take(part[3], vf_load(x + i + 48));
    }
    for (; i + 16 <= n; i += 16, v++) part[v] = take(part[v], vf_load(x + i));
    if (i < n) {
        const vf last = take(part[v], vf_load_n(x + i, n - i, empty));
        part[v] = vf_keep_n(last, n - i, part[v]);
    }
    return join(join(part[0], part[1]), join(part[2], part[3]));
}

VEC_INLINE float reduce_row(const float *x, size_t cols, vf empty, join_fn *take, join_fn *join)
{
    vf all = empty;
    for (size_t from = 0; from < cols; from += ROW_BLOCK) {
        const size_t n = cols - from < ROW_BLOCK ? cols - from : ROW_BLOCK;
        all = join(all, reduce_block(x + from, n, empty, take, join));
    }
    return fold(all, empty, join);
}

/* Sixteen rows of cols <= 16 elements, a row in each lane: the same joins as reduce_row's. Rows of
 * two or three elements, of which there tend to be many, do not fold sixteen lanes each. */
VEC_INLINE void reduce_short(float *y, const float *x, size_t cols, vf empty, join_fn *take,
                             join_fn *join)
{
    float turned[16][16];
    for (size_t r = 0; r < 16; r++)
        for (size_t c = 0; c < cols; c++) turned[c][r] = x[r * cols + c];
    const vf none = join(empty, empty);
    vf lane[16];
    for (size_t c = 0; c < 16; c++) {
        const vf v = c < cols ? take(empty, vf_load(turned[c])) : empty;
        lane[c] = join(empty, join(join(v, empty), none));
    }
    for (size_t half = 8; half; half /= 2)
        for (size_t c = 0; c < half; c++) lane[c] = join(lane[c], lane[c + half]);
    vf_store(y, lane[0]);
}

VEC_INLINE void reduce_rows(float *y, const float *x, size_t rows, size_t cols, vf empty,
                            join_fn *take, join_fn *join)
{
    size_t r = 0;
    for (; cols <= MOST_SHORT && r + 16 <= rows; r += 16)
        reduce_short(y + r, x + r * cols, cols, empty, take, join);
    for (; r < rows; r++) y[r] = reduce_row(x + r * cols, cols, empty, take, join);
}

/* n < 16 or n = 16 columns at a time, `vectors` of them. */
VEC_INLINE void reduce_strip(float *y, const float *x, size_t rows, size_t x_row, size_t vectors,
                             size_t n, vf empty, join_fn *take, join_fn *join)
{
    vf all[COL_VECTORS], part[COL_VECTORS];
    for (size_t v = 0; v < vectors; v++) all[v] = empty;
    for (size_t from = 0; from < rows; from += COL_BLOCK) {
        const size_t end = rows - from < COL_BLOCK ? rows : from + COL_BLOCK;
        for (size_t v = 0; v < vectors; v++) part[v] = empty;
        for (size_t r = from; r < end; r++)
            for (size_t v = 0; v < vectors; v++) {
                const float *at = x + r * x_row + v * 16;
                part[v] = take(part[v], n == 16 ? vf_load(at) : vf_load_n(at, n, empty));
            }
        for (size_t v = 0; v < vectors; v++) all[v] = join(all[v], part[v]);
    }
    for (size_t v = 0; v < vectors; v++)
        if (n == 16)
            vf_store(y + v * 16, all[v]);
        else
            vf_store_n(y + v * 16, all[v], n);
}

/* The same for WIDE columns whose sums lie in L1: rows are read in long stretches, which memory
 * gives twice as fast as short ones far apart; AT_ONCE rows at a time, as many as the
 * hardware foresees. */
VEC_INLINE void reduce_wide(float *y, const float *x, size_t rows, size_t x_row, vf empty,
                            join_fn *take, join_fn *join)
{
    _Alignas(64) float part[WIDE];
    for (size_t c = 0; c < WIDE; c += 16) vf_store(y + c, empty);
    for (size_t from = 0; from < rows; from += COL_BLOCK) {
        const size_t end = rows - from < COL_BLOCK ? rows : from + COL_BLOCK;
        for (size_t c = 0; c < WIDE; c += 16) vf_store(part + c, empty);
        size_t r = from;
        for (; r + AT_ONCE <= end; r += AT_ONCE)
            for (size_t c = 0; c < WIDE; c += 16) {
                const float *at = x + r * x_row + c;
                vf sum = vf_load(part + c);
                for (size_t i = 0; i < AT_ONCE; i++) sum = take(sum, vf_load(at + i * x_row));
                vf_store(part + c, sum);
            }
        for (; r < end; r++)
            for (size_t c = 0; c < WIDE; c += 16)
                vf_store(part + c, take(vf_load(part + c), vf_load(x + r * x_row + c)));
        for (size_t c = 0; c < WIDE; c += 16)
            vf_store(y + c, join(vf_load(y + c), vf_load(part + c)));
    }
}

VEC_INLINE void reduce_cols(float *y, const float *x, size_t rows, size_t cols, size_t x_row,
                            vf empty, join_fn *take, join_fn *join)
{
    size_t c = 0;
    for (; rows >= LEAST_ROWS && c + WIDE <= cols; c += WIDE)
        reduce_wide(y + c, x + c, rows, x_row, empty, take, join);
    for (; c + 16 * COL_VECTORS <= cols; c += 16 * COL_VECTORS)
        reduce_strip(y + c, x + c, rows, x_row, COL_VECTORS, 16, empty, take, join);
    for (; c + 16 <= cols; c += 16)
        reduce_strip(y + c, x + c, rows, x_row, 1, 16, empty, take, join);
    if (c < cols) reduce_strip(y + c, x + c, rows, x_row, 1, cols - c, empty, take, join);
}

#define REDUCE(op, nothing, take, join)                                                          \
    void IG_ISA(op##_rows_f32)(float *y, const float *x, size_t rows, size_t cols)               \
    {                                                                                            \
        reduce_rows(y, x, rows, cols, vf_set(nothing), take, join);                              \
    }                                                                                            \
    void IG_ISA(op##_cols_f32)(float *y, const float *x, size_t rows, size_t cols, size_t x_row) \
    {                                                                                            \
        reduce_cols(y, x, rows, cols, x_row, vf_set(nothing), take, join);                       \
    }

/* vf_max(b, a) keeps a NaN of a, the pick one of b: its test is off the chain of maxima. */
VEC_INLINE vf larger(vf a, vf b) { return vf_pick(vf_nan(b), b, vf_max(b, a)); }
VEC_INLINE vf smaller(vf a, vf b) { return vf_pick(vf_nan(b), b, vf_min(b, a)); }
VEC_INLINE vf add_size(vf a, vf b) { return vf_add(a, vf_abs(b)); }
VEC_INLINE vf add_square(vf a, vf b) { return vf_fma(b, b, a); }

REDUCE(max, -__builtin_inff(), larger, larger)
REDUCE(min, __builtin_inff(), smaller, smaller)
REDUCE(prod, 1.0f, vf_mul, vf_mul)
REDUCE(sum, 0.0f, vf_add, vf_add)
REDUCE(sum_abs, 0.0f, add_size, vf_add)
REDUCE(sum_sq, 0.0f, add_square, vf_add)
