/* constants.c - weights on the device, each once.
 *
 * A constant is known by its address in host memory and the form it is kept in. One in plain form
 * travels when the first step that reads it is launched: the device computes the first layers while
 * the host fills the ring with the weights of later ones. One in a form of its own travels when the
 * step is bound: made by the host, or by kernels from what lies in the file, which passes through
 * device memory in pieces of a slot. That passage is kept until all that was sent has come. A
 * launch waits for the constants that it reads, and no others. */
#include "runtime/device/cuda/inside.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { UPLOAD_SLOT = 16 << 20 };

struct constant {
    constant *next;
    const void *host;
    char *form; /* NULL: plain */
    size_t bytes;
    void *p;
    size_t holds;
    uint64_t upload; /* its number; 0: not begun */
    gpu_event done;  /* of its upload */
};

ingot_status constants_open(ig_device *d, ingot_error *err)
{
    constants *c = &d->constants;
    c->staging.slot_bytes = UPLOAD_SLOT;
    atomic_init(&c->begun, 0);
    atomic_init(&c->waiting, 0);
    CU_TRY(d, "making a stream", err, gpu_stream_open(&c->stream));
    CU_TRY(d, "making an event", err, gpu_event_open(&c->latest));
    return INGOT_OK;
}

static void drop(ig_device *d, constant **link)
{
    constant *c = *link;
    *link = c->next;
    if (!c->upload) atomic_fetch_sub(&d->constants.waiting, 1);
    if (c->upload) (void)gpu_event_wait(c->done);
    if (c->done) gpu_event_close(c->done);
    if (c->p) pool_give(d, c->p);
    if (c->form) ig_give(d->heap, c->form, strlen(c->form) + 1);
    ig_give(d->heap, c, sizeof *c);
}

void constants_close(ig_device *d)
{
    constants *c = &d->constants;
    while (c->first) drop(d, &c->first);
    if (c->stream) (void)gpu_stream_wait(c->stream);
    (void)constants_release(d);
    staging_close(&c->staging);
    if (c->latest) gpu_event_close(c->latest);
    if (c->stream) gpu_stream_close(c->stream);
}

/* ---- making (the lock is held) ---- */

static constant *find(const ig_device *d, const void *host, const char *form, size_t bytes)
{
    for (constant *c = d->constants.first; c; c = c->next)
        if (c->host == host && c->bytes == bytes &&
            (form ? c->form && !strcmp(c->form, form) : !c->form))
            return c;
    return NULL;
}

static ingot_status add(ig_device *d, const void *host, const char *form, size_t bytes,
                        constant **out, ingot_error *err)
{
    constant *c = ig_take0(d->heap, sizeof *c);
    if (!c) return ig_fail(err, INGOT_E_NOMEM, "cuda:%d: no host memory", d->info.ordinal);
    *c = (constant){.next = d->constants.first, .host = host, .bytes = bytes, .holds = 1};
    d->constants.first = c;
    atomic_fetch_add(&d->constants.waiting, 1);
    ingot_status s = INGOT_OK;
    if (form) {
        c->form = ig_take(d->heap, strlen(form) + 1);
        if (c->form)
            memcpy(c->form, form, strlen(form) + 1);
        else
            s = ig_fail(err, INGOT_E_NOMEM, "cuda:%d: no host memory", d->info.ordinal);
    }
    if (!s) s = pool_take(d, &c->p, bytes, IG_DEVICE_WEIGHTS, err);
    if (s) drop(d, &d->constants.first);
    *out = s ? NULL : c;
    return s;
}

/* All of c is on its way. */
static ingot_status sent(ig_device *d, constant *c, ingot_error *err)
{
    constants *all = &d->constants;
    if (!c->done) CU_TRY(d, "making an event", err, gpu_event_open(&c->done));
    CU_TRY(d, "copying weights", err, gpu_event_record(c->done, all->stream));
    CU_TRY(d, "copying weights", err, gpu_event_record(all->latest, all->stream));
    c->upload = atomic_fetch_add(&all->begun, 1) + 1;
    atomic_fetch_sub(&all->waiting, 1);
    return INGOT_OK;
}

