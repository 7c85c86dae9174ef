/* unit_pass_products.c - the passes around products and convolutions: what is left of a graph, and
 * that it computes the same. */
#include "tests/graph/small.h"
#include "runtime/base/checked.h"
#include "runtime/graph/match.h"

#include <math.h>

typedef struct {
    ig_heap heap;
    ig_graph *g;
    ig_id x;
    int64_t dims[4];
    int rank;
} fixture;

enum { MOST = 4096 };

static void begin(fixture *f, int rank, const int64_t *dims)
{
    ig_heap_init(&f->heap, NULL);
    f->g = ig_graph_open(&f->heap, NULL);
    f->rank = rank;
    memcpy(f->dims, dims, (size_t)rank * sizeof *dims);
    f->x = small_input(f->g, "x", rank, dims);
}

static ig_id random_const(fixture *f, int rank, const int64_t *dims, float low)
{
    static unsigned seed = 1;
    float v[MOST];
    size_t n;
    assert_true(ig_dims_elements(rank, dims, &n) && n <= MOST);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        v[i] = low + (float)(seed >> 8) / (float)(1 << 24);
    }
    return small_const(f->g, "", rank, dims, v);
}

static ig_id node(fixture *f, const char *op, const ig_id *in, size_t n_in)
{
    const ig_id out = ig_graph_value(f->g, "", NULL);
    assert_non_null(ig_graph_node(f->g, ig_op_find(op), op, in, n_in, &out, 1, 0));
    return out;
}

static ig_id conv(fixture *f, ig_id x, int64_t out, int64_t in, int64_t k, int64_t groups)
{
    const ig_id w = random_const(f, 4, (int64_t[]){out, in, k, k}, -0.5f);
    const ig_id b = random_const(f, 1, &out, -0.5f);
    const ig_id y = node(f, "conv", (ig_id[]){x, w, b}, 3);
    ig_node *n = f->g->nodes[f->g->n_nodes - 1];
    const int64_t p = k / 2;
    assert_true(ig_put_attr_ints(f->g, n, "pads", (int64_t[]){p, p, p, p}, 4));
    assert_true(ig_put_attr_int(f->g, n, "group", groups));
    return y;
}

static ig_id batch_norm(fixture *f, ig_id x, int64_t c)
{
    const ig_id in[] = {x, random_const(f, 1, &c, 0.5f), random_const(f, 1, &c, -0.5f),
                        random_const(f, 1, &c, -0.5f), random_const(f, 1, &c, 0.5f)};
    return node(f, "batch_norm", in, 5);
}

static size_t run(const fixture *f, float *y)
{
    ingot_error err;
    static float x[MOST];
    for (int i = 0; i < MOST; i++) x[i] = (float)((i * 37) % 23 - 11) * 0.11f;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    const ig_exec_options o = {.heap = &heap};
    ig_exec *e;
    check_ok(ig_exec_open(&e, f->g, &o, &err));
    ig_tensor in = small_tensor(x, f->rank, f->dims), out = {0};
    check_ok(ig_exec_run(e, &out, &in, &err));
    const size_t n = ig_tensor_elements(&out);
    assert_true(n <= MOST);
    memcpy(y, out.data, n * sizeof *y);
    ig_exec_close(&e);
    return n;
}

static size_t count(const ig_graph *g, const char *op)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n_nodes; i++) n += ig_is(g->nodes[i], op, NULL);
    return n;
}

/* Run, pass, run; the results agree. */
static void finish(fixture *f, ig_id y)
{
    static float before[MOST], after[MOST];
    assert_true(ig_graph_set_io(f->g, &f->x, 1, &y, 1));
    const size_t n = run(f, before);
    small_passes(f->g, &f->heap);
    assert_int_equal(run(f, after), n);
    for (size_t i = 0; i < n; i++)
        if (fabsf(before[i] - after[i]) > 1e-4f)
            fail_msg("[%zu] %g became %g:\n%s", i, (double)before[i], (double)after[i],
                     small_text(f->g));
}

static void end(fixture *f)
{
    ig_graph_close(&f->g);
    assert_int_equal(f->heap.live_bytes, 0);
}

