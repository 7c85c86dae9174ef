/* hf.c - Hugging Face's tokenizer.json: the vocabulary, the merges, added tokens and the template.
 */
#include "formats/tokenizer/hf.h"
#include "runtime/base/checked.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

ingot_status ig_hf_bad(const ig_hf *h, const char *format, ...)
{
    char text[180];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return ig_fail(h->err, INGOT_E_FORMAT, "tokenizer.json: %s", text);
}

ingot_status ig_hf_lacks(const ig_hf *h, const char *part, const char *type)
{
    return ig_fail(h->err, INGOT_E_UNSUPPORTED, "tokenizer.json: the %s '%.60s' is not supported",
                   part, type);
}

const char *ig_hf_text(const json_t *object, const char *key, const char *otherwise, size_t *n)
{
    const json_t *j = json_object_get(object, key);
    const char *text = json_is_string(j) ? json_string_value(j) : otherwise;
    if (n) *n = json_is_string(j) ? json_string_length(j) : strlen(otherwise);
    return text;
}

bool ig_hf_bool(const json_t *object, const char *key, bool otherwise)
{
    const json_t *j = json_object_get(object, key);
    return json_is_boolean(j) ? json_is_true(j) : otherwise;
}

const char *ig_hf_type(const json_t *object) { return ig_hf_text(object, "type", "", NULL); }

const char *ig_hf_keep(const ig_hf *h, const char *p, size_t n)
{
    return n <= UINT32_MAX ? ig_arena_text(h->arena, p, n) : NULL;
}

static ingot_status no_memory(const ig_hf *h)
{
    return ig_fail(h->err, INGOT_E_NOMEM, "tokenizer.json: no memory");
}

/* ---- pieces ---- */

static ingot_status count_ids(size_t *most, const ig_hf *h, const json_t *vocab,
                              const json_t *added)
{
    const char *key;
    json_t *j;
    size_t i;
    *most = json_is_array(vocab) ? json_array_size(vocab) : 0;
    if (json_is_object(vocab)) json_object_foreach((json_t *)(uintptr_t)vocab, key, j)
        {
            const json_int_t id = json_is_integer(j) ? json_integer_value(j) : -1;
            if (id < 0 || id >= IG_HF_PIECES_MOST)
                return ig_hf_bad(h, "the id of '%.40s' is not one", key);
            *most = IG_MAX(*most, (size_t)id + 1);
        }
    json_array_foreach(added, i, j)
    {
        const json_t *value = json_object_get(j, "id");
        const json_int_t id = json_is_integer(value) ? json_integer_value(value) : -1;
        if (id < 0 || id >= IG_HF_PIECES_MOST) return ig_hf_bad(h, "added token %zu has no id", i);
        *most = IG_MAX(*most, (size_t)id + 1);
    }
    return *most && *most <= IG_HF_PIECES_MOST ? INGOT_OK : ig_hf_bad(h, "it has no vocabulary");
}

static bool is_byte_piece(const char *p, size_t n)
{
    static const char digits[] = "0123456789ABCDEF";
    return n == 6 && !memcmp(p, "<0x", 3) && p[5] == '>' && p[3] && strchr(digits, p[3]) && p[4] &&
           strchr(digits, p[4]);
}

static ingot_status set_piece(const ig_hf *h, ig_piece *piece, const char *text, size_t n,
                              float score)
{
    char *kept = n <= UINT32_MAX ? ig_arena_text(h->arena, text, n) : NULL;
    if (!kept) return no_memory(h);
    *piece = (ig_piece){.p = kept, .n = (uint32_t)n, .score = score};
    if (h->r->flags & IG_TOK_BYTE_FALLBACK && is_byte_piece(text, n)) piece->kind = IG_PIECE_BYTE;
    if (h->bytes) ig_undisguise(kept, &piece->n);
    return INGOT_OK;
}

