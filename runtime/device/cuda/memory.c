/* memory.c - device memory in slabs under one budget, given back at once or in order with a stream.
 *
 * The runtime's allocator waits for the device and fragments; ours takes slabs from it and hands
 * out pieces by best fit, merging neighbours when they come back. A piece that is given back in
 * order with a stream has an event behind it and is nobody's until that has come: nobody waits,
 * unless there is no other room. Once a process is warm no slab is taken any more.
 *
 * The runtime's own pools (cudaMallocAsync) do the same, but their reserve is what they decide to
 * keep, in granules of theirs: a budget of ours could be exceeded or missed by what they hold. */
#include "runtime/device/cuda/inside.h"
#include "runtime/base/checked.h"

#include <stdio.h>

enum {
    ALIGN = 256,
    SLAB =
        32 << 20, /* and no more than a part of the budget; larger pieces have one of their own */
    SLABS = 8     /* parts of a small budget */
};

typedef struct piece {
    struct piece *next; /* by address */
    size_t at, bytes;
    bool used;
    gpu_event left; /* given back: used until this has come; NULL: it is not */
    ig_device_use use;
} piece;

struct slab {
    slab *next;
    unsigned char *base;
    size_t bytes;
    piece *pieces;
};

static const char *const uses[IG_DEVICE_USES] = {"weights", "activations", "keys and values"};

static double mib(size_t bytes) { return (double)bytes / (1 << 20); }

static ingot_status no_room(const ig_device *d, size_t bytes, ig_device_use use, const char *why,
                            ingot_error *err)
{
    const ig_device_memory *m = &d->pool.counts;
    return ig_fail(err, INGOT_E_NOMEM,
                   "cuda:%d: no room for %.1f MiB of %s: %s (budget %.1f MiB; weights %.1f, "
                   "activations %.1f, keys and values %.1f MiB are taken)",
                   d->info.ordinal, mib(bytes), uses[use], why, mib(m->budget_bytes),
                   mib(m->used_bytes[IG_DEVICE_WEIGHTS]), mib(m->used_bytes[IG_DEVICE_WORK]),
                   mib(m->used_bytes[IG_DEVICE_KV]));
}

/* ---- slabs ---- */

static void drop_slab(ig_device *d, slab **link)
{
    slab *s = *link;
    *link = s->next;
    d->pool.held_bytes -= s->bytes;
    gpu_give(s->base);
    while (s->pieces) {
        piece *p = s->pieces;
        s->pieces = p->next;
        if (p->left) gpu_event_close(p->left);
        ig_give(d->heap, p, sizeof *p);
    }
    ig_give(d->heap, s, sizeof *s);
}

static void drop_unused(ig_device *d)
{
    for (slab **link = &d->pool.slabs; *link;) {
        if (!(*link)->pieces->used && !(*link)->pieces->next)
            drop_slab(d, link);
        else
            link = &(*link)->next;
    }
}

static ingot_status add_slab(ig_device *d, size_t bytes, ig_device_use use, ingot_error *err)
{
    slab *s = ig_take0(d->heap, sizeof *s);
    piece *p = ig_take0(d->heap, sizeof *p);
    void *base = NULL;
    const int e = s && p ? gpu_take(&base, bytes) : 0;
    if (!base) {
        ig_give(d->heap, s, sizeof *s);
        ig_give(d->heap, p, sizeof *p);
        if (gpu_kind_of(e) == GPU_FULL)
            return no_room(d, bytes, use, "the device's memory is full", err);
        if (!e) return ig_fail(err, INGOT_E_NOMEM, "cuda:%d: no host memory", d->info.ordinal);
        return device_failed(d, e, "allocating memory", err);
    }
    *p = (piece){.bytes = bytes};
    *s = (slab){.next = d->pool.slabs, .base = base, .bytes = bytes, .pieces = p};
    d->pool.slabs = s;
    d->pool.held_bytes += bytes;
    d->pool.counts.peak_bytes = IG_MAX(d->pool.counts.peak_bytes, d->pool.held_bytes);
    d->pool.counts.allocations++;
    return INGOT_OK;
}

/* A slab for at least `bytes`: a usual one, one that just fits, or one after unused slabs went. */
static ingot_status grow(ig_device *d, size_t bytes, ig_device_use use, ingot_error *err)
{
    pool *p = &d->pool;
    if (bytes > p->counts.budget_bytes - IG_MIN(p->held_bytes, p->counts.budget_bytes))
        drop_unused(d);
    const size_t left = p->counts.budget_bytes - IG_MIN(p->held_bytes, p->counts.budget_bytes);
    if (bytes > left) return no_room(d, bytes, use, "the budget is spent", err);
    const size_t part = IG_MIN((size_t)SLAB, p->counts.budget_bytes / SLABS);
    const size_t usual = IG_MIN(left, part) & ~(size_t)(ALIGN - 1);
    if (bytes <= SLAB / 4 && usual > bytes && !add_slab(d, usual, use, NULL)) return INGOT_OK;
    if (cu_lost(d)) return device_gone(d, err);
    if (!add_slab(d, bytes, use, NULL)) return INGOT_OK;
    if (cu_lost(d)) return device_gone(d, err);
    drop_unused(d);
    return add_slab(d, bytes, use, err);
}

/* ---- pieces ---- */

static bool cut(ig_device *d, const slab *s, piece *p, size_t bytes, ig_device_use use, void **out)
{
    if (p->bytes > bytes) {
        piece *rest = ig_take0(d->heap, sizeof *rest);
        if (!rest) return false;
        *rest = (piece){.next = p->next, .at = p->at + bytes, .bytes = p->bytes - bytes};
        p->next = rest;
        p->bytes = bytes;
    }
    p->used = true;
    p->use = use;
    d->pool.counts.used_bytes[use] += bytes;
    *out = s->base + p->at;
    return true;
}

