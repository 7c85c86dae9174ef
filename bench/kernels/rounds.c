/* rounds.c - timing one case.
 *
 * A round calls each side (Ingot, then its peers) often enough to last ROUND seconds, and takes a
 * sample of the limit before the first and after the last: what counts is the ratio of things
 * measured at the same moment, because the clock of a machine with neighbours wanders by tens of
 * percent within a run. The median of these ratios over the rounds is the share of the limit, and
 * the median of the times' ratios is the comparison with a peer; figures in GFLOP/s or GB/s are the
 * share times the limit's figure of the whole run. Who begins changes from round to round. */
#include "bench/kernels/numbers.h"
#include "bench/kernels/runner.h"
#include "runtime/base/clock.h"

#include <stdio.h>
#include <time.h>

enum { ROUNDS = 21, ROUNDS_QUICK = 9, ROUNDS_SLOW = 3, ROUNDS_LEAST = 5, CALLS_MOST = 1 << 22 };
static const double ROUND = 4e-3, ROUND_QUICK = 2e-3, QUICK_MOST = 0.5, SLOW_MOST = 2; /* s */

typedef struct {
    bench *b;
    ig_pool *pool;
    roof *limit;
    size_t rounds;
    size_t calls[BENCH_SIDES];
    double seconds[BENCH_SIDES][ROUNDS]; /* a call */
    double speed[ROUNDS];                /* of the limit around the round */
} timing;

static double process_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Libraries let their idle threads spin for a while, on cores that the next side needs: wait until
 * the process has come to rest. */
static void settle(void)
{
    const struct timespec nap = {.tv_nsec = 1000000};
    for (int i = 0; i < 40; i++) {
        const double t0 = process_seconds();
        nanosleep(&nap, NULL);
        if (process_seconds() - t0 < 0.1e-3) return;
    }
}

static double time_side(timing *t, size_t side)
{
    bench *b = t->b;
    if (b->options->cold) roofs_evict(&b->roofs);
    const double t0 = bench_seconds(t->pool);
    for (size_t i = 0; i < t->calls[side]; i++) b->sides[side].fn(b->sides[side].job, t->pool);
    return (bench_seconds(t->pool) - t0) / (double)t->calls[side];
}

/* How many calls fill a round; the first one warms up. Cold operands last for one call. */
static void count_calls(timing *t, size_t side, double round)
{
    t->calls[side] = 1;
    if (time_side(t, side) >= round) return;
    while (!t->b->options->cold && t->calls[side] < CALLS_MOST) {
        const double spent = time_side(t, side) * (double)t->calls[side];
        if (spent >= round / 2) break;
        t->calls[side] *= 2;
    }
}

/* --quick gives a case half a second, and at least ROUNDS_LEAST rounds; slow cases have less. */
static bool enough(const timing *t, size_t done, uint64_t began)
{
    if (done == t->rounds) return true;
    if (t->b->now.slow && done >= ROUNDS_SLOW)
        return 1e-9 * (double)(ig_now_ns() - began) > SLOW_MOST;
    return t->b->options->quick && done >= ROUNDS_LEAST &&
           1e-9 * (double)(ig_now_ns() - began) > QUICK_MOST;
}

/* The limit that binds: the one that alone would take longer. */
static roof *choose_limit(bench *b, size_t slot, bench_result *r)
{
    static const roof_kind kinds[] = {
        [BENCH_FMA_F32] = ROOF_FMA_F32,   [BENCH_FMA_F64] = ROOF_FMA_F64,
        [BENCH_MAC_I8] = ROOF_MAC_I8,     [BENCH_MAC_I4] = ROOF_MAC_I4,
        [BENCH_DOT_BF16] = ROOF_DOT_BF16,
    };
    const bench_case *c = &b->now;
    ig_pool *pool = b->pools[slot];
    roof *ops = NULL, *memory = NULL;
    if (c->unit == BENCH_TIME) return NULL;
    if (c->compute != BENCH_NOTHING && c->unit != BENCH_BYTES) {
        ops = roofs_find(&b->roofs, kinds[c->compute], slot, pool);
        if (!ops) ops = roofs_find(&b->roofs, ROOF_FMA_F32, slot, pool);
        if (c->unit == BENCH_OPS || !(c->bytes > 0)) return ops;
    }
    const double set = b->options->cold ? 1e300 : c->set > 0 ? c->set : c->bytes;
    memory = roofs_find(&b->roofs, roof_memory(&b->roofs, set, r->threads, c->copies), slot, pool);
    r->by_bytes = !ops || c->bytes / roof_limit(memory) > c->flop / roof_limit(ops);
    return r->by_bytes ? memory : ops;
}

static void measure(timing *t)
{
    bench *b = t->b;
    const uint64_t began = ig_now_ns();
    size_t done = 0;
    double before = t->limit ? roofs_sample(&b->roofs, t->limit) : 0;
    for (; !enough(t, done, began); done++) {
        for (size_t k = 0; k < b->n_sides; k++) {
            const size_t side = (done + k) % b->n_sides;
            t->seconds[side][done] = time_side(t, side);
            if (side > 0 && ig_pool_threads(t->pool) > 1) settle();
        }
        const double after = t->limit ? roofs_sample(&b->roofs, t->limit) : 0;
        t->speed[done] = (before + after) / 2;
        before = after;
    }
    t->rounds = done;
}

static void compare(const timing *t, size_t side, bench_rival *rival)
{
    double ratio[ROUNDS];
    for (size_t i = 0; i < t->rounds; i++) ratio[i] = t->seconds[side][i] / t->seconds[0][i];
    snprintf(rival->who, sizeof rival->who, "%s", t->b->sides[side].who);
    rival->ratio = numbers_quantile(ratio, t->rounds, 0.5);
    rival->low = numbers_quantile(ratio, t->rounds, 0.1);
    rival->high = numbers_quantile(ratio, t->rounds, 0.9);
}

void bench_rounds(bench *b, size_t slot, bench_result *r)
{
    const bool quick = b->options->quick;
    timing t = {.b = b, .pool = b->pools[slot], .rounds = quick ? ROUNDS_QUICK : ROUNDS};
    t.limit = choose_limit(b, slot, r);
    for (size_t k = 0; k < b->n_sides; k++) count_calls(&t, k, quick ? ROUND_QUICK : ROUND);
    measure(&t);
    const double work = r->by_bytes ? r->bytes : r->flop;
    double share[ROUNDS];
    for (size_t i = 0; i < t.rounds; i++)
        share[i] = t.limit ? work / t.seconds[0][i] / t.speed[i] : 1e6 * t.seconds[0][i];
    r->limit = t.limit;
    r->rounds = t.rounds;
    r->median = numbers_quantile(share, t.rounds, 0.5);
    r->low = numbers_quantile(share, t.rounds, 0.1);
    r->high = numbers_quantile(share, t.rounds, 0.9);
    for (size_t k = 1; k < b->n_sides; k++) compare(&t, k, &r->rivals[r->n_rivals++]);
}