static ingot_status read_list(const ig_hf *h, ig_piece *pieces, const json_t *vocab)
{
    size_t i;
    json_t *j;
    json_array_foreach(vocab, i, j)
    {
        const json_t *text = json_array_get(j, 0), *score = json_array_get(j, 1);
        if (!json_is_string(text) || !json_is_number(score))
            return ig_hf_bad(h, "piece %zu is not a text and a score", i);
        IG_TRY(set_piece(h, &pieces[i], json_string_value(text), json_string_length(text),
                         (float)json_number_value(score)));
    }
    return INGOT_OK;
}

static ingot_status read_vocab(const ig_hf *h, const json_t *vocab, const json_t *added)
{
    size_t n;
    IG_TRY(count_ids(&n, h, vocab, added));
    ig_piece *pieces = ig_new_n(h->arena, ig_piece, n);
    if (!pieces) return no_memory(h);
    for (size_t i = 0; i < n; i++) pieces[i].p = "";
    if (json_is_array(vocab)) IG_TRY(read_list(h, pieces, vocab));
    const char *key;
    size_t n_key;
    json_t *j;
    if (json_is_object(vocab))
        json_object_keylen_foreach((json_t *)(uintptr_t)vocab, key, n_key, j)
            IG_TRY(set_piece(h, &pieces[json_integer_value(j)], key, n_key, 0));
    h->r->pieces = pieces;
    h->r->n_pieces = n;
    return INGOT_OK;
}

/* ---- merges ---- */

static json_int_t id_of(const json_t *vocab, const char *p, size_t n)
{
    const json_t *j = json_object_getn(vocab, p, n);
    return json_is_integer(j) ? json_integer_value(j) : -1;
}

/* "left right" or ["left", "right"]. */
static bool halves(ingot_str half[2], const json_t *j)
{
    if (json_is_array(j)) {
        for (size_t i = 0; i < 2; i++) {
            const json_t *text = json_array_get(j, i);
            if (!json_is_string(text)) return false;
            half[i] = (ingot_str){json_string_value(text), json_string_length(text)};
        }
        return json_array_size(j) == 2;
    }
    if (!json_is_string(j)) return false;
    const char *p = json_string_value(j), *space = strchr(p, ' ');
    if (!space) return false;
    half[0] = (ingot_str){p, (size_t)(space - p)};
    half[1] = (ingot_str){space + 1, strlen(space + 1)};
    return true;
}

static ingot_status read_merge(ig_hf *h, ig_merge *m, size_t i, const json_t *j,
                               const json_t *vocab, ig_bytes *joined)
{
    ingot_str half[2];
    if (!halves(half, j)) return ig_hf_bad(h, "merge %zu is not two pieces", i);
    const ig_recipe *r = h->r;
    const bool has_prefix =
        r->n_prefix && half[1].n >= r->n_prefix && !memcmp(half[1].p, r->prefix, r->n_prefix);
    const size_t skip = has_prefix ? r->n_prefix : 0;
    joined->n = 0;
    ig_put(joined, half[0].p, half[0].n);
    ig_put(joined, half[1].p + skip, half[1].n - skip);
    if (joined->failed) return no_memory(h);
    const json_int_t left = id_of(vocab, half[0].p, half[0].n),
                     right = id_of(vocab, half[1].p, half[1].n),
                     result = id_of(vocab, (const char *)joined->p, joined->n);
    if (left < 0 || right < 0 || result < 0)
        return ig_hf_bad(h, "merge %zu ('%.30s' + '%.30s') is not of pieces in the vocabulary", i,
                         half[0].p, half[1].p);
    *m = (ig_merge){(uint32_t)left, (uint32_t)right, (uint32_t)result, (uint32_t)i};
    return INGOT_OK;
}

static ingot_status read_merges(ig_hf *h, const json_t *list, const json_t *vocab)
{
    const size_t n = json_array_size(list);
    ig_merge *merges = ig_new_n(h->arena, ig_merge, n);
    if (!merges || n > INT32_MAX) return no_memory(h);
    ig_bytes joined;
    ig_bytes_init(&joined, h->arena->heap);
    ingot_status s = INGOT_OK;
    size_t i;
    json_t *j;
    json_array_foreach(list, i, j)
    {
        s = read_merge(h, &merges[i], i, j, vocab, &joined);
        if (s) break;
    }
    ig_bytes_clear(&joined);
    h->r->merges = merges;
    h->r->n_merges = n;
    return s;
}

