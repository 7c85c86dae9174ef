/* unit_pass_qdq.c - quantised graphs compute in bytes after the qdq pass, and give what they gave
 * before: the same bits, or for convolutions and products within one step of the result. What only
 * looks like the patterns stays as it is. */
#include "tests/graph/small.h"
#include "runtime/graph/match.h"

#include <math.h>

enum { MOST = 4096, OUTPUTS = 2 };

typedef struct {
    ig_heap heap;
    ig_graph *g;
    ig_id x;
    int64_t dims[4];
    int rank;
    uint32_t seed;
} fixture;

static void begin(fixture *f, int rank, const int64_t *dims)
{
    *f = (fixture){.rank = rank, .seed = 7};
    ig_heap_init(&f->heap, NULL);
    f->g = ig_graph_open(&f->heap, NULL);
    memcpy(f->dims, dims, (size_t)rank * sizeof *dims);
    f->x = small_input(f->g, "x", rank, dims);
}

static void finish(fixture *f)
{
    ig_graph_close(&f->g);
    assert_int_equal(f->heap.live_bytes, 0);
}

static uint32_t draw(fixture *f)
{
    f->seed = f->seed * 1664525u + 1013904223u;
    return f->seed >> 8;
}

static ig_id node(fixture *f, const char *op, const ig_id *in, size_t n_in)
{
    const ig_id out = ig_graph_value(f->g, "", NULL);
    assert_non_null(ig_graph_node(f->g, ig_op_find(op), op, in, n_in, &out, 1, 0));
    return out;
}

static ig_node *last(fixture *f) { return f->g->nodes[f->g->n_nodes - 1]; }

static ig_id scalar(fixture *f, float v) { return small_const(f->g, "", 0, NULL, &v); }

static ig_id zero_of(fixture *f, ingot_dtype dtype, int zero)
{
    const uint8_t byte = (uint8_t)zero;
    return ig_graph_const_copy(f->g, "", dtype, 0, NULL, &byte);
}

static ig_id quantize(fixture *f, ig_id x, float scale, int zero, ingot_dtype dtype)
{
    return node(f, "quantize", (ig_id[]){x, scalar(f, scale), zero_of(f, dtype, zero)}, 3);
}

static ig_id dequantize(fixture *f, ig_id q, float scale, int zero, ingot_dtype dtype)
{
    return node(f, "dequantize", (ig_id[]){q, scalar(f, scale), zero_of(f, dtype, zero)}, 3);
}

/* Through bytes and back: what a QDQ model has between its ops. */
static ig_id round_trip(fixture *f, ig_id x, float scale, int zero)
{
    return dequantize(f, quantize(f, x, scale, zero, INGOT_U8), scale, zero, INGOT_U8);
}

static ig_id bytes(fixture *f, ingot_dtype dtype, int rank, const int64_t *dims)
{
    uint8_t v[MOST];
    size_t n;
    assert_true(ig_dims_elements(rank, dims, &n) && n <= MOST);
    for (size_t i = 0; i < n; i++) v[i] = (uint8_t)draw(f);
    return ig_graph_const_copy(f->g, "", dtype, rank, dims, v);
}

/* One scale for each of n. */
static ig_id scales(fixture *f, int64_t n)
{
    float v[64];
    for (int64_t i = 0; i < n; i++) v[i] = 0.002f + 0.0001f * (float)(draw(f) % 16);
    return small_const(f->g, "", 1, &n, v);
}

static ig_id weights(fixture *f, int rank, const int64_t *dims, int64_t axis)
{
    const ig_id in[2] = {bytes(f, INGOT_I8, rank, dims), scales(f, dims[axis])};
    const ig_id w = node(f, "dequantize", in, 2);
    assert_true(ig_put_attr_int(f->g, last(f), "axis", axis));
    return w;
}

