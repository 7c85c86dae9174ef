/* encoder_run.c - see encoder_run.h. */
#include "runtime/llm/embed/encoder_run.h"
#include "runtime/base/checked.h"

#include <stdlib.h>
#include <string.h>

enum { IDS, MASK, TYPES };
static const char *const names[IG_ENCODER_INPUTS] = {"input_ids", "attention_mask",
                                                     "token_type_ids"};

/* ---- what the graph takes and gives ---- */

static bool is_numbers(const ig_type *t)
{
    return t->kind == IG_TENSOR && t->rank == 2 && (t->dtype == INGOT_I64 || t->dtype == INGOT_I32);
}

static ingot_status find_inputs(ig_encoder_run *x, ingot_error *err)
{
    for (size_t k = 0; k < IG_ENCODER_INPUTS; k++) x->at[k] = SIZE_MAX;
    for (size_t i = 0; i < x->g->n_inputs; i++) {
        const ig_value *v = &x->g->values[x->g->inputs[i]];
        size_t k = 0;
        while (k < IG_ENCODER_INPUTS && strcmp(v->name, names[k])) k++;
        if (k < IG_ENCODER_INPUTS && is_numbers(&v->type))
            x->at[k] = i;
        else if (!v->type.optional)
            return ig_fail(err, INGOT_E_UNSUPPORTED,
                           "the model's input '%.60s' is none of a text encoder (input_ids, "
                           "attention_mask and token_type_ids, integers [batch, seq])",
                           v->name);
    }
    return x->at[IDS] != SIZE_MAX
               ? INGOT_OK
               : ig_fail(err, INGOT_E_UNSUPPORTED,
                         "the model has no input 'input_ids': it is no text encoder");
}

static bool fits(const ig_value *v, int rank)
{
    const ig_type *t = &v->type;
    return t->kind == IG_TENSOR && t->dtype == INGOT_F32 && t->rank == rank &&
           t->dims[rank - 1] > 0;
}

/* How good an output is to read, and what it is; 0: not at all. A pooler's vector counts where
 * there is nothing better. */
static int worth(const ig_value *v, ig_encoder_gives *gives)
{
    const bool logits = !strcmp(v->name, "logits");
    *gives = logits ? IG_GIVES_CLASSES : fits(v, 3) ? IG_GIVES_TOKENS : IG_GIVES_TEXTS;
    if (logits) return fits(v, 2) ? 4 : 0;
    if (fits(v, 3)) return 2;
    if (!fits(v, 2)) return 0;
    return strcmp(v->name, "sentence_embedding") ? 1 : 3;
}

static ingot_status find_output(ig_encoder_run *x, ingot_error *err)
{
    int best = 0;
    for (size_t i = 0; i < x->g->n_outputs; i++) {
        const ig_value *v = &x->g->values[x->g->outputs[i]];
        ig_encoder_gives gives;
        const int now = worth(v, &gives);
        if (now <= best) continue;
        best = now;
        x->gives = gives;
        x->out = i;
        x->width = (size_t)v->type.dims[v->type.rank - 1];
    }
    return best ? INGOT_OK
                : ig_fail(err, INGOT_E_UNSUPPORTED,
                          "the model gives neither vectors of tokens [batch, seq, width] nor of "
                          "texts [batch, width], nor logits [batch, classes]");
}

ingot_status ig_encoder_run_open(ig_encoder_run *x, const ig_graph *g, const ig_exec_options *exec,
                                 ingot_error *err)
{
    *x = (ig_encoder_run){.heap = exec->heap, .g = g, .batch_tokens = 1};
    IG_TRY(find_inputs(x, err));
    IG_TRY(find_output(x, err));
    x->in = ig_take0(x->heap, g->n_inputs * sizeof *x->in);
    x->results = ig_take0(x->heap, g->n_outputs * sizeof *x->results);
    const ingot_status s = x->in && x->results
                               ? ig_exec_open(&x->exec, g, exec, err)
                               : ig_fail(err, INGOT_E_NOMEM, "no memory to run an encoder");
    if (s) ig_encoder_run_close(x);
    return s;
}

void ig_encoder_run_close(ig_encoder_run *x)
{
    if (!x->heap) return;
    if (x->exec) ig_exec_close(&x->exec);
    ig_give(x->heap, x->in, x->g->n_inputs * sizeof *x->in);
    ig_give(x->heap, x->results, x->g->n_outputs * sizeof *x->results);
    ig_give(x->heap, x->fed, x->fed_bytes);
    *x = (ig_encoder_run){0};
}

/* ---- a run ---- */

typedef struct {
    size_t row, n;
} place;

