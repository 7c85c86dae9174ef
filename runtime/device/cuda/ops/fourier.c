/* fourier.c - dft and stft on the device: rows through the CPU's plan of a transform, in f64. */
#include "kernels/fft/fft.h"
#include "kernels/fft/fft_cuda.h"
#include "runtime/device/cuda/ops/common.h"

enum { FOURIER_MOST = 1 << 26 /* points: positions in a pass are 32 bits wide */ };

typedef struct {
    cu_fft_args args;
    void *table; /* on the device */
    bool roomy;
} fourier_state;

/* The transform's length, tables and room, once the rows are described. */
static ingot_status bind_rows(ig_device *d, ig_device_bind *b, fourier_state *s, int64_t length)
{
    cu_fft_args *a = &s->args;
    const cu_chip chip = ig_cu_chip(d);
    size_t table, scratch;
    if (a->rows > CU_MOST) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    if (length < 1 || length > FOURIER_MOST || !ig_fft_sizes((size_t)length, &table, &scratch))
        return IG_CU_DECLINE(b, "a transform of another length than 1 to 2^26");
    ig_complex *tables = ig_new_n(b->arena, ig_complex, table);
    ig_complex *work = ig_new_n(b->arena, ig_complex, scratch);
    if (!tables || !work)
        return ig_fail(b->err, INGOT_E_NOMEM, "%.80s: no memory for tables", b->node->name);
    ig_fft plan;
    ig_fft_init(&plan, (size_t)length, tables, work);
    a->n = (int)length;
    a->m = (int)plan.m;
    const size_t room = cu_fft_room(a, &chip);
    size_t at;
    s->roomy = room > 0;
    if (!ig_cu_room(b, (int64_t)room, 1, &at)) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    IG_TRY(ig_cu_table(d, b, tables, table * sizeof *tables, &s->table));
    const ig_complex *on_device = s->table;
    a->roots = on_device + ((plan.m ? plan.wm : plan.w) - tables);
    a->chirp = plan.m ? on_device + (plan.chirp - tables) : NULL;
    a->spectrum = plan.m ? on_device + (plan.spectrum - tables) : NULL;
    return INGOT_OK;
}

static fourier_state *start(ig_device_bind *b)
{
    fourier_state *s = IG_CU_STATE(b, fourier_state);
    if (!s) return NULL;
    s->args.x_type = ig_cu_float_type(b->in[0]->dtype);
    s->args.y_type = ig_cu_float_type(b->out[0]->dtype);
    b->kernel = "fft";
    return s;
}

/* ---- dft ---- */

/* Integer input i, or `missing` where it is left out. false: only a run tells. */
static bool one_int(ig_device_bind *b, uint32_t i, int64_t missing, int64_t *out)
{
    *out = missing;
    return !ig_cu_has(b, i) || ig_cu_ints_of(b, i, out, 1) == 1;
}

static ingot_status bind_dft(ig_device *d, ig_device_bind *b)
{
    const ig_type *x = b->in[0], *y = b->out[0];
    const bool one_sided = ig_cu_int(b, "onesided") != 0;
    int64_t axis, length;
    fourier_state *s = start(b);
    if (!s) return INGOT_E_NOMEM;
    cu_fft_args *a = &s->args;
    a->inverse = ig_cu_int(b, "inverse") != 0;
    a->hermitian = a->inverse && one_sided;
    if (a->x_type < 0) return IG_CU_DECLINE(b, "this type");
    if (!one_int(b, 2, -2, &axis)) return IG_CU_DECLINE(b, "an axis that is no constant");
    const int at = ig_cu_axis(axis, x->rank);
    const int64_t n = x->dims[at];
    if (!one_int(b, 1, a->hermitian ? 2 * (n - 1) : n, &length))
        return IG_CU_DECLINE(b, "a length that is no constant");
    const int64_t inner = ig_cu_count(x->dims, at + 1, x->rank - 1);
    a->parts = (int)x->dims[x->rank - 1];
    a->out_parts = (int)y->dims[y->rank - 1];
    a->n_in = (int)IG_MIN(n, length);
    a->n_out = (int)y->dims[at];
    a->rows = ig_cu_count(x->dims, 0, at) * inner;
    a->inner = IG_MAX(inner, (int64_t)1);
    a->x_inner = a->parts;
    a->x_step = inner * a->parts;
    a->x_outer = n * a->x_step;
    a->y_inner = a->out_parts;
    a->y_step = inner * a->out_parts;
    a->y_outer = a->n_out * a->y_step;
    return bind_rows(d, b, s, length);
}

/* ---- stft ---- */

static ingot_status bind_stft(ig_device *d, ig_device_bind *b)
{
    const ig_type *x = b->in[0], *y = b->out[0];
    const bool windowed = ig_cu_has(b, 2);
    int64_t step, length;
    fourier_state *s = start(b);
    if (!s) return INGOT_E_NOMEM;
    cu_fft_args *a = &s->args;
    if (ig_cu_ints_of(b, 1, &step, 1) != 1)
        return IG_CU_DECLINE(b, "a frame step that is no constant");
    if (!one_int(b, 3, windowed ? b->in[2]->dims[0] : x->dims[1], &length))
        return IG_CU_DECLINE(b, "a frame length that is no constant");
    a->window_type = windowed ? ig_cu_float_type(b->in[2]->dtype) : 0;
    if (a->x_type < 0 || a->window_type < 0) return IG_CU_DECLINE(b, "this type");
    a->n_window = windowed ? (int)b->in[2]->dims[0] : 0;
    a->parts = x->rank == 3 ? (int)x->dims[2] : 1;
    a->out_parts = 2;
    a->n_in = (int)length;
    a->n_out = (int)y->dims[2];
    a->rows = y->dims[0] * y->dims[1];
    a->inner = IG_MAX(y->dims[1], (int64_t)1);
    a->x_step = a->parts;
    a->x_inner = step * a->parts;
    a->x_outer = x->dims[1] * a->parts;
    a->y_step = 2;
    a->y_inner = y->dims[2] * 2;
    a->y_outer = y->dims[1] * a->y_inner;
    return bind_rows(d, b, s, length);
}

/* ---- both ---- */

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    const fourier_state *s = r->state;
    const bool is_stft = r->node->n_in > 2 && s->args.n_window;
    cu_fft_args a = s->args;
    a.x = r->in[0];
    a.y = r->out[0];
    a.window = is_stft ? r->in[2] : NULL;
    a.room = s->roomy ? r->scratch : NULL;
    return ig_cu_done(stream, r, cu_fft(&a, ig_cu_stream(stream)));
}

static void unbind(ig_device *d, void *state)
{
    if (state) ig_cu_unpack(d, ((fourier_state *)state)->table);
}

const ig_cu_op ig_cu_op_dft = {.name = "dft", .bind = bind_dft, .launch = launch, .unbind = unbind};
const ig_cu_op ig_cu_op_stft = {
    .name = "stft", .bind = bind_stft, .launch = launch, .unbind = unbind};
