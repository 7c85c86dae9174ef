/* lm.c - see lm.h. */
#include "runtime/llm/engine/lm.h"
#include "runtime/base/checked.h"
#include "runtime/graph/op.h"

#include <stdlib.h>
#include <string.h>

/* ---- META ---- */

static const ig_meta_entry *find(const ig_ingot *file, const char *key)
{
    for (size_t i = 0; i < file->meta.n; i++)
        if (!strcmp(file->meta.v[i].key, key)) return &file->meta.v[i];
    return NULL;
}

bool ig_lm_int(const ig_ingot *file, const char *key, int64_t *v)
{
    const ig_meta_entry *e = find(file, key);
    if (!e || e->kind != IG_ATTR_INT) return false;
    *v = e->i;
    return true;
}

bool ig_lm_float(const ig_ingot *file, const char *key, double *v)
{
    const ig_meta_entry *e = find(file, key);
    if (!e || (e->kind != IG_ATTR_INT && e->kind != IG_ATTR_FLOAT)) return false;
    *v = e->kind == IG_ATTR_INT ? (double)e->i : e->f;
    return true;
}

const char *ig_lm_text(const ig_ingot *file, const char *key)
{
    const ig_meta_entry *e = find(file, key);
    return e && e->kind == IG_ATTR_TEXT ? e->s : NULL;
}

/* One id, or a text "1,2" of several. */
static ingot_status read_eos(ig_lm *lm, ingot_error *err)
{
    int64_t one;
    const char *text = ig_lm_text(lm->file, "llm.eos");
    if (ig_lm_int(lm->file, "llm.eos", &one)) {
        if (one < 0 || (uint64_t)one >= lm->vocab)
            return ig_fail(err, INGOT_E_FORMAT, "llm.eos is %lld, the vocabulary has %zu ids",
                           (long long)one, lm->vocab);
        lm->eos[lm->n_eos++] = (int32_t)one;
    }
    while (text && *text) {
        char *end;
        const long long id = strtoll(text, &end, 10);
        if (end == text || id < 0 || (uint64_t)id >= lm->vocab || lm->n_eos == IG_LM_EOS_MOST)
            return ig_fail(err, INGOT_E_FORMAT,
                           "llm.eos: '%.20s' is no list of at most %d ids below %zu", text,
                           IG_LM_EOS_MOST, lm->vocab);
        lm->eos[lm->n_eos++] = (int32_t)id;
        text = *end == ',' ? end + 1 : end;
    }
    return INGOT_OK;
}

static ingot_status read_meta(ig_lm *lm, ingot_error *err)
{
    int64_t v = 0;
    if (ig_lm_int(lm->file, "llm.context", &v) && (v < 1 || v > INT32_MAX))
        return ig_fail(err, INGOT_E_FORMAT, "llm.context is %lld", (long long)v);
    lm->context = (size_t)v;
    lm->bos = -1;
    if (ig_lm_int(lm->file, "llm.bos", &v) && v >= 0) {
        if ((uint64_t)v >= lm->vocab)
            return ig_fail(err, INGOT_E_FORMAT, "llm.bos is %lld, the vocabulary has %zu ids",
                           (long long)v, lm->vocab);
        lm->bos = v;
    }
    lm->add_bos = ig_lm_int(lm->file, "llm.add_bos", &v) && v && lm->bos >= 0;
    return read_eos(lm, err);
}

bool ig_lm_is_eos(const ig_lm *lm, int32_t id)
{
    for (size_t i = 0; i < lm->n_eos; i++)
        if (lm->eos[i] == id) return true;
    return false;
}

/* ---- the graph ---- */

static bool find_input(size_t *at, const ig_graph *g, const char *name)
{
    for (*at = 0; *at < g->n_inputs; ++*at) {
        const ig_value *v = &g->values[g->inputs[*at]];
        if (!strcmp(v->name, name))
            return v->type.kind == IG_TENSOR && v->type.dtype == INGOT_I32 && v->type.rank == 1;
    }
    return false;
}

static ingot_status read_io(ig_lm *lm, ingot_error *err)
{
    const ig_graph *g = lm->file->graph;
    const char *kind = ig_lm_text(lm->file, "llm.kind");
    if (kind && !strcmp(kind, "encoder"))
        return ig_fail(err, INGOT_E_UNSUPPORTED,
                       "it is a text encoder, which generates nothing (see ingot embed, ingot "
                       "rerank and ingot run)");
    if (!g->n_nodes)
        return ig_fail(err, INGOT_E_UNSUPPORTED,
                       "it computes nothing, it holds only a tokenizer (see ingot tokenize)");
    if (g->n_inputs != 3 || !find_input(&lm->in_tokens, g, "tokens") ||
        !find_input(&lm->in_positions, g, "positions") || !find_input(&lm->in_rows, g, "rows"))
        return ig_fail(err, INGOT_E_UNSUPPORTED,
                       "it is no language model: its inputs are not tokens, positions and rows, "
                       "i32 (see ingot run)");
    const ig_type *t = g->n_outputs == 1 ? &g->values[g->outputs[0]].type : NULL;
    if (!t || t->kind != IG_TENSOR || t->dtype != INGOT_F32 || t->rank != 2 || t->dims[1] < 1 ||
        t->dims[1] > INT32_MAX)
        return ig_fail(err, INGOT_E_FORMAT, "its output is not logits f32 [rows, vocab]");
    lm->vocab = (size_t)t->dims[1];
    return INGOT_OK;
}

