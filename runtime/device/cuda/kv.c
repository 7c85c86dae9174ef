/* kv.c - the cache of a stream's next launches: its tables in device memory at a fixed place.
 *
 * The image of a step (kv_tables.h) travels in order with the stream's work, before the launches
 * that read it. It stays where it is as long as it fits, so that recordings find it; what else a
 * recording depends on is compared when it is replayed. */
#include "runtime/device/cuda/inside.h"
#include "runtime/device/cuda/kv_tables.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { LEAST_BYTES = 64 << 10 };

void kv_close(ig_device_stream *s)
{
    kv_state *k = &s->kv;
    ig_device *d = s->device;
    cu_give(d, k->tables.image);
    ig_give(d->heap, k->host, k->bytes);
    *k = (kv_state){0};
}

/* Room for a step of so many bytes, twice as much as before. */
static ingot_status grow(ig_device_stream *s, size_t bytes, ingot_error *err)
{
    kv_state *k = &s->kv;
    ig_device *d = s->device;
    size_t room = IG_MAX(k->bytes, (size_t)LEAST_BYTES);
    while (room < bytes && ig_mul_ok(room, (size_t)2, &room)) {
    }
    if (room < bytes) return ig_fail(err, INGOT_E_NOMEM, "tables of %zu bytes", bytes);
    IG_TRY(cu_wait(s, err));
    kv_close(s);
    void *image;
    k->host = ig_take(d->heap, room);
    if (!k->host) return ig_fail(err, INGOT_E_NOMEM, "cuda:%d: no host memory", d->info.ordinal);
    k->bytes = room;
    IG_TRY(cu_take(d, &image, room, IG_DEVICE_KV, err));
    k->tables.image = image;
    return INGOT_OK;
}

ingot_status cu_kv(ig_device_stream *s, const ig_kv_step *kv, ingot_error *err)
{
    kv_state *k = &s->kv;
    ig_device *d = s->device;
    size_t bytes;
    k->present = false;
    if (!kv) return INGOT_OK;
    IG_TRY(device_enter(d, err));
    IG_TRY(ig_cu_kv_measure(&bytes, kv, err));
    if (bytes > k->bytes || !k->tables.image) IG_TRY(grow(s, bytes, err));
    ig_cu_kv_fill(&k->tables, k->host, &bytes, kv, ig_cu_chip(d).processors);
    IG_TRY(staging_copy(d, &s->staging, s->s, k->tables.image, k->host, bytes, GPU_UP, err));
    k->present = true;
    return INGOT_OK;
}

const struct cu_kv_tables *ig_cu_kv(const ig_device_stream *s)
{
    return s->kv.present ? &s->kv.tables : NULL;
}

/* Launches are given addresses and the counts of tiles and items by value; of items only whether
 * there are any matters to what is launched. */
kv_mark kv_mark_of(const ig_device_stream *s)
{
    const cu_kv_tables *t = &s->kv.tables;
    if (!s->kv.present) return (kv_mark){0};
    return (kv_mark){.image = t->image,
                     .base = t->base,
                     .layers = t->layers,
                     .page_bytes = t->page_bytes,
                     .tiles = t->n_tiles,
                     .items = t->n_items > 0};
}

bool kv_same(kv_mark a, kv_mark b)
{
    return a.image == b.image && a.base == b.base && a.layers == b.layers &&
           a.page_bytes == b.page_bytes && a.tiles == b.tiles && a.items == b.items;
}
