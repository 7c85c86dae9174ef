/* tokenizer.c - the stages of encoding in their order; see recipe.h. */
#include "runtime/text/tokenizer.h"
#include "runtime/base/checked.h"
#include "runtime/base/utf8.h"
#include "runtime/text/added.h"
#include "runtime/text/charsmap.h"
#include "runtime/text/normalize.h"
#include "runtime/text/split.h"
#include "runtime/text/word_cache.h"

struct ig_tokenizer {
    ig_heap *heap;
    ig_arena arena;
    ig_lexicon lexicon;
    ig_pattern **normalize_patterns, **split_patterns; /* of each step, or NULL */
    ig_added_trie raw, normalized;
};

struct ig_token_work {
    const ig_tokenizer *t;
    ig_matcher *matcher;
    ig_bytes text, spare, *changed;
    ig_model_work model;
    ig_word_cache cache;
    ig_ids *out; /* of the call that is under way */
};

/* ---- opening ---- */

static ingot_status open_patterns(ig_pattern ***out, ig_tokenizer *t, const ig_steps *steps,
                                  ingot_error *err)
{
    *out = ig_new_n(&t->arena, ig_pattern *, steps->n);
    if (!*out) return ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory");
    for (size_t i = 0; i < steps->n; i++) {
        const ig_step *s = &steps->v[i];
        if (s->kind == IG_STEP_SPLIT_RE || s->kind == IG_STEP_REPLACE_RE)
            IG_TRY(ig_pattern_open(&(*out)[i], s->text, s->n_text, err));
        if (s->kind == IG_STEP_CHARSMAP && !ig_charsmap_check(s->text, s->n_text))
            return ig_fail(err, INGOT_E_FORMAT, "tokenizer: its character map is damaged");
    }
    return INGOT_OK;
}

static bool is_normalizer(unsigned kind) { return kind <= IG_STEP_CHARSMAP; }
static bool is_splitter(unsigned kind)
{
    return kind > IG_STEP_CHARSMAP && kind <= IG_STEP_METASPACE;
}

static ingot_status check_steps(const ig_recipe *r, ingot_error *err)
{
    for (size_t i = 0; i < r->normalize.n; i++)
        if (!is_normalizer(r->normalize.v[i].kind))
            return ig_fail(err, INGOT_E_FORMAT, "tokenizer: normaliser %zu is none", i);
    for (size_t i = 0; i < r->split.n; i++) {
        const ig_step *s = &r->split.v[i];
        const uint32_t most =
            s->kind == IG_STEP_METASPACE ? IG_PREFIX_SCHEMES : IG_SPLIT_BEHAVIOURS;
        if (!is_splitter(s->kind) || s->a >= most)
            return ig_fail(err, INGOT_E_FORMAT, "tokenizer: splitter %zu is none", i);
    }
    for (size_t i = 0; i < r->decode.n; i++)
        if (r->decode.v[i].kind <= IG_STEP_METASPACE)
            return ig_fail(err, INGOT_E_FORMAT, "tokenizer: decoder %zu is none", i);
    return INGOT_OK;
}

/* Contents that are sought in normalised text are normalised themselves. */
static ingot_status normalize_contents(ingot_str *out, ig_tokenizer *t, ig_matcher *m,
                                       ingot_error *err)
{
    const ig_recipe *r = &t->lexicon.recipe;
    ig_bytes text, spare;
    ig_bytes_init(&text, t->heap);
    ig_bytes_init(&spare, t->heap);
    ingot_status s = INGOT_OK;
    for (size_t i = 0; i < r->n_added && !s; i++) {
        if (!(r->added[i].flags & IG_ADDED_NORMALIZED)) continue;
        text.n = 0;
        ig_put(&text, r->added[i].p, r->added[i].n);
        s = ig_normalize(&text, &spare, &r->normalize, t->normalize_patterns, m, err);
        if (s) break;
        out[i] = (ingot_str){ig_arena_text(&t->arena, (const char *)text.p, text.n), text.n};
        if (!out[i].p) s = ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory");
    }
    ig_bytes_clear(&text);
    ig_bytes_clear(&spare);
    return s;
}

static ingot_status open_added(ig_tokenizer *t, ingot_error *err)
{
    const ig_recipe *r = &t->lexicon.recipe;
    ingot_str *contents = ig_new_n(&t->arena, ingot_str, r->n_added);
    ig_matcher *m = NULL;
    if (!contents) return ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory");
    IG_TRY(ig_added_open(&t->raw, &t->arena, r, false, NULL, err));
    IG_TRY(ig_matcher_open(&m, err));
    const ingot_status s = normalize_contents(contents, t, m, err);
    ig_matcher_close(&m);
    return s ? s : ig_added_open(&t->normalized, &t->arena, r, true, contents, err);
}

