/* paged_attention.c - paged_attention(q, k, v, table?, sinks?, slopes?) -> y: causal attention of
 * the step's tokens over the cache of keys and values (ig_run.kv, runtime/graph/kv_step.h).
 *
 *   q       f32 [T, heads * d] or [T, heads, d]
 *   k, v    f32 [T, kv_heads * d] and [T, kv_heads * dv], or of rank 3. Both omitted: q is
 *           [T, heads * d + kv_heads * (d + dv)], the three side by side (one product made them)
 *   table   f32 [T, 2, half], 2 half <= d, of rope_table: q and k are turned by it; the elements
 *           from 2 half on stay. Omitted: nothing is turned
 *   sinks   f32 [heads]: one more logit a head, without a value
 *   slopes  f32 [heads]: ALiBi, slope * (j - i) is added to the score of key j for query i
 *   y       f32 [T, heads * dv]
 *
 * attributes: layer (of the cache), heads, kv_heads; d, dv (0: told by the inputs; joined, dv = d);
 * scale (0: 1 / sqrt(d)); softcap (0: none); window (-1: none; else query i sees keys j with i - j
 * <= window: the sliding_window of a config minus 1); interleaved (0; 1: neighbours turn as pairs).
 *
 * Query head h reads key head h / (heads / kv_heads). Turned keys and values of the step's tokens
 * are first appended to their pages, rounded to the pages' type, and read back from there: so the
 * result of a token is bitwise the same however the tokens are spread over steps. A run without a
 * cache is E_ARG, and so is a cache that lacks the layer or has other sizes. */
#include "runtime/ops/paged_attention.h"
#include "runtime/ops/wide.h"
#include "kernels/attention/attention.h"
#include "kernels/gemm/split.h"
#include "kernels/rope/rope.h"
#include "runtime/base/checked.h"

#include <math.h>

static const ig_attr attrs[] = {
    IG_INT(ig_paged_attrs, layer, 0),       IG_INT(ig_paged_attrs, heads, 0),
    IG_INT(ig_paged_attrs, kv_heads, 0),    IG_INT(ig_paged_attrs, d, 0),
    IG_INT(ig_paged_attrs, dv, 0),          IG_INT(ig_paged_attrs, window, -1),
    IG_INT(ig_paged_attrs, interleaved, 0), IG_FLOAT(ig_paged_attrs, scale, 0),
    IG_FLOAT(ig_paged_attrs, softcap, 0),   {0},
};

enum {
    FEW = 8,          /* queries of a span that are read straight from the pages, by chunks */
    TASK_ROWS = 128,  /* queries x heads of a task of many: packing its keys is a small part; */
    LEAST_ROWS = 40,  /* with few tasks they are cut down to this */
    ATTEND_NS = 2500, /* what is worth a thread: its keys and values are in nobody's cache */
    TASKS_ENOUGH = 4, /* for each thread; fewer, and a sequence's chunks are tasks of their own */
};

/* ---- bind ---- */

/* Where a token's heads lie: in an input of their own, or in one that holds all three. */
typedef struct {
    uint32_t input;
    size_t at, row;
} place;

typedef struct {
    attention_f32_fn *whole;
    attention_decode_fn *part;
    attention_merge_fn *merge;
    rope_f32_fn *rope;
    size_t tokens, heads, kv_heads, shared, d, dv, half;
    place q, k, v;
    size_t at_q, q_block, part_floats;
    size_t at_worker, worker_bytes; /* scratch of a thread: turned keys, then of the kernels */
    attention_rule rule;
} state;

static void set_places(state *s, const ig_bind *b)
{
    const size_t q = s->heads * s->d, k = s->kv_heads * s->d, v = s->kv_heads * s->dv;
    const bool joined = b->n_in <= IG_PAGED_K || !b->in[IG_PAGED_K];
    s->q = (place){IG_PAGED_Q, 0, joined ? q + k + v : q};
    s->k = joined ? (place){IG_PAGED_Q, q, s->q.row} : (place){IG_PAGED_K, 0, k};
    s->v = joined ? (place){IG_PAGED_Q, q + k, s->q.row} : (place){IG_PAGED_V, 0, v};
}

