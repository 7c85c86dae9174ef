/* check_gemm_half.c - GEMM on 16-bit weights: every bit of the reference, in any range, and of the
 * fp32 GEMM on the widened weights; packing. */
#include "tests/kernels/kernel_check.h"

#include "kernels/gemm/gemm.h"
#include "runtime/base/half.h"

#include <math.h>

enum { SHAPES = 200 };

typedef struct {
    gemm_f16_fn *gemm;
    gemm_pack_f16_fn *pack;
    float (*widen)(uint16_t h);
    bool pairs; /* B16P16 */
} half_type;

static const half_type f16 = {gemm_f16_ref, gemm_pack_f16_ref, ig_f16_to_f32, false};
static const half_type bf16 = {gemm_bf16_ref, gemm_pack_bf16_ref, ig_bf16_to_f32, true};

static size_t packed_size(const half_type *t, size_t k, size_t n)
{
    return ig_gemm_packed(t->pairs ? ig_gemm_even(k) : k, n);
}

/* Numbers of about [-2, 2], or any bits: NaN, infinities and denormals among them. */
static uint16_t *random_halves(const half_type *t, size_t n, bool wild)
{
    uint16_t *h = check_bytes(n * sizeof *h);
    for (size_t i = 0; i < n && !wild; i++)
        h[i] = t->pairs ? (uint16_t)((h[i] & 0x80ffu) | 0x3f00u)
                        : (uint16_t)((h[i] & 0x83ffu) | 0x3800u);
    return h;
}

/* A product of this shape, in a random split of rows and panels, against the whole by the
 * reference. */
static void check_shape(const half_type *t, gemm_f16_fn *fn, size_t m, size_t n, size_t k,
                        const size_t draw[3], size_t row_cut, size_t panel_cut)
{
    const size_t lda = k + draw[0], ldc = n + draw[0], panels = ig_gemm_panels(n);
    const size_t a_size = m ? (m - 1) * lda + k : 0, c_size = m ? (m - 1) * ldc + n : 0;
    ig_gemm_f32_args g = {.ldc = ldc, .lda = lda, .n = n, .k = k};
    g.a = check_f32(a_size, -1, 1);
    g.b = random_halves(t, packed_size(t, k, n), draw[1] == 3);
    if (draw[2]) g.epilogue.bias = check_f32(n, -1, 1);
    g.epilogue.act = draw[2] ? IG_ACT_HARD_SWISH : IG_ACT_NONE;
    float *want = check_out_f32(c_size), *got = check_out_f32(c_size);
    g.c = want;
    t->gemm(&g, 0, m, 0, panels);
    g.c = got;
    fn(&g, 0, row_cut, 0, panel_cut);
    fn(&g, 0, row_cut, panel_cut, panels);
    fn(&g, row_cut, m, 0, panels);
    check_same_f32(want, got, c_size);
}

static void check_random(const half_type *t, gemm_f16_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < SHAPES; i++) {
        const bool deep = i % 25 == 24; /* several k blocks, rows that share L1 sets */
        const size_t m = i < 34 ? i / 2 : check_pick(1, deep ? 130 : 40);
        const size_t n = check_pick(1, deep ? 40 : i % 5 ? 150 : 5);
        const size_t k = deep ? 512 * check_pick(1, 3) + check_pick(0, 1) : check_pick(0, 70);
        const size_t draw[3] = {deep ? 0 : check_pick(0, 5), check_pick(0, 3), check_pick(0, 1)};
        const size_t row_cut = check_pick(0, m), panel_cut = check_pick(0, ig_gemm_panels(n));
        if (!check_next(needs, name, "%zux%zux%zu ld+%zu kind%zu act%zu cut%zu,%zu", m, n, k,
                        draw[0], draw[1], draw[2], row_cut, panel_cut))
            continue;
        check_shape(t, fn, m, n, k, draw, row_cut, panel_cut);
    }
}

/* The same bits as gemm_f32 on plain weights that are widened and packed the fp32 way. */
static void check_widened(const half_type *t, gemm_f16_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < 20; i++) {
        const size_t m = check_pick(1, 20), n = check_pick(1, 70), k = check_pick(1, 300);
        if (!check_next(needs, name, "widened %zux%zux%zu", m, n, k)) continue;
        const uint16_t *b = random_halves(t, k * n, false);
        float *wide = check_out_f32(k * n), *panels = check_out_f32(ig_gemm_packed(k, n));
        uint16_t *halves = check_bytes(packed_size(t, k, n) * sizeof *halves);
        for (size_t j = 0; j < k * n; j++) wide[j] = t->widen(b[j]);
        gemm_pack_f32_ref(panels, wide, k, n, n, 1, 0, ig_gemm_panels(n));
        t->pack(halves, b, k, n, n, 1, 0, ig_gemm_panels(n));
        float *want = check_out_f32(m * n), *got = check_out_f32(m * n);
        ig_gemm_f32_args g = {.c = want, .b = panels, .ldc = n, .lda = k, .n = n, .k = k};
        g.a = check_f32(m * k, -1, 1);
        gemm_f32_ref(&g, 0, m, 0, ig_gemm_panels(n));
        g.c = got;
        g.b = halves;
        fn(&g, 0, m, 0, ig_gemm_panels(n));
        check_same_f32(want, got, m * n);
    }
}