static int64_t int_attr(const ig_node *node, const char *name)
{
    const ig_attr *field = ig_attr_find(node->op->attrs, name);
    return field ? ig_attr_get(node->attrs, field).i : 0;
}

/* Elements of a row of a node's input; 0: omitted or not told. */
static int64_t row_elements(const ig_graph *g, const ig_node *node, uint32_t i)
{
    if (i >= node->n_in || node->in[i] == IG_NO_VALUE) return 0;
    const ig_type *t = &g->values[node->in[i]].type;
    int64_t n = t->rank > 1 ? 1 : 0;
    for (int d = 1; d < t->rank; d++)
        if (t->dims[d] < 1 || !ig_mul_ok(n, t->dims[d], &n)) return 0;
    return n;
}

/* q alone holds q, k and v side by side; see paged_attention.c. */
static bool read_layer(ig_kv_shape *shape, const ig_graph *g, const ig_node *node)
{
    const int64_t heads = int_attr(node, "heads"), kv = int_attr(node, "kv_heads");
    int64_t dv = int_attr(node, "dv"), d;
    const int64_t q = row_elements(g, node, 0), k = row_elements(g, node, 1);
    if (heads < 1 || kv < 1 || dv < 0 || heads > INT32_MAX || kv > INT32_MAX || !q) return false;
    if (k) {
        const int64_t v = row_elements(g, node, 2);
        if (k % kv || v < 1 || v % kv) return false;
        d = k / kv;
        dv = v / kv;
    } else if (dv) {
        int64_t values;
        if (!ig_mul_ok(kv, dv, &values) || q <= values || (q - values) % (heads + kv)) return false;
        d = (q - values) / (heads + kv);
    } else {
        if (q % (heads + 2 * kv)) return false;
        d = dv = q / (heads + 2 * kv);
    }
    *shape = (ig_kv_shape){.kv_heads = (size_t)kv, .d = (size_t)d, .dv = (size_t)dv};
    return true;
}

static ingot_status take_layer(ig_lm *lm, const ig_node *node, ingot_error *err)
{
    const int64_t at = int_attr(node, "layer");
    if (at < 0 || (uint64_t)at >= lm->n_layers || lm->layers[at].kv_heads)
        return ig_fail(err, INGOT_E_FORMAT,
                       "node '%s' says layer %lld: the %zu nodes of paged_attention do not number "
                       "their layers from 0 on",
                       node->name, (long long)at, lm->n_layers);
    if (!read_layer(&lm->layers[at], lm->file->graph, node))
        return ig_fail(err, INGOT_E_FORMAT,
                       "node '%s': its heads and the sizes of q, k and v do not fit together",
                       node->name);
    if (int_attr(node, "window") < 0) lm->windowed = false;
    return INGOT_OK;
}

static ingot_status read_layers(ig_lm *lm, ingot_error *err)
{
    const ig_graph *g = lm->file->graph;
    const ig_op *op = ig_op_find("paged_attention");
    for (size_t i = 0; i < g->n_nodes; i++) lm->n_layers += g->nodes[i]->op == op;
    if (!lm->n_layers)
        return ig_fail(err, INGOT_E_UNSUPPORTED,
                       "it is no language model: no node is paged_attention");
    lm->layers = ig_take0(lm->heap, lm->n_layers * sizeof *lm->layers);
    if (!lm->layers) return ig_fail(err, INGOT_E_NOMEM, "language model: no memory");
    lm->windowed = true;
    for (size_t i = 0; i < g->n_nodes; i++)
        if (g->nodes[i]->op == op) IG_TRY(take_layer(lm, g->nodes[i], err));
    return INGOT_OK;
}

/* Pages have the type in which most of the weights are kept: f32, bf16, and f16 also where they are
 * quantized. */
static ig_page_type page_type_of(const ig_graph *g)
{
    size_t f32 = 0, bf16 = 0, rest = 0;
    for (size_t i = 0; i < g->n_values; i++) {
        const ig_value *v = &g->values[i];
        size_t n;
        if (!v->is_const || v->type.rank < 2 || !ig_type_bytes(&v->type, &n)) continue;
        *(v->type.dtype == INGOT_F32 ? &f32 : v->type.dtype == INGOT_BF16 ? &bf16 : &rest) += n;
    }
    if (f32 >= bf16 && f32 >= rest) return IG_PAGE_F32;
    return bf16 >= rest ? IG_PAGE_BF16 : IG_PAGE_F16;
}

ingot_status ig_lm_open(ig_lm *lm, ig_heap *heap, const ig_ingot *file, ingot_error *err)
{
    *lm = (ig_lm){.file = file, .heap = heap};
    ingot_status s = read_io(lm, err);
    if (!s) s = read_layers(lm, err);
    if (!s) s = read_meta(lm, err);
    if (s)
        ig_lm_close(lm);
    else
        lm->page_type = page_type_of(file->graph);
    return s;
}

void ig_lm_close(ig_lm *lm)
{
    if (lm->layers) ig_give(lm->heap, lm->layers, lm->n_layers * sizeof *lm->layers);
    *lm = (ig_lm){0};
}

ig_hash128 ig_lm_identity(const ig_lm *lm)
{
    ig_hasher h;
    ig_hasher_init(&h);
    for (size_t i = 0; i < lm->file->n_sections; i++)
        ig_hasher_add(&h, &lm->file->sections[i].digest, sizeof lm->file->sections[i].digest);
    return ig_hasher_result(&h);
}