/* A convolution with a bias in integers of sx * sw, as ONNX Runtime's quantiser writes it. */
static ig_id conv(fixture *f, ig_id x, float sx, int64_t out, int64_t in, int64_t groups)
{
    const ig_id w = weights(f, 4, (int64_t[]){out, in, 3, 3}, 0);
    const float *sw = f->g->values[last(f)->in[1]].data;
    int32_t b[64];
    float sb[64];
    for (int64_t i = 0; i < out; i++) {
        b[i] = (int32_t)(draw(f) % 2000) - 1000;
        sb[i] = sx * sw[i];
    }
    const ig_id bias[2] = {ig_graph_const_copy(f->g, "", INGOT_I32, 1, &out, b),
                           small_const(f->g, "", 1, &out, sb)};
    const ig_id b_f32 = node(f, "dequantize", bias, 2);
    assert_true(ig_put_attr_int(f->g, last(f), "axis", 0));
    const ig_id y = node(f, "conv", (ig_id[]){x, w, b_f32}, 3);
    assert_true(ig_put_attr_ints(f->g, last(f), "pads", (int64_t[]){1, 1, 1, 1}, 4));
    assert_true(ig_put_attr_int(f->g, last(f), "group", groups));
    return y;
}

/* ---- running ---- */

static size_t run(const fixture *f, float (*y)[MOST])
{
    ingot_error err;
    static float x[MOST];
    uint32_t seed = 3;
    for (int i = 0; i < MOST; i++) {
        seed = seed * 1664525u + 1013904223u;
        x[i] = (float)(int32_t)(seed >> 8) / (float)(1 << 22) - 2;
    }
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    const ig_exec_options o = {.heap = &heap};
    ig_exec *e;
    check_ok(ig_exec_open(&e, f->g, &o, &err));
    ig_tensor in = small_tensor(x, f->rank, f->dims), out[OUTPUTS] = {{0}};
    check_ok(ig_exec_run(e, out, &in, &err));
    size_t total = 0;
    for (size_t i = 0; i < f->g->n_outputs; i++) {
        const size_t n = ig_tensor_elements(&out[i]);
        assert_true(n <= MOST);
        memcpy(y[i], out[i].data, n * sizeof **y);
        total += n;
    }
    ig_exec_close(&e);
    assert_int_equal(heap.live_bytes, 0);
    return total;
}

static size_t count(const fixture *f, const char *op)
{
    size_t n = 0;
    for (size_t i = 0; i < f->g->n_nodes; i++) n += ig_is(f->g->nodes[i], op, NULL);
    return n;
}

/* The outputs before and after all passes differ by at most `step`, 0: not a bit. */
static void stays(fixture *f, const ig_id *y, size_t n_y, float step)
{
    static float before[OUTPUTS][MOST], after[OUTPUTS][MOST];
    assert_true(ig_graph_set_io(f->g, &f->x, 1, y, n_y));
    memset(before, 0, sizeof before);
    memset(after, 0, sizeof after);
    assert_true(run(f, before) > 0);
    small_passes(f->g, &f->heap);
    run(f, after);
    for (size_t k = 0; k < n_y; k++)
        for (int i = 0; i < MOST; i++)
            if (!(fabsf(before[k][i] - after[k][i]) <= step * 1.001f))
                fail_msg("output %zu, element %d: %g became %g\n%s", k, i, (double)before[k][i],
                         (double)after[k][i], small_text(f->g));
}

static void has(const fixture *f, const char *op, size_t n)
{
    if (count(f, op) != n)
        fail_msg("%zu times %s, expected %zu:\n%s", count(f, op), op, n, small_text(f->g));
}

/* ---- products ---- */

static void convolution_takes_relu_and_quantisation(void **state)
{
    (void)state;
    for (int64_t groups = 1; groups <= 8; groups *= 8) {
        fixture f;
        begin(&f, 4, (int64_t[]){2, 8, 6, 5});
        const ig_id c = conv(&f, round_trip(&f, f.x, 0.03f, 120), 0.03f, 16 / (groups > 1 ? 2 : 1),
                             8 / groups, groups);
        const ig_id y = round_trip(&f, small_unary(f.g, "relu", c), 0.05f, 0);
        stays(&f, &y, 1, 0.05f);
        has(&f, "conv_integer", 1);
        has(&f, "quantize", 1);
        has(&f, "dequantize", 1);
        has(&f, "unary", 0);
        finish(&f);
    }
}

