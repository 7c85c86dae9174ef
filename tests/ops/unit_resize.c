/* unit_resize.c - Resize against the answers of ONNX's reference, and against itself: other types,
 * other layouts, threads. */
#include "tests/ops/call.h"
#include "runtime/base/half.h"

#include <math.h>

typedef struct {
    const char *mode, *nearest, *coordinates;
    int64_t antialias, exclude_outside;
    double cubic_a;
    int64_t h, w;
    double y[35];
} golden;

#include "tests/ops/golden_resize.h"

static const float pixels[12] = {3, -1, 4, 1, -5, 9, 2, -6, 5, 3, -5, 8};
static const float roi[8] = {0, 0, 0.1f, -0.1f, 1, 1, 0.8f, 1.2f};

static ig_node *node_of(caller *c, const golden *g)
{
    ig_node *node = caller_node(c, "resize", 4, 1);
    caller_text(c, node, "mode", g->mode);
    caller_text(c, node, "nearest_mode", g->nearest);
    caller_text(c, node, "coordinate_transformation_mode", g->coordinates);
    caller_int(c, node, "antialias", g->antialias);
    caller_int(c, node, "exclude_outside", g->exclude_outside);
    caller_set(c, node, "cubic_coeff_a", (ig_attr_value){.kind = IG_ATTR_FLOAT, .f = g->cubic_a});
    caller_set(c, node, "extrapolation_value", (ig_attr_value){.kind = IG_ATTR_FLOAT, .f = 10});
    return node;
}

static void resize(caller *c, const golden *g, const ig_tensor *x, const int64_t sizes[4],
                   ig_tensor *out)
{
    const ig_tensor *in[4] = {x, caller_tensor(c, INGOT_F32, 1, (int64_t[]){8}, roi), NULL,
                              caller_ints(c, 4, sizes)};
    if (call(c, node_of(c, g), in, out)) fail_msg("%s", c->err.text);
}

/* The reference computes the weights of antialiased cubics in f32: about 2e-5 at values up to 10.
 */
static void check_golden(const golden *g, const ig_tensor *out, double tolerance, size_t i)
{
    for (size_t k = 0; k < (size_t)(g->h * g->w); k++) {
        const double got = ig_to_double(out->data, out->dtype, k), want = g->y[k];
        if (!(fabs(got - want) <= tolerance * (10 + fabs(want))))
            fail_msg("case %zu (%s, %s): element %zu is %g, not %g", i, g->mode, g->coordinates, k,
                     got, want);
    }
}

static void goldens_f32(void **state)
{
    (void)state;
    for (size_t i = 0; i < IG_LEN(goldens); i++) {
        const golden *g = &goldens[i];
        caller c;
        caller_open(&c);
        ig_tensor out;
        resize(&c, g, caller_tensor(&c, INGOT_F32, 4, (int64_t[]){1, 1, 3, 4}, pixels),
               (int64_t[]){1, 1, g->h, g->w}, &out);
        check_golden(g, &out, 5e-6, i);
        caller_close(&c);
    }
}

/* f64 takes its own kernels, f16 the conversion and one pass an axis. */
static void goldens_other_types(void **state)
{
    (void)state;
    for (size_t i = 0; i < IG_LEN(goldens); i++) {
        const golden *g = &goldens[i];
        double wide[12];
        uint16_t half[12];
        for (int k = 0; k < 12; k++) {
            wide[k] = (double)pixels[k];
            half[k] = ig_f32_to_f16(pixels[k]);
        }
        caller c;
        caller_open(&c);
        ig_tensor out;
        const int64_t dims[4] = {1, 1, 3, 4}, sizes[4] = {1, 1, g->h, g->w};
        resize(&c, g, caller_tensor(&c, INGOT_F64, 4, dims, wide), sizes, &out);
        check_golden(g, &out, 5e-6, i);
        resize(&c, g, caller_tensor(&c, INGOT_F16, 4, dims, half), sizes, &out);
        check_golden(g, &out, 0x1p-11, i); /* one rounding to f16 */
        caller_close(&c);
    }
}

/* A batch of planes on threads has the bits of each plane alone. */
static void threads_and_batch(void **state)
{
    (void)state;
    enum { PLANES = 64, H = 33, W = 47 };
    float *x = malloc(PLANES * H * W * sizeof *x);
    assert_non_null(x);
    for (int i = 0; i < PLANES * H * W; i++) x[i] = sinf((float)i);
    for (size_t i = 0; i < IG_LEN(goldens); i += 2) {
        if (!strcmp(goldens[i].coordinates, "tf_crop_and_resize")) continue;
        caller c;
        caller_open(&c);
        ig_tensor all, one;
        const ig_pool_options options = {.n_threads = 3};
        resize(&c, &goldens[i],
               caller_tensor(&c, INGOT_F32, 4, (int64_t[]){1, 1, H, W}, x + 5 * H * W),
               (int64_t[]){1, 1, 60, 50}, &one);
        assert_int_equal(ig_pool_open(&c.pool, &c.heap, &options, &c.err), INGOT_OK);
        resize(&c, &goldens[i], caller_tensor(&c, INGOT_F32, 4, (int64_t[]){1, PLANES, H, W}, x),
               (int64_t[]){1, PLANES, 60, 50}, &all);
        assert_memory_equal((float *)all.data + 5 * 60 * 50, one.data, 60 * 50 * sizeof *x);
        caller_close(&c);
    }
    free(x);
}

static void refused(void **state)
{
    (void)state;
    static const float bad[][4] = {{1, 1, 0, 1}, {1, 1, -2, 1}, {1, 1, NAN, 1}, {1, 1, 1e30f, 1}};
    caller c;
    caller_open(&c);
    ig_tensor out;
    const ig_tensor *x = caller_tensor(&c, INGOT_F32, 4, (int64_t[]){1, 1, 3, 4}, pixels);
    for (size_t i = 0; i < IG_LEN(bad); i++) {
        const ig_tensor *in[4] = {x, NULL, caller_tensor(&c, INGOT_F32, 1, (int64_t[]){4}, bad[i])};
        assert_int_equal(call(&c, node_of(&c, &goldens[0]), in, &out), INGOT_E_FORMAT);
    }
    const int64_t huge[4] = {1, 1, INT64_MAX, 2}, negative[4] = {1, 1, -1, 2};
    const ig_tensor *in[4] = {x, NULL, NULL, caller_ints(&c, 4, huge)};
    assert_int_equal(call(&c, node_of(&c, &goldens[0]), in, &out), INGOT_E_FORMAT);
    in[3] = caller_ints(&c, 4, negative);
    assert_int_equal(call(&c, node_of(&c, &goldens[0]), in, &out), INGOT_E_FORMAT);
    in[3] = NULL;
    assert_int_equal(call(&c, node_of(&c, &goldens[0]), in, &out), INGOT_E_FORMAT);
    caller_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(goldens_f32), cmocka_unit_test(goldens_other_types),
        cmocka_unit_test(threads_and_batch), cmocka_unit_test(refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
