/* unit_exec.c - runs give what a hand calculation gives, allocate nothing, and find their plans
 * again. */
#include "tests/graph/small.h"

#include <stdlib.h>

/* y = relu(x + bias) * x, with a dynamic batch. */
static ig_graph *open_model(ig_heap *heap)
{
    ig_graph *g = ig_graph_open(heap, NULL);
    const int64_t dims[] = {ig_graph_symbol(g, "batch"), 3};
    const ig_id x = small_input(g, "x", 2, dims);
    const ig_id bias = small_const(g, "bias", 1, (int64_t[]){3}, (float[]){1, -2, 0.5f});
    const ig_id sum = small_binary(g, "add", x, bias),
                y = small_binary(g, "mul", small_unary(g, "relu", sum), x);
    assert_true(ig_graph_set_io(g, &x, 1, &y, 1));
    return g;
}

static void expect(const float *y, const float *x, size_t n)
{
    static const float bias[] = {1, -2, 0.5f};
    for (size_t i = 0; i < n; i++) {
        const float sum = x[i] + bias[i % 3];
        assert_true(y[i] == (sum > 0 ? sum : 0) * x[i]);
    }
}

static void steady_runs_allocate_nothing(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_graph *g = open_model(&heap);
    const ig_exec_options o = {.heap = &heap};
    ig_exec *x;
    check_ok(ig_exec_open(&x, g, &o, &err));
    float data[12], result[12];
    for (int i = 0; i < 12; i++) data[i] = (float)(i - 5) * 0.7f;
    for (int64_t batch = 1; batch <= 4; batch++) { /* plans for four shapes */
        ig_tensor in = small_tensor(data, 2, (int64_t[]){batch, 3}), out = {0};
        check_ok(ig_exec_run(x, &out, &in, &err));
        assert_int_equal(out.dims[0], batch);
        expect(out.data, data, 3 * (size_t)batch);
    }
    const size_t before = heap.n_calls;
    for (int round = 0; round < 20; round++) {
        const int64_t batch = 1 + round % 4;
        ig_tensor in = small_tensor(data, 2, (int64_t[]){batch, 3});
        ig_tensor out = small_tensor(result, 2, (int64_t[]){batch, 3});
        memset(result, 0, sizeof result);
        check_ok(ig_exec_run(x, &out, &in, &err));
        assert_ptr_equal(out.data, result);
        expect(result, data, 3 * (size_t)batch);
    }
    assert_int_equal(heap.n_calls, before);
    ig_exec_close(&x);
    ig_graph_close(&g);
    assert_int_equal(heap.live_bytes, 0);
}

static void the_plan_counts_what_a_run_takes(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_graph *g = open_model(&heap);
    const ig_exec_options o = {.heap = &heap};
    ig_exec *x;
    check_ok(ig_exec_open(&x, g, &o, &err));
    const ig_type type = ig_type_tensor(INGOT_F32, 2, (int64_t[]){1000, 3});
    ig_plan_info info;
    check_ok(ig_exec_plan(x, &type, &info, &err));
    assert_true(info.exact);
    assert_int_equal(info.n_dynamic, 0);
    assert_int_equal(info.n_steps, 3);
    /* relu overwrites the sum; the output is a second block */
    assert_true(info.arena_bytes <= 2 * 12032);
    const size_t live = heap.live_bytes;
    float *data = calloc(3000, sizeof *data);
    ig_tensor in = small_tensor(data, 2, (int64_t[]){1000, 3}), out = {0};
    check_ok(ig_exec_run(x, &out, &in, &err));
    assert_int_equal(heap.live_bytes, live);
    free(data);
    ig_exec_close(&x);
    ig_graph_close(&g);
}

static void bad_inputs_and_buffers_are_refused(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_graph *g = open_model(&heap);
    const ig_exec_options o = {.heap = &heap};
    ig_exec *x;
    check_ok(ig_exec_open(&x, g, &o, &err));
    float data[12] = {0};
    ig_tensor out = {0}, in = small_tensor(data, 2, (int64_t[]){1, 4});
    assert_int_equal(ig_exec_run(x, &out, &in, &err), INGOT_E_DATA);
    assert_non_null(strstr(err.text, "'x' is f32[1,4], the model expects f32[batch,3]"));
    in = small_tensor(data, 1, (int64_t[]){3});
    assert_int_equal(ig_exec_run(x, &out, &in, &err), INGOT_E_DATA);
    in = small_tensor(data, 2, (int64_t[]){1, 3});
    in.dtype = INGOT_I32;
    assert_int_equal(ig_exec_run(x, &out, &in, &err), INGOT_E_DATA);
    in = small_tensor(data, 2, (int64_t[]){1, 3});
    out = small_tensor(data + 6, 2, (int64_t[]){2, 3});
    assert_int_equal(ig_exec_run(x, &out, &in, &err), INGOT_E_ARG);
    in = small_tensor(data, 2, (int64_t[]){INT64_MAX, 3});
    out = (ig_tensor){0};
    assert_int_not_equal(ig_exec_run(x, &out, &in, &err), INGOT_OK);
    ig_exec_close(&x);
    ig_graph_close(&g);
    assert_int_equal(heap.live_bytes, 0);
}

