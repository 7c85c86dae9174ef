/* llm_embedder.c - embedders through the public interface: what a text gives does not depend on the
 * others, pooling as the makers say, texts are cut at their end and it is said, pairs get their
 * segments, and what cannot be is refused. */
#include "tests/check.h"
#include "formats/convert.h"
#include "runtime/api/handles.h"
#include "runtime/base/checked.h"
#include "runtime/llm/embed/text_rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WIDTH = 16, MOST = 20, PAIR_MOST = 24 };

static const char *const sentences[] = {
    "the options of convert",
    "how fast",
    "a",
    "compare the weights first, then the answers of other options",
    "",
    "data"};
enum { N = 6 };

static ig_heap heap;
static ingot_runtime *rt;
static ingot_model *encoder, *reranker;

static ingot_model *open_model(const char *folder, const char *tokenizer)
{
    ingot_error err;
    ingot_model *m;
    char path[80];
    snprintf(path, sizeof path, "%s/ingot-embedder-%ld.ingot", P_tmpdir, (long)getpid());
    const ig_convert_options o = {.heap = &heap, .tokenizer = tokenizer};
    check_ok(ig_convert_file(path, folder, &o, &err));
    check_ok(ingot_model_open(&m, rt, path, NULL, &err));
    unlink(path);
    return m;
}

static int setup(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap_init(&heap, NULL);
    check_ok(ingot_runtime_open(&rt, NULL, &err));
    encoder = open_model("tests/llm/data/encoder", "tests/text/data/wordpiece.json");
    reranker = open_model("tests/llm/data/reranker", "tests/text/data/wordpiece.json");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ingot_model_close(&encoder);
    ingot_model_close(&reranker);
    ingot_runtime_close(&rt);
    assert_int_equal(atomic_load(&heap.live_bytes), 0);
    return 0;
}

static ingot_embedder *open_embedder(ingot_model *m, ingot_embedder_options o)
{
    ingot_error err;
    ingot_embedder *e;
    o.size = sizeof o;
    check_ok(ingot_embedder_open(&e, m, &o, &err));
    return e;
}

static ingot_str text_of(const char *p) { return (ingot_str){p, strlen(p)}; }

static void all_texts(ingot_str texts[N])
{
    for (size_t i = 0; i < N; i++) texts[i] = text_of(sentences[i]);
}

static void embed(float *y, ingot_embedder *e, const ingot_str *texts, size_t n)
{
    ingot_error err;
    check_ok(ingot_embedder_embed(y, NULL, e, texts, n, &err));
}

static void alone_and_among_others(void **state)
{
    (void)state;
    ingot_str texts[N];
    float together[N * WIDTH], alone[WIDTH];
    all_texts(texts);
    for (size_t batch = 1; batch < 200; batch += 33) {
        ingot_embedder *e = open_embedder(encoder, (ingot_embedder_options){.batch_tokens = batch});
        embed(together, e, texts, N);
        for (size_t i = 0; i < N; i++) {
            embed(alone, e, &texts[i], 1);
            assert_memory_equal(alone, together + i * WIDTH, sizeof alone);
        }
        ingot_embedder_close(&e);
    }
}

static void as_the_makers_say(void **state)
{
    (void)state;
    ingot_embedder_info info;
    ingot_str texts[N];
    float told[N * WIDTH], cls[N * WIDTH], mean[N * WIDTH], raw[N * WIDTH];
    all_texts(texts);
    ingot_embedder *e = open_embedder(encoder, (ingot_embedder_options){0});
    ingot_embedder_get_info(&info, e);
    assert_true(info.width == WIDTH && info.classes == 0 && info.max_tokens == MOST);
    assert_true(info.pooling == INGOT_POOLING_CLS && info.normalized);
    embed(told, e, texts, N);
    ingot_embedder_close(&e);
    e = open_embedder(encoder, (ingot_embedder_options){.pooling = INGOT_POOLING_CLS});
    embed(cls, e, texts, N);
    ingot_embedder_close(&e);
    e = open_embedder(encoder, (ingot_embedder_options){.pooling = INGOT_POOLING_MEAN});
    embed(mean, e, texts, N);
    ingot_embedder_close(&e);
    e = open_embedder(encoder, (ingot_embedder_options){.not_normalized = true});
    embed(raw, e, texts, N);
    ingot_embedder_close(&e);
    assert_memory_equal(told, cls, sizeof told);
    assert_memory_not_equal(told, mean, sizeof told);
    for (size_t i = 0; i < N; i++) {
        double length = 0, raw_length = 0;
        for (size_t k = 0; k < WIDTH; k++) {
            length += (double)told[i * WIDTH + k] * (double)told[i * WIDTH + k];
            raw_length += (double)raw[i * WIDTH + k] * (double)raw[i * WIDTH + k];
        }
        assert_true(fabs(length - 1) < 1e-6 && fabs(raw_length - 1) > 1e-3);
        for (size_t k = 0; k < WIDTH; k++)
            assert_true(fabs((double)raw[i * WIDTH + k] / sqrt(raw_length) -
                             (double)told[i * WIDTH + k]) < 1e-6);
    }
}

