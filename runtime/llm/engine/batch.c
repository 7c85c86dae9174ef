/* batch.c - see batch.h. */
#include "runtime/llm/engine/batch.h"
#include "runtime/base/checked.h"

#include <assert.h>
#include <string.h>

static void *take(ig_heap *heap, size_t n, size_t each)
{
    size_t bytes;
    return ig_mul_ok(n, each, &bytes) ? ig_take0(heap, bytes) : NULL;
}

/* The sizes that steps on a device have: few, and never much more than is needed. */
static size_t padded_size(size_t n)
{
    enum { STEP = 64 };
    static const size_t small[] = {1, 2, 4, 8, 16, 24, 32, 48};
    for (size_t i = 0; i < IG_LEN(small); i++)
        if (n <= small[i]) return small[i];
    return (n + STEP - 1) / STEP * STEP;
}

ingot_status ig_batch_open(ig_batch *b, const ig_lm *lm, const ig_kv_cache *cache, ig_site *site,
                           const ig_exec_options *options, size_t n_ranks, size_t most_tokens,
                           size_t most_spans, size_t most_draws, ingot_error *err)
{
    *b = (ig_batch){
        .lm = lm, .most_tokens = most_tokens, .most_spans = most_spans, .heap = options->heap};
    b->padded = ig_site_is_device(site);
    if (b->padded) b->most_tokens = most_tokens = padded_size(most_tokens);
    b->spans = take(b->heap, most_spans, sizeof *b->spans);
    b->of = take(b->heap, most_spans, sizeof *b->of);
    b->tokens = take(b->heap, most_tokens, 3 * sizeof *b->tokens);
    ingot_status s =
        b->spans && b->of && b->tokens
            ? INGOT_OK
            : ig_fail(err, INGOT_E_NOMEM, "no memory for steps of %zu tokens", most_tokens);
    if (!s) {
        b->positions = b->tokens + most_tokens;
        b->rows = b->positions + most_tokens;
        s = ig_team_open(&b->team, lm->file->graph, cache, site, options, n_ranks, err);
    }
    if (!s && b->padded) {
        b->device = site->parts[0].device;
        s = ig_draws_open(&b->draws, b->heap, &b->device, lm->vocab, most_draws, err);
    }
    if (s) ig_batch_close(b);
    return s;
}

void ig_batch_close(ig_batch *b)
{
    if (!b->heap) return;
    ig_team_close(&b->team);
    ig_draws_close(&b->draws);
    if (b->copied) ig_give(b->heap, b->copied, b->lm->vocab * sizeof *b->copied);
    ig_give(b->heap, b->spans, b->most_spans * sizeof *b->spans);
    ig_give(b->heap, b->of, b->most_spans * sizeof *b->of);
    ig_give(b->heap, b->tokens, b->most_tokens * 3 * sizeof *b->tokens);
    *b = (ig_batch){0};
}

void ig_batch_clear(ig_batch *b)
{
    b->n_tokens = b->n_rows = b->n_spans = 0;
    b->logits = b->there = NULL;
    if (b->draws) ig_draws_clear(b->draws);
}

size_t ig_batch_add(ig_batch *b, const ig_kv_seq *seq, const int32_t *tokens, size_t n,
                    const int32_t *guess, size_t n_guess, size_t n_rows)
{
    const size_t all = n + n_guess, before = ig_kv_length(seq), first = b->n_rows;
    assert(all <= b->most_tokens - b->n_tokens && b->n_spans < b->most_spans && n_rows <= all);
    const size_t at = b->n_spans++;
    b->spans[at] = (ig_kv_span){.row = b->n_tokens, .n = all};
    b->of[at] = seq;
    memcpy(b->tokens + b->n_tokens, tokens, n * sizeof *tokens);
    if (n_guess) memcpy(b->tokens + b->n_tokens + n, guess, n_guess * sizeof *guess);
    for (size_t i = 0; i < all; i++) b->positions[b->n_tokens + i] = (int32_t)(before + i);
    b->n_tokens += all;
    for (size_t i = 0; i < n_rows; i++) b->rows[b->n_rows++] = (int32_t)(b->n_tokens - n_rows + i);
    return first;
}

static ig_tensor ints(int32_t *v, size_t n)
{
    return (ig_tensor){.dtype = INGOT_I32, .rank = 1, .dims = {(int64_t)n}, .data = v};
}

