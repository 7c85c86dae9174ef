/* tokenizer.c - see tokenizer.h. Four models: "llama" (SentencePiece BPE by scores), "gpt2" (byte
 * level BPE), "bert" (WordPiece, pieces that begin a word marked instead of those that go on), "t5"
 * (unigram). */
#include "formats/gguf/tokenizer.h"
#include "formats/gguf/presplit.h"
#include "formats/tokenizer/import.h"
#include "runtime/base/checked.h"
#include "runtime/text/charsmap.h"

#include <string.h>

static const char mark[] = "\xe2\x96\x81";

typedef struct {
    ig_recipe *r;
    ig_piece *pieces;
    const ig_gguf *g;
    ig_arena *arena;
    ingot_error *err;
} importer;

static ingot_status no_memory(const importer *m)
{
    return ig_fail(m->err, INGOT_E_NOMEM, "GGUF tokenizer: no memory");
}

static ingot_status bad(const importer *m, const char *key, const char *what)
{
    return ig_fail(m->err, INGOT_E_FORMAT, "GGUF tokenizer: %s %s", key, what);
}

/* ---- lists ---- */

static const ig_gguf_value *list(const importer *m, const char *key, bool of_texts, size_t n)
{
    const ig_gguf_value *v = ig_gguf_find(m->g, key);
    const bool right = v && v->is_array && (v->kind == IG_GGUF_TEXT) == of_texts;
    return right && (n == SIZE_MAX || v->n == n) ? v : NULL;
}

static uint8_t kind_of(int64_t type)
{
    static const uint8_t kinds[] = {IG_PIECE_NORMAL,  IG_PIECE_NORMAL, IG_PIECE_UNKNOWN,
                                    IG_PIECE_CONTROL, IG_PIECE_USER,   IG_PIECE_UNUSED,
                                    IG_PIECE_BYTE};
    return type >= 0 && type < (int64_t)sizeof kinds ? kinds[type] : IG_PIECE_NORMAL;
}

static ingot_status read_pieces(importer *m)
{
    const ig_gguf_value *tokens = list(m, "tokenizer.ggml.tokens", true, SIZE_MAX);
    if (!tokens || !tokens->n || tokens->n > INT32_MAX)
        return bad(m, "tokenizer.ggml.tokens", "is missing or no list of texts");
    const size_t n = (size_t)tokens->n;
    const ig_gguf_value *scores = list(m, "tokenizer.ggml.scores", false, n),
                        *types = list(m, "tokenizer.ggml.token_type", false, n);
    m->pieces = ig_new_n(m->arena, ig_piece, n);
    if (!m->pieces) return no_memory(m);
    for (size_t i = 0; i < n; i++) {
        const ingot_str text = tokens->text[i];
        if (text.n > UINT32_MAX) return bad(m, "tokenizer.ggml.tokens", "has a token too long");
        m->pieces[i] = (ig_piece){.p = text.p,
                                  .n = (uint32_t)text.n,
                                  .score = scores ? (float)ig_gguf_real_at(scores, i) : 0,
                                  .kind = types ? kind_of(ig_gguf_int_at(types, i)) : 0};
    }
    m->r->pieces = m->pieces;
    m->r->n_pieces = n;
    return INGOT_OK;
}

static int32_t id(const importer *m, const char *key, int64_t otherwise)
{
    const int64_t v = ig_gguf_int(m->g, key, otherwise);
    return v >= 0 && v < (int64_t)m->r->n_pieces ? (int32_t)v : IG_NO_ID;
}

/* Control and user-defined tokens are cut out of the text. */
static ingot_status add_tokens(importer *m)
{
    size_t n = 0;
    for (size_t i = 0; i < m->r->n_pieces; i++)
        n += m->pieces[i].kind == IG_PIECE_CONTROL || m->pieces[i].kind == IG_PIECE_USER;
    ig_added *added = ig_new_n(m->arena, ig_added, n);
    if (!added) return no_memory(m);
    n = 0;
    for (size_t i = 0; i < m->r->n_pieces; i++) {
        const ig_piece *p = &m->pieces[i];
        if ((p->kind == IG_PIECE_CONTROL || p->kind == IG_PIECE_USER) && p->n)
            added[n++] = (ig_added){.id = (uint32_t)i,
                                    .flags = p->kind == IG_PIECE_CONTROL ? IG_ADDED_SPECIAL : 0,
                                    .p = p->p,
                                    .n = p->n};
    }
    m->r->added = added;
    m->r->n_added = n;
    return INGOT_OK;
}

