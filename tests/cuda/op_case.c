/* op_case.c - see op_case.h. The device's side goes through the plugin's table, as the executor
 * does. */
#include "tests/cuda/op_case.h"
#include "kernels/gemm/gemm.h"
#include "runtime/base/checked.h"
#include "runtime/device/device.h"
#include "runtime/graph/op.h"
#include "runtime/graph/plan.h"

#include <stdio.h>
#include <string.h>

extern const ig_device_api *ingot_cuda_plugin_v1(void);

static struct {
    bool open;
    ig_heap heap;
    ig_arena arena;
    ig_device *device;
    ig_device_stream *stream;
} g;

typedef struct {
    ig_node *node;
    const ig_tensor *in[OP_CASE_MOST];
    const ig_type *in_types[OP_CASE_MOST];
    ig_type out_types[OP_CASE_MOST];
} step;

static void start(void)
{
    if (g.open) return;
    ig_heap_init(&g.heap, NULL);
    ig_arena_init(&g.arena, &g.heap);
    g.open = true;
}

void op_case_clear(void)
{
    const ig_device_api *api = ingot_cuda_plugin_v1();
    if (!g.open) return;
    if (g.stream) api->stream_close(&g.stream);
    if (g.device) api->close(&g.device);
    ig_arena_clear(&g.arena);
    g.open = false;
}

static op_result said(char *text, size_t cap, op_result r, const char *what)
{
    snprintf(text, cap, "%s", what);
    return r;
}

static bool make_step(step *s, const op_case *c, ingot_error *err)
{
    ig_node *node = ig_new(&g.arena, ig_node);
    *s = (step){.node = node};
    node->op = ig_op_find(c->op);
    node->name = "test";
    node->attrs = ig_arena_take(&g.arena, IG_MAX(node->op->attrs_bytes, (size_t)8));
    node->n_in = (uint32_t)c->n_in;
    node->n_out = (uint32_t)c->n_out;
    node->in = ig_new_n(&g.arena, ig_id, c->n_in);
    node->out = ig_new_n(&g.arena, ig_id, c->n_out);
    if (node->op->attrs) ig_attr_defaults(node->attrs, node->op->attrs);
    for (size_t i = 0; i < c->n_attributes; i++) {
        const op_attribute *a = &c->attributes[i];
        const ig_attr_value v = {.kind = a->kind == OP_INT     ? IG_ATTR_INT
                                         : a->kind == OP_FLOAT ? IG_ATTR_FLOAT
                                         : a->kind == OP_INTS  ? IG_ATTR_INTS
                                                               : IG_ATTR_TEXT,
                                 .i = a->i,
                                 .f = a->f,
                                 .s = a->s,
                                 .ints = {a->ints, a->n_ints}};
        const ig_attr *field = ig_attr_find(node->op->attrs, a->name);
        if (!field || ig_attr_set(node->attrs, field, &v, &g.arena, err)) return false;
    }
    for (size_t i = 0; i < c->n_in; i++) {
        const op_input *from = &c->in[i];
        node->in[i] = IG_NO_VALUE;
        if (!from->dtype) continue;
        node->in[i] = (ig_id)i;
        ig_tensor *t = ig_new(&g.arena, ig_tensor);
        *t = (ig_tensor){.dtype = (ingot_dtype)from->dtype, .rank = from->rank};
        memcpy(t->dims, from->dims, sizeof t->dims);
        const size_t bytes = ig_tensor_elements(t) * ig_dtype(t->dtype)->bytes;
        t->data = ig_arena_take(&g.arena, bytes + 64);
        if (bytes) memcpy(t->data, from->data, bytes);
        ig_type *type = ig_new(&g.arena, ig_type);
        *type = ig_type_of(t);
        s->in[i] = t;
        s->in_types[i] = type;
    }
    for (size_t o = 0; o < c->n_out; o++)
        node->out[o] = c->omitted >> o & 1 ? IG_NO_VALUE : (ig_id)o;
    return !ig_node_infer(node, s->in_types, s->in, s->out_types, err);
}

static void give(op_output *out, const ig_tensor *t)
{
    *out = (op_output){.dtype = t->dtype, .n = ig_tensor_elements(t), .data = t->data};
    out->bytes = out->n * ig_dtype(t->dtype)->bytes;
}

