/* runner.c - choosing cases, and the list of results. The timing is in rounds.c. */
#include "bench/kernels/runner.h"
#include "bench/kernels/peers.h"
#include "kernels/registry.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BENCH(op) void bench_##op(bench *b);
#include "benches.def"
#undef BENCH

/* ---- choosing
 * ------------------------------------------------------------------------------------ */

bool bench_quick(const bench *b) { return b->options->quick; }
size_t bench_uncached(const bench *b) { return b->roofs.memory_bytes; }
size_t bench_threads_least(const bench *b) { return ig_pool_threads(b->pools[0]); }
size_t bench_threads(const bench *b) { return ig_pool_threads(b->pools[b->n_pools - 1]); }

bool bench_product(const bench *b, size_t mnk[3])
{
    int end = 0;
    const char *text = b->options->shape;
    return text && !strpbrk(text, "+- ") && /* which sscanf takes for numbers too */
           sscanf(text, "%zu,%zu,%zu%n", &mnk[0], &mnk[1], &mnk[2], &end) == 3 && !text[end] &&
           mnk[0] && mnk[1] && mnk[2];
}

static bool shape_fits(const bench *b)
{
    size_t m[3];
    char exact[96];
    if (!b->options->shape) return true;
    if (!bench_product(b, m)) return strstr(b->shape, b->options->shape) != NULL;
    snprintf(exact, sizeof exact, "M=%zu,N=%zu,K=%zu", m[0], m[1], m[2]);
    const size_t n = strlen(exact); /* what follows says more, such as a weight format */
    return !strncmp(exact, b->shape, n) && (!b->shape[n] || b->shape[n] == ',');
}

/* "avx2" of gemm_f32_avx2. */
static void name_isa(bench *b)
{
    const ig_kernel *k = b->now.family ? ig_kernel_chosen(b->now.family) : NULL;
    snprintf(b->isa, sizeof b->isa, "%s", k ? strrchr(k->function, '_') + 1 : "-");
    if (b->now.family && !k && !b->status)
        b->status = ig_fail(b->err, INGOT_E_ARG, "bench %s: no kernel family is called %s",
                            b->now.name, b->now.family);
}

bool bench_next(bench *b, const bench_case *c, const char *shape, ...)
{
    bench_drop(b);
    va_list args;
    va_start(args, shape);
    vsnprintf(b->shape, sizeof b->shape, shape, args);
    va_end(args);
    if (b->status || regexec(&b->filter, c->name, 0, NULL, 0) || !shape_fits(b)) return false;
    b->now = *c;
    b->n_sides = 0;
    b->random = 1;
    name_isa(b);
    return !b->status;
}

void bench_add(bench *b, const char *who, bench_fn *fn, void *job)
{
    if (b->n_sides == BENCH_SIDES) return;
    b->sides[b->n_sides].who = who;
    b->sides[b->n_sides].fn = fn;
    b->sides[b->n_sides++].job = job;
}

typedef struct {
    ig_task_fn *part;
    void *job;
    size_t n, grain;
} parts;

static void run_parts(void *arg, ig_pool *pool)
{
    const parts *p = arg;
    ig_parallel(pool, p->n, p->grain, 0, p->part, p->job);
}

void bench_add_parts(bench *b, const char *who, ig_task_fn *part, void *job, size_t n, size_t grain)
{
    parts *p = bench_take(b, sizeof *p);
    *p = (parts){part, job, n, grain};
    bench_add(b, who, run_parts, p);
}

/* ---- results
 * ------------------------------------------------------------------------------------- */

static bench_result *new_result(bench *b)
{
    if (b->n_results == b->room) {
        const size_t room = b->room ? 2 * b->room : 64;
        bench_result *more = ig_take(b->heap, room * sizeof *more);
        if (!more) {
            b->status = ig_fail(b->err, INGOT_E_NOMEM, "bench: no memory for results");
            return NULL;
        }
        if (b->n_results) memcpy(more, b->results, b->n_results * sizeof *more);
        ig_give(b->heap, b->results, b->room * sizeof *more);
        b->results = more;
        b->room = room;
    }
    bench_result *r = &b->results[b->n_results];
    *r = (bench_result){
        .flop = b->now.flop, .bytes = b->now.bytes, .items = b->now.items, .item = b->now.item};
    snprintf(r->name, sizeof r->name, "%s", b->now.name);
    snprintf(r->shape, sizeof r->shape, "%s", b->shape);
    snprintf(r->isa, sizeof r->isa, "%s", b->isa);
    return r;
}

