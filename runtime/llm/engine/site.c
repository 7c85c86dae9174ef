/* site.c - see site.h. */
#include "runtime/llm/engine/site.h"
#include "runtime/base/checked.h"

#include <string.h>
#include <sys/mman.h>

/* ---- pages ---- */

static void give(void *ud, void *p, size_t bytes, bool spare)
{
    ig_site *s = ud;
    const ig_exec_device *first = &s->parts[0].device;
    if (spare) {
        first->api->give_pinned(first->device, p);
        return;
    }
    for (size_t i = 0; i < s->n; i++) {
        const ig_exec_device *d = &s->parts[i].device;
        if (s->parts[i].pool) d->api->give(d->device, s->parts[i].pool);
        s->parts[i].pool = NULL;
    }
    if (s->n > 1) munmap(p, bytes);
}

/* The range that stands for the pages of several devices: addresses without memory. */
static ingot_status take_range(void **out, size_t bytes, ingot_error *err)
{
    *out = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return *out == MAP_FAILED
               ? ig_fail(err, INGOT_E_NOMEM, "no addresses for %zu bytes of pages", bytes)
               : INGOT_OK;
}

static ingot_status take(void *ud, void **out, size_t bytes, bool spare, ingot_error *err)
{
    ig_site *s = ud;
    const ig_exec_device *first = &s->parts[0].device;
    if (spare) return first->api->take_pinned(first->device, out, bytes, err);
    if (s->n > 1) IG_TRY(take_range(out, bytes, err));
    for (size_t i = 0; i < s->n; i++) {
        const ig_exec_device *d = &s->parts[i].device;
        void *pool;
        const ingot_status status = d->api->take(d->device, &pool, bytes / s->n, IG_DEVICE_KV, err);
        if (status) {
            give(s, s->n > 1 ? *out : NULL, bytes, false);
            return status;
        }
        s->parts[i].pool = pool;
        if (s->n == 1) *out = pool;
    }
    return INGOT_OK;
}

static ingot_status copy(const ig_site_part *p, void *to, const void *from, size_t bytes,
                         ig_device_way way, ingot_error *err)
{
    return p->device.api->copy(p->device.stream, to, from, bytes, way, err);
}

/* One page between the host and a rank's pool, layer by layer: its heads are one piece of each. */
static ingot_status move_heads(const ig_site *s, size_t rank, size_t page, char *host,
                               ig_device_way way, ingot_error *err)
{
    const ig_site_part *p = &s->parts[rank];
    unsigned char *own = p->pool + page * (s->whole.page_bytes / s->n);
    for (size_t l = 0; l < s->whole.n_layers; l++) {
        const ig_kv_layer *layer = &s->whole.layers[l];
        const size_t bytes = layer->kv_heads / s->n * layer->format.bytes;
        unsigned char *there = own + layer->at / s->n;
        char *here = host + layer->at + rank * bytes;
        IG_TRY(way == IG_TO_HOST ? copy(p, here, there, bytes, way, err)
                                 : copy(p, there, here, bytes, way, err));
    }
    return INGOT_OK;
}

static size_t page_of(const ig_site *s, const void *p)
{
    return (size_t)((const unsigned char *)p - s->whole.base) / s->whole.page_bytes;
}

static ingot_status move(void *ud, void *to, const void *from, size_t bytes, ig_kv_way way,
                         ingot_error *err)
{
    static const ig_device_way ways[] = {[IG_KV_WITHIN] = IG_ON_DEVICE,
                                         [IG_KV_TO_SPARE] = IG_TO_HOST,
                                         [IG_KV_FROM_SPARE] = IG_TO_DEVICE};
    const ig_site *s = ud;
    if (s->n == 1) return copy(&s->parts[0], to, from, bytes, ways[way], err);
    const size_t own = s->whole.page_bytes / s->n;
    for (size_t i = 0; i < s->n; i++) {
        unsigned char *pool = s->parts[i].pool;
        if (way == IG_KV_WITHIN)
            IG_TRY(copy(&s->parts[i], pool + page_of(s, to) * own, pool + page_of(s, from) * own,
                        own, IG_ON_DEVICE, err));
        else if (way == IG_KV_TO_SPARE)
            IG_TRY(move_heads(s, i, page_of(s, from), to, IG_TO_HOST, err));
        else /* the host's page is only read */
            IG_TRY(move_heads(s, i, page_of(s, to), (char *)(uintptr_t)from, IG_TO_DEVICE, err));
    }
    return INGOT_OK;
}

