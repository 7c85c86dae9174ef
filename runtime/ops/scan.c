/* scan.c - a body run over slices: scan(state..., scanned..., captured...) gives state...,
 * scanned... .
 *
 * Each round takes one slice of every scanned input and adds one to every scanned output. `batched`
 * is the first form of the op (ONNX opset 8): every value has a leading batch dimension, each batch
 * is a scan of its own, and with `lengths` input 0 [B] says how many slices of each count. */
#include "runtime/ops/carry.h"
#include "runtime/ops/subgraph.h"
#include "runtime/base/checked.h"

#include <string.h>

typedef struct {
    int64_t n_state, n_scan, batched, lengths;
    ig_ints directions, scan_input_axes, scan_input_directions, scan_output_axes,
        scan_output_directions;
} scan_attrs;

static const ig_attr attrs[] = {
    IG_INT(scan_attrs, n_state, 0),
    IG_INT(scan_attrs, n_scan, 0),
    IG_INT(scan_attrs, batched, 0),
    IG_INT(scan_attrs, lengths, 0),
    IG_INTS(scan_attrs, directions),
    IG_INTS(scan_attrs, scan_input_axes),
    IG_INTS(scan_attrs, scan_input_directions),
    IG_INTS(scan_attrs, scan_output_axes),
    IG_INTS(scan_attrs, scan_output_directions),
    {0},
};

static int64_t listed(const ig_ints *list, size_t i) { return i < list->n ? list->v[i] : 0; }

static bool backwards(const scan_attrs *a, size_t i)
{
    return listed(a->batched ? &a->directions : &a->scan_input_directions, i) != 0;
}

/* -1: outside the rank. */
static int axis_in(int64_t axis, int rank)
{
    if (axis < -(int64_t)rank || axis >= rank) return -1;
    return (int)(axis < 0 ? axis + rank : axis);
}

/* ---- types ---- */

static ingot_status check(const ig_infer *c)
{
    const scan_attrs *a = c->attrs;
    const int64_t lead = a->lengths ? 1 : 0, room = (int64_t)c->n_in - lead;
    if (a->lengths && !a->batched) return ig_infer_fail(c, "lengths without batches");
    if (a->n_state < 0 || a->n_scan < 1 || a->n_state > room || a->n_scan > room - a->n_state)
        return ig_infer_fail(c, "%lld states and %lld scanned inputs of %u inputs",
                             (long long)a->n_state, (long long)a->n_scan, c->n_in);
    const size_t n_state = (size_t)a->n_state, own = n_state + (size_t)a->n_scan;
    IG_TRY(ig_child_check(c, 0, own, (size_t)lead + own, c->n_in - (size_t)lead - own,
                          IG_MAX(n_state, (size_t)c->n_out)));
    for (size_t i = (size_t)lead; i < (size_t)lead + own; i++)
        if (!ig_has(c, i)) return ig_infer_fail(c, "input %zu is missing", i);
    return INGOT_OK;
}

/* The type of one slice; false: not known. */
static bool slice_type(ig_type *out, const ig_type *in, int64_t axis)
{
    *out = *in;
    const int at = in->rank > 0 ? axis_in(axis, in->rank) : -1;
    if (at < 0) {
        out->rank = IG_RANK_UNKNOWN;
        return false;
    }
    for (int d = at; d + 1 < in->rank; d++) out->dims[d] = in->dims[d + 1];
    out->rank--;
    return true;
}

/* Does what the body declares of its inputs hold? */
static bool declared_right(const ig_infer *c, const scan_attrs *a)
{
    const ig_graph *sub = c->node->sub[0];
    const size_t n_state = (size_t)a->n_state, own = n_state + (size_t)a->n_scan;
    if (!ig_child_sure(sub, 0, c->in, n_state)) return false;
    for (size_t i = n_state; i < own; i++) {
        ig_type type;
        const ig_type *given = &type;
        if (!slice_type(&type, c->in[i], listed(&a->scan_input_axes, i - n_state))) return false;
        if (!ig_child_sure(sub, i, &given, 1)) return false;
    }
    return ig_child_sure(sub, own, c->in + own, c->n_in - own);
}

static int64_t known_length(const ig_infer *c, const scan_attrs *a)
{
    const ig_type *in = c->in[a->n_state];
    const int at = in->rank > 0 ? axis_in(listed(&a->scan_input_axes, 0), in->rank) : -1;
    return at < 0 ? IG_DIM_UNKNOWN : in->dims[at];
}