/* ---- byte-level BPE ---- */

static ingot_status undisguise_all(importer *m)
{
    for (size_t i = 0; i < m->r->n_pieces; i++) {
        ig_piece *p = &m->pieces[i];
        if (p->kind == IG_PIECE_CONTROL || p->kind == IG_PIECE_USER) continue;
        char *copy = ig_arena_text(m->arena, p->p, p->n);
        if (!copy) return no_memory(m);
        p->p = copy;
        ig_undisguise(copy, &p->n);
    }
    return INGOT_OK;
}

static uint32_t find_half(const importer *m, const ig_piece_table *t, const char *p, size_t n,
                          ig_bytes *raw)
{
    raw->n = 0;
    ig_put(raw, p, n);
    uint32_t bytes = (uint32_t)n;
    if (raw->failed || n > UINT32_MAX) return UINT32_MAX;
    ig_undisguise((char *)raw->p, &bytes);
    (void)m;
    return ig_piece_table_find(t, (const char *)raw->p, bytes);
}

static ingot_status read_merge(importer *m, ig_merge *to, size_t i, ingot_str text,
                               const ig_piece_table *t, ig_bytes *raw)
{
    const char *space = text.n ? memchr(text.p + 1, ' ', text.n - 1) : NULL;
    if (!space) return bad(m, "tokenizer.ggml.merges", "has a merge without two halves");
    const char *right = space + 1;
    const uint32_t a = find_half(m, t, text.p, (size_t)(space - text.p), raw),
                   b = find_half(m, t, right, (size_t)(text.p + text.n - right), raw);
    uint32_t joined = UINT32_MAX;
    if (a != UINT32_MAX && b != UINT32_MAX) {
        raw->n = 0;
        ig_put(raw, m->pieces[a].p, m->pieces[a].n);
        ig_put(raw, m->pieces[b].p, m->pieces[b].n);
        if (raw->failed) return no_memory(m);
        joined = ig_piece_table_find(t, (const char *)raw->p, raw->n);
    }
    if (joined == UINT32_MAX)
        return ig_fail(m->err, INGOT_E_FORMAT,
                       "GGUF tokenizer: merge %zu ('%.40s') is not of pieces in the vocabulary", i,
                       text.p);
    *to = (ig_merge){a, b, joined, (uint32_t)i};
    return INGOT_OK;
}

static ingot_status read_merges(importer *m)
{
    const ig_gguf_value *texts = list(m, "tokenizer.ggml.merges", true, SIZE_MAX);
    if (!texts || texts->n > INT32_MAX)
        return bad(m, "tokenizer.ggml.merges", "is missing or no list of texts");
    const size_t n = (size_t)texts->n;
    ig_merge *merges = ig_new_n(m->arena, ig_merge, n);
    ig_piece_table t;
    if (!merges) return no_memory(m);
    IG_TRY(ig_piece_table_open(&t, m->arena, m->r, m->err));
    ig_bytes raw;
    ig_bytes_init(&raw, m->arena->heap);
    ingot_status s = INGOT_OK;
    for (size_t i = 0; i < n && !s; i++) s = read_merge(m, &merges[i], i, texts->text[i], &t, &raw);
    ig_bytes_clear(&raw);
    m->r->merges = merges;
    m->r->n_merges = n;
    return s;
}

static ingot_status byte_level(importer *m)
{
    const ingot_str pre = ig_gguf_text(m->g, "tokenizer.ggml.pre", "");
    const ig_presplit *split = ig_presplit_find(pre);
    if (!split) {
        char names[160];
        ig_presplit_names(names, sizeof names);
        return ig_fail(m->err, INGOT_E_UNSUPPORTED,
                       "GGUF tokenizer: split '%.*s' is unknown (known: %s)",
                       (int)IG_MIN(pre.n, 30), pre.p, names);
    }
    m->r->model = IG_TOK_BPE;
    m->r->flags = IG_TOK_BYTES | (split->whole_first ? IG_TOK_WHOLE_FIRST : 0u);
    ig_step_list l = {.arena = m->arena};
    for (const char *const *p = split->patterns; *p; p++) {
        ig_step s = ig_step_text(IG_STEP_SPLIT_RE, *p, strlen(*p));
        s.a = IG_SPLIT_ISOLATED;
        ig_step_add(&l, s);
    }
    if (l.failed) return no_memory(m);
    m->r->split = (ig_steps){l.v, l.n};
    IG_TRY(undisguise_all(m));
    return read_merges(m);
}

