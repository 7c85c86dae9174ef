/* kv_tables.c - see kv_tables.h. Runs once a step: a pass over the spans and their block tables. */
#include "runtime/device/cuda/kv_tables.h"
#include "kernels/gemm/split.h"
#include "runtime/base/checked.h"
#include "runtime/base/status.h"

#include <string.h>

enum {
    WORD = 4,
    ROW_WORDS = sizeof(cu_kv_row) / WORD,
    ITEM_WORDS = sizeof(cu_kv_item) / WORD,
    LEAST_KEYS = 256, /* of a block: fewer are not worth a merge */
    BLOCKS = 4        /* that a processor should have */
};

static bool is_few(const ig_kv_span *s) { return s->n <= CU_KV_FEW; }
static size_t length_of(const ig_kv_span *s) { return s->before + s->n; }

static size_t heads_most(const ig_kv_step *kv)
{
    size_t most = 1;
    for (size_t i = 0; i < kv->n_layers; i++) most = IG_MAX(most, kv->layers[i].kv_heads);
    return most;
}

static size_t pages_of(const ig_kv_step *kv, const ig_kv_span *s)
{
    return ig_ceil_div(length_of(s), kv->layers[0].format.tokens);
}

static ingot_status check(const ig_kv_step *kv, ingot_error *err)
{
    size_t row = 0, length;
    if (!kv->n_layers) return ig_fail(err, INGOT_E_ARG, "a cache without layers");
    for (size_t i = 0; i < kv->n_layers; i++)
        if (kv->layers[i].format.tokens != kv->layers[0].format.tokens)
            return ig_fail(err, INGOT_E_ARG, "layer %zu has pages of %zu tokens, layer 0 of %zu", i,
                           kv->layers[i].format.tokens, kv->layers[0].format.tokens);
    for (size_t i = 0; i < kv->n_spans; i++) {
        const ig_kv_span *s = &kv->spans[i];
        if (s->row != row)
            return ig_fail(err, INGOT_E_ARG, "span %zu begins at row %zu, expected %zu", i, s->row,
                           row);
        if (!ig_add_ok(s->before, s->n, &length) || !ig_add_ok(row, s->n, &row) ||
            length > INT32_MAX || row > INT32_MAX)
            return ig_fail(err, INGOT_E_ARG, "span %zu has %zu tokens after %zu", i, s->n,
                           s->before);
    }
    return INGOT_OK;
}

ingot_status ig_cu_kv_measure(size_t *bytes, const ig_kv_step *kv, ingot_error *err)
{
    *bytes = 0;
    IG_TRY(check(kv, err));
    size_t words = CU_KV_HEAD;
    for (size_t i = 0; i < kv->n_spans; i++) {
        const ig_kv_span *s = &kv->spans[i];
        const size_t few = CU_KV_CHUNKS * ITEM_WORDS + heads_most(kv);
        const size_t own = pages_of(kv, s) + s->n * ROW_WORDS +
                           (is_few(s) ? few : ig_ceil_div(s->n, (size_t)CU_KV_TILE));
        if (!ig_add_ok(words, own, &words)) break;
    }
    if (words > INT32_MAX)
        return ig_fail(err, INGOT_E_ARG, "the tables of %zu sequences are too large", kv->n_spans);
    *bytes = words * WORD;
    return INGOT_OK;
}

typedef struct {
    int32_t *image;
    const ig_kv_step *kv;
    size_t at; /* words that are written */
    size_t heads, n_items, part_rows, n_tickets;
    size_t keys; /* of a block, about */
} writer;

static void add_item(writer *w, const ig_kv_span *s, size_t begin, size_t end, int32_t part,
                     int32_t ticket)
{
    /* pages and ticket are indices within their sections until those have a place */
    const cu_kv_item item = {.span = {(int32_t)s->row, (int32_t)s->n, (int32_t)s->before, 0},
                             .begin = (int32_t)begin,
                             .end = (int32_t)end,
                             .part = part,
                             .ticket = ticket};
    memcpy(w->image + w->at, &item, sizeof item);
    w->at += ITEM_WORDS;
    w->n_items++;
}

/* Whole, or a chunk each where the span is so long that other blocks would wait for it. */
static void add_items(writer *w, const ig_kv_span *s)
{
    const size_t length = length_of(s), chunk = (size_t)cu_kv_chunk((int)length);
    const size_t chunks = ig_ceil_div(length, chunk), rows = chunks * s->n;
    if (chunks < 2 || length <= 2 * w->keys || w->part_rows + rows > CU_KV_PART_ROWS) {
        add_item(w, s, 0, length, -1, 0);
        return;
    }
    for (size_t c = 0; c < chunks; c++)
        add_item(w, s, c * chunk, IG_MIN(length, (c + 1) * chunk), (int32_t)w->part_rows,
                 (int32_t)(w->n_tickets * w->heads));
    w->part_rows += rows;
    w->n_tickets++;
}

