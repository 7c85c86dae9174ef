/* decode_rig.h - a decoder's graph run without an engine: one sequence, pages in order, logits of
 * every token. */
#ifndef IG_TESTS_LLM_DECODE_RIG_H
#define IG_TESTS_LLM_DECODE_RIG_H

#include "tests/check.h"
#include "formats/ingot/ingot_file.h"
#include "runtime/graph/exec.h"
#include "runtime/ops/paged_attention.h"

#include <stdlib.h>
#include <string.h>

enum { RIG_LAYERS = 64, RIG_PAGE = 16, RIG_PAGES = 32, RIG_TOKENS = RIG_PAGE * RIG_PAGES };

typedef struct {
    ig_ingot *file;
    ig_exec *exec;
    ig_kv_layer layers[RIG_LAYERS];
    int32_t table[RIG_PAGES];
    ig_kv_span span;
    ig_kv_step step;
    size_t vocab, done; /* tokens in the cache */
} decode_rig;

static inline void rig_cache(decode_rig *r)
{
    ingot_error err;
    size_t at = 0, n = 0;
    const ig_graph *g = r->file->graph;
    for (size_t i = 0; i < g->n_nodes; i++) {
        ig_paged_layer l;
        bool is;
        check_ok(ig_paged_layer_of(&l, &is, g, g->nodes[i], &err));
        if (!is) continue;
        assert_true(l.layer == n && n < RIG_LAYERS);
        ig_kv_layer *to = &r->layers[n++];
        assert_true(ig_page_format_init(&to->format, IG_PAGE_F32, RIG_PAGE, l.d, l.dv));
        to->at = at;
        to->kv_heads = l.kv_heads;
        at += to->format.bytes * l.kv_heads;
    }
    unsigned char *base = aligned_alloc(64, at * RIG_PAGES);
    assert_non_null(base);
    memset(base, 0, at * RIG_PAGES);
    for (int32_t i = 0; i < RIG_PAGES; i++) r->table[i] = i;
    r->step = (ig_kv_step){.layers = r->layers,
                           .n_layers = n,
                           .base = base,
                           .page_bytes = at,
                           .spans = &r->span,
                           .n_spans = 1};
}

static inline void rig_open(decode_rig *r, ig_heap *heap, const char *path)
{
    ingot_error err;
    *r = (decode_rig){.done = 0};
    check_ok(ig_ingot_open(&r->file, heap, path, &err));
    const ig_graph *g = r->file->graph;
    const ig_type *out = &g->values[g->outputs[0]].type;
    assert_int_equal(out->rank, 2);
    r->vocab = (size_t)out->dims[1];
    rig_cache(r);
    const ig_exec_options o = {.heap = heap};
    check_ok(ig_exec_open(&r->exec, g, &o, &err));
    ig_exec_kv(r->exec, &r->step);
}

static inline void rig_close(decode_rig *r)
{
    ig_exec_close(&r->exec);
    ig_ingot_close(&r->file);
    free(r->step.base);
}

/* rig_step_rows - n more tokens; logits [n_rows, vocab] of the last n_rows of them. */
static inline void rig_step_rows(decode_rig *r, float *logits, const int32_t *ids, size_t n,
                                 size_t n_rows)
{
    ingot_error err;
    int32_t positions[RIG_TOKENS], rows[RIG_TOKENS];
    assert_true(r->done + n <= RIG_TOKENS);
    for (size_t i = 0; i < n; i++) {
        positions[i] = (int32_t)(r->done + i);
        rows[i] = (int32_t)(n - n_rows + i);
    }
    r->span = (ig_kv_span){.n = n, .before = r->done, .pages = r->table};
    ig_tensor in[3], out = {.dtype = INGOT_F32, .rank = 2, .data = logits};
    void *const data[] = {(void *)(uintptr_t)ids, positions, rows};
    for (size_t i = 0; i < 3; i++)
        in[i] = (ig_tensor){.dtype = INGOT_I32,
                            .rank = 1,
                            .dims = {(int64_t)(i == 2 ? n_rows : n)},
                            .data = data[i]};
    out.dims[0] = (int64_t)n_rows;
    out.dims[1] = (int64_t)r->vocab;
    check_ok(ig_exec_run(r->exec, &out, in, &err));
    r->done += n;
}

/* rig_step - the logits of all. */
static inline void rig_step(decode_rig *r, float *logits, const int32_t *ids, size_t n)
{
    rig_step_rows(r, logits, ids, n, n);
}

#endif
