/* hf_steps.c - the normalizer, pre_tokenizer and decoder of a tokenizer.json as steps. */
#include "formats/tokenizer/hf.h"
#include "runtime/base/checked.h"
#include "runtime/text/charsmap.h"

#include <string.h>

typedef ingot_status add_fn(ig_hf *h, ig_step_list *l, const json_t *j);

/* One step, or a Sequence of them, which may hold sequences. */
static ingot_status each(ig_hf *h, ig_step_list *l, const json_t *j, const char *list, add_fn *add,
                         int depth)
{
    if (strcmp(ig_hf_type(j), "Sequence")) return add(h, l, j);
    if (depth == 0) return ig_hf_bad(h, "sequences are nested too deeply");
    const json_t *items = json_object_get(j, list);
    size_t i;
    json_t *item;
    json_array_foreach(items, i, item) IG_TRY(each(h, l, item, list, add, depth - 1));
    return INGOT_OK;
}

static ingot_status collect(ig_hf *h, ig_steps *out, const json_t *j, const char *list, add_fn *add)
{
    ig_step_list l = {.arena = h->arena};
    if (j && !json_is_null(j)) IG_TRY(each(h, &l, j, list, add, 8));
    if (l.failed) return ig_fail(h->err, INGOT_E_NOMEM, "tokenizer: no memory");
    *out = (ig_steps){l.v, l.n};
    return INGOT_OK;
}

static void add_plain(ig_step_list *l, ig_step_kind kind, unsigned flags, uint32_t a)
{
    ig_step_add(l, (ig_step){.kind = (uint8_t)kind, .flags = (uint8_t)flags, .a = a});
}

static void add_text(ig_hf *h, ig_step_list *l, ig_step_kind kind, const char *text, size_t n,
                     unsigned flags, uint32_t a)
{
    const char *kept = ig_hf_keep(h, text, n);
    if (!kept) l->failed = true;
    ig_step_add(l, (ig_step){.kind = (uint8_t)kind,
                             .flags = (uint8_t)flags,
                             .a = a,
                             .text = kept,
                             .n_text = (uint32_t)n});
}

/* A pattern is {"String": ..} or {"Regex": ..}, or a text in old files. */
static const char *pattern_of(const json_t *j, bool *is_regex, size_t *n)
{
    const json_t *p = json_object_get(j, "pattern");
    *is_regex = json_object_get(p, "Regex") != NULL;
    const json_t *text = json_is_string(p) ? p : json_object_get(p, *is_regex ? "Regex" : "String");
    *n = json_string_length(text);
    return json_string_value(text);
}

static ingot_status add_replace(ig_hf *h, ig_step_list *l, const json_t *j, ig_step_kind literal)
{
    bool is_regex;
    size_t n, n_with;
    const char *text = pattern_of(j, &is_regex, &n), *with = ig_hf_text(j, "content", "", &n_with);
    if (!text) return ig_hf_bad(h, "a Replace has no pattern");
    if (is_regex && literal == IG_STEP_DECODE_REPLACE)
        return ig_hf_lacks(h, "decoder", "Replace with a pattern");
    add_text(h, l, is_regex ? IG_STEP_REPLACE_RE : literal, text, n, 0, 0);
    const char *kept = ig_hf_keep(h, with, n_with);
    if (l->failed || !kept) return ig_fail(h->err, INGOT_E_NOMEM, "tokenizer: no memory");
    l->v[l->n - 1].with = kept;
    l->v[l->n - 1].n_with = (uint32_t)n_with;
    return INGOT_OK;
}

/* ---- normalizers ---- */

