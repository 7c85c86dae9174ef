/* gguf.c - see gguf.h. */
#include "formats/gguf/gguf.h"
#include "runtime/base/bytes.h"
#include "runtime/base/checked.h"

#include <string.h>

static const uint8_t widths[IG_GGUF_KINDS] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

typedef struct {
    ig_cursor c;
    ig_arena *arena;
    ingot_error *err;
} reader;

static ingot_status bad(const reader *r, const char *what)
{
    return ig_fail(r->err, INGOT_E_FORMAT, "GGUF, byte %zu: %s", r->c.at, what);
}

static ingot_status no_memory(const reader *r)
{
    return ig_fail(r->err, INGOT_E_NOMEM, "GGUF: no memory for its tables");
}

static bool get_text(ingot_str *out, ig_cursor *c)
{
    const uint64_t n = ig_get_u64(c);
    if (c->failed || n > c->n - c->at) return !(c->failed = true);
    *out = (ingot_str){ig_get(c, (size_t)n), (size_t)n};
    return true;
}

/* A count of items that take at least `least` bytes each. */
static bool get_count(uint64_t *out, ig_cursor *c, size_t least)
{
    *out = ig_get_u64(c);
    return !c->failed && *out <= (c->n - c->at) / least;
}

static ingot_status get_texts(ig_gguf_value *v, reader *r)
{
    ingot_str *text = ig_new_n(r->arena, ingot_str, (size_t)v->n);
    if (!text) return no_memory(r);
    for (uint64_t i = 0; i < v->n; i++)
        if (!get_text(&text[i], &r->c)) return bad(r, "a text is cut off");
    v->text = text;
    return INGOT_OK;
}

static ingot_status get_value(ig_gguf_value *v, reader *r)
{
    if (!get_text(&v->key, &r->c)) return bad(r, "a key is cut off");
    uint32_t kind = ig_get_u32(&r->c);
    v->n = 1;
    v->is_array = kind == IG_GGUF_ARRAY;
    if (v->is_array) {
        kind = ig_get_u32(&r->c);
        if (kind >= IG_GGUF_KINDS || kind == IG_GGUF_ARRAY)
            return bad(r, "an array of elements of unknown type");
        if (!get_count(&v->n, &r->c, kind == IG_GGUF_TEXT ? 8 : widths[kind]))
            return bad(r, "an array is longer than the file");
    }
    if (r->c.failed || kind >= IG_GGUF_KINDS) return bad(r, "a value of unknown type");
    v->kind = (ig_gguf_kind)kind;
    if (v->kind == IG_GGUF_TEXT) return get_texts(v, r);
    v->p = ig_get(&r->c, (size_t)v->n * widths[kind]);
    return v->p ? INGOT_OK : bad(r, "a value is cut off");
}

static ingot_status get_tensor(ig_gguf_tensor *t, reader *r)
{
    if (!get_text(&t->name, &r->c)) return bad(r, "a tensor's name is cut off");
    t->rank = ig_get_u32(&r->c);
    if (t->rank > IG_GGUF_RANK_MOST) return bad(r, "a tensor has more than 4 dimensions");
    for (uint32_t i = 0; i < t->rank; i++) t->dims[i] = ig_get_u64(&r->c);
    t->type = ig_get_u32(&r->c);
    t->offset = ig_get_u64(&r->c);
    return r->c.failed ? bad(r, "a tensor's entry is cut off") : INGOT_OK;
}

static ingot_status get_head(ig_gguf *g, uint64_t *n_tensors, uint64_t *n_values, reader *r)
{
    const void *magic = ig_get(&r->c, 4);
    if (!magic || memcmp(magic, "GGUF", 4)) return bad(r, "not a GGUF file");
    g->version = ig_get_u32(&r->c);
    if (g->version == 1 || g->version > 3)
        return ig_fail(r->err, INGOT_E_UNSUPPORTED,
                       "GGUF of version %u%s: versions 2 and 3, little-endian, are supported",
                       g->version, g->version >= 1 << 24 ? " (big-endian)" : "");
    if (!get_count(n_tensors, &r->c, 24)) return bad(r, "more tensors than the file can hold");
    if (!get_count(n_values, &r->c, 13)) return bad(r, "more keys than the file can hold");
    return INGOT_OK;
}

ingot_status ig_gguf_read(ig_gguf *g, ig_arena *arena, const void *bytes, size_t n,
                          ingot_error *err)
{
    reader r = {.c = {.p = bytes, .n = n}, .arena = arena, .err = err};
    uint64_t n_tensors = 0, n_values = 0;
    *g = (ig_gguf){0};
    IG_TRY(get_head(g, &n_tensors, &n_values, &r));
    ig_gguf_value *values = ig_new_n(arena, ig_gguf_value, (size_t)n_values);
    ig_gguf_tensor *tensors = ig_new_n(arena, ig_gguf_tensor, (size_t)n_tensors);
    if (!values || !tensors) return no_memory(&r);
    for (uint64_t i = 0; i < n_values; i++) IG_TRY(get_value(&values[i], &r));
    g->values = values;
    g->n_values = (size_t)n_values;
    for (uint64_t i = 0; i < n_tensors; i++) IG_TRY(get_tensor(&tensors[i], &r));
    g->tensors = tensors;
    g->n_tensors = (size_t)n_tensors;
    const int64_t align = ig_gguf_int(g, "general.alignment", 32);
    if (align < 8 || align > 1 << 20 || align & (align - 1))
        return bad(&r, "general.alignment is not a power of two from 8 to 1048576");
    const size_t over = r.c.at % (size_t)align, pad = over ? (size_t)align - over : 0;
    if (n_tensors && pad > n - r.c.at) return bad(&r, "cut off before the tensors");
    g->data = (const uint8_t *)bytes + IG_MIN(r.c.at + pad, n);
    g->data_bytes = n - IG_MIN(r.c.at + pad, n);
    return INGOT_OK;
}

