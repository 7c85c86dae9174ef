/* bench_convert.c - floats of 16 bits to and from f32, the range of values, weights into panels. */
#include "bench/kernels/bench.h"
#include "kernels/gemm/gemm.h"
#include "kernels/half/half.h"
#include "kernels/quant/quant.h"
#include "runtime/ops/block.h"

typedef struct {
    float *wide;
    uint16_t *half;
    widen_f16_fn *widen;
    narrow_f16_fn *narrow;
} job;

static void widen(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    (void)worker;
    j->widen(j->wide + begin, j->half + begin, end - begin);
}

static void narrow(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    (void)worker;
    j->narrow(j->half + begin, j->wide + begin, end - begin);
}

static void range(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    float low, high;
    (void)worker;
    ig_range_f32()(&low, &high, j->wide + begin, end - begin);
}

typedef struct {
    const char *name;
    ig_task_fn *part;
    widen_f16_fn *widen;
    narrow_f16_fn *narrow;
    double each; /* bytes of an element */
} kind;

static void time_kind(bench *b, const kind *k, size_t n)
{
    const bench_case c = {.name = k->name,
                          .family = k->name,
                          .unit = BENCH_BYTES,
                          .bytes = k->each * (double)n,
                          .copies = k->each > 4};
    if (!bench_next(b, &c, "N=%zu", n)) return;
    job j = {bench_f32(b, n, -2, 2), bench_bf16(b, n), k->widen, k->narrow};
    bench_add_parts(b, "ingot", k->part, &j, n, IG_GRAIN);
    bench_run(b);
}

typedef struct {
    float *panels;
    const float *src;
    size_t k, n;
} pack_job;

static void pack(void *arg, size_t begin, size_t end, size_t worker)
{
    const pack_job *j = arg;
    (void)worker;
    ig_gemm_pack_f32()(j->panels, j->src, j->k, j->n, 1, j->k, begin, end); /* transposed */
}

static void time_pack(bench *b, size_t n, size_t k)
{
    const bench_case c = {.name = "gemm_pack_f32",
                          .family = "gemm_pack_f32",
                          .unit = BENCH_BYTES,
                          .bytes = 8 * (double)n * (double)k,
                          .copies = true};
    if (!bench_next(b, &c, "N=%zu,K=%zu", n, k)) return;
    pack_job j = {bench_take(b, ig_gemm_packed(k, n) * sizeof(float)), bench_f32(b, n * k, -1, 1),
                  k, n};
    bench_add_parts(b, "ingot", pack, &j, ig_gemm_panels(n), IG_GRAIN / (IG_PANEL * k) + 1);
    bench_run(b);
}

void bench_convert(bench *b)
{
    const kind kinds[] = {
        {"widen_f16", widen, ig_widen_f16(), NULL, 6},
        {"narrow_f16", narrow, NULL, ig_narrow_f16(), 6},
        {"widen_bf16", widen, ig_widen_bf16(), NULL, 6},
        {"narrow_bf16", narrow, NULL, ig_narrow_bf16(), 6},
        {"range_f32", range, NULL, NULL, 4},
    };
    for (size_t i = 0; i < IG_LEN(kinds); i++) {
        time_kind(b, &kinds[i], 2 * IG_GRAIN);
        if (!bench_quick(b)) time_kind(b, &kinds[i], bench_uncached(b) / 4);
    }
    time_pack(b, 768, 768);
    if (!bench_quick(b)) time_pack(b, 4096, 4096);
}