ingot_status ig_tokenizer_open(ig_tokenizer **out, ig_heap *heap, const void *bytes, size_t n,
                               ingot_error *err)
{
    ig_tokenizer *t = *out = ig_take0(heap, sizeof *t);
    if (!t) return ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory");
    t->heap = heap;
    ig_arena_init(&t->arena, heap);
    ingot_status s = ig_lexicon_read(&t->lexicon, &t->arena, bytes, n, err);
    if (!s) s = check_steps(&t->lexicon.recipe, err);
    if (!s) s = open_patterns(&t->normalize_patterns, t, &t->lexicon.recipe.normalize, err);
    if (!s) s = open_patterns(&t->split_patterns, t, &t->lexicon.recipe.split, err);
    if (!s) s = open_added(t, err);
    if (s) ig_tokenizer_close(out);
    return s;
}

static void close_patterns(ig_pattern **patterns, size_t n)
{
    for (size_t i = 0; patterns && i < n; i++) ig_pattern_close(&patterns[i]);
}

void ig_tokenizer_close(ig_tokenizer **t)
{
    if (!*t) return;
    close_patterns((*t)->normalize_patterns, (*t)->lexicon.recipe.normalize.n);
    close_patterns((*t)->split_patterns, (*t)->lexicon.recipe.split.n);
    ig_arena_clear(&(*t)->arena);
    ig_give((*t)->heap, *t, sizeof **t);
    *t = NULL;
}

const ig_lexicon *ig_tokenizer_lexicon(const ig_tokenizer *t) { return &t->lexicon; }
const ig_recipe *ig_tokenizer_recipe(const ig_tokenizer *t) { return &t->lexicon.recipe; }

ingot_status ig_token_work_open(ig_token_work **out, const ig_tokenizer *t, ingot_error *err)
{
    const size_t steps = t->lexicon.recipe.split.n;
    ig_token_work *w = *out = ig_take0(t->heap, sizeof *w);
    if (!w) return ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory");
    w->t = t;
    w->model.heap = t->heap;
    ig_bytes_init(&w->text, t->heap);
    ig_bytes_init(&w->spare, t->heap);
    w->changed = ig_take0(t->heap, steps * sizeof *w->changed);
    for (size_t i = 0; w->changed && i < steps; i++) ig_bytes_init(&w->changed[i], t->heap);
    ingot_status s = ig_matcher_open(&w->matcher, err);
    if (!s) s = ig_word_cache_open(&w->cache, t->heap, err);
    if (!s && !w->changed) s = ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory");
    if (s) ig_token_work_close(out);
    return s;
}

void ig_token_work_close(ig_token_work **out)
{
    ig_token_work *w = *out;
    if (!w) return;
    const size_t steps = w->t->lexicon.recipe.split.n;
    for (size_t i = 0; w->changed && i < steps; i++) ig_bytes_clear(&w->changed[i]);
    ig_give(w->t->heap, w->changed, steps * sizeof *w->changed);
    ig_bytes_clear(&w->text);
    ig_bytes_clear(&w->spare);
    ig_model_work_clear(&w->model);
    ig_matcher_close(&w->matcher);
    ig_word_cache_close(&w->cache);
    ig_give(w->t->heap, w, sizeof *w);
    *out = NULL;
}

/* ---- encoding ---- */

static ingot_status encode_word(ig_token_work *w, const char *p, size_t n, ingot_error *err)
{
    const ig_lexicon *x = &w->t->lexicon;
    switch (x->recipe.model) {
    case IG_TOK_BPE:
        return ig_bpe_encode(w->out, x, &w->model, p, n, err);
    case IG_TOK_UNIGRAM:
        return ig_unigram_encode(w->out, x, &w->model, p, n, err);
    case IG_TOK_WORDPIECE:
        return ig_wordpiece_encode(w->out, x, &w->model, p, n, err);
    default:
        break;
    }
    const uint32_t id = ig_lexicon_find(x, p, n);
    if (id != UINT32_MAX)
        ig_ids_add(w->out, id);
    else if (x->recipe.unknown != IG_NO_ID)
        ig_ids_add(w->out, (uint32_t)x->recipe.unknown);
    return INGOT_OK;
}

static ingot_status take_word(void *ud, const char *p, size_t n, ingot_error *err)
{
    ig_token_work *w = ud;
    const size_t first = w->out->n;
    if (ig_word_cache_get(&w->cache, w->out, p, n)) return INGOT_OK;
    IG_TRY(encode_word(w, p, n, err));
    if (w->out->failed) return ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory for the ids");
    ig_word_cache_put(&w->cache, p, n, w->out->v + first, w->out->n - first);
    return INGOT_OK;
}

