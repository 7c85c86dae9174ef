/* op.c - ops on the device: finding, binding and launching them, and what they ask. */
#include "runtime/device/cuda/chain.h"
#include "runtime/device/cuda/inside.h"
#include "runtime/graph/op.h"

#include <assert.h>
#include <string.h>

#define OP(name) extern const ig_cu_op ig_cu_op_##name;
#include "runtime/device/cuda/ops.def"
#undef OP

static const ig_cu_op *const ops[] = {
#define OP(name) &ig_cu_op_##name,
#include "runtime/device/cuda/ops.def"
#undef OP
    NULL};

const ig_cu_op *ig_cu_op_find(const char *name)
{
    for (const ig_cu_op *const *op = ops; *op; op++)
        if (!strcmp((*op)->name, name)) return *op;
    return NULL;
}

const char *cu_op_name(size_t i)
{
    const size_t n = sizeof ops / sizeof *ops - 1;
    return i < n ? ops[i]->name : NULL;
}

/* ---- a step ---- */

ingot_status cu_bind(ig_device *d, ig_device_bind *b)
{
    const ig_cu_op *op = b->chain ? &ig_cu_chain : ig_cu_op_find(b->node->op->name);
    if (!op) return IG_CU_DECLINE(b, "the device has no such op");
    IG_TRY(device_enter(d, b->err));
    bound *state = ig_new(b->arena, bound);
    if (!state) return ig_fail(b->err, INGOT_E_NOMEM, "planning: no memory");
    b->kernel = op->name;
    device_log_use(b->log);
    const ingot_status s = op->bind(d, b);
    device_log_use(NULL);
    if (s || b->declined) {
        b->state = NULL;
        return s;
    }
    *state = (bound){
        .op = op, .node = b->node, .state = b->state, .uploads = atomic_load(&d->constants.begun)};
    b->state = state;
    return INGOT_OK;
}

ingot_status cu_launch(ig_device_stream *s, const ig_device_run *r)
{
    const bound *b = r->state;
    IG_TRY(stream_enter(s, r->err));
    if (!s->recording) IG_TRY(constants_before(s, b, r->in, r->node->n_in, r->err));
    ig_device_run mine = *r;
    mine.state = b->state;
    s->launching = b;
    return b->op->launch(s, &mine);
}

void cu_unbind(ig_device *d, const ig_node *node, void *state)
{
    const bound *b = state;
    (void)node;
    if (b && b->op->unbind) b->op->unbind(d, b->state);
}

/* ---- attributes ---- */

typedef struct {
    const ig_attr *attr;
    const void *p;
} field;

static field field_of(const ig_device_bind *b, const char *name, ig_attr_kind kind)
{
    const ig_attr *f = ig_attr_find(b->node->op->attrs, name);
    const bool choice = kind == IG_ATTR_INT || kind == IG_ATTR_TEXT;
    assert(f && (f->kind == kind || (choice && f->kind == IG_ATTR_ENUM)));
    (void)kind, (void)choice;
    return (field){f, (const char *)b->node->attrs + f->offset};
}

int64_t ig_cu_int(const ig_device_bind *b, const char *name)
{
    const field f = field_of(b, name, IG_ATTR_INT);
    return f.attr->kind == IG_ATTR_ENUM ? *(const int *)f.p : *(const int64_t *)f.p;
}

double ig_cu_float(const ig_device_bind *b, const char *name)
{
    return *(const double *)field_of(b, name, IG_ATTR_FLOAT).p;
}

const char *ig_cu_text(const ig_device_bind *b, const char *name)
{
    const field f = field_of(b, name, IG_ATTR_TEXT);
    return f.attr->kind == IG_ATTR_ENUM ? f.attr->choices[*(const int *)f.p]
                                        : *(const char *const *)f.p;
}

ig_ints ig_cu_ints(const ig_device_bind *b, const char *name)
{
    return *(const ig_ints *)field_of(b, name, IG_ATTR_INTS).p;
}

ig_floats ig_cu_floats(const ig_device_bind *b, const char *name)
{
    return *(const ig_floats *)field_of(b, name, IG_ATTR_FLOATS).p;
}

/* ---- the device and its stream ---- */

cu_stream ig_cu_stream(ig_device_stream *s) { return s->s; }

cu_chip ig_cu_chip(const ig_device *d)
{
    (void)d; /* bind and launch made it the current one */
    return cu_this_chip();
}

const struct cu_kv_tables *ig_cu_kv(const ig_device_stream *s) { return s->kv; }

int ig_cu_copy(ig_device_stream *s, void *to, const void *from, size_t bytes)
{
    return bytes ? gpu_copy(s->s, to, from, bytes, GPU_WITHIN) : 0;
}

int ig_cu_clear(ig_device_stream *s, void *p, size_t bytes)
{
    return bytes ? gpu_clear(s->s, p, bytes) : 0;
}

ingot_status ig_cu_done(ig_device_stream *s, const ig_device_run *r, int status)
{
    if (!status) return INGOT_OK;
    ingot_error err;
    const ingot_status s2 = device_failed(s->device, status, r->node->op->name, &err);
    const char *name = r->node->name;
    return ig_fail(r->err, s2, "%.80s%s(%s): %.300s", name, *name ? " " : "", r->node->op->name,
                   err.text);
}
