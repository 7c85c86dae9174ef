/* tiny.h - language models for tests: a Llama of a few thousand random weights, made by the graph
 * API, in a temporary file. The same seed gives the same model. */
#ifndef IG_TESTS_TINY_H
#define IG_TESTS_TINY_H

#include "formats/ingot/ingot_file.h"
#include "runtime/base/checked.h"
#include "runtime/graph/op.h"
#include "tests/check.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    uint32_t seed;
    int64_t vocab, dim, layers, heads, kv_heads, d, inner, context, window; /* window -1: none */
    double sharp;              /* factor of the logits: more makes greedy answers less flat */
    const ig_bytes *tokenizer; /* or NULL */
    const char *eos;           /* "1,2" or NULL */
} tiny_shape;

static const tiny_shape tiny_default = {.seed = 1,
                                        .vocab = 96,
                                        .dim = 32,
                                        .layers = 2,
                                        .heads = 4,
                                        .kv_heads = 2,
                                        .d = 8,
                                        .inner = 48,
                                        .context = 512,
                                        .window = -1,
                                        .sharp = 8};

typedef struct {
    ig_graph *g;
    const tiny_shape *s;
    uint32_t state;
    int64_t tokens, rows; /* the symbols */
} tiny_maker;

static inline float tiny_random(tiny_maker *m)
{
    m->state = m->state * 1664525u + 1013904223u;
    return (float)(m->state >> 8) * 0x1p-23f - 1; /* [-1, 1) */
}

static inline ig_id tiny_weight(tiny_maker *m, int64_t rows, int64_t cols, float scale)
{
    float v[1 << 14];
    const int64_t dims[2] = {rows, cols};
    assert_true(rows * cols <= (int64_t)IG_LEN(v));
    for (int64_t i = 0; i < rows * cols; i++) v[i] = scale * tiny_random(m);
    return rows == 1 ? ig_graph_const_copy(m->g, "w", INGOT_F32, 1, dims + 1, v)
                     : ig_graph_const_copy(m->g, "w", INGOT_F32, 2, dims, v);
}

static inline ig_id tiny_value(tiny_maker *m, int64_t rows, int64_t cols)
{
    const ig_type t = ig_type_tensor(INGOT_F32, 2, (int64_t[]){rows, cols});
    return ig_graph_value(m->g, "", &t);
}

static inline void tiny_set(tiny_maker *m, ig_node *n, const char *name, ig_attr_value v)
{
    ingot_error err;
    check_ok(ig_attr_set(n->attrs, ig_attr_find(n->op->attrs, name), &v, &m->g->arena, &err));
}

static inline void tiny_int(tiny_maker *m, ig_node *n, const char *name, int64_t v)
{
    tiny_set(m, n, name, (ig_attr_value){.kind = IG_ATTR_INT, .i = v});
}

static inline ig_node *tiny_node(tiny_maker *m, const char *op, ig_id out, const ig_id *in,
                                 size_t n_in)
{
    ig_node *n = ig_graph_node(m->g, ig_op_find(op), op, in, n_in, &out, 1, 0);
    assert_non_null(n);
    return n;
}

/* x [rows, k] W [k, n] (+ residual); scale of the weights keeps magnitudes. */
static inline ig_id tiny_product(tiny_maker *m, ig_id x, int64_t rows, int64_t k, int64_t n,
                                 float scale, const char *act, ig_id residual)
{
    const ig_id w = tiny_weight(m, k, n, scale), y = tiny_value(m, rows, n);
    const ig_id in[4] = {x, w, IG_NO_VALUE, residual};
    ig_node *node = tiny_node(m, "matmul", y, in, residual == IG_NO_VALUE ? 2 : 4);
    if (act) tiny_set(m, node, "act", (ig_attr_value){.kind = IG_ATTR_TEXT, .s = act});
    return y;
}

static inline ig_id tiny_norm(tiny_maker *m, ig_id x, int64_t rows)
{
    const int64_t dim = m->s->dim;
    float ones[256];
    for (int64_t i = 0; i < dim; i++) ones[i] = 1 + 0.1f * tiny_random(m);
    const ig_id gamma = ig_graph_const_copy(m->g, "gamma", INGOT_F32, 1, &dim, ones);
    const ig_id y = tiny_value(m, rows, dim);
    tiny_node(m, "rms_norm", y, (ig_id[]){x, gamma}, 2);
    return y;
}

