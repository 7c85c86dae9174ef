/* dft.c - dft(x [..., n, ..., 1 or 2], length?, axis?): Fourier transform along an axis; the last
 * dimension holds the real part, or both.
 *
 * onesided forward: the first length / 2 + 1 bins of a real signal. onesided inverse: such bins
 * back to a real signal. Everything is computed in f64. */
#include "kernels/fft/fft.h"
#include "runtime/ops/axis.h"
#include "runtime/ops/block.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { DFT_MOST = 1 << 26 };

typedef struct {
    int64_t inverse, onesided;
} dft_attrs;

static const ig_attr attrs[] = {
    IG_INT(dft_attrs, inverse, 0),
    IG_INT(dft_attrs, onesided, 0),
    {0},
};

/* The axis from input 2 (-2 without); false: not known yet. */
static bool given_int(const ig_tensor *const *known, uint32_t n_in, uint32_t i, bool given,
                      int64_t def, int64_t *out)
{
    *out = def;
    if (i >= n_in || !given) return true;
    if (!known[i] || ig_tensor_elements(known[i]) != 1) return false;
    *out = ig_load_i64(known[i]->data, known[i]->dtype, 0);
    return true;
}

/* The length without input 1; n as it is where it is unknown or too large anyway. */
static int64_t default_length(int64_t n, bool back)
{
    return back && n >= 0 && n <= DFT_MOST ? 2 * (n - 1) : n;
}

static ingot_status infer_length(ig_infer *c, const dft_attrs *a, int axis, ig_type *out)
{
    const ig_type *x = c->in[0];
    const int64_t n = x->dims[axis];
    const bool back = a->inverse && a->onesided;
    int64_t length;
    const int64_t def = default_length(n, back);
    out->dims[axis] = IG_DIM_UNKNOWN;
    if (!given_int(c->known, c->n_in, 1, ig_has(c, 1), def, &length)) return INGOT_OK;
    if (length < 0 && !ig_has(c, 1)) {
        if (!a->onesided) out->dims[axis] = n;
        if (back && n >= 0) return ig_infer_fail(c, "axis %d is empty", axis);
        return INGOT_OK;
    }
    if (length < 1 || length > DFT_MOST)
        return ig_infer_fail(c, "length %lld is outside 1..%d", (long long)length, DFT_MOST);
    out->dims[axis] = a->onesided && !a->inverse ? length / 2 + 1 : length;
    return INGOT_OK;
}

static ingot_status infer(ig_infer *c)
{
    const dft_attrs *a = c->attrs;
    const ig_type *x = c->in[0];
    ig_type *out = &c->out[0];
    int64_t given;
    int axis;
    *out = *x;
    if (x->dtype != INGOT_NONE && ig_dtype(x->dtype)->class_ != IG_CLASS_FLOAT)
        return ig_infer_fail(c, "not defined for %s", ig_dtype(x->dtype)->name);
    if (x->rank < 0) return INGOT_OK;
    if (x->rank < 2 ||
        (x->dims[x->rank - 1] >= 0 && x->dims[x->rank - 1] != 1 && x->dims[x->rank - 1] != 2))
        return ig_infer_fail(c, "the last dimension must be 1 (real) or 2 (complex)");
    out->dims[x->rank - 1] = a->inverse && a->onesided ? 1 : 2;
    if (!given_int(c->known, c->n_in, 2, ig_has(c, 2), -2, &given)) {
        for (int i = 0; i < x->rank - 1; i++) out->dims[i] = IG_DIM_UNKNOWN;
        return INGOT_OK;
    }
    IG_TRY(ig_infer_axis(c, given, x->rank, &axis));
    if (axis == x->rank - 1) return ig_infer_fail(c, "the last dimension cannot be transformed");
    return infer_length(c, a, axis, out);
}

typedef struct {
    ig_fft fft;
    ig_axis_view view; /* of the input: inner leaves out the parts */
    size_t parts, out_parts, out_n, length;
    size_t scratch; /* elements of a worker's slice */
    bool inverse, hermitian;
} dft_state;

