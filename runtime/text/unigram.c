/* unigram.c - the segmentation with the largest sum of log probabilities, by Viterbi's algorithm
 * over byte positions (Kudo 2018). */
#include "runtime/text/model.h"
#include "runtime/base/checked.h"
#include "runtime/base/utf8.h"

static const double UNKNOWN_PENALTY = 10; /* below the worst piece */

typedef struct { /* the best way to reach a position */
    double score;
    uint32_t back; /* bytes of the last piece; 0: not reached */
    uint32_t id;   /* of the last piece; UINT32_MAX: unknown */
} node;

static double sum(const ig_lexicon *x, double a, double b)
{
    return x->recipe.flags & IG_TOK_SINGLE ? (double)((float)a + (float)b) : a + b;
}

/* User-defined pieces win: a score above that of any other way over the same bytes. */
static double score_of(const ig_lexicon *x, uint32_t id, size_t bytes)
{
    if (x->kinds[id] == IG_PIECE_USER) return (double)bytes * x->best - 0.1;
    return (double)x->scores[id];
}

static void reach(node *to, double score, uint32_t back, uint32_t id)
{
    if (!to->back || score > to->score) *to = (node){score, back, id};
}

static void spread(node *nodes, size_t at, const ig_lexicon *x, const char *p, size_t n)
{
    uint32_t c;
    size_t size = ig_utf8_next(&c, p + at, n - at);
    size += !size;
    bool has_char = false;
    uint64_t h = IG_PIECE_HASH_0;
    const size_t most = IG_MIN((size_t)x->longest, n - at);
    for (size_t i = 0; i < most; i++) {
        h = ig_piece_hash(h, (unsigned char)p[at + i]);
        if (at + i + 1 < n && (p[at + i + 1] & 0xc0) == 0x80) continue;
        const uint32_t id = ig_lexicon_find_hashed(x, p + at, i + 1, h);
        if (id == UINT32_MAX || x->kinds[id] == IG_PIECE_UNUSED) continue;
        reach(&nodes[at + i + 1], sum(x, nodes[at].score, score_of(x, id, i + 1)), (uint32_t)i + 1,
              id);
        has_char |= i + 1 == size;
    }
    if (!has_char)
        reach(&nodes[at + size], sum(x, nodes[at].score, sum(x, x->worst, -UNKNOWN_PENALTY)),
              (uint32_t)size, UINT32_MAX);
}

/* From the end back, then forward: the links are turned round in place. */
static void collect(ig_ids *out, node *nodes, const ig_lexicon *x, const char *p, size_t n)
{
    uint32_t ahead = 0;
    for (size_t at = n; at;) {
        const uint32_t back = nodes[at].back;
        nodes[at].back = ahead;
        ahead = back;
        at -= back;
    }
    bool was_unknown = false;
    for (size_t at = 0, step = ahead; at < n;) {
        const node *to = &nodes[at + step];
        if (to->id == UINT32_MAX)
            ig_model_unknown(out, x, p + at, step, &was_unknown);
        else {
            ig_ids_add(out, to->id);
            was_unknown = false;
        }
        at += step;
        step = to->back;
    }
}

ingot_status ig_unigram_encode(ig_ids *out, const ig_lexicon *x, ig_model_work *w, const char *p,
                               size_t n, ingot_error *err)
{
    node *nodes = n < UINT32_MAX ? ig_model_scratch(w, n + 1, sizeof *nodes) : NULL;
    if (!nodes) return ig_fail(err, INGOT_E_NOMEM, "tokenizer: a text of %zu bytes is too long", n);
    memset(nodes, 0, (n + 1) * sizeof *nodes);
    for (size_t at = 0; at < n; at++)
        if (at == 0 || nodes[at].back) spread(nodes, at, x, p, n);
    collect(out, nodes, x, p, n);
    return INGOT_OK;
}