static int longest_first(const void *a, const void *b)
{
    const place *x = a, *y = b;
    if (x->n != y->n) return x->n < y->n ? 1 : -1;
    return x->row < y->row ? -1 : 1;
}

static ingot_status make_room(ig_encoder_run *x, size_t cells, ingot_error *err)
{
    size_t bytes;
    if (!ig_mul_ok(cells, IG_ENCODER_INPUTS * sizeof *x->fed, &bytes)) bytes = SIZE_MAX;
    if (bytes <= x->fed_bytes) return INGOT_OK;
    ig_give(x->heap, x->fed, x->fed_bytes);
    x->fed_bytes = 0;
    x->fed = ig_take(x->heap, bytes);
    if (!x->fed) return ig_fail(err, INGOT_E_NOMEM, "no memory for %zu tokens", cells);
    x->fed_bytes = bytes;
    return INGOT_OK;
}

static void put(void *to, ingot_dtype dtype, size_t i, int64_t v)
{
    if (dtype == INGOT_I64)
        ((int64_t *)to)[i] = v;
    else
        ((int32_t *)to)[i] = (int32_t)v;
}

/* The inputs of rows places[0, n), padded to the longest. */
static void feed(ig_encoder_run *x, const ig_text_rows *rows, const place *places, size_t n)
{
    const size_t longest = places[0].n;
    for (size_t i = 0; i < x->g->n_inputs; i++) x->in[i] = (ig_tensor){.absent = true};
    for (size_t k = 0; k < IG_ENCODER_INPUTS; k++) {
        if (x->at[k] == SIZE_MAX) continue;
        const ingot_dtype dtype = x->g->values[x->g->inputs[x->at[k]]].type.dtype;
        int64_t *to = x->fed + k * n * longest;
        x->in[x->at[k]] = (ig_tensor){
            .dtype = dtype, .rank = 2, .dims = {(int64_t)n, (int64_t)longest}, .data = to};
        for (size_t r = 0; r < n; r++) {
            const ig_text_row *row = &rows->rows[places[r].row];
            for (size_t i = 0; i < longest; i++) {
                const bool there = i < row->n;
                const uint32_t id = there ? rows->ids.v[row->at + i] : x->pad;
                const uint32_t type = there ? rows->types.v[row->at + i] : 0;
                put(to, dtype, r * longest + i, k == IDS ? id : k == MASK ? there : type);
            }
        }
    }
}

static ingot_status run_batch(ig_encoder_run *x, const ig_text_rows *rows, const place *places,
                              size_t n, ig_encoder_take_fn *take, void *ud, ingot_error *err)
{
    const size_t longest = places[0].n;
    IG_TRY(make_room(x, n * longest, err));
    feed(x, rows, places, n);
    for (size_t i = 0; i < x->g->n_outputs; i++) x->results[i] = (ig_tensor){0};
    IG_TRY(ig_exec_run(x->exec, x->results, x->in, err));
    const ig_tensor *y = &x->results[x->out];
    const bool tokens = x->gives == IG_GIVES_TOKENS;
    size_t want = n * x->width;
    if (tokens) want *= longest;
    if (y->dtype != INGOT_F32 || ig_tensor_elements(y) != want)
        return ig_fail(err, INGOT_E_FORMAT, "the model's output has %zu elements for %zu texts",
                       ig_tensor_elements(y), n);
    const float *v = y->data;
    for (size_t r = 0; r < n; r++)
        take(ud, places[r].row, v + r * x->width * (tokens ? longest : 1), places[r].n);
    return INGOT_OK;
}

ingot_status ig_encoder_run_rows(ig_encoder_run *x, const ig_text_rows *rows,
                                 ig_encoder_take_fn *take, void *ud, ingot_error *err)
{
    if (!rows->n) return INGOT_OK;
    place *places = ig_take(x->heap, rows->n * sizeof *places);
    if (!places) return ig_fail(err, INGOT_E_NOMEM, "no memory for %zu texts", rows->n);
    for (size_t i = 0; i < rows->n; i++) places[i] = (place){i, rows->rows[i].n};
    qsort(places, rows->n, sizeof *places, longest_first);
    ingot_status s = INGOT_OK;
    for (size_t at = 0; !s && at < rows->n;) {
        const size_t longest = IG_MAX(places[at].n, (size_t)1);
        const size_t most = IG_MAX(x->batch_tokens / longest, (size_t)1);
        const size_t n = IG_MIN(most, rows->n - at);
        s = run_batch(x, rows, places + at, n, take, ud, err);
        at += n;
    }
    ig_give(x->heap, places, rows->n * sizeof *places);
    return s;
}
