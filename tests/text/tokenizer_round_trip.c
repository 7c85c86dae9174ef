/* tokenizer_round_trip.c - random texts of all of Unicode come back as they were from tokenizers
 * that do not normalise, and what streams out of a detokenizer is whole characters after every id.
 */
#include "tests/text/shared.h"

#include "formats/tokenizer/import.h"
#include "runtime/base/utf8.h"
#include "runtime/text/detokenize.h"

enum { TEXTS = 3000, MOST_CHARACTERS = 40 };

static ig_heap heap;
static ingot_error err;

static uint32_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* Mostly of a few scripts and signs, else any code point that is a character. */
static uint32_t character(uint64_t *state)
{
    static const uint32_t ranges[][2] = {
        {0x20, 0x7e},   {0xa1, 0x24f},    {0x300, 0x36f},   {0x400, 0x4ff},     {0x5d0, 0x5ea},
        {0x600, 0x6ff}, {0x3040, 0x30ff}, {0x4e00, 0x9fff}, {0x1f300, 0x1faff}, {0x9, 0xa}};
    const uint32_t kind = draw(state) % 12;
    if (kind < 10) return ranges[kind][0] + draw(state) % (ranges[kind][1] - ranges[kind][0] + 1);
    const uint32_t any = draw(state) % 0x10f800;
    return any < 0xd800 ? any + (any == 0) : any + 0x800;
}

static void check_whole(const char *p, size_t n)
{
    uint32_t cp;
    for (size_t i = 0, step; i < n; i += step)
        if (!(step = ig_utf8_next(&cp, p + i, n - i))) fail_msg("byte %zu ends no character", i);
}

static void check_texts(const char *name, const ig_tokenizer *t, ig_token_work *w)
{
    uint64_t state = 7;
    ig_bytes text;
    ig_bytes_init(&text, &heap);
    for (size_t i = 0; i < TEXTS; i++) {
        ig_ids ids;
        ig_detokenizer d;
        ig_ids_init(&ids, &heap);
        ig_detokenizer_init(&d, t, &heap, false);
        text.n = 0;
        for (uint32_t k = 1 + draw(&state) % MOST_CHARACTERS; k > 0; k--) {
            char c[4];
            ig_put(&text, c, ig_utf8_put(c, character(&state)));
        }
        check_ok(ig_encode(&ids, w, (const char *)text.p, text.n, IG_ENCODE_PLAIN, &err));
        for (size_t k = 0; k < ids.n; k++) {
            check_ok(ig_detokenizer_add(&d, ids.v[k], &err));
            check_whole((const char *)d.out.p, d.out.n);
        }
        check_ok(ig_detokenizer_end(&d, &err));
        if (d.out.n != text.n || memcmp(d.out.p, text.p, text.n))
            fail_msg("%s, text %zu: '%.*s' came back as '%.*s'", name, i, (int)text.n,
                     (char *)text.p, (int)d.out.n, (char *)d.out.p);
        ig_detokenizer_clear(&d);
        ig_ids_clear(&ids);
    }
    ig_bytes_clear(&text);
}

static void test_round_trip(void **unused)
{
    static const char *const names[] = {"split_pattern", "byte_fallback"};
    (void)unused;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        size_t n;
        ig_arena arena;
        ig_bytes section;
        ig_recipe r;
        ig_tokenizer *t;
        ig_token_work *w;
        snprintf(path, sizeof path, "tests/text/data/%s.json", names[i]);
        char *json = read_whole(path, &n);
        ig_arena_init(&arena, &heap);
        ig_bytes_init(&section, &heap);
        check_ok(ig_tokenizer_from_json(&r, &arena, json, n, &err));
        check_ok(ig_recipe_write(&section, &r, &err));
        check_ok(ig_tokenizer_open(&t, &heap, section.p, section.n, &err));
        check_ok(ig_token_work_open(&w, t, &err));
        check_texts(names[i], t, w);
        ig_token_work_close(&w);
        ig_tokenizer_close(&t);
        ig_bytes_clear(&section);
        ig_arena_clear(&arena);
        free(json);
        assert_int_equal(heap.live_bytes, 0);
    }
}

int main(void)
{
    ig_heap_init(&heap, NULL);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
