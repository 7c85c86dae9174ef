/* slow.c - vocabularies in files of their own become the tokenizer.json that says the same; see
 * slow.h. */
#include "formats/hf/slow.h"
#include "formats/tokenizer/hf.h"
#include "runtime/base/checked.h"
#include "runtime/base/file.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MOST = 64 << 20 };

typedef struct {
    const ig_source *src;
    json_t *config; /* tokenizer_config.json, or NULL */
    json_t *vocab;
    ingot_error *err;
} slow;

/* ---- texts ---- */

static ingot_status open_text(ig_map *map, const slow *w, const char *name)
{
    char path[4096];
    const int n = snprintf(path, sizeof path, "%s/%s", w->src->path, name);
    if (n < 0 || (size_t)n >= sizeof path)
        return ig_fail(w->err, INGOT_E_ARG, "%.80s...: the path is too long", w->src->path);
    IG_TRY(ig_map_open(map, w->src->heap, path, w->err));
    if (map->size <= TEXT_MOST) return INGOT_OK;
    ig_map_close(map);
    return ig_fail(w->err, INGOT_E_FORMAT, "%s has more than %d bytes", name, TEXT_MOST);
}

/* The next line of p[*at, n), without its end; false: there is none. */
static bool next_line(const char **line, size_t *length, const char *p, size_t n, size_t *at)
{
    if (*at >= n) return false;
    const char *end = memchr(p + *at, '\n', n - *at);
    *line = p + *at;
    *length = end ? (size_t)(end - *line) : n - *at;
    *at += *length + 1;
    if (*length && (*line)[*length - 1] == '\r') --*length;
    return true;
}

static ingot_status read_lines(json_t *vocab, const slow *w, const ig_map *map)
{
    const char *line, *p = (const char *)map->data;
    size_t length, at = 0;
    for (json_int_t id = 0; next_line(&line, &length, p, map->size, &at); id++)
        if (json_object_setn_new(vocab, line, length, json_integer(id)))
            return ig_fail(w->err, INGOT_E_FORMAT, "vocab.txt, line %lld is not UTF-8",
                           (long long)id + 1);
    return INGOT_OK;
}

static ingot_status read_merges(json_t *merges, const slow *w, const ig_map *map)
{
    static const char version[] = "#version";
    const char *line, *p = (const char *)map->data;
    size_t length, at = 0;
    for (size_t i = 0; next_line(&line, &length, p, map->size, &at); i++) {
        const bool head = !i && length >= 8 && !memcmp(line, version, sizeof version - 1);
        if (head || !length) continue;
        if (json_array_append_new(merges, json_stringn(line, length)))
            return ig_fail(w->err, INGOT_E_FORMAT, "merges.txt, line %zu is not UTF-8", i + 1);
    }
    return INGOT_OK;
}

static ingot_status read_text(const slow *w, const char *name, json_t *into,
                              ingot_status (*read)(json_t *, const slow *, const ig_map *))
{
    ig_map map = {0};
    IG_TRY(open_text(&map, w, name));
    const ingot_status s = read(into, w, &map);
    ig_map_close(&map);
    return s;
}

/* ---- special tokens ---- */

/* A text, or an object with one. */
static const char *special(const slow *w, const char *key, const char *otherwise)
{
    const json_t *v = json_object_get(w->config, key);
    const char *text = json_string_value(json_is_object(v) ? json_object_get(v, "content") : v);
    return text ? text : otherwise;
}

static json_int_t id_of(const slow *w, const char *token)
{
    const json_t *id = token ? json_object_get(w->vocab, token) : NULL;
    return json_is_integer(id) ? json_integer_value(id) : -1;
}

/* added_tokens_decoder has them with their ids as keys; without it the special ones by name. */
static json_t *added_tokens(const slow *w)
{
    static const char *const names[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                        "pad_token", "cls_token", "mask_token"};
    json_t *list = json_array(), *given = json_object_get(w->config, "added_tokens_decoder"), *v;
    const char *key;
    json_object_foreach(given, key, v)
    {
        json_t *copy = json_copy(v);
        json_object_set_new(copy, "id", json_integer(strtoll(key, NULL, 10)));
        json_array_append_new(list, copy);
    }
    for (size_t i = 0; !given && i < IG_LEN(names); i++) {
        const char *token = special(w, names[i], NULL);
        if (id_of(w, token) < 0) continue;
        json_t *own = json_object_get(w->config, names[i]);
        json_t *copy = json_is_object(own) ? json_copy(own) : json_pack("{s: s}", "content", token);
        json_object_set_new(copy, "id", json_integer(id_of(w, token)));
        json_object_set_new(copy, "special", json_true());
        json_array_append_new(list, copy);
    }
    return list;
}