void bench_run(bench *b)
{
    for (size_t i = 0; i < b->n_pools && !b->status; i++) {
        const size_t threads = ig_pool_threads(b->pools[i]);
        if (b->now.all_threads && threads == 1) continue;
        bench_result *r = new_result(b);
        if (!r) return;
        r->threads = threads;
        snprintf(b->doing, sizeof b->doing, "%s %s, threads %zu, results", r->name, r->shape,
                 threads);
        ig_progress_step(&b->progress, b->n_results);
        bench_rounds(b, i, r);
        b->n_results++;
    }
}

double result_figure(const bench_result *r, double share)
{
    if (!r->limit) return share;
    if (r->items <= 0) return share * roof_limit(r->limit) * 1e-9;
    return share * roof_limit(r->limit) / (r->by_bytes ? r->bytes : r->flop) * r->items;
}

const char *result_unit(const bench_result *r)
{
    return !r->limit ? "us" : r->items > 0 ? r->item : roof_unit(r->limit->kind);
}

double result_seconds(const bench_result *r)
{
    if (!r->limit) return 1e-6 * r->median;
    return (r->by_bytes ? r->bytes : r->flop) / (r->median * roof_limit(r->limit));
}

/* ---- the whole
 * ----------------------------------------------------------------------------------- */

static ingot_status open_filter(bench *b, ingot_error *err)
{
    char why[100];
    const char *text = b->options->filter ? b->options->filter : "";
    const int code = regcomp(&b->filter, text, REG_EXTENDED | REG_NOSUB);
    b->filters = !code;
    if (!code) return INGOT_OK;
    regerror(code, &b->filter, why, sizeof why);
    return ig_fail(err, INGOT_E_ARG, "--filter %s: %s", text, why);
}

/* One pool for each number of threads; the pool of 1 is none. */
static ingot_status open_pools(bench *b, ingot_error *err)
{
    const size_t wanted = b->options->threads;
    if (wanted <= 1) b->pools[b->n_pools++] = NULL;
    if (wanted == 1) return INGOT_OK;
    ig_pool *pool;
    const ig_pool_options o = {.n_threads = wanted};
    IG_TRY(ig_pool_open(&pool, b->heap, &o, err));
    if (!wanted && ig_pool_threads(pool) == 1)
        ig_pool_close(&pool);
    else
        b->pools[b->n_pools++] = pool;
    return INGOT_OK;
}

/* All limits, before anything else. */
static void measure_limits(bench *b)
{
    for (size_t i = 0; i < b->n_pools; i++)
        for (int k = 0; k < ROOF_KINDS; k++) roofs_find(&b->roofs, (roof_kind)k, i, b->pools[i]);
}

ingot_status bench_open(bench *b, const bench_options *options, ig_heap *heap, ingot_error *err)
{
    *b = (bench){.options = options, .heap = heap, .err = err};
    IG_TRY(open_filter(b, err));
    IG_TRY(peers_open(options->peers, err));
    IG_TRY(open_pools(b, err));
    IG_TRY(roofs_open(&b->roofs, heap, err));
    snprintf(b->doing, sizeof b->doing, "limits");
    ig_progress_begin(&b->progress, b->doing, 0, options->quiet);
    measure_limits(b);
    return INGOT_OK;
}

void bench_kernels(bench *b)
{
#define BENCH(op) bench_##op(b);
#include "benches.def"
#undef BENCH
}

ingot_status bench_end(bench *b, ingot_error *err)
{
    bench_drop(b);
    ig_progress_end(&b->progress);
    if (!b->status && !b->n_results)
        return ig_fail(err, INGOT_E_ARG,
                       "no bench fits --filter and --shape; without them all names and shapes are "
                       "shown");
    return b->status;
}

void bench_close(bench *b)
{
    bench_drop(b);
    for (size_t i = 0; i < b->n_pools; i++)
        if (b->pools[i]) ig_pool_close(&b->pools[i]);
    roofs_close(&b->roofs);
    if (b->filters) regfree(&b->filter);
    ig_give(b->heap, b->results, b->room * sizeof *b->results);
}
