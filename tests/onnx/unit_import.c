/* unit_import.c - models built by hand: names, order, functions, subgraphs, and what is refused. */
#include "tests/check.h"
#include "tests/onnx/pb.h"
#include "formats/onnx/onnx.h"
#include "runtime/graph/exec.h"

#include <stdio.h>

static ingot_error err;
static ig_heap heap;
static ig_graph *g;
static pb bytes; /* of the model behind g, which borrows them */

static int begin(void **state)
{
    (void)state;
    ig_heap_init(&heap, NULL);
    g = NULL;
    return 0;
}

static int end(void **state)
{
    (void)state;
    ig_graph_close(&g);
    free(bytes.p);
    bytes.p = NULL;
    return heap.live_bytes != 0;
}

static ingot_status import(pb model)
{
    ig_graph_close(&g);
    free(bytes.p);
    bytes = model;
    err = (ingot_error){0};
    return ig_onnx_read(&g, NULL, &heap, bytes.p, bytes.n, NULL, NULL, &err);
}

/* x: f32 [2] -> the first element of output 0. */
static float run(float x0, float x1)
{
    ig_exec *exec = NULL;
    float x[] = {x0, x1};
    const ig_exec_options options = {.heap = &heap};
    ig_tensor in = {.dtype = INGOT_F32, .rank = 1, .dims = {2}, .data = x}, out[4] = {{0}};
    check_ok(ig_exec_open(&exec, g, &options, &err));
    check_ok(ig_exec_run(exec, out, &in, &err));
    assert_int_equal(out[0].dtype, INGOT_F32);
    const float y = ((const float *)out[0].data)[0];
    ig_exec_close(&exec);
    return y;
}

/* The graph's input x and outputs y..., all f32 [2]. */
static void io(pb *graph, const char *outputs)
{
    pb_message(graph, 11, pb_value("x", pb_type(1, 1, 2)));
    for (const char *p = outputs; *p; p++)
        pb_message(graph, 12, pb_value((char[]){*p, 0}, pb_type(1, 1, 2)));
}

static void nodes_may_come_in_any_order(void **state)
{
    (void)state;
    pb graph = {0};
    pb_message(&graph, 1, pb_node("Neg", "last", "b", "y"));
    pb_message(&graph, 1, pb_node("Add", "mid", "a,x", "b"));
    pb_message(&graph, 1, pb_node("Abs", "first", "x", "a"));
    io(&graph, "y");
    check_ok(import(pb_model(graph, 17)));
    assert_int_equal(g->n_nodes, 3);
    assert_string_equal(g->nodes[0]->name, "first");
    assert_true(run(3, 0) == -6);
    assert_true(run(-3, 0) == 0);
}

static void a_cycle_names_a_node(void **state)
{
    (void)state;
    pb graph = {0};
    pb_message(&graph, 1, pb_node("Add", "knot", "x,b", "a"));
    pb_message(&graph, 1, pb_node("Abs", "other", "a", "b"));
    pb_message(&graph, 1, pb_node("Abs", "out", "b", "y"));
    io(&graph, "y");
    assert_int_equal(import(pb_model(graph, 17)), INGOT_E_FORMAT);
    assert_non_null(strstr(err.text, "cycle"));
    assert_non_null(strstr(err.text, "knot"));
}

static ingot_status import_two(pb a, pb b, const char *outputs)
{
    pb graph = {0};
    pb_message(&graph, 1, a);
    pb_message(&graph, 1, b);
    io(&graph, outputs);
    return import(pb_model(graph, 17));
}

static void names_must_be_made_once(void **state)
{
    (void)state;
    assert_int_equal(import_two(pb_node("Abs", "p", "x", "y"), pb_node("Neg", "q", "x", "y"), "y"),
                     INGOT_E_FORMAT);
    assert_non_null(strstr(err.text, "'y' is defined twice"));
    assert_int_equal(import_two(pb_node("Abs", "p", "x", "x"), pb_node("Neg", "q", "x", "y"), "y"),
                     INGOT_E_FORMAT);
    assert_int_equal(
        import_two(pb_node("Abs", "p", "ghost", "a"), pb_node("Neg", "q", "x", "y"), "y"),
        INGOT_E_FORMAT);
    assert_non_null(strstr(err.text, "ghost"));
    assert_int_equal(import_two(pb_node("Abs", "p", "x", "a"), pb_node("Neg", "q", "x", "b"), "y"),
                     INGOT_E_FORMAT);
    assert_non_null(strstr(err.text, "nothing makes its output 'y'"));
    check_ok(import_two(pb_node("Abs", "", "x", "a"), pb_node("Neg", "", "x", "y"), "y"));
    assert_string_equal(g->nodes[1]->name, "Neg_1");
}

