/* tfidf.c - counts of known n-grams in rows of words: tfidf(x, pool, columns, weights).
 *
 *   x        [C] or [N, C]: i32, i64 or strings
 *   pool     i64 or strings: the n-grams of 1 item, then those of 2, ...; n-grams of k items begin
 *            at ngram_counts[k - 1]
 *   columns  i64, one for each n-gram: where its count goes
 *   weights  f32, one for each column, or none
 * gives f32 [columns] or [N, columns]. mode: TF counts; IDF the weight of what occurs; TFIDF counts
 * times weights. Items of an n-gram may lie up to max_skip_count apart, always equally far.
 *
 * N-grams are paths in a trie whose edges are a hash table of (node, item). */
#include "runtime/graph/op.h"
#include "runtime/ops/lookup.h"
#include "runtime/base/checked.h"

#include <string.h>

static const char *const modes[] = {"TF", "IDF", "TFIDF", NULL};
enum { TF, IDF, TFIDF };

typedef struct {
    int mode;
    int64_t min_gram_length, max_gram_length, max_skip_count;
    ig_ints ngram_counts;
} tfidf_attrs;

static const ig_attr attrs[] = {
    IG_ENUM(tfidf_attrs, mode, TF, modes),   IG_INT(tfidf_attrs, min_gram_length, 1),
    IG_INT(tfidf_attrs, max_gram_length, 1), IG_INT(tfidf_attrs, max_skip_count, 0),
    IG_INTS(tfidf_attrs, ngram_counts),      {0},
};

enum { X, POOL, COLUMNS, WEIGHTS, N_INPUTS, WIDTH_MOST = 1 << 28 };

/* ---- types ---- */

static ingot_status width_of(const ig_infer *c, int64_t *width)
{
    *width = IG_DIM_UNKNOWN;
    const ig_tensor *t = c->known[COLUMNS];
    if (!t) return INGOT_OK;
    if (t->dtype != INGOT_I64 || t->rank != 1) return ig_infer_fail(c, "columns must be i64 [n]");
    *width = 0;
    for (int64_t i = 0; i < t->dims[0]; i++) {
        const int64_t at = ((const int64_t *)t->data)[i];
        if (at < 0 || at >= WIDTH_MOST)
            return ig_infer_fail(c, "n-gram %lld counts in column %lld", (long long)i,
                                 (long long)at);
        *width = IG_MAX(*width, at + 1);
    }
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const ig_type *x = c->in[X];
    const tfidf_attrs *a = c->attrs;
    if (a->min_gram_length < 1 || a->max_gram_length < a->min_gram_length || a->max_skip_count < 0)
        return ig_infer_fail(c, "n-grams of %lld to %lld items, skip %lld",
                             (long long)a->min_gram_length, (long long)a->max_gram_length,
                             (long long)a->max_skip_count);
    if (x->dtype != INGOT_NONE && x->dtype != INGOT_STR && x->dtype != INGOT_I32 &&
        x->dtype != INGOT_I64)
        return ig_infer_fail(c, "x is %s: i32, i64 or strings expected", ig_dtype(x->dtype)->name);
    if (x->dtype != INGOT_NONE && (x->dtype == INGOT_STR) != (c->in[POOL]->dtype == INGOT_STR))
        return ig_infer_fail(c, "x is %s but the n-grams are %s", ig_dtype(x->dtype)->name,
                             ig_dtype(c->in[POOL]->dtype)->name);
    if (x->rank == 0 || x->rank > 2) return ig_infer_fail(c, "x must be [C] or [N, C]");
    int64_t width;
    IG_TRY(width_of(c, &width));
    c->out[0].dtype = INGOT_F32;
    if (x->rank < 0) return INGOT_OK;
    c->out[0].rank = x->rank;
    c->out[0].dims[0] = x->dims[0];
    c->out[0].dims[x->rank - 1] = width;
    return INGOT_OK;
}

/* ---- the trie ---- */

typedef struct {
    uint32_t node, item, to; /* to 0: free; the root is node 0 */
} edge;

typedef struct {
    ig_tensor pool;
    ig_lookup items; /* of the pool: an item is the index where it first stands */
    edge *edges;
    size_t mask, n_nodes;
    uint32_t *gram; /* [nodes] n-gram + 1, 0: none ends here */
    const int64_t *columns;
    const float *weights;
    size_t n_grams, width;
} trie;

static edge *find_edge(const trie *t, uint32_t node, uint32_t item)
{
    uint64_t h = ((uint64_t)node << 32 | item) * 0x9e3779b97f4a7c15u;
    size_t at = (size_t)(h ^ h >> 32) & t->mask;
    while (t->edges[at].to && (t->edges[at].node != node || t->edges[at].item != item))
        at = (at + 1) & t->mask;
    return &t->edges[at];
}

static void add_gram(trie *t, size_t from, size_t n, uint32_t id)
{
    uint32_t node = 0;
    for (size_t i = from; i < from + n; i++) {
        const uint32_t item = (uint32_t)ig_lookup_find(&t->items, t->pool.data, i);
        edge *e = find_edge(t, node, item);
        if (!e->to) *e = (edge){node, item, (uint32_t)++t->n_nodes};
        node = e->to;
    }
    t->gram[node] = id + 1;
}