/* ---- the others ---- */

static ingot_status sentencepiece(importer *m, bool is_bpe)
{
    ig_recipe *r = m->r;
    ig_step_list to = {.arena = m->arena}, back = {.arena = m->arena};
    const ig_gguf_value *map = ig_gguf_find(m->g, "tokenizer.ggml.precompiled_charsmap");
    r->model = is_bpe ? IG_TOK_BPE : IG_TOK_UNIGRAM;
    r->flags = IG_TOK_FUSE_UNKNOWN | IG_TOK_SINGLE;
    for (size_t i = 0; i < r->n_pieces; i++)
        if (m->pieces[i].kind == IG_PIECE_BYTE) r->flags |= IG_TOK_BYTE_FALLBACK;
    r->unknown = id(m, "tokenizer.ggml.unknown_token_id", 0);
    if (map && map->is_array && (map->kind == IG_GGUF_U8 || map->kind == IG_GGUF_I8) && map->n) {
        if (!ig_charsmap_check((const char *)map->p, (size_t)map->n))
            return bad(m, "tokenizer.ggml.precompiled_charsmap", "is damaged");
        ig_step_add(&to, ig_step_text(IG_STEP_CHARSMAP, (const char *)map->p, (size_t)map->n));
    }
    if (ig_gguf_bool(m->g, "tokenizer.ggml.remove_extra_whitespaces", false))
        ig_step_add(&to, (ig_step){.kind = IG_STEP_SQUEEZE, .flags = IG_STEP_LEFT | IG_STEP_RIGHT});
    ig_spaces_as_pieces(&to, &back, ig_gguf_bool(m->g, "tokenizer.ggml.add_space_prefix", true),
                        mark);
    r->normalize = (ig_steps){to.v, to.n};
    r->decode = (ig_steps){back.v, back.n};
    if (to.failed || back.failed) return no_memory(m);
    if (is_bpe) IG_TRY(ig_merges_from_scores(r, m->arena, m->err));
    return ig_split_at_spaces(r, m->arena, m->err);
}

/* "▁word" begins a word, "ing" goes on: the other way round than WordPiece's own "word", "##ing".
 */
static ingot_status mark_continuations(importer *m)
{
    for (size_t i = 0; i < m->r->n_pieces; i++) {
        ig_piece *p = &m->pieces[i];
        const bool begins = p->n >= 3 && !memcmp(p->p, mark, 3);
        if (begins) {
            p->p += 3;
            p->n -= 3;
        } else if (p->kind == IG_PIECE_NORMAL &&
                   !(p->n > 1 && p->p[0] == '[' && p->p[p->n - 1] == ']')) {
            p->p = ig_arena_printf(m->arena, "##%.*s", (int)IG_MIN(p->n, 4096), p->p);
            if (!p->p) return no_memory(m);
            p->n = (uint32_t)strlen(p->p);
        }
    }
    return INGOT_OK;
}

