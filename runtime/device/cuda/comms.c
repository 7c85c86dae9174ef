/* comms.c - devices that share a model, as ends of a communicator (runtime/graph/comm.h).
 *
 * A gather is a sum of rows that are zero but for the rank's own columns: twice the bytes of what
 * moves, of logits alone, and the library knows no gather of columns. */
#include "runtime/device/cuda/inside.h"
#include "runtime/graph/comm.h"

typedef struct {
    ig_comm comm;
    ig_device_stream *stream;
    gpu_comm end;
    struct ends *all;
} cu_end;

struct ends {
    ig_heap *heap;
    cu_end v[IG_COMM_RANKS];
};

static ingot_status sum(ig_comm *c, float *v, size_t n, ingot_error *err)
{
    cu_end *e = (cu_end *)c;
    IG_TRY(stream_enter(e->stream, err));
    CU_TRY(e->stream->device, "adding with other devices", err,
           gpu_comm_sum(e->end, e->stream->s, v, n));
    return INGOT_OK;
}

static ingot_status gather(ig_comm *c, float *all, const float *part, size_t rows,
                           const int64_t *first, ingot_error *err)
{
    cu_end *e = (cu_end *)c;
    ig_device *d = e->stream->device;
    const size_t columns = (size_t)first[c->n_ranks], at = (size_t)first[c->rank],
                 n = (size_t)first[c->rank + 1] - at;
    IG_TRY(stream_enter(e->stream, err));
    CU_TRY(d, "gathering", err, gpu_clear(e->stream->s, all, rows * columns * sizeof *all));
    if (n && rows)
        CU_TRY(d, "gathering", err,
               gpu_copy_rows(e->stream->s, all + at, columns * sizeof *all, part, n * sizeof *all,
                             n * sizeof *all, rows));
    return sum(c, all, rows * columns, err);
}

/* The others' results mean nothing without this one. Their devices are well: what else uses them
 * goes on. */
static void leave(ig_comm *c)
{
    const struct ends *all = ((cu_end *)c)->all;
    for (size_t i = 0; i < c->n_ranks; i++) atomic_store(&all->v[i].stream->parted, true);
    for (size_t i = 0; i < c->n_ranks; i++) gpu_comm_break(all->v[i].end);
}

/* ---- opening ---- */

static ingot_status connect_ends(gpu_comm *ends, ig_device_stream *const *streams,
                                 void *const *room, size_t n, ingot_error *err)
{
    int ordinals[IG_COMM_RANKS];
    cu_stream work[IG_COMM_RANKS];
    for (size_t i = 0; i < n; i++) {
        ordinals[i] = streams[i]->device->info.ordinal;
        work[i] = streams[i]->s;
    }
    const int e = gpu_comms_open(ends, ordinals, work, room, n);
    ingot_status s = e ? device_failed(streams[0]->device, e, "connecting devices", err) : INGOT_OK;
    if (s == INGOT_E_NOMEM)
        return ig_wrap(err, s,
                       "the buffers of NCCL lie outside of the budget, a smaller one leaves "
                       "them room");
    for (size_t i = 0; i < n && !s; i++) s = cu_wait(streams[i], err);
    if (s && !e) gpu_comms_close(ends, n);
    return s;
}

static ingot_status open_ends(gpu_comm *ends, ig_device_stream *const *streams, size_t n,
                              ingot_error *err)
{
    void *room[IG_COMM_RANKS] = {0};
    ingot_status s = INGOT_OK;
    for (size_t i = 0; i < n && !s; i++)
        s = cu_take(streams[i]->device, &room[i], sizeof(float), IG_DEVICE_WORK, err);
    if (!s) s = connect_ends(ends, streams, room, n, err);
    for (size_t i = 0; i < n; i++) cu_give(streams[i]->device, room[i]);
    return s;
}

ingot_status cu_comms_open(ig_comm **out, ig_device_stream *const *streams, size_t n,
                           ingot_error *err)
{
    gpu_comm ends[IG_COMM_RANKS];
    if (n < 1 || n > IG_COMM_RANKS)
        return ig_fail(err, INGOT_E_ARG, "%zu devices: at most %d work together", n, IG_COMM_RANKS);
    const char *missing = gpu_comm_missing();
    if (missing)
        return ig_fail(err, INGOT_E_UNSUPPORTED, "%zu devices cannot work together: %s", n,
                       missing);
    ig_heap *heap = streams[0]->device->heap;
    struct ends *all = ig_take0(heap, sizeof *all);
    if (!all)
        return ig_fail(err, INGOT_E_NOMEM, "cuda:%d: no host memory",
                       streams[0]->device->info.ordinal);
    const ingot_status s = open_ends(ends, streams, n, err);
    if (s) {
        ig_give(heap, all, sizeof *all);
        return s;
    }
    all->heap = heap;
    for (size_t i = 0; i < n; i++) {
        all->v[i] = (cu_end){
            .comm = {i, n, sum, gather, leave}, .stream = streams[i], .end = ends[i], .all = all};
        out[i] = &all->v[i].comm;
    }
    return INGOT_OK;
}

void cu_comms_close(ig_comm **comms, size_t n)
{
    struct ends *all = ((cu_end *)comms[0])->all;
    gpu_comm ends[IG_COMM_RANKS];
    for (size_t i = 0; i < n; i++) ends[i] = all->v[i].end;
    gpu_comms_close(ends, n);
    for (size_t i = 0; i < n; i++) comms[i] = NULL;
    ig_give(all->heap, all, sizeof *all);
}
