/* llm_stop.c - stop strings: against a search of the whole text, fed in pieces of every size. */
#include "tests/check.h"
#include "runtime/base/checked.h"
#include "runtime/base/utf8.h"
#include "runtime/llm/sample/stop.h"

#include <stdlib.h>
#include <string.h>

static ingot_error err;
static ig_heap heap;

static ingot_str str(const char *s) { return (ingot_str){s, strlen(s)}; }

/* Where the first stop string to end ends; of those, the longest. false: none. */
static bool search(size_t *begin, size_t *which, const char *text, const ingot_str *stops, size_t n)
{
    const size_t len = strlen(text);
    for (size_t end = 1; end <= len; end++) {
        size_t best = 0;
        for (size_t i = 0; i < n; i++)
            if (stops[i].n <= end && stops[i].n > best &&
                !memcmp(text + end - stops[i].n, stops[i].p, stops[i].n))
                best = stops[i].n, *which = i;
        if (!best) continue;
        *begin = end - best;
        return true;
    }
    return false;
}

static void feed(const char *text, const ingot_str *stops, size_t n, size_t chunk)
{
    ig_stops *s;
    ig_bytes out;
    ig_stop_state state = {0};
    size_t begin = strlen(text), which = 0;
    const bool stopped = search(&begin, &which, text, stops, n);
    ig_bytes_init(&out, &heap);
    check_ok(ig_stops_open(&s, &heap, stops, n, &err));
    for (size_t at = 0, len = strlen(text); at < len; at += chunk) {
        ig_stop_feed(s, &state, text + at, IG_MIN(chunk, len - at), &out);
        assert_true(out.n <= begin); /* never too much */
        assert_memory_equal(out.p ? (char *)out.p : "", text, out.n);
    }
    ig_stop_end(s, &state, &out);
    assert_int_equal(out.n, begin);
    assert_int_equal(state.stopped, stopped);
    if (stopped) assert_int_equal(state.which, which);
    ig_stops_close(&s);
    ig_bytes_clear(&out);
}

static void known_texts(void **state)
{
    (void)state;
    const ingot_str stops[] = {str("</s>"), str("\n\n"), str("<|end|>"), str("nd"), str("User:")};
    static const char *const texts[] = {
        "",      "hello", "a</s>b", "a<</s>",        "x<|en|>y<|end|>",
        "\n",    "\n \n", "\n\n\n", "abc Use User:", "User: first",
        "<|end", "an",    "<|<|e|", "and",
    };
    for (size_t i = 0; i < IG_LEN(texts); i++)
        for (size_t chunk = 1; chunk < 9; chunk++) feed(texts[i], stops, IG_LEN(stops), chunk);
}

static void random_texts(void **state)
{
    (void)state;
    srand(5);
    for (int round = 0; round < 20000; round++) {
        char text[40], stop[4][8];
        ingot_str stops[4];
        const size_t len = (size_t)(rand() % 39);
        size_t n = (size_t)(rand() % 4 + 1);
        for (size_t i = 0; i < len; i++) text[i] = (char)('a' + rand() % 2);
        text[len] = 0;
        for (size_t i = 0; i < n; i++) {
            const size_t m = (size_t)(rand() % 6 + 1);
            for (size_t k = 0; k < m; k++) stop[i][k] = (char)('a' + rand() % 2);
            stops[i] = (ingot_str){stop[i], m};
        }
        for (size_t i = 0; i < n; i++) /* of equal ones the first is named: leave one */
            for (size_t k = i + 1; k < n; k++)
                if (stops[i].n == stops[k].n && !memcmp(stop[i], stop[k], stops[i].n))
                    stops[k--] = stops[--n];
        feed(text, stops, n, (size_t)(rand() % 5 + 1));
    }
}

/* What is out is whole characters, also where a stop string shares a character's first bytes. */
static void characters_stay_whole(void **state)
{
    (void)state;
    const ingot_str stops[] = {str("\xc3\xa9nd"), str("\xf0\x9f\x98\x80!")};
    static const char *const pieces[] = {"\xc3\xa8",         "\xc3\xa9",         "n",
                                         "\xf0\x9f\x98\x81", "\xf0\x9f\x98\x80", "?"};
    ig_stops *s;
    ig_bytes out;
    ig_stop_state at = {0};
    ig_bytes_init(&out, &heap);
    check_ok(ig_stops_open(&s, &heap, stops, 2, &err));
    for (size_t i = 0; i < IG_LEN(pieces); i++) {
        ig_stop_feed(s, &at, pieces[i], strlen(pieces[i]), &out);
        uint32_t c;
        for (size_t k = 0, size; k < out.n; k += size) {
            size = ig_utf8_next(&c, (char *)out.p + k, out.n - k);
            assert_true(size > 0);
        }
    }
    assert_int_equal(out.n, 14);
    ig_stops_close(&s);
    ig_bytes_clear(&out);
}

static void refusals(void **state)
{
    (void)state;
    ig_stops *s;
    char *large = calloc(1, IG_STOP_BYTES_MOST + 2);
    memset(large, 'x', IG_STOP_BYTES_MOST + 1);
    const ingot_str empty = str(""), broken = str("ab\xff"), long_one = str(large);
    assert_int_equal(ig_stops_open(&s, &heap, &empty, 1, &err), INGOT_E_ARG);
    assert_int_equal(ig_stops_open(&s, &heap, &broken, 1, &err), INGOT_E_ARG);
    assert_non_null(strstr(err.text, "byte 2"));
    assert_int_equal(ig_stops_open(&s, &heap, &long_one, 1, &err), INGOT_E_ARG);
    assert_int_equal(ig_stops_open(&s, &heap, &empty, 257, &err), INGOT_E_ARG);
    assert_null(s);
    free(large);
    assert_int_equal(atomic_load(&heap.live_bytes), 0);
}

static int setup(void **state)
{
    (void)state;
    ig_heap_init(&heap, NULL);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_texts),
        cmocka_unit_test(random_texts),
        cmocka_unit_test(characters_stay_whole),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
