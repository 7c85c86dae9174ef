/* session.c - see kv_cache.h: a sequence in a file.
 *
 *     "IGKVSESS"  u32 version  u32 page type  u64[2] model  u32 P  u32 layers
 *     u64 cached  u64 pending  layers x {u64 key heads, d, dv}
 *     i32 tokens [cached + pending], zeros up to a multiple of 64
 *     pages [cached / P up][page bytes]; what is no token's is zeros
 *     u64[2] XXH3-128 of all before
 *
 * Little-endian. The pages are as pages.h has them, a layer's heads side by side. */
#include "runtime/llm/kv/kv_parts.h"
#include "runtime/base/bytes.h"
#include "runtime/base/checked.h"
#include "runtime/base/fault.h"
#include "runtime/base/file.h"

#include <string.h>

enum { VERSION = 1, MAGIC_BYTES = 8, DIGEST_BYTES = 16, LAYER_BYTES = 24, PAGES_ALIGN = 64 };

static const char magic[MAGIC_BYTES] = {'I', 'G', 'K', 'V', 'S', 'E', 'S', 'S'};
static const char *const type_names[] = {
    [IG_PAGE_F32] = "f32", [IG_PAGE_F16] = "f16", [IG_PAGE_BF16] = "bf16",
    [IG_PAGE_I8] = "i8",   [IG_PAGE_F8] = "fp8",
};
enum { ON_DEVICE = 256 }; /* added to a type: the pages are a device's */

static uint32_t page_type(const ig_kv_cache *c)
{
    const ig_page_format *f = &c->layers->format;
    return (uint32_t)f->type + (f->device ? ON_DEVICE : 0);
}

static const char *place_name(uint32_t type) { return type >= ON_DEVICE ? "device " : ""; }

/* ---- saving ---- */

typedef struct {
    ig_writer file;
    ig_hasher hasher;
} hashing_writer;

static ingot_status put(hashing_writer *w, const void *p, size_t n, ingot_error *err)
{
    ig_hasher_add(&w->hasher, p, n);
    return ig_writer_put(&w->file, p, n, err);
}

static void build_head(ig_bytes *b, const ig_kv_seq *s, ig_hash128 model, const int32_t *pending,
                       size_t n_pending)
{
    const ig_kv_cache *c = s->cache;
    ig_put(b, magic, sizeof magic);
    ig_put_u32(b, VERSION);
    ig_put_u32(b, page_type(c));
    ig_put_u64(b, model.lo);
    ig_put_u64(b, model.hi);
    ig_put_u32(b, (uint32_t)c->page_tokens);
    ig_put_u32(b, (uint32_t)c->n_layers);
    ig_put_u64(b, s->length);
    ig_put_u64(b, n_pending);
    for (size_t i = 0; i < c->n_layers; i++) {
        ig_put_u64(b, c->layers[i].kv_heads);
        ig_put_u64(b, c->layers[i].format.d);
        ig_put_u64(b, c->layers[i].format.dv);
    }
    for (size_t i = 0; i < s->length; i++) {
        int32_t token;
        ig_kv_tokens(&token, s, i, 1);
        ig_put_u32(b, (uint32_t)token);
    }
    for (size_t i = 0; i < n_pending; i++) ig_put_u32(b, (uint32_t)pending[i]);
    ig_put_pad(b, PAGES_ALIGN);
}

/* Page i with zeros where none of its sequence's keys and values are: there lies what others left.
 * `copy` has room for a page. */
static ingot_status put_page(hashing_writer *w, unsigned char *copy, const ig_kv_seq *s, size_t i,
                             ingot_error *err)
{
    const ig_kv_cache *c = s->cache;
    const size_t n_tokens = IG_MIN(s->length - i * c->page_tokens, c->page_tokens);
    IG_TRY(c->memory.move(c->memory.ud, copy, ig_kv_page_at(c, s->table[i]), c->page_bytes,
                          IG_KV_TO_SPARE, err));
    IG_TRY(c->memory.settle(c->memory.ud, err));
    for (size_t l = 0; l < c->n_layers; l++) {
        const ig_kv_layer *layer = &c->layers[l];
        for (size_t h = 0; h < layer->kv_heads; h++)
            ig_page_clear(copy + layer->at + h * layer->format.bytes, &layer->format, n_tokens);
    }
    return put(w, copy, c->page_bytes, err);
}

