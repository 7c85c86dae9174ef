/* unit_fusions.c - spelled-out activations and norms become one node, and compute the same. */
#include "tests/graph/small.h"
#include "runtime/graph/match.h"

#include <math.h>
#include <stdlib.h>

typedef struct {
    ig_heap heap;
    ig_graph *g;
    ig_id x;
} fixture;

static const int64_t dims[] = {2, 3, 8};
enum { SIZE = 48 };

static void begin(fixture *f)
{
    ig_heap_init(&f->heap, NULL);
    f->g = ig_graph_open(&f->heap, NULL);
    f->x = small_input(f->g, "x", 3, dims);
}

static ig_id scalar(fixture *f, float v) { return small_const(f->g, "", 0, NULL, &v); }

static void run(const fixture *f, float *y)
{
    ingot_error err;
    float x[SIZE];
    for (int i = 0; i < SIZE; i++) x[i] = (float)((i * 37) % 23 - 11) * 0.37f;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    const ig_exec_options o = {.heap = &heap};
    ig_exec *e;
    check_ok(ig_exec_open(&e, f->g, &o, &err));
    ig_tensor in = small_tensor(x, 3, dims), out = small_tensor(y, 3, dims);
    check_ok(ig_exec_run(e, &out, &in, &err));
    ig_exec_close(&e);
    assert_int_equal(heap.live_bytes, 0);
}

/* Before and after the passes; afterwards one node op/fn is left. */
static void fuses_to(fixture *f, ig_id y, const char *op, const char *fn)
{
    float before[SIZE], after[SIZE];
    assert_true(ig_graph_set_io(f->g, &f->x, 1, &y, 1));
    run(f, before);
    small_passes(f->g, &f->heap);
    if (f->g->n_nodes != 1 || !ig_is(f->g->nodes[0], op, fn))
        fail_msg("left:\n%s", small_text(f->g));
    run(f, after);
    for (int i = 0; i < SIZE; i++) assert_true(fabsf(before[i] - after[i]) < 2e-6f);
    ig_graph_close(&f->g);
    assert_int_equal(f->heap.live_bytes, 0);
}

static ig_id one_plus_erf(fixture *f)
{
    const ig_id e =
        small_unary(f->g, "erf", small_binary(f->g, "div", f->x, scalar(f, 1.41421356f)));
    return small_binary(f->g, "add", e, scalar(f, 1));
}

static void gelu_in_three_bracketings(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    fuses_to(
        &f,
        small_binary(f.g, "mul", small_binary(f.g, "mul", f.x, one_plus_erf(&f)), scalar(&f, 0.5f)),
        "unary", "gelu");
    begin(&f);
    fuses_to(
        &f,
        small_binary(f.g, "mul", small_binary(f.g, "mul", f.x, scalar(&f, 0.5f)), one_plus_erf(&f)),
        "unary", "gelu");
    begin(&f);
    fuses_to(
        &f,
        small_binary(f.g, "mul", f.x, small_binary(f.g, "mul", scalar(&f, 0.5f), one_plus_erf(&f))),
        "unary", "gelu");
}

/* 1 + tanh(sqrt(2/pi) * (x + factor * x^power)); by_pow: the power by the function pow. */
static ig_id one_plus_tanh(fixture *f, float factor, int power, bool by_pow)
{
    ig_id term = scalar(f, factor);
    for (int i = 0; i < power && !by_pow; i++) term = small_binary(f->g, "mul", f->x, term);
    if (by_pow)
        term = small_binary(f->g, "mul", small_binary(f->g, "pow", f->x, scalar(f, (float)power)),
                            term);
    const ig_id sum = small_binary(f->g, "add", f->x, term);
    const ig_id t =
        small_unary(f->g, "tanh", small_binary(f->g, "mul", scalar(f, 0.79788456f), sum));
    return small_binary(f->g, "add", scalar(f, 1), t);
}

static void gelu_by_tanh(void **state)
{
    (void)state;
    fixture f;
    for (int by_pow = 0; by_pow < 2; by_pow++) {
        begin(&f);
        const ig_id half =
            small_binary(f.g, "mul", scalar(&f, 0.5f), one_plus_tanh(&f, 0.044715f, 3, by_pow));
        fuses_to(&f, small_binary(f.g, "mul", f.x, half), "unary", "gelu_tanh");
        begin(&f);
        const ig_id left = small_binary(f.g, "mul", scalar(&f, 0.5f), f.x);
        fuses_to(&f, small_binary(f.g, "mul", left, one_plus_tanh(&f, 0.044715f, 3, by_pow)),
                 "unary", "gelu_tanh");
    }
}

