/* q_f32_drive.h - products with f32 activations: a body included after the vector header of its ISA
 * and
 *
 *     enum { MOST }                                            rows of a direct tile, up to 8
 *     vf q_load_scales(const uint8_t *table, uint32_t bytes)   16 of f16 or f32
 *     vf q_widen(vi dwords, int byte, int mask)                a byte of 16 dwords, masked, as f32
 *     vf q_widen_e4m3(vi dwords, int byte)                     .. of an e4m3, as f32
 *
 * Few rows multiply while the weights are in registers; more rows have a few panels expanded to
 * F32P16 in scratch, which gemm_f32 multiplies. Both add in gemm.h's order. */
#ifndef IG_Q_F32_DRIVE_H
#define IG_Q_F32_DRIVE_H

#include "kernels/gemm/gemm.h"
#include "kernels/gemm_q/q_finish.h"

#define ROLLED _Pragma("GCC unroll 1") /* unrolled, gcc spills */

enum { RUN_GROUPS = IG_GEMM_RUN / IG_Q_GROUP, E4M3 = 0 /* instead of 4 or 8 bits */ };

/* What turns the quants of a group into weights. */
typedef struct {
    vf d, second;
    bool min; /* d q + second, else d (q - second) */
} q_rule;

/* Of the group whose scales are at `at`; half: of its 32 k, where groups are of 16. */
VEC_INLINE q_rule q_rule_of(const uint8_t *panel, const ig_q_format *f, const q_place *at,
                            size_t half)
{
    if (f->scale_bytes == IG_Q_TWO_LEVELS) {
        const uint8_t *both = panel + at->block;
        q_rule two = {
            .d = vf_mul(q_load_scales(both, 2), q_load_subs(panel + at->scale, f->group, half)),
            .second = vf_set(f->bits == 4 ? 8 : 128),
            .min = f->offset == IG_Q_MIN};
        if (two.min)
            two.second = vf_mul(q_load_scales(both + 2 * IG_Q_PANEL, 2),
                                q_load_subs(panel + at->offset, f->group, half));
        return two;
    }
    q_rule r = {.d = q_load_scales(panel + at->scale, f->scale_bytes),
                .second = vf_set(f->bits == 4 ? 8 : 128),
                .min = f->offset == IG_Q_MIN};
    if (ig_q_has_offset(f)) r.second = q_load_scales(panel + at->offset, f->scale_bytes);
    return r;
}

/* The dwords that hold k4 .. k4 + 3 of a group. */
VEC_INLINE vi q_four(const uint8_t *quants, size_t bits, size_t k4)
{
    const bool high = bits == 4 && k4 >= 4;
    return q_dwords(quants + (high ? k4 - 4 : k4) * 64, high);
}

VEC_INLINE vf q_weight(const q_rule *r, vi four, size_t bits, size_t byte)
{
    if (bits == E4M3) return vf_mul(q_widen_e4m3(four, (int)byte), r->d);
    const vf q = q_widen(four, (int)byte, bits == 4 ? 15 : 255);
    return r->min ? vf_fma(r->d, q, r->second) : vf_mul(vf_sub(q, r->second), r->d);
}

/* The next group's place; divisions only where a block begins. */
VEC_INLINE void q_step(q_place *at, const ig_q_layout *l, const ig_q_format *f, size_t *in_block,
                       size_t *in_scale, size_t g)
{
    at->quants += l->quant_bytes;
    if (++*in_scale == l->per_scale) {
        *in_scale = 0;
        at->scale += l->scale_step;
        at->offset += l->scale_step;
    }
    if (++*in_block < l->per_block) return;
    *in_block = *in_scale = 0;
    if (g + 1 < l->groups) *at = q_place_of(l, f, g + 1);
}

/* to [K][16] f32 */
VEC_INLINE void expand(float *to, const uint8_t *panel, const ig_q_layout *l, const ig_q_format *f,
                       size_t k, const size_t bits)
{
    q_place at = {0};
    size_t in_block = 0, in_scale = 0;
    if (l->groups) at = q_place_of(l, f, 0);
    for (size_t g = 0; g < l->groups; g++) {
        q_rule rule = q_rule_of(panel, f, &at, 0);
        const size_t deep = IG_MIN(k - g * IG_Q_GROUP, (size_t)IG_Q_GROUP);
        ROLLED for (size_t k4 = 0; k4 < (deep + 3) / 4; k4++)
        {
            if (k4 == 4 && f->group == 16) rule = q_rule_of(panel, f, &at, 1);
            const vi four = q_four(panel + at.quants, bits, k4);
            float *at_k4 = to + k4 * 4 * IG_Q_PANEL;
            UNROLL for (size_t i = 0; i < 4; i++) if (k4 * 4 + i < deep)
                vf_store(at_k4 + i * IG_Q_PANEL, q_weight(&rule, four, bits, i));
        }
        to += deep * IG_Q_PANEL;
        q_step(&at, l, f, &in_block, &in_scale, g);
    }
}

