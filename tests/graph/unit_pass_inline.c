/* unit_pass_inline.c - a branch whose condition is constant becomes part of the graph around it. */
#include "tests/graph/small.h"

static ig_graph *branch(ig_graph *parent, ig_heap *heap, const char *fn)
{
    const int64_t three[] = {3};
    ig_graph *g = ig_graph_open(heap, parent);
    const ig_id x = small_input(g, "captured", 1, three), y = small_unary(g, fn, x);
    assert_true(ig_graph_set_io(g, &x, 1, &y, 1));
    return g;
}

static void the_taken_branch_is_left(bool cond, float want)
{
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_graph *g = ig_graph_open(&heap, NULL);
    const int64_t three[] = {3};
    const ig_id x = small_input(g, "x", 1, three);
    const ig_id c = ig_graph_const_copy(g, "cond", INGOT_BOOL, 0, NULL, &(unsigned char){cond});
    const ig_id y = ig_graph_value(g, "y", NULL), in[] = {c, x, x}; /* what each branch captures */
    ig_node *n = ig_graph_node(g, ig_op_find("if"), "", in, 3, &y, 1, 2);
    assert_non_null(n);
    n->sub[0] = branch(g, &heap, "neg");
    n->sub[1] = branch(g, &heap, "abs");
    assert_true(ig_graph_set_io(g, &x, 1, &y, 1));
    small_passes(g, &heap);
    check_ok(ig_graph_check(g, &err));
    if (g->n_nodes != 1 || g->nodes[0]->n_sub) fail_msg("left:\n%s", small_text(g));
    const ig_exec_options o = {.heap = &heap};
    ig_exec *e;
    check_ok(ig_exec_open(&e, g, &o, &err));
    float data[] = {-2, 0, 5};
    ig_tensor t = small_tensor(data, 1, three), out = {0};
    check_ok(ig_exec_run(e, &out, &t, &err));
    assert_true(((float *)out.data)[2] == want);
    ig_exec_close(&e);
    ig_graph_close(&g);
    assert_int_equal(heap.live_bytes, 0);
}

static void true_takes_the_first(void **state)
{
    (void)state;
    the_taken_branch_is_left(true, -5);
}

static void false_takes_the_second(void **state)
{
    (void)state;
    the_taken_branch_is_left(false, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(true_takes_the_first),
                                       cmocka_unit_test(false_takes_the_second)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
