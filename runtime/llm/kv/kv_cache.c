/* kv_cache.c - see kv_cache.h: the cache as a whole. */
#include "runtime/llm/kv/spare.h"
#include "runtime/base/checked.h"

#include <assert.h>
#include <string.h>

/* ---- sizes ---- */

/* Places a layer in a page; *end is where the next one begins. */
static ingot_status place_layer(ig_kv_layer *layer, size_t *end, const ig_kv_options *o, size_t i,
                                ingot_error *err)
{
    const ig_kv_shape *s = &o->layers[i];
    size_t bytes;
    *layer = (ig_kv_layer){.at = *end, .kv_heads = s->kv_heads};
    if (!s->kv_heads || !s->d || !s->dv)
        return ig_fail(err, INGOT_E_ARG,
                       "layer %zu of the cache has %zu key heads of %zu elements, values of %zu: "
                       "none may be 0",
                       i, s->kv_heads, s->d, s->dv);
    const size_t tokens = o->page_tokens ? o->page_tokens : KV_PAGE_TOKENS;
    const bool device = o->memory && o->memory->device;
    if (!(device ? ig_page_format_init_device : ig_page_format_init)(&layer->format, o->type,
                                                                     tokens, s->d, s->dv) ||
        !ig_mul_ok(layer->format.bytes, s->kv_heads, &bytes) || !ig_add_ok(*end, bytes, end))
        return ig_fail(err, INGOT_E_ARG,
                       "pages of %zu tokens of layer %zu (%zu key heads of %zu elements): the "
                       "tokens must be a multiple of %d, and the bytes must fit this machine",
                       o->page_tokens, i, s->kv_heads, s->d, IG_PAGE_GROUP);
    return INGOT_OK;
}

typedef struct {
    size_t fixed, page, each; /* the cache itself; a page's bytes; a page with what is kept of it */
} kv_sizes;

static ingot_status measure(kv_sizes *sizes, const ig_kv_options *o, ingot_error *err)
{
    const size_t p = o->page_tokens ? o->page_tokens : KV_PAGE_TOKENS;
    const size_t about = sizeof(kv_page) + sizeof(int32_t) + sizeof(uint64_t);
    *sizes = (kv_sizes){0};
    if (!o->n_layers) return ig_fail(err, INGOT_E_ARG, "a cache needs at least one layer");
    for (size_t i = 0; i < o->n_layers; i++) {
        ig_kv_layer layer;
        IG_TRY(place_layer(&layer, &sizes->page, o, i, err));
    }
    if (!ig_mul_ok(p, sizeof(int32_t), &sizes->each) ||
        !ig_add_ok(sizes->each, about, &sizes->each) ||
        !ig_add_ok(sizes->each, sizes->page, &sizes->each) ||
        !ig_mul_ok(o->n_layers, sizeof(ig_kv_layer), &sizes->fixed) ||
        !ig_add_ok(sizes->fixed, sizeof(ig_kv_cache), &sizes->fixed))
        return ig_fail(err, INGOT_E_ARG, "pages of %zu layers and %zu tokens do not fit memory",
                       o->n_layers, p);
    return INGOT_OK;
}

ingot_status ig_kv_budget(size_t *bytes, const ig_kv_options *o, size_t pages, ingot_error *err)
{
    kv_sizes sizes;
    *bytes = 0;
    IG_TRY(measure(&sizes, o, err));
    if (pages > INT32_MAX || !ig_mul_ok(pages, sizes.each, bytes) ||
        !ig_add_ok(*bytes, sizes.fixed, bytes))
        return ig_fail(err, INGOT_E_ARG, "%zu pages of %zu bytes do not fit this machine", pages,
                       sizes.page);
    return INGOT_OK;
}

/* ---- opening ---- */

static void empty_lists(ig_kv_cache *c)
{
    memset(c->pages, 0, c->n_pages * sizeof *c->pages);
    memset(c->evicted, 0, c->n_pages * sizeof *c->evicted);
    for (size_t i = 0; i < c->n_pages; i++) {
        c->buckets[i] = KV_NONE;
        c->pages[i].next = i + 1 < c->n_pages ? (int32_t)(i + 1) : KV_NONE;
    }
    c->n_free = c->n_pages;
    c->free = 0;
    c->oldest = c->newest = KV_NONE;
}

