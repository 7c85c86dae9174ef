/* call.h - run one op on tensors, without a graph or a plan: types are inferred with all content
 * known, then the node is bound and run. */
#ifndef IG_TESTS_CALL_H
#define IG_TESTS_CALL_H

#include "tests/check.h"
#include "runtime/base/checked.h"
#include "runtime/graph/plan.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    ig_heap heap;
    ig_arena arena;
    ig_pool *pool; /* NULL: one thread */
    ingot_error err;
} caller;

static inline void caller_open(caller *c)
{
    memset(c, 0, sizeof *c);
    ig_heap_init(&c->heap, NULL);
    ig_arena_init(&c->arena, &c->heap);
}

static inline void caller_close(caller *c)
{
    ig_pool_close(&c->pool);
    ig_arena_clear(&c->arena);
    assert_int_equal(atomic_load(&c->heap.live_bytes), 0);
}

/* A node with default attributes in the caller's arena. */
static inline ig_node *caller_node(caller *c, const char *op, size_t n_in, size_t n_out)
{
    ig_node *node = ig_new(&c->arena, ig_node);
    node->op = ig_op_find(op);
    if (!node->op) fail_msg("no op %s", op);
    node->name = "test";
    node->attrs = ig_arena_take(&c->arena, IG_MAX(node->op->attrs_bytes, (size_t)8));
    node->n_in = (uint32_t)n_in;
    node->n_out = (uint32_t)n_out;
    node->in = ig_new_n(&c->arena, ig_id, n_in);
    node->out = ig_new_n(&c->arena, ig_id, n_out);
    if (node->op->attrs) ig_attr_defaults(node->attrs, node->op->attrs);
    return node;
}

static inline void caller_set(caller *c, ig_node *node, const char *name, ig_attr_value value)
{
    const ig_attr *field = ig_attr_find(node->op->attrs, name);
    if (!field) fail_msg("%s has no attribute %s", node->op->name, name);
    if (ig_attr_set(node->attrs, field, &value, &c->arena, &c->err)) fail_msg("%s", c->err.text);
}

static inline void caller_int(caller *c, ig_node *node, const char *name, int64_t v)
{
    caller_set(c, node, name, (ig_attr_value){.kind = IG_ATTR_INT, .i = v});
}

static inline void caller_text(caller *c, ig_node *node, const char *name, const char *v)
{
    caller_set(c, node, name, (ig_attr_value){.kind = IG_ATTR_TEXT, .s = v});
}

/* ig_tensor in the caller's arena, content copied. */
static inline ig_tensor *caller_tensor(caller *c, ingot_dtype dtype, int rank, const int64_t *dims,
                                       const void *data)
{
    ig_tensor *t = ig_new(&c->arena, ig_tensor);
    *t = (ig_tensor){.dtype = dtype, .rank = rank};
    for (int d = 0; d < rank; d++) t->dims[d] = dims[d];
    const size_t bytes = ig_tensor_elements(t) * ig_dtype(dtype)->bytes;
    t->data = ig_arena_take(&c->arena, bytes + 64);
    if (bytes) memcpy(t->data, data, bytes);
    return t;
}

static inline ig_tensor *caller_ints(caller *c, size_t n, const int64_t *v)
{
    return caller_tensor(c, INGOT_I64, 1, (int64_t[]){(int64_t)n}, v);
}

/* Infer, bind, run. in: [n_in], NULL where omitted. out: filled. */
static inline ingot_status call(caller *c, const ig_node *node, const ig_tensor *const *in,
                                ig_tensor *out)
{
    const ig_type **types = ig_new_n(&c->arena, const ig_type *, node->n_in);
    ig_type *out_types = ig_new_n(&c->arena, ig_type, node->n_out);
    ig_tensor **outs = ig_new_n(&c->arena, ig_tensor *, node->n_out);
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (!in[i]) continue;
        ig_type *t = ig_new(&c->arena, ig_type);
        *t = ig_type_of(in[i]);
        types[i] = t;
    }
    for (uint32_t o = 0; o < node->n_out; o++)
        outs[o] = node->out[o] == IG_NO_VALUE ? NULL : &out[o];
    const ingot_status s = ig_node_infer(node, types, in, out_types, &c->err);
    if (s) return s;
    return ig_node_evaluate(node, in, outs, out_types, &c->arena, NULL, c->pool, &c->err);
}

#endif