/* What is nearly that gelu stays as it is. */
static void another_cubic_is_not_fused(void **state)
{
    (void)state;
    static const struct {
        float factor;
        int power;
        bool by_pow;
    } near[] = {
        {0.0448f, 3, false}, {0.044715f, 2, false}, {0.044715f, 4, false}, {0.044715f, 2, true}};
    for (size_t i = 0; i < sizeof near / sizeof *near; i++) {
        fixture f;
        begin(&f);
        const ig_id half = small_binary(f.g, "mul", f.x, scalar(&f, 0.5f));
        const ig_id y = small_binary(
            f.g, "mul", half, one_plus_tanh(&f, near[i].factor, near[i].power, near[i].by_pow));
        assert_true(ig_graph_set_io(f.g, &f.x, 1, &y, 1));
        small_passes(f.g, &f.heap);
        assert_true(f.g->n_nodes > 1);
        ig_graph_close(&f.g);
    }
}

static void swish_and_hard_swish(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    fuses_to(&f, small_binary(f.g, "mul", f.x, small_unary(f.g, "sigmoid", f.x)), "unary", "swish");
    begin(&f);
    const ig_id sum = small_binary(f.g, "add", f.x, scalar(&f, 3));
    const ig_id in[] = {sum, scalar(&f, 0), scalar(&f, 6)};
    const ig_id clipped = ig_graph_value(f.g, "", NULL);
    assert_non_null(ig_graph_node(f.g, ig_op_find("clip"), "", in, 3, &clipped, 1, 0));
    fuses_to(&f, small_binary(f.g, "div", small_binary(f.g, "mul", f.x, clipped), scalar(&f, 6)),
             "unary", "hard_swish");
}

static void a_wrong_constant_is_not_fused(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    const ig_id half = small_binary(f.g, "mul", f.x, scalar(&f, 0.51f));
    const ig_id y = small_binary(f.g, "mul", half, one_plus_erf(&f));
    assert_true(ig_graph_set_io(f.g, &f.x, 1, &y, 1));
    small_passes(f.g, &f.heap);
    assert_true(f.g->n_nodes > 1);
    ig_graph_close(&f.g);
}

static ig_id mean(fixture *f, ig_id id)
{
    const ig_id in[] = {id, ig_graph_const_ints(f->g, "", (int64_t[]){-1}, 1)};
    const ig_id out = ig_graph_value(f->g, "", NULL);
    ig_node *n = ig_graph_node(f->g, ig_op_find("reduce"), "", in, 2, &out, 1, 0);
    assert_true(ig_put_attr_text(f->g, n, "fn", "mean"));
    return out;
}

static ig_id root_mean_square(fixture *f, ig_id d)
{
    const ig_id var = mean(f, small_binary(f->g, "pow", d, scalar(f, 2)));
    return small_unary(f->g, "sqrt", small_binary(f->g, "add", var, scalar(f, 1e-5f)));
}

static const float gamma_[8] = {1, 2, 3, 4, 5, 6, 7, 8}, beta_[8] = {8, 7, 6, 5, 4, 3, 2, 1};

static void layer_norm(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    const int64_t n = 8;
    const ig_id d = small_binary(f.g, "sub", f.x, mean(&f, f.x));
    ig_id y = small_binary(f.g, "div", d, root_mean_square(&f, d));
    y = small_binary(f.g, "mul", y, small_const(f.g, "gamma", 1, &n, gamma_));
    y = small_binary(f.g, "add", y, small_const(f.g, "beta", 1, &n, beta_));
    fuses_to(&f, y, "layer_norm", NULL);
}

static void rms_norm(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    const int64_t n = 8;
    const ig_id inverse = small_unary(f.g, "reciprocal", root_mean_square(&f, f.x));
    const ig_id y = small_binary(f.g, "mul", small_binary(f.g, "mul", f.x, inverse),
                                 small_const(f.g, "gamma", 1, &n, gamma_));
    fuses_to(&f, y, "rms_norm", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gelu_in_three_bracketings),
        cmocka_unit_test(gelu_by_tanh),
        cmocka_unit_test(another_cubic_is_not_fused),
        cmocka_unit_test(swish_and_hard_swish),
        cmocka_unit_test(a_wrong_constant_is_not_fused),
        cmocka_unit_test(layer_norm),
        cmocka_unit_test(rms_norm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