static ingot_status settle(void *ud, ingot_error *err)
{
    const ig_site *s = ud;
    for (size_t i = 0; i < s->n; i++) {
        const ig_exec_device *d = &s->parts[i].device;
        IG_TRY(d->api->wait(d->stream, err));
    }
    return INGOT_OK;
}

void ig_site_step(ig_site *s, ig_kv_step *step, ig_kv_layer *layers, const ig_kv_step *whole,
                  size_t rank, size_t n_ranks)
{
    *step = *whole;
    memcpy(layers, whole->layers, whole->n_layers * sizeof *layers);
    step->layers = layers;
    const bool own_pool = s->n > 1;
    if (own_pool) {
        s->whole = *whole;
        step->base = s->parts[rank].pool;
        step->page_bytes = whole->page_bytes / n_ranks;
    }
    for (size_t i = 0; i < whole->n_layers; i++) {
        layers[i].kv_heads /= n_ranks;
        layers[i].at = own_pool ? layers[i].at / n_ranks
                                : layers[i].at + rank * layers[i].kv_heads * layers[i].format.bytes;
    }
}

/* ---- the site ---- */

static ingot_status open_comms(ig_site *s, ingot_error *err)
{
    const ig_device_api *api = s->parts[0].device.api;
    ig_device_stream *streams[IG_COMM_RANKS];
    ig_comm *comms[IG_COMM_RANKS];
    for (size_t i = 0; i < s->n; i++) streams[i] = s->parts[i].device.stream;
    IG_TRY(api->comms_open(comms, streams, s->n, err));
    for (size_t i = 0; i < s->n; i++) s->parts[i].comm = comms[i];
    return INGOT_OK;
}

static void close_comms(ig_site *s)
{
    ig_comm *comms[IG_COMM_RANKS];
    for (size_t i = 0; i < s->n; i++) comms[i] = s->parts[i].comm;
    s->parts[0].device.api->comms_close(comms, s->n);
}

static ingot_status open_parts(ig_site *s, const ig_exec_device *devices, ingot_error *err)
{
    for (size_t i = 0; i < s->n; i++) {
        const ig_exec_device *d = &devices[i];
        ig_device_stream *stream;
        IG_TRY(d->api->stream_open(&stream, d->device, err));
        s->parts[i].device = *d;
        s->parts[i].device.stream = stream;
        s->parts[i].device.only = true;
    }
    return s->n > 1 ? open_comms(s, err) : INGOT_OK;
}

ingot_status ig_site_open(ig_site *s, ig_heap *heap, const ig_exec_device *devices, size_t n,
                          ingot_error *err)
{
    *s = (ig_site){.heap = heap};
    if (!n) return INGOT_OK;
    if (n > IG_COMM_RANKS)
        return ig_fail(err, INGOT_E_ARG, "%zu devices: at most %d work together", n, IG_COMM_RANKS);
    s->parts = ig_take0(heap, n * sizeof *s->parts);
    if (!s->parts) return ig_fail(err, INGOT_E_NOMEM, "no memory for %zu devices", n);
    s->n = n;
    s->memory = (ig_kv_memory){
        .ud = s, .device = true, .take = take, .give = give, .move = move, .settle = settle};
    const ingot_status status = open_parts(s, devices, err);
    if (status) ig_site_close(s);
    return status;
}

void ig_site_close(ig_site *s)
{
    if (s->n > 1 && s->parts[s->n - 1].comm) close_comms(s);
    for (size_t i = 0; i < s->n; i++) {
        const ig_exec_device *d = &s->parts[i].device;
        if (d->stream) d->api->stream_close(&s->parts[i].device.stream);
    }
    if (s->parts) ig_give(s->heap, s->parts, s->n * sizeof *s->parts);
    *s = (ig_site){0};
}

size_t ig_site_kv_room(const ig_site *s, const ig_graph *g)
{
    size_t weights = 0, least = SIZE_MAX;
    for (size_t v = 0; v < g->n_values; v++)
        if (g->values[v].is_const && !ig_add_ok(weights, g->values[v].data_bytes, &weights))
            return 0;
    for (size_t i = 0; i < s->n; i++) {
        ig_device_memory m;
        s->parts[i].device.api->memory(s->parts[i].device.device, &m);
        size_t taken = m.budget_bytes / 10 + weights / s->n;
        for (size_t u = 0; u < IG_DEVICE_USES; u++) taken += m.used_bytes[u];
        least = IG_MIN(least, taken < m.budget_bytes ? m.budget_bytes - taken : 0);
    }
    return least == SIZE_MAX || !ig_mul_ok(least, s->n, &least) ? SIZE_MAX : least;
}
