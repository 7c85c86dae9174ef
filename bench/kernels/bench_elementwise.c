/* bench_elementwise.c - functions of one operand and of two, and 8-bit rounding: of a size that
 * stays in the L2 cache, and on what no cache holds. */
#include "bench/kernels/bench.h"
#include "kernels/binary/binary.h"
#include "kernels/quant/quant.h"
#include "kernels/unary/unary.h"
#include "runtime/ops/block.h"

typedef struct {
    float *y;
    const float *a, *b;
    uint8_t *bytes;
    unary_f32_fn *unary;
    binary_f32_fn *binary;
} job;

static void unary(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    (void)worker;
    j->unary(j->y + begin, j->a + begin, end - begin, 1, 2);
}

static void binary(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    (void)worker;
    j->binary(j->y + begin, j->a + begin, j->b + begin, end - begin);
}

static void quantize(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    (void)worker;
    ig_quantize_f32()(j->bytes + begin, j->a + begin, end - begin, 0.03f, 120, false);
}

static void dequantize(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    (void)worker;
    ig_dequantize_f32()(j->y + begin, j->bytes + begin, end - begin, 0.03f, 120, false);
}

typedef struct {
    const char *name, *family;
    ig_task_fn *part;
    unary_f32_fn *unary;
    binary_f32_fn *binary;
    double each; /* bytes of one element: read and written */
    bool detail; /* left out by --quick */
} kind;

static void time_kind(bench *b, const kind *k, size_t n)
{
    const bench_case c = {.name = k->name,
                          .family = k->family,
                          .unit = BENCH_BYTES,
                          .bytes = k->each * (double)n,
                          .copies = true};
    if (!bench_next(b, &c, "N=%zu", n)) return;
    job j = {.unary = k->unary, .binary = k->binary};
    j.a = bench_f32(b, n, 0.5f, 6);
    j.b = k->binary ? bench_f32(b, n, 1, 6) : NULL;
    j.y = bench_take(b, n * sizeof *j.y);
    j.bytes = bench_bytes(b, n);
    bench_add_parts(b, "ingot", k->part, &j, n, IG_GRAIN);
    bench_run(b);
}

void bench_elementwise(bench *b)
{
    const kind kinds[] = {
        {"unary_exp_f32", "exp_f32", unary, ig_exp_f32(), NULL, 8, false},
        {"unary_gelu_erf_f32", "gelu_erf_f32", unary, ig_gelu_erf_f32(), NULL, 8, false},
        {"unary_silu_f32", "silu_f32", unary, ig_silu_f32(), NULL, 8, false},
        {"unary_tanh_f32", "tanh_f32", unary, ig_tanh_f32(), NULL, 8, true},
        {"unary_sigmoid_f32", "sigmoid_f32", unary, ig_sigmoid_f32(), NULL, 8, true},
        {"unary_erf_f32", "erf_f32", unary, ig_erf_f32(), NULL, 8, true},
        {"unary_log_f32", "log_f32", unary, ig_log_f32(), NULL, 8, true},
        {"unary_relu_f32", "relu_f32", unary, ig_relu_f32(), NULL, 8, false},
        {"binary_add_f32", "add_f32", binary, NULL, ig_add_f32(), 12, false},
        {"binary_mul_f32", "mul_f32", binary, NULL, ig_mul_f32(), 12, true},
        {"binary_div_f32", "div_f32", binary, NULL, ig_div_f32(), 12, true},
        {"quantize_f32", "quantize_f32", quantize, NULL, NULL, 5, false},
        {"dequantize_f32", "dequantize_f32", dequantize, NULL, NULL, 5, false},
    };
    for (size_t i = 0; i < IG_LEN(kinds); i++) {
        if (bench_quick(b) && kinds[i].detail) continue;
        time_kind(b, &kinds[i], 2 * IG_GRAIN);
        time_kind(b, &kinds[i], bench_uncached(b) / 4);
    }
}