static void clip_before_quantisation_narrows_the_range(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 4, (int64_t[]){1, 4, 5, 5});
    const ig_id c = conv(&f, round_trip(&f, f.x, 0.03f, 120), 0.03f, 8, 4, 1);
    const ig_id low = node(&f, "clip", (ig_id[]){c, scalar(&f, -0.5f), scalar(&f, 2.0f)}, 3);
    const ig_id high = node(&f, "clip", (ig_id[]){low, scalar(&f, 0.25f), scalar(&f, 6.0f)}, 3);
    const ig_id y = round_trip(&f, high, 0.05f, 30);
    stays(&f, &y, 1, 0.05f);
    has(&f, "clip", 0);
    for (size_t i = 0; i < f.g->n_nodes; i++) {
        if (!ig_is(f.g->nodes[i], "conv_integer", NULL)) continue;
        assert_int_equal(ig_attr_int(f.g->nodes[i], "low"), 35);
        assert_int_equal(ig_attr_int(f.g->nodes[i], "high"), 70);
    }
    has(&f, "conv_integer", 1);
    finish(&f);
}

static void float_result_needs_no_quantisation(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 4, (int64_t[]){1, 4, 5, 5});
    const ig_id y = conv(&f, round_trip(&f, f.x, 0.03f, 120), 0.03f, 8, 4, 1);
    stays(&f, &y, 1, 1e-4f);
    has(&f, "conv_integer", 1);
    has(&f, "dequantize", 0);
    finish(&f);
}

static void matmul_takes_bias_and_transposed_weights(void **state)
{
    (void)state;
    for (int turned = 0; turned < 2; turned++) {
        fixture f;
        begin(&f, 2, (int64_t[]){7, 24});
        const ig_id x = round_trip(&f, f.x, 0.03f, 120);
        const ig_id w = weights(&f, 2, turned ? (int64_t[]){10, 24} : (int64_t[]){24, 10}, !turned);
        const ig_id p = node(&f, "matmul", (ig_id[]){x, w}, 2);
        assert_true(ig_put_attr_int(f.g, last(&f), "trans_b", turned));
        const ig_id b = small_binary(f.g, "add", scales(&f, 10), p);
        const ig_id y = round_trip(&f, b, 0.05f, 128);
        stays(&f, &y, 1, 0.05f);
        has(&f, "matmul_integer", 1);
        has(&f, "matmul", 0);
        has(&f, "binary", 0);
        finish(&f);
    }
}

static void matmul_of_two_activations(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 3, (int64_t[]){2, 6, 6});
    const ig_id a = round_trip(&f, f.x, 0.03f, 120), b = round_trip(&f, f.x, 0.02f, 100);
    const ig_id y = round_trip(&f, node(&f, "matmul", (ig_id[]){a, b}, 2), 0.1f, 128);
    stays(&f, &y, 1, 0.1f);
    has(&f, "matmul_integer", 1);
    finish(&f);
}

/* ---- the same bits ---- */

static void sums_and_products_of_bytes(void **state)
{
    (void)state;
    static const char *const fns[] = {"add", "sub", "mul"};
    for (size_t i = 0; i < 3; i++) {
        fixture f;
        begin(&f, 2, (int64_t[]){9, 30});
        const ig_id a = round_trip(&f, f.x, 0.03f, 120), b = round_trip(&f, f.x, 0.017f, 99);
        const ig_id v = small_unary(f.g, "relu", small_binary(f.g, fns[i], a, b));
        const ig_id y = round_trip(&f, v, 0.04f, 7);
        stays(&f, &y, 1, 0);
        has(&f, "binary_i8", 1);
        has(&f, "unary", 0);
        finish(&f);
    }
}

static void functions_of_one_byte_are_looked_up(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 2, (int64_t[]){9, 300});
    const ig_id x = round_trip(&f, f.x, 0.03f, 120);
    const ig_id swish = small_binary(f.g, "mul", x, small_unary(f.g, "sigmoid", x));
    const ig_id y = round_trip(&f, small_binary(f.g, "add", swish, scalar(&f, 0.5f)), 0.02f, 40);
    stays(&f, &y, 1, 0);
    has(&f, "byte_table", 1);
    has(&f, "binary", 0);
    finish(&f);
}

static void another_scale_is_a_look_up_and_the_same_is_nothing(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 2, (int64_t[]){9, 300});
    const ig_id x = round_trip(&f, round_trip(&f, f.x, 0.03f, 120), 0.03f, 120);
    const ig_id y = round_trip(&f, x, 0.04f, 99);
    stays(&f, &y, 1, 0);
    has(&f, "quantize", 1);
    has(&f, "byte_table", 1);
    has(&f, "dequantize", 1);
    finish(&f);
}