/* A text of 40 words has the vector of its first 18, which is what stays beside [CLS] and [SEP]. */
static void cut_at_the_end(void **state)
{
    (void)state;
    ingot_error err;
    char longer[300] = "", shorter[300] = "";
    for (int i = 0; i < 40; i++) strcat(longer, i % 2 ? "data " : "first ");
    for (int i = 0; i < MOST - 2; i++) strcat(shorter, i % 2 ? "data " : "first ");
    const ingot_str texts[] = {text_of(longer), text_of(shorter)};
    float y[2 * WIDTH];
    size_t cut[2] = {9, 9};
    ingot_embedder *e = open_embedder(encoder, (ingot_embedder_options){0});
    check_ok(ingot_embedder_embed(y, cut, e, texts, 2, &err));
    assert_true(cut[0] == 40 - (MOST - 2) && cut[1] == 0);
    assert_memory_equal(y, y + WIDTH, WIDTH * sizeof *y);
    ingot_embedder_close(&e);
}

/* The score is the logit that the model gives for the ids and segments of the pair. */
static float logit_of(const ingot_str *pair)
{
    ingot_error err;
    ig_tokenizer *t;
    ig_token_work *w;
    ig_ids ids, types;
    const ingot_str bytes = ig_ingot_tokenizer(reranker->file);
    check_ok(ig_tokenizer_open(&t, &heap, bytes.p, bytes.n, &err));
    check_ok(ig_token_work_open(&w, t, &err));
    ig_ids_init(&ids, &heap);
    ig_ids_init(&types, &heap);
    check_ok(ig_encode_pair(&ids, &types, w, pair[0], pair[1], &err));
    int64_t given[3][PAIR_MOST], dims[] = {1, (int64_t)ids.n};
    assert_true(ids.n <= PAIR_MOST);
    for (size_t i = 0; i < ids.n; i++) {
        given[0][i] = ids.v[i];
        given[1][i] = 1;
        given[2][i] = types.v[i];
    }
    ingot_tensor in[3], out = {0};
    for (size_t k = 0; k < 3; k++) in[k] = ingot_view(INGOT_I64, given[k], 2, dims);
    ingot_session *s;
    check_ok(ingot_session_open(&s, reranker, NULL, &err));
    check_ok(ingot_session_run(s, &out, 1, in, 3, &err));
    const float logit = *(const float *)out.data;
    ingot_session_close(&s);
    ig_ids_clear(&ids);
    ig_ids_clear(&types);
    ig_token_work_close(&w);
    ig_tokenizer_close(&t);
    return logit;
}

static void scores_of_pairs(void **state)
{
    (void)state;
    ingot_error err;
    ingot_embedder_info info;
    ingot_str texts[N];
    float scores[N], alone;
    all_texts(texts);
    ingot_embedder *e = open_embedder(reranker, (ingot_embedder_options){0});
    ingot_embedder_get_info(&info, e);
    assert_true(info.width == 0 && info.classes == 1 && info.max_tokens == PAIR_MOST);
    const ingot_str query = text_of("other options");
    check_ok(ingot_embedder_rank(scores, NULL, e, query, texts, N, &err));
    for (size_t i = 0; i < N; i++) {
        check_ok(ingot_embedder_rank(&alone, NULL, e, query, &texts[i], 1, &err));
        assert_true(alone == scores[i]);
        assert_true(logit_of((const ingot_str[]){query, texts[i]}) == scores[i]);
    }
    check_ok(ingot_embedder_rank(&alone, NULL, e, texts[0], &query, 1, &err));
    assert_true(alone != scores[0]); /* which of the two asks counts */
    ingot_embedder_close(&e);
}

/* Of a pair the longer text loses first: lengths of both after the cut, for 10 places. */
static void pairs_share_the_room(void **state)
{
    (void)state;
    static const struct {
        size_t have[2], keep[2];
    } cases[] = {{{3, 4}, {3, 4}}, {{3, 30}, {3, 7}}, {{30, 3}, {7, 3}},
                 {{9, 9}, {5, 5}}, {{5, 6}, {5, 5}},  {{0, 20}, {0, 10}}};
    ingot_error err;
    ig_tokenizer *t;
    ig_token_work *w;
    ig_text_rows r;
    const ingot_str bytes = ig_ingot_tokenizer(reranker->file);
    check_ok(ig_tokenizer_open(&t, &heap, bytes.p, bytes.n, &err));
    check_ok(ig_token_work_open(&w, t, &err));
    ig_text_rows_init(&r, &heap);
    for (size_t i = 0; i < IG_LEN(cases); i++) {
        char text[2][200] = {"", ""};
        for (size_t k = 0; k < 2; k++)
            for (size_t n = 0; n < cases[i].have[k]; n++) strcat(text[k], "data ");
        const ingot_str pair[] = {text_of(text[0]), text_of(text[1])};
        ig_text_rows_reset(&r);
        check_ok(ig_text_rows_add(&r, w, ig_tokenizer_recipe(t), pair, 2, 13, &err));
        size_t of[2] = {0};
        for (size_t k = 0; k < r.rows[0].n; k++) of[r.types.v[k]]++;
        assert_int_equal(of[0], cases[i].keep[0] + 2);
        assert_int_equal(of[1], cases[i].keep[1] + 1);
        assert_int_equal(r.rows[0].cut, cases[i].have[0] + cases[i].have[1] + 3 - r.rows[0].n);
    }
    ig_text_rows_clear(&r);
    ig_token_work_close(&w);
    ig_tokenizer_close(&t);
}