op_result op_on_cpu(const op_case *c, op_output *out, char *text, size_t cap)
{
    ingot_error err = {0};
    ig_tensor made[OP_CASE_MOST] = {0}, *outs[OP_CASE_MOST];
    step s;
    start();
    if (!make_step(&s, c, &err)) return said(text, cap, OP_FAILED, err.text);
    for (size_t o = 0; o < c->n_out; o++) outs[o] = c->omitted >> o & 1 ? NULL : &made[o];
    if (ig_node_evaluate(s.node, s.in, outs, s.out_types, &g.arena, NULL, NULL, &err))
        return said(text, cap, OP_FAILED, err.text);
    for (size_t o = 0; o < c->n_out; o++)
        if (outs[o]) give(&out[o], &made[o]);
    return OP_DONE;
}

/* ---- the device ---- */

/* The same tensor with its matrices in panels. */
static const ig_tensor *in_panels(const ig_tensor *t)
{
    const size_t k = (size_t)t->dims[t->rank - 2], n = (size_t)t->dims[t->rank - 1],
                 each = ig_dtype(t->dtype)->bytes, panels = ig_gemm_panels(n),
                 packed = ig_gemm_packed(t->dtype == INGOT_BF16 ? ig_gemm_even(k) : k, n),
                 count = k && n ? ig_tensor_elements(t) / (k * n) : 0;
    ig_tensor *p = ig_new(&g.arena, ig_tensor);
    *p = *t;
    char *to = p->data = ig_arena_take(&g.arena, count * packed * each + 64);
    const char *from = t->data;
    for (size_t i = 0; i < count; i++, to += packed * each, from += k * n * each) {
        if (t->dtype == INGOT_F32)
            gemm_pack_f32_ref((float *)(void *)to, (const float *)(const void *)from, k, n, n, 1, 0,
                              panels);
        else if (t->dtype == INGOT_F16)
            gemm_pack_f16_ref((uint16_t *)(void *)to, (const uint16_t *)(const void *)from, k, n, n,
                              1, 0, panels);
        else
            gemm_pack_bf16_ref((uint16_t *)(void *)to, (const uint16_t *)(const void *)from, k, n,
                               n, 1, 0, panels);
    }
    return p;
}

static bool open_device(ingot_error *err)
{
    const ig_device_api *api = ingot_cuda_plugin_v1();
    const ig_device_options options = {0};
    if (g.stream) return true;
    return api->count(err) > 0 && !api->open(&g.device, 0, &options, err) &&
           !api->stream_open(&g.stream, g.device, err);
}

typedef struct {
    const void *in[OP_CASE_MOST];
    void *out[OP_CASE_MOST], *scratch, *count, *taken[2 * OP_CASE_MOST + 2];
    size_t n_taken;
} memory;

static bool take(memory *m, void **p, size_t bytes, ingot_error *err)
{
    const ig_device_api *api = ingot_cuda_plugin_v1();
    if (api->take(g.device, p, bytes + !bytes, IG_DEVICE_WORK, err)) return false;
    m->taken[m->n_taken++] = *p;
    return true;
}

/* The type with n for its open dimensions. */
static ig_type with_size(ig_type t, int64_t n)
{
    for (int d = 0; d < t.rank; d++)
        if (t.dims[d] < 0) t.dims[d] = n;
    return t;
}

static bool place(memory *m, const step *s, const ig_device_bind *b, ingot_error *err)
{
    const ig_device_api *api = ingot_cuda_plugin_v1();
    for (uint32_t i = 0; i < s->node->n_in; i++) {
        const ig_tensor *t = s->in[i];
        m->in[i] = NULL;
        if (!t || b->taken >> i & 1) continue;
        m->in[i] = t->data;
        if (b->host_in >> i & 1) continue;
        void *p;
        const size_t bytes = ig_tensor_elements(t) * ig_dtype(t->dtype)->bytes;
        if (!take(m, &p, bytes, err) ||
            (bytes && api->copy(g.stream, p, t->data, bytes, IG_TO_DEVICE, err)))
            return false;
        m->in[i] = p;
    }
    for (uint32_t o = 0; o < s->node->n_out; o++) {
        size_t bytes;
        m->out[o] = NULL;
        if (s->node->out[o] == IG_NO_VALUE) continue;
        const ig_type t = with_size(s->out_types[o], b->most);
        if (!ig_type_bytes(&t, &bytes) || !take(m, &m->out[o], bytes, err)) return false;
    }
    m->scratch = NULL;
    if (!take(m, &m->count, sizeof(int64_t), err)) return false;
    return !b->scratch_bytes || take(m, &m->scratch, b->scratch_bytes, err);
}

