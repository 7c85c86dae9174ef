/* embedder.c - see embedder.h. */
#include "runtime/llm/embed/embedder.h"
#include "runtime/llm/embed/encoder_run.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>

enum { TOKENS_OF_A_RUN = 8192, MOST_UNTOLD = 512, MOST_EVER = 1 << 24 };

struct ig_embedder {
    ig_heap *heap;
    const ig_ingot *file;
    const char *device; /* its name, or NULL; the taker's text */
    ig_tokenizer *tokenizer;
    ig_token_work *work;
    ig_encoder_run run;
    ig_text_rows rows;
    ingot_pooling pooling;
    bool normalize;
    size_t most; /* tokens of a text */
};

/* ---- what the file says ---- */

static const ig_meta_entry *find_meta(const ig_ingot *file, const char *key, ig_attr_kind kind)
{
    for (size_t i = 0; i < file->meta.n; i++)
        if (file->meta.v[i].kind == kind && !strcmp(file->meta.v[i].key, key))
            return &file->meta.v[i];
    return NULL;
}

static bool is_decoder(const ig_ingot *file)
{
    const ig_meta_entry *kind = find_meta(file, "llm.kind", IG_ATTR_TEXT);
    return kind && !strcmp(kind->s, "decoder");
}

static ingot_status choose_pooling(ig_embedder *e, const ingot_embedder_options *o,
                                   ingot_error *err)
{
    static const char *const names[] = {"", "mean", "cls", "last"};
    const ig_meta_entry *told = find_meta(e->file, "llm.pooling", IG_ATTR_TEXT);
    const ig_meta_entry *unit = find_meta(e->file, "llm.normalize", IG_ATTR_INT);
    if (o->pooling < INGOT_POOLING_AUTO || o->pooling > INGOT_POOLING_LAST)
        return ig_fail(err, INGOT_E_ARG, "pooling %d is none", (int)o->pooling);
    e->pooling = o->pooling ? o->pooling : INGOT_POOLING_MEAN;
    for (int p = INGOT_POOLING_MEAN; told && !o->pooling && p <= INGOT_POOLING_LAST; p++)
        if (!strcmp(told->s, names[p])) e->pooling = (ingot_pooling)p;
    e->normalize = !o->not_normalized && (!unit || unit->i != 0);
    return INGOT_OK;
}

static ingot_status choose_lengths(ig_embedder *e, const ingot_embedder_options *o,
                                   ingot_error *err)
{
    const ig_meta_entry *context = find_meta(e->file, "llm.context", IG_ATTR_INT);
    if (context && (context->i < 1 || context->i > MOST_EVER))
        return ig_fail(err, INGOT_E_FORMAT, "llm.context is %lld", (long long)context->i);
    const size_t most = context ? (size_t)context->i : MOST_UNTOLD;
    if (context && o->max_tokens > most)
        return ig_fail(err, INGOT_E_ARG, "texts of %zu tokens; the model takes at most %zu",
                       o->max_tokens, most);
    e->most = o->max_tokens ? o->max_tokens : most;
    e->run.batch_tokens = o->batch_tokens ? o->batch_tokens : TOKENS_OF_A_RUN;
    return INGOT_OK;
}

/* The mask hides padding, so that any id does; one that the model has a row for. */
static void choose_pad(ig_embedder *e)
{
    const ig_meta_entry *pad = find_meta(e->file, "llm.pad", IG_ATTR_INT);
    const int32_t own = ig_tokenizer_recipe(e->tokenizer)->pad;
    e->run.pad = pad && pad->i >= 0 ? (uint32_t)pad->i : own >= 0 ? (uint32_t)own : 0;
}

/* ---- opening ---- */

static ingot_status open_tokenizer(ig_embedder *e, ingot_error *err)
{
    const ingot_str bytes = ig_ingot_tokenizer(e->file);
    if (!bytes.p)
        return ig_fail(err, INGOT_E_UNSUPPORTED,
                       "the file holds no tokenizer (convert the model with its tokenizer files "
                       "beside it, or with --tokenizer)");
    IG_TRY(ig_tokenizer_open(&e->tokenizer, e->heap, bytes.p, bytes.n, err));
    return ig_token_work_open(&e->work, e->tokenizer, err);
}

static ingot_status open_parts(ig_embedder *e, const ig_embedder_setup *setup, ingot_error *err)
{
    const ingot_embedder_options *o = setup->options;
    const ig_exec_options exec = {.heap = setup->heap,
                                  .pool = setup->pool,
                                  .log = setup->log,
                                  .math = o->fast_math ? IG_MATH_FAST : IG_MATH_EXACT,
                                  .device = setup->device};
    if (is_decoder(e->file))
        return ig_fail(err, INGOT_E_UNSUPPORTED,
                       "a model that generates text, not an encoder (`ingot generate` runs it)");
    IG_TRY(ig_encoder_run_open(&e->run, e->file->graph, &exec, err));
    IG_TRY(open_tokenizer(e, err));
    IG_TRY(choose_pooling(e, o, err));
    IG_TRY(choose_lengths(e, o, err));
    choose_pad(e);
    return INGOT_OK;
}

