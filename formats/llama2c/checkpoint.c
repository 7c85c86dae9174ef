/* checkpoint.c - see checkpoint.h. */
#include "formats/llama2c/checkpoint.h"
#include "runtime/base/bytes.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { MAGIC = 0x616b3432, HEAD = 256 };

/* ---- the head ---- */

static bool positive(ig_cursor *c, size_t *to)
{
    const int32_t v = (int32_t)ig_get_u32(c);
    *to = v > 0 ? (size_t)v : 0;
    return v > 0;
}

static bool read_sizes(ig_llama2c_head *h, ig_cursor *c)
{
    bool ok = positive(c, &h->width) & positive(c, &h->inner) & positive(c, &h->layers) &
              positive(c, &h->heads) & positive(c, &h->kv_heads);
    const int32_t vocab = (int32_t)ig_get_u32(c);
    h->tied = vocab > 0;
    h->vocab = (size_t)(vocab < 0 ? -(int64_t)vocab : vocab);
    ok &= positive(c, &h->context) & !c->failed & (h->vocab > 0);
    return ok && h->width % h->heads == 0 && h->width / h->heads % 2 == 0 &&
           h->heads % h->kv_heads == 0;
}

/* to += a * b */
static bool add_product(uint64_t *to, uint64_t a, uint64_t b)
{
    uint64_t product;
    return ig_mul_ok(a, b, &product) && ig_add_ok(*to, product, to);
}

/* The elements of version 0; false: more than fit. */
static bool elements(uint64_t *n, const ig_llama2c_head *h)
{
    const uint64_t d = h->width / h->heads, keys = d * h->kv_heads;
    uint64_t layer = 2 * h->width;
    *n = h->width;
    return add_product(&layer, h->width, 2 * h->width) && add_product(&layer, h->width, 2 * keys) &&
           add_product(&layer, 3 * h->width, h->inner) && add_product(n, layer, h->layers) &&
           add_product(n, h->width, h->vocab) && add_product(n, h->context, d) &&
           (h->tied || add_product(n, h->width, h->vocab));
}

bool ig_llama2c_head_read(ig_llama2c_head *h, const void *bytes, size_t n)
{
    ig_cursor c = {.p = bytes, .n = n};
    *h = (ig_llama2c_head){0};
    uint64_t all;
    if (ig_get_u32(&c) != MAGIC) {
        c = (ig_cursor){.p = bytes, .n = n};
        h->head_bytes = 7 * sizeof(int32_t);
        return read_sizes(h, &c) && elements(&all, h) && all <= n / sizeof(float) &&
               n == h->head_bytes + all * sizeof(float);
    }
    h->version = (int)ig_get_u32(&c);
    h->head_bytes = HEAD;
    const bool ok = read_sizes(h, &c) && h->tied; /* here it only says that vocab is positive */
    h->tied = ig_get_u8(&c) != 0;
    h->group = ig_get_u32(&c);
    return ok && !c.failed;
}

/* ---- groups of version 2, each as f32 scale, i8 values ---- */

static float scale_of(const unsigned char *group)
{
    float x;
    memcpy(&x, group, sizeof x);
    return x;
}

static void widen(float *to, const unsigned char *from, size_t n, size_t group)
{
    for (size_t i = 0; i < n; i += group, from += sizeof(float) + group)
        for (size_t k = 0; k < group; k++)
            to[i + k] = (float)(int8_t)from[sizeof(float) + k] * scale_of(from);
}

static void split(const ig_split *to, const unsigned char *from, size_t n, size_t group)
{
    for (size_t i = 0; i < n; i += group, from += sizeof(float) + group) {
        to->scale[i / group] = scale_of(from);
        for (size_t k = 0; k < group; k++) to->q[i + k] = from[sizeof(float) + k] ^ 0x80;
    }
}

#define GROUPS(X) X(32, "i8g32f") X(64, "i8g64f") X(128, "i8g128f")
#define FUNCTIONS(group, format)                                              \
    static void widen_##group(float *to, const void *from, size_t n)          \
    {                                                                         \
        widen(to, from, n, group);                                            \
    }                                                                         \
    static void split_##group(const ig_split *to, const void *from, size_t n) \
    {                                                                         \
        split(to, from, n, group);                                            \
    }
GROUPS(FUNCTIONS)

