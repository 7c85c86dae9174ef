/* draws.c - see draws.h. */
#include "runtime/llm/engine/draws.h"
#include "runtime/base/checked.h"

#include <assert.h>
#include <string.h>

enum { WORD = 4, LIST_LEAST = 4096 /* words */, TOPS = IG_TOP_LOGPROBS_MOST };

/* Host memory that the device copies from or to, and its place there. */
typedef struct {
    void *here, *there;
    size_t here_bytes, there_bytes;
} twin;

struct ig_draws {
    ig_heap *heap;
    ig_exec_device device;
    size_t vocab, most;
    size_t n, words, n_tops, n_shaped; /* of the step */
    twin draws;                        /* ig_draw [most] */
    twin list;                         /* words */
    twin drawn;                        /* ig_drawn [most] */
    twin tops;                         /* ig_drawn_top [most * TOPS]; none until they are wanted */
    void *scratch;                     /* of the device */
    size_t scratch_bytes;
    /* what the latest draw has in the list: the next one is often of the same request */
    const ig_logit_bias *bias; /* NULL: none that could be used again */
    uint32_t bias_at;
    uintptr_t before, before_end; /* the tokens' own addresses */
};

/* ---- memory ---- */

static ingot_status grow_here(ig_draws *d, twin *t, size_t bytes, size_t kept, ingot_error *err)
{
    const ig_exec_device *x = &d->device;
    void *p;
    if (bytes <= t->here_bytes) return INGOT_OK;
    bytes = IG_MAX(bytes, 2 * t->here_bytes);
    IG_TRY(x->api->take_pinned(x->device, &p, bytes, err));
    if (kept) memcpy(p, t->here, kept);
    x->api->give_pinned(x->device, t->here);
    t->here = p;
    t->here_bytes = bytes;
    return INGOT_OK;
}

/* No work is under way that uses it: every step is waited for. */
static ingot_status grow_there(ig_draws *d, void **p, size_t *have, size_t bytes, ingot_error *err)
{
    const ig_exec_device *x = &d->device;
    if (bytes <= *have) return INGOT_OK;
    x->api->give(x->device, *p);
    *p = NULL;
    *have = 0;
    IG_TRY(x->api->take(x->device, p, bytes, IG_DEVICE_WORK, err));
    *have = bytes;
    return INGOT_OK;
}

static ingot_status match(ig_draws *d, twin *t, ingot_error *err)
{
    return grow_there(d, &t->there, &t->there_bytes, t->here_bytes, err);
}

static ingot_status open_twin(ig_draws *d, twin *t, size_t n, size_t each, ingot_error *err)
{
    size_t bytes;
    if (!ig_mul_ok(n, each, &bytes))
        return ig_fail(err, INGOT_E_NOMEM, "no memory to draw %zu tokens", n);
    IG_TRY(grow_here(d, t, bytes, 0, err));
    return match(d, t, err);
}

static void close_twin(ig_draws *d, twin *t)
{
    const ig_exec_device *x = &d->device;
    if (t->there) x->api->give(x->device, t->there);
    if (t->here) x->api->give_pinned(x->device, t->here);
}

ingot_status ig_draws_open(ig_draws **out, ig_heap *heap, const ig_exec_device *device,
                           size_t vocab, size_t most, ingot_error *err)
{
    *out = NULL;
    ig_draws *d = ig_take0(heap, sizeof *d);
    if (!d) return ig_fail(err, INGOT_E_NOMEM, "no memory to draw %zu tokens", most);
    d->heap = heap;
    d->device = *device;
    d->vocab = vocab;
    d->most = most;
    ingot_status s = open_twin(d, &d->draws, most, sizeof(ig_draw), err);
    if (!s) s = open_twin(d, &d->drawn, most, sizeof(ig_drawn), err);
    if (!s) s = open_twin(d, &d->list, LIST_LEAST, WORD, err);
    if (s) ig_draws_close(&d);
    *out = d;
    return s;
}

void ig_draws_close(ig_draws **draws)
{
    ig_draws *d = *draws;
    *draws = NULL;
    if (!d) return;
    close_twin(d, &d->draws);
    close_twin(d, &d->list);
    close_twin(d, &d->drawn);
    close_twin(d, &d->tops);
    if (d->scratch) d->device.api->give(d->device.device, d->scratch);
    ig_give(d->heap, d, sizeof *d);
}

/* ---- asking ---- */

void ig_draws_clear(ig_draws *d)
{
    d->n = d->words = d->n_tops = d->n_shaped = 0;
    d->bias = NULL;
    d->before = d->before_end = 0;
}

/* Room for n more words of the list, or NULL. */
static uint32_t *put(ig_draws *d, size_t n)
{
    const size_t have = d->words * WORD;
    if (n > UINT32_MAX - d->words || grow_here(d, &d->list, have + n * WORD, have, NULL))
        return NULL;
    uint32_t *at = (uint32_t *)d->list.here + d->words;
    d->words += n;
    return at;
}

