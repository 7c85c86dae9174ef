/* small.h - small graphs for tests, built in a few words. */
#ifndef IG_TESTS_SMALL_H
#define IG_TESTS_SMALL_H

#include "runtime/graph/exec.h"
#include "runtime/graph/pass.h"
#include "tests/check.h"

#include <string.h>

static inline ig_id small_input(ig_graph *g, const char *name, int rank, const int64_t *dims)
{
    const ig_type t = ig_type_tensor(INGOT_F32, rank, dims);
    return ig_graph_value(g, name, &t);
}

static inline ig_id small_const(ig_graph *g, const char *name, int rank, const int64_t *dims,
                                const float *v)
{
    return ig_graph_const_copy(g, name, INGOT_F32, rank, dims, v);
}

/* One node with up to two inputs and attribute fn. */
static inline ig_id small_op(ig_graph *g, const char *op, const char *fn, ig_id a, ig_id b)
{
    const ig_id out = ig_graph_value(g, "", NULL), in[2] = {a, b};
    assert_int_not_equal(out, IG_NO_VALUE);
    ig_node *n = ig_graph_node(g, ig_op_find(op), fn, in, b == IG_NO_VALUE ? 1 : 2, &out, 1, 0);
    assert_non_null(n);
    if (fn) {
        const ig_attr_value v = {.kind = IG_ATTR_TEXT, .s = fn};
        assert_int_equal(
            ig_attr_set(n->attrs, ig_attr_find(n->op->attrs, "fn"), &v, &g->arena, NULL), INGOT_OK);
    }
    return out;
}

static inline ig_id small_unary(ig_graph *g, const char *fn, ig_id a)
{
    return small_op(g, "unary", fn, a, IG_NO_VALUE);
}

static inline ig_id small_binary(ig_graph *g, const char *fn, ig_id a, ig_id b)
{
    return small_op(g, "binary", fn, a, b);
}

static inline ig_tensor small_tensor(float *data, int rank, const int64_t *dims)
{
    ig_tensor t = {.dtype = INGOT_F32, .rank = rank, .data = data};
    for (int i = 0; i < rank; i++) t.dims[i] = dims[i];
    return t;
}

static inline void small_passes(ig_graph *g, ig_heap *heap)
{
    ingot_error err;
    ig_pass_context c = {.heap = heap};
    check_ok(ig_passes_run(g, &c, NULL, NULL, &err));
}

/* The graph as ig_graph_print gives it; static buffer. */
static inline const char *small_text(const ig_graph *g)
{
    static char text[16384];
    assert_true(ig_graph_print(text, sizeof text, g) < sizeof text);
    return text;
}

/* A step that no device takes: dropout that is training, of nothing. */
static inline ig_id small_host(ig_graph *g, ig_id a)
{
    const float ratio = 0;
    const uint8_t training = 1;
    const ig_id out = ig_graph_value(g, "", NULL);
    const ig_id in[] = {a, small_const(g, "", 0, NULL, &ratio),
                        ig_graph_const_copy(g, "", INGOT_BOOL, 0, NULL, &training)};
    assert_non_null(ig_graph_node(g, ig_op_find("dropout"), "host", in, 3, &out, 1, 0));
    return out;
}

#endif