static void add_bert(ig_step_list *l, const json_t *j)
{
    const bool lower = ig_hf_bool(j, "lowercase", true);
    if (ig_hf_bool(j, "clean_text", true)) add_plain(l, IG_STEP_CLEAN, 0, 0);
    if (ig_hf_bool(j, "handle_chinese_chars", true)) add_plain(l, IG_STEP_SPACE_CJK, 0, 0);
    if (ig_hf_bool(j, "strip_accents", lower)) {
        add_plain(l, IG_STEP_NFD, 0, 0);
        add_plain(l, IG_STEP_STRIP_ACCENTS, 0, 0);
    }
    if (lower) add_plain(l, IG_STEP_LOWERCASE, 0, 0);
}

static int base64_digit(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

static ingot_status add_precompiled(ig_hf *h, ig_step_list *l, const json_t *j)
{
    size_t n, to = 0;
    const char *text = ig_hf_text(j, "precompiled_charsmap", "", &n);
    if (!n) return INGOT_OK; /* an empty map maps nothing */
    unsigned char *blob = ig_arena_take(h->arena, n / 4 * 3 + 3);
    if (!blob) return ig_fail(h->err, INGOT_E_NOMEM, "tokenizer: no memory");
    uint32_t bits = 0;
    int have = 0;
    for (size_t i = 0; i < n && text[i] != '='; i++) {
        const int digit = base64_digit(text[i]);
        if (digit < 0) return ig_hf_bad(h, "precompiled_charsmap is not base64 at byte %zu", i);
        bits = bits << 6 | (uint32_t)digit;
        if ((have += 6) >= 8) blob[to++] = (unsigned char)(bits >> (have -= 8));
    }
    if (!ig_charsmap_check((const char *)blob, to))
        return ig_hf_bad(h, "precompiled_charsmap is damaged");
    ig_step_add(l, (ig_step){.kind = IG_STEP_CHARSMAP,
                             .flags = IG_STEP_GRAPHEMES,
                             .text = (const char *)blob,
                             .n_text = (uint32_t)to});
    return INGOT_OK;
}

static ingot_status add_normalizer(ig_hf *h, ig_step_list *l, const json_t *j)
{
    static const struct {
        const char *name;
        ig_step_kind kind;
        uint32_t a;
    } plain[] = {{"NFC", IG_STEP_NFC, 0},
                 {"NFD", IG_STEP_NFD, 0},
                 {"NFKC", IG_STEP_NFKC, 0},
                 {"NFKD", IG_STEP_NFKD, 0},
                 {"Lowercase", IG_STEP_LOWERCASE, 0},
                 {"StripAccents", IG_STEP_STRIP_ACCENTS, 1}};
    const char *type = ig_hf_type(j);
    size_t n;
    for (size_t i = 0; i < IG_LEN(plain); i++)
        if (!strcmp(type, plain[i].name)) {
            add_plain(l, plain[i].kind, 0, plain[i].a);
            return INGOT_OK;
        }
    if (!strcmp(type, "BertNormalizer"))
        add_bert(l, j);
    else if (!strcmp(type, "Strip"))
        add_plain(l, IG_STEP_STRIP,
                  (ig_hf_bool(j, "strip_left", true) ? IG_STEP_LEFT : 0u) |
                      (ig_hf_bool(j, "strip_right", true) ? IG_STEP_RIGHT : 0u),
                  0);
    else if (!strcmp(type, "Prepend")) {
        const char *text = ig_hf_text(j, "prepend", "", &n);
        add_text(h, l, IG_STEP_PREPEND, text, n, 0, 0);
    } else if (!strcmp(type, "Replace"))
        return add_replace(h, l, j, IG_STEP_REPLACE);
    else if (!strcmp(type, "Precompiled"))
        return add_precompiled(h, l, j);
    else if (!strcmp(type, "ByteLevel"))
        h->bytes = true;
    else
        return ig_hf_lacks(h, "normalizer", type);
    return INGOT_OK;
}

ingot_status ig_hf_normalizer(ig_hf *h, const json_t *normalizer)
{
    return collect(h, &h->r->normalize, normalizer, "normalizers", add_normalizer);
}

/* ---- pre-tokenizers ---- */

static ingot_status behaviour(uint32_t *out, const ig_hf *h, const json_t *j, const char *otherwise)
{
    static const char *const names[] = {"Removed", "Isolated", "MergedWithPrevious",
                                        "MergedWithNext", "Contiguous"};
    const char *name = ig_hf_text(j, "behavior", otherwise, NULL);
    for (uint32_t i = 0; i < IG_LEN(names); i++)
        if (!strcmp(name, names[i])) {
            *out = i;
            return INGOT_OK;
        }
    return ig_hf_lacks(h, "split behavior", name);
}

static ingot_status add_split(ig_hf *h, ig_step_list *l, const json_t *j)
{
    bool is_regex;
    size_t n;
    uint32_t how = 0;
    const char *text = pattern_of(j, &is_regex, &n);
    if (!text) return ig_hf_bad(h, "a Split has no pattern");
    IG_TRY(behaviour(&how, h, j, "Removed"));
    add_text(h, l, is_regex ? IG_STEP_SPLIT_RE : IG_STEP_SPLIT_TEXT, text, n,
             ig_hf_bool(j, "invert", false) ? IG_STEP_INVERT : 0, how);
    return INGOT_OK;
}

static ingot_status scheme_of(uint32_t *out, const ig_hf *h, const json_t *j)
{
    static const char *const names[] = {"always", "never", "first"};
    const char *old = ig_hf_bool(j, "add_prefix_space", true) ? "always" : "never";
    const char *name = ig_hf_text(j, "prepend_scheme", old, NULL);
    for (uint32_t i = 0; i < IG_LEN(names); i++)
        if (!strcmp(name, names[i])) {
            *out = i;
            return INGOT_OK;
        }
    return ig_hf_lacks(h, "prepend_scheme", name);
}

static ingot_status add_metaspace(ig_hf *h, ig_step_list *l, const json_t *j, ig_step_kind kind)
{
    size_t n;
    uint32_t scheme = 0;
    const char *text = ig_hf_text(j, "replacement", "\xe2\x96\x81", &n);
    IG_TRY(scheme_of(&scheme, h, j));
    add_text(h, l, kind, text, n, ig_hf_bool(j, "split", true) ? IG_STEP_EACH : 0, scheme);
    return INGOT_OK;
}

static ingot_status add_splitter(ig_hf *h, ig_step_list *l, const json_t *j)
{
    const char *type = ig_hf_type(j);
    size_t n;
    uint32_t how = 0;
    if (!strcmp(type, "ByteLevel")) {
        h->bytes = true;
        if (ig_hf_bool(j, "add_prefix_space", true)) add_plain(l, IG_STEP_LEADING_SPACE, 0, 0);
        if (ig_hf_bool(j, "use_regex", true))
            add_text(h, l, IG_STEP_SPLIT_RE, ig_pattern_gpt2, strlen(ig_pattern_gpt2), 0,
                     IG_SPLIT_ISOLATED);
    } else if (!strcmp(type, "Split")) {
        return add_split(h, l, j);
    } else if (!strcmp(type, "Whitespace")) {
        add_text(h, l, IG_STEP_SPLIT_RE, ig_pattern_words, strlen(ig_pattern_words), IG_STEP_INVERT,
                 IG_SPLIT_REMOVED);
    } else if (!strcmp(type, "WhitespaceSplit")) {
        add_plain(l, IG_STEP_SPLIT_BLANKS, 0, IG_SPLIT_REMOVED);
    } else if (!strcmp(type, "BertPreTokenizer")) {
        add_plain(l, IG_STEP_SPLIT_BLANKS, 0, IG_SPLIT_REMOVED);
        add_plain(l, IG_STEP_PUNCTUATION, 0, IG_SPLIT_ISOLATED);
    } else if (!strcmp(type, "Punctuation")) {
        IG_TRY(behaviour(&how, h, j, "Isolated"));
        add_plain(l, IG_STEP_PUNCTUATION, 0, how);
    } else if (!strcmp(type, "Digits")) {
        add_plain(l, IG_STEP_DIGITS, 0,
                  ig_hf_bool(j, "individual_digits", false) ? IG_SPLIT_ISOLATED
                                                            : IG_SPLIT_CONTIGUOUS);
    } else if (!strcmp(type, "CharDelimiterSplit")) {
        const char *text = ig_hf_text(j, "delimiter", " ", &n);
        add_text(h, l, IG_STEP_SPLIT_TEXT, text, n, 0, IG_SPLIT_REMOVED);
    } else if (!strcmp(type, "Metaspace")) {
        return add_metaspace(h, l, j, IG_STEP_METASPACE);
    } else {
        return ig_hf_lacks(h, "pre_tokenizer", type);
    }
    return INGOT_OK;
}

ingot_status ig_hf_splitter(ig_hf *h, const json_t *pre_tokenizer)
{
    return collect(h, &h->r->split, pre_tokenizer, "pretokenizers", add_splitter);
}

/* ---- decoders ---- */

static ingot_status add_strip(ig_hf *h, ig_step_list *l, const json_t *j)
{
    size_t n;
    const char *text = ig_hf_text(j, "content", " ", &n);
    const json_int_t start = json_integer_value(json_object_get(j, "start"));
    if (json_integer_value(json_object_get(j, "stop")) > 0)
        return ig_hf_lacks(h, "decoder", "Strip at the end");
    if (start < 0 || start > UINT32_MAX) return ig_hf_bad(h, "a Strip starts at a wrong place");
    add_text(h, l, IG_STEP_DECODE_STRIP, text, n, 0, (uint32_t)start);
    return INGOT_OK;
}

static ingot_status add_decoder(ig_hf *h, ig_step_list *l, const json_t *j)
{
    const char *type = ig_hf_type(j);
    size_t n;
    if (!strcmp(type, "ByteLevel")) {
        h->bytes = true;
    } else if (!strcmp(type, "WordPiece")) {
        const char *text = ig_hf_text(j, "prefix", "##", &n);
        add_text(h, l, IG_STEP_DECODE_WORDPIECE, text, n,
                 ig_hf_bool(j, "cleanup", true) ? IG_STEP_EACH : 0, 0);
    } else if (!strcmp(type, "Metaspace")) {
        return add_metaspace(h, l, j, IG_STEP_DECODE_METASPACE);
    } else if (!strcmp(type, "ByteFallback")) {
        add_plain(l, IG_STEP_DECODE_BYTES, 0, 0);
    } else if (!strcmp(type, "Replace")) {
        return add_replace(h, l, j, IG_STEP_DECODE_REPLACE);
    } else if (!strcmp(type, "Strip")) {
        return add_strip(h, l, j);
    } else if (!strcmp(type, "BPEDecoder")) {
        const char *text = ig_hf_text(j, "suffix", "</w>", &n);
        add_text(h, l, IG_STEP_DECODE_SUFFIX, text, n, 0, 0);
    } else if (strcmp(type, "Fuse")) { /* tokens are joined anyway */
        return ig_hf_lacks(h, "decoder", type);
    }
    return INGOT_OK;
}

ingot_status ig_hf_decoder(ig_hf *h, const json_t *decoder)
{
    IG_TRY(collect(h, &h->r->decode, decoder, "decoders", add_decoder));
    if (decoder && !json_is_null(decoder)) return INGOT_OK;
    ig_step_list l = {.arena = h->arena}; /* without a decoder, spaces stand between the tokens */
    add_text(h, &l, IG_STEP_DECODE_WORDPIECE, "", 0, 0, 0);
    h->r->decode = (ig_steps){l.v, l.n};
    return l.failed ? ig_fail(h->err, INGOT_E_NOMEM, "tokenizer: no memory") : INGOT_OK;
}