static const ig_stored_type grouped[] = {
#define LINE(group, keep)                 \
    {.name = "int8 in groups of " #group, \
     .block = group,                      \
     .block_bytes = 4 + group,            \
     .dtype = INGOT_F32,                  \
     .format = keep,                      \
     .widen = widen_##group,              \
     .split = split_##group},
    GROUPS(LINE)
#undef LINE
};

static const ig_stored_type *type_of_group(size_t group)
{
    for (size_t i = 0; i < IG_LEN(grouped); i++)
        if (grouped[i].block == group) return &grouped[i];
    return NULL;
}

/* ---- tensors ---- */

typedef struct {
    const ig_llama2c_head *h;
    ig_checkpoint *c;
    ig_arena *arena;
    const unsigned char *p;
    size_t at, n;
    const ig_stored_type *low; /* of matrices in version 2 */
    ingot_error *err;
} reader;

static ingot_status cut_off(const reader *r, const char *name)
{
    return ig_fail(r->err, INGOT_E_FORMAT,
                   "llama2.c checkpoint: cut off in %s (%zu bytes, it begins at byte %zu)", name,
                   r->n, r->at);
}

/* Quants and scales, which lie one after the other, as blocks. */
static ingot_status join_groups(reader *r, ig_stored *t, size_t n)
{
    const size_t group = t->type->block, groups = n / group;
    size_t bytes;
    if (!ig_mul_ok(groups, t->type->block_bytes, &bytes) || bytes > r->n - r->at)
        return cut_off(r, t->name);
    unsigned char *to = ig_arena_take(r->arena, bytes);
    if (!to) return ig_fail(r->err, INGOT_E_NOMEM, "llama2.c checkpoint: no memory");
    const unsigned char *q = r->p + r->at, *scale = q + n;
    t->data = to;
    for (size_t i = 0; i < groups; i++, to += t->type->block_bytes) {
        memcpy(to, scale + i * sizeof(float), sizeof(float));
        memcpy(to + sizeof(float), q + i * group, group);
    }
    r->at += bytes;
    return INGOT_OK;
}

/* The next tensor: [columns], or a matrix [rows, columns]. */
static ingot_status take(reader *r, ig_stored **out, const char *name, size_t layer, size_t rows,
                         size_t columns)
{
    ig_stored *t = &r->c->tensors[r->c->n];
    size_t n, bytes;
    t->name = ig_arena_printf(r->arena, "%s.%zu", name, layer);
    if (!t->name) return ig_fail(r->err, INGOT_E_NOMEM, "llama2.c checkpoint: no memory");
    t->rank = rows ? 2 : 1;
    t->dims[0] = (int64_t)(rows ? rows : columns);
    t->dims[1] = (int64_t)columns;
    t->type = rows && r->low ? r->low : &ig_stored_f32;
    if (!ig_mul_ok(rows ? rows : 1, columns, &n) || !ig_mul_ok(n, sizeof(float), &bytes))
        return cut_off(r, t->name);
    if (t->type == r->low) {
        if (columns % r->low->block)
            return ig_fail(r->err, INGOT_E_UNSUPPORTED,
                           "llama2.c checkpoint: %s has rows of %zu, which groups of %zu do not "
                           "divide",
                           t->name, columns, r->low->block);
        IG_TRY(join_groups(r, t, n));
    } else {
        if (bytes > r->n - r->at) return cut_off(r, t->name);
        t->data = r->p + r->at;
        r->at += bytes;
    }
    r->c->n++;
    *out = t;
    return INGOT_OK;
}

/* ---- the model: tensors of one kind lie together, layer after layer ---- */

enum { ATTN_NORM, MLP_NORM, WQ, WK, WV, WO, W1, W2, W3, KINDS };
static const char *const kind_names[KINDS] = {
    "attention_norm", "ffn_norm", "wq", "wk", "wv", "wo", "w1", "w2", "w3"};

static ig_rows *place_of(ig_llm_layer *l, int kind)
{
    ig_rows *const places[KINDS] = {
        &l->attn_norm.gamma, &l->mlp_norm.gamma, &l->q.w,     &l->k.w, &l->v.w, &l->o.w,
        &l->mlp.gate.w,      &l->mlp.down.w,     &l->mlp.up.w};
    return places[kind];
}

static ingot_status read_kind(reader *r, ig_llm *m, int kind)
{
    const size_t d = m->width, keys = m->kv_heads * m->head_dim, inner = r->h->inner;
    const size_t rows[KINDS] = {0, 0, d, keys, keys, d, inner, d, inner};
    const size_t columns[KINDS] = {d, d, d, d, d, d, d, inner, d};
    for (size_t i = 0; i < m->n_layers; i++) {
        ig_stored *t = NULL;
        IG_TRY(take(r, &t, kind_names[kind], i, rows[kind], columns[kind]));
        *place_of(&m->layers[i], kind) = ig_rows_of(t, false);
    }
    return INGOT_OK;
}

static ingot_status read_one(reader *r, ig_rows *to, const char *name, size_t rows, size_t columns)
{
    ig_stored *t = NULL;
    IG_TRY(take(r, &t, name, 0, rows, columns));
    *to = ig_rows_of(t, false);
    return INGOT_OK;
}

static ingot_status read_old(reader *r, ig_llm *m)
{
    static const int kinds[KINDS] = {ATTN_NORM, WQ, WK, WV, WO, MLP_NORM, W1, W2, W3};
    IG_TRY(read_one(r, &m->embedding, "tok_embeddings", m->vocab, m->width));
    for (size_t i = 0; i < KINDS; i++) IG_TRY(read_kind(r, m, kinds[i]));
    IG_TRY(read_one(r, &m->final_norm.gamma, "norm", 0, m->width));
    r->at += m->context * m->head_dim * sizeof(float); /* cosines and sines; the size was checked */
    return r->h->tied ? INGOT_OK : read_one(r, &m->output.w, "output", m->vocab, m->width);
}

static ingot_status read_new(reader *r, ig_llm *m)
{
    IG_TRY(read_kind(r, m, ATTN_NORM));
    IG_TRY(read_kind(r, m, MLP_NORM));
    IG_TRY(read_one(r, &m->final_norm.gamma, "norm", 0, m->width));
    IG_TRY(read_one(r, &m->embedding, "tok_embeddings", m->vocab, m->width));
    for (int kind = WQ; kind < KINDS; kind++) IG_TRY(read_kind(r, m, kind));
    return r->h->tied ? INGOT_OK : read_one(r, &m->output.w, "output", m->vocab, m->width);
}

static void describe(ig_llm *m, const ig_llama2c_head *h)
{
    m->family = "llama2c";
    m->vocab = h->vocab;
    m->width = h->width;
    m->heads = h->heads;
    m->kv_heads = h->kv_heads;
    m->head_dim = h->width / h->heads;
    m->context = h->context;
    m->n_layers = h->layers;
    m->norm = IG_NORM_RMS;
    m->norm_eps = 1e-5;
    m->act = "silu";
    m->interleaved = true;
    m->ropes[0] = (ig_rope_rule){.base = 10000, .half = m->head_dim / 2};
    m->n_ropes = 1;
    m->bos = 1;
    m->eos[0] = 2;
    m->n_eos = 1;
    m->add_bos = 1;
}

ingot_status ig_llama2c_read(ig_llm *m, ig_checkpoint *c, ig_arena *arena, const ig_llama2c_head *h,
                             const void *bytes, size_t n, ingot_error *err)
{
    reader r = {
        .h = h, .c = c, .arena = arena, .p = bytes, .at = h->head_bytes, .n = n, .err = err};
    if (h->version > 2)
        return ig_fail(err, INGOT_E_UNSUPPORTED,
                       "llama2.c checkpoint of version %d: 0, 1 and 2 are known", h->version);
    if (h->version == 2 && !(r.low = type_of_group(h->group)))
        return ig_fail(err, INGOT_E_UNSUPPORTED,
                       "llama2.c checkpoint: groups of %zu values (32, 64 and 128 are known)",
                       h->group);
    if (n < h->head_bytes || h->layers > n / sizeof(float) / h->width)
        return ig_fail(err, INGOT_E_FORMAT, "llama2.c checkpoint: cut off (%zu bytes)", n);
    describe(m, h);
    m->layers = ig_new_n(arena, ig_llm_layer, h->layers);
    c->tensors = ig_new_n(arena, ig_stored, h->layers * KINDS + 3);
    if (!m->layers || !c->tensors)
        return ig_fail(err, INGOT_E_NOMEM, "llama2.c checkpoint: no memory");
    return h->version ? read_new(&r, m) : read_old(&r, m);
}
