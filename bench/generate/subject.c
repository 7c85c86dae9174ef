/* subject.c - see subject.h. */
#include "bench/generate/subject.h"
#include "formats/ingot/ingot_file.h"
#include "kernels/gemm_q/gemm_q.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { PAGE = 64 /* tokens; what the engine takes by default */ };

/* ---- what a step reads and multiplies ---- */

static const void *attr(const ig_node *node, const char *name, ig_attr_kind kind)
{
    for (const ig_attr *a = node->op->attrs; a && a->kind != IG_ATTR_END; a++)
        if (a->kind == kind && !strcmp(a->name, name)) return (char *)node->attrs + a->offset;
    return NULL;
}

static double attr_int(const ig_node *node, const char *name)
{
    const int64_t *v = attr(node, name, IG_ATTR_INT);
    return v ? (double)*v : 0;
}

static const ig_q_format *format_of(const ig_node *node, const char *name)
{
    const char *const *v = attr(node, name, IG_ATTR_TEXT);
    return v && *v ? ig_q_format_named(*v) : NULL;
}

static bool rounds_to_8(const ig_node *node)
{
    for (const ig_attr *a = node->op->attrs; a && a->kind != IG_ATTR_END; a++)
        if (a->kind == IG_ATTR_ENUM && !strcmp(a->name, "acts"))
            return !strcmp(a->choices[*(int *)(void *)((char *)node->attrs + a->offset)], "a8");
    return false;
}

/* The multiply-adds that a token has with weight i of a node. */
static double products(const ig_node *node, const ig_value *w, size_t i)
{
    const bool is_moe = !strcmp(node->op->name, "moe"), down = is_moe && i == 3;
    const ig_q_format *f = format_of(node, down ? "down_format" : "format");
    const double depth = attr_int(node, down ? "n" : "k"), used = attr_int(node, "top_k");
    double n = 1;
    for (int d = is_moe ? 1 : 0; d < w->type.rank; d++) n *= (double)w->type.dims[d];
    if (f) n = (double)w->type.dims[w->type.rank - 2] * IG_Q_PANEL * depth;
    return is_moe ? n * used : n;
}

/* A weight is read whole, of experts the share that one token meets. */
static double bytes_read(const ig_node *node, const ig_value *w)
{
    const bool is_moe = !strcmp(node->op->name, "moe") && w->type.rank == 3;
    const double share = is_moe ? attr_int(node, "top_k") / (double)w->type.dims[0] : 1;
    return (double)w->data_bytes * share;
}

static void choose_compute(subject *s, const ig_node *node)
{
    const ig_q_format *f = format_of(node, "format");
    s->compute = BENCH_FMA_F32;
    if (f && rounds_to_8(node)) s->compute = f->bits == 4 ? BENCH_MAC_I4 : BENCH_MAC_I8;
}

static bool is_logits(const ig_graph *g, const ig_node *node)
{
    return node->n_out && g->n_outputs && node->out[0] == g->outputs[0];
}

/* Tables of embeddings are read by the row, which counts as nothing. */
static void count(subject *s)
{
    const ig_graph *g = s->file->graph;
    for (size_t i = 0; i < g->n_nodes; i++) {
        const ig_node *node = g->nodes[i];
        for (uint32_t k = 0; k < node->n_in; k++) {
            const ig_value *w = ig_value_at(g, node->in[k]);
            if (!w || !w->is_const || w->type.rank < 2 || !strcmp(node->op->name, "embed"))
                continue;
            s->weight_bytes += bytes_read(node, w);
            if (is_logits(g, node)) continue; /* only a prompt's last token has these */
            if (s->flop == 0) choose_compute(s, node);
            s->flop += 2 * products(node, w, k);
        }
    }
}

/* ---- opening ---- */

static ingot_status open_cache(subject *s, ingot_error *err)
{
    ig_kv_step step;
    const ig_kv_options o = {.layers = s->lm.layers,
                             .n_layers = s->lm.n_layers,
                             .type = s->lm.page_type,
                             .page_tokens = PAGE,
                             .private_pages = true};
    ig_kv_options with = o;
    const size_t pages = SUBJECT_SEQUENCES * (s->most / PAGE + 2);
    IG_TRY(ig_kv_budget(&with.budget_bytes, &o, pages, err));
    IG_TRY(ig_kv_open(&s->cache, s->heap, &with, err));
    ig_kv_step_init(&step, s->cache);
    s->kv_bytes = (double)step.page_bytes / (double)ig_kv_page_tokens(s->cache);
    /* small numbers in every type, and pages of memory that are there */
    memset(step.base, 0x24, step.page_bytes * ig_kv_n_pages(s->cache));
    for (size_t i = 0; i < SUBJECT_SEQUENCES; i++)
        IG_TRY(ig_kv_seq_open(&s->seqs[i], s->cache, 0, s->most, err));
    return INGOT_OK;
}