static void add_rows(writer *w)
{
    for (size_t i = 0; i < w->kv->n_spans; i++) {
        const ig_kv_span *s = &w->kv->spans[i];
        const cu_kv_row row = {(int32_t)s->row, (int32_t)s->n, (int32_t)s->before, 0};
        for (size_t k = 0; k < s->n; k++, w->at += ROW_WORDS)
            memcpy(w->image + w->at, &row, sizeof row);
    }
}

/* The last tile first: it has most keys to read. */
static size_t add_tiles(writer *w)
{
    const size_t first = w->at;
    for (size_t i = 0; i < w->kv->n_spans; i++) {
        const ig_kv_span *s = &w->kv->spans[i];
        for (size_t t = is_few(s) ? 0 : ig_ceil_div(s->n, (size_t)CU_KV_TILE); t-- > 0;)
            w->image[w->at++] = (int32_t)(s->row + t * CU_KV_TILE);
    }
    return w->at - first;
}

/* The block tables, and the index of its own in every row and item. */
static void add_pages(writer *w, size_t rows_at, size_t tickets_at)
{
    size_t item = CU_KV_HEAD;
    const size_t items_end = CU_KV_HEAD + w->n_items * ITEM_WORDS;
    for (size_t i = 0; i < w->kv->n_spans; i++) {
        const ig_kv_span *s = &w->kv->spans[i];
        const size_t n = pages_of(w->kv, s);
        for (size_t k = 0; k < s->n; k++) {
            cu_kv_row row;
            int32_t *at = w->image + rows_at + (s->row + k) * ROW_WORDS;
            memcpy(&row, at, sizeof row);
            row.pages = (int32_t)w->at;
            memcpy(at, &row, sizeof row);
        }
        for (; s->n && is_few(s) && item < items_end; item += ITEM_WORDS) {
            cu_kv_item own;
            memcpy(&own, w->image + item, sizeof own);
            if (own.span.row != (int32_t)s->row) break;
            own.span.pages = (int32_t)w->at;
            own.ticket += (int32_t)tickets_at;
            memcpy(w->image + item, &own, sizeof own);
        }
        if (n) memcpy(w->image + w->at, s->pages, n * sizeof *s->pages);
        w->at += n;
    }
}

void ig_cu_kv_fill(cu_kv_tables *t, int32_t *host, size_t *used, const ig_kv_step *kv,
                   int processors)
{
    size_t total = 0, n_rows = 0;
    writer w = {.image = host, .kv = kv, .at = CU_KV_HEAD, .heads = heads_most(kv)};
    for (size_t i = 0; i < kv->n_spans; i++) {
        n_rows += kv->spans[i].n;
        if (is_few(&kv->spans[i])) total += length_of(&kv->spans[i]);
    }
    w.keys = IG_MAX(total * w.heads / ((size_t)processors * BLOCKS), (size_t)LEAST_KEYS);
    for (size_t i = 0; i < kv->n_spans; i++)
        if (kv->spans[i].n && is_few(&kv->spans[i])) add_items(&w, &kv->spans[i]);
    const size_t rows_at = w.at;
    add_rows(&w);
    const size_t tickets_at = w.at;
    memset(host + w.at, 0, w.n_tickets * w.heads * WORD);
    w.at += w.n_tickets * w.heads;
    const size_t tiles_at = w.at, n_tiles = add_tiles(&w);
    add_pages(&w, rows_at, tickets_at);
    memset(host, 0, CU_KV_HEAD * WORD);
    host[CU_KV_N_ROWS] = (int32_t)n_rows;
    host[CU_KV_N_ITEMS] = (int32_t)w.n_items;
    host[CU_KV_N_TILES] = (int32_t)n_tiles;
    host[CU_KV_ROWS_AT] = (int32_t)rows_at;
    host[CU_KV_TICKETS_AT] = (int32_t)tickets_at;
    host[CU_KV_TILES_AT] = (int32_t)tiles_at;
    host[CU_KV_HEADS_MOST] = (int32_t)w.heads;
    *used = w.at * WORD;
    *t = (cu_kv_tables){.base = kv->base,
                        .page_bytes = (int64_t)kv->page_bytes,
                        .image = t->image,
                        .layers = kv->layers,
                        .n_layers = (int32_t)kv->n_layers,
                        .n_rows = (int32_t)n_rows,
                        .n_items = (int32_t)w.n_items,
                        .n_tiles = (int32_t)n_tiles};
}