static void cancelled_runs_end(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_graph *g = open_model(&heap);
    atomic_bool cancel = true;
    const ig_exec_options o = {.heap = &heap, .cancel = &cancel};
    ig_exec *x;
    check_ok(ig_exec_open(&x, g, &o, &err));
    float data[3] = {0};
    ig_tensor out = {0}, in = small_tensor(data, 2, (int64_t[]){1, 3});
    assert_int_equal(ig_exec_run(x, &out, &in, &err), INGOT_E_CANCELLED);
    cancel = false;
    check_ok(ig_exec_run(x, &out, &in, &err));
    ig_exec_close(&x);
    ig_graph_close(&g);
}

/* An output listed twice, an output that is an input, an output that is a constant. */
static void odd_outputs_arrive(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_graph *g = ig_graph_open(&heap, NULL);
    const int64_t two[] = {2};
    const ig_id x = small_input(g, "x", 1, two), y = small_unary(g, "neg", x);
    const ig_id c = small_const(g, "c", 1, two, (float[]){7, 8});
    const ig_id outs[] = {y, x, y, c};
    assert_true(ig_graph_set_io(g, &x, 1, outs, 4));
    const ig_exec_options o = {.heap = &heap};
    ig_exec *e;
    check_ok(ig_exec_open(&e, g, &o, &err));
    float data[2] = {1, 2}, r[4][2];
    ig_tensor in = small_tensor(data, 1, two), out[4];
    for (int i = 0; i < 4; i++) out[i] = small_tensor(r[i], 1, two);
    check_ok(ig_exec_run(e, out, &in, &err));
    assert_true(r[0][1] == -2 && r[1][1] == 2 && r[2][1] == -2 && r[3][1] == 8);
    memset(out, 0, sizeof out);
    check_ok(ig_exec_run(e, out, &in, &err));
    assert_true(((float *)out[0].data)[0] == -1 && ((float *)out[2].data)[0] == -1);
    assert_ptr_equal(out[1].data, data);
    ig_exec_close(&e);
    ig_graph_close(&g);
}

/* y = column x indices of what is not zero: its width is known only when it runs. */
static void steps_bound_at_run_time_follow_their_sizes(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_graph *g = ig_graph_open(&heap, NULL);
    const ig_id x = small_input(g, "x", 1, (int64_t[]){6});
    const ig_id at = small_op(g, "non_zero", NULL, x, IG_NO_VALUE);
    const ig_id wide = small_op(g, "cast", NULL, at, IG_NO_VALUE);
    const ig_attr_value f32 = {.kind = IG_ATTR_INT, .i = INGOT_F32};
    const ig_node *cast = g->nodes[1];
    check_ok(ig_attr_set(cast->attrs, ig_attr_find(cast->op->attrs, "to"), &f32, &g->arena, &err));
    const ig_id column = small_const(g, "c", 2, (int64_t[]){3, 1}, (float[]){1, 10, 100});
    const ig_id y = small_op(g, "matmul", NULL, column, wide);
    assert_true(ig_graph_set_io(g, &x, 1, &y, 1));
    const ig_exec_options o = {.heap = &heap};
    ig_exec *e;
    check_ok(ig_exec_open(&e, g, &o, &err));
    static float data[][6] = {{0, 1, 0, 1, 0, 0}, {1, 0, 1, 0, 1, 0}, {0, 0, 0, 0, 1, 1}, {0}};
    static const int64_t widths[] = {2, 3, 2, 0}, first[] = {1, 0, 4, 0};
    for (size_t round = 0; round < 12; round++) {
        const size_t k = round % 4;
        ig_tensor in = small_tensor(data[k], 1, (int64_t[]){6}), out = {0};
        check_ok(ig_exec_run(e, &out, &in, &err));
        assert_int_equal(out.dims[1], widths[k]);
        if (widths[k]) assert_true(((float *)out.data)[2 * widths[k]] == 100 * (float)first[k]);
    }
    ig_tensor in = small_tensor(data[0], 1, (int64_t[]){6}), out = {0};
    check_ok(ig_exec_run(e, &out, &in, &err));
    const size_t before = heap.n_calls;
    for (int round = 0; round < 5; round++) check_ok(ig_exec_run(e, &out, &in, &err));
    assert_int_equal(heap.n_calls, before); /* the bind is kept, the side memory reused */
    ig_exec_close(&e);
    ig_graph_close(&g);
    assert_int_equal(heap.live_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_bound_at_run_time_follow_their_sizes),
        cmocka_unit_test(steady_runs_allocate_nothing),
        cmocka_unit_test(the_plan_counts_what_a_run_takes),
        cmocka_unit_test(bad_inputs_and_buffers_are_refused),
        cmocka_unit_test(cancelled_runs_end),
        cmocka_unit_test(odd_outputs_arrive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
