/* lexicon.c - reading a TOKENIZER section; see lexicon.h. */
#include "runtime/text/lexicon.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <stdio.h>

static ingot_status bad(const ig_cursor *c, const char *what, ingot_error *err)
{
    return ig_fail(err, INGOT_E_FORMAT, "section TOKENIZER, byte %zu: %s", c->at, what);
}

static ingot_status no_memory(ingot_error *err)
{
    return ig_fail(err, INGOT_E_NOMEM, "section TOKENIZER: no memory");
}

static const char *view(ig_cursor *c, uint32_t *n)
{
    *n = ig_get_u32(c);
    const char *p = ig_get(c, *n);
    return p ? p : "";
}

static ingot_status get_steps(ig_steps *out, ig_cursor *c, ig_arena *arena, ingot_error *err)
{
    const uint32_t n = ig_get_count(c, 14);
    ig_step *v = ig_new_n(arena, ig_step, n);
    if (!v) return no_memory(err);
    for (uint32_t i = 0; i < n; i++) {
        v[i].kind = (uint8_t)ig_get_u8(c);
        v[i].flags = (uint8_t)ig_get_u8(c);
        v[i].a = ig_get_u32(c);
        v[i].text = view(c, &v[i].n_text);
        v[i].with = view(c, &v[i].n_with);
        if (v[i].kind >= IG_STEP_KINDS || v[i].flags & ~IG_STEP_FLAGS)
            return bad(c, "a step that this version does not know", err);
    }
    *out = (ig_steps){v, n};
    return INGOT_OK;
}

static ingot_status get_added(ig_recipe *r, ig_cursor *c, ig_arena *arena, ingot_error *err)
{
    const uint32_t n = ig_get_count(c, 9);
    ig_added *v = ig_new_n(arena, ig_added, n);
    if (!v) return no_memory(err);
    for (uint32_t i = 0; i < n; i++) {
        v[i].id = ig_get_u32(c);
        v[i].flags = (uint8_t)ig_get_u8(c);
        v[i].p = view(c, &v[i].n);
        if (v[i].id >= r->n_pieces || !v[i].n || v[i].flags & ~IG_ADDED_FLAGS)
            return bad(c, "malformed added token", err);
    }
    r->added = v;
    r->n_added = n;
    return INGOT_OK;
}

static ingot_status get_template(ig_template *t, const ig_recipe *r, ig_cursor *c, ig_arena *arena,
                                 ingot_error *err)
{
    const uint32_t n = ig_get_count(c, 6);
    ig_part *v = ig_new_n(arena, ig_part, n);
    if (!v) return no_memory(err);
    for (uint32_t i = 0; i < n; i++) {
        v[i].kind = (uint8_t)ig_get_u8(c);
        v[i].type_id = (uint8_t)ig_get_u8(c);
        v[i].id = ig_get_u32(c);
        if (v[i].kind >= IG_PART_KINDS || (v[i].kind == IG_PART_TOKEN && v[i].id >= r->n_pieces))
            return bad(c, "malformed template", err);
    }
    *t = (ig_template){v, n};
    return INGOT_OK;
}

typedef struct {
    uint32_t piece_log2, merge_log2;
} logs;

static ingot_status get_head(ig_lexicon *x, logs *l, ig_cursor *c, ingot_error *err)
{
    ig_recipe *r = &x->recipe;
    const uint32_t version = ig_get_u32(c), model = ig_get_u32(c);
    if (version != IG_LEXICON_VERSION || model >= IG_TOK_MODELS)
        return bad(c, "a tokenizer of another version; convert the model again", err);
    r->model = (ig_tok_model)model;
    r->flags = ig_get_u32(c);
    int32_t *const ids[] = {&r->unknown, &r->bos, &r->eos, &r->pad};
    for (size_t i = 0; i < IG_LEN(ids); i++) *ids[i] = (int32_t)ig_get_u32(c);
    r->word_most = ig_get_u32(c);
    r->n_pieces = ig_get_u32(c);
    r->n_merges = ig_get_u32(c);
    l->piece_log2 = ig_get_u32(c);
    l->merge_log2 = ig_get_u32(c);
    x->longest = ig_get_u32(c);
    for (size_t i = 0; i < IG_LEN(ids); i++)
        if (*ids[i] != IG_NO_ID && (*ids[i] < 0 || (size_t)*ids[i] >= r->n_pieces))
            return bad(c, "a special token past the pieces", err);
    if (r->flags & ~(uint32_t)IG_TOK_FLAGS || r->n_pieces > INT32_MAX || l->piece_log2 < 1 ||
        l->piece_log2 > 32 || l->merge_log2 < 1 || l->merge_log2 > 32)
        return bad(c, "malformed head", err);
    return INGOT_OK;
}