static void norms_biases_and_activations_join_a_convolution(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 4, (int64_t[]){1, 3, 6, 6});
    const ig_id a = small_unary(f.g, "relu", batch_norm(&f, conv(&f, f.x, 8, 3, 3, 1), 8));
    const ig_id b = small_unary(f.g, "sigmoid", batch_norm(&f, conv(&f, a, 8, 1, 3, 8), 8));
    finish(&f, b);
    assert_int_equal(count(f.g, "conv_nhwc"), 2);
    assert_int_equal(count(f.g, "transpose"), 2); /* in and out of NHWC, nothing between */
    assert_int_equal(f.g->n_nodes, 4);
    assert_string_equal(ig_attr_text(f.g->nodes[1], "act"), "relu");
    assert_int_equal(f.g->values[f.g->nodes[1]->in[1]].layout, IG_P16);
    assert_int_equal(f.g->values[f.g->nodes[2]->in[1]].layout, IG_PLAIN); /* depthwise */
    end(&f);
}

static void scales_and_shifts_join_a_convolution(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 4, (int64_t[]){1, 3, 6, 6});
    const int64_t one = 1;
    const ig_id a = small_binary(f.g, "mul", conv(&f, f.x, 8, 3, 3, 1),
                                 random_const(&f, 3, (int64_t[]){8, 1, 1}, -0.5f));
    const ig_id b = small_binary(f.g, "add", random_const(&f, 1, &one, -0.5f), a);
    const ig_id c = small_binary(f.g, "mul", b, random_const(&f, 0, NULL, 1));
    finish(&f, small_unary(f.g, "relu", batch_norm(&f, c, 8)));
    assert_int_equal(count(f.g, "binary"), 0);
    assert_int_equal(f.g->n_nodes, 3);
    end(&f);
    /* Along another axis, or of a higher rank, they are not the channels'. */
    begin(&f, 4, (int64_t[]){1, 3, 8, 8});
    const ig_id d = small_binary(f.g, "mul", conv(&f, f.x, 8, 3, 3, 1),
                                 random_const(&f, 1, (int64_t[]){8}, -0.5f));
    const ig_id e = small_binary(f.g, "add", conv(&f, d, 8, 8, 3, 1),
                                 random_const(&f, 5, (int64_t[]){1, 1, 1, 1, 1}, -0.5f));
    finish(&f, e);
    assert_int_equal(count(f.g, "binary"), 2);
    end(&f);
}

static void a_residual_joins_the_later_convolution(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 4, (int64_t[]){1, 4, 5, 5});
    const ig_id a = conv(&f, f.x, 4, 4, 3, 1),
                b = conv(&f, small_unary(f.g, "relu", a), 4, 4, 1, 1);
    finish(&f, small_unary(f.g, "relu", small_binary(f.g, "add", b, f.x)));
    assert_int_equal(count(f.g, "binary"), 0);
    assert_int_equal(count(f.g, "unary"), 0);
    end(&f);
}

static void the_layout_reaches_through_what_lies_between(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 4, (int64_t[]){1, 4, 6, 6});
    const ig_id a = conv(&f, f.x, 6, 4, 3, 1);
    const ig_id gate = random_const(&f, 3, (int64_t[]){6, 1, 1}, 0);
    const ig_id b = small_binary(f.g, "mul", a, gate);
    const ig_id both[] = {a, b};
    const ig_id c = node(&f, "concat", both, 2);
    assert_true(ig_put_attr_int(f.g, f.g->nodes[f.g->n_nodes - 1], "axis", 1));
    const ig_id pads[] = {c, ig_graph_const_ints(f.g, "", (int64_t[]){0, 0, 1, 0, 0, 0, 0, 2}, 8)};
    const ig_id d = node(&f, "pad", pads, 2);
    const ig_id axes[] = {d, ig_graph_const_ints(f.g, "", (int64_t[]){2, 3}, 2)};
    const ig_id e = node(&f, "reduce", axes, 2);
    assert_true(ig_put_attr_text(f.g, f.g->nodes[f.g->n_nodes - 1], "fn", "mean"));
    assert_true(ig_put_attr_int(f.g, f.g->nodes[f.g->n_nodes - 1], "keepdims", 0));
    finish(&f, e);
    assert_int_equal(count(f.g, "transpose"), 1);
    end(&f);
}

