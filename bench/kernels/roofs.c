/* roofs.c - see roofs.h. */
#include "bench/kernels/roofs.h"
#include "bench/kernels/memory.h"
#include "bench/kernels/numbers.h"
#include "runtime/base/checked.h"
#include "runtime/base/clock.h"
#include "runtime/base/topology.h"

#include <string.h>

/* A sample deals out items of ITEM bytes, or of TURNS turns: microseconds each, so that threads
 * even out among themselves as they do in a kernel. */
enum { ITEM = 1 << 20, TURNS = 2000, PAGE = 4096, TRIES = 3, FIRST = 9 };
static const double SAMPLE = 1e-3, SAMPLE_DRAM = 3e-3;

static const struct {
    const char *name, *unit;
} kinds[] = {
    [ROOF_FMA_F32] = {"fma_f32", "GFLOP/s"},   [ROOF_FMA_F64] = {"fma_f64", "GFLOP/s"},
    [ROOF_MAC_I8] = {"mac_i8", "GOP/s"},       [ROOF_MAC_I4] = {"mac_i4", "GOP/s"},
    [ROOF_DOT_BF16] = {"dot_bf16", "GFLOP/s"}, [ROOF_L1_READ] = {"l1_read", "GB/s"},
    [ROOF_L2_READ] = {"l2_read", "GB/s"},      [ROOF_L3_READ] = {"l3_read", "GB/s"},
    [ROOF_DRAM_READ] = {"dram_read", "GB/s"},  [ROOF_L1_COPY] = {"l1_copy", "GB/s"},
    [ROOF_L2_COPY] = {"l2_copy", "GB/s"},      [ROOF_L3_COPY] = {"l3_copy", "GB/s"},
    [ROOF_DRAM_COPY] = {"dram_copy", "GB/s"},
};

const char *roof_name(roof_kind kind) { return kinds[kind].name; }
const char *roof_unit(roof_kind kind) { return kinds[kind].unit; }
bool roof_is_memory(roof_kind kind) { return kind >= ROOF_L1_READ; }

double bench_seconds(const ig_pool *pool)
{
    return ig_pool_threads(pool) == 1 ? ig_limit_seconds() : 1e-9 * (double)ig_now_ns();
}

ingot_status roofs_open(roofs *r, ig_heap *heap, ingot_error *err)
{
    const ig_topology *t = ig_topology_get();
    *r = (roofs){.heap = heap};
    ig_limit_loops_get(&r->loops);
    r->cache[0] = t->l1d_bytes ? t->l1d_bytes : 32 << 10;
    r->cache[1] = t->l2_bytes ? t->l2_bytes : 512 << 10;
    r->cache[2] = IG_MAX(t->l3_bytes, r->cache[1]);
    const size_t all = r->cache[2] * IG_MAX(t->n_caches, (size_t)1);
    r->memory_bytes = IG_MAX(4 * all, (size_t)64 << 20) / ITEM * ITEM;
    r->memory = bench_map(r->memory_bytes);
    if (!r->memory)
        return ig_fail(err, INGOT_E_NOMEM, "bench: no %zu MB to measure memory with",
                       r->memory_bytes >> 20);
    memset(r->memory, 1, r->memory_bytes);
    return INGOT_OK;
}

void roofs_close(roofs *r)
{
    bench_unmap(r->memory, r->memory_bytes);
    r->memory = NULL;
}

/* ---- one sample
 * ---------------------------------------------------------------------------------- */

typedef struct {
    roofs *r;
    ig_limit_ops_fn *ops;
    ig_limit_read_fn *read;
    ig_limit_copy_fn *copy;
    size_t part; /* bytes that one thread goes over again and again; 0: ever new ones */
} work;

static ig_limit_ops_fn *ops_of(const ig_limit_loops *l, roof_kind kind)
{
    switch (kind) {
    case ROOF_FMA_F32:
        return l->fma_f32;
    case ROOF_FMA_F64:
        return l->fma_f64;
    case ROOF_MAC_I8:
        return l->mac_i8;
    case ROOF_MAC_I4:
        return l->mac_i4;
    case ROOF_DOT_BF16:
        return l->dot_bf16;
    default:
        return NULL;
    }
}

/* Most of a core's L1, a quarter of its L2 (physical pages do not spread evenly): all of it stays
 * there. Of the cache that cores share, also with neighbours that cannot be seen, an eighth: more
 * than a core's own, far from all. */
static size_t part_of(const roofs *r, roof_kind kind, size_t threads)
{
    const size_t level = (size_t)(kind - ROOF_L1_READ) % 4;
    if (level == 3) return 0;
    const size_t bytes = level == 2   ? IG_MAX(r->cache[2] / 8 / threads, 2 * r->cache[1])
                         : level == 1 ? r->cache[1] / 4
                                      : r->cache[0] / 4 * 3;
    return IG_MAX(bytes / (2 * PAGE) * (2 * PAGE), (size_t)4 * PAGE);
}

/* Copies go half a page further than from half to half: addresses that agree in their last 12 bits
 * would wait for each other. */
