/* unit_passes.c - graphs before and after each of the general passes. */
#include "tests/graph/small.h"
#include "runtime/graph/passes.h"

typedef struct {
    ig_heap heap;
    ig_arena scratch;
    ig_graph *g;
    ig_id x;
} fixture;

static const int64_t three[] = {3};

static void begin(fixture *f)
{
    ig_heap_init(&f->heap, NULL);
    ig_arena_init(&f->scratch, &f->heap);
    f->g = ig_graph_open(&f->heap, NULL);
    f->x = small_input(f->g, "x", 1, three);
}

static void run_pass(fixture *f, ig_pass_fn *pass)
{
    ingot_error err;
    ig_pass_context c = {.heap = &f->heap, .scratch = &f->scratch};
    check_ok(ig_infer_graph(f->g, &f->heap, &err));
    check_ok(pass(f->g, &c, &err));
    check_ok(ig_graph_check(f->g, &err));
}

static void end(fixture *f)
{
    ig_arena_clear(&f->scratch);
    ig_graph_close(&f->g);
    assert_int_equal(f->heap.live_bytes, 0);
}

static void fold_computes_constants(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    const ig_id c = small_const(f.g, "c", 1, three, (float[]){1, -2, 3});
    const ig_id d = small_unary(f.g, "neg", c), e = small_binary(f.g, "mul", d, d);
    const ig_id y = small_binary(f.g, "add", f.x, e);
    assert_true(ig_graph_set_io(f.g, &f.x, 1, &y, 1));
    run_pass(&f, ig_pass_fold);
    assert_int_equal(f.g->n_nodes, 1);
    assert_true(f.g->values[e].is_const);
    const float *v = f.g->values[e].data;
    assert_true(v[0] == 1 && v[1] == 4 && v[2] == 9);
    end(&f);
}

static void dead_drops_what_nobody_reads(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    const ig_id c = small_const(f.g, "c", 1, three, (float[]){1, 2, 3});
    small_unary(f.g, "neg", small_binary(f.g, "add", f.x, c));
    const ig_id y = small_unary(f.g, "abs", f.x);
    assert_true(ig_graph_set_io(f.g, &f.x, 1, &y, 1));
    run_pass(&f, ig_pass_dead);
    assert_int_equal(f.g->n_nodes, 1);
    assert_false(f.g->values[c].is_const);
    end(&f);
}

static void cse_merges_equal_nodes_and_their_users(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    const ig_id a = small_unary(f.g, "neg", f.x), b = small_unary(f.g, "neg", f.x);
    const ig_id other = small_unary(f.g, "abs", f.x);
    const ig_id p = small_binary(f.g, "add", a, other), q = small_binary(f.g, "add", b, other);
    const ig_id y = small_binary(f.g, "mul", p, q);
    assert_true(ig_graph_set_io(f.g, &f.x, 1, &y, 1));
    run_pass(&f, ig_pass_cse);
    assert_int_equal(f.g->n_nodes, 4);
    const ig_node *last = f.g->nodes[3];
    assert_int_equal(last->in[0], last->in[1]);
    end(&f);
}

static void inference_follows_symbols(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    const int64_t batch = ig_graph_symbol(f.g, "batch");
    const ig_id in = small_input(f.g, "in", 2, (int64_t[]){batch, 3});
    const ig_id y = small_binary(f.g, "add", small_unary(f.g, "relu", in), f.x);
    const ig_id ins[] = {f.x, in};
    assert_true(ig_graph_set_io(f.g, ins, 2, &y, 1));
    ingot_error err;
    check_ok(ig_infer_graph(f.g, &f.heap, &err));
    assert_int_equal(f.g->values[y].type.dims[0], batch);
    assert_non_null(strstr(small_text(f.g), "f32[batch,3]"));
    end(&f);
}

static void shapes_that_cannot_be_are_named(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    const ig_id c = small_const(f.g, "c", 1, (int64_t[]){4}, (float[]){1, 2, 3, 4});
    const ig_id y = small_binary(f.g, "add", f.x, c);
    assert_true(ig_graph_set_io(f.g, &f.x, 1, &y, 1));
    ingot_error err;
    assert_int_equal(ig_infer_graph(f.g, &f.heap, &err), INGOT_E_FORMAT);
    assert_non_null(strstr(err.text, "f32[3] and f32[4] do not broadcast"));
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fold_computes_constants),
        cmocka_unit_test(dead_drops_what_nobody_reads),
        cmocka_unit_test(cse_merges_equal_nodes_and_their_users),
        cmocka_unit_test(inference_follows_symbols),
        cmocka_unit_test(shapes_that_cannot_be_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
