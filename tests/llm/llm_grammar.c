/* llm_grammar.c - GBNF: texts that are and are not in a grammar, masks against trying every token,
 * taking back, many sequences, errors with their places, and grammars made to explode. */
#include "tests/check.h"
#include "tests/llm/matches.h"
#include "tests/llm/play.h"

#include <time.h>
#include "runtime/base/utf8.h"

#include <stdlib.h>

static ingot_error err;
static ig_heap heap;
static ig_trie *trie;

static ig_grammar *compile(const char *text)
{
    ig_grammar *g = NULL;
    check_ok(ig_grammar_from_gbnf(&g, &heap, text, strlen(text), &err));
    return g;
}

static void check_texts(const char *grammar, const char *const *in, const char *const *out)
{
    check_matches(compile(grammar), &heap, grammar, in, out);
}

static void texts_in_and_out(void **state)
{
    (void)state;
    check_texts("root ::= \"yes\" | \"no\"", TEXTS("yes", "no"), TEXTS("", "y", "yesno", "maybe"));
    check_texts("root ::= [0-9]+ (\".\" [0-9]{1,3})?", TEXTS("0", "12.5", "7.123"),
                TEXTS("", ".", "1.", "1.1234", "a"));
    check_texts("root ::= \"a\"* b\nb ::= \"b\" | \"\"", TEXTS("", "a", "aab", "b"), TEXTS("ba"));
    check_texts("root ::= \"(\" root \")\" root | \"\"", TEXTS("", "()", "(())()"),
                TEXTS("(", ")(", "(()"));
    check_texts("root ::= x{2,3} y{,2} z{1,}\nx ::= \"x\"\ny ::= \"y\"\nz ::= \"z\"",
                TEXTS("xxz", "xxxyyzzzz"), TEXTS("xz", "xxxxz", "xxyyyz", "xx"));
    check_texts("root ::= [^a-c\\]\\n]{2}", TEXTS("de", "\xc3\xa9x", "\xf0\x9f\x98\x80z"),
                TEXTS("a", "dd\n", "\n\n", "]]", "ab", "\xc3", "\xc3\xa9"));
    check_texts("root ::= .", TEXTS("a", "\n", "\xc3\xa9", "\xf4\x8f\xbf\xbf"),
                TEXTS("", "ab", "\xff", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80"));
    check_texts("root ::= [\\u00e9-\\u4e2d]", TEXTS("\xc3\xa9", "\xe4\xb8\xad", "\xe0\xa4\x84"),
                TEXTS("\xc3\xa8", "\xe4\xb8\xae", "e"));
    check_texts("# a comment\nroot ::= # another\n  \"a\" |\n  \"b\" # end\n", TEXTS("a", "b"),
                TEXTS("ab"));
    check_texts("root ::= \"\\x41\\u0042\\t\\\"\"", TEXTS("AB\t\""), TEXTS("AB"));
    check_texts("root ::= (\"a\"?)* \"b\"", TEXTS("b", "aab"), TEXTS("a"));
    check_texts("root ::= a a\na ::= (\"x\" a | \"y\")", TEXTS("yy", "xxyxy"), TEXTS("y", "xyx"));
}

static void every_character_of_a_set(void **state)
{
    (void)state;
    ig_grammar *g = compile("root ::= [\\u0070-\\u0810\\uff00-\\U00010050]");
    for (uint32_t c = 0x60; c < 0x10100; c += c < 0x900 || c > 0xfe00 ? 1 : 97) {
        char text[5] = {0};
        if (!ig_utf8_is_scalar(c)) continue;
        ig_utf8_put(text, c);
        const bool want = (c >= 0x70 && c <= 0x810) || (c >= 0xff00 && c <= 0x10050);
        if (matches(g, &heap, text) != want) fail_msg("U+%04X", c);
    }
    ig_grammar_close(&g);
}

/* ---- masks ---- */

static const char arithmetic[] = "root ::= (expr \"=\" ws term \"\\n\")+\n"
                                 "expr ::= term ([-+*/] term)*\n"
                                 "term ::= ident | num | \"(\" ws expr \")\" ws\n"
                                 "ident ::= [a-z] [a-z0-9_]* ws\n"
                                 "num ::= [0-9]+ ws\n"
                                 "ws ::= [ \\t\\n]*\n";

static bool bit(const uint64_t *mask, uint32_t id) { return mask[id / 64] >> id % 64 & 1; }

/* A token is in the mask exactly where accepting it works, and taking it back leaves no trace. */
static void masks_are_what_is_accepted(void **state)
{
    (void)state;
    ig_grammar *g = compile(arithmetic);
    ig_constraint *c;
    ig_constrained *q, *copy;
    check_ok(ig_constraint_open(&c, &heap, g, trie, &err));
    check_ok(ig_constrained_open(&q, c, &err));
    srand(1);
    for (int step = 0; step < 60; step++) {
        static uint64_t before[(PLAY_VOCAB + 63) / 64];
        const uint64_t *mask;
        uint32_t allowed[PLAY_VOCAB];
        size_t n = 0;
        check_ok(ig_constrained_mask(&mask, q, &err));
        memcpy(before, mask, sizeof before);
        for (uint32_t id = 0; id < PLAY_VOCAB; id++) {
            const bool taken = ig_constrained_accept(q, id, &err) == INGOT_OK;
            assert_int_equal(taken, bit(before, id));
            if (taken) ig_constrained_rollback(q, 1);
            if (taken && id != PLAY_EOS) allowed[n++] = id;
        }
        check_ok(ig_constrained_mask(&mask, q, &err));
        assert_memory_equal(mask, before, sizeof before);
        check_ok(ig_constrained_clone(&copy, q, &err));
        check_ok(ig_constrained_accept(q, allowed[(size_t)rand() % n], &err));
        check_ok(ig_constrained_mask(&mask, copy, &err));
        assert_memory_equal(mask, before, sizeof before);
        ig_constrained_close(&copy);
    }
    ig_constrained_close(&q);
    ig_constraint_close(&c);
    ig_grammar_close(&g);
}

static void the_end(void **state)
{
    (void)state;
    ig_grammar *g = compile("root ::= \"ab\" \"c\"?");
    ig_constraint *c;
    ig_constrained *q;
    const uint64_t *mask;
    check_ok(ig_constraint_open(&c, &heap, g, trie, &err));
    check_ok(ig_constrained_open(&q, c, &err));
    assert_int_equal(ig_constrained_accept(q, PLAY_EOS, &err), INGOT_E_ARG);
    check_ok(ig_constrained_accept(q, 'a', &err));
    assert_false(ig_constrained_may_end(q));
    check_ok(ig_constrained_accept(q, 'b', &err));
    assert_true(ig_constrained_may_end(q));
    assert_false(ig_constrained_ended(q));
    check_ok(ig_constrained_mask(&mask, q, &err));
    assert_true(bit(mask, PLAY_EOS) && bit(mask, 'c') && !bit(mask, 'b'));
    check_ok(ig_constrained_accept(q, 'c', &err));
    assert_true(ig_constrained_ended(q));
    ig_constrained_rollback(q, 1);
    check_ok(ig_constrained_accept(q, PLAY_EOS, &err));
    assert_true(ig_constrained_ended(q));
    assert_int_equal(ig_constrained_accept(q, 'c', &err), INGOT_E_ARG);
    ig_constrained_close(&q);
    ig_constraint_close(&c);
    ig_grammar_close(&g);
}

static void texts_end_and_match(void **state)
{
    (void)state;
    ig_grammar *g = compile(arithmetic);
    ig_constraint *c;
    ig_sample_work *w;
    ig_bytes text, again;
    size_t n_ended = 0;
    ig_bytes_init(&text, &heap);
    ig_bytes_init(&again, &heap);
    check_ok(ig_sample_work_open(&w, &heap, PLAY_VOCAB, &err));
    check_ok(ig_constraint_open(&c, &heap, g, trie, &err));
    for (uint64_t seed = 0; seed < 40; seed++) {
        bool ended = false, ended_again = false;
        check_ok(play(&text, &ended, c, w, seed, 300, &err));
        check_ok(play(&again, &ended_again, c, w, seed, 300, &err));
        assert_int_equal(text.n, again.n);
        assert_memory_equal(text.p, again.p, text.n);
        ig_put_u8(&text, 0);
        if (ended) assert_true(matches(g, &heap, (const char *)text.p));
        n_ended += ended;
    }
    assert_true(n_ended > 20);
    ig_bytes_clear(&text);
    ig_bytes_clear(&again);
    ig_sample_work_close(&w);
    ig_constraint_close(&c);
    ig_grammar_close(&g);
}

/* ---- refusals ---- */

static void refuse(const char *text, ingot_status status, const char *says)
{
    ig_grammar *g;
    const clock_t from = clock(); /* of this process: others may be busy */
    const ingot_status s = ig_grammar_from_gbnf(&g, &heap, text, strlen(text), &err);
    if (s != status) fail_msg("%.60s: status %d, %s", text, s, s ? err.text : "taken");
    if (!strstr(err.text, says)) fail_msg("%.60s: %s", text, err.text);
    assert_null(g);
    assert_true(clock() - from < 10 * CLOCKS_PER_SEC);
}

static void errors_have_places(void **state)
{
    (void)state;
    refuse("", INGOT_E_DATA, "no rule `root`");
    refuse("a ::= \"x\"", INGOT_E_DATA, "no rule `root`");
    refuse("root ::= \"a\n", INGOT_E_DATA, "line 1, column 10: a text without");
    refuse("root ::= \"a\" |\n  [a-", INGOT_E_DATA, "line 2, column 3: a set without");
    refuse("root ::= (\"a\"", INGOT_E_DATA, "column 10: a group without");
    refuse("root ::= \"a\")", INGOT_E_DATA, "column 13: a `)`");
    refuse("root ::= b", INGOT_E_DATA, "column 10: rule `b` is not defined");
    refuse("root ::= \"a\"\nroot ::= \"b\"", INGOT_E_DATA,
           "line 2, column 1: rule `root` is defined");
    refuse("root = \"a\"", INGOT_E_DATA, "expected `::=`");
    refuse("root ::= \"\\q\"", INGOT_E_DATA, "unknown escape");
    refuse("root ::= \"\\uD800\"", INGOT_E_DATA, "no character");
    refuse("root ::= [z-a]", INGOT_E_DATA, "backwards");
    refuse("root ::= \"a\"{3,2}", INGOT_E_DATA, "least is above");
    refuse("root ::= \"a\"{x}", INGOT_E_DATA, "a repetition is");
    refuse("root ::= \xff", INGOT_E_DATA, "not UTF-8");
    refuse("root ::= root \"a\" | \"b\"", INGOT_E_DATA, "left-recursive");
    refuse("root ::= a\na ::= \"x\"? b\nb ::= a \"y\" | \"z\"", INGOT_E_DATA, "left-recursive");
    refuse("root ::= (\"a\"? root)*", INGOT_E_DATA, "left-recursive");
    refuse("root ::= \"a\" root", INGOT_E_DATA, "`root` can never end");
    refuse("root ::= \"a\" | b\nb ::= \"b\" b", INGOT_E_DATA,
           "line 2, column 1: rule `b` can never");
    refuse("root ::= []", INGOT_E_DATA, "can never end");
}

static char *repeated(const char *unit, size_t n, const char *before, const char *after)
{
    const size_t size = strlen(unit);
    char *text = malloc(strlen(before) + n * size + strlen(after) + 1), *p = text;
    p = stpcpy(p, before);
    for (size_t i = 0; i < n; i++) p = stpcpy(p, unit);
    stpcpy(p, after);
    return text;
}

static void explosions(void **state)
{
    (void)state;
    refuse("root ::= \"a\"{1000000000}", INGOT_E_FULL, "repeating {1000000000");
    refuse("root ::= ((\"a\"{1000}){1000}){1000} \"b\"{2000000}", INGOT_E_FULL, "too large");
    refuse("root ::= \"a\"{4294967296}", INGOT_E_DATA, "too large");
    char *deep = repeated("(", 200000, "root ::= ", "");
    refuse(deep, INGOT_E_DATA, "nested too deeply");
    free(deep);
    char *vast = repeated(" ", 2 << 20, "root ::= ", "\"b\"");
    refuse(vast, INGOT_E_FULL, "bytes");
    free(vast);
}

/* Ten thousand rules in the order that is worst for a fixed point. */
static void long_chains(void **state)
{
    (void)state;
    enum { N = 10000 };
    char *text = malloc(N * 40 + 100), *p = text;
    p += sprintf(p, "root ::= r0\n");
    for (int i = 0; i < N; i++) p += sprintf(p, "r%d ::= r%d | \"%d\"\n", i, i + 1, i);
    sprintf(p, "r%d ::= \"end\"\n", N);
    ig_grammar *g;
    const ingot_status s = ig_grammar_from_gbnf(&g, &heap, text, strlen(text), &err);
    assert_true(s == INGOT_OK || s == INGOT_E_FULL);
    ig_grammar_close(&g);
    free(text);
}

/* Ambiguity that grows with the text: a clear error, in bounded time, and the constraint goes on.
 */
static void ambiguous_grammars_stop(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "root ::= ((\"a\"?){100}){100}",
        "root ::= (\"a\" root?){1,50} | (\"a\"* root?){1,9} \"b\" ",
        "root ::= (\"a\" | \"ab\" | \"abc\"){0,20000}",
        "root ::= a{40}\na ::= (\"a\" | \"aa\" | \"aaa\" a?){0,40}",
    };
    for (size_t i = 0; i < IG_LEN(texts); i++) {
        ig_grammar *g;
        ig_constraint *c;
        ig_constrained *q;
        const uint64_t *mask;
        if (ig_grammar_from_gbnf(&g, &heap, texts[i], strlen(texts[i]), &err)) continue;
        const clock_t from = clock(); /* of this process: others may be busy */
        if (ig_constraint_open(&c, &heap, g, trie, &err)) {
            ig_grammar_close(&g);
            continue;
        }
        check_ok(ig_constrained_open(&q, c, &err));
        ingot_status s = INGOT_OK;
        for (int k = 0; k < 30 && !s; k++) {
            s = ig_constrained_mask(&mask, q, &err);
            if (!s) s = ig_constrained_accept(q, 'a', &err);
        }
        assert_true(s == INGOT_OK || s == INGOT_E_FULL || s == INGOT_E_ARG);
        assert_true(clock() - from < 20 * CLOCKS_PER_SEC);
        ig_constrained_close(&q);
        ig_constraint_close(&c);
        ig_grammar_close(&g);
    }
}

static int setup(void **state)
{
    (void)state;
    ig_heap_init(&heap, NULL);
    trie = play_trie(&heap);
    return trie == NULL;
}

static int teardown(void **state)
{
    (void)state;
    ig_trie_close(&trie);
    return atomic_load(&heap.live_bytes) != 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_in_and_out),
        cmocka_unit_test(every_character_of_a_set),
        cmocka_unit_test(masks_are_what_is_accepted),
        cmocka_unit_test(the_end),
        cmocka_unit_test(texts_end_and_match),
        cmocka_unit_test(errors_have_places),
        cmocka_unit_test(explosions),
        cmocka_unit_test(long_chains),
        cmocka_unit_test(ambiguous_grammars_stop),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
