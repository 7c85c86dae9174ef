/* product.c - see product.h. */
#include "runtime/ops/product.h"
#include "kernels/gemm/split.h"
#include "runtime/base/checked.h"

ig_product_kernels ig_product_choose(ig_calc calc)
{
    return (ig_product_kernels){.calc = calc,
                                .b = ig_calc_dtype(calc),
                                .f32 = ig_gemm_f32(),
                                .f64 = ig_gemm_f64(),
                                .pack_f32 = ig_gemm_pack_f32()};
}

ig_product_kernels ig_product_choose_b(ig_calc calc, ingot_dtype b)
{
    ig_product_kernels k = ig_product_choose(calc);
    if (calc != IG_CALC_F32 || (b != INGOT_F16 && b != INGOT_BF16)) return k;
    k.b = b;
    k.f32 = b == INGOT_F16 ? ig_gemm_f16() : ig_gemm_bf16();
    k.pack_half = b == INGOT_F16 ? ig_gemm_pack_f16() : ig_gemm_pack_bf16();
    return k;
}

bool ig_product_packed(size_t k, size_t n, size_t *elements)
{
    size_t wide;
    return ig_align_ok(n, (size_t)IG_PANEL, &wide) && ig_mul_ok(wide, k, elements);
}

/* ---- packing ---- */

static void pack_wide(void *panels, const void *src, size_t k, size_t n, size_t ld_k, size_t ld_n,
                      size_t p0, size_t p1)
{
    const uint64_t *from = src; /* doubles too: only moved */
    for (size_t p = p0; p < p1; p++) {
        uint64_t *to = (uint64_t *)panels + p * IG_PANEL * k;
        const size_t cols = IG_MIN(n - p * IG_PANEL, (size_t)IG_PANEL);
        for (size_t i = 0; i < k; i++, to += IG_PANEL) {
            for (size_t j = 0; j < cols; j++) to[j] = from[i * ld_k + (p * IG_PANEL + j) * ld_n];
            for (size_t j = cols; j < IG_PANEL; j++) to[j] = 0;
        }
    }
}

void ig_product_pack(const ig_product_kernels *kernels, void *panels, const void *src, size_t k,
                     size_t n, size_t ld_k, size_t ld_n, size_t p0, size_t p1)
{
    if (ig_product_half(kernels))
        kernels->pack_half(panels, src, k, n, ld_k, ld_n, p0, p1);
    else if (kernels->calc == IG_CALC_F32)
        kernels->pack_f32(panels, src, k, n, ld_k, ld_n, p0, p1);
    else
        pack_wide(panels, src, k, n, ld_k, ld_n, p0, p1);
}

typedef struct {
    const ig_product_kernels *kernels;
    size_t k, n, ld_k, ld_n, panels;
    ig_pack_at_fn *at;
    const void *arg;
} pack_job;

static void pack_range(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const pack_job *j = arg;
    while (begin < end) {
        const size_t p0 = begin % j->panels, p1 = IG_MIN(j->panels, p0 + (end - begin));
        const ig_pack_pair pair = j->at(j->arg, begin / j->panels);
        ig_product_pack(j->kernels, pair.panels, pair.src, j->k, j->n, j->ld_k, j->ld_n, p0, p1);
        begin += p1 - p0;
    }
}

void ig_product_pack_all(const ig_product_kernels *kernels, ig_pool *pool, size_t k, size_t n,
                         size_t ld_k, size_t ld_n, size_t batch, ig_pack_at_fn *at, const void *arg)
{
    pack_job j = {kernels, k, n, ld_k, ld_n, ig_gemm_panels(n), at, arg};
    ig_parallel(pool, batch * j.panels, IG_GRAIN / (k * IG_PANEL + 1) + 1, 0, pack_range, &j);
}

/* ---- products ---- */

static void integers(const ig_product *p, size_t m0, size_t m1, size_t p0, size_t p1)
{
    for (size_t i = p0; i < p1; i++) {
        const uint64_t *b = (const uint64_t *)p->b + i * IG_PANEL * p->k;
        const size_t cols = IG_MIN(p->n - i * IG_PANEL, (size_t)IG_PANEL);
        for (size_t m = m0; m < m1; m++) {
            const uint64_t *a = (const uint64_t *)p->a + m * p->lda;
            uint64_t sum[IG_PANEL] = {0};
            for (size_t k = 0; k < p->k; k++)
                for (size_t j = 0; j < IG_PANEL; j++) sum[j] += a[k] * b[k * IG_PANEL + j];
            uint64_t *c = (uint64_t *)p->c + m * p->ldc + i * IG_PANEL;
            for (size_t j = 0; j < cols; j++) c[j] = sum[j];
        }
    }
}