static void bytes_are_moved(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 4, (int64_t[]){1, 6, 8, 8});
    const ig_id x = round_trip(&f, f.x, 0.03f, 120);
    const ig_id pool = node(&f, "pool", &x, 1);
    assert_true(ig_put_attr_text(f.g, last(&f), "fn", "max"));
    assert_true(ig_put_attr_ints(f.g, last(&f), "kernel_shape", (int64_t[]){2, 2}, 2));
    assert_true(ig_put_attr_ints(f.g, last(&f), "strides", (int64_t[]){2, 2}, 2));
    const ig_id turned = node(&f, "transpose", &pool, 1);
    assert_true(ig_put_attr_ints(f.g, last(&f), "perm", (int64_t[]){0, 2, 3, 1}, 4));
    const ig_id y = round_trip(&f, turned, 0.03f, 120);
    stays(&f, &y, 1, 0);
    has(&f, "quantize", 1);
    has(&f, "dequantize", 1);
    finish(&f);
}

static void parts_of_several_scales_are_joined(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 2, (int64_t[]){9, 30});
    const ig_id in[3] = {round_trip(&f, f.x, 0.03f, 120), round_trip(&f, f.x, 0.02f, 128),
                         round_trip(&f, f.x, 0.05f, 90)};
    const ig_id joined = node(&f, "concat", in, 3);
    assert_true(ig_put_attr_int(f.g, last(&f), "axis", 1));
    const ig_id y = round_trip(&f, joined, 0.02f, 128);
    stays(&f, &y, 1, 0);
    has(&f, "byte_table", 2);
    has(&f, "dequantize", 1);
    finish(&f);
}

static void dynamic_quantisation_scales_in_the_product(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 3, (int64_t[]){2, 5, 24});
    const ig_id q[3] = {ig_graph_value(f.g, "", NULL), ig_graph_value(f.g, "", NULL),
                        ig_graph_value(f.g, "", NULL)};
    assert_non_null(ig_graph_node(f.g, ig_op_find("dynamic_quantize"), "", &f.x, 1, q, 3, 0));
    const ig_id w = bytes(&f, INGOT_I8, 2, (int64_t[]){24, 10});
    const ig_id p =
        node(&f, "matmul_integer", (ig_id[]){q[0], w, q[2], zero_of(&f, INGOT_I8, 3)}, 4);
    const ig_id cast = node(&f, "cast", &p, 1);
    assert_true(ig_put_attr_int(f.g, last(&f), "to", INGOT_F32));
    const ig_id scale = small_binary(f.g, "mul", q[1], scales(&f, 10));
    const ig_id y = small_binary(f.g, "add", scales(&f, 10), small_binary(f.g, "mul", cast, scale));
    stays(&f, &y, 1, 0);
    has(&f, "matmul_integer", 1);
    has(&f, "cast", 0);
    has(&f, "binary", 1); /* of the scales */
    finish(&f);
}

static void dynamic_convolution_scales_and_stays_channels_last(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 4, (int64_t[]){1, 6, 5, 5});
    ig_id x = f.x;
    for (int layer = 0; layer < 2; layer++) {
        const ig_id q[3] = {ig_graph_value(f.g, "", NULL), ig_graph_value(f.g, "", NULL),
                            ig_graph_value(f.g, "", NULL)};
        assert_non_null(ig_graph_node(f.g, ig_op_find("dynamic_quantize"), "", &x, 1, q, 3, 0));
        const ig_id w = bytes(&f, INGOT_U8, 4, (int64_t[]){6, 6, 3, 3});
        const ig_id in[4] = {q[0], w, q[2], zero_of(&f, INGOT_U8, 131)};
        const ig_id p = node(&f, "conv_integer", in, 4);
        assert_true(ig_put_attr_ints(f.g, last(&f), "pads", (int64_t[]){1, 1, 1, 1}, 4));
        const ig_id cast = node(&f, "cast", &p, 1);
        assert_true(ig_put_attr_int(f.g, last(&f), "to", INGOT_F32));
        const ig_id scale = small_binary(f.g, "mul", q[1], scalar(&f, 0.003f));
        const float b[6] = {0.5f, -1, 0.25f, 3, -2, 0.125f};
        const ig_id bias = small_const(f.g, "", 4, (int64_t[]){1, 6, 1, 1}, b);
        x = small_binary(f.g, "add", small_binary(f.g, "mul", cast, scale), bias);
    }
    stays(&f, &x, 1, 0);
    has(&f, "conv_integer", 2);
    has(&f, "cast", 0);
    has(&f, "binary", 2);    /* of the scales */
    has(&f, "transpose", 2); /* at the ends */
    finish(&f);
}