static const void *array(ig_cursor *c, size_t n, size_t each)
{
    size_t bytes;
    if (!ig_mul_ok(n, each, &bytes)) c->failed = true;
    return c->failed ? NULL : ig_get(c, bytes);
}

static ingot_status get_tables(ig_lexicon *x, const logs *l, ig_cursor *c, ingot_error *err)
{
    ig_recipe *r = &x->recipe;
    ig_get(c, (IG_ALIGN - c->at % IG_ALIGN) % IG_ALIGN);
    x->ends = array(c, r->n_pieces, sizeof *x->ends);
    x->scores = array(c, r->n_pieces, sizeof *x->scores);
    x->piece_slots = array(c, (size_t)1 << l->piece_log2, sizeof *x->piece_slots);
    r->merges = array(c, r->n_merges, sizeof *r->merges);
    x->merge_slots = array(c, (size_t)1 << l->merge_log2, sizeof *x->merge_slots);
    x->kinds = array(c, r->n_pieces, 1);
    if (c->failed) return bad(c, "cut off", err);
    x->piece_shift = 64 - l->piece_log2;
    x->merge_shift = 64 - l->merge_log2;
    uint32_t end = 0;
    for (size_t i = 0; i < r->n_pieces; i++) {
        if (x->ends[i] < end || x->kinds[i] >= IG_PIECE_KINDS ||
            (r->model == IG_TOK_UNIGRAM && !isfinite(x->scores[i])))
            return bad(c, "malformed piece", err);
        end = x->ends[i];
    }
    x->text = array(c, end, 1);
    return c->failed || c->at != c->n ? bad(c, "its length is not that of its pieces", err)
                                      : INGOT_OK;
}

/* What each byte is on its own: a piece of one byte, or one that is written <0xXX>. */
static void find_bytes(ig_lexicon *x)
{
    memset(x->byte_ids, 0xff, sizeof x->byte_ids);
    if (x->recipe.flags & IG_TOK_BYTES)
        for (unsigned b = 0; b < 256; b++) x->byte_ids[b] = ig_lexicon_find(x, &(char){(char)b}, 1);
    else if (x->recipe.flags & IG_TOK_BYTE_FALLBACK)
        for (uint32_t i = 0; i < x->recipe.n_pieces; i++) {
            unsigned b;
            const ingot_str p = ig_lexicon_piece(x, i);
            char text[8] = "";
            if (x->kinds[i] != IG_PIECE_BYTE || p.n != 6) continue;
            memcpy(text, p.p, 6);
            if (sscanf(text, "<0x%2x>", &b) == 1 && b < 256) x->byte_ids[b] = i;
        }
}

static void find_scale(ig_lexicon *x)
{
    bool any = false;
    for (size_t i = 0; i < x->recipe.n_pieces; i++) {
        if (x->kinds[i] != IG_PIECE_NORMAL) continue;
        x->worst = any ? IG_MIN(x->worst, (double)x->scores[i]) : (double)x->scores[i];
        x->best = any ? IG_MAX(x->best, (double)x->scores[i]) : (double)x->scores[i];
        any = true;
    }
}

ingot_status ig_lexicon_read(ig_lexicon *x, ig_arena *arena, const void *bytes, size_t n,
                             ingot_error *err)
{
    *x = (ig_lexicon){0};
    ig_recipe *r = &x->recipe;
    ig_cursor c = {.p = bytes, .n = n};
    logs l = {0};
    IG_TRY(get_head(x, &l, &c, err));
    r->prefix = view(&c, &r->n_prefix);
    r->suffix = view(&c, &r->n_suffix);
    IG_TRY(get_steps(&r->normalize, &c, arena, err));
    IG_TRY(get_steps(&r->split, &c, arena, err));
    IG_TRY(get_steps(&r->decode, &c, arena, err));
    IG_TRY(get_added(r, &c, arena, err));
    IG_TRY(get_template(&r->one, r, &c, arena, err));
    IG_TRY(get_template(&r->two, r, &c, arena, err));
    if (c.failed) return bad(&c, "cut off", err);
    IG_TRY(get_tables(x, &l, &c, err));
    find_bytes(x);
    find_scale(x);
    return INGOT_OK;
}