static void products_take_bias_activation_and_packed_weights(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 2, (int64_t[]){3, 20});
    const ig_id w = random_const(&f, 2, (int64_t[]){33, 20}, -0.5f);
    const ig_id y = node(&f, "matmul", (ig_id[]){f.x, w}, 2);
    assert_true(ig_put_attr_int(f.g, f.g->nodes[0], "trans_b", 1));
    const int64_t n = 33;
    const ig_id sum = small_binary(f.g, "add", random_const(&f, 1, &n, -0.5f), y);
    finish(&f, small_unary(f.g, "tanh", sum));
    assert_int_equal(f.g->n_nodes, 1);
    const ig_node *p = f.g->nodes[0];
    assert_true(ig_is(p, "matmul", NULL) && p->n_in == 3);
    assert_string_equal(ig_attr_text(p, "act"), "tanh");
    assert_int_equal(f.g->values[p->in[1]].layout, IG_P16);
    assert_int_equal(f.g->values[p->in[1]].type.dims[0], 20);
    end(&f);
}

static void weights_of_16_bits_are_packed_as_they_are(void **state)
{
    (void)state;
    static const ingot_dtype halves[] = {INGOT_F16, INGOT_BF16};
    for (size_t i = 0; i < IG_LEN(halves); i++)
        for (int turned = 0; turned < 2; turned++) {
            fixture f;
            begin(&f, 2, (int64_t[]){3, 21});
            uint16_t h[33 * 21];
            for (size_t j = 0; j < IG_LEN(h); j++)
                ig_from_double(h, halves[i], j, (double)(j * 29 % 17) * 0.125 - 1);
            const int64_t dims[] = {turned ? 33 : 21, turned ? 21 : 33};
            const ig_id w = ig_graph_const(f.g, "", halves[i], 2, dims, h);
            const ig_id y = node(&f, "matmul", (ig_id[]){f.x, w}, 2);
            assert_true(ig_put_attr_int(f.g, f.g->nodes[0], "trans_b", turned));
            finish(&f, y);
            const ig_value *packed = &f.g->values[f.g->nodes[0]->in[1]];
            assert_int_equal(packed->layout, IG_P16);
            assert_int_equal(packed->type.dtype, halves[i]);
            assert_int_equal(packed->data_bytes, 48 * (halves[i] == INGOT_BF16 ? 22 : 21) * 2);
            end(&f);
        }
}

static ig_id cast(fixture *f, ig_id x, ingot_dtype to)
{
    const ig_id y = node(f, "cast", &x, 1);
    assert_true(ig_put_attr_int(f->g, f->g->nodes[f->g->n_nodes - 1], "to", (int64_t)to));
    return y;
}

static ig_id half_const(fixture *f, ingot_dtype half, int rank, const int64_t *dims)
{
    uint16_t h[MOST];
    size_t n;
    assert_true(ig_dims_elements(rank, dims, &n) && n <= MOST);
    for (size_t j = 0; j < n; j++) ig_from_double(h, half, j, (double)(j * 29 % 17) * 0.125 - 1);
    return ig_graph_const_copy(f->g, "", half, rank, dims, h);
}

/* x cast to half, times w, plus a vector, plus a residual, relu, cast back: values that 8 bits
 * hold, so that one rounding gives what four gave. */
static void products_of_16_bits_take_bias_residual_and_activation(void **state)
{
    (void)state;
    static const ingot_dtype halves[] = {INGOT_F16, INGOT_BF16};
    for (size_t i = 0; i < IG_LEN(halves); i++) {
        fixture f;
        begin(&f, 2, (int64_t[]){3, 8});
        const ig_id x = cast(&f, small_unary(f.g, "sign", f.x), halves[i]);
        const ig_id w = half_const(&f, halves[i], 2, (int64_t[]){8, 8});
        const ig_id y = node(&f, "matmul", (ig_id[]){x, w}, 2);
        const ig_id sum = small_binary(f.g, "add", half_const(&f, halves[i], 1, (int64_t[]){8}), y);
        const ig_id act = small_unary(f.g, "relu", small_binary(f.g, "add", sum, x));
        finish(&f, cast(&f, act, INGOT_F32));
        assert_int_equal(count(f.g, "binary"), 0);
        assert_int_equal(count(f.g, "unary"), 1);
        for (size_t k = 0; k < f.g->n_nodes; k++) {
            const ig_node *p = f.g->nodes[k];
            if (ig_is(p, "matmul", NULL))
                assert_true(p->n_in == 4 && !strcmp(ig_attr_text(p, "act"), "relu"));
        }
        end(&f);
    }
}