static bool setting(const slow *w, const char *key, bool otherwise)
{
    return ig_hf_bool(w->config, key, otherwise);
}

/* cls before and sep behind, as BERT or RoBERTa has it. */
static json_t *around(const slow *w, const char *type, const char *cls, const char *sep)
{
    cls = special(w, "cls_token", cls);
    sep = special(w, "sep_token", sep);
    return json_pack("{s: s, s: [s, I], s: [s, I]}", "type", type, "cls", cls, id_of(w, cls), "sep",
                     sep, id_of(w, sep));
}

static json_t *begin_with_bos(const slow *w)
{
    const char *bos = special(w, "bos_token", "<|endoftext|>");
    return json_pack("{s: s, s: [{s: {s: s, s: i}}, {s: {s: s, s: i}}], s: [], s: {s: {s: [I]}}}",
                     "type", "TemplateProcessing", "single", "SpecialToken", "id", bos, "type_id",
                     0, "Sequence", "id", "A", "type_id", 0, "pair", "special_tokens", bos, "ids",
                     id_of(w, bos));
}

/* ---- classes ---- */

static const char qwen_pattern[] = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{"
                                   "N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
                                   "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

static bool is_class(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (!strncmp(name, *list, strlen(*list))) return true;
    return false;
}

static ingot_status byte_level(json_t **root, const slow *w, const char *class_, json_t *merges)
{
    static const char *const gpt2[] = {"GPT2Tokenizer", "GPTNeoXTokenizer", NULL};
    static const char *const qwen[] = {"Qwen2Tokenizer", NULL};
    static const char *const roberta[] = {"RobertaTokenizer", "LongformerTokenizer", NULL};
    const bool is_qwen = is_class(class_, qwen), is_roberta = is_class(class_, roberta);
    if (!is_qwen && !is_roberta && !is_class(class_, gpt2))
        return ig_fail(w->err, INGOT_E_UNSUPPORTED,
                       "a tokenizer of class '%.60s' in vocab.json and merges.txt; with a "
                       "tokenizer.json it would convert",
                       class_);
    json_t *split = json_pack("{s: s, s: b, s: b}", "type", "ByteLevel", "add_prefix_space",
                              setting(w, "add_prefix_space", false), "use_regex", !is_qwen);
    if (is_qwen)
        split = json_pack("{s: s, s: [{s: s, s: {s: s}, s: s, s: b}, o]}", "type", "Sequence",
                          "pretokenizers", "type", "Split", "pattern", "Regex", qwen_pattern,
                          "behavior", "Isolated", "invert", 0, split);
    json_t *post = is_roberta ? around(w, "RobertaProcessing", "<s>", "</s>")
                   : setting(w, "add_bos_token", false) ? begin_with_bos(w)
                                                        : json_null();
    *root = json_pack("{s: {s: s, s: O, s: O}, s: o, s: o, s: {s: s}, s: o, s: o}", "model", "type",
                      "BPE", "vocab", w->vocab, "merges", merges, "normalizer",
                      is_qwen ? json_pack("{s: s}", "type", "NFC") : json_null(), "pre_tokenizer",
                      split, "decoder", "type", "ByteLevel", "post_processor", post, "added_tokens",
                      added_tokens(w));
    return *root ? INGOT_OK : ig_fail(w->err, INGOT_E_NOMEM, "tokenizer: no memory");
}

static ingot_status word_pieces(json_t **root, const slow *w, const char *class_)
{
    static const char *const bert[] = {"BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer",
                                       NULL};
    static const char *const mpnet[] = {"MPNetTokenizer", NULL};
    const bool is_mpnet = is_class(class_, mpnet);
    if (!is_mpnet && !is_class(class_, bert))
        return ig_fail(w->err, INGOT_E_UNSUPPORTED,
                       "a tokenizer of class '%.60s' in vocab.txt; with a tokenizer.json it would "
                       "convert",
                       class_);
    const json_t *accents = json_object_get(w->config, "strip_accents");
    json_t *normal =
        json_pack("{s: s, s: b, s: b, s: b, s: o}", "type", "BertNormalizer", "clean_text", 1,
                  "handle_chinese_chars", setting(w, "tokenize_chinese_chars", true), "lowercase",
                  setting(w, "do_lower_case", true), "strip_accents",
                  json_is_boolean(accents) ? json_boolean(json_is_true(accents)) : json_null());
    json_t *post = is_mpnet ? around(w, "RobertaProcessing", "<s>", "</s>")
                            : around(w, "BertProcessing", "[CLS]", "[SEP]");
    *root = json_pack("{s: {s: s, s: O, s: s}, s: o, s: {s: s}, s: {s: s, s: s}, s: o, s: o}",
                      "model", "type", "WordPiece", "vocab", w->vocab, "unk_token",
                      special(w, "unk_token", "[UNK]"), "normalizer", normal, "pre_tokenizer",
                      "type", "BertPreTokenizer", "decoder", "type", "WordPiece", "prefix", "##",
                      "post_processor", post, "added_tokens", added_tokens(w));
    return *root ? INGOT_OK : ig_fail(w->err, INGOT_E_NOMEM, "tokenizer: no memory");
}

/* ---- the files ---- */

static ingot_status compose(json_t **root, slow *w)
{
    const bool lines = !ig_folder_has(w->src, "vocab.json");
    const char *class_ = json_string_value(json_object_get(w->config, "tokenizer_class"));
    IG_TRY(lines ? (w->vocab = json_object()) ? read_text(w, "vocab.txt", w->vocab, read_lines)
                                              : ig_fail(w->err, INGOT_E_NOMEM, "no memory")
                 : ig_folder_json(&w->vocab, w->src, "vocab.json", true, w->err));
    if (lines) return word_pieces(root, w, class_ ? class_ : "BertTokenizer");
    json_t *merges = json_array();
    ingot_status s = read_text(w, "merges.txt", merges, read_merges);
    if (!s) s = byte_level(root, w, class_ ? class_ : "GPT2Tokenizer", merges);
    json_decref(merges);
    return s;
}

ingot_status ig_slow_vocabulary(ig_recipe *r, ig_arena *arena, const ig_source *src,
                                ingot_error *err)
{
    slow w = {.src = src, .err = err};
    json_t *root = NULL;
    IG_TRY(ig_folder_json(&w.config, src, "tokenizer_config.json", false, err));
    ingot_status s = compose(&root, &w);
    if (!s) s = ig_hf_recipe(r, arena, root, err);
    json_decref(root);
    json_decref(w.vocab);
    json_decref(w.config);
    return s;
}

/* ---- SentencePiece ---- */

static ingot_status add_pieces(ig_recipe *r, ig_arena *arena, const json_t *added, ingot_error *err)
{
    const ig_hf h = {.r = r, .arena = arena, .err = err};
    size_t n = r->n_pieces;
    json_t *v;
    const char *key;
    json_object_foreach((json_t *)(uintptr_t)added, key, v)
    {
        const long long id = strtoll(key, NULL, 10);
        if (id < 0 || (size_t)id >= IG_HF_PIECES_MOST)
            return ig_hf_bad(&h, "the id of an added token is '%.40s'", key);
        n = IG_MAX(n, (size_t)id + 1);
    }
    ig_piece *pieces = ig_new_n(arena, ig_piece, n);
    if (!pieces) return ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory");
    if (r->n_pieces) memcpy(pieces, r->pieces, r->n_pieces * sizeof *pieces);
    for (size_t i = r->n_pieces; i < n; i++) pieces[i].p = "";
    r->pieces = pieces;
    r->n_pieces = n;
    return INGOT_OK;
}

/* bos before a text, eos behind it. */
static ingot_status put_ends(ig_recipe *r, ig_arena *arena, bool bos, bool eos, ingot_error *err)
{
    ig_part *v = ig_new_n(arena, ig_part, 3);
    size_t n = 0;
    if (!v) return ig_fail(err, INGOT_E_NOMEM, "tokenizer: no memory");
    if (bos && r->bos >= 0) v[n++] = (ig_part){IG_PART_TOKEN, 0, (uint32_t)r->bos};
    v[n++] = (ig_part){.kind = IG_PART_FIRST};
    if (eos && r->eos >= 0) v[n++] = (ig_part){IG_PART_TOKEN, 0, (uint32_t)r->eos};
    r->one = (ig_template){v, n};
    return INGOT_OK;
}

ingot_status ig_slow_sentencepiece(ig_recipe *r, ig_arena *arena, const ig_source *src,
                                   ingot_error *err)
{
    static const char *const with_bos[] = {"LlamaTokenizer", "GemmaTokenizer", "CodeLlamaTokenizer",
                                           NULL};
    slow w = {.src = src, .err = err};
    IG_TRY(ig_folder_json(&w.config, src, "tokenizer_config.json", false, err));
    const char *class_ = json_string_value(json_object_get(w.config, "tokenizer_class"));
    const bool usual = !class_ || is_class(class_, with_bos);
    const json_t *given = json_object_get(w.config, "added_tokens_decoder");
    ingot_status s = add_pieces(r, arena, given, err);
    json_t *added = given ? added_tokens(&w) : NULL;
    if (!s && added) s = ig_hf_added(r, arena, added, err);
    if (!s)
        s = put_ends(r, arena, setting(&w, "add_bos_token", usual),
                     setting(&w, "add_eos_token", false), err);
    json_decref(added);
    json_decref(w.config);
    return s;
}
