/* runner.h - one run of `ingot bench kernels`: what was asked, and what came of it. */
#ifndef IG_BENCH_RUNNER_H
#define IG_BENCH_RUNNER_H

#include "bench/kernels/bench.h"
#include "bench/kernels/roofs.h"
#include "tools/cli/progress.h"

#include <regex.h>

typedef struct {
    const char *filter; /* extended regular expression over bench names; NULL: all */
    const char *shape;  /* shapes with this text in them, or a product's M,N,K; NULL: all */
    size_t threads;     /* only this many; 0: 1 and all */
    bool cold, quick, quiet;
    const char *peers; /* comma-separated; NULL: those that are installed */
} bench_options;

enum { BENCH_SIDES = 6, BENCH_POOLS = ROOF_POOLS };

/* A peer beside Ingot: how many times as long it takes (above 1: Ingot is faster). */
typedef struct {
    char who[16];
    double ratio, low, high; /* median and 10th, 90th percentile of the rounds */
} bench_rival;

typedef struct {
    char name[32], shape[96], isa[16];
    size_t threads, rounds;
    const roof *limit;        /* NULL: figures are microseconds */
    double median, low, high; /* shares of the limit; without one: microseconds a call */
    double flop, bytes;       /* a call */
    bool by_bytes;            /* the figure is of `bytes`, not of `flop` */
    double items;             /* 0, or the figure is of so many a call */
    const char *item;
    bench_rival rivals[BENCH_SIDES];
    size_t n_rivals;
} bench_result;

struct bench {
    const bench_options *options;
    ig_heap *heap;
    ingot_error *err;
    ingot_status status; /* the first failure; nothing is timed after it */
    ig_progress progress;
    char doing[160]; /* what is being timed */
    bool filters;    /* filter is compiled */
    regex_t filter;
    roofs roofs;
    ig_pool *pools[BENCH_POOLS];
    size_t n_pools;
    /* the open case */
    bench_case now;
    char shape[96], isa[16];
    struct {
        const char *who;
        bench_fn *fn;
        void *job;
    } sides[BENCH_SIDES];
    size_t n_sides;
    struct bench_block *blocks;
    uint64_t random;
    /* what came of it */
    bench_result *results;
    size_t n_results, room;
};

/* bench_open - pools, peers, limits: then cases can be timed. bench_end - after the last one; E_ARG
 * when there was none. Errors: E_ARG (the filter, a peer), E_NOMEM. bench_close frees all, also
 * after a failure.
 * bench_kernels - every bench file. */
ingot_status bench_open(bench *b, const bench_options *options, ig_heap *heap, ingot_error *err);
void bench_kernels(bench *b);
ingot_status bench_end(bench *b, ingot_error *err);
void bench_close(bench *b);

/* Figures of a result in the unit of its limit. */
double result_figure(const bench_result *r, double share);
const char *result_unit(const bench_result *r);
double result_seconds(const bench_result *r); /* a call */

/* within runner: memory of the open case */
void bench_drop(bench *b);
/* bench_rounds - time the open case with one pool; fills r. */
void bench_rounds(bench *b, size_t slot, bench_result *r);

#endif