static ingot_status upload(ig_device *d, constant *c, const void *from, ingot_error *err)
{
    constants *all = &d->constants;
    IG_TRY(staging_copy(d, &all->staging, all->stream, c->p, from, c->bytes, GPU_UP, err));
    return sent(d, c, err);
}

ingot_status cu_constant(ig_device *d, const void *host, size_t bytes, void **out, ingot_error *err)
{
    *out = NULL;
    IG_TRY(device_enter(d, err));
    pthread_mutex_lock(&d->lock);
    constant *c = find(d, host, NULL, bytes);
    ingot_status s = INGOT_OK;
    if (c)
        c->holds++;
    else
        s = add(d, host, NULL, bytes, &c, err);
    if (!s) *out = c->p;
    pthread_mutex_unlock(&d->lock);
    return s;
}

static ingot_status pack(ig_device *d, constant *c, ig_cu_fill fill, const void *ud,
                         ingot_error *err)
{
    void *made = ig_take0(d->heap, c->bytes);
    if (!made)
        return ig_fail(err, INGOT_E_NOMEM, "cuda:%d: no host memory to pack %zu bytes of weights",
                       d->info.ordinal, c->bytes);
    ingot_status s = fill(ud, made, err);
    if (!s) s = upload(d, c, made, err);
    ig_give(d->heap, made, c->bytes);
    return s;
}

/* ---- made by the device ---- */

bool constants_release(ig_device *d)
{
    constants *all = &d->constants;
    if (!all->passage) return false;
    (void)gpu_event_wait(all->latest); /* fails where the device is lost: nothing is under way */
    pool_give(d, all->passage);
    all->passage = NULL;
    all->passage_bytes = 0;
    return true;
}

/* Room for `units` of `each` bytes, for fewer where the budget is nearly spent, for one at least.
 */
static ingot_status widen_passage(ig_device *d, size_t units, size_t each, ingot_error *err)
{
    constants *all = &d->constants;
    ingot_status s = INGOT_OK;
    if (all->passage_bytes >= units * each) return INGOT_OK;
    (void)constants_release(d);
    do {
        s = pool_take(d, &all->passage, units * each, IG_DEVICE_WEIGHTS, err);
        if (!s) all->passage_bytes = units * each;
        units /= 2;
    } while (s == INGOT_E_NOMEM && units);
    return s;
}

/* Pieces and kernels are work of one stream, in order: a piece comes when its place is free. */
static ingot_status send_units(ig_device *d, constant *c, const ig_cu_source *from,
                               ingot_error *err)
{
    constants *all = &d->constants;
    const size_t each = from->unit_bytes, units = each ? from->units : 0;
    if (units)
        IG_TRY(widen_passage(d, IG_MIN(units, IG_MAX((size_t)UPLOAD_SLOT / each, (size_t)1)), each,
                             err));
    CU_TRY(d, "converting weights", err, gpu_clear(all->stream, c->p, c->bytes));
    for (size_t at = 0, n; at < units; at += n) {
        n = IG_MIN(all->passage_bytes / each, units - at);
        IG_TRY(staging_copy(d, &all->staging, all->stream, all->passage,
                            (const char *)from->host + at * each, n * each, GPU_UP, err));
        CU_TRY(d, "converting weights", err,
               from->make(from->ud, c->p, all->passage, at, n, all->stream));
    }
    return sent(d, c, err);
}

/* ---- constants in a form of their own ---- */

typedef struct {
    ig_cu_fill fill; /* by the host; NULL: by the device, from `source` */
    const void *ud;
    const ig_cu_source *source;
} maker;

static ingot_status find_or_make(ig_device *d, const void *host, const char *form, size_t bytes,
                                 const maker *how, void **out, ingot_error *err)
{
    *out = NULL;
    IG_TRY(device_enter(d, err));
    pthread_mutex_lock(&d->lock);
    constant *c = find(d, host, form, bytes);
    ingot_status s = INGOT_OK;
    if (c) {
        c->holds++;
    } else {
        s = add(d, host, form, bytes, &c, err);
        if (!s)
            s = how->fill ? pack(d, c, how->fill, how->ud, err)
                          : send_units(d, c, how->source, err);
        if (s && c) {
            (void)gpu_stream_wait(d->constants.stream); /* some of it may be on its way */
            drop(d, &d->constants.first);               /* add put it there */
        }
    }
    if (!s) *out = c->p;
    pthread_mutex_unlock(&d->lock);
    return s;
}