static size_t copied(size_t bytes) { return bytes / 2 - PAGE; }

static void go_over(const work *w, unsigned char *p, size_t bytes)
{
    if (w->read)
        w->read(p, bytes);
    else
        w->copy(p + bytes / 2 + PAGE / 2, p, copied(bytes));
}

static void do_items(void *arg, size_t begin, size_t end, size_t worker)
{
    const work *w = arg;
    const roofs *r = w->r;
    for (size_t i = begin; i < end; i++) {
        if (w->ops) {
            w->ops(TURNS);
        } else if (w->part) {
            const size_t mine = worker * w->part % (r->memory_bytes - w->part + 1) / PAGE * PAGE;
            for (size_t done = 0; done < ITEM; done += w->part)
                go_over(w, r->memory + mine, w->part);
        } else {
            go_over(w, r->memory + (r->cursor + i * ITEM) % r->memory_bytes, ITEM);
        }
    }
}

/* What one item is, in operations or bytes. */
static double item_size(const work *w)
{
    if (w->ops) return w->ops(1) * TURNS;
    const size_t part = w->part ? w->part : ITEM, passes = (ITEM + part - 1) / part;
    return (double)(passes * (w->read ? part : 2 * copied(part)));
}

/* A second's operations or bytes, when `items` are dealt out. */
static double rate_of(const work *w, ig_pool *pool, size_t items)
{
    roofs *r = w->r;
    const double t0 = bench_seconds(pool);
    ig_parallel(pool, items, 1, 0, do_items, (void *)w);
    const double spent = bench_seconds(pool) - t0;
    if (!w->part) r->cursor = (r->cursor + items * ITEM) % r->memory_bytes;
    return (double)items * item_size(w) / IG_MAX(spent, 1e-9);
}

static work work_of(roofs *r, const roof *f)
{
    work w = {.r = r, .ops = ops_of(&r->loops, f->kind)};
    if (w.ops) return w;
    w.part = part_of(r, f->kind, ig_pool_threads(f->pool));
    if (f->kind < ROOF_L1_COPY)
        w.read = r->loops.read[f->way];
    else
        w.copy = r->loops.copy[f->way];
    return w;
}

double roofs_sample(roofs *r, roof *f)
{
    const work w = work_of(r, f);
    const double rate = rate_of(&w, f->pool, f->items);
    f->samples[f->n++ % ROOF_SAMPLES] = rate;
    return rate;
}

/* ---- the first time
 * ------------------------------------------------------------------------------ */

/* The fastest way: tries go round all ways, so that a slow moment does not decide. */
static void choose_way(roofs *r, roof *f, size_t items)
{
    double best[IG_LIMIT_WAYS] = {0};
    const bool copies = f->kind >= ROOF_L1_COPY;
    for (size_t t = 0; t < TRIES; t++)
        for (f->way = 0; copies ? r->loops.copy[f->way] != NULL : r->loops.read[f->way] != NULL;
             f->way++) {
            const work w = work_of(r, f);
            best[f->way] = IG_MAX(best[f->way], rate_of(&w, f->pool, items));
        }
    f->way = 0;
    for (size_t i = 1; i < IG_LIMIT_WAYS; i++)
        if (best[i] > best[f->way]) f->way = i;
}

roof *roofs_find(roofs *r, roof_kind kind, size_t slot, ig_pool *pool)
{
    roof *f = &r->all[slot][kind];
    if (f->items) return f;
    if (!roof_is_memory(kind) && !ops_of(&r->loops, kind)) return NULL;
    *f = (roof){.kind = kind, .pool = pool};
    const double wanted =
        kind % 4 == ROOF_DRAM_READ % 4 && roof_is_memory(kind) ? SAMPLE_DRAM : SAMPLE;
    const size_t few = 4 * ig_pool_threads(pool);
    if (roof_is_memory(kind)) choose_way(r, f, few);
    const work w = work_of(r, f);
    double rate = rate_of(&w, pool, few);
    rate = IG_MAX(rate, rate_of(&w, pool, few)); /* the first one woke the threads */
    f->items = IG_MAX((size_t)(rate * wanted / item_size(&w)), few);
    for (size_t i = 0; i < FIRST; i++) roofs_sample(r, f);
    return f;
}

double roof_limit(const roof *f)
{
    double copy[ROOF_SAMPLES];
    const size_t n = IG_MIN(f->n, (size_t)ROOF_SAMPLES);
    memcpy(copy, f->samples, n * sizeof *copy);
    return numbers_quantile(copy, n, 0.9);
}

roof_kind roof_memory(const roofs *r, double set, size_t threads, bool copies)
{
    const double each = set / (double)threads;
    const size_t level = each <= (double)r->cache[0]   ? 0
                         : each <= (double)r->cache[1] ? 1
                         : set <= (double)r->cache[2]  ? 2
                                                       : 3;
    return (roof_kind)((copies ? ROOF_L1_COPY : ROOF_L1_READ) + level);
}

void roofs_evict(roofs *r) { r->loops.read[0](r->memory, r->memory_bytes); }