static void part_f32(const ig_product_kernels *k, const ig_product *p, size_t m0, size_t m1,
                     size_t p0, size_t p1)
{
    ig_gemm_f32_args g = {
        .c = p->c, .a = p->a, .b = p->b, .ldc = p->ldc, .lda = p->lda, .n = p->n, .k = p->k};
    ig_epilogue e = {.bias = p->bias, .residual = p->residual, .ld_residual = p->ld_residual};
    ig_act_set(&e, p->act, p->act_a, p->act_b);
    if (p->scale == 1) g.epilogue = e;
    if (k->pairs) {
        g.k /= 2;
        g.lda /= 2;
        k->pairs(&g, m0, m1, p0, p1);
    } else {
        k->f32(&g, m0, m1, p0, p1);
    }
    if (p->scale == 1) return;
    const size_t from = p0 * IG_PANEL, to = IG_MIN(p1 * IG_PANEL, p->n);
    if (e.bias) e.bias += from;
    if (e.residual) e.residual += m0 * p->ld_residual + from;
    ig_act_rows((float *)p->c + m0 * p->ldc + from, m1 - m0, to - from, p->ldc, (float)p->scale,
                &e);
}

static void part_f64(const ig_product_kernels *k, const ig_product *p, size_t m0, size_t m1,
                     size_t p0, size_t p1)
{
    const ig_gemm_f64_args g = {
        .c = p->c, .a = p->a, .b = p->b, .ldc = p->ldc, .lda = p->lda, .n = p->n, .k = p->k};
    ig_epilogue_f64 e = {p->bias, p->residual, p->ld_residual, p->act, p->act_a, p->act_b};
    k->f64(&g, m0, m1, p0, p1);
    if (p->scale == 1 && !e.bias && !e.residual && !e.act) return;
    const size_t from = p0 * IG_PANEL, to = IG_MIN(p1 * IG_PANEL, p->n);
    if (e.bias) e.bias += from;
    if (e.residual) e.residual += m0 * p->ld_residual + from;
    ig_act_rows_f64((double *)p->c + m0 * p->ldc + from, m1 - m0, to - from, p->ldc, p->scale, &e);
}

void ig_product_part(const ig_product_kernels *k, const ig_product *p, size_t m0, size_t m1,
                     size_t p0, size_t p1)
{
    if (m0 >= m1 || p0 >= p1) return;
    if (k->calc == IG_CALC_F32)
        part_f32(k, p, m0, m1, p0, p1);
    else if (k->calc == IG_CALC_F64)
        part_f64(k, p, m0, m1, p0, p1);
    else
        integers(p, m0, m1, p0, p1);
}

typedef struct {
    const ig_product_kernels *kernels;
    const ig_product *all;
    ig_product_at_fn *at;
    const void *arg;
    ig_split split;
} product_job;

/* Items are the tasks of one product after the other. */
static void product_range(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const product_job *j = arg;
    const size_t each = ig_split_tasks(&j->split);
    while (begin < end) {
        const size_t i = begin / each, stop = IG_MIN(end, (i + 1) * each);
        ig_product p = *j->all;
        if (j->at) j->at(j->arg, i, &p);
        for (size_t task = begin; task < stop;) {
            ig_split_part t;
            task = i * each + ig_split_take(&j->split, task - i * each, stop - i * each, &t);
            ig_product_part(j->kernels, &p, t.m0, t.m1, t.p0, t.p1);
        }
        begin = stop;
    }
}

void ig_product_run(const ig_product_kernels *k, ig_pool *pool, const ig_product *p, size_t batch,
                    ig_product_at_fn *at, const void *arg)
{
    if (!batch) return;
    const size_t panels = ig_gemm_panels(p->n);
    product_job j = {k, p, at, arg, ig_split_of(p->m, panels, p->k, ig_pool_threads(pool), batch)};
    const double task = (double)p->k * (double)j.split.rows * (double)j.split.panels * IG_PANEL;
    const size_t grain = task >= IG_SPLIT_WORTH ? 1 : (size_t)(IG_SPLIT_WORTH / (task + 1)) + 1;
    ig_parallel(pool, batch * ig_split_tasks(&j.split), grain, 0, product_range, &j);
}