static void infer_state(ig_infer *c, uint32_t o)
{
    const ig_graph *sub = c->node->sub[0];
    const ig_type *declared = &sub->values[sub->inputs[o]].type;
    ig_type both, all;
    if (ig_type_common(&both, c->in[o], ig_child_output(sub, o)) &&
        ig_type_common(&all, &both, declared))
        c->out[o] = all;
}

static void infer_scanned(ig_infer *c, uint32_t o, const scan_attrs *a, const ig_type *each)
{
    if (each->rank < 0 || each->rank >= IG_MAX_RANK) return;
    const int rank = each->rank + 1;
    const int at = axis_in(listed(&a->scan_output_axes, o - (size_t)a->n_state), rank);
    if (at < 0) return;
    c->out[o].rank = rank;
    for (int d = 0; d < rank; d++)
        c->out[o].dims[d] = d < at    ? each->dims[d]
                            : d == at ? known_length(c, a)
                                      : each->dims[d - 1];
}

static ingot_status infer(ig_infer *c)
{
    IG_TRY(check(c));
    const scan_attrs *a = c->attrs;
    const bool sure = !a->batched && declared_right(c, a);
    for (uint32_t o = 0; o < c->n_out; o++) {
        const ig_type *each = ig_child_output(c->node->sub[0], o);
        c->out[o].dtype = each->dtype;
        if (!sure || each->kind != IG_TENSOR || each->optional) continue;
        if (o < a->n_state)
            infer_state(c, o);
        else
            infer_scanned(c, o, a, each);
    }
    return INGOT_OK;
}

/* ---- slices ---- */

/* A tensor cut along one axis: element k of the axis is `outer` runs of `run_bytes`. */
typedef struct {
    ig_tensor slice;
    char *data;
    size_t outer, length, run_bytes;
    bool backwards;
    void *buffer; /* for slices that are not in one piece */
} cut;

typedef struct {
    ig_child body;
    ig_carry carry;
    cut *in, *out; /* [n_scan], [n_out - n_state] */
    ig_tensor *start;
    const ig_tensor **start_list; /* [n_state] */
    bool *there; /* [n_state] the state is the body's latest output, left on a device */
    size_t lead, n_state, n_scan, n_stacked;
    size_t length; /* of the scanned inputs, in the current run */
} scan_state;

static size_t product(const int64_t *dims, int from, int to)
{
    size_t n = 1;
    for (int d = from; d < to; d++) n *= (size_t)dims[d];
    return n;
}

static void cut_at(cut *k, const ig_tensor *whole, int axis)
{
    k->data = whole->data;
    k->outer = product(whole->dims, 0, axis);
    k->length = (size_t)whole->dims[axis];
    k->run_bytes = product(whole->dims, axis + 1, whole->rank) * ig_dtype(whole->dtype)->bytes;
}

static ingot_status cut_input(cut *k, ig_run *r, const scan_state *s, size_t i, size_t batch)
{
    const scan_attrs *a = r->attrs;
    const ig_tensor *in = r->in[s->lead + s->n_state + i];
    const int skip = a->batched ? 1 : 0;
    if (in->absent || in->kind != IG_TENSOR || in->rank <= skip)
        return ig_run_fail(r, "scanned input %zu is not a tensor of rank %d or more", i, skip + 1);
    const int64_t wanted = a->batched ? 0 : listed(&a->scan_input_axes, i);
    const int axis = axis_in(wanted, in->rank - skip);
    if (axis < 0)
        return ig_run_fail(r, "axis %lld of scanned input %zu is outside rank %d",
                           (long long)wanted, i, in->rank - skip);
    ig_tensor whole = *in;
    whole.rank -= skip;
    memmove(whole.dims, in->dims + skip, (size_t)whole.rank * sizeof *whole.dims);
    *k = (cut){.backwards = backwards(a, i)};
    k->slice = whole;
    k->slice.rank--;
    for (int d = axis; d < k->slice.rank; d++) k->slice.dims[d] = in->dims[d + skip + 1];
    cut_at(k, &whole, axis);
    k->data += batch * k->outer * k->length * k->run_bytes;
    if (k->outer > 1 && !(k->buffer = ig_arena_take(r->side, k->outer * k->run_bytes + IG_ALIGN)))
        return ig_node_fail(r->err, INGOT_E_NOMEM, r->node, "no memory for a slice");
    return INGOT_OK;
}

