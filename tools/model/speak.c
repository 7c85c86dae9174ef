/* speak.c - see speak.h. */
#include "tools/model/speak.h"
#include "tools/cli/text.h"

#if IG_HAVE_TEXT
#    include "runtime/text/tokenizer.h"

ingot_status ig_check_tokenizer(const ig_ingot *f, ig_heap *heap, ingot_error *err)
{
    const ingot_str bytes = ig_ingot_tokenizer(f);
    ig_tokenizer *t = NULL;
    if (!bytes.p) return INGOT_OK;
    const ingot_status s = ig_tokenizer_open(&t, heap, bytes.p, bytes.n, err);
    ig_tokenizer_close(&t);
    return s;
}

const char *ig_describe_tokenizer(char *text, size_t room, const ig_ingot *f, ig_heap *heap)
{
    static const char *const models[] = {"BPE", "unigram", "WordPiece", "words"};
    const ingot_str bytes = ig_ingot_tokenizer(f);
    ig_tokenizer *t = NULL;
    ingot_error err;
    char pieces[32], merges[32];
    text[0] = 0;
    if (!bytes.p) return text;
    if (ig_tokenizer_open(&t, heap, bytes.p, bytes.n, &err)) {
        snprintf(text, room, "%s", err.text);
        return text;
    }
    const ig_recipe *r = ig_tokenizer_recipe(t);
    ig_format_count(pieces, sizeof pieces, r->n_pieces);
    ig_format_count(merges, sizeof merges, r->n_merges);
    snprintf(text, room, "%s, %s pieces, %s merges, %zu added tokens", models[r->model], pieces,
             merges, r->n_added);
    ig_tokenizer_close(&t);
    return text;
}
#else
ingot_status ig_check_tokenizer(const ig_ingot *f, ig_heap *heap, ingot_error *err)
{
    (void)heap;
    if (!ig_ingot_tokenizer(f).p) return INGOT_OK;
    return ig_fail(err, INGOT_E_UNSUPPORTED,
                   "it holds a tokenizer, which this build leaves out (install libutf8proc-dev and "
                   "libjansson-dev, build again)");
}

const char *ig_describe_tokenizer(char *text, size_t room, const ig_ingot *f, ig_heap *heap)
{
    (void)heap;
    snprintf(text, room, "%s", ig_ingot_tokenizer(f).p ? "there, but left out of this build" : "");
    return text;
}
#endif