static ingot_status encode_normalized(ig_token_work *w, const char *p, size_t n, bool is_first,
                                      unsigned flags, ingot_error *err)
{
    const ig_tokenizer *t = w->t;
    const ig_splitter s = {.steps = &t->lexicon.recipe.split,
                           .patterns = t->split_patterns,
                           .changed = w->changed,
                           .matcher = w->matcher,
                           .word = take_word,
                           .ud = w};
    for (size_t at = 0;;) {
        const ig_added_match m =
            ig_added_find(&t->normalized, p, n, at, !(flags & IG_ENCODE_PLAIN));
        IG_TRY(ig_split(&s, p + at, m.begin - at, is_first && at == 0, err));
        if (!m.token) return INGOT_OK;
        ig_ids_add(w->out, m.token->id);
        at = m.end;
    }
}

static ingot_status encode_stretch(ig_token_work *w, const char *p, size_t n, bool is_first,
                                   unsigned flags, ingot_error *err)
{
    const ig_tokenizer *t = w->t;
    if (!n) return INGOT_OK;
    if (!t->lexicon.recipe.normalize.n) return encode_normalized(w, p, n, is_first, flags, err);
    w->text.n = 0;
    ig_put(&w->text, p, n);
    if (w->text.failed) return ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory for the text");
    IG_TRY(ig_normalize(&w->text, &w->spare, &t->lexicon.recipe.normalize, t->normalize_patterns,
                        w->matcher, err));
    return encode_normalized(w, (const char *)w->text.p, w->text.n, is_first, flags, err);
}

static ingot_status check_utf8(const char *p, size_t n, ingot_error *err)
{
    uint32_t c;
    for (size_t i = 0, size; i < n; i += size) {
        size = ig_utf8_next(&c, p + i, n - i);
        if (!size)
            return ig_fail(err, INGOT_E_DATA, "the text is not UTF-8 at byte %zu of %zu (0x%02x)",
                           i, n, (unsigned char)p[i]);
    }
    return INGOT_OK;
}

static ingot_status encode_text(ig_token_work *w, const char *p, size_t n, unsigned flags,
                                ingot_error *err)
{
    IG_TRY(check_utf8(p, n, err));
    for (size_t at = 0;;) {
        const ig_added_match m = ig_added_find(&w->t->raw, p, n, at, !(flags & IG_ENCODE_PLAIN));
        IG_TRY(encode_stretch(w, p + at, m.begin - at, at == 0, flags, err));
        if (!m.token) return INGOT_OK;
        ig_ids_add(w->out, m.token->id);
        at = m.end;
    }
}

static ingot_status fill(const ig_template *t, ig_ids *type_ids, ig_token_work *w,
                         const ingot_str text[2], unsigned flags, ingot_error *err)
{
    for (size_t i = 0; i < t->n; i++) {
        const ig_part *part = &t->v[i];
        const size_t first = w->out->n;
        if (part->kind == IG_PART_TOKEN)
            ig_ids_add(w->out, part->id);
        else
            IG_TRY(encode_text(w, text[part->kind == IG_PART_SECOND].p,
                               text[part->kind == IG_PART_SECOND].n, flags, err));
        for (size_t k = first; type_ids && k < w->out->n; k++) ig_ids_add(type_ids, part->type_id);
    }
    return INGOT_OK;
}

static ingot_status end(ig_ids *out, size_t first, ingot_status s, ingot_error *err)
{
    if (!s && out->failed) s = ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory for the ids");
    if (s) out->n = first;
    return s;
}

ingot_status ig_encode(ig_ids *out, ig_token_work *w, const char *text, size_t n, unsigned flags,
                       ingot_error *err)
{
    const ig_recipe *r = &w->t->lexicon.recipe;
    const size_t first = out->n;
    const ingot_str texts[2] = {{text, n}, {"", 0}};
    w->out = out;
    const ingot_status s = flags & IG_ENCODE_SPECIAL && r->one.n
                               ? fill(&r->one, NULL, w, texts, flags, err)
                               : encode_text(w, text, n, flags, err);
    return end(out, first, s, err);
}

ingot_status ig_encode_pair(ig_ids *out, ig_ids *type_ids, ig_token_work *w, ingot_str first,
                            ingot_str second, ingot_error *err)
{
    const ig_recipe *r = &w->t->lexicon.recipe;
    const size_t at = out->n, type_at = type_ids->n;
    if (!r->two.n)
        return ig_fail(err, INGOT_E_ARG, "this tokenizer has no template for a pair of texts");
    w->out = out;
    const ingot_status s =
        end(out, at, fill(&r->two, type_ids, w, (ingot_str[]){first, second}, 0, err), err);
    if (s) type_ids->n = type_at;
    return s;
}
