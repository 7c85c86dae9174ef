/* gemm_q.h - matrix products with weights of 4 and 8 bits: y [M, N] = epilogue(x [M, K] W^T).
 *
 * Weights. W[n, k] = d (q - centre), d (q - zero) or d q + min, where q is unsigned, `centre` is 8
 * or 128 and d, zero and min belong to a group of k; or d q, where the byte q is an 8-bit float
 * (IG_Q_E4M3: OCP's e4m3, without its NaN; bytes 7f and ff count as 480 and -480). They lie in
 * panels of 16 rows n (the last one padded), in blocks of k, the same bytes for every ISA
 * (cpu-kernels.md 1.1):
 *
 *     block  d [groups][16]   zero or min [groups][16]   quants [k / 32][ 256 or 512 bytes]
 *     quants of 32 k, 8 bits:  [8 dwords of k][16 rows][4 k]
 *                     4 bits:  [4][16][4], the low nibble k = 4 i + j, the high one 16 + 4 i + j
 *
 * A block is 128 k, or 256 for groups of 128, so that whole blocks are multiples of 64 bytes; the
 * last one ends after the last 32 k that exist (their padding is q = 0 and d as it is) and holds
 * the scales of existing groups only. Formats without groups have one block: the whole row.
 *
 * Formats of two levels keep what llama.cpp's K-quants do: d = D s and min = E t, with s and t int8
 * of a group of 16 or 32 k, D and E f16 of a block of 256 k. Both products are exact in f32.
 *
 *     block  D [16]   E [16], zeros where there is no min   s [k / 32][16 rows][1 or 2 groups]
 *            t likewise   quants as above
 *
 * Two ways to multiply, which differ in how x is read:
 *
 *   gemm_q      x is rounded to 8 bits in groups of 32 (A8G32; ig_q_act below). For g = 0, 1, .. :
 *                   y = fma(d * a.d, (float)sum of (q - centre) a.q, y), from y = +0
 *                   y = fma(offset, a.sum, y)                    only IG_Q_ZERO and IG_Q_MIN
 *               with offset = d (centre - zero) or fma(centre, d, min), once rounded. Groups of 16,
 *               always of two levels, add up in exact integers first:
 *                   y = fma(D * a.d, (float)sum of s (q - centre) a.q, y)      IG_Q_CENTRED
 *                   y = fma(D * a.d, (float)sum of s q a.q, y)                 IG_Q_MIN
 *                   y = fma(E * a.d, (float)sum of t a.q, y)
 *   gemm_q_f32  (all formats; IG_Q_E4M3 has this alone) x stays f32: W is expanded to f32, each
 * weight once rounded, and multiplied in gemm.h's order: the bits of a product with weights
 * dequantised beforehand.
 *
 * Both are class E: the same bits for every ISA, M, range and thread. */
#ifndef IG_GEMM_Q_H
#define IG_GEMM_Q_H

#include "kernels/cpu.h"
#include "kernels/gemm/epilogue.h"

#include <stdbool.h>

enum { IG_Q_PANEL = 16, IG_Q_GROUP = 32 /* k of one activation scale */, IG_Q_ROWS = 64 };

/* ---- formats ---- */

enum { IG_Q_TWO_LEVELS = 1, IG_Q_SUPER = 256 /* k of one D */ };
typedef enum { IG_Q_CENTRED, IG_Q_ZERO, IG_Q_MIN, IG_Q_E4M3 } ig_q_offset;

typedef struct {
    uint32_t id;
    const char *name;
    uint32_t bits, group;
    uint32_t scale_bytes; /* 2: f16; 4: f32; IG_Q_TWO_LEVELS: int8 times f16 of 256 k */
    ig_q_offset offset;
} ig_q_format;

/* ig_q_has_offset - a zero or a min beside each scale. */
static inline bool ig_q_has_offset(const ig_q_format *f)
{
    return f->offset == IG_Q_ZERO || f->offset == IG_Q_MIN;
}

/* ig_q_format_at - by id or by name; NULL: none. ig_q_format_like - by properties. */
const ig_q_format *ig_q_format_at(uint32_t id);
const ig_q_format *ig_q_format_named(const char *name);
const ig_q_format *ig_q_format_like(uint32_t bits, uint32_t group, uint32_t scale_bytes,
                                    ig_q_offset offset);
const ig_q_format *ig_q_formats(size_t *n);