/* Rows of padding are tokens 0 of no sequence; nobody asks for what becomes of them. */
static size_t pad(int32_t *v, size_t n, bool padded)
{
    const size_t all = padded ? padded_size(n) : n;
    memset(v + n, 0, (all - n) * sizeof *v);
    return all;
}

static void set_inputs(ig_batch *b, ig_tensor in[3])
{
    in[b->lm->in_tokens] = ints(b->tokens, pad(b->tokens, b->n_tokens, b->padded));
    in[b->lm->in_positions] = ints(b->positions, pad(b->positions, b->n_tokens, b->padded));
    in[b->lm->in_rows] = ints(b->rows, pad(b->rows, b->n_rows, b->padded));
}

ingot_status ig_batch_check(ig_batch *b, ingot_error *err)
{
    b->n_tokens = b->n_rows = 1;
    ig_tensor in[3];
    set_inputs(b, in);
    ig_batch_clear(b);
    return ig_team_check(b->team, in, err);
}

ingot_status ig_batch_begin(ig_batch *b, ingot_error *err)
{
    ig_tensor in[3], out[1] = {{0}};
    for (size_t i = 0; i < b->n_spans; i++)
        b->spans[i] = ig_kv_span_of(b->of[i], b->spans[i].row, b->spans[i].n);
    set_inputs(b, in);
    IG_TRY(ig_team_run(b->team, out, in, b->spans, b->n_spans, err));
    b->logits = out[0].data;
    b->there = ig_team_output_there(b->team);
    return INGOT_OK;
}

static ingot_status finish(ig_batch *b, ingot_error *err)
{
    ingot_status s = b->there ? ig_draws_run(b->draws, b->there, err) : INGOT_OK;
    ingot_error later;
    const ingot_status waited = ig_team_wait(b->team, s ? &later : err);
    return s ? s : waited;
}

ingot_status ig_batch_end(ig_batch *b, ingot_error *err)
{
    const ingot_status s = finish(b, err);
    const ig_map *map = &b->lm->file->map;
    if (map->data && atomic_load(&map->bad))
        return ig_fail(err, INGOT_E_IO, "%s was cut off while it was in use", map->path);
    return s;
}

ingot_status ig_batch_run(ig_batch *b, ingot_error *err)
{
    IG_TRY(ig_batch_begin(b, err));
    return ig_batch_end(b, err);
}

/* ---- tokens ---- */

void ig_batch_ask(ig_batch *b, size_t row, const ig_sampling *s, const ig_sample_row *from,
                  uint64_t index)
{
    if (b->there) ig_draws_ask(b->draws, row, s, from, index);
}

bool ig_batch_drawn(ig_sampled *out, const ig_batch *b, size_t row, const ig_sampling *s)
{
    return b->there && ig_draws_find(out, b->draws, row, s);
}

ingot_status ig_batch_logits(float *to, const ig_batch *b, size_t first, size_t n, ingot_error *err)
{
    const size_t v = b->lm->vocab, bytes = n * v * sizeof *to;
    const ig_exec_device *d = &b->device;
    if (!b->there) {
        memcpy(to, b->logits + first * v, bytes);
        return INGOT_OK;
    }
    IG_TRY(d->api->copy(d->stream, to, b->there + first * v, bytes, IG_TO_HOST, err));
    return d->api->wait(d->stream, err);
}

static ingot_status row_of(const float **out, ig_batch *b, size_t row, ingot_error *err)
{
    const size_t v = b->lm->vocab;
    if (!b->there) {
        *out = b->logits + row * v;
        return INGOT_OK;
    }
    if (!b->copied) b->copied = take(b->heap, v, sizeof *b->copied);
    if (!b->copied) return ig_fail(err, INGOT_E_NOMEM, "no memory for %zu logits", v);
    *out = b->copied;
    return ig_batch_logits(b->copied, b, row, 1, err);
}

ingot_status ig_batch_draw(ig_sampled *out, ig_batch *b, ig_sample_work *work, size_t row,
                           const ig_sampling *s, const ig_sample_row *from, uint64_t index,
                           ingot_error *err)
{
    ig_sample_row own = *from;
    if (ig_batch_drawn(out, b, row, s)) return INGOT_OK;
    IG_TRY(row_of(&own.logits, b, row, err));
    return ig_sample(out, work, s, &own, index, err);
}