static bool run_step(const op_case *c, const step *s, ig_device_bind *b, memory *m, op_output *out,
                     ingot_error *err)
{
    const ig_device_api *api = ingot_cuda_plugin_v1();
    if (!place(m, s, b, err)) return false;
    const ig_device_run r = {.node = s->node,
                             .state = b->state,
                             .in = m->in,
                             .out = m->out,
                             .scratch = m->scratch,
                             .count = m->count,
                             .err = err};
    int64_t n = 0;
    if (api->launch(g.stream, &r)) return false;
    if (s->node->op->flags & IG_OP_ALLOCATES &&
        (api->copy(g.stream, &n, m->count, sizeof n, IG_TO_HOST, err) || api->wait(g.stream, err)))
        return false;
    for (size_t o = 0; o < c->n_out; o++) {
        if (!m->out[o]) continue;
        const ig_type type = with_size(s->out_types[o], n);
        ig_tensor t = {.dtype = type.dtype, .rank = type.rank};
        memcpy(t.dims, type.dims, sizeof t.dims);
        const size_t bytes = ig_tensor_elements(&t) * ig_dtype(t.dtype)->bytes;
        t.data = ig_arena_take(&g.arena, bytes + 64);
        if (bytes && api->copy(g.stream, t.data, m->out[o], bytes, IG_TO_HOST, err)) return false;
        give(&out[o], &t);
    }
    return !api->wait(g.stream, err);
}

op_result op_on_device(const op_case *c, op_output *out, char *text, size_t cap)
{
    const ig_device_api *api = ingot_cuda_plugin_v1();
    ingot_error err = {0};
    step s;
    start();
    if (!make_step(&s, c, &err) || !open_device(&err)) return said(text, cap, OP_FAILED, err.text);
    const ig_tensor *known[OP_CASE_MOST] = {0};
    const ig_type *outs[OP_CASE_MOST] = {0};
    ig_layout layouts[OP_CASE_MOST] = {IG_PLAIN};
    for (size_t i = 0; i < c->n_in; i++) {
        if (c->in[i].panels) s.in[i] = in_panels(s.in[i]);
        if (c->in[i].panels) layouts[i] = IG_P16;
        if (c->in[i].constant) known[i] = s.in[i];
    }
    for (size_t o = 0; o < c->n_out; o++)
        if (s.node->out[o] != IG_NO_VALUE) outs[o] = &s.out_types[o];
    ig_device_bind b = {.node = s.node,
                        .in = s.in_types,
                        .known = known,
                        .out = outs,
                        .fast = c->fast,
                        .in_layout = layouts,
                        .arena = &g.arena,
                        .err = &err};
    if (api->bind(g.device, &b)) return said(text, cap, OP_FAILED, err.text);
    if (b.declined) return said(text, cap, OP_DECLINED, b.why);
    memory m = {.n_taken = 0};
    const bool ok = run_step(c, &s, &b, &m, out, &err);
    for (size_t i = 0; i < m.n_taken; i++) api->give(g.device, m.taken[i]);
    api->unbind(g.device, s.node, b.state);
    return ok ? OP_DONE : said(text, cap, OP_FAILED, err.text);
}

/* ---- elements ---- */

size_t op_dtype_bytes(int dtype) { return ig_dtype((ingot_dtype)dtype)->bytes; }
double op_value(const void *p, int dtype, size_t i)
{
    return ig_to_double(p, (ingot_dtype)dtype, i);
}
void op_set(void *p, int dtype, size_t i, double v) { ig_from_double(p, (ingot_dtype)dtype, i, v); }
int op_is_float(int dtype) { return ig_dtype((ingot_dtype)dtype)->class_ == IG_CLASS_FLOAT; }
const char *op_dtype_name(int dtype) { return ig_dtype((ingot_dtype)dtype)->name; }