static inline size_t ig_q_panels(size_t n) { return n / IG_Q_PANEL + (n % IG_Q_PANEL != 0); }
static inline size_t ig_q_groups(size_t k) { return k / IG_Q_GROUP + (k % IG_Q_GROUP != 0); }

/* Where a panel's parts lie. Made once per product. */
typedef struct {
    size_t groups;      /* of 32 k, in all */
    size_t per_block;   /* of 32 k, in a whole block */
    size_t per_scale;   /* of 32 k that share a scale */
    size_t quant_bytes; /* of 32 k */
    size_t scale_step;  /* bytes of 16 scales; of two levels: of those of 32 k */
    size_t super_bytes; /* D and E, where a block begins; 0: one level */
    size_t block_bytes; /* of a whole block */
    size_t panel_bytes;
} ig_q_layout;

/* ig_q_layout_of - false when the panel's bytes do not fit size_t. */
bool ig_q_layout_of(ig_q_layout *l, const ig_q_format *f, size_t k);
/* ig_q_bytes - of all panels of W [n, k]; false: do not fit. */
bool ig_q_bytes(const ig_q_format *f, size_t n, size_t k, size_t *bytes);

/* ---- packing ---- */

/* What is packed: values, scales and offsets each with strides in elements, so that [N, K] and
 * [K, N], row-wise and group-wise tables of any exporter fit. */
typedef struct {
    const uint8_t *q; /* unsigned values, one a byte */
    size_t q_n, q_k;
    const float *scale; /* one for each group; of two levels: D, one for each IG_Q_SUPER */
    size_t scale_n, scale_g;
    const float *offset; /* zero or min of each group, or E; read where ig_q_has_offset */
    size_t offset_n, offset_g;
    const int8_t *s, *t; /* of each group, only of two levels; t like `offset` */
    size_t sub_n, sub_g;
} ig_q_source;

/* ig_q_pack - panels [p0, p1) of W [n, k]; `panels` is panel 0 of the whole. Scales (and offsets)
 * are rounded to f16 where the format keeps 2 bytes or two levels. */
void ig_q_pack(uint8_t *panels, const ig_q_format *f, const ig_q_source *from, size_t n, size_t k,
               size_t p0, size_t p1);

/* ig_q_quantise - round-to-nearest: q, scale and offset of one group of n weights, step elements
 * apart. Centred: d = largest of |w| with its sign / -centre, so that the largest is exact; zero
 * and min: the range of the group and 0 in 2^bits - 1 steps; e4m3: the largest becomes 448. d is
 * rounded to what the format keeps before q is chosen. A group of zeros: d = 0. Weights must be
 * finite. Not for two levels. */
void ig_q_quantise(uint8_t *q, float *scale, float *offset, const ig_q_format *f, const float *w,
                   size_t n, size_t step);

/* ig_q_unpack - to [K][N]: to[k * to_k + n * to_n], the weights of rows n that lie in panels
 * [p0, p1), each rounded once: what gemm_q_f32 multiplies by. */
void ig_q_unpack(float *to, size_t to_k, size_t to_n, const uint8_t *panels, const ig_q_format *f,
                 size_t n, size_t k, size_t p0, size_t p1);
/* ig_q_row - row `row` of W to to[k]: an embedding. */
void ig_q_row(float *to, const uint8_t *panels, const ig_q_format *f, size_t k, size_t row);

/* ig_q_slice - row n of W [.., k], from k0 (a multiple of ig_q_slice_unit) to k1 (likewise, or k),
 * becomes row n_to of a matrix whose rows are k1 - k0 long. `from` and `to` are panel 0 of each;
 * the bits stay what they are. Rows of `to` that never come are zero weights where its memory is 0.
 */
size_t ig_q_slice_unit(const ig_q_format *f);
void ig_q_slice(uint8_t *to, size_t n_to, const uint8_t *from, size_t n, const ig_q_format *f,
                size_t k, size_t k0, size_t k1);

/* ---- activations ---- */

/* 32 k of one row of x. x = d q within d / 2. A group with a NaN or an infinity has d = NaN, which
 * makes its row of results NaN; one whose largest magnitude is below 2^-100 counts as zero. */
