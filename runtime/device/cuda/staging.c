/* staging.c - copies between the device and host memory that is not pinned.
 *
 * The device's copy engines reach pinned memory only, so such copies go through a ring of pinned
 * slots: while one slot travels the next is filled. A slot is used again when the event behind its
 * copy has come. */
#include "runtime/device/cuda/inside.h"
#include "runtime/base/checked.h"

#include <string.h>

void staging_close(staging *st)
{
    for (size_t i = 0; i < STAGING_SLOTS; i++) {
        staging_slot *slot = &st->slots[i];
        if (slot->done) gpu_event_close(slot->done);
        if (slot->pinned) gpu_give_pinned(slot->pinned);
        *slot = (staging_slot){0};
    }
}

/* The slot's latest copy is done, and what it brought is where the host wants it. */
static ingot_status settle(ig_device *d, staging_slot *slot, ingot_error *err)
{
    if (!slot->busy) return INGOT_OK;
    slot->busy = false;
    CU_TRY(d, "waiting for a copy", err, gpu_event_wait(slot->done));
    if (slot->to) memcpy(slot->to, slot->pinned, slot->bytes);
    return INGOT_OK;
}

static ingot_status next_slot(ig_device *d, staging *st, staging_slot **out, ingot_error *err)
{
    staging_slot *slot = &st->slots[st->next];
    st->next = (st->next + 1) % STAGING_SLOTS;
    *out = slot;
    IG_TRY(settle(d, slot, err));
    if (!slot->done) CU_TRY(d, "making an event", err, gpu_event_open(&slot->done));
    if (!slot->pinned)
        CU_TRY(d, "taking pinned host memory", err,
               gpu_take_pinned((void **)&slot->pinned, st->slot_bytes));
    return INGOT_OK;
}

ingot_status staging_copy(ig_device *d, staging *st, cu_stream s, void *to, const void *from,
                          size_t bytes, gpu_way way, ingot_error *err)
{
    const bool up = way == GPU_UP;
    for (size_t at = 0; at < bytes;) {
        const size_t n = IG_MIN(bytes - at, st->slot_bytes);
        staging_slot *slot;
        IG_TRY(next_slot(d, st, &slot, err));
        if (up) memcpy(slot->pinned, (const char *)from + at, n);
        CU_TRY(d, "copying", err,
               gpu_copy(s, up ? (char *)to + at : (char *)slot->pinned,
                        up ? (const char *)slot->pinned : (const char *)from + at, n, way));
        CU_TRY(d, "copying", err, gpu_event_record(slot->done, s));
        slot->busy = true;
        slot->to = up ? NULL : (char *)to + at;
        slot->bytes = n;
        at += n;
    }
    return INGOT_OK;
}

ingot_status staging_finish(ig_device *d, staging *st, ingot_error *err)
{
    for (unsigned i = 0; i < STAGING_SLOTS; i++)
        IG_TRY(settle(d, &st->slots[(st->next + i) % STAGING_SLOTS], err));
    return INGOT_OK;
}
