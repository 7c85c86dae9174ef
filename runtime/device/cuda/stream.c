/* stream.c - streams of work, copies on them, recordings of them.
 *
 * A stream computes and copies in order: what a step reads was written, and what a copy reads is
 * not overwritten, without any event between them. Uploads of constants have a stream of their own
 * (constants.c); whoever wants other copies beside the work opens a second stream. */
#include "runtime/device/cuda/inside.h"
#include "runtime/base/checked.h"

enum { STREAM_SLOT = 2 << 20 };

struct pinned {
    struct pinned *next;
    unsigned char *p;
    size_t bytes;
};

ingot_status cu_stream_open(ig_device_stream **out, ig_device *d, ingot_error *err)
{
    *out = NULL;
    IG_TRY(device_enter(d, err));
    ig_device_stream *s = ig_take0(d->heap, sizeof *s);
    if (!s) return ig_fail(err, INGOT_E_NOMEM, "cuda:%d: no host memory", d->info.ordinal);
    s->device = d;
    atomic_init(&s->parted, false);
    s->staging.slot_bytes = STREAM_SLOT;
    int e = fault_open(s);
    if (!e) e = gpu_stream_open(&s->s);
    if (e) {
        fault_close(s);
        ig_give(d->heap, s, sizeof *s);
        return device_failed(d, e, "making a stream", err);
    }
    *out = s;
    return INGOT_OK;
}

void cu_stream_close(ig_device_stream **stream)
{
    ig_device_stream *s = *stream;
    *stream = NULL;
    if (!s) return;
    ig_device *d = s->device;
    (void)gpu_use(d->info.ordinal);
    (void)gpu_stream_wait(s->s); /* its staging memory is in use until then */
    staging_close(&s->staging);
    kv_close(s);
    gpu_stream_close(s->s);
    fault_close(s);
    ig_give(d->heap, s, sizeof *s);
}

static ingot_status parted(const ig_device_stream *s, ingot_error *err)
{
    return ig_fail(
        err, INGOT_E_DEVICE,
        "cuda:%d (%s) has no part in the model any more, since another device that shares "
        "it failed",
        s->device->info.ordinal, s->device->info.name);
}

ingot_status stream_enter(ig_device_stream *s, ingot_error *err)
{
    IG_TRY(device_enter(s->device, err));
    return atomic_load(&s->parted) ? parted(s, err) : INGOT_OK;
}

ingot_status cu_copy(ig_device_stream *s, void *to, const void *from, size_t bytes,
                     ig_device_way way, ingot_error *err)
{
    ig_device *d = s->device;
    IG_TRY(stream_enter(s, err));
    if (!bytes) return INGOT_OK;
    const void *host = way == IG_TO_DEVICE ? from : to;
    if (way != IG_ON_DEVICE && s->recording)
        return ig_fail(err, INGOT_E_INTERNAL, "cuda: a copy to or from the host is recorded");
    static const gpu_way ways[] = {
        [IG_TO_DEVICE] = GPU_UP, [IG_TO_HOST] = GPU_DOWN, [IG_ON_DEVICE] = GPU_WITHIN};
    if (way != IG_ON_DEVICE && !device_pinned(d, host, bytes))
        return staging_copy(d, &s->staging, s->s, to, from, bytes, ways[way], err);
    CU_TRY(d, "copying", err, gpu_copy(s->s, to, from, bytes, ways[way]));
    return INGOT_OK;
}

ingot_status cu_wait(ig_device_stream *s, ingot_error *err)
{
    ig_device *d = s->device;
    IG_TRY(device_enter(d, err));
    CU_TRY(d, "running what was launched", err, gpu_stream_wait(s->s));
    constants_settle(s);
    if (atomic_load(&s->parted)) return parted(s, err); /* it was waited for, it means nothing */
    IG_TRY(staging_finish(d, &s->staging, err));
    return fault_check(s, err);
}

/* ---- pinned memory ---- */

ingot_status cu_take_pinned(ig_device *d, void **out, size_t bytes, ingot_error *err)
{
    *out = NULL;
    IG_TRY(device_enter(d, err));
    struct pinned *one = ig_take0(d->heap, sizeof *one);
    if (!one) return ig_fail(err, INGOT_E_NOMEM, "cuda:%d: no host memory", d->info.ordinal);
    void *p = NULL;
    const int e = gpu_take_pinned(&p, IG_MAX(bytes, (size_t)1));
    if (e) {
        ig_give(d->heap, one, sizeof *one);
        return device_failed(d, e, "taking pinned host memory", err);
    }
    pthread_mutex_lock(&d->lock);
    *one = (struct pinned){.next = d->pinned, .p = p, .bytes = bytes};
    d->pinned = one;
    pthread_mutex_unlock(&d->lock);
    *out = p;
    return INGOT_OK;
}

void cu_give_pinned(ig_device *d, void *p)
{
    if (!p) return;
    pthread_mutex_lock(&d->lock);
    struct pinned **link = &d->pinned, *one;
    while ((*link)->p != (unsigned char *)p) link = &(*link)->next;
    one = *link;
    *link = one->next;
    pthread_mutex_unlock(&d->lock);
    (void)gpu_use(d->info.ordinal);
    gpu_give_pinned(p);
    ig_give(d->heap, one, sizeof *one);
}

bool device_pinned(ig_device *d, const void *p, size_t bytes)
{
    const unsigned char *at = p;
    bool found = false;
    pthread_mutex_lock(&d->lock);
    for (const struct pinned *one = d->pinned; one && !found; one = one->next)
        found =
            at >= one->p && at < one->p + one->bytes && bytes <= one->bytes - (size_t)(at - one->p);
    pthread_mutex_unlock(&d->lock);
    return found;
}

/* ---- recordings ---- */

struct ig_device_graph {
    ig_heap *heap;
    gpu_graph graph;
};

ingot_status cu_record_begin(ig_device_stream *s, ingot_error *err)
{
    IG_TRY(stream_enter(s, err));
    IG_TRY(constants_all(s, err)); /* a recording waits for nothing outside itself */
    CU_TRY(s->device, "recording", err, gpu_record_begin(s->s));
    s->recording = true;
    return INGOT_OK;
}

ingot_status cu_record_end(ig_device_stream *s, ig_device_graph **out, ingot_error *err)
{
    ig_device *d = s->device;
    *out = NULL;
    s->recording = false;
    gpu_graph graph = NULL;
    (void)gpu_use(d->info.ordinal);
    const int e = gpu_record_end(s->s, &graph);
    if (e) return device_failed(d, e, "recording", err);
    ig_device_graph *g = ig_take0(d->heap, sizeof *g);
    if (!g) {
        gpu_graph_close(graph);
        return ig_fail(err, INGOT_E_NOMEM, "cuda:%d: no host memory", d->info.ordinal);
    }
    *g = (ig_device_graph){.heap = d->heap, .graph = graph};
    *out = g;
    return INGOT_OK;
}

ingot_status cu_replay(ig_device_stream *s, ig_device_graph *graph, ingot_error *err)
{
    IG_TRY(stream_enter(s, err));
    CU_TRY(s->device, "replaying", err, gpu_graph_replay(graph->graph, s->s));
    return INGOT_OK;
}

void cu_graph_close(ig_device_graph **graph)
{
    ig_device_graph *g = *graph;
    *graph = NULL;
    if (!g) return;
    gpu_graph_close(g->graph);
    ig_give(g->heap, g, sizeof *g);
}