static ig_tensor take_slice(const cut *k, size_t round)
{
    const size_t at = k->backwards ? k->length - 1 - round : round;
    ig_tensor t = k->slice;
    t.data = k->data + at * k->run_bytes;
    if (k->outer == 1) return t;
    for (size_t o = 0; o < k->outer && k->run_bytes; o++)
        memcpy((char *)k->buffer + o * k->run_bytes, k->data + (o * k->length + at) * k->run_bytes,
               k->run_bytes);
    t.data = k->buffer;
    return t;
}

/* ---- scanned outputs ---- */

/* Makes scanned output k for slices like `each`; dims of `each` below 0 become 0. */
static ingot_status open_output(ig_run *r, scan_state *s, size_t k, const ig_type *each,
                                size_t n_batch, size_t length)
{
    const scan_attrs *a = r->attrs;
    const int skip = a->batched ? 1 : 0, rank = each->rank + 1;
    if (each->kind != IG_TENSOR || each->dtype == INGOT_NONE || rank < 1 ||
        rank + skip > IG_MAX_RANK)
        return ig_run_fail(r, "the type of scanned output %zu is not known, or its rank above %d",
                           k, IG_MAX_RANK);
    const int axis = axis_in(a->batched ? 0 : listed(&a->scan_output_axes, k), rank);
    if (axis < 0)
        return ig_run_fail(r, "axis %lld of scanned output %zu is outside rank %d",
                           (long long)listed(&a->scan_output_axes, k), k, rank);
    int64_t dims[IG_MAX_RANK + 1] = {(int64_t)n_batch};
    for (int d = 0; d < rank; d++) {
        const int64_t own = d == axis ? (int64_t)length : each->dims[d < axis ? d : d - 1];
        dims[d + skip] = IG_MAX(own, (int64_t)0);
    }
    IG_TRY(ig_run_output(r, s->n_state + k, each->dtype, rank + skip, dims));
    ig_tensor whole = *r->out[s->n_state + k];
    whole.rank = rank;
    for (int d = 0; d < rank; d++) whole.dims[d] = dims[d + skip];
    cut *to = &s->out[k];
    *to = (cut){.backwards = !a->batched && listed(&a->scan_output_directions, k) != 0};
    cut_at(to, &whole, axis);
    to->slice = (ig_tensor){.dtype = each->dtype, .rank = each->rank};
    memcpy(to->slice.dims, each->dims, sizeof each->dims);
    return INGOT_OK;
}

static bool same_shape(const ig_tensor *a, const ig_tensor *b)
{
    return a->kind == b->kind && !a->absent && !b->absent && a->dtype == b->dtype &&
           a->rank == b->rank && !memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims);
}

/* Slice `round` of `batch` into output k. */
static ingot_status put_slice(ig_run *r, scan_state *s, size_t k, size_t batch, size_t round)
{
    const cut *to = &s->out[k];
    const ig_tensor *t = &s->body.out[s->n_state + k];
    if (!same_shape(t, &to->slice))
        return ig_run_fail(r, "scanned output %zu changes its shape in round %zu", k, round);
    ig_tensor copy = *t;
    if (t->dtype == INGOT_STR && !ig_tensor_copy(&copy, t, r->side))
        return ig_node_fail(r->err, INGOT_E_NOMEM, r->node, "no memory for strings");
    const size_t at = to->backwards ? to->length - 1 - round : round;
    char *base = to->data + batch * to->outer * to->length * to->run_bytes;
    for (size_t o = 0; o < to->outer && to->run_bytes; o++)
        memcpy(base + (o * to->length + at) * to->run_bytes,
               (const char *)copy.data + o * to->run_bytes, to->run_bytes);
    return INGOT_OK;
}

/* ---- running ---- */

static ingot_status bind(ig_bind *b)
{
    const scan_attrs *a = b->attrs;
    scan_state *s = ig_new(b->arena, scan_state);
    if (!s) return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory");
    b->state = s;
    s->lead = a->lengths ? 1 : 0;
    s->n_state = (size_t)a->n_state;
    s->n_scan = (size_t)a->n_scan;
    s->n_stacked = b->n_out > s->n_state ? b->n_out - s->n_state : 0;
    IG_TRY(ig_child_open(&s->body, b, 0));
    const ig_exec_options *options = ig_exec_opts(b->exec);
    s->in = ig_new_n(b->arena, cut, s->n_scan);
    s->out = ig_new_n(b->arena, cut, s->n_stacked);
    s->start = ig_new_n(b->arena, ig_tensor, s->n_state);
    s->start_list = ig_new_n(b->arena, const ig_tensor *, s->n_state);
    s->there = ig_new_n(b->arena, bool, s->n_state);
    ig_exec_leave(s->body.exec, 0, s->n_state);
    if (!s->in || !s->out || !s->start || !s->start_list || !s->there ||
        !ig_carry_init(&s->carry, s->n_state, b->arena, options->heap, options->side_limit_bytes))
        return ig_node_fail(b->err, INGOT_E_NOMEM, b->node, "no memory");
    return INGOT_OK;
}