static void every_unsupported_op_is_listed(void **state)
{
    (void)state;
    pb graph = {0}, inner = {0}, custom = pb_node("Zap", "z", "x", "c");
    pb branch = pb_attr("then_branch", 5), choice = pb_node("If", "choice", "x", "d");
    pb_text(&custom, 7, "my.domain");
    pb_message(&inner, 1, pb_node("Inner", "deep", "x", "i"));
    pb_message(&branch, 6, inner);
    pb_message(&choice, 5, branch);
    pb_message(&graph, 1, pb_node("Foo", "f", "x", "a"));
    pb_message(&graph, 1, pb_node("Foo", "f2", "x", "b"));
    pb_message(&graph, 1, custom);
    pb_message(&graph, 1, choice);
    io(&graph, "a");
    assert_int_equal(import(pb_model(graph, 12)), INGOT_E_UNSUPPORTED);
    assert_string_equal(err.text, "unsupported: node 'f' Foo (ai.onnx, opset 12) and 1 more; "
                                  "node 'z' Zap (my.domain, opset 1); "
                                  "node 'deep' Inner (ai.onnx, opset 12)");
    pb many = {0};
    for (int i = 0; i < 100; i++) {
        char op[16];
        snprintf(op, sizeof op, "Strange%d", i);
        pb_message(&many, 1, pb_node(op, op, "x", op));
    }
    io(&many, "x");
    assert_int_equal(import(pb_model(many, 12)), INGOT_E_UNSUPPORTED);
    assert_non_null(strstr(err.text, "other ops"));
}

static void initializers_win_over_inputs(void **state)
{
    (void)state;
    pb graph = {0};
    pb_message(&graph, 5, pb_floats("w", (float[]){10, 20}, 2));
    pb_message(&graph, 11, pb_value("w", pb_type(1, 1, 2)));
    pb_message(&graph, 1, pb_node("Add", "", "x,w", "y"));
    io(&graph, "y");
    check_ok(import(pb_model(graph, 0))); /* no opset import either */
    assert_int_equal(g->n_inputs, 1);
    assert_true(run(1, 0) == 11);
}

static void outputs_may_be_inputs_and_constants(void **state)
{
    (void)state;
    pb graph = {0}, value = pb_attr("value", 4), constant = pb_node("Constant", "", "", "c");
    pb_message(&value, 5, pb_floats("", (float[]){7, 8}, 2));
    pb_message(&constant, 5, value);
    pb_message(&graph, 1, constant);
    pb_message(&graph, 1, pb_node("Identity", "", "x", "i"));
    io(&graph, "cxii");
    check_ok(import(pb_model(graph, 17)));
    assert_int_equal(g->n_outputs, 4);
    const char *const names[] = {"c", "x", "i", "i"};
    for (size_t i = 0; i < 4; i++) assert_string_equal(g->values[g->outputs[i]].name, names[i]);
    assert_true(run(1, 2) == 7);
}

static void symbols_are_shared_by_name(void **state)
{
    (void)state;
    pb graph = {0};
    pb_message(&graph, 1, pb_node("Add", "", "a,b", "y"));
    pb_message(&graph, 11, pb_value("a", pb_type(1, 2, -1, 3)));
    pb_message(&graph, 11, pb_value("b", pb_type(1, 2, -1, 3)));
    pb_message(&graph, 12, pb_value("y", pb_type(1, 2, -1, 3)));
    check_ok(import(pb_model(graph, 17)));
    const ig_type *t = &g->values[g->outputs[0]].type;
    assert_true(IG_DIM_IS_SYMBOL(t->dims[0]));
    assert_int_equal(t->dims[0], g->values[g->inputs[1]].type.dims[0]);
    assert_string_equal(ig_graph_symbol_name(g, t->dims[0]), "n");
}

/* ---- functions ---- */

/* Leaky(a) -> b with an attribute: LeakyRelu(alpha = @slope), then Neg; slope defaults to 0.5. */
static pb leaky(void)
{
    pb fn = {0}, node = pb_node("LeakyRelu", "inner", "a", "t"), ref = pb_attr("alpha", 1);
    pb slope = pb_attr("slope", 1);
    pb_text(&fn, 1, "Leaky");
    pb_text(&fn, 4, "a");
    pb_text(&fn, 5, "b");
    pb_text(&ref, 21, "slope");
    pb_message(&node, 5, ref);
    pb_message(&fn, 7, pb_node("Neg", "", "t", "b")); /* before its input is made */
    pb_message(&fn, 7, node);
    pb_float(&slope, 2, 0.5f);
    pb_message(&fn, 11, slope);
    pb_message(&fn, 9, pb_opset("", 16));
    pb_text(&fn, 10, "my.domain");
    return fn;
}

static pb call(const char *op, const char *name, const char *in, const char *out)
{
    pb m = pb_node(op, name, in, out);
    pb_text(&m, 7, "my.domain");
    return m;
}

static void functions_are_inlined(void **state)
{
    (void)state;
    pb graph = {0}, given = call("Leaky", "two", "t", "y"), slope = pb_attr("slope", 1);
    pb_float(&slope, 2, 0.25f);
    pb_message(&given, 5, slope);
    pb_message(&graph, 1, call("Leaky", "one", "x", "t"));
    pb_message(&graph, 1, given);
    io(&graph, "y");
    pb model = pb_model(graph, 17);
    pb_message(&model, 25, leaky());
    check_ok(import(model));
    assert_int_equal(g->n_nodes, 4);
    assert_string_equal(g->nodes[0]->name, "one/inner");
    assert_string_equal(g->values[g->outputs[0]].name, "y");
    assert_true(run(4, 0) == 1);   /* -4, then -(-4 * 0.25) */
    assert_true(run(-4, 0) == -2); /* -(-4 * 0.5), then -2 */
}

