/* tfidf.c - counts of n-grams of integers on the device: tfidf. The trie of runtime/ops/tfidf.c as
 * one hash table of edges; items are looked up once each, then n-grams are followed from every
 * place. */
#include "runtime/device/cuda/ops/lookup.h"
#include "runtime/device/cuda/ops/common.h"

#include <string.h>

enum { X, POOL, COLUMNS, WEIGHTS };

typedef struct {
    cu_lookup_args find;
    cu_count_args count;
    void *slots, *grams; /* on the device */
    size_t items;
    bool weighted;
} tfidf_state;

/* ---- the trie, on the host ---- */

typedef struct {
    cu_gram_slot *edges;
    int shift;
    uint32_t n_nodes;
} trie;

static cu_gram_slot *edge_of(const trie *t, uint32_t node, uint32_t item)
{
    const uint64_t edge = (uint64_t)node << 32 | item;
    const size_t last = (size_t)(UINT64_MAX >> t->shift);
    size_t at = CU_SLOT_AT(edge, t->shift);
    while (t->edges[at].to && (t->edges[at].node != node || t->edges[at].item != item))
        at = (at + 1) & last;
    return &t->edges[at];
}

/* items: of the n-gram; the latest of equal n-grams counts. */
static void add_gram(trie *t, const uint32_t *items, size_t n, uint32_t column)
{
    cu_gram_slot *e = NULL;
    uint32_t node = 0;
    for (size_t i = 0; i < n; i++, node = e->to) {
        e = edge_of(t, node, items[i]);
        if (!e->to) *e = (cu_gram_slot){.node = node, .item = items[i], .to = ++t->n_nodes};
    }
    if (e) e->column = column + 1;
}

/* The pool's items as their first places in it, which is what a search among them gives. */
static uint32_t *items_of(ig_device_bind *b, const ig_tensor *pool, const cu_slot *slots, int shift)
{
    const size_t n = ig_tensor_elements(pool), last = (size_t)(UINT64_MAX >> shift);
    uint32_t *items = ig_new_n(b->arena, uint32_t, n + 1);
    for (size_t i = 0; items && i < n; i++) {
        const uint64_t key = (uint64_t)ig_to_int(pool->data, pool->dtype, i);
        size_t at = CU_SLOT_AT(key, shift);
        while (slots[at].key != key) at = (at + 1) & last;
        items[i] = (uint32_t)slots[at].index;
    }
    return items;
}

/* false: the lists do not fit the pool (the CPU's op says how). */
static bool fill_trie(trie *t, const ig_device_bind *b, const uint32_t *items, size_t total)
{
    const ig_ints counts = ig_cu_ints(b, "ngram_counts");
    const int64_t least = ig_cu_int(b, "min_gram_length"), most = ig_cu_int(b, "max_gram_length");
    const int64_t *columns = b->known[COLUMNS]->data;
    const size_t n_grams = ig_tensor_elements(b->known[COLUMNS]);
    size_t id = 0;
    for (size_t k = 0; k < counts.n; k++) {
        const int64_t from = counts.v[k];
        const int64_t to = k + 1 < counts.n ? counts.v[k + 1] : (int64_t)total;
        const size_t size = k + 1;
        if (from < 0 || to < from || (uint64_t)to > total || (size_t)(to - from) % size ||
            (size_t)(to - from) / size > n_grams - id)
            return false;
        const bool wanted = (int64_t)size >= least && (int64_t)size <= most;
        for (size_t at = (size_t)from; at < (size_t)to; at += size, id++)
            if (wanted) add_gram(t, items + at, size, (uint32_t)columns[id]);
    }
    return true;
}

/* ---- the op ---- */