static void unbind(void *state)
{
    scan_state *s = state;
    ig_child_close(&s->body);
    ig_carry_clear(&s->carry);
}

/* All scanned inputs have one length, and all values n_batch batches. */
static ingot_status sizes(ig_run *r, scan_state *s, size_t *n_batch, size_t *length)
{
    const scan_attrs *a = r->attrs;
    for (size_t i = 0; i < s->n_scan; i++) {
        IG_TRY(cut_input(&s->in[i], r, s, i, 0));
        if (s->in[i].length != s->in[0].length)
            return ig_run_fail(r, "scanned input %zu has %zu slices, the first has %zu", i,
                               s->in[i].length, s->in[0].length);
    }
    s->length = *length = s->in[0].length;
    *n_batch = 1;
    if (!a->batched) return INGOT_OK;
    const int64_t n = r->in[s->lead + s->n_state]->dims[0];
    for (size_t i = 0; i < s->n_state + s->n_scan; i++) {
        const ig_tensor *t = r->in[s->lead + i];
        if (t->absent || t->kind != IG_TENSOR || t->rank < 1 || t->dims[0] != n)
            return ig_run_fail(r, "input %zu does not have %lld batches", i, (long long)n);
    }
    const ig_tensor *lengths = s->lead ? r->in[0] : NULL;
    if (lengths && (lengths->absent || lengths->dtype != INGOT_I64 || lengths->rank != 1 ||
                    lengths->dims[0] != n))
        return ig_run_fail(r, "the lengths must be %lld i64", (long long)n);
    *n_batch = (size_t)n;
    return INGOT_OK;
}

/* The states that batch b begins with. */
static void start_batch(const ig_run *r, scan_state *s, size_t batch)
{
    const bool batched = ((const scan_attrs *)r->attrs)->batched != 0;
    for (size_t i = 0; i < s->n_state; i++) {
        const ig_tensor *in = r->in[s->lead + i];
        s->start[i] = *in;
        s->start_list[i] = &s->start[i];
        if (!batched) continue;
        s->start[i].rank--;
        for (int d = 0; d < s->start[i].rank; d++) s->start[i].dims[d] = in->dims[d + 1];
        const size_t bytes = ig_tensor_elements(&s->start[i]) * ig_dtype(in->dtype)->bytes;
        s->start[i].data = (char *)in->data + batch * bytes;
    }
    ig_carry_start(&s->carry, s->start_list);
    memset(s->there, 0, s->n_state * sizeof *s->there);
}

static ingot_status one_round(ig_run *r, scan_state *s, size_t batch, size_t n_batch, size_t round)
{
    if (ig_run_cancelled(r))
        return ig_node_fail(r->err, INGOT_E_CANCELLED, r->node, "cancelled in round %zu", round);
    for (size_t i = 0; i < s->n_state; i++) s->body.in[i] = s->carry.now[i];
    for (size_t i = 0; i < s->n_scan; i++)
        s->body.in[s->n_state + i] = take_slice(&s->in[i], round);
    IG_TRY(ig_child_run(&s->body, r));
    IG_TRY(ig_child_keep(&s->body, r, s->there, s->n_state, 0, 0));
    for (size_t k = 0; k < s->n_stacked; k++) {
        if (!r->out[s->n_state + k]) continue;
        const ig_type each = ig_type_of(&s->body.out[s->n_state + k]);
        if (!s->out[k].data && each.optional)
            return ig_run_fail(r, "scanned output %zu is empty", k);
        if (!s->out[k].data) IG_TRY(open_output(r, s, k, &each, n_batch, s->length));
        IG_TRY(put_slice(r, s, k, batch, round));
    }
    if (ig_carry_step(&s->carry, s->body.out)) return INGOT_OK;
    return ig_node_fail(r->err, INGOT_E_NOMEM, r->node, "no memory for the state");
}

