/* unit_graph.c - building, sorting, checking and printing graphs. */
#include "tests/graph/small.h"

static const int64_t two[] = {2};

static void sorting_restores_order_and_keeps_what_is_sorted(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_graph *g = ig_graph_open(&heap, NULL);
    const ig_id x = small_input(g, "x", 1, two), a = small_unary(g, "relu", x);
    const ig_id b = small_unary(g, "abs", a), c = small_binary(g, "add", a, b);
    assert_true(ig_graph_set_io(g, &x, 1, &c, 1));
    ig_node *first = g->nodes[0];
    check_ok(ig_graph_sort(g, &err));
    assert_ptr_equal(g->nodes[0], first);
    g->nodes[0] = g->nodes[2];
    g->nodes[2] = first;
    assert_int_equal(ig_graph_check(g, &err), INGOT_E_FORMAT);
    check_ok(ig_graph_sort(g, &err));
    assert_ptr_equal(g->nodes[0], first);
    check_ok(ig_graph_check(g, &err));
    ig_graph_close(&g);
    assert_int_equal(heap.live_bytes, 0);
}

static void a_cycle_is_an_error_that_names_a_node(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_graph *g = ig_graph_open(&heap, NULL);
    const ig_id x = small_input(g, "x", 1, two), a = small_binary(g, "add", x, x);
    const ig_id b = small_unary(g, "relu", a);
    g->nodes[0]->in[1] = b;
    assert_true(ig_graph_set_io(g, &x, 1, &b, 1));
    assert_int_equal(ig_graph_sort(g, &err), INGOT_E_FORMAT);
    assert_non_null(strstr(err.text, "cycle"));
    ig_graph_close(&g);
}

static void a_long_chain_sorts_without_recursion(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_graph *g = ig_graph_open(&heap, NULL);
    ig_id v = small_input(g, "x", 1, two);
    assert_true(ig_graph_set_io(g, &v, 1, &v, 1));
    for (int i = 0; i < 200000; i++) v = small_unary(g, "neg", v);
    for (size_t i = 0; i < g->n_nodes / 2; i++) { /* reversed: the worst case */
        ig_node *other = g->nodes[g->n_nodes - 1 - i];
        g->nodes[g->n_nodes - 1 - i] = g->nodes[i];
        g->nodes[i] = other;
    }
    check_ok(ig_graph_sort(g, &err));
    check_ok(ig_graph_check(g, &err));
    ig_graph_close(&g);
}

static void the_check_refuses_what_is_not_a_graph(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_graph *g = ig_graph_open(&heap, NULL);
    const ig_id x = small_input(g, "x", 1, two), a = small_unary(g, "relu", x);
    assert_true(ig_graph_set_io(g, &x, 1, &a, 1));
    check_ok(ig_graph_check(g, &err));
    g->nodes[0]->in[0] = 99; /* out of range */
    assert_int_equal(ig_graph_check(g, &err), INGOT_E_FORMAT);
    g->nodes[0]->in[0] = IG_NO_VALUE; /* required input left out */
    assert_int_equal(ig_graph_check(g, &err), INGOT_E_FORMAT);
    g->nodes[0]->in[0] = x;
    g->nodes[0]->out[0] = x; /* made twice */
    assert_int_equal(ig_graph_check(g, &err), INGOT_E_FORMAT);
    g->nodes[0]->out[0] = a;
    g->nodes[0]->n_in = 0; /* arity */
    assert_int_equal(ig_graph_check(g, &err), INGOT_E_FORMAT);
    g->nodes[0]->n_in = 1;
    g->outputs[0] = 77;
    assert_int_equal(ig_graph_check(g, &err), INGOT_E_FORMAT);
    ig_graph_close(&g);
}

static void symbols_are_shared_with_subgraphs(void **state)
{
    (void)state;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_graph *g = ig_graph_open(&heap, NULL), *body = ig_graph_open(&heap, g);
    const int64_t batch = ig_graph_symbol(g, "batch");
    assert_int_equal(ig_graph_symbol(body, "batch"), batch);
    const int64_t seq = ig_graph_symbol(body, "seq");
    assert_string_equal(ig_graph_symbol_name(g, seq), "seq");
    const ig_type t = ig_type_tensor(INGOT_F32, 3, (int64_t[]){batch, seq, IG_DIM_UNKNOWN});
    char text[64];
    ig_type_print(text, sizeof text, &t, g->symbols);
    assert_string_equal(text, "f32[batch,seq,?]");
    ig_graph_close(&body);
    ig_graph_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorting_restores_order_and_keeps_what_is_sorted),
        cmocka_unit_test(a_cycle_is_an_error_that_names_a_node),
        cmocka_unit_test(a_long_chain_sorts_without_recursion),
        cmocka_unit_test(the_check_refuses_what_is_not_a_graph),
        cmocka_unit_test(symbols_are_shared_with_subgraphs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
