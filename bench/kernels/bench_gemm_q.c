/* bench_gemm_q.c - products with weights of 4 and 8 bits at the shapes of language models, x
 * rounded to 8 bits within the time; "_f32": x as it is. */
#include "bench/kernels/bench.h"
#include "runtime/ops/q_product.h"

#include <string.h>

typedef struct {
    ig_q_kernels kernels;
    ig_gemm_q_args g;
    ig_q_act *acts;
    const float *x;
    float *scratch;
} job;

static void run_f32(void *arg, ig_pool *pool)
{
    const job *j = arg;
    const ig_gemm_q_f32_args g = {.c = j->g.c,
                                  .a = j->x,
                                  .ldc = j->g.n,
                                  .lda = j->g.k,
                                  .panels = j->g.panels,
                                  .format = j->g.format,
                                  .n = j->g.n,
                                  .k = j->g.k,
                                  .scratch = j->scratch};
    ig_q_product_f32(&j->kernels, pool, &g, j->g.m);
}

static void run(void *arg, ig_pool *pool)
{
    const job *j = arg;
    ig_q_product(&j->kernels, pool, &j->g, j->acts, j->x, j->g.k);
}

/* Random bytes are weights, but as scales they would be NaN: those become bytes of 0x24, which is
 * 2^-6 and a little as f16, tiny as f32 and 36 as int8. */
static uint8_t *random_panels(bench *b, const ig_q_format *f, size_t n, size_t k)
{
    ig_q_layout l;
    if (!ig_q_layout_of(&l, f, k)) return NULL;
    uint8_t *panels = bench_bytes(b, l.panel_bytes * ig_q_panels(n));
    const size_t head = l.block_bytes - l.per_block * l.quant_bytes;
    for (size_t p = 0; p < ig_q_panels(n); p++)
        for (size_t g = 0; g < l.groups; g += l.per_block)
            memset(panels + p * l.panel_bytes + g / l.per_block * l.block_bytes, 0x24, head);
    return panels;
}

/* f32: with x as it is. */
static void time_one(bench *b, const char *name, const char *format, size_t m, size_t n, size_t k,
                     bool f32)
{
    const ig_q_format *f = ig_q_format_named(format);
    size_t bytes, acts, scratch;
    if (!f || !ig_q_bytes(f, n, k, &bytes) || !ig_q_acts_bytes(m, k, &acts) ||
        !ig_q_product_scratch(m, k, bench_threads(b), &scratch))
        return;
    const bench_case c = {.name = name,
                          .family = f32 ? "gemm_q_f32" : "gemm_q",
                          .compute = f32            ? BENCH_FMA_F32
                                     : f->bits == 4 ? BENCH_MAC_I4
                                                    : BENCH_MAC_I8,
                          .unit = m == 1 ? BENCH_BYTES : BENCH_NEAREST,
                          .flop = 2 * (double)m * (double)n * (double)k,
                          .bytes = (double)bytes + 4 * (double)m * (double)(n + k)};
    if (!bench_next(b, &c, "M=%zu,N=%zu,K=%zu,%s", m, n, k, format)) return;
    job j = {.kernels = ig_q_choose(),
             .g = {.ldc = n, .format = f, .m = m, .n = n, .k = k},
             .acts = bench_take(b, acts),
             .x = bench_f32(b, m * k, -1, 1)};
    j.g.panels = random_panels(b, f, n, k);
    j.g.c = bench_f32(b, m * n, 0, 0);
    j.scratch = f32 && scratch ? bench_take(b, scratch) : NULL;
    bench_add(b, "ingot", f32 ? run_f32 : run, &j);
    bench_run(b);
}

/* The layers of 7-8 B models, a vocabulary, and one of 1 B. */
static const struct {
    size_t n, k;
    bool detail;
} layers[] = {
    {4096, 4096, false},  {11008, 4096, true}, {14336, 4096, false},
    {4096, 11008, false}, {32000, 4096, true}, {2048, 2048, true},
};

static void time_product(bench *b, size_t m, size_t n, size_t k, bool detail)
{
    time_one(b, "gemm_i4", "i4g32", m, n, k, false);
    time_one(b, "gemm_i8w", "i8g32", m, n, k, false);
    if (!detail) return;
    time_one(b, "gemm_i4", "i4g32z", m, n, k, false);
    time_one(b, "gemm_i4", "i4g128", m, n, k, false);
    time_one(b, "gemm_i4", "i4g32ms", m, n, k, false);
    time_one(b, "gemm_i8w", "i8g16s", m, n, k, false);
    time_one(b, "gemm_i4_f32", "i4g32", m, n, k, true);
    time_one(b, "gemm_i8w_f32", "i8c", m, n, k, true);
    time_one(b, "gemm_f8w_f32", "f8g128", m, n, k, true);
}

void bench_gemm_q(bench *b);
void bench_gemm_q(bench *b)
{
    static const size_t rows[] = {2, 4, 8, 16, 64, 256};
    size_t one[3];
    if (bench_product(b, one)) {
        time_product(b, one[0], one[1], one[2], true);
        return;
    }
    for (size_t i = 0; i < IG_LEN(layers); i++) {
        if (layers[i].detail && bench_quick(b)) continue;
        for (size_t r = 0; r < IG_LEN(rows); r++)
            if (!bench_quick(b) || rows[r] == 4 || rows[r] == 64)
                time_product(b, rows[r], layers[i].n, layers[i].k, !i && !bench_quick(b));
    }
    /* Decoding: as many rows of weights as no cache holds. */
    const size_t bytes = bench_uncached(b);
    static const size_t deep[] = {4096, 11008};
    for (size_t i = 0; i < IG_LEN(deep); i++) {
        const size_t k = deep[i];
        time_one(b, "gemv_i4", "i4g32", 1, bytes * 2 / k / 16 * 16, k, false);
        time_one(b, "gemv_i4", "i4g128", 1, bytes * 2 / k / 16 * 16, k, false);
        time_one(b, "gemv_i4", "i4g32ms", 1, bytes * 2 / k / 16 * 16, k, false);
        time_one(b, "gemv_i8", "i8g32", 1, bytes / k / 16 * 16, k, false);
        time_one(b, "gemv_i8", "i8g16s", 1, bytes / k / 16 * 16, k, false);
        time_one(b, "gemv_f8", "f8g128", 1, bytes / k / 16 * 16, k, true);
    }
}