static ingot_status wordpiece(importer *m)
{
    ig_recipe *r = m->r;
    ig_step_list to = {.arena = m->arena}, cut = {.arena = m->arena}, back = {.arena = m->arena};
    static const uint8_t steps[] = {IG_STEP_CLEAN, IG_STEP_SPACE_CJK, IG_STEP_NFD,
                                    IG_STEP_STRIP_ACCENTS, IG_STEP_LOWERCASE};
    for (size_t i = 0; i < IG_LEN(steps); i++) ig_step_add(&to, (ig_step){.kind = steps[i]});
    ig_step_add(&cut, (ig_step){.kind = IG_STEP_SPLIT_BLANKS, .a = IG_SPLIT_REMOVED});
    ig_step_add(&cut, (ig_step){.kind = IG_STEP_PUNCTUATION, .a = IG_SPLIT_ISOLATED});
    ig_step join = ig_step_text(IG_STEP_DECODE_WORDPIECE, "##", 2);
    join.flags = IG_STEP_EACH;
    ig_step_add(&back, join);
    if (to.failed || cut.failed || back.failed) return no_memory(m);
    r->model = IG_TOK_WORDPIECE;
    r->prefix = "##";
    r->n_prefix = 2;
    r->word_most = 100;
    r->unknown = id(m, "tokenizer.ggml.unknown_token_id", 100);
    r->normalize = (ig_steps){to.v, to.n};
    r->split = (ig_steps){cut.v, cut.n};
    r->decode = (ig_steps){back.v, back.n};
    return mark_continuations(m);
}

/* ---- the template ---- */

static ingot_status make_template(importer *m, bool is_bert)
{
    ig_recipe *r = m->r;
    const int32_t first = is_bert ? id(m, "tokenizer.ggml.cls_token_id", r->bos) : r->bos;
    const int32_t last = is_bert ? id(m, "tokenizer.ggml.seperator_token_id", r->eos) : r->eos;
    const bool is_llama = r->model == IG_TOK_BPE && !(r->flags & IG_TOK_BYTES);
    const bool begin = ig_gguf_bool(m->g, "tokenizer.ggml.add_bos_token",
                                    is_bert || is_llama || r->flags & IG_TOK_WHOLE_FIRST);
    const bool end =
        ig_gguf_bool(m->g, "tokenizer.ggml.add_eos_token", is_bert || r->model == IG_TOK_UNIGRAM);
    ig_part *one = ig_new_n(m->arena, ig_part, 3), *two = ig_new_n(m->arena, ig_part, 6);
    if (!one || !two) return no_memory(m);
    size_t n = 0, n_two = 0;
    if (begin && first != IG_NO_ID) one[n++] = (ig_part){IG_PART_TOKEN, 0, (uint32_t)first};
    one[n++] = (ig_part){IG_PART_FIRST, 0, 0};
    if (end && last != IG_NO_ID) one[n++] = (ig_part){IG_PART_TOKEN, 0, (uint32_t)last};
    for (size_t i = 0; i < n; i++) two[n_two++] = one[i];
    two[n_two++] = (ig_part){IG_PART_SECOND, is_bert, 0};
    if (end && last != IG_NO_ID) two[n_two++] = (ig_part){IG_PART_TOKEN, is_bert, (uint32_t)last};
    r->one = (ig_template){one, n};
    r->two = (ig_template){two, n_two};
    return INGOT_OK;
}

ingot_status ig_gguf_tokenizer(ig_recipe *r, ig_arena *arena, const ig_gguf *g, ingot_error *err)
{
    importer m = {.r = r, .g = g, .arena = arena, .err = err};
    const ingot_str model = ig_gguf_text(g, "tokenizer.ggml.model", "");
    const char *const names[] = {"llama", "gpt2", "bert", "t5"};
    size_t which = 0;
    while (which < IG_LEN(names) &&
           (strlen(names[which]) != model.n || memcmp(names[which], model.p, model.n)))
        which++;
    if (which == IG_LEN(names))
        return ig_fail(err, INGOT_E_UNSUPPORTED,
                       "GGUF tokenizer: model '%.*s' is unknown (known: llama, gpt2, bert, t5)",
                       (int)IG_MIN(model.n, 40), model.p);
    *r = (ig_recipe){.unknown = IG_NO_ID, .prefix = "", .suffix = ""};
    IG_TRY(read_pieces(&m));
    r->bos = id(&m, "tokenizer.ggml.bos_token_id", which == 0 ? 1 : -1);
    r->eos = id(&m, "tokenizer.ggml.eos_token_id", which == 0 ? 2 : -1);
    r->pad = id(&m, "tokenizer.ggml.padding_token_id", -1);
    IG_TRY(which == 1   ? byte_level(&m)
           : which == 2 ? wordpiece(&m)
                        : sentencepiece(&m, which == 0));
    IG_TRY(add_tokens(&m));
    return make_template(&m, which == 2);
}