static const ig_type *input(const ig_bind *b, uint32_t i) { return i < b->n_in ? b->in[i] : NULL; }

/* Scratch of one thread: whichever of its uses needs most. */
static ingot_status bind_scratch(state *s, ig_bind *b)
{
    const size_t threads = IG_MAX(b->n_threads, (size_t)1);
    const attention_args shape = {
        .tq = FEW, .heads = s->shared, .tk = IG_ATT_CHUNK, .d = s->d, .dv = s->dv};
    size_t whole, few;
    s->q_block = IG_MAX(TASK_ROWS / s->shared, (size_t)1);
    if (!ig_attention_scratch(&shape, s->q_block, &whole) ||
        !ig_attention_decode_scratch(&shape, &few) || !ig_attention_part(&shape, &s->part_floats))
        return ig_bind_fail(b, "the heads are too large");
    const size_t most = IG_MAX(IG_MAX(whole, few), s->kv_heads * s->d);
    if (!ig_mul_ok(most, sizeof(float), &s->worker_bytes) ||
        !ig_align_ok(s->worker_bytes, (size_t)IG_ALIGN, &s->worker_bytes))
        return ig_bind_fail(b, "the heads are too large");
    IG_TRY(ig_scratch_add(b, threads, s->worker_bytes, &s->at_worker));
    return s->half ? ig_scratch_add(b, s->tokens * s->heads * s->d, sizeof(float), &s->at_q)
                   : INGOT_OK;
}