static bool put_bias(ig_draws *d, ig_draw *to, const ig_sampling *s)
{
    if (!s->n_bias) return true;
    if (s->bias == d->bias) {
        to->bias = d->bias_at;
        return true;
    }
    to->bias = d->bias_at = (uint32_t)d->words;
    uint32_t *at = put(d, 2 * s->n_bias);
    if (!at) return false;
    for (size_t i = 0; i < s->n_bias; i++, at += 2) {
        at[0] = s->bias[i].id;
        memcpy(&at[1], &s->bias[i].add, WORD);
    }
    d->bias = s->bias;
    d->before = d->before_end = 0; /* tokens are not the list's end any more */
    return true;
}

static bool put_mask(ig_draws *d, ig_draw *to, const uint64_t *mask)
{
    const size_t words = (d->vocab + 31) / 32;
    if (!mask) return true;
    to->mask = (uint32_t)d->words;
    uint32_t *at = put(d, words);
    if (at) memcpy(at, mask, words * WORD); /* bit by bit the same, low words first */
    d->before = d->before_end = 0;
    return at != NULL;
}

/* The rows of guesses look at the same tokens, and at one more each. */
static bool put_before(ig_draws *d, ig_draw *to, const int32_t *before, size_t n)
{
    if (!n) return true;
    const uintptr_t begin = (uintptr_t)before, end = begin + n * WORD;
    const bool goes_on =
        d->before && begin >= d->before && begin <= d->before_end && end >= d->before_end;
    const size_t known = goes_on ? (d->before_end - begin) / WORD : 0;
    to->before = (uint32_t)(d->words - known);
    uint32_t *at = put(d, n - known);
    if (!at) return false;
    memcpy(at, before + known, (n - known) * WORD);
    if (!goes_on) d->before = begin;
    d->before_end = end;
    return true;
}

void ig_draws_ask(ig_draws *d, size_t row, const ig_sampling *s, const ig_sample_row *from,
                  uint64_t index)
{
    const ig_sample_row seen = ig_sample_looked_at(s, from);
    ig_draw draw = ig_sample_draw_of(s, &seen, index);
    assert(d->n < d->most && (!d->n || ((ig_draw *)d->draws.here)[d->n - 1].row < row));
    if (!put_bias(d, &draw, s) || !put_mask(d, &draw, seen.mask) ||
        !put_before(d, &draw, seen.before, seen.n_before))
        return;
    draw.row = (uint32_t)row;
    draw.tops = (uint32_t)d->n_tops;
    draw.scratch = (uint32_t)d->n_shaped;
    d->n_tops += draw.n_top;
    d->n_shaped += ig_draw_is_shaped(&draw) != 0;
    ((ig_draw *)d->draws.here)[d->n++] = draw;
}

/* ---- drawing ---- */

static ingot_status make_room(ig_draws *d, ingot_error *err)
{
    size_t bytes;
    if (d->n_tops && !d->tops.there)
        IG_TRY(open_twin(d, &d->tops, d->most * TOPS, sizeof(ig_drawn_top), err));
    if (!ig_mul_ok(d->n_shaped, d->vocab * IG_DRAW_SCRATCH, &bytes))
        return ig_fail(err, INGOT_E_NOMEM, "no memory to draw %zu tokens", d->n);
    IG_TRY(grow_there(d, &d->scratch, &d->scratch_bytes, bytes, err));
    return match(d, &d->list, err);
}

static ingot_status copy(const ig_draws *d, const twin *t, size_t bytes, ig_device_way way,
                         ingot_error *err)
{
    const ig_exec_device *x = &d->device;
    const bool up = way == IG_TO_DEVICE;
    if (!bytes) return INGOT_OK;
    return x->api->copy(x->stream, up ? t->there : t->here, up ? t->here : t->there, bytes, way,
                        err);
}

ingot_status ig_draws_run(ig_draws *d, const float *logits, ingot_error *err)
{
    if (!d->n) return INGOT_OK;
    const ingot_status room = make_room(d, err);
    if (room == INGOT_E_NOMEM) {
        ig_draws_clear(d);
        return INGOT_OK;
    }
    IG_TRY(room);
    const ig_draw_args a = {.logits = logits,
                            .draws = d->draws.there,
                            .list = d->list.there,
                            .drawn = d->drawn.there,
                            .tops = d->tops.there,
                            .scratch = d->scratch,
                            .n = (int)d->n,
                            .vocab = (int)d->vocab};
    IG_TRY(copy(d, &d->draws, d->n * sizeof(ig_draw), IG_TO_DEVICE, err));
    IG_TRY(copy(d, &d->list, d->words * WORD, IG_TO_DEVICE, err));
    IG_TRY(d->device.api->draw(d->device.stream, &a, err));
    IG_TRY(copy(d, &d->drawn, d->n * sizeof(ig_drawn), IG_TO_HOST, err));
    return copy(d, &d->tops, d->n_tops * sizeof(ig_drawn_top), IG_TO_HOST, err);
}

bool ig_draws_find(ig_sampled *out, const ig_draws *d, size_t row, const ig_sampling *s)
{
    const ig_draw *draws = d->draws.here;
    size_t low = 0, high = d->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (draws[middle].row < row)
            low = middle + 1;
        else
            high = middle;
    }
    const ig_drawn *drawn = (const ig_drawn *)d->drawn.here + low;
    if (low == d->n || draws[low].row != row || drawn->status != IG_DRAW_OK) return false;
    ig_sample_of_drawn(out, s, drawn, (const ig_drawn_top *)d->tops.here + draws[low].tops);
    return true;
}