static bool take_piece(ig_device *d, void **out, size_t bytes, ig_device_use use)
{
    slab *best_slab = NULL;
    piece *best = NULL;
    for (slab *s = d->pool.slabs; s; s = s->next) {
        for (piece *p = s->pieces; p; p = p->next) {
            if (p->used || p->bytes < bytes || (best && best->bytes <= p->bytes)) continue;
            best = p;
            best_slab = s;
        }
    }
    return best && cut(d, best_slab, best, bytes, use, out);
}

static void join_free(ig_device *d, piece *p)
{
    while (p->next && !p->used && !p->next->used) {
        piece *next = p->next;
        p->bytes += next->bytes;
        p->next = next->next;
        ig_give(d->heap, next, sizeof *next);
    }
}

static slab *slab_of(const ig_device *d, const void *p)
{
    const unsigned char *at = p;
    slab *s = d->pool.slabs;
    while (at < s->base || at >= s->base + s->bytes) s = s->next;
    return s;
}

void pool_give(ig_device *d, void *p)
{
    slab *s = slab_of(d, p);
    piece *before = NULL, *one = s->pieces;
    while (one->at != (size_t)((unsigned char *)p - s->base)) before = one, one = one->next;
    one->used = false;
    d->pool.counts.used_bytes[one->use] -= one->bytes;
    join_free(d, one);
    if (before) join_free(d, before);
}

/* ---- in order with a stream ---- */

static int take_event(pool *p, gpu_event *out)
{
    if (!p->n_events) return gpu_event_open(out);
    *out = p->events[--p->n_events];
    return 0;
}

static void give_event(pool *p, gpu_event e)
{
    if (p->n_events < POOL_EVENTS)
        p->events[p->n_events++] = e;
    else
        gpu_event_close(e);
}

static void leave(ig_device *d, cu_stream s, void *p)
{
    const slab *of = slab_of(d, p);
    gpu_event e = NULL;
    int error = take_event(&d->pool, &e);
    if (!error) error = gpu_event_record(e, s);
    if (error) { /* the same, with a wait; on a lost device nothing runs any more */
        (void)gpu_stream_wait(s);
        if (e) give_event(&d->pool, e);
        pool_give(d, p);
        return;
    }
    piece *one = of->pieces;
    while (one->at != (size_t)((unsigned char *)p - of->base)) one = one->next;
    one->left = e;
    d->pool.n_leaving++;
}

/* Pieces whose events have come are free; `wait`: all whose giver has left, after a wait. */
static void collect(ig_device *d, bool wait)
{
    for (slab *s = d->pool.slabs; s && d->pool.n_leaving; s = s->next) {
        for (piece *p = s->pieces; p;) {
            const int e = !p->left ? 0 : wait ? gpu_event_wait(p->left) : gpu_event_ask(p->left);
            if (!p->left || e == GPU_E_NOT_READY) {
                p = p->next;
                continue;
            }
            give_event(&d->pool, p->left);
            p->left = NULL;
            d->pool.n_leaving--;
            pool_give(d, s->base + p->at); /* joins it with neighbours */
            p = s->pieces;
        }
    }
}

void pool_collect(ig_device *d)
{
    if (d->pool.n_leaving) collect(d, false);
}

/* ---- taking ---- */

static ingot_status take_or_grow(ig_device *d, void **out, size_t bytes, ig_device_use use,
                                 ingot_error *err)
{
    if (take_piece(d, out, bytes, use)) return INGOT_OK;
    IG_TRY(grow(d, bytes, use, err));
    if (take_piece(d, out, bytes, use)) return INGOT_OK;
    return ig_fail(err, INGOT_E_NOMEM, "cuda:%d: no host memory", d->info.ordinal);
}

ingot_status pool_take(ig_device *d, void **out, size_t bytes, ig_device_use use, ingot_error *err)
{
    *out = NULL;
    size_t whole;
    if (!ig_align_ok(IG_MAX(bytes, (size_t)1), ALIGN, &whole))
        return no_room(d, bytes, use, "no device has that much", err);
    pool_collect(d);
    const ingot_status s = take_or_grow(d, out, whole, use, err);
    if (s != INGOT_E_NOMEM) return s;
    const bool released = constants_release(d);
    if (!released && !d->pool.n_leaving) return s;
    collect(d, true);
    return take_or_grow(d, out, whole, use, err);
}

void pool_close(ig_device *d)
{
    while (d->pool.slabs) drop_slab(d, &d->pool.slabs);
    while (d->pool.n_events) gpu_event_close(d->pool.events[--d->pool.n_events]);
}

/* ---- the table's ---- */

ingot_status cu_take(ig_device *d, void **out, size_t bytes, ig_device_use use, ingot_error *err)
{
    *out = NULL;
    IG_TRY(device_enter(d, err));
    pthread_mutex_lock(&d->lock);
    const ingot_status s = pool_take(d, out, bytes, use, err);
    pthread_mutex_unlock(&d->lock);
    return s;
}

void cu_give(ig_device *d, void *p)
{
    if (!p) return;
    pthread_mutex_lock(&d->lock);
    pool_give(d, p);
    pthread_mutex_unlock(&d->lock);
}

void stream_leave(ig_device_stream *s, void *p)
{
    ig_device *d = s->device;
    if (!p) return;
    (void)gpu_use(d->info.ordinal);
    pthread_mutex_lock(&d->lock);
    leave(d, s->s, p);
    pthread_mutex_unlock(&d->lock);
}