static ingot_status make_tables(ig_device *d, ig_device_bind *b, tfidf_state *s)
{
    const ig_tensor *pool = b->known[POOL];
    const size_t n = ig_tensor_elements(pool);
    const int shift = ig_cu_slots_shift(n);
    const size_t n_slots = (size_t)(UINT64_MAX >> shift) + 1;
    cu_slot *slots = ig_new_n(b->arena, cu_slot, n_slots);
    trie t = {.edges = ig_new_n(b->arena, cu_gram_slot, n_slots), .shift = shift};
    if (slots) ig_cu_slots_fill(slots, shift, pool);
    const uint32_t *items = slots ? items_of(b, pool, slots, shift) : NULL;
    if (!items || !t.edges)
        return ig_fail(b->err, INGOT_E_NOMEM, "%.80s (tfidf): no memory for %zu items",
                       b->node->name, n);
    if (!fill_trie(&t, b, items, n))
        return IG_CU_DECLINE(b, "n-grams that do not fit their pool or columns");
    s->find.shift = s->count.shift = shift;
    b->taken |= UINT64_C(1) << POOL | UINT64_C(1) << COLUMNS;
    IG_TRY(ig_cu_table(d, b, slots, n_slots * sizeof *slots, &s->slots));
    const ingot_status status = ig_cu_table(d, b, t.edges, n_slots * sizeof *t.edges, &s->grams);
    if (status) ig_cu_unpack(d, s->slots);
    return status;
}

static ingot_status bind(ig_device *d, ig_device_bind *b)
{
    static const char *const modes[] = {"TF", "IDF", "TFIDF"};
    const ig_type *x = b->in[X], *y = b->out[0];
    for (int i = POOL; i <= WEIGHTS; i++)
        if (!b->known[i]) return IG_CU_DECLINE(b, "tables that are no constants");
    if (b->known[COLUMNS]->dtype != INGOT_I64 || b->known[WEIGHTS]->dtype != INGOT_F32)
        return IG_CU_DECLINE(b, "tables of these types");
    if (ig_cu_elements(x) > CU_MOST || ig_cu_elements(y) > CU_MOST ||
        ig_tensor_elements(b->known[POOL]) > INT32_MAX / 2)
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    tfidf_state *s = IG_CU_STATE(b, tfidf_state);
    if (!s) return INGOT_E_NOMEM;
    const int64_t cols = x->dims[x->rank - 1], skips = ig_cu_int(b, "max_skip_count");
    s->find = (cu_lookup_args){.n = ig_cu_elements(x), .x_dtype = (int)x->dtype};
    s->count = (cu_count_args){.rows = x->rank == 2 ? x->dims[0] : 1,
                               .cols = cols,
                               .width = y->dims[y->rank - 1],
                               .least = ig_cu_int(b, "min_gram_length"),
                               .most = ig_cu_int(b, "max_gram_length"),
                               .skips = skips < cols ? skips : cols};
    while (strcmp(ig_cu_text(b, "mode"), modes[s->count.mode])) s->count.mode++;
    const size_t n_weights = ig_tensor_elements(b->known[WEIGHTS]);
    if (n_weights && n_weights < (size_t)s->count.width)
        return IG_CU_DECLINE(b, "fewer weights than columns");
    s->weighted = n_weights > 0;
    if (!ig_cu_room(b, s->find.n, sizeof(int32_t), &s->items))
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    b->kernel = "count_grams";
    return make_tables(d, b, s);
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    const tfidf_state *s = r->state;
    cu_lookup_args find = s->find;
    cu_count_args count = s->count;
    find.x = r->in[X], find.slots = s->slots, find.y = ig_cu_piece(r, s->items);
    count.items = find.y, count.grams = s->grams,
    count.weights = s->weighted ? r->in[WEIGHTS] : NULL;
    count.y = r->out[0];
    int status = ig_cu_clear(stream, count.y, (size_t)(count.rows * count.width) * sizeof(float));
    if (!status) status = cu_lookup(&find, ig_cu_stream(stream));
    if (!status) status = cu_count_grams(&count, ig_cu_stream(stream));
    return ig_cu_done(stream, r, status);
}

static void unbind(ig_device *d, void *state)
{
    const tfidf_state *s = state;
    if (!s || !s->grams) return;
    ig_cu_unpack(d, s->slots);
    ig_cu_unpack(d, s->grams);
}

const ig_cu_op ig_cu_op_tfidf = {.name = "tfidf", .bind = bind, .launch = launch, .unbind = unbind};
