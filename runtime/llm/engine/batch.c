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
                           size_t most_spans, ingot_error *err)
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
    if (s) ig_batch_close(b);
    return s;
}

void ig_batch_close(ig_batch *b)
{
    if (!b->heap) return;
    ig_team_close(&b->team);
    ig_give(b->heap, b->spans, b->most_spans * sizeof *b->spans);
    ig_give(b->heap, b->of, b->most_spans * sizeof *b->of);
    ig_give(b->heap, b->tokens, b->most_tokens * 3 * sizeof *b->tokens);
    *b = (ig_batch){0};
}

void ig_batch_clear(ig_batch *b)
{
    b->n_tokens = b->n_rows = b->n_spans = 0;
    b->logits = NULL;
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

ingot_status ig_batch_run(ig_batch *b, ingot_error *err)
{
    ig_tensor in[3], out[1] = {{0}};
    for (size_t i = 0; i < b->n_spans; i++)
        b->spans[i] = ig_kv_span_of(b->of[i], b->spans[i].row, b->spans[i].n);
    set_inputs(b, in);
    const ingot_status s = ig_team_run(b->team, out, in, b->spans, b->n_spans, err);
    const ig_map *map = &b->lm->file->map;
    if (map->data && atomic_load(&map->bad))
        return ig_fail(err, INGOT_E_IO, "%s was cut off while it was in use", map->path);
    b->logits = out[0].data;
    return s;
}
