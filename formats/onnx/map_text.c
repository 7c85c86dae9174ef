/* map_text.c - strings: joining, splitting, normalising, matching, counting n-grams. */
#include "formats/onnx/state.h"

static ingot_status string_normalizer(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    ig_node *node = ig_emit(c, n, "string_normalizer", n->in, n->n_in, n->out, n->n_out);
    const ig_texts words = onnx_texts(c, n, "stopwords");
    ig_set_text(c, node, "case_change", onnx_text(c, n, "case_change_action", "NONE"));
    ig_set_int(c, node, "is_case_sensitive", onnx_int(c, n, "is_case_sensitive", 0));
    if (words.n) ig_set_texts(c, node, "stopwords", words.v, words.n);
    return c->status;
}

static ig_id list_of(ig_import *c, ingot_dtype dtype, size_t n, const void *v)
{
    const int64_t dims = (int64_t)n;
    if (c->status) return IG_NO_VALUE;
    const ig_id id = ig_graph_const_copy(c->g, "", dtype, 1, &dims, v);
    if (id == IG_NO_VALUE) c->status = onnx_no_memory(c);
    return id;
}

static ingot_status tfidf(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    if (!onnx_given(n, 0)) return ig_onnx_bad(c, n, "input 0 is missing");
    const ig_ints ints = onnx_ints(c, n, "pool_int64s"), at = onnx_ints(c, n, "ngram_indexes");
    const ig_texts texts = onnx_texts(c, n, "pool_strings");
    const ig_floats weights = onnx_floats(c, n, "weights");
    const ig_ints counts = onnx_ints(c, n, "ngram_counts");
    if (!c->status && (ints.n != 0) == (texts.n != 0))
        return ig_onnx_bad(c, n, "it needs one of pool_int64s and pool_strings");
    const ig_id pool =
        ints.n ? list_of(c, INGOT_I64, ints.n, ints.v) : list_of(c, INGOT_STR, texts.n, texts.v);
    ig_emit_to(c, n, n->out[0], "tfidf", 4, n->in[0], pool, list_of(c, INGOT_I64, at.n, at.v),
               list_of(c, INGOT_F32, weights.n, weights.v));
    ig_node *node = ig_emit_last(c);
    static const char *const numbers[] = {"min_gram_length", "max_gram_length", "max_skip_count"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        ig_set_int(c, node, numbers[i], onnx_int(c, n, numbers[i], i < 2));
    ig_set_text(c, node, "mode", onnx_text(c, n, "mode", "TF"));
    ig_set_ints(c, node, "ngram_counts", counts.v, counts.n);
    return c->status;
}

const ig_onnx_map ig_onnx_map_text[] = {
    {"", "StringConcat", 20, 0, ig_import_same, "string_concat"},
    {"", "StringSplit", 20, 0, ig_import_same, "string_split"},
    {"", "StringNormalizer", 10, 0, string_normalizer, NULL},
    {"", "RegexFullMatch", 20, 0, ig_import_same, "regex_full_match"},
    {"", "TfIdfVectorizer", 9, 0, tfidf, NULL},
    {0},
};
