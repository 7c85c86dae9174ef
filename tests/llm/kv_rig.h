/* kv_rig.h - for the tests of the cache: pages whose contents say what they should be.
 *
 * In place of keys and values a token's place gets a tag, which depends on the tenant and on every
 * token before it: a page that is shared by mistake, or written while shared, shows. */
#ifndef IG_TESTS_KV_RIG_H
#define IG_TESTS_KV_RIG_H

#include "tests/check.h"
#include "runtime/base/checked.h"
#include "runtime/llm/kv/kv_parts.h"

#include <stdlib.h>
#include <string.h>

static const ig_kv_shape rig_shapes[] = {{1, 2, 1}, {2, 3, 5}};

static inline ig_kv_options rig_options(ig_page_type type, size_t page_tokens)
{
    return (ig_kv_options){.layers = rig_shapes,
                           .n_layers = IG_LEN(rig_shapes),
                           .type = type,
                           .page_tokens = page_tokens};
}

/* A cache of exactly n pages. */
static inline ig_kv_cache *rig_cache(ig_heap *heap, ig_kv_options o, size_t n)
{
    ingot_error err;
    ig_kv_cache *c;
    check_ok(ig_kv_budget(&o.budget_bytes, &o, n, &err));
    check_ok(ig_kv_open(&c, heap, &o, &err));
    assert_int_equal(ig_kv_n_pages(c), n);
    return c;
}

/* The tag of a token after one with tag `before`; that of none is the tenant's salt. */
static inline uint64_t rig_tag(uint64_t before, int32_t token)
{
    uint64_t x = (before ^ (uint64_t)(uint32_t)token) * UINT64_C(0x9e3779b97f4a7c15);
    x ^= x >> 29;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    return x ^ x >> 32;
}

enum { RIG_PARTS = 3, RIG_PART_BITS = 20 }; /* a float holds a part exactly */

static inline float rig_part(uint64_t tag, size_t i)
{
    return (float)(tag >> i * RIG_PART_BITS & ((1u << RIG_PART_BITS) - 1));
}

/* Token `at` of a page: the parts of its tag, in the first layer (f32 pages). */
static inline void rig_write(const ig_kv_cache *c, int32_t page, size_t at, uint64_t tag)
{
    const float k[2] = {rig_part(tag, 0), rig_part(tag, 1)}, v = rig_part(tag, 2);
    ig_page_append(ig_kv_page_at(c, page) + c->layers[0].at, &c->layers[0].format, at, k, &v);
}

static inline bool rig_is(const ig_kv_cache *c, int32_t page, size_t at, uint64_t tag)
{
    const ig_page_format *f = &c->layers[0].format;
    const unsigned char *p = ig_kv_page_at(c, page) + c->layers[0].at;
    const float *k = (const float *)(const void *)(p + at / 16 * f->k_group) + at % 16;
    const float *v = (const float *)(const void *)(p + f->v_at + at * f->v_row);
    return k[0] == rig_part(tag, 0) && k[16] == rig_part(tag, 1) && v[0] == rig_part(tag, 2);
}

/* Reserve, write the tags that follow `tag` and commit; the tag of the last token. */
static inline uint64_t rig_extend(ig_kv_seq *s, uint64_t tag, const int32_t *tokens, size_t n)
{
    ingot_error err;
    check_ok(ig_kv_reserve(s, n, &err));
    const ig_kv_span span = ig_kv_span_of(s, 0, n);
    const size_t p = ig_kv_page_tokens(s->cache);
    for (size_t i = 0; i < n; i++) {
        const size_t at = span.before + i;
        tag = rig_tag(tag, tokens[i]);
        rig_write(s->cache, span.pages[at / p], at % p, tag);
    }
    ig_kv_commit(s, tokens, n);
    return tag;
}

/* All tokens of a sequence are these, and its pages hold their tags. */
static inline void rig_check(const ig_kv_seq *s, uint64_t salt, const int32_t *tokens, size_t n)
{
    assert_int_equal(ig_kv_length(s), n);
    const size_t p = ig_kv_page_tokens(s->cache);
    uint64_t tag = salt;
    for (size_t i = 0; i < n; i++) {
        int32_t token;
        ig_kv_tokens(&token, s, i, 1);
        tag = rig_tag(tag, tokens[i]);
        if (token != tokens[i] || !rig_is(s->cache, s->table[i / p], i % p, tag))
            fail_msg("token %zu of %zu is not what was written", i, n);
    }
}

static inline void rig_close(ig_kv_cache **c, ig_heap *heap)
{
    ig_kv_stats stats;
    ig_kv_get_stats(&stats, *c);
    assert_int_equal(stats.used, 0);
    ig_kv_close(c);
    assert_int_equal(heap->live_bytes, 0);
}

#endif