/* ---- the model ---- */

static ingot_status model_of(const ig_hf *h, const json_t *model)
{
    const char *type = ig_hf_type(model);
    ig_recipe *r = h->r;
    if (!*type) /* files of old versions do not say it */
        type = json_is_array(json_object_get(model, "vocab"))       ? "Unigram"
               : json_object_get(model, "merges")                   ? "BPE"
               : json_object_get(model, "max_input_chars_per_word") ? "WordPiece"
                                                                    : "WordLevel";
    if (!strcmp(type, "BPE"))
        r->model = IG_TOK_BPE;
    else if (!strcmp(type, "Unigram"))
        r->model = IG_TOK_UNIGRAM;
    else if (!strcmp(type, "WordPiece"))
        r->model = IG_TOK_WORDPIECE;
    else if (!strcmp(type, "WordLevel"))
        r->model = IG_TOK_WORDS;
    else
        return ig_hf_lacks(h, "model", type);
    const bool by_list = r->model == IG_TOK_UNIGRAM;
    const json_t *vocab = json_object_get(model, "vocab");
    if (by_list ? !json_is_array(vocab) : !json_is_object(vocab))
        return ig_hf_bad(h, "the vocabulary of a %s model is missing", type);
    if (json_number_value(json_object_get(model, "dropout")) > 0)
        return ig_hf_lacks(h, "model with", "dropout");
    return INGOT_OK;
}

static ingot_status read_options(ig_hf *h, const json_t *model)
{
    ig_recipe *r = h->r;
    size_t n;
    const char *text = ig_hf_text(model, "continuing_subword_prefix",
                                  r->model == IG_TOK_WORDPIECE ? "##" : "", &n);
    r->prefix = ig_hf_keep(h, text, n);
    r->n_prefix = (uint32_t)n;
    text = ig_hf_text(model, "end_of_word_suffix", "", &n);
    r->suffix = ig_hf_keep(h, text, n);
    r->n_suffix = (uint32_t)n;
    if (!r->prefix || !r->suffix) return no_memory(h);
    if (ig_hf_bool(model, "byte_fallback", false)) r->flags |= IG_TOK_BYTE_FALLBACK;
    if (ig_hf_bool(model, "fuse_unk", r->model == IG_TOK_UNIGRAM)) r->flags |= IG_TOK_FUSE_UNKNOWN;
    if (ig_hf_bool(model, "ignore_merges", false)) r->flags |= IG_TOK_WHOLE_FIRST;
    const json_t *most = json_object_get(model, "max_input_chars_per_word");
    r->word_most = json_is_integer(most) && json_integer_value(most) >= 0 &&
                           json_integer_value(most) < UINT32_MAX
                       ? (uint32_t)json_integer_value(most)
                       : 100;
    return INGOT_OK;
}

static ingot_status find_unknown(const ig_hf *h, const json_t *model, const json_t *vocab)
{
    const json_t *id = json_object_get(model, "unk_id"),
                 *text = json_object_get(model, "unk_token");
    json_int_t found = IG_NO_ID;
    if (json_is_integer(id)) found = json_integer_value(id);
    if (json_is_string(text))
        found = id_of(vocab, json_string_value(text), json_string_length(text));
    if (found < IG_NO_ID || found >= (json_int_t)h->r->n_pieces)
        return ig_hf_bad(h, "the unknown token is not in the vocabulary");
    h->r->unknown = (int32_t)found;
    return INGOT_OK;
}