/* ---- near misses ---- */

static void weights_of_another_axis_stay(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 4, (int64_t[]){1, 8, 5, 5});
    const ig_id x = round_trip(&f, f.x, 0.03f, 120);
    const ig_id w = weights(&f, 4, (int64_t[]){8, 8, 3, 3}, 1);
    const ig_id y = round_trip(&f, node(&f, "conv", (ig_id[]){x, w}, 2), 0.05f, 128);
    stays(&f, &y, 1, 0.05f);
    has(&f, "conv_integer", 0);
    finish(&f);
}

static void scale_that_is_computed_stays(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 2, (int64_t[]){4, 24});
    ig_id most = node(&f, "reduce", &f.x, 1);
    assert_true(ig_put_attr_text(f.g, last(&f), "fn", "max"));
    assert_true(ig_put_attr_int(f.g, last(&f), "keepdims", 0));
    most = small_binary(f.g, "mul", most, scalar(&f, 1.0f / 64));
    const ig_id zero = zero_of(&f, INGOT_U8, 128);
    const ig_id q = node(&f, "quantize", (ig_id[]){f.x, most, zero}, 3);
    const ig_id x = node(&f, "dequantize", (ig_id[]){q, most, zero}, 3);
    const ig_id w = weights(&f, 2, (int64_t[]){24, 10}, 1);
    const ig_id p = node(&f, "matmul", (ig_id[]){x, w}, 2);
    const ig_id y = round_trip(&f, small_unary(f.g, "relu", x), 0.02f, 0);
    stays(&f, (ig_id[]){p, y}, 2, 0);
    has(&f, "matmul_integer", 0);
    has(&f, "byte_table", 0);
    finish(&f);
}

/* A result that is also read as floats is not rounded on the way. */
static void result_with_another_reader_stays_float(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 4, (int64_t[]){1, 4, 5, 5});
    const ig_id c = conv(&f, round_trip(&f, f.x, 0.03f, 120), 0.03f, 8, 4, 1);
    const ig_id y = round_trip(&f, c, 0.05f, 128);
    const ig_id other = small_unary(f.g, "tanh", c);
    stays(&f, (ig_id[]){y, other}, 2, 0.05f);
    has(&f, "conv_integer", 1);
    has(&f, "quantize", 2);
    finish(&f);
}

static void result_that_is_an_output_stays_float(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 2, (int64_t[]){4, 24});
    const ig_id a = round_trip(&f, f.x, 0.03f, 120), b = round_trip(&f, f.x, 0.02f, 128);
    const ig_id sum = small_binary(f.g, "add", a, b), y = round_trip(&f, sum, 0.05f, 128);
    stays(&f, (ig_id[]){sum, y}, 2, 0);
    has(&f, "binary_i8", 0);
    finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolution_takes_relu_and_quantisation),
        cmocka_unit_test(clip_before_quantisation_narrows_the_range),
        cmocka_unit_test(float_result_needs_no_quantisation),
        cmocka_unit_test(matmul_takes_bias_and_transposed_weights),
        cmocka_unit_test(matmul_of_two_activations),
        cmocka_unit_test(sums_and_products_of_bytes),
        cmocka_unit_test(functions_of_one_byte_are_looked_up),
        cmocka_unit_test(another_scale_is_a_look_up_and_the_same_is_nothing),
        cmocka_unit_test(bytes_are_moved),
        cmocka_unit_test(parts_of_several_scales_are_joined),
        cmocka_unit_test(dynamic_quantisation_scales_in_the_product),
        cmocka_unit_test(dynamic_convolution_scales_and_stays_channels_last),
        cmocka_unit_test(weights_of_another_axis_stay),
        cmocka_unit_test(scale_that_is_computed_stays),
        cmocka_unit_test(result_with_another_reader_stays_float),
        cmocka_unit_test(result_that_is_an_output_stays_float),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