ingot_status ig_cu_pack(ig_device *d, const void *host, const char *form, size_t bytes,
                        ig_cu_fill fill, const void *ud, void **out, ingot_error *err)
{
    return find_or_make(d, host, form, bytes, &(maker){.fill = fill, .ud = ud}, out, err);
}

ingot_status ig_cu_convert(ig_device *d, const ig_cu_source *from, const char *form, size_t bytes,
                           void **out, ingot_error *err)
{
    return find_or_make(d, from->host, form, bytes, &(maker){.source = from}, out, err);
}

void cu_give_constant(ig_device *d, void *p)
{
    if (!p) return;
    (void)gpu_use(d->info.ordinal);
    pthread_mutex_lock(&d->lock);
    constant **link = &d->constants.first;
    while (*link && (*link)->p != p) link = &(*link)->next;
    if (*link && !--(*link)->holds) drop(d, link);
    if (!d->constants.first) (void)constants_release(d); /* no run has come to do it */
    pthread_mutex_unlock(&d->lock);
}

void ig_cu_unpack(ig_device *d, void *p) { cu_give_constant(d, p); }

/* ---- reading ---- */

static ingot_status wait_for(ig_device_stream *s, uint64_t upload_number, gpu_event e,
                             ingot_error *err)
{
    CU_TRY(s->device, "waiting for weights", err, gpu_stream_after(s->s, e));
    s->uploads_seen = upload_number;
    return INGOT_OK;
}

/* The event of upload `number`, or of all so far where its constant is gone. */
static gpu_event event_of(const ig_device *d, uint64_t number)
{
    for (const constant *c = d->constants.first; c; c = c->next)
        if (c->upload == number) return c->done;
    return d->constants.latest;
}

static ingot_status begin_inputs(ig_device *d, const void *const *in, size_t n, uint64_t *need,
                                 ingot_error *err)
{
    for (constant *c = d->constants.first; c; c = c->next) {
        bool read = false;
        for (size_t i = 0; i < n; i++) read = read || in[i] == c->p;
        if (!read || c->form) continue;
        if (!c->upload) IG_TRY(upload(d, c, c->host, err));
        *need = IG_MAX(*need, c->upload);
    }
    return INGOT_OK;
}

ingot_status constants_before(ig_device_stream *s, const bound *b, const void *const *in, size_t n,
                              ingot_error *err)
{
    ig_device *d = s->device;
    constants *all = &d->constants;
    if (!atomic_load(&all->waiting) && s->uploads_seen >= atomic_load(&all->begun)) return INGOT_OK;
    uint64_t need = b->uploads;
    pthread_mutex_lock(&d->lock);
    ingot_status status = begin_inputs(d, in, n, &need, err);
    if (!status && need > s->uploads_seen) status = wait_for(s, need, event_of(d, need), err);
    pthread_mutex_unlock(&d->lock);
    return status;
}

ingot_status constants_all(ig_device_stream *s, ingot_error *err)
{
    ig_device *d = s->device;
    pthread_mutex_lock(&d->lock);
    ingot_status status = INGOT_OK;
    /* a run that ended early has left some behind */
    for (constant *c = d->constants.first; c && !status; c = c->next)
        if (!c->form && !c->upload) status = upload(d, c, c->host, err);
    const uint64_t begun = atomic_load(&d->constants.begun);
    if (!status && s->uploads_seen < begun) status = wait_for(s, begun, d->constants.latest, err);
    pthread_mutex_unlock(&d->lock);
    return status;
}

void constants_settle(ig_device_stream *s)
{
    ig_device *d = s->device;
    pthread_mutex_lock(&d->lock);
    if (s->uploads_seen >= atomic_load(&d->constants.begun)) (void)constants_release(d);
    pthread_mutex_unlock(&d->lock);
}
