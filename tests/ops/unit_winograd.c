/* Winograd's convolutions as the op runs them: near the exact ones, the same bits on any number of
 * threads, and only for layers they suit. */
#include "tests/check.h"
#include "runtime/ops/conv_winograd.h"
#include "runtime/base/checked.h"
#include "runtime/base/pool.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static ig_conv_f32_args layer(size_t in_c, size_t out_c, size_t h, size_t w)
{
    return (ig_conv_f32_args){.batch = 2,
                              .in_h = h,
                              .in_w = w,
                              .in_c = in_c,
                              .out_h = h,
                              .out_w = w,
                              .out_c = out_c,
                              .kh = 3,
                              .kw = 3,
                              .stride_h = 1,
                              .stride_w = 1,
                              .dilation_h = 1,
                              .dilation_w = 1,
                              .pad_top = 1,
                              .pad_left = 1,
                              .groups = 1};
}

static float *room(size_t n)
{
    float *p = calloc(n + 16, sizeof *p);
    assert_non_null(p);
    return p;
}

static float *noise(size_t n)
{
    static unsigned seed = 7;
    float *p = room(n);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (float)(seed >> 8) * 0x1p-23f - 1;
    }
    return p;
}

static void run_on(ig_conv_winograd *s, ig_pool *pool, ig_conv_f32_args *a, float *y)
{
    const float *weights = s->weights;
    assert_true(ig_conv_winograd_plan(s, a, ig_pool_threads(pool)));
    s->weights = weights;
    float *scratch = room(ig_pool_threads(pool) * s->scratch);
    a->y = y;
    ig_conv_winograd_run(s, pool, scratch, a);
    free(scratch);
}

/* Random operands in [-1, 1]: the exact sum of 576 products is about 14 and errs by less than 1e-4
 * there; Winograd's bound allows 5e-3, what is seen is below 1e-4. */
static void near_the_exact_one_on_any_threads(void **state)
{
    (void)state;
    ig_conv_f32_args a = layer(64, 70, 21, 18);
    const size_t n = a.batch * a.out_h * a.out_w * a.out_c, k = 9 * a.in_c;
    float *w = noise(k * a.out_c), *x = noise(a.batch * a.in_h * a.in_w * a.in_c);
    float *packed = room(ig_gemm_packed(k, a.out_c)), *bias = noise(a.out_c);
    float *u = room(IG_WINOGRAD_POINTS * ig_gemm_packed(a.in_c, a.out_c));
    float *want = room(n), *one = room(n), *three = room(n);
    ig_gemm_pack_f32()(packed, w, k, a.out_c, a.out_c, 1, 0, ig_gemm_panels(a.out_c));
    ig_winograd_weights(u, packed, true, a.in_c, a.out_c);
    a.x = x, a.w = packed, a.y = want;
    a.epilogue = (ig_epilogue){.bias = bias, .act = IG_ACT_RELU};
    conv_f32_ref(&a, NULL, 0, n / a.out_c, 0, ig_gemm_panels(a.out_c));
    ig_conv_winograd s = {.weights = u};
    ig_heap heap;
    ig_pool *pool;
    ingot_error err;
    ig_heap_init(&heap, NULL);
    const ig_pool_options options = {.n_threads = 3};
    assert_int_equal(ig_pool_open(&pool, &heap, &options, &err), INGOT_OK);
    run_on(&s, NULL, &a, one);
    run_on(&s, pool, &a, three);
    ig_pool_close(&pool);
    assert_memory_equal(one, three, n * sizeof *one);
    for (size_t i = 0; i < n; i++)
        if (!(fabsf(want[i] - one[i]) <= 5e-4f))
            fail_msg("element %zu is %.9g, not %.9g", i, (double)one[i], (double)want[i]);
    float *all[] = {w, x, packed, bias, u, want, one, three};
    for (size_t i = 0; i < IG_LEN(all); i++) free(all[i]);
}

static void only_layers_that_it_suits(void **state)
{
    (void)state;
    const ig_conv_f32_args good = layer(64, 64, 14, 14);
    assert_true(ig_conv_winograd_fits(&good));
    ig_conv_f32_args bad[] = {good, good, good, good, good, good, good};
    bad[0].in_c = 63;
    bad[1].out_c = 63;
    bad[2].out_h = 13;
    bad[3].stride_w = 2;
    bad[4].dilation_h = 2;
    bad[5].kw = 5;
    bad[6].groups = 2;
    for (size_t i = 0; i < IG_LEN(bad); i++)
        if (ig_conv_winograd_fits(&bad[i])) fail_msg("layer %zu is taken", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(near_the_exact_one_on_any_threads),
        cmocka_unit_test(only_layers_that_it_suits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
