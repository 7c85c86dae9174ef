/* unit_scope.c - names in subgraphs: what comes from outside becomes an input, once; constants are
 * shared; inner names hide outer ones. */
#include "tests/check.h"
#include "formats/onnx/scope.h"

#include <stdio.h>

static ingot_error err;
static ig_heap heap;
static ig_arena arena;
static ig_graph *graphs[3];
static onnx_body bodies[3];
static onnx_scope scopes[3]; /* each the outer one of the next */

static int begin(void **state)
{
    (void)state;
    ig_heap_init(&heap, NULL);
    ig_arena_init(&arena, &heap);
    for (size_t i = 0; i < 3; i++) {
        graphs[i] = ig_graph_open(&heap, i ? graphs[i - 1] : NULL);
        if (!graphs[i]) return -1;
        bodies[i] = (onnx_body){.g = graphs[i]};
        scopes[i] = (onnx_scope){
            .arena = &arena, .body = &bodies[i], .outer = i ? &scopes[i - 1] : NULL, .prefix = ""};
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (size_t i = 3; i-- > 0;) ig_graph_close(&graphs[i]);
    ig_arena_clear(&arena);
    return heap.live_bytes != 0;
}

static void define(size_t scope, const char *name, ig_id id)
{
    onnx_entry *e = onnx_scope_entry(&scopes[scope], name);
    assert_non_null(e);
    assert_false(e->defined);
    e->defined = true;
    e->id = id;
}

static ig_id resolve(size_t scope, const char *name)
{
    ig_id id;
    check_ok(onnx_scope_resolve(&id, &scopes[scope], name, &err));
    return id;
}

static void outer_values_become_inputs_once(void **state)
{
    (void)state;
    const ig_type type = ig_type_tensor(INGOT_F32, 1, (int64_t[]){4});
    ig_graph_value(graphs[0], "other", NULL);
    const ig_id x = ig_graph_value(graphs[0], "x", &type);
    define(0, "x", x);
    const ig_id deep = resolve(2, "x"); /* through the graph between */
    assert_int_equal(resolve(2, "x"), deep);
    assert_int_equal(bodies[2].captured.n, 1);
    assert_int_equal(bodies[2].inputs.v[0], deep);
    assert_int_equal(bodies[1].captured.n, 1);
    assert_int_equal(bodies[2].captured.v[0], resolve(1, "x"));
    assert_int_equal(bodies[1].captured.v[0], x);
    assert_int_equal(graphs[2]->values[deep].type.dims[0], 4);
    assert_string_equal(graphs[2]->values[deep].name, "x");
}

static void outer_constants_are_shared(void **state)
{
    (void)state;
    static const float w[] = {1, 2};
    define(0, "w", ig_graph_const(graphs[0], "w", INGOT_F32, 1, (int64_t[]){2}, w));
    const ig_id seen = resolve(2, "w");
    const ig_value *v = &graphs[2]->values[seen];
    assert_true(v->is_const);
    assert_ptr_equal(v->data, w);
    assert_int_equal(bodies[2].captured.n + bodies[1].captured.n, 0);
}

static void inner_names_hide_outer_ones(void **state)
{
    (void)state;
    define(0, "x", ig_graph_value(graphs[0], "x", NULL));
    ig_graph_value(graphs[1], "", NULL);
    const ig_id mine = ig_graph_value(graphs[1], "x", NULL);
    define(1, "x", mine);
    assert_int_equal(resolve(1, "x"), mine);
    resolve(2, "x");
    assert_int_equal(bodies[2].captured.v[0], mine);
    assert_int_equal(bodies[1].captured.n, 0);
}

static void omitted_inputs_stay_omitted_and_strangers_unknown(void **state)
{
    (void)state;
    ig_id id;
    define(0, "none", IG_NO_VALUE);
    assert_int_equal(resolve(2, "none"), IG_NO_VALUE);
    assert_int_equal(onnx_scope_resolve(&id, &scopes[2], "stranger", &err), INGOT_E_FORMAT);
}

static void many_names_keep_apart(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        const char *name = ig_arena_printf(&arena, "value_%u", i);
        define(0, name, i);
    }
    for (unsigned i = 0; i < 5000; i++) {
        char name[32];
        snprintf(name, sizeof name, "value_%u", i);
        assert_int_equal(resolve(0, name), i);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(outer_values_become_inputs_once),
        TEST(outer_constants_are_shared),
        TEST(inner_names_hide_outer_ones),
        TEST(omitted_inputs_stay_omitted_and_strangers_unknown),
        TEST(many_names_keep_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