static ingot_status put_all(hashing_writer *w, const ig_kv_seq *s, const ig_bytes *head,
                            ingot_error *err)
{
    const ig_kv_cache *c = s->cache;
    unsigned char *copy = ig_take(c->heap, c->page_bytes);
    if (!copy) return ig_fail(err, INGOT_E_NOMEM, "no memory for a page of keys and values");
    ingot_status status = put(w, head->p, head->n, err);
    for (size_t i = 0; !status && i < ig_kv_pages_of(c, s->length); i++)
        status = put_page(w, copy, s, i, err);
    ig_give(c->heap, copy, c->page_bytes);
    if (status) return status;
    const ig_hash128 digest = ig_hasher_result(&w->hasher);
    IG_TRY(ig_writer_put(&w->file, &digest.lo, sizeof digest.lo, err));
    return ig_writer_put(&w->file, &digest.hi, sizeof digest.hi, err);
}

ingot_status ig_kv_seq_save(const ig_kv_seq *s, const char *path, ig_hash128 model,
                            const int32_t *pending, size_t n_pending, ingot_error *err)
{
    ig_bytes head;
    ig_bytes_init(&head, s->cache->heap);
    build_head(&head, s, model, pending, n_pending);
    hashing_writer w;
    ig_hasher_init(&w.hasher);
    ingot_status status = head.failed
                              ? ig_fail(err, INGOT_E_NOMEM, "%s: no memory to write it", path)
                              : ig_writer_open(&w.file, s->cache->heap, path, err);
    if (!status) {
        status = put_all(&w, s, &head, err);
        if (!status)
            status = ig_writer_commit(&w.file, err);
        else
            ig_writer_abort(&w.file);
    }
    ig_bytes_clear(&head);
    return status;
}

/* ---- restoring ---- */

typedef struct {
    const char *path;
    const ig_kv_cache *cache;
    ig_cursor at;
    size_t n_cached, n_pending;
} reading;

/* What any session has, whatever its model: the name, the version, the digest. */
static ingot_status check_whole(const ig_map *map, ingot_error *err)
{
    const size_t n = map->size;
    if (n < MAGIC_BYTES + 4 + DIGEST_BYTES || memcmp(map->data, magic, sizeof magic))
        return ig_fail(err, INGOT_E_FORMAT, "%s: is not a saved session", map->path);
    ig_cursor c = {.p = map->data, .n = n, .at = MAGIC_BYTES};
    const uint32_t version = ig_get_u32(&c);
    if (version != VERSION)
        return ig_fail(err, INGOT_E_FORMAT,
                       "%s: a session of version %u; this program reads version %d", map->path,
                       version, VERSION);
    const ig_hash128 digest = ig_hash(map->data, n - DIGEST_BYTES);
    c.at = n - DIGEST_BYTES;
    const uint64_t lo = ig_get_u64(&c), hi = ig_get_u64(&c);
    if (lo != digest.lo || hi != digest.hi)
        return ig_fail(err, INGOT_E_FORMAT,
                       "%s: is damaged or cut short (its checksum does not fit its %zu bytes)",
                       map->path, n);
    return INGOT_OK;
}

static ingot_status check_model(reading *r, ig_hash128 model, ingot_error *err)
{
    const uint64_t lo = ig_get_u64(&r->at), hi = ig_get_u64(&r->at);
    if (r->at.failed) return ig_fail(err, INGOT_E_FORMAT, "%s: its header is cut short", r->path);
    if (lo != model.lo || hi != model.hi)
        return ig_fail(err, INGOT_E_ARG,
                       "%s: was saved with another model; its keys and values mean nothing to "
                       "this one",
                       r->path);
    return INGOT_OK;
}

static ingot_status check_layers(reading *r, size_t n_layers, ingot_error *err)
{
    const ig_kv_cache *c = r->cache;
    bool same = n_layers == c->n_layers;
    for (size_t i = 0; same && i < n_layers; i++) {
        const ig_kv_layer *l = &c->layers[i];
        const uint64_t heads = ig_get_u64(&r->at), d = ig_get_u64(&r->at), dv = ig_get_u64(&r->at);
        same = heads == l->kv_heads && d == l->format.d && dv == l->format.dv;
    }
    if (r->at.failed) return ig_fail(err, INGOT_E_FORMAT, "%s: its header is cut short", r->path);
    return same ? INGOT_OK
                : ig_fail(err, INGOT_E_ARG, "%s: its layers are not those of this model", r->path);
}

