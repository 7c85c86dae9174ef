/* stft.c - stft(signal [B, T, 1 or 2], step, window [W]?, length?): the Fourier transforms of
 * frames that begin every `step` samples, [B, frames, bins, 2]. Frames that would pass the end are
 * left out. Computed in f64. */
#include "kernels/fft/fft.h"
#include "runtime/ops/block.h"
#include "runtime/graph/op.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { STFT_MOST = 1 << 24 };

typedef struct {
    int64_t onesided;
} stft_attrs;

static const ig_attr attrs[] = {
    IG_INT(stft_attrs, onesided, 1),
    {0},
};

/* Frame length: input 3, else the window's, else the signal's. */
static bool frame_of(const ig_type *const *in, const ig_tensor *const *known, uint32_t n_in,
                     int64_t *step, int64_t *length)
{
    const bool has_window = n_in > 2 && in[2], has_length = n_in > 3 && in[3];
    if (!known[1] || ig_tensor_elements(known[1]) != 1) return false;
    *step = ig_load_i64(known[1]->data, known[1]->dtype, 0);
    if (has_length) {
        if (!known[3] || ig_tensor_elements(known[3]) != 1) return false;
        *length = ig_load_i64(known[3]->data, known[3]->dtype, 0);
        return true;
    }
    *length = has_window ? (in[2]->rank == 1 ? in[2]->dims[0] : -1)
                         : (in[0]->rank > 1 ? in[0]->dims[1] : -1);
    return *length >= 0;
}

static ingot_status infer(ig_infer *c)
{
    const stft_attrs *a = c->attrs;
    const ig_type *x = c->in[0];
    ig_type *out = &c->out[0];
    int64_t step, length;
    *out = (ig_type){.dtype = x->dtype, .rank = 4};
    for (int i = 0; i < 3; i++) out->dims[i] = IG_DIM_UNKNOWN;
    out->dims[3] = 2;
    if (x->dtype != INGOT_NONE && ig_dtype(x->dtype)->class_ != IG_CLASS_FLOAT)
        return ig_infer_fail(c, "not defined for %s", ig_dtype(x->dtype)->name);
    if (ig_has(c, 2) && c->in[2]->rank >= 0 && c->in[2]->rank != 1)
        return ig_infer_fail(c, "the window has rank %d, not 1", c->in[2]->rank);
    if (x->rank < 0) return INGOT_OK;
    if ((x->rank != 3 && x->rank != 2) ||
        (x->rank == 3 && x->dims[2] >= 0 && x->dims[2] != 1 && x->dims[2] != 2))
        return ig_infer_fail(c, "the signal is not [batch, time, 1 or 2]");
    out->dims[0] = x->dims[0];
    if (!frame_of(c->in, c->known, c->n_in, &step, &length)) return INGOT_OK;
    if (length < 1 || length > STFT_MOST || step < 1)
        return ig_infer_fail(c, "frames of %lld samples every %lld", (long long)length,
                             (long long)step);
    if (ig_has(c, 2) && c->in[2]->rank == 1 && c->in[2]->dims[0] > length)
        return ig_infer_fail(c, "the window is longer than the frame");
    out->dims[2] = a->onesided ? length / 2 + 1 : length;
    if (x->dims[1] < 0) return INGOT_OK;
    if (x->dims[1] < length)
        return ig_infer_fail(c, "a frame of %lld is longer than the signal, %lld",
                             (long long)length, (long long)x->dims[1]);
    out->dims[1] = 1 + (x->dims[1] - length) / step;
    return INGOT_OK;
}

typedef struct {
    ig_fft fft;
    size_t step, length, scratch;
} stft_state;

static ingot_status bind(ig_bind *b)
{
    int64_t step, length;
    size_t table, scratch;
    if (!frame_of(b->in, b->known, b->n_in, &step, &length))
        return ig_bind_fail(b, "step and frame length are not known");
    if (length < 1 || length > STFT_MOST || step < 1 ||
        !ig_fft_sizes((size_t)length, &table, &scratch))
        return ig_bind_fail(b, "frames of %lld samples every %lld", (long long)length,
                            (long long)step);
    stft_state *s = ig_new(b->arena, stft_state);
    ig_complex *tables = ig_new_n(b->arena, ig_complex, table);
    ig_complex *work = ig_new_n(b->arena, ig_complex, scratch);
    if (!s || !tables || !work) return ig_fail(b->err, INGOT_E_NOMEM, "stft: no memory for tables");
    s->step = (size_t)step, s->length = (size_t)length;
    s->scratch = s->length + scratch;
    ig_fft_init(&s->fft, s->length, tables, work);
    if (!ig_mul_ok(s->scratch * sizeof(ig_complex), b->n_threads, &b->scratch_bytes))
        return ig_bind_fail(b, "the frames are too large");
    b->state = s;
    return INGOT_OK;
}

typedef struct {
    const stft_state *s;
    const ig_tensor *x, *window;
    ig_tensor *y;
    ig_complex *scratch;
} stft_job;

static void read_frame(ig_complex *v, const stft_job *job, size_t batch, size_t frame)
{
    const stft_state *s = job->s;
    const ig_tensor *x = job->x, *w = job->window;
    const size_t time = (size_t)x->dims[1], parts = x->rank == 3 ? (size_t)x->dims[2] : 1;
    const size_t used = w ? ig_tensor_elements(w) : s->length;
    for (size_t i = 0; i < s->length; i++) {
        const double weight = i >= used ? 0 : w ? ig_load_f64(w->data, w->dtype, i) : 1;
        const size_t at = (batch * time + frame * s->step + i) * parts;
        v[i].re = weight * ig_load_f64(x->data, x->dtype, at);
        v[i].im = parts == 2 ? weight * ig_load_f64(x->data, x->dtype, at + 1) : 0;
    }
}

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    const stft_job *job = arg;
    const stft_state *s = job->s;
    const size_t frames = (size_t)job->y->dims[1], bins = (size_t)job->y->dims[2];
    ig_complex *v = job->scratch + worker * s->scratch;
    for (size_t row = begin; row < end; row++) {
        read_frame(v, job, row / frames, row % frames);
        ig_fft_run(&s->fft, v, false, v + s->length);
        for (size_t k = 0; k < bins; k++)
            ig_store(job->y->data, job->y->dtype, (row * bins + k) * 2, &v[k], IG_CALC_F64, 2);
    }
}

static ingot_status run(ig_run *r)
{
    const stft_state *s = r->state;
    const ig_tensor *y = r->out[0];
    stft_job job = {s, r->in[0], r->n_in > 2 ? r->in[2] : NULL, r->out[0], r->scratch};
    const size_t frames = (size_t)y->dims[1];
    if (frames && (frames - 1) * s->step + s->length > (size_t)r->in[0]->dims[1])
        return ig_run_fail(r, "the frames do not fit the signal");
    ig_parallel(r->pool, (size_t)y->dims[0] * frames, IG_MAX((size_t)1, 1024 / s->length), 0, work,
                &job);
    return INGOT_OK;
}

const ig_op ig_op_stft = {
    .name = "stft",
    .min_in = 2,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(stft_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