static ingot_status make_tokens(subject *s, ingot_error *err)
{
    uint64_t random = 88172645463325252u;
    s->tokens = ig_take(s->heap, s->most * sizeof *s->tokens);
    if (!s->tokens) return ig_fail(err, INGOT_E_NOMEM, "bench: no memory");
    for (size_t i = 0; i < s->most; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17; /* Marsaglia 2003 */
        s->tokens[i] = (int32_t)(random % s->lm.vocab);
    }
    return INGOT_OK;
}

ingot_status subject_open(subject *s, ig_heap *heap, const char *path, size_t most,
                          ingot_error *err)
{
    *s = (subject){.heap = heap, .most = most};
    ingot_status status = ig_ingot_open(&s->file, heap, path, err);
    if (!status) status = ig_lm_open(&s->lm, heap, s->file, err);
    if (!status && s->lm.context && s->lm.context < s->most) s->most = s->lm.context;
    if (!status) status = open_cache(s, err);
    if (!status) status = make_tokens(s, err);
    if (!status) count(s);
    if (status) subject_close(s);
    return status;
}

static void close_batch(subject *s)
{
    if (s->open) ig_batch_close(&s->batch);
    s->open = false;
}

void subject_close(subject *s)
{
    close_batch(s);
    for (size_t i = 0; i < SUBJECT_SEQUENCES; i++) ig_kv_seq_free(&s->seqs[i]);
    ig_kv_close(&s->cache);
    ig_lm_close(&s->lm);
    if (s->tokens) ig_give(s->heap, s->tokens, s->most * sizeof *s->tokens);
    ig_ingot_close(&s->file);
}

/* ---- running ---- */

ingot_status subject_fill(subject *s, size_t n, size_t depth, ingot_error *err)
{
    for (size_t i = 0; i < n; i++) {
        ig_kv_truncate(s->seqs[i], 0);
        IG_TRY(ig_kv_reserve(s->seqs[i], depth, err));
        ig_kv_commit(s->seqs[i], s->tokens, depth);
    }
    return INGOT_OK;
}

/* The batch computes on one pool; another one wants another batch. */
static void bind(subject *s, ig_pool *pool)
{
    const ig_exec_options o = {.heap = s->heap, .pool = pool};
    if (s->open && s->pool == pool) return;
    close_batch(s);
    if (!s->status)
        s->status = ig_batch_open(&s->batch, &s->lm, s->cache, &s->site, &o, 1, SUBJECT_CHUNK,
                                  SUBJECT_SEQUENCES, SUBJECT_SEQUENCES, &s->err);
    s->open = !s->status;
    s->pool = pool;
}

static void add(subject *s, size_t i, const int32_t *tokens, size_t n)
{
    if (!s->status) s->status = ig_kv_reserve(s->seqs[i], n, &s->err);
    if (!s->status) ig_batch_add(&s->batch, s->seqs[i], tokens, n, NULL, 0, 1);
}

void subject_prompt(subject *s, ig_pool *pool, size_t n)
{
    bind(s, pool);
    for (size_t at = 0, step; at < n && !s->status; at += step) {
        step = IG_MIN(n - at, (size_t)SUBJECT_CHUNK);
        ig_batch_clear(&s->batch);
        add(s, 0, s->tokens + at, step);
        if (!s->status) s->status = ig_batch_run(&s->batch, &s->err);
        if (!s->status) ig_kv_commit(s->seqs[0], s->tokens + at, step);
    }
    ig_kv_truncate(s->seqs[0], 0);
}

void subject_answer(subject *s, ig_pool *pool, size_t n)
{
    bind(s, pool);
    if (s->status) return;
    ig_batch_clear(&s->batch);
    for (size_t i = 0; i < n; i++) add(s, i, s->tokens + i, 1);
    if (!s->status) s->status = ig_batch_run(&s->batch, &s->err);
}