/* |want - got| <= K 2^-22 of the sum of the products' sizes, which the reference gives on operands
 * without signs. */
static void check_fast(gemm_bf16_fast_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < SHAPES; i++) {
        const size_t m = check_pick(1, 40), n = check_pick(1, 100);
        const size_t pairs = check_pick(1, i % 20 ? 90 : 700), cut = check_pick(0, m);
        if (!check_next(needs, name, "%zux%zux%zu cut%zu", m, n, 2 * pairs, cut)) continue;
        const size_t b_size = packed_size(&bf16, 2 * pairs, n), a_size = m * 2 * pairs;
        uint16_t *a = random_halves(&bf16, a_size, false);
        uint16_t *b = random_halves(&bf16, b_size, false);
        float *want = check_out_f32(m * n), *got = check_out_f32(m * n);
        float *size = check_out_f32(m * n);
        ig_gemm_f32_args g = {.c = want, .b = b, .ldc = n, .lda = pairs, .n = n, .k = pairs};
        g.a = (const float *)(const void *)a;
        gemm_bf16_fast_ref(&g, 0, m, 0, ig_gemm_panels(n));
        g.c = got;
        fn(&g, 0, cut, 0, ig_gemm_panels(n));
        fn(&g, cut, m, 0, ig_gemm_panels(n));
        for (size_t j = 0; j < a_size; j++) a[j] &= 0x7fff;
        for (size_t j = 0; j < b_size; j++) b[j] &= 0x7fff;
        g.c = size;
        gemm_bf16_fast_ref(&g, 0, m, 0, ig_gemm_panels(n));
        const float unit = 0x1p-21f * (float)pairs;
        for (size_t j = 0; j < m * n; j++)
            check_true(fabsf(want[j] - got[j]) <= unit * size[j], "[%zu] is %g, not %g", j,
                       (double)got[j], (double)want[j]);
    }
}

static void check_pack(const half_type *t, gemm_pack_f16_fn *fn, const char *name, uint32_t needs)
{
    for (size_t i = 0; i < SHAPES; i++) {
        const size_t k = check_pick(0, 70), n = check_pick(1, 70), kind = check_pick(0, 2);
        const size_t gap = check_pick(0, 3), cut = check_pick(0, ig_gemm_panels(n));
        const size_t ld_k = kind == 0 ? n + gap : kind == 1 ? 1 : 2 + gap;
        const size_t ld_n = kind == 0 ? 1 : kind == 1 ? k + gap : (2 + gap) * (k + 1);
        if (!check_next(needs, name, "%zux%zu strides %zu,%zu cut%zu", k, n, ld_k, ld_n, cut))
            continue;
        const uint16_t *src =
            check_bytes(2 * (k ? (k - 1) * ld_k + (n - 1) * ld_n + 1 : (size_t)0));
        const size_t bytes = 2 * packed_size(t, k, n);
        uint16_t *want = check_bytes(bytes), *got = check_bytes(bytes);
        t->pack(want, src, k, n, ld_k, ld_n, 0, ig_gemm_panels(n));
        fn(got, src, k, n, ld_k, ld_n, cut, ig_gemm_panels(n));
        fn(got, src, k, n, ld_k, ld_n, 0, cut);
        check_same(want, got, bytes);
    }
}

void check_gemm_half(void)
{
#define K(family, fn, needs)            \
    check_random(TYPE, fn, #fn, needs); \
    check_widened(TYPE, fn, #fn, needs);
#define TYPE &f16
#include "kernels/gemm/gemm_f16.kern"
#undef TYPE
#define TYPE &bf16
#include "kernels/gemm/gemm_bf16.kern"
#undef TYPE
#undef K
#define K(family, fn, needs) check_fast(fn, #fn, needs);
#include "kernels/gemm/gemm_bf16_fast.kern"
#undef K
#define K(family, fn, needs) check_pack(TYPE, fn, #fn, needs);
#define TYPE                 &f16
#include "kernels/gemm/gemm_pack_f16.kern"
#undef TYPE
#define TYPE &bf16
#include "kernels/gemm/gemm_pack_bf16.kern"
#undef TYPE
#undef K
}
