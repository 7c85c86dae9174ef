/* kv.c - the cache of the next launches: its tables, made on the host and sent to a place of the
 * stream's own. */
#include "runtime/device/cuda/inside.h"
#include "runtime/device/cuda/kv_tables.h"
#include "runtime/base/checked.h"

enum { KV_LEAST = 64 << 10 }; /* bytes of an image: most steps' fit */

struct kv_image {
    cu_kv_tables tables;
    void *device;
    int32_t *host;
    size_t bytes;  /* room of both */
    uint64_t born; /* how often they were taken */
};

static void give(ig_device_stream *s, struct kv_image *k)
{
    stream_leave(s, k->device);
    if (k->host) ig_give(s->device->heap, k->host, k->bytes);
    k->device = NULL;
    k->host = NULL;
    k->bytes = 0;
}

/* Launches that are under way still read the old image on the device. */
static ingot_status grow(ig_device_stream *s, struct kv_image *k, size_t bytes, ingot_error *err)
{
    ig_device *d = s->device;
    const size_t room = IG_MAX(bytes, IG_MAX(2 * k->bytes, (size_t)KV_LEAST));
    give(s, k);
    k->host = ig_take(d->heap, room);
    if (!k->host) return ig_fail(err, INGOT_E_NOMEM, "cuda:%d: no host memory", d->info.ordinal);
    k->bytes = room;
    k->born++;
    return cu_take(d, &k->device, room, IG_DEVICE_KV, err);
}

ingot_status cu_kv(ig_device_stream *s, const ig_kv_step *kv, uint64_t *form, ingot_error *err)
{
    ig_device *d = s->device;
    size_t bytes;
    s->kv = NULL;
    if (!kv) return INGOT_OK;
    if (!s->image) s->image = ig_take0(d->heap, sizeof *s->image);
    struct kv_image *k = s->image;
    if (!k) return ig_fail(err, INGOT_E_NOMEM, "cuda:%d: no host memory", d->info.ordinal);
    IG_TRY(ig_cu_kv_measure(&bytes, kv, err));
    if (bytes > k->bytes || !k->device) IG_TRY(grow(s, k, bytes, err));
    k->tables.image = k->device;
    ig_cu_kv_fill(&k->tables, k->host, &bytes, kv, d->info.processors);
    IG_TRY(cu_copy(s, k->device, k->host, bytes, IG_TO_DEVICE, err));
    /* grids may have a block for each tile */
    *form = k->born << 40 | (uint64_t)k->tables.n_tiles << 2 |
            (uint64_t)(k->tables.n_items > 0) << 1 | (k->tables.n_tiles > 0);
    s->kv = &k->tables;
    return INGOT_OK;
}

void kv_close(ig_device_stream *s)
{
    if (!s->image) return;
    give(s, s->image);
    ig_give(s->device->heap, s->image, sizeof *s->image);
    s->image = NULL;
}