/* sum [rows][16] of one panel. */
VEC_INLINE void direct(float *sum, const uint8_t *panel, const ig_q_layout *l, const ig_q_format *f,
                       const float *a, size_t lda, size_t k, const size_t rows, const size_t bits)
{
    vf acc[MOST];
    q_place at = {0};
    size_t in_block = 0, in_scale = 0;
    if (l->groups) at = q_place_of(l, f, 0);
    UNROLL for (size_t r = 0; r < rows; r++)
    {
        acc[r] = vf_set(0);
        vf_store(sum + r * IG_Q_PANEL, acc[r]);
    }
    for (size_t g = 0; g < l->groups; g++, a += IG_Q_GROUP) {
        q_rule rule = q_rule_of(panel, f, &at, 0);
        const uint8_t *quants = panel + at.quants;
        const size_t deep = IG_MIN(k - g * IG_Q_GROUP, (size_t)IG_Q_GROUP);
        ROLLED for (size_t k4 = 0; k4 < (deep + 3) / 4; k4++)
        {
            if (k4 == 4 && f->group == 16) rule = q_rule_of(panel, f, &at, 1);
            const vi four = q_four(quants, bits, k4);
            const float *x = a + 4 * k4;
            UNROLL for (size_t i = 0; i < 4; i++) if (k4 * 4 + i < deep)
            {
                const vf w = q_weight(&rule, four, bits, i);
                UNROLL for (size_t r = 0; r < rows; r++) acc[r] =
                    vf_fma(vf_set(x[r * lda + i]), w, acc[r]);
            }
        }
        if (g % RUN_GROUPS == RUN_GROUPS - 1 || g + 1 == l->groups) { /* a run ends */
            UNROLL for (size_t r = 0; r < rows; r++)
            {
                float *to = sum + r * IG_Q_PANEL;
                vf_store(to, g < RUN_GROUPS ? acc[r] : vf_add(vf_load(to), acc[r]));
                acc[r] = vf_set(0);
            }
        }
        q_step(&at, l, f, &in_block, &in_scale, g);
    }
}

typedef void direct_fn(float *sum, const uint8_t *panel, const ig_q_layout *l, const ig_q_format *f,
                       const float *a, size_t lda, size_t k);

/* Rows [m0, m1), few, by tiles of even heights. */
VEC_INLINE void q_direct(const ig_gemm_q_f32_args *g, const ig_q_layout *l,
                         direct_fn *const *by_rows, q_finish_fn *finish, size_t m0, size_t m1,
                         size_t p0, size_t p1)
{
    float sum[MOST * IG_Q_PANEL] __attribute__((aligned(64)));
    const q_result to = {g->c, g->ldc, g->n, &g->epilogue, finish};
    for (size_t p = p0; p < p1; p++) {
        size_t row = m0;
        for (size_t tiles = (m1 - m0 + MOST - 1) / MOST; tiles; tiles--) {
            const size_t rows = (m1 - row + tiles - 1) / tiles;
            by_rows[rows - 1](sum, g->panels + p * l->panel_bytes, l, g->format,
                              g->a + row * g->lda, g->lda, g->k);
            q_finish(&to, sum, row, rows, p);
            row += rows;
        }
    }
}

VEC_INLINE void q_expanded(const ig_gemm_q_f32_args *g, const ig_q_layout *l, gemm_f32_fn *gemm,
                           size_t m0, size_t m1, size_t p0, size_t p1)
{
    const size_t wide = ig_q_wide_panels(g->k);
    for (size_t p = p0, end; p < p1; p = end) {
        end = IG_MIN(p + wide, p1);
        for (size_t q = p; q < end; q++) {
            float *to = g->scratch + (q - p) * g->k * IG_Q_PANEL;
            const uint8_t *panel = g->panels + q * l->panel_bytes;
            if (g->format->offset == IG_Q_E4M3)
                expand(to, panel, l, g->format, g->k, E4M3);
            else if (g->format->bits == 4)
                expand(to, panel, l, g->format, g->k, 4);
            else
                expand(to, panel, l, g->format, g->k, 8);
        }
        const size_t n = p * IG_Q_PANEL;
        ig_gemm_f32_args f = {.c = g->c + n,
                              .a = g->a,
                              .b = g->scratch,
                              .ldc = g->ldc,
                              .lda = g->lda,
                              .n = IG_MIN(g->n - n, (end - p) * IG_Q_PANEL),
                              .k = g->k,
                              .epilogue = g->epilogue};
        if (f.epilogue.bias) f.epilogue.bias += n;
        if (f.epilogue.residual) f.epilogue.residual += n;
        gemm(&f, m0, m1, 0, end - p);
    }
}

VEC_INLINE void q_f32_drive(const ig_gemm_q_f32_args *g, direct_fn *const *by_4,
                            direct_fn *const *by_8, direct_fn *const *by_e4m3, gemm_f32_fn *gemm,
                            q_finish_fn *finish, size_t m0, size_t m1, size_t p0, size_t p1)
{
    direct_fn *const *by = g->format->offset == IG_Q_E4M3 ? by_e4m3
                           : g->format->bits == 4         ? by_4
                                                          : by_8;
    ig_q_layout l;
    if (!ig_q_layout_of(&l, g->format, g->k)) return; /* such panels cannot exist */
    if (m1 - m0 <= IG_Q_DIRECT)
        q_direct(g, &l, by, finish, m0, m1, p0, p1);
    else
        q_expanded(g, &l, gemm, m0, m1, p0, p1);
}

#define DIRECT(rows, bits)                                                                         \
    static void direct_##rows##_##bits(float *sum, const uint8_t *panel, const ig_q_layout *l,     \
                                       const ig_q_format *f, const float *a, size_t lda, size_t k) \
    {                                                                                              \
        direct(sum, panel, l, f, a, lda, k, rows, bits);                                           \
    }
#define NAME(rows, bits)     direct_##rows##_##bits,
#define UP_TO_4(X, bits)     X(1, bits) X(2, bits) X(3, bits) X(4, bits)
#define FROM_5_TO_8(X, bits) X(5, bits) X(6, bits) X(7, bits) X(8, bits)

#endif