/* The states that batch b ends with. */
static ingot_status end_batch(ig_run *r, scan_state *s, size_t batch, size_t n_batch)
{
    const bool batched = ((const scan_attrs *)r->attrs)->batched != 0;
    for (size_t o = 0; o < s->n_state; o++)
        if (s->there[o]) IG_TRY(ig_exec_fetch(s->body.exec, o, &s->carry.now[o], r->err));
    for (size_t o = 0; o < s->n_state && o < r->n_out; o++) {
        const ig_tensor *t = &s->carry.now[o];
        if (!batched) {
            IG_TRY(ig_child_give(r, o, t));
            continue;
        }
        ig_tensor copy = *t;
        int64_t dims[IG_MAX_RANK + 1] = {(int64_t)n_batch};
        if (t->absent || t->kind != IG_TENSOR || t->rank >= IG_MAX_RANK)
            return ig_run_fail(r, "state %zu is not a tensor of rank below %d", o, IG_MAX_RANK);
        for (int d = 0; d < t->rank; d++) dims[d + 1] = t->dims[d];
        if (!r->out[o]) continue;
        if (batch == 0) IG_TRY(ig_run_output(r, o, t->dtype, t->rank + 1, dims));
        const ig_tensor *out = r->out[o];
        if (out->rank != t->rank + 1 || out->dtype != t->dtype ||
            memcmp(out->dims, dims, (size_t)out->rank * sizeof *dims))
            return ig_run_fail(r, "state %zu has another shape in batch %zu", o, batch);
        if (t->dtype == INGOT_STR && !ig_tensor_copy(&copy, t, r->side))
            return ig_node_fail(r->err, INGOT_E_NOMEM, r->node, "no memory for the state");
        const size_t bytes = ig_tensor_elements(t) * ig_dtype(t->dtype)->bytes;
        if (bytes) memcpy((char *)out->data + batch * bytes, copy.data, bytes);
    }
    return INGOT_OK;
}

/* Outputs that no round made. */
static ingot_status empty_outputs(ig_run *r, scan_state *s, size_t n_batch, size_t length)
{
    const ig_graph *sub = ig_exec_graph(s->body.exec);
    for (size_t k = 0; k < s->n_stacked; k++)
        if (r->out[s->n_state + k] && !s->out[k].data)
            IG_TRY(open_output(r, s, k, ig_child_output(sub, s->n_state + k), n_batch, length));
    if (n_batch) return INGOT_OK;
    for (size_t o = 0; o < s->n_state && o < r->n_out; o++)
        IG_TRY(ig_child_give(r, o, r->in[s->lead + o]));
    return INGOT_OK;
}

static ingot_status run(ig_run *r)
{
    scan_state *s = r->state;
    size_t n_batch = 0, length = 0;
    IG_TRY(sizes(r, s, &n_batch, &length));
    const size_t own = s->n_state + s->n_scan;
    for (size_t k = 0; k < s->n_stacked; k++) s->out[k] = (cut){0};
    for (size_t b = 0; b < n_batch; b++) {
        ig_child_capture(&s->body, own, r, s->lead + own, r->n_in - s->lead - own);
        int64_t rounds = (int64_t)length;
        if (s->lead) rounds = ((const int64_t *)r->in[0]->data)[b];
        if (rounds < 0 || rounds > (int64_t)length)
            return ig_run_fail(r, "length %lld of batch %zu is not within 0 to %zu",
                               (long long)rounds, b, length);
        for (size_t i = 0; i < s->n_scan; i++) {
            if (b) IG_TRY(cut_input(&s->in[i], r, s, i, b));
            s->in[i].length = (size_t)rounds; /* backwards begins at the last that counts */
        }
        start_batch(r, s, b);
        for (size_t t = 0; t < (size_t)rounds; t++) IG_TRY(one_round(r, s, b, n_batch, t));
        IG_TRY(end_batch(r, s, b, n_batch));
    }
    return empty_outputs(r, s, n_batch, length);
}

const ig_op ig_op_scan = {
    .name = "scan",
    .min_in = 1,
    .max_in = IG_MANY,
    .min_out = 0,
    .max_out = IG_MANY,
    .n_sub = 1,
    .flags = IG_OP_ALLOCATES | IG_OP_KINDS | IG_OP_KEEP_BIND,
    .attrs = attrs,
    .attrs_bytes = sizeof(scan_attrs),
    .infer = infer,
    .bind = bind,
    .run = run,
    .unbind = unbind,
};
