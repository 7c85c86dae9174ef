/* lookup.c - from a key to its index; see lookup.h. */
#include "runtime/ops/lookup.h"
#include "runtime/base/checked.h"
#include "runtime/base/hash.h"

#include <math.h>
#include <string.h>

/* Numbers as 64 bits that are equal when the numbers are. */
static uint64_t bits_of(const void *data, ingot_dtype dtype, size_t at)
{
    if (ig_dtype(dtype)->class_ != IG_CLASS_FLOAT) return (uint64_t)ig_to_int(data, dtype, at);
    double v = ig_to_double(data, dtype, at);
    uint64_t bits;
    if (isnan(v)) return UINT64_MAX;
    if (v == 0) v = 0; /* -0 too */
    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static uint64_t mix(uint64_t v)
{
    v ^= v >> 32;
    v *= 0x9e3779b97f4a7c15u;
    v ^= v >> 29;
    v *= 0xbf58476d1ce4e5b9u;
    return v ^ v >> 32;
}

static bool same_text(ingot_str a, ingot_str b)
{
    return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n));
}

static size_t seek_text(const ig_lookup *l, ingot_str text)
{
    const ingot_str *keys = l->keys->data;
    size_t at = (size_t)ig_hash(text.p, text.n).lo & l->mask;
    while (l->slots[at] && !same_text(keys[l->slots[at] - 1], text)) at = (at + 1) & l->mask;
    return at;
}

static size_t seek_bits(const ig_lookup *l, uint64_t bits)
{
    size_t at = (size_t)mix(bits) & l->mask;
    while (l->slots[at] && bits_of(l->keys->data, l->keys->dtype, l->slots[at] - 1) != bits)
        at = (at + 1) & l->mask;
    return at;
}

static size_t seek(const ig_lookup *l, const void *data, size_t at)
{
    if (l->keys->dtype == INGOT_STR) return seek_text(l, ((const ingot_str *)data)[at]);
    return seek_bits(l, bits_of(data, l->keys->dtype, at));
}

bool ig_lookup_open(ig_lookup *l, const ig_tensor *keys, ig_arena *arena)
{
    const size_t n = ig_tensor_elements(keys);
    if (n > INT32_MAX) return false;
    size_t cap = 4;
    while (cap < 2 * n) cap *= 2;
    l->keys = keys;
    l->mask = cap - 1;
    l->slots = ig_new_n(arena, uint32_t, cap);
    if (!l->slots) return false;
    for (size_t i = 0; i < n; i++) {
        const size_t at = seek(l, keys->data, i);
        if (!l->slots[at]) l->slots[at] = (uint32_t)i + 1;
    }
    return true;
}

int64_t ig_lookup_find(const ig_lookup *l, const void *data, size_t at)
{
    return (int64_t)l->slots[seek(l, data, at)] - 1;
}

int64_t ig_lookup_text(const ig_lookup *l, ingot_str text)
{
    return (int64_t)l->slots[seek_text(l, text)] - 1;
}

int64_t ig_lookup_int(const ig_lookup *l, int64_t v)
{
    return (int64_t)l->slots[seek_bits(l, (uint64_t)v)] - 1;
}