static void a_value_that_others_read_is_not_fused_away(void **state)
{
    (void)state;
    fixture f;
    begin(&f, 2, (int64_t[]){2, 8});
    const ig_id w = random_const(&f, 2, (int64_t[]){8, 8}, -0.5f);
    const ig_id y = node(&f, "matmul", (ig_id[]){f.x, w}, 2);
    finish(&f, small_binary(f.g, "mul", small_unary(f.g, "relu", y), y));
    assert_int_equal(count(f.g, "unary"), 1);
    assert_string_equal(ig_attr_text(f.g->nodes[0], "act"), "none");
    end(&f);
}

/* What an integer op gives for bytes 0 .. 255 in x, as its sums. */
static size_t run_bytes(const fixture *f, const ig_graph *g, int32_t *y)
{
    ingot_error err;
    static uint8_t x[MOST];
    for (int i = 0; i < MOST; i++) x[i] = (uint8_t)(i * 37);
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    const ig_exec_options o = {.heap = &heap};
    ig_exec *e;
    check_ok(ig_exec_open(&e, g, &o, &err));
    ig_tensor in = {.dtype = INGOT_U8, .rank = f->rank, .data = x}, out = {0};
    memcpy(in.dims, f->dims, sizeof f->dims);
    check_ok(ig_exec_run(e, &out, &in, &err));
    const size_t n = ig_tensor_elements(&out);
    assert_true(n <= MOST);
    memcpy(y, out.data, n * sizeof *y);
    ig_exec_close(&e);
    return n;
}

static void integer_weights_are_packed_once(void **state)
{
    static int32_t before[MOST], after[MOST];
    static uint8_t w[MOST];
    (void)state;
    for (int i = 0; i < MOST; i++) w[i] = (uint8_t)(i * 91 + i / 7);
    static const struct {
        const char *op;
        ingot_dtype dtype;
        int rank;
        int64_t x[4], w[4];
        ig_layout layout;
    } all[] = {
        {"matmul_integer", INGOT_I8, 2, {7, 37}, {37, 19}, IG_P16},
        {"matmul_integer", INGOT_U8, 3, {3, 5, 18}, {3, 18, 33}, IG_P16},
        {"conv_integer", INGOT_I8, 4, {1, 5, 8, 7}, {19, 5, 3, 3}, IG_P16_CONV},
        {"conv_integer", INGOT_U8, 3, {2, 6, 9}, {16, 6, 2}, IG_P16_CONV},
        {"conv_integer", INGOT_I8, 4, {1, 32, 5, 5}, {32, 1, 3, 3}, IG_PLAIN}, /* depthwise */
    };
    for (size_t i = 0; i < IG_LEN(all); i++) {
        fixture f;
        begin(&f, all[i].rank, all[i].x);
        f.g->values[f.x].type.dtype = INGOT_U8;
        const ig_id b = ig_graph_const_copy(f.g, "", all[i].dtype, all[i].rank, all[i].w, w);
        const ig_id y = node(&f, all[i].op, (ig_id[]){f.x, b}, 2);
        if (all[i].layout == IG_PLAIN)
            assert_true(ig_put_attr_int(f.g, f.g->nodes[0], "group", all[i].w[0]));
        assert_true(ig_graph_set_io(f.g, &f.x, 1, &y, 1));
        const size_t n = run_bytes(&f, f.g, before);
        small_passes(f.g, &f.heap);
        size_t packed = 0;
        for (size_t v = 0; v < f.g->n_values; v++)
            packed += f.g->values[v].layout == all[i].layout && f.g->values[v].is_const;
        assert_true(packed > 0);
        assert_int_equal(run_bytes(&f, f.g, after), n);
        assert_memory_equal(before, after, n * sizeof *before);
        end(&f);
    }
}

/* The same bits from panels in the file as from panels made by bind; a gru's R stays plain where
 * its last gate would begin within a panel. */