static ingot_status read_model(ig_hf *h, const json_t *model, const json_t *added)
{
    const json_t *vocab = json_object_get(model, "vocab");
    IG_TRY(model_of(h, model));
    IG_TRY(read_options(h, model));
    IG_TRY(read_vocab(h, vocab, added));
    IG_TRY(find_unknown(h, model, vocab));
    if (h->bytes && h->r->model == IG_TOK_BPE) h->r->flags |= IG_TOK_BYTES;
    return h->r->model == IG_TOK_BPE ? read_merges(h, json_object_get(model, "merges"), vocab)
                                     : INGOT_OK;
}

/* ---- added tokens ---- */

static ingot_status read_added(const ig_hf *h, const json_t *list)
{
    static const struct {
        const char *name;
        unsigned flag;
    } flags[] = {{"special", IG_ADDED_SPECIAL},
                 {"lstrip", IG_ADDED_LSTRIP},
                 {"rstrip", IG_ADDED_RSTRIP},
                 {"single_word", IG_ADDED_WORD},
                 {"normalized", IG_ADDED_NORMALIZED}};
    const size_t n = json_array_size(list);
    ig_added *added = ig_new_n(h->arena, ig_added, n);
    ig_piece *pieces = (ig_piece *)(uintptr_t)h->r->pieces; /* ours, made by read_vocab */
    if (!added) return no_memory(h);
    size_t i, n_text;
    json_t *j;
    json_array_foreach(list, i, j)
    {
        const char *text = ig_hf_text(j, "content", "", &n_text);
        if (!n_text) return ig_hf_bad(h, "added token %zu has no content", i);
        added[i].id = (uint32_t)json_integer_value(json_object_get(j, "id"));
        added[i].p = ig_hf_keep(h, text, n_text);
        added[i].n = (uint32_t)n_text;
        if (!added[i].p) return no_memory(h);
        for (size_t k = 0; k < IG_LEN(flags); k++)
            if (ig_hf_bool(j, flags[k].name, false)) added[i].flags |= (uint8_t)flags[k].flag;
        ig_piece *piece = &pieces[added[i].id]; /* its text is the content, never disguised */
        piece->p = added[i].p;
        piece->n = added[i].n;
    }
    h->r->added = added;
    h->r->n_added = n;
    return INGOT_OK;
}

ingot_status ig_hf_added(ig_recipe *r, ig_arena *arena, const json_t *list, ingot_error *err)
{
    const ig_hf h = {.r = r, .arena = arena, .err = err};
    return read_added(&h, list);
}

ingot_status ig_hf_recipe(ig_recipe *r, ig_arena *arena, const json_t *root, ingot_error *err)
{
    *r = (ig_recipe){.unknown = IG_NO_ID, .bos = IG_NO_ID, .eos = IG_NO_ID, .pad = IG_NO_ID};
    ig_hf h = {.r = r, .arena = arena, .err = err};
    const json_t *model = json_object_get(root, "model"),
                 *added = json_object_get(root, "added_tokens");
    if (!json_is_object(model)) return ig_hf_bad(&h, "it has no model");
    IG_TRY(ig_hf_normalizer(&h, json_object_get(root, "normalizer")));
    IG_TRY(ig_hf_splitter(&h, json_object_get(root, "pre_tokenizer")));
    IG_TRY(ig_hf_decoder(&h, json_object_get(root, "decoder")));
    IG_TRY(read_model(&h, model, added));
    IG_TRY(read_added(&h, added));
    IG_TRY(ig_hf_template(&h, json_object_get(root, "post_processor")));
    return ig_split_at_spaces(r, arena, err);
}

ingot_status ig_tokenizer_from_json(ig_recipe *r, ig_arena *arena, const char *json, size_t n,
                                    ingot_error *err)
{
    const ig_hf h = {.err = err};
    json_error_t fault;
    json_t *root = json_loadb(json, n, JSON_ALLOW_NUL, &fault);
    if (!root) return ig_hf_bad(&h, "line %d, column %d: %s", fault.line, fault.column, fault.text);
    const ingot_status s = ig_hf_recipe(r, arena, root, err);
    json_decref(root);
    return s;
}
