/* bench_elementwise.c - functions of one operand and of two, and 8-bit rounding: of a size that
 * stays in the L2 cache, and on what no cache holds. */
#include "bench/kernels/bench.h"
#include "kernels/binary/binary.h"
#include "kernels/compare/compare.h"
#include "kernels/convert/convert.h"
#include "kernels/quant/quant.h"
#include "kernels/unary/unary.h"
#include "runtime/ops/block.h"
#include "runtime/base/topology.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    float *y;
    const float *a, *b;
    uint8_t *bytes;
    unary_f32_fn *unary;
    binary_f32_fn *binary;
    bool past;
} job;

static void unary(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    (void)worker;
    if (j->past)
        ig_unary_past(j->unary, j->y + begin, j->a + begin, end - begin, 1, 2);
    else
        j->unary(j->y + begin, j->a + begin, end - begin, 1, 2);
}

static void binary(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    (void)worker;
    if (j->past)
        ig_binary_past(j->binary, j->y + begin, j->a + begin, 1, j->b + begin, 1, end - begin);
    else
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

static void compare(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    (void)worker;
    ig_compare_f32()(j->bytes + begin, j->a + begin, j->b + begin, end - begin, IG_LESS, false);
}

static void convert(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    (void)worker;
    ig_convert(INGOT_U8, INGOT_F32)(j->y + begin, j->bytes + begin, end - begin);
}

typedef struct {
    const char *name, *family;
    ig_task_fn *part;
    unary_f32_fn *unary;
    binary_f32_fn *binary;
    double each; /* bytes of one element: read and written */
} kind;

/* What --quick keeps. */
static bool is_common(const char *name)
{
    static const char *const common[] = {"unary_exp_f32",  "unary_gelu_erf_f32", "unary_silu_f32",
                                         "unary_relu_f32", "binary_add_f32",     "quantize_f32",
                                         "dequantize_f32"};
    size_t i = 0;
    while (i < IG_LEN(common) && strcmp(common[i], name) != 0) i++;
    return i < IG_LEN(common);
}

/* Functions bound by arithmetic: the op does not send their results past the caches. */
static bool computes(const char *name)
{
    static const char *const list[] = {"exp",      "log",  "tanh",     "sigmoid", "softplus",
                                       "elu",      "selu", "celu",     "silu",    "mish",
                                       "gelu_erf", "erf",  "gelu_tanh"};
    char full[64];
    for (size_t i = 0; i < IG_LEN(list); i++) {
        snprintf(full, sizeof full, "unary_%s_f32", list[i]);
        if (!strcmp(name, full)) return true;
    }
    return false;
}

static void time_kind(bench *b, const kind *k, size_t n)
{
    const bench_case c = {.name = k->name,
                          .family = k->family,
                          .unit = BENCH_BYTES,
                          .bytes = k->each * (double)n,
                          .copies = true};
    if (!bench_next(b, &c, "N=%zu", n)) return;
    job j = {.unary = k->unary, .binary = k->binary};
    j.past = !computes(k->name) && ig_past_caches(4.0 * (double)n);
    j.a = bench_f32(b, n, 0.5f, 6);
    j.b = k->binary || k->part == compare ? bench_f32(b, n, 1, 6) : NULL;
    j.y = bench_take(b, n * sizeof *j.y);
    j.bytes = bench_bytes(b, n);
    bench_add_parts(b, "ingot", k->part, &j, n, IG_GRAIN);
    bench_run(b);
}

void bench_elementwise(bench *b)
{
    const kind kinds[] = {
#define U(f) {"unary_" #f "_f32", #f "_f32", unary, ig_##f##_f32(), NULL, 8},
#include "kernels/unary/unary.def"
#undef U
#define B(f) {"binary_" #f "_f32", #f "_f32", binary, NULL, ig_##f##_f32(), 12},
#include "kernels/binary/binary.def"
#undef B
        {"compare_f32", "compare_f32", compare, NULL, NULL, 9},
        {"convert_u8_f32", "convert_u8_f32", convert, NULL, NULL, 5},
        {"quantize_f32", "quantize_f32", quantize, NULL, NULL, 5},
        {"dequantize_f32", "dequantize_f32", dequantize, NULL, NULL, 5},
    };
    for (size_t i = 0; i < IG_LEN(kinds); i++) {
        if (bench_quick(b) && !is_common(kinds[i].name)) continue;
        time_kind(b, &kinds[i], 2 * IG_GRAIN);
        time_kind(b, &kinds[i], bench_uncached(b) / 4);
    }
}