static inline ig_id tiny_layer(tiny_maker *m, ig_id h, ig_id table, int64_t layer)
{
    const tiny_shape *s = m->s;
    const int64_t wide = (s->heads + 2 * s->kv_heads) * s->d;
    const ig_id qkv = tiny_product(m, tiny_norm(m, h, m->tokens), m->tokens, s->dim, wide, 0.4f,
                                   NULL, IG_NO_VALUE);
    const ig_id y = tiny_value(m, m->tokens, s->heads * s->d);
    const ig_id in[4] = {qkv, IG_NO_VALUE, IG_NO_VALUE, table};
    ig_node *node = tiny_node(m, "paged_attention", y, in, 4);
    tiny_int(m, node, "layer", layer);
    tiny_int(m, node, "heads", s->heads);
    tiny_int(m, node, "kv_heads", s->kv_heads);
    tiny_int(m, node, "window", s->window);
    const ig_id mid = tiny_product(m, y, m->tokens, s->heads * s->d, s->dim, 0.5f, NULL, h);
    const ig_id up = tiny_product(m, tiny_norm(m, mid, m->tokens), m->tokens, s->dim, s->inner,
                                  0.4f, "relu", IG_NO_VALUE);
    return tiny_product(m, up, m->tokens, s->inner, s->dim, 0.4f, NULL, mid);
}

static inline ig_id tiny_input(tiny_maker *m, const char *name, int64_t dim)
{
    const ig_type t = ig_type_tensor(INGOT_I32, 1, &dim);
    return ig_graph_value(m->g, name, &t);
}

static inline void tiny_build(tiny_maker *m)
{
    const tiny_shape *s = m->s;
    m->tokens = ig_graph_symbol(m->g, "tokens");
    m->rows = ig_graph_symbol(m->g, "rows");
    const ig_id in[3] = {tiny_input(m, "tokens", m->tokens), tiny_input(m, "positions", m->tokens),
                         tiny_input(m, "rows", m->rows)};
    const ig_id embedding = tiny_weight(m, s->vocab, s->dim, 1);
    ig_id h = tiny_value(m, m->tokens, s->dim);
    tiny_node(m, "embed", h, (ig_id[]){in[0], embedding}, 2);
    const ig_type turns = ig_type_tensor(INGOT_F32, 3, (int64_t[]){m->tokens, 2, s->d / 2});
    const ig_id table = ig_graph_value(m->g, "", &turns);
    tiny_int(m, tiny_node(m, "rope_table", table, in + 1, 1), "half", s->d / 2);
    for (int64_t i = 0; i < s->layers; i++) h = tiny_layer(m, h, table, i);
    const ig_id last = tiny_value(m, m->rows, s->dim);
    tiny_node(m, "gather", last, (ig_id[]){tiny_norm(m, h, m->tokens), in[2]}, 2);
    const ig_id logits =
        tiny_product(m, last, m->rows, s->dim, s->vocab, (float)s->sharp * 0.1f, NULL, IG_NO_VALUE);
    m->g->values[logits].name = "logits";
    assert_true(ig_graph_set_io(m->g, in, 3, &logits, 1));
}

/* The path of a file that tiny_remove deletes; static buffers, one for each `slot` < 4. */
static inline const char *tiny_file(const tiny_shape *shape, size_t slot)
{
    static char paths[4][64];
    ig_heap heap;
    ingot_error err;
    ig_heap_init(&heap, NULL);
    tiny_maker m = {.g = ig_graph_open(&heap, NULL), .s = shape, .state = shape->seed * 7919 + 1};
    tiny_build(&m);
    const ig_meta_entry meta[] = {
        {.key = "llm.kind", .kind = IG_ATTR_TEXT, .s = "decoder"},
        {.key = "llm.context", .kind = IG_ATTR_INT, .i = shape->context},
        {.key = "llm.vocab", .kind = IG_ATTR_INT, .i = shape->vocab},
        {.key = "llm.eos", .kind = IG_ATTR_TEXT, .s = shape->eos ? shape->eos : ""},
    };
    const ig_contents contents = {
        .graph = m.g, .meta = {meta, IG_LEN(meta)}, .tokenizer = shape->tokenizer};
    snprintf(paths[slot], sizeof paths[slot], P_tmpdir "/ingot-tiny-%d-%zu.ingot", (int)getpid(),
             slot);
    check_ok(ig_ingot_write(paths[slot], &contents, &heap, &err));
    ig_graph_close(&m.g);
    return paths[slot];
}

#endif
