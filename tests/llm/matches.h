/* matches.h - is a text in a grammar? */
#ifndef IG_TESTS_MATCHES_H
#define IG_TESTS_MATCHES_H

#include "tests/check.h"
#include "runtime/llm/grammar/states.h"

#define TEXTS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Byte by byte. */
static inline bool matches(ig_grammar *g, ig_heap *heap, const char *text)
{
    ig_states s;
    ingot_error err;
    uint32_t state = IG_STATE_FIRST;
    check_ok(ig_states_init(&s, heap, g, &err));
    for (; *text && state != IG_STATE_DEAD; text++)
        state = ig_states_step(&s, state, g->classes[(unsigned char)*text]);
    assert_int_equal(s.status, INGOT_OK);
    const bool yes = ig_states_may_end(&s, state);
    ig_states_clear(&s);
    return yes;
}

/* Takes the grammar, which was made from `source`: all of `in` are in it, none of `out` is. */
static inline void check_matches(ig_grammar *g, ig_heap *heap, const char *source,
                                 const char *const *in, const char *const *out)
{
    for (; *in; in++)
        if (!matches(g, heap, *in)) fail_msg("%s: refuses %s", source, *in);
    for (; *out; out++)
        if (matches(g, heap, *out)) fail_msg("%s: takes %s", source, *out);
    ig_grammar_close(&g);
}

#endif