static ingot_status fill_trie(const ig_bind *b, trie *t, const tfidf_attrs *a)
{
    const size_t total = ig_tensor_elements(&t->pool);
    uint32_t id = 0;
    for (size_t k = 0; k < a->ngram_counts.n; k++) {
        const int64_t from = a->ngram_counts.v[k];
        const int64_t to = k + 1 < a->ngram_counts.n ? a->ngram_counts.v[k + 1] : (int64_t)total;
        const size_t size = k + 1;
        if (from < 0 || to < from || (uint64_t)to > total || (size_t)(to - from) % size)
            return ig_bind_fail(b, "n-grams of %zu items lie at [%lld, %lld) of %zu", size,
                                (long long)from, (long long)to, total);
        const bool wanted =
            (int64_t)size >= a->min_gram_length && (int64_t)size <= a->max_gram_length;
        for (size_t at = (size_t)from; at < (size_t)to; at += size, id++) {
            if (id >= t->n_grams)
                return ig_bind_fail(b, "it has columns for %zu n-grams only", t->n_grams);
            if (wanted) add_gram(t, at, size, id);
        }
    }
    return INGOT_OK;
}

static ingot_status bind(ig_bind *b)
{
    trie *t = ig_new(b->arena, trie);
    for (size_t i = POOL; i < N_INPUTS; i++)
        if (!b->known[i]) return ig_bind_fail(b, "input %zu must be constant", i);
    if (!t) return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory");
    b->state = t;
    t->pool = *b->known[POOL];
    t->columns = b->known[COLUMNS]->data;
    t->n_grams = ig_tensor_elements(b->known[COLUMNS]);
    t->width = (size_t)b->out[0]->dims[b->out[0]->rank - 1];
    const ig_tensor *w = b->known[WEIGHTS];
    const size_t n_weights = ig_tensor_elements(w), n = ig_tensor_elements(&t->pool);
    if (n_weights && (w->dtype != INGOT_F32 || n_weights < t->width))
        return ig_bind_fail(b, "%zu weights for %zu columns", n_weights, t->width);
    t->weights = n_weights ? w->data : NULL;
    size_t cap = 4;
    while (cap < 2 * (n + 1)) cap *= 2;
    t->mask = cap - 1;
    t->edges = n <= INT32_MAX ? ig_new_n(b->arena, edge, cap) : NULL;
    t->gram = ig_new_n(b->arena, uint32_t, n + 1);
    if (!t->edges || !t->gram || !ig_lookup_open(&t->items, &t->pool, b->arena))
        return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory for %zu items", n);
    return fill_trie(b, t, b->attrs);
}

/* ---- run ---- */

static int64_t item_at(const trie *t, const ig_tensor *x, size_t at)
{
    if (x->dtype == INGOT_STR) return ig_lookup_find(&t->items, x->data, at);
    return ig_lookup_int(&t->items, ig_to_int(x->data, x->dtype, at));
}

/* N-grams of at least `least` items that begin at `at`, items `skip` apart. */
static void count_from(float *out, const trie *t, const ig_tensor *x, size_t at, size_t end,
                       size_t skip, int64_t least, int64_t most)
{
    uint32_t node = 0;
    for (int64_t size = 1; size <= most && at < end; size++) {
        const int64_t item = item_at(t, x, at);
        const edge *e = item < 0 ? NULL : find_edge(t, node, (uint32_t)item);
        if (!e || !e->to) return;
        node = e->to;
        if (size >= least && t->gram[node]) out[t->columns[t->gram[node] - 1]] += 1;
        if (skip > end - at) return;
        at += skip;
    }
}

typedef struct {
    const trie *t;
    const tfidf_attrs *a;
    const ig_tensor *x;
    float *out;
    size_t cols;
} job;

static void weigh(float *out, const trie *t, int mode)
{
    for (size_t k = 0; k < t->width; k++) {
        const float w = t->weights ? t->weights[k] : 1;
        if (mode == IDF) out[k] = out[k] > 0 ? w : 0;
        if (mode == TFIDF) out[k] *= w;
    }
}

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    (void)worker;
    const job *j = arg;
    for (size_t row = begin; row < end; row++) {
        float *out = j->out + row * j->t->width;
        if (j->t->width) memset(out, 0, j->t->width * sizeof *out);
        int64_t least = j->a->min_gram_length;
        const size_t skips = (size_t)IG_MIN((uint64_t)j->a->max_skip_count, (uint64_t)j->cols);
        for (size_t skip = 1; skip <= skips + 1; skip++) {
            for (size_t at = row * j->cols; at < (row + 1) * j->cols; at++)
                count_from(out, j->t, j->x, at, (row + 1) * j->cols, skip, least,
                           j->a->max_gram_length);
            least = IG_MAX(least, 2); /* single items do not skip: they count once */
        }
        weigh(out, j->t, j->a->mode);
    }
}

static ingot_status run(ig_run *r)
{
    enum { GRAIN_ITEMS = 4096 };
    const ig_tensor *x = r->in[X];
    const trie *t = r->state;
    const size_t rows = x->rank == 2 ? (size_t)x->dims[0] : 1;
    job j = {t, r->attrs, x, r->out[0]->data, (size_t)x->dims[x->rank - 1]};
    ig_parallel(r->pool, rows, GRAIN_ITEMS / (j.cols + 1), 0, work, &j);
    return INGOT_OK;
}

const ig_op ig_op_tfidf = {
    .name = "tfidf",
    .min_in = N_INPUTS,
    .max_in = N_INPUTS,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(tfidf_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