static void recurrent_weights_are_packed_once(void **state)
{
    static float before[MOST], after[MOST];
    (void)state;
    static const struct {
        const char *op;
        int64_t gates;
    } kinds[] = {{"lstm", 4}, {"gru", 3}, {"gru", 3}, {"rnn", 1}};
    for (int i = 0; i < 4 * (int)IG_LEN(kinds); i++) {
        const int kind = i % (int)IG_LEN(kinds);
        const int64_t hidden = i / 4 % 2 ? 20 : 16, dirs = i / 8 ? 2 : 1;
        const int64_t rows = kinds[kind].gates * hidden;
        fixture f;
        begin(&f, 3, (int64_t[]){4, 2, 12});
        const ig_id in[] = {f.x, random_const(&f, 3, (int64_t[]){dirs, rows, 12}, -0.5f),
                            random_const(&f, 3, (int64_t[]){dirs, rows, hidden}, -0.5f)};
        const ig_id y = node(&f, kinds[kind].op, in, 3);
        if (dirs == 2)
            assert_true(ig_put_attr_text(f.g, f.g->nodes[0], "direction", "bidirectional"));
        if (kind == 2) assert_true(ig_put_attr_int(f.g, f.g->nodes[0], "linear_before_reset", 1));
        assert_true(ig_graph_set_io(f.g, &f.x, 1, &y, 1));
        const size_t n = run(&f, before);
        small_passes(f.g, &f.heap);
        const bool apart = kinds[kind].gates == 3 && hidden == 20;
        assert_int_equal(f.g->values[f.g->nodes[0]->in[1]].layout, IG_P16_TURNED);
        assert_int_equal(f.g->values[f.g->nodes[0]->in[2]].layout,
                         apart ? IG_PLAIN : IG_P16_TURNED);
        assert_int_equal(run(&f, after), n);
        assert_memory_equal(before, after, n * sizeof *before);
        end(&f);
    }
}

/* A constant in panels is refused where an op would read it as if it were plain. */
static void panels_are_refused_where_no_op_takes_them(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        fixture f;
        ingot_error err;
        begin(&f, 2, (int64_t[]){3, 32});
        const ig_id w = random_const(&f, 2, (int64_t[]){32, 32}, -0.5f);
        const ig_id y = i == 0   ? node(&f, "matmul", (ig_id[]){f.x, w}, 2)
                        : i == 1 ? node(&f, "matmul", (ig_id[]){w, w}, 2)
                                 : small_binary(f.g, "add", f.x, w);
        f.g->values[w].layout = i ? IG_P16 : IG_P16_TURNED;
        assert_true(ig_graph_set_io(f.g, &f.x, 1, &y, 1));
        const ingot_status s = ig_graph_check(f.g, &err);
        if (i) assert_non_null(strstr(err.text, "panels"));
        assert_int_equal(s, i ? INGOT_E_FORMAT : INGOT_OK);
        const ig_exec_options o = {.heap = &f.heap};
        ig_exec *e = NULL;
        ig_tensor x = small_tensor((float[96]){0}, 2, f.dims), out = {0};
        if (!i) { /* of all layouts only bind knows which are right */
            check_ok(ig_exec_open(&e, f.g, &o, &err));
            assert_int_equal(ig_exec_run(e, &out, &x, &err), INGOT_E_UNSUPPORTED);
            ig_exec_close(&e);
        }
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recurrent_weights_are_packed_once),
        cmocka_unit_test(panels_are_refused_where_no_op_takes_them),
        cmocka_unit_test(integer_weights_are_packed_once),
        cmocka_unit_test(norms_biases_and_activations_join_a_convolution),
        cmocka_unit_test(scales_and_shifts_join_a_convolution),
        cmocka_unit_test(a_residual_joins_the_later_convolution),
        cmocka_unit_test(the_layout_reaches_through_what_lies_between),
        cmocka_unit_test(products_take_bias_activation_and_packed_weights),
        cmocka_unit_test(weights_of_16_bits_are_packed_as_they_are),
        cmocka_unit_test(products_of_16_bits_take_bias_residual_and_activation),
        cmocka_unit_test(a_value_that_others_read_is_not_fused_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