typedef struct {
    int8_t q[IG_Q_GROUP]; /* -127 .. 127 */
    float d, sum;         /* d * (sum of q) */
    int32_t fix;          /* -8 * (sum of q) */
    int16_t lane[2];      /* -8 * (sum of q[k] with k % 4 < 2), .. with k % 4 >= 2 */
    int16_t half[2];      /* sum of q[0 .. 15], q[16 .. 31] */
} ig_q_act;

/* Rows come in blocks of IG_Q_ROWS (the last as wide as it is); in a block: [groups][rows]. */
bool ig_q_acts_bytes(size_t m, size_t k, size_t *bytes);
static inline size_t ig_q_act_at(size_t m, size_t groups, size_t row, size_t group)
{
    const size_t block = row / IG_Q_ROWS, first = block * IG_Q_ROWS;
    const size_t wide = m - first < IG_Q_ROWS ? m - first : IG_Q_ROWS;
    return first * groups + group * wide + (row - first);
}

/* Rounds rows [m0, m1) of x [m, k], ldx elements between rows; order: NULL, or row i of the result
 * is x's row order[i]. acts is the whole. */
typedef void gemm_q_acts_fn(ig_q_act *acts, const float *x, size_t m, size_t k, size_t ldx,
                            const int32_t *order, size_t m0, size_t m1);

/* ig_q_e4m3_row - x [k] to the values that it has as e4m3, what weights of IG_Q_E4M3 meet where x
 * is to be rounded too: f32 d q, d of each group of f (of the whole row where it has none) so that
 * the largest becomes 448: d = top / 448 and q = x * (448 / top). A group with a NaN or an infinity
 * becomes NaN, one below 2^-100 zeros. `to` may be x. */
void ig_q_e4m3_row(float *to, const float *x, size_t k, const ig_q_format *f);

/* ---- products ---- */

typedef struct {
    float *c; /* [M, N], ldc elements between rows */
    size_t ldc;
    const ig_q_act *acts; /* all m rows, 4-byte aligned */
    const uint8_t *panels;
    const ig_q_format *format;
    size_t m, n, k;
    ig_epilogue epilogue;
    /* Gated units (SwiGLU and the like): of each panel, rows 0..7 of W are "up", 8..15 "gate", and
     * C [M, N / 2] = up * map(gate), with the bias in both. N is a multiple of 16, act is
     * IG_ACT_MAP, there is no residual. */
    bool gated;
} ig_gemm_q_args;

/* Rows [m0, m1), panels [p0, p1). */
typedef void gemm_q_fn(const ig_gemm_q_args *g, size_t m0, size_t m1, size_t p0, size_t p1);

/* With x in f32. Rows up to IG_Q_DIRECT multiply from registers; for more rows a few panels at a
 * time are widened to f32: at least 3, below which gemm_f32 does not copy rows that meet in one set
 * of L1 (K = 4096, 256 rows: 2 panels 90, 4 panels 99 GFLOP/s). */
enum { IG_Q_DIRECT = 8, IG_Q_WIDE_BYTES = 1 << 20, IG_Q_MOST_WIDE = 16 };
static inline size_t ig_q_wide_panels(size_t k)
{
    const size_t fit = IG_Q_WIDE_BYTES / (k * IG_Q_PANEL * sizeof(float) + 1);
    return fit < 3 ? 3 : fit > IG_Q_MOST_WIDE ? IG_Q_MOST_WIDE : fit;
}

typedef struct {
    float *c;       /* [M, N], ldc elements between rows */
    const float *a; /* [M, K], lda elements between rows */
    size_t ldc, lda;
    const uint8_t *panels;
    const ig_q_format *format;
    size_t n, k;
    ig_epilogue epilogue;
    /* [ig_q_wide_panels(k) * 16 * k], this thread's; may be NULL up to IG_Q_DIRECT rows */
    float *scratch;
} ig_gemm_q_f32_args;

typedef void gemm_q_f32_fn(const ig_gemm_q_f32_args *g, size_t m0, size_t m1, size_t p0, size_t p1);

#define K(family, fn, needs) family##_fn fn;
#include "kernels/gemm_q/gemm_q.kern"
#include "kernels/gemm_q/gemm_q_acts.kern"
#include "kernels/gemm_q/gemm_q_f32.kern"
#undef K

gemm_q_fn *ig_gemm_q(void);
gemm_q_acts_fn *ig_gemm_q_acts(void);
gemm_q_f32_fn *ig_gemm_q_f32(void);

#endif