static ingot_status bind(ig_bind *b)
{
    const ig_paged_attrs *a = b->attrs;
    state *s = ig_bind_new(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    ig_paged_size size;
    IG_TRY(ig_paged_sizes(&size, b->node, b->in[IG_PAGED_Q], input(b, IG_PAGED_K),
                          input(b, IG_PAGED_V), b->err));
    s->whole = ig_attention_f32();
    s->part = ig_attention_decode();
    s->merge = ig_attention_merge();
    s->rope = ig_rope_f32();
    s->tokens = (size_t)b->out[0]->dims[0];
    s->heads = (size_t)a->heads;
    s->kv_heads = (size_t)a->kv_heads;
    s->shared = s->heads / s->kv_heads;
    s->d = (size_t)size.d;
    s->dv = (size_t)size.dv;
    s->half = input(b, IG_PAGED_TABLE) ? (size_t)b->in[IG_PAGED_TABLE]->dims[2] : 0;
    s->rule = (attention_rule){.scale = (float)(a->scale != 0 ? a->scale : 1 / sqrt((double)s->d)),
                               .softcap = (float)a->softcap,
                               .causal = true,
                               .left = a->window,
                               .right = -1};
    set_places(s, b);
    b->kernel = "attention_pages";
    return bind_scratch(s, b);
}

/* ---- is the cache the one that the model needs? ---- */

static ingot_status check_cache(const ig_run *r, const state *s)
{
    const ig_paged_attrs *a = r->attrs;
    const ig_kv_step *kv = r->kv;
    if (!kv)
        return ig_node_fail(r->err, INGOT_E_ARG, r->node,
                            "a language model needs a cache of keys and values: run it with "
                            "`ingot generate`");
    if ((uint64_t)a->layer >= kv->n_layers)
        return ig_node_fail(r->err, INGOT_E_ARG, r->node, "layer %lld, the cache has %zu",
                            (long long)a->layer, kv->n_layers);
    const ig_kv_layer *l = &kv->layers[a->layer];
    if (l->kv_heads != s->kv_heads || l->format.d != s->d || l->format.dv != s->dv)
        return ig_node_fail(r->err, INGOT_E_ARG, r->node,
                            "layer %lld has %zu heads of %zu and %zu elements, the cache %zu of "
                            "%zu and %zu",
                            (long long)a->layer, s->kv_heads, s->d, s->dv, l->kv_heads, l->format.d,
                            l->format.dv);
    size_t next = 0;
    for (size_t i = 0; i < kv->n_spans && kv->spans[i].row == next; i++) next += kv->spans[i].n;
    if (next != s->tokens)
        return ig_node_fail(r->err, INGOT_E_ARG, r->node,
                            "the spans of the cache do not cover the %zu tokens one after the "
                            "other",
                            s->tokens);
    return INGOT_OK;
}

/* ---- first: turn, append ---- */

typedef struct task task;
typedef struct head head;

typedef struct {
    const state *s;
    const ig_run *r;
    const ig_kv_layer *layer;
    const float *q; /* turned */
    size_t q_row;
    head *heads; /* [spans][kv_heads] */
    task *tasks;
    size_t n_tasks, q_block; /* queries of a task of many */
    float *parts;
    double ns; /* a guess of what all tasks take */
} job;

static const float *row_of(const ig_run *r, place p, size_t token)
{
    return (const float *)r->in[p.input]->data + p.at + token * p.row;
}

static float *worker_scratch(const job *j, size_t worker)
{
    return (float *)ig_piece(j->r, j->s->at_worker + worker * j->s->worker_bytes);
}

static void turn(const job *j, float *y, const float *x, size_t heads, size_t token)
{
    const state *s = j->s;
    const float *table = (const float *)j->r->in[IG_PAGED_TABLE]->data + token * 2 * s->half;
    const ig_paged_attrs *a = j->r->attrs;
    s->rope(&(rope_args){.y = y,
                         .x = x,
                         .y_head = s->d,
                         .x_head = s->d,
                         .heads = heads,
                         .size = s->d,
                         .cos = table,
                         .sin = table + s->half,
                         .half = s->half,
                         .interleaved = a->interleaved != 0});
}

static void append_token(const job *j, const ig_kv_span *span, size_t token, float *turned)
{
    const state *s = j->s;
    const ig_kv_step *kv = j->r->kv;
    const ig_page_format *f = &j->layer->format;
    const size_t at = span->before + token - span->row;
    unsigned char *page =
        kv->base + (size_t)span->pages[at / f->tokens] * kv->page_bytes + j->layer->at;
    const float *k = row_of(j->r, s->k, token), *v = row_of(j->r, s->v, token);
    if (s->half) {
        turn(j, turned, k, s->kv_heads, token);
        k = turned;
    }
    for (size_t h = 0; h < s->kv_heads; h++)
        ig_page_append(page + h * f->bytes, f, at % f->tokens, k + h * s->d, v + h * s->dv);
}

static void enter_tokens(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    const state *s = j->s;
    const ig_kv_span *span = j->r->kv->spans;
    for (size_t t = begin; t < end; t++) {
        while (t >= span->row + span->n) span++;
        if (s->half)
            turn(j, (float *)ig_piece(j->r, s->at_q) + t * s->heads * s->d, row_of(j->r, s->q, t),
                 s->heads, t);
        append_token(j, span, t, worker_scratch(j, worker));
    }
}

/* ---- then: attend ---- */

/* The queries of one span that share a key head. */
struct head {
    attention_args args;
    attention_pages pages;
    float *parts; /* of chunks first .. end - 1; NULL: too many queries for that */
    size_t first, end;
    atomic_size_t left; /* chunks that are not done; who does the last one merges */
};

/* Chunks, or queries, [begin, end) of a head. */
struct task {
    head *of;
    size_t begin, end;
};

static void attend(void *arg, size_t begin, size_t end, size_t worker)
{
    const job *j = arg;
    const state *s = j->s;
    float *scratch = worker_scratch(j, worker);
    for (size_t i = begin; i < end; i++) {
        const task *t = &j->tasks[i];
        head *h = t->of;
        if (!h->parts) {
            s->whole(&h->args, t->begin, t->end, scratch);
            continue;
        }
        for (size_t c = t->begin; c < t->end; c++)
            s->part(&h->args, c, h->parts + (c - h->first) * s->part_floats, scratch);
        const size_t n = t->end - t->begin;
        if (atomic_fetch_sub_explicit(&h->left, n, memory_order_acq_rel) == n)
            s->merge(&h->args, h->parts, h->first, h->end, s->part_floats);
    }
}

static void set_head(const job *j, head *h, const ig_kv_span *span, size_t kv_head)
{
    const state *s = j->s;
    const ig_run *r = j->r;
    const ig_kv_step *kv = r->kv;
    const size_t first = kv_head * s->shared;
    *h = (head){.pages = {.format = &j->layer->format,
                          .base = kv->base + j->layer->at + kv_head * j->layer->format.bytes,
                          .stride = kv->page_bytes,
                          .table = span->pages}};
    h->args = (attention_args){.y = (float *)r->out[0]->data + span->row * s->heads * s->dv,
                               .q = j->q + span->row * j->q_row + first * s->d,
                               .y_row = s->heads * s->dv,
                               .y_head = s->dv,
                               .q_row = j->q_row,
                               .q_head = s->d,
                               .tq = span->n,
                               .heads = s->shared,
                               .tk = span->before + span->n,
                               .d = s->d,
                               .dv = s->dv,
                               .rule = s->rule,
                               .pages = &h->pages};
    h->args.y += first * s->dv;
    h->args.rule.offset = (int64_t)span->before;
    if (r->n_in > IG_PAGED_SINKS && r->in[IG_PAGED_SINKS])
        h->args.rule.sinks = (const float *)r->in[IG_PAGED_SINKS]->data + first;
    if (r->n_in > IG_PAGED_SLOPES && r->in[IG_PAGED_SLOPES])
        h->args.rule.slopes = (const float *)r->in[IG_PAGED_SLOPES]->data + first;
    ig_attention_chunks(&h->args, &h->first, &h->end);
}

static bool is_few(const ig_kv_span *span) { return span->n <= FEW; }

static size_t block_tasks(const job *j, size_t q_block)
{
    size_t n = 0;
    for (size_t i = 0; i < j->r->kv->n_spans; i++)
        if (!is_few(&j->r->kv->spans[i]))
            n += j->s->kv_heads * ig_ceil_div(j->r->kv->spans[i].n, q_block);
    return n;
}

/* Blocks of queries that keep all threads busy. */
static size_t choose_block(const job *j)
{
    const size_t threads = ig_pool_threads(j->r->pool);
    size_t q = j->s->q_block;
    while (threads > 1 && block_tasks(j, q) < TASKS_ENOUGH * threads &&
           q * j->s->shared >= 2 * LEAST_ROWS)
        q = (q + 1) / 2;
    return q;
}

/* Memory for the heads, the tasks and the parts, of sizes that this step's spans tell. */
static ingot_status take_memory(job *j)
{
    const state *s = j->s;
    const ig_run *r = j->r;
    const ig_kv_step *kv = r->kv;
    const size_t n_heads = kv->n_spans * s->kv_heads;
    size_t parts = 0, first, end, bytes;
    for (size_t i = 0; i < kv->n_spans; i++) {
        const ig_kv_span *span = &kv->spans[i];
        const attention_args p = {.tq = span->n,
                                  .tk = span->before + span->n,
                                  .rule = {.causal = true,
                                           .offset = (int64_t)span->before,
                                           .left = s->rule.left,
                                           .right = -1}};
        ig_attention_chunks(&p, &first, &end);
        if (is_few(span)) parts += s->kv_heads * (end - first);
    }
    const size_t tasks = parts + block_tasks(j, j->q_block);
    size_t at_parts, part_bytes, head_bytes;
    if (!ig_mul_ok(parts * sizeof(float), s->part_floats, &part_bytes) ||
        !ig_mul_ok(n_heads, sizeof(head), &head_bytes) || !ig_mul_ok(tasks, sizeof(task), &bytes) ||
        !ig_add_ok(bytes, head_bytes, &bytes) || !ig_align_ok(bytes, (size_t)IG_ALIGN, &at_parts) ||
        !ig_add_ok(at_parts, part_bytes, &bytes))
        return ig_node_fail(r->err, INGOT_E_NOMEM, r->node, "the step is too large");
    char *block = ig_arena_take(r->brief, IG_MAX(bytes, (size_t)IG_ALIGN));
    if (!block)
        return ig_node_fail(r->err, INGOT_E_NOMEM, r->node, "no memory for the parts of %zu chunks",
                            parts);
    j->heads = (head *)(void *)block;
    j->tasks = (task *)(void *)(block + head_bytes);
    j->parts = (float *)(void *)(block + at_parts);
    return INGOT_OK;
}

static void add_task(job *j, head *h, size_t begin, size_t end)
{
    j->tasks[j->n_tasks++] = (task){h, begin, end};
}

/* What a query's row times a key and a value costs, and reading these: about so many nanoseconds.
 */
static double guess_ns(const state *s, const head *h)
{
    const double rows = (double)(h->args.tq * h->args.heads);
    const double keys = (double)IG_MIN(h->end - h->first, (size_t)1 << 20) * IG_ATT_CHUNK;
    return IG_MIN(keys, (double)h->args.tk) * (double)(s->d + s->dv) * (0.03 * rows + 0.05);
}

static void make_tasks(job *j)
{
    const state *s = j->s;
    const ig_kv_step *kv = j->r->kv;
    const size_t enough = TASKS_ENOUGH * ig_pool_threads(j->r->pool);
    const bool split = kv->n_spans * s->kv_heads < enough && enough > TASKS_ENOUGH;
    float *parts = j->parts;
    head *h = j->heads;
    for (size_t i = 0; i < kv->n_spans; i++)
        for (size_t k = 0; k < s->kv_heads; k++, h++) {
            const ig_kv_span *span = &kv->spans[i];
            if (!span->n) continue;
            set_head(j, h, span, k);
            j->ns += guess_ns(s, h);
            if (!is_few(span)) {
                for (size_t q = 0; q < span->n; q += j->q_block)
                    add_task(j, h, q, IG_MIN(span->n, q + j->q_block));
                continue;
            }
            h->parts = parts;
            parts += (h->end - h->first) * s->part_floats;
            atomic_init(&h->left, h->end - h->first);
            const size_t step = split ? 1 : h->end - h->first;
            for (size_t c = h->first; c < h->end; c += step) add_task(j, h, c, c + step);
        }
}

static ingot_status run(ig_run *r)
{
    const state *s = r->state;
    IG_TRY(check_cache(r, s));
    const ig_paged_attrs *a = r->attrs;
    job j = {.s = s, .r = r, .layer = &r->kv->layers[a->layer]};
    j.q = s->half ? ig_piece(r, s->at_q) : row_of(r, s->q, 0);
    j.q_row = s->half ? s->heads * s->d : s->q.row;
    j.q_block = choose_block(&j);
    IG_TRY(take_memory(&j));
    const size_t width = s->heads * s->d + s->kv_heads * (s->d + s->dv);
    ig_parallel(r->pool, s->tokens, ig_grain_ns(IG_NS_BLOCK * (double)width), 0, enter_tokens, &j);
    make_tasks(&j);
    const double each = j.n_tasks ? j.ns / (double)j.n_tasks : 1;
    ig_parallel(r->pool, j.n_tasks, (size_t)(ATTEND_NS / each) + 1, 0, attend, &j);
    return INGOT_OK;
}

const ig_op ig_op_paged_attention = {
    .name = "paged_attention",
    .min_in = 1,
    .max_in = 6,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(ig_paged_attrs),
    .infer = ig_paged_infer,
    .bind = bind,
    .run = run,
};