/* F0 = two calls of F1 = two calls of F2 ... : 2^60 nodes from a small file; and F calling itself.
 */
static void functions_that_explode_are_refused(void **state)
{
    (void)state;
    for (int itself = 0; itself < 2; itself++) {
        pb graph = {0};
        pb_message(&graph, 1, call("F0", "", "x", "y"));
        io(&graph, "y");
        pb model = pb_model(graph, 17);
        for (int i = 0; i < 30; i++) {
            char name[8], next[8];
            pb fn = {0};
            snprintf(name, sizeof name, "F%d", i);
            snprintf(next, sizeof next, "F%d", itself ? i : i + 1);
            pb_text(&fn, 1, name);
            pb_text(&fn, 4, "a");
            pb_text(&fn, 5, "c");
            if (i < 29 || itself) {
                pb_message(&fn, 7, call(next, "l", "a", "b"));
                pb_message(&fn, 7, call(next, "r", "b", "c"));
            } else
                pb_message(&fn, 7, pb_node("Abs", "", "a", "c"));
            pb_text(&fn, 10, "my.domain");
            pb_message(&model, 25, fn);
        }
        assert_int_equal(import(model), INGOT_E_FORMAT);
        assert_non_null(strstr(err.text, "calls are nested"));
    }
}

/* ---- hostile ---- */

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    pb graph = {0};
    for (int i = 0; i < 2000; i++) {
        pb attr = pb_attr("then_branch", 5), node = pb_node("If", "", "x", "y"), outer = {0};
        pb_message(&attr, 6, graph);
        pb_message(&node, 5, attr);
        pb_message(&outer, 1, node);
        graph = outer;
    }
    assert_int_equal(import(pb_model(graph, 17)), INGOT_E_FORMAT);
    assert_non_null(strstr(err.text, "nested more than"));
    pb type = pb_type(1, 1, 2);
    for (int i = 0; i < 2000; i++) { /* sequence of sequence of ... */
        pb sequence = {0}, outer = {0};
        pb_message(&sequence, 1, type);
        pb_message(&outer, 4, sequence);
        type = outer;
    }
    pb input = {0};
    pb_message(&input, 11, pb_value("x", type));
    assert_int_equal(import(pb_model(input, 17)), INGOT_E_UNSUPPORTED);
}

static void what_is_no_model_is_refused(void **state)
{
    (void)state;
    pb nothing = {0}, text = {0}, untyped = {0}, value = {0};
    assert_int_equal(import(nothing), INGOT_E_FORMAT);
    pb_put(&text, "{\"json\": true}", 14);
    assert_int_equal(import(text), INGOT_E_FORMAT);
    pb_text(&value, 1, "x");
    pb_message(&untyped, 11, value);
    assert_int_equal(import(pb_model(untyped, 17)), INGOT_E_FORMAT);
    assert_non_null(strstr(err.text, "'x'"));
}

/* ---- memory ---- */

typedef struct {
    size_t left;
} limit;

static void *limited(void *ud, void *p, size_t old, size_t now)
{
    (void)old;
    limit *l = ud;
    if (!now) {
        free(p);
        return NULL;
    }
    if (p || !l->left) return NULL;
    l->left--;
    return aligned_alloc(64, (now + 63) / 64 * 64);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (size_t n = 0; n < 400; n++) {
        pb graph = {0};
        pb_message(&graph, 5, pb_floats("w", (float[]){10, 20}, 2));
        pb_message(&graph, 1, pb_node("Add", "", "x,w", "t"));
        pb_message(&graph, 1, call("Leaky", "", "t", "y"));
        io(&graph, "y");
        pb model = pb_model(graph, 17);
        pb_message(&model, 25, leaky());
        limit l = {n};
        ig_heap tight;
        ig_heap_init(&tight, &(ingot_alloc){limited, &l});
        ig_graph *made;
        const ingot_status s =
            ig_onnx_read(&made, NULL, &tight, model.p, model.n, NULL, NULL, &err);
        ig_graph_close(&made);
        free(model.p);
        assert_int_equal(tight.live_bytes, 0);
        if (!s) {
            assert_true(n > 2);
            return;
        }
        assert_int_equal(s, INGOT_E_NOMEM);
    }
    fail_msg("it never succeeds");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(nodes_may_come_in_any_order),
        TEST(a_cycle_names_a_node),
        TEST(names_must_be_made_once),
        TEST(every_unsupported_op_is_listed),
        TEST(initializers_win_over_inputs),
        TEST(outputs_may_be_inputs_and_constants),
        TEST(symbols_are_shared_by_name),
        TEST(functions_are_inlined),
        TEST(functions_that_explode_are_refused),
        TEST(deep_nesting_is_refused),
        TEST(what_is_no_model_is_refused),
        TEST(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
