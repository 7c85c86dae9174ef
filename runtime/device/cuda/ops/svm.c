/* svm.c - support vector machines on the device: svm. */
#include "kernels/svm/svm_cuda.h"
#include "runtime/device/cuda/ops/common.h"
#include "runtime/device/cuda/ops/walk.h"

enum { X, VECTORS, COEFFICIENTS, RHO, PROBA, PER_CLASS };
enum {
    ROOM_MOST = 64 << 20 /* bytes of scratch, unless one row takes more */,
    ROWS_MOST = 1 << 20
};

typedef struct {
    cu_svm_args args;
    void *starts; /* on the device */
} svm_state;

/* Where each class's vectors begin; NULL: they are more than there are, or no memory. */
static int32_t *starts_of(ig_device_bind *b, int64_t n_classes, int64_t n_vectors)
{
    const int64_t *count = b->known[PER_CLASS]->data;
    int32_t *starts = ig_new_n(b->arena, int32_t, (size_t)n_classes + 1);
    for (int64_t i = 0; starts && i < n_classes; i++) {
        if (count[i] < 0 || count[i] > n_vectors - starts[i]) return NULL;
        starts[i + 1] = starts[i] + (int32_t)count[i];
    }
    return starts;
}

static cu_svm_args read_args(const ig_device_bind *b)
{
    const ig_type *x = b->in[X];
    const int64_t k = ig_cu_int(b, "n_classes");
    cu_svm_args a = {.rows = x->rank == 2 ? x->dims[0] : 1,
                     .cols = b->in[VECTORS]->dims[1],
                     .n_vectors = b->in[VECTORS]->dims[0],
                     .n_classes = k,
                     .n_proba = b->in[PROBA]->dims[1],
                     .n_out = b->out[0] ? b->out[0]->dims[1] : 0,
                     .gamma = ig_cu_float(b, "gamma"),
                     .coef0 = ig_cu_float(b, "coef0"),
                     .degree = ig_cu_float(b, "degree"),
                     .x_dtype = (int)x->dtype,
                     .kernel = (int)ig_cu_int(b, "kernel"), /* in the order of CU_SVM_ */
                     .post = (int)ig_cu_int(b, "post"),     /* in the order of CU_POST_ */
                     .one_class = ig_cu_int(b, "one_class") != 0,
                     .positive = true};
    const float *coefficients = b->known[COEFFICIENTS]->data;
    for (size_t i = 0; i < ig_tensor_elements(b->known[COEFFICIENTS]); i++)
        a.positive = a.positive && coefficients[i] >= 0;
    if (a.n_vectors) a.n_pairs = k ? k * (k - 1) / 2 : 1;
    return a;
}

static ingot_status bind(ig_device *d, ig_device_bind *b)
{
    size_t room;
    for (uint32_t i = VECTORS; i <= PER_CLASS; i++)
        if (!b->known[i]) return IG_CU_DECLINE(b, "tables that are no constants");
    if (!ig_el_number(b->in[X]->dtype)) return IG_CU_DECLINE(b, IG_EL_NO_NUMBER);
    svm_state *s = IG_CU_STATE(b, svm_state);
    if (!s) return INGOT_E_NOMEM;
    cu_svm_args *a = &s->args;
    *a = read_args(b);
    if (a->n_vectors > CU_MOST || a->cols > CU_MOST) return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    const int64_t row_bytes = cu_svm_room(a) * (int64_t)sizeof(double);
    a->chunk = IG_MIN(IG_MIN(IG_MAX(ROOM_MOST / row_bytes, (int64_t)1), (int64_t)ROWS_MOST),
                      IG_MAX(a->rows, (int64_t)1));
    if (!ig_cu_room(b, a->chunk, (size_t)row_bytes, &room))
        return IG_CU_DECLINE(b, IG_CU_TOO_LARGE);
    b->kernel = "svm";
    b->taken |= UINT64_C(1) << PER_CLASS;
    if (!a->n_vectors || !a->n_classes) return INGOT_OK;
    const int32_t *starts = starts_of(b, a->n_classes, a->n_vectors);
    if (!starts) return IG_CU_DECLINE(b, "classes of more vectors than there are");
    return ig_cu_table(d, b, starts, ((size_t)a->n_classes + 1) * sizeof *starts, &s->starts);
}

static ingot_status launch(ig_device_stream *stream, const ig_device_run *r)
{
    const svm_state *s = r->state;
    cu_svm_args a = s->args;
    a.x = r->in[X], a.vectors = r->in[VECTORS], a.coefficients = r->in[COEFFICIENTS];
    a.rho = r->in[RHO], a.proba = r->in[PROBA], a.starts = s->starts;
    a.scores = r->out[0], a.index = r->node->n_out > 1 ? r->out[1] : NULL;
    a.room = r->scratch;
    return ig_cu_done(stream, r, cu_svm(&a, ig_cu_stream(stream)));
}

static void unbind(ig_device *d, void *state)
{
    const svm_state *s = state;
    if (s && s->starts) ig_cu_unpack(d, s->starts);
}

const ig_cu_op ig_cu_op_svm = {.name = "svm", .bind = bind, .launch = launch, .unbind = unbind};