static ingot_status bind(ig_bind *b)
{
    const dft_attrs *a = b->attrs;
    const ig_type *x = b->in[0], *y = b->out[0];
    int64_t given, length;
    int axis;
    size_t table, scratch, bytes;
    const bool back = a->inverse && a->onesided;
    if (!given_int(b->known, b->n_in, 2, b->n_in > 2 && b->in[2], -2, &given) ||
        !ig_axis_wrap(given, x->rank, &axis))
        return ig_bind_fail(b, "the axis is not known");
    const int64_t n = x->dims[axis];
    if (!given_int(b->known, b->n_in, 1, b->n_in > 1 && b->in[1], default_length(n, back), &length))
        return ig_bind_fail(b, "the length is not known");
    if (length < 1 || length > DFT_MOST || !ig_fft_sizes((size_t)length, &table, &scratch))
        return ig_bind_fail(b, "length %lld is outside 1..%d", (long long)length, DFT_MOST);
    dft_state *s = ig_new(b->arena, dft_state);
    ig_complex *tables = ig_new_n(b->arena, ig_complex, table);
    ig_complex *work = ig_new_n(b->arena, ig_complex, scratch);
    if (!s || !tables || !work) return ig_fail(b->err, INGOT_E_NOMEM, "dft: no memory for tables");
    s->view = ig_axis_split(x->rank - 1, x->dims, axis);
    s->parts = (size_t)x->dims[x->rank - 1];
    s->out_parts = (size_t)y->dims[y->rank - 1];
    s->out_n = (size_t)y->dims[axis];
    s->length = (size_t)length;
    s->scratch = (size_t)length + scratch;
    s->inverse = a->inverse != 0;
    s->hermitian = back;
    ig_fft_init(&s->fft, s->length, tables, work);
    if (!ig_mul_ok(s->scratch * sizeof(ig_complex), b->n_threads, &bytes))
        return ig_bind_fail(b, "the transform is too large");
    b->scratch_bytes = bytes;
    b->state = s;
    return INGOT_OK;
}

typedef struct {
    const dft_state *s;
    const ig_tensor *x;
    ig_tensor *y;
    ig_complex *scratch;
} dft_job;

/* Row `row` of the input into v[length], zero-padded or cut. */
static void read_row(ig_complex *v, const dft_job *job, size_t row)
{
    const dft_state *s = job->s;
    const ig_axis_view *w = &s->view;
    const size_t have = s->hermitian ? s->length / 2 + 1 : s->length;
    const size_t n = IG_MIN(w->n, have), base = row / w->inner * w->n * w->inner + row % w->inner;
    memset(v, 0, s->length * sizeof *v);
    for (size_t k = 0; k < n; k++) {
        const size_t at = (base + k * w->inner) * s->parts;
        v[k].re = ig_load_f64(job->x->data, job->x->dtype, at);
        if (s->parts == 2) v[k].im = ig_load_f64(job->x->data, job->x->dtype, at + 1);
    }
    if (!s->hermitian) return;
    v[0].im = 0;
    if (s->length % 2 == 0) v[s->length / 2].im = 0;
    for (size_t k = s->length / 2 + 1; k < s->length; k++)
        v[k] = (ig_complex){v[s->length - k].re, -v[s->length - k].im};
}

static void write_row(const dft_job *job, const ig_complex *v, size_t row)
{
    const dft_state *s = job->s;
    const size_t inner = s->view.inner, base = row / inner * s->out_n * inner + row % inner;
    for (size_t k = 0; k < s->out_n; k++)
        ig_store(job->y->data, job->y->dtype, (base + k * inner) * s->out_parts, &v[k], IG_CALC_F64,
                 s->out_parts);
}

static void work(void *arg, size_t begin, size_t end, size_t worker)
{
    const dft_job *job = arg;
    ig_complex *v = job->scratch + worker * job->s->scratch;
    for (size_t row = begin; row < end; row++) {
        read_row(v, job, row);
        ig_fft_run(&job->s->fft, v, job->s->inverse, v + job->s->length);
        write_row(job, v, row);
    }
}

static ingot_status run(ig_run *r)
{
    const dft_state *s = r->state;
    dft_job job = {s, r->in[0], r->out[0], r->scratch};
    const size_t grain = IG_MAX((size_t)1, 1024 / s->length);
    ig_parallel(r->pool, s->view.outer * s->view.inner, grain, 0, work, &job);
    return INGOT_OK;
}

const ig_op ig_op_dft = {
    .name = "dft",
    .min_in = 1,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .attrs = attrs,
    .attrs_bytes = sizeof(dft_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
};