static bool take_tables(ig_kv_cache *c)
{
    const size_t n = c->n_pages;
    c->layers = ig_take(c->heap, c->n_layers * sizeof *c->layers);
    c->pages = ig_take(c->heap, n * sizeof *c->pages);
    c->tokens = ig_take(c->heap, n * c->page_tokens * sizeof *c->tokens);
    c->buckets = ig_take(c->heap, n * sizeof *c->buckets);
    c->evicted = ig_take(c->heap, n * sizeof *c->evicted);
    return c->layers && c->pages && c->tokens && c->buckets && c->evicted;
}

static ingot_status fill(ig_kv_cache *c, const ig_kv_options *o, ingot_error *err)
{
    void *base = NULL;
    ingot_error why = {.text = "no host memory"};
    ingot_status s = INGOT_E_NOMEM;
    if (take_tables(c))
        s = c->memory.take(c->memory.ud, &base, c->n_pages * c->page_bytes, false, &why);
    if (s)
        return ig_fail(err, s, "%zu pages of keys and values, %zu bytes each: %.300s", c->n_pages,
                       c->page_bytes, why.text);
    c->base = base;
    for (size_t i = 0, end = 0; i < c->n_layers; i++)
        (void)place_layer(&c->layers[i], &end, o, i, err); /* was measured before */
    empty_lists(c);
    return ig_kv_spare_open(&c->spare, c, o->private_pages ? 0 : o->spare_bytes, err);
}

ingot_status ig_kv_open(ig_kv_cache **out, ig_heap *heap, const ig_kv_options *o, ingot_error *err)
{
    kv_sizes sizes;
    *out = NULL;
    IG_TRY(measure(&sizes, o, err));
    if (o->budget_bytes < sizes.fixed || o->budget_bytes - sizes.fixed < sizes.each)
        return ig_fail(err, INGOT_E_ARG,
                       "a budget of %zu bytes for keys and values holds no page of %zu bytes "
                       "(%zu tokens); give at least %zu",
                       o->budget_bytes, sizes.page,
                       o->page_tokens ? o->page_tokens : (size_t)KV_PAGE_TOKENS,
                       sizes.fixed + sizes.each);
    ig_kv_cache *c = ig_take0(heap, sizeof *c);
    if (!c) return ig_fail(err, INGOT_E_NOMEM, "no memory for a cache of keys and values");
    c->heap = heap;
    c->n_layers = o->n_layers;
    c->page_tokens = o->page_tokens ? o->page_tokens : KV_PAGE_TOKENS;
    c->page_bytes = sizes.page;
    c->n_pages = IG_MIN((o->budget_bytes - sizes.fixed) / sizes.each, (size_t)INT32_MAX);
    c->private_pages = o->private_pages;
    c->memory = o->memory ? *o->memory : ig_kv_host_memory(heap);
    const ingot_status s = fill(c, o, err);
    if (s) ig_kv_close(&c);
    *out = c;
    return s;
}

void ig_kv_close(ig_kv_cache **cache)
{
    ig_kv_cache *c = *cache;
    *cache = NULL;
    if (!c) return;
    assert(!c->n_seqs);
    const size_t n = c->n_pages;
    ig_give(c->heap, c->layers, c->n_layers * sizeof *c->layers);
    ig_give(c->heap, c->pages, n * sizeof *c->pages);
    ig_give(c->heap, c->tokens, n * c->page_tokens * sizeof *c->tokens);
    ig_give(c->heap, c->buckets, n * sizeof *c->buckets);
    ig_give(c->heap, c->evicted, n * sizeof *c->evicted);
    if (c->base) c->memory.give(c->memory.ud, c->base, n * c->page_bytes, false);
    ig_kv_spare_close(&c->spare);
    ig_give(c->heap, c, sizeof *c);
}

/* ---- asking ---- */

size_t ig_kv_page_tokens(const ig_kv_cache *c) { return c->page_tokens; }
size_t ig_kv_n_pages(const ig_kv_cache *c) { return c->n_pages; }
size_t ig_kv_room(const ig_kv_cache *c) { return c->n_free + c->n_cached; }

void ig_kv_step_init(ig_kv_step *step, const ig_kv_cache *c)
{
    *step = (ig_kv_step){
        .layers = c->layers, .n_layers = c->n_layers, .base = c->base, .page_bytes = c->page_bytes};
}

void ig_kv_get_stats(ig_kv_stats *stats, const ig_kv_cache *c)
{
    *stats = c->stats;
    stats->page_bytes = c->page_bytes;
    stats->pages = c->n_pages;
    stats->cached = c->n_cached;
    stats->used = c->n_pages - c->n_free - c->n_cached;
}