ingot_status ig_embedder_open(ig_embedder **out, const ig_embedder_setup *setup, ingot_error *err)
{
    *out = NULL;
    ig_embedder *e = ig_take0(setup->heap, sizeof *e);
    if (!e) return ig_fail(err, INGOT_E_NOMEM, "embedder: no memory");
    e->heap = setup->heap;
    e->file = setup->file;
    e->device = setup->device.name;
    ig_text_rows_init(&e->rows, e->heap);
    const ingot_status s = open_parts(e, setup, err);
    if (s) ig_embedder_close(&e);
    *out = e;
    return s;
}

void ig_embedder_close(ig_embedder **embedder)
{
    ig_embedder *e = *embedder;
    *embedder = NULL;
    if (!e) return;
    ig_text_rows_clear(&e->rows);
    ig_token_work_close(&e->work);
    ig_tokenizer_close(&e->tokenizer);
    ig_encoder_run_close(&e->run);
    ig_give(e->heap, e, sizeof *e);
}

void ig_embedder_info(ingot_embedder_info *info, const ig_embedder *e)
{
    const bool classes = e->run.gives == IG_GIVES_CLASSES;
    *info = (ingot_embedder_info){.width = classes ? 0 : e->run.width,
                                  .classes = classes ? e->run.width : 0,
                                  .max_tokens = e->most,
                                  .pooling = e->pooling,
                                  .normalized = e->normalize,
                                  .device = e->device && !ig_exec_fallen(e->run.exec) ? e->device
                                                                                      : "cpu"};
}

/* ---- embedding ---- */

typedef struct {
    const ig_embedder *e;
    float *out; /* [n, width], or [n] */
} answer;

static void pool(float *y, const ig_embedder *e, const float *x, size_t n)
{
    const size_t width = e->run.width;
    if (e->run.gives == IG_GIVES_TEXTS || e->pooling == INGOT_POOLING_CLS) n = 1;
    if (e->pooling == INGOT_POOLING_LAST) x += (n - 1) * width, n = 1;
    memcpy(y, x, width * sizeof *y);
    for (size_t t = 1; t < n; t++)
        for (size_t i = 0; i < width; i++) y[i] += x[t * width + i];
    for (size_t i = 0; n > 1 && i < width; i++) y[i] /= (float)n;
}

static void take_embedding(void *ud, size_t row, const float *x, size_t n)
{
    const answer *a = ud;
    const size_t width = a->e->run.width;
    float *y = a->out + row * width;
    pool(y, a->e, x, n);
    if (!a->e->normalize) return;
    double sum = 0;
    for (size_t i = 0; i < width; i++) sum += (double)y[i] * (double)y[i];
    const double length = sqrt(sum);
    for (size_t i = 0; length > 0 && i < width; i++) y[i] = (float)((double)y[i] / length);
}

static ingot_status add_rows(ig_embedder *e, size_t *cut, const ingot_str *query,
                             const ingot_str *texts, size_t n, ingot_error *err)
{
    const ig_recipe *recipe = ig_tokenizer_recipe(e->tokenizer);
    ig_text_rows_reset(&e->rows);
    for (size_t i = 0; i < n; i++) {
        const ingot_str pair[] = {query ? *query : texts[i], texts[i]};
        const ingot_status s =
            ig_text_rows_add(&e->rows, e->work, recipe, pair, query ? 2 : 1, e->most, err);
        if (s) return ig_wrap(err, s, "text %zu", i);
        if (cut) cut[i] = e->rows.rows[i].cut;
    }
    return INGOT_OK;
}

ingot_status ig_embedder_embed(float *out, size_t *cut, ig_embedder *e, const ingot_str *texts,
                               size_t n, ingot_error *err)
{
    answer a = {e, out};
    if (e->run.gives == IG_GIVES_CLASSES)
        return ig_fail(err, INGOT_E_UNSUPPORTED,
                       "the model gives %zu logits of a text, not an embedding", e->run.width);
    IG_TRY(add_rows(e, cut, NULL, texts, n, err));
    return ig_encoder_run_rows(&e->run, &e->rows, take_embedding, &a, err);
}

/* ---- ranking ---- */

/* The logit of a single class; of two, how much more the second one (relevant) has. */
static void take_score(void *ud, size_t row, const float *x, size_t n)
{
    const answer *a = ud;
    (void)n;
    a->out[row] = a->e->run.width == 1 ? x[0] : x[1] - x[0];
}

ingot_status ig_embedder_rank(float *scores, size_t *cut, ig_embedder *e, ingot_str query,
                              const ingot_str *documents, size_t n, ingot_error *err)
{
    answer a = {e, scores};
    if (e->run.gives != IG_GIVES_CLASSES)
        return ig_fail(err, INGOT_E_UNSUPPORTED,
                       "the model gives embeddings, not scores of pairs: ranking needs a "
                       "cross-encoder (a classifier of sequences)");
    if (e->run.width > 2)
        return ig_fail(err, INGOT_E_UNSUPPORTED,
                       "the model tells %zu classes apart; ranking needs one of 1 or 2",
                       e->run.width);
    IG_TRY(add_rows(e, cut, &query, documents, n, err));
    return ig_encoder_run_rows(&e->run, &e->rows, take_score, &a, err);
}
