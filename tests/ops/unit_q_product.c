/* unit_q_product.c - products with low-bit weights on the pool: threads, batches and experts change
 * no bit, and rounding x costs as little accuracy as its 8 bits allow. */
#include "runtime/ops/q_product.h"
#include "runtime/base/checked.h"
#include "tests/check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 72, K = 160, M = 150, EXPERTS = 3 };

static float x[M * K], w[EXPERTS][N * K];
static uint8_t panels[EXPERTS][1 << 16];
static ig_q_act acts[M * 8];

static void fill(float *v, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        v[i] = (float)(seed >> 8) * 0x1p-23f - 1;
    }
}

static void pack(uint8_t *to, const ig_q_format *f, const float *from)
{
    static uint8_t q[N * K];
    static int8_t subs[N * K / 16];
    float scale[N * K / 16], zero[N * K / 16];
    const size_t group = f->group ? f->group : K, groups = (K + group - 1) / group;
    for (size_t n = 0; n < N; n++)
        for (size_t g = 0; g < groups; g++)
            ig_q_quantise(q + n * K + g * group, scale + n * groups + g, zero + n * groups + g, f,
                          from + n * K + g * group, IG_MIN(group, K - g * group), 1);
    for (size_t i = 0; i < IG_LEN(subs); i++) subs[i] = (int8_t)(i * 37 % 64);
    const ig_q_source source = {.q = q,
                                .q_n = K,
                                .q_k = 1,
                                .scale = scale,
                                .scale_n = groups,
                                .scale_g = 1,
                                .offset = zero,
                                .offset_n = groups,
                                .offset_g = 1,
                                .s = subs,
                                .t = subs,
                                .sub_n = groups,
                                .sub_g = 1};
    size_t bytes;
    assert_true(ig_q_bytes(f, N, K, &bytes) && bytes <= sizeof panels[0]);
    ig_q_pack(to, f, &source, N, K, 0, ig_q_panels(N));
}

/* x rounded to e4m3 as well. */
static void multiply_f8(const ig_q_kernels *kernels, float *c, ig_pool *pool, const ig_q_format *f,
                        const uint8_t *b, const float *rows, size_t m)
{
    static float rounded[M * K];
    size_t bytes;
    assert_true(ig_q_product_scratch(m, K, pool ? ig_pool_threads(pool) : 1, &bytes));
    float *scratch = malloc(bytes + 1);
    const ig_gemm_q_f32_args g = {.c = c,
                                  .a = rounded,
                                  .ldc = N,
                                  .lda = K,
                                  .panels = b,
                                  .format = f,
                                  .n = N,
                                  .k = K,
                                  .scratch = m > IG_Q_DIRECT ? scratch : NULL};
    ig_q_round_f8(pool, rounded, rows, m, K, K, f);
    ig_q_product_f32(kernels, pool, &g, m);
    free(scratch);
}

static void multiply(float *c, ig_pool *pool, const ig_q_format *f, const uint8_t *b,
                     const float *rows, size_t m)
{
    const ig_q_kernels kernels = ig_q_choose();
    const ig_gemm_q_args g = {.c = c, .ldc = N, .panels = b, .format = f, .m = m, .n = N, .k = K};
    if (f->offset == IG_Q_E4M3) {
        multiply_f8(&kernels, c, pool, f, b, rows, m);
        return;
    }
    ig_q_product(&kernels, pool, &g, acts, rows, K);
}

static int open_all(void **state)
{
    ingot_error err;
    static ig_heap heap;
    ig_heap_init(&heap, NULL);
    const ig_pool_options o = {.n_threads = 3};
    ig_pool *pool;
    check_ok(ig_pool_open(&pool, &heap, &o, &err));
    *state = pool;
    fill(x, M * K, 1);
    for (unsigned e = 0; e < EXPERTS; e++) fill(w[e], N * K, e + 2);
    return 0;
}

static int close_all(void **state)
{
    ig_pool *pool = *state;
    ig_pool_close(&pool);
    return 0;
}

static void threads_and_neighbours_change_nothing(void **state)
{
    static float one[M * N], many[M * N], row[N];
    size_t n;
    const ig_q_format *all = ig_q_formats(&n);
    for (size_t i = 0; i < n; i++) {
        pack(panels[0], &all[i], w[0]);
        multiply(one, NULL, &all[i], panels[0], x, M);
        multiply(many, *state, &all[i], panels[0], x, M);
        assert_memory_equal(one, many, sizeof one);
        for (size_t m = 0; m < M; m += 37) {
            multiply(row, *state, &all[i], panels[0], x + m * K, 1);
            assert_memory_equal(row, one + m * N, sizeof row);
        }
    }
}

/* Rounding errors are independent: about step / sqrt(12) a value, of weights and of x. */
static void rounding_costs_what_the_bits_say(void **state)
{
    static float c[M * N];
    size_t n;
    const ig_q_format *all = ig_q_formats(&n);
    for (size_t i = 0; i < n; i++) {
        if (all[i].scale_bytes == IG_Q_TWO_LEVELS)
            continue; /* pack() makes no scales of w for it */
        pack(panels[0], &all[i], w[0]);
        multiply(c, *state, &all[i], panels[0], x, M);
        double off = 0, size = 0;
        for (size_t m = 0; m < M; m++)
            for (size_t r = 0; r < N; r++) {
                double want = 0;
                for (size_t k = 0; k < K; k++) want += (double)x[m * K + k] * w[0][r * K + k];
                off += (want - c[m * N + r]) * (want - c[m * N + r]);
                size += want * want;
            }
        const double error = sqrt(off / size), f8 = all[i].offset == IG_Q_E4M3 ? 0.05 : 0,
                     may = f8 > 0             ? f8
                           : all[i].bits == 4 ? 0.09
                                              : 0.009;
        if (!(error < may)) fail_msg("%s: relative error %g", all[i].name, error);
    }
}

static void experts_are_products_of_their_own(void **state)
{
    static float c[M * N], alone[M * N], gathered[M * K];
    static const size_t cuts[] = {0, 5, 5, 83, M};
    const ig_q_format *f = ig_q_format_named("i4g32z");
    const ig_q_kernels kernels = ig_q_choose();
    ig_q_expert experts[4];
    int32_t order[M];
    for (size_t e = 0; e < EXPERTS; e++) pack(panels[e], f, w[e]);
    for (size_t e = 0; e < 4; e++)
        experts[e] = (ig_q_expert){panels[e % EXPERTS], cuts[e], cuts[e + 1], NULL};
    for (size_t i = 0; i < M; i++) order[i] = (int32_t)(i * 7 % M);
    for (size_t i = 0; i < M; i++)
        memcpy(gathered + i * K, x + (size_t)order[i] * K, K * sizeof *x);
    const ig_gemm_q_args g = {.c = c, .ldc = N, .format = f, .m = M, .n = N, .k = K};
    ig_q_grouped(&kernels, *state, &g, acts, x, K, order, experts, 4);
    for (size_t e = 0; e < 4; e++) {
        const size_t first = cuts[e], rows = cuts[e + 1] - first;
        multiply(alone, NULL, f, experts[e].panels, gathered + first * K, rows);
        assert_memory_equal(alone, c + first * N, rows * N * sizeof *c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_and_neighbours_change_nothing),
        cmocka_unit_test(rounding_costs_what_the_bits_say),
        cmocka_unit_test(experts_are_products_of_their_own),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
