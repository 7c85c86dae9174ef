/* play.h - a vocabulary, and documents that random logits write under a grammar. */
#ifndef IG_TESTS_PLAY_H
#define IG_TESTS_PLAY_H

#include "runtime/base/bytes.h"
#include "runtime/base/checked.h"
#include "runtime/llm/grammar/grammar.h"
#include "runtime/llm/sample/sampler.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const play_pieces[] = {
    "{\"",    "\":",    "\", \"",   "\"}",   "\"]",   "[[",   "]]",       "}}",       "},",
    "], ",    ": ",     ", ",       "true",  "false", "null", "tr",       "alse",     "\\n",
    "\\u00",  "\\\"",   "name",     "value", "abc",   "0.",   "123",      "-1",       "e+",
    "\n  ",   "    ",   "ab",       "a1",    "2024",  "-0",   "\xc3\xa9", "\xe6\x9d", "\xb1\xe4",
    "\",\"a", "\": \"", "[{\"a\":", "id",    "x",     "00",   "hello ",   "world",    "\": [",
};

enum { PLAY_BYTES = 256, PLAY_EOS = PLAY_BYTES + IG_LEN(play_pieces), PLAY_VOCAB };

static inline ig_trie *play_trie(ig_heap *heap)
{
    static char bytes[256];
    ingot_str texts[PLAY_VOCAB] = {{0}};
    ingot_error err;
    ig_trie *t;
    for (int i = 0; i < 256; i++) {
        bytes[i] = (char)i;
        texts[i] = (ingot_str){bytes + i, 1};
    }
    for (size_t i = 0; i < IG_LEN(play_pieces); i++)
        texts[256 + i] = (ingot_str){play_pieces[i], strlen(play_pieces[i])};
    const uint32_t eos = PLAY_EOS;
    return ig_trie_open(&t, heap, texts, PLAY_VOCAB, PLAY_VOCAB, &eos, 1, &err) ? NULL : t;
}

static inline ingot_str play_text(uint32_t token)
{
    static char byte;
    if (token >= 256)
        return (ingot_str){play_pieces[token - 256], strlen(play_pieces[token - 256])};
    byte = (char)token;
    return (ingot_str){&byte, 1};
}

/* Random logits; the longer the text, the more they like what closes, and the end. */
static inline void play_logits(float *x, uint64_t seed, uint64_t index, size_t length)
{
    const float close = (float)length * 0.05f;
    for (uint32_t i = 0; i < PLAY_VOCAB; i++) {
        x[i] = (float)ig_draw_uniform(~seed, index << 16 | i) * 4;
        const char c = i == PLAY_EOS ? '}' : *play_text(i).p;
        if (strchr("]}\"", c) && c) x[i] += close;
        if (i >= 0x80 && i < 256) x[i] -= 1;
    }
    x[PLAY_EOS] += 2 + 2 * close;
}

/* One text under the constraint, at most `most` tokens. true: it ended. */
static inline ingot_status play(ig_bytes *text, bool *ended, ig_constraint *c, ig_sample_work *w,
                                uint64_t seed, size_t most, ingot_error *err)
{
    static float x[PLAY_VOCAB];
    const ig_sampling s = {.temperature = 1, .seed = seed};
    ig_constrained *q;
    IG_TRY(ig_constrained_open(&q, c, err));
    ingot_status status = INGOT_OK;
    text->n = 0;
    *ended = false;
    for (size_t i = 0; i < most && !*ended && !status; i++) {
        ig_sampled out = {0};
        ig_sample_row row = {.logits = x};
        play_logits(x, seed, i, text->n);
        status = ig_constrained_mask(&row.mask, q, err);
        if (!status) status = ig_sample(&out, w, &s, &row, i, err);
        if (!status) status = ig_constrained_accept(q, out.token, err);
        *ended = out.token == PLAY_EOS;
        if (!status && !*ended) ig_put(text, play_text(out.token).p, play_text(out.token).n);
    }
    ig_constrained_close(&q);
    return status;
}

#endif