const ig_gguf_value *ig_gguf_find(const ig_gguf *g, const char *key)
{
    const size_t n = strlen(key);
    for (size_t i = 0; i < g->n_values; i++)
        if (g->values[i].key.n == n && !memcmp(g->values[i].key.p, key, n)) return &g->values[i];
    return NULL;
}

int64_t ig_gguf_int_at(const ig_gguf_value *v, uint64_t i)
{
    const uint8_t *p = v->p + i * widths[v->kind];
    uint64_t bits = 0;
    memcpy(&bits, p, widths[v->kind]);
    switch (v->kind) {
    case IG_GGUF_I8:
        return (int8_t)bits;
    case IG_GGUF_I16:
        return (int16_t)bits;
    case IG_GGUF_I32:
        return (int32_t)bits;
    case IG_GGUF_F32:
    case IG_GGUF_F64:
    case IG_GGUF_TEXT:
    case IG_GGUF_ARRAY:
        return 0;
    default:
        return (int64_t)bits;
    }
}

double ig_gguf_real_at(const ig_gguf_value *v, uint64_t i)
{
    float f;
    double d;
    if (v->kind == IG_GGUF_F32) {
        memcpy(&f, v->p + i * 4, sizeof f);
        return (double)f;
    }
    if (v->kind != IG_GGUF_F64) return (double)ig_gguf_int_at(v, i);
    memcpy(&d, v->p + i * 8, sizeof d);
    return d;
}

static const ig_gguf_value *single(const ig_gguf *g, const char *key)
{
    const ig_gguf_value *v = ig_gguf_find(g, key);
    return v && !v->is_array ? v : NULL;
}

int64_t ig_gguf_int(const ig_gguf *g, const char *key, int64_t otherwise)
{
    const ig_gguf_value *v = single(g, key);
    const bool is_int = v && v->kind != IG_GGUF_TEXT && v->kind != IG_GGUF_F32 &&
                        v->kind != IG_GGUF_F64 && v->kind != IG_GGUF_BOOL;
    return is_int ? ig_gguf_int_at(v, 0) : otherwise;
}

double ig_gguf_real(const ig_gguf *g, const char *key, double otherwise)
{
    const ig_gguf_value *v = single(g, key);
    return v && v->kind != IG_GGUF_TEXT ? ig_gguf_real_at(v, 0) : otherwise;
}

bool ig_gguf_bool(const ig_gguf *g, const char *key, bool otherwise)
{
    const ig_gguf_value *v = single(g, key);
    return v && v->kind == IG_GGUF_BOOL ? v->p[0] != 0 : otherwise;
}

ingot_str ig_gguf_text(const ig_gguf *g, const char *key, const char *otherwise)
{
    const ig_gguf_value *v = single(g, key);
    return v && v->kind == IG_GGUF_TEXT ? v->text[0] : (ingot_str){otherwise, strlen(otherwise)};
}

/* ---- tensors ---- */

const ig_gguf_tensor *ig_gguf_tensor_find(const ig_gguf *g, const char *name)
{
    const size_t n = strlen(name);
    for (size_t i = 0; i < g->n_tensors; i++)
        if (g->tensors[i].name.n == n && !memcmp(g->tensors[i].name.p, name, n))
            return &g->tensors[i];
    return NULL;
}

static ingot_status bad_tensor(const ig_gguf_tensor *t, const char *what, ingot_error *err)
{
    return ig_fail(err, INGOT_E_FORMAT, "GGUF: tensor '%.*s' %s", (int)IG_MIN(t->name.n, 80),
                   t->name.p, what);
}

ingot_status ig_gguf_tensor_data(const uint8_t **data, const ig_ggml_type **type, const ig_gguf *g,
                                 const ig_gguf_tensor *t, ingot_error *err)
{
    char names[160];
    const ig_ggml_type *k = *type = ig_ggml_type_at(t->type);
    if (!k) {
        ig_ggml_type_names(names, sizeof names);
        return ig_fail(err, INGOT_E_UNSUPPORTED,
                       "GGUF: tensor '%.*s' is of ggml's type %u: known are %s",
                       (int)IG_MIN(t->name.n, 80), t->name.p, t->type, names);
    }
    uint64_t n = t->rank ? t->dims[0] / k->n : 1;
    if (t->rank && t->dims[0] % k->n) return bad_tensor(t, "has rows of no whole blocks", err);
    for (uint32_t i = 1; i < t->rank; i++)
        if (!ig_mul_ok(n, t->dims[i], &n)) return bad_tensor(t, "is too large", err);
    if (!ig_mul_ok(n, (uint64_t)k->bytes, &n) || !ig_range_ok(t->offset, n, g->data_bytes))
        return bad_tensor(t, "goes past the end of the file (is the file cut off?)", err);
    *data = g->data + t->offset;
    return INGOT_OK;
}