static void refused(ingot_model *m, ingot_embedder_options o, ingot_status status, const char *word)
{
    ingot_error err;
    ingot_embedder *e;
    o.size = sizeof o;
    assert_int_equal(ingot_embedder_open(&e, m, &o, &err), status);
    assert_null(e);
    if (!strstr(err.text, word)) fail_msg("'%s' does not say '%s'", err.text, word);
}

static void refusals(void **state)
{
    (void)state;
    ingot_error err;
    float y[2 * WIDTH];
    const ingot_str texts[] = {text_of("data"), {"\xff", 1}};
    refused(encoder, (ingot_embedder_options){.max_tokens = 21}, INGOT_E_ARG, "at most 20");
    refused(encoder, (ingot_embedder_options){.pooling = (ingot_pooling)9}, INGOT_E_ARG, "9");
    ingot_model *bare = open_model("tests/llm/data/encoder", NULL);
    refused(bare, (ingot_embedder_options){0}, INGOT_E_UNSUPPORTED, "--tokenizer");
    ingot_model_close(&bare);
    ingot_embedder *e = open_embedder(encoder, (ingot_embedder_options){0});
    assert_int_equal(ingot_embedder_embed(y, NULL, e, texts, 2, &err), INGOT_E_DATA);
    assert_non_null(strstr(err.text, "text 1"));
    assert_int_equal(ingot_embedder_rank(y, NULL, e, texts[0], texts, 1, &err),
                     INGOT_E_UNSUPPORTED);
    embed(y, e, texts, 1); /* goes on */
    embed(y, e, texts, 0);
    ingot_embedder_close(&e);
    e = open_embedder(encoder, (ingot_embedder_options){.max_tokens = 2});
    assert_int_equal(ingot_embedder_embed(y, NULL, e, texts, 1, &err), INGOT_E_ARG);
    ingot_embedder_close(&e);
    e = open_embedder(reranker, (ingot_embedder_options){0});
    assert_int_equal(ingot_embedder_embed(y, NULL, e, texts, 1, &err), INGOT_E_UNSUPPORTED);
    ingot_embedder_close(&e);
}

/* ---- failing allocations ---- */

typedef struct {
    bool armed; /* once the model is open */
    size_t count, fail_at;
} faulty;

static void *faulty_alloc(void *ud, void *p, size_t old, size_t now)
{
    faulty *f = ud;
    (void)old;
    if (!now) {
        free(p);
        return NULL;
    }
    return f->armed && ++f->count == f->fail_at ? NULL : aligned_alloc(64, (now + 63) / 64 * 64);
}

static ingot_status whole_life(faulty *f, size_t *live, ingot_error *err)
{
    ingot_runtime *r;
    ingot_model *m;
    ingot_embedder *e = NULL;
    ingot_str texts[N];
    float y[N * WIDTH];
    all_texts(texts);
    const ingot_runtime_options o = {
        .size = sizeof o, .n_threads = 1, .alloc = {.fn = faulty_alloc, .ud = f}};
    if (ingot_runtime_open(&r, &o, err)) fail_msg("%s", err->text);
    if (ingot_model_open_memory(&m, r, encoder->file->bytes, encoder->file->n_bytes, NULL, err))
        fail_msg("%s", err->text);
    const size_t before = ingot_runtime_memory(r).live_bytes;
    f->armed = true;
    ingot_status s = ingot_embedder_open(&e, m, NULL, err);
    if (!s) s = ingot_embedder_embed(y, NULL, e, texts, N, err);
    ingot_embedder_close(&e);
    *live = ingot_runtime_memory(r).live_bytes - before;
    ingot_model_close(&m);
    ingot_runtime_close(&r);
    return s;
}

static void nth_allocation_fails(void **state)
{
    (void)state;
    for (size_t n = 1;; n++) {
        ingot_error err;
        size_t live;
        faulty f = {.fail_at = n};
        const ingot_status s = whole_life(&f, &live, &err);
        assert_int_equal(live, 0);
        if (s != (f.count < n ? INGOT_OK : INGOT_E_NOMEM))
            fail_msg("allocation %zu gave status %d: %s", n, s, err.text);
        if (f.count < n) return;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alone_and_among_others), cmocka_unit_test(as_the_makers_say),
        cmocka_unit_test(cut_at_the_end),         cmocka_unit_test(scores_of_pairs),
        cmocka_unit_test(pairs_share_the_room),   cmocka_unit_test(refusals),
        cmocka_unit_test(nth_allocation_fails)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