/* Type, model, P, layers, counts, in the order of the file. */
static ingot_status check_head(reading *r, ig_hash128 model, ingot_error *err)
{
    const ig_kv_cache *c = r->cache;
    const uint32_t type = ig_get_u32(&r->at), own = page_type(c);
    IG_TRY(check_model(r, model, err));
    const uint32_t p = ig_get_u32(&r->at), n_layers = ig_get_u32(&r->at);
    const uint64_t n_cached = ig_get_u64(&r->at), n_pending = ig_get_u64(&r->at);
    if (type % ON_DEVICE >= IG_LEN(type_names) || type / ON_DEVICE > 1)
        return ig_fail(err, INGOT_E_FORMAT, "%s: unknown type of pages %u", r->path, type);
    if (type != own || p != c->page_tokens)
        return ig_fail(err, INGOT_E_ARG,
                       "%s: has %s%s pages of %u tokens, this cache %s%s pages of %zu; open the "
                       "model with the options it was saved with",
                       r->path, place_name(type), type_names[type % ON_DEVICE], p, place_name(own),
                       type_names[own % ON_DEVICE], c->page_tokens);
    IG_TRY(check_layers(r, n_layers, err));
    const uint64_t most = r->at.n / sizeof(int32_t);
    if (n_cached > most || n_pending > most)
        return ig_fail(err, INGOT_E_FORMAT, "%s: more tokens are announced than it has bytes",
                       r->path);
    r->n_cached = (size_t)n_cached;
    r->n_pending = (size_t)n_pending;
    return INGOT_OK;
}

static ingot_status read_tokens(reading *r, ig_kv_saved *saved, ig_arena *arena, ingot_error *err)
{
    const size_t n = r->n_cached + r->n_pending;
    int32_t *tokens = ig_new_n(arena, int32_t, IG_MAX(n, (size_t)1));
    if (!tokens) return ig_fail(err, INGOT_E_NOMEM, "%s: no memory for its %zu tokens", r->path, n);
    for (size_t i = 0; i < n; i++) {
        const uint32_t token = ig_get_u32(&r->at);
        if (token > INT32_MAX)
            return ig_fail(err, INGOT_E_FORMAT, "%s: token %zu is %u, which is no token", r->path,
                           i, token);
        tokens[i] = (int32_t)token;
    }
    const size_t odd = r->at.at % PAGES_ALIGN;
    if (odd) ig_get(&r->at, PAGES_ALIGN - odd);
    const size_t pages = ig_kv_pages_of(r->cache, r->n_cached);
    size_t bytes;
    if (r->at.failed || !ig_mul_ok(pages, r->cache->page_bytes, &bytes) ||
        bytes != r->at.n - r->at.at)
        return ig_fail(err, INGOT_E_FORMAT,
                       "%s: %zu tokens and %zu pages of %zu bytes do not make its size", r->path, n,
                       pages, r->cache->page_bytes);
    *saved = (ig_kv_saved){tokens, r->n_cached, r->n_pending};
    return INGOT_OK;
}

static ingot_status fill(ig_kv_seq *s, reading *r, const int32_t *tokens, ingot_error *err)
{
    const ig_kv_cache *c = s->cache;
    s->private_pages = true;
    const ingot_status status = ig_kv_reserve(s, r->n_cached, err);
    if (status) return ig_wrap(err, status, "%s", r->path);
    for (size_t i = 0; i < s->n_pages; i++)
        IG_TRY(c->memory.move(c->memory.ud, ig_kv_page_at(c, s->table[i]),
                              ig_get(&r->at, c->page_bytes), c->page_bytes, IG_KV_FROM_SPARE, err));
    IG_TRY(c->memory.settle(c->memory.ud, err));
    ig_kv_commit(s, tokens, r->n_cached);
    return INGOT_OK;
}

static ingot_status restore(ig_kv_seq **out, ig_kv_saved *saved, ig_arena *arena,
                            ig_kv_cache *cache, ig_map *map, ig_hash128 model, uint64_t salt,
                            size_t most, ingot_error *err)
{
    IG_TRY(check_whole(map, err));
    reading r = {.path = map->path, .cache = cache};
    r.at = (ig_cursor){.p = map->data, .n = map->size - DIGEST_BYTES, .at = MAGIC_BYTES + 4};
    IG_TRY(check_head(&r, model, err));
    IG_TRY(read_tokens(&r, saved, arena, err));
    IG_TRY(ig_kv_seq_open(out, cache, salt, most, err));
    IG_TRY(fill(*out, &r, saved->tokens, err));
    if (map->bad) return ig_fail(err, INGOT_E_IO, "%s: could not be read to its end", map->path);
    return INGOT_OK;
}

ingot_status ig_kv_seq_restore(ig_kv_seq **out, ig_kv_saved *saved, ig_arena *arena,
                               ig_kv_cache *cache, const char *path, ig_hash128 model,
                               uint64_t salt, size_t most, ingot_error *err)
{
    ig_map map;
    *out = NULL;
    *saved = (ig_kv_saved){0};
    IG_TRY(ig_map_open(&map, cache->heap, path, err));
    ingot_status s =
        ig_fault_guard_installed() ? ig_fault_watch(map.data, map.size, &map.bad, err) : INGOT_OK;
    if (!s) s = restore(out, saved, arena, cache, &map, model, salt, most, err);
    if (s) {
        ig_kv_seq_free(out);
        *saved = (ig_kv_saved){0};
    }
    ig_fault_unwatch(map.data);
    ig_map_close(&map);
    return s;
}
