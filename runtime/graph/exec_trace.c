/* exec_trace.c - what steps do and what they cost, for traces and for `ingot plan`. */
#include "runtime/graph/exec_parts.h"
#include "runtime/base/checked.h"
#include "runtime/base/clock.h"

static void describe(const ig_exec *x, const ig_step *step, ig_step_trace *t)
{
    const ig_node *node = step->node;
    enum { MOST = 64 };
    ig_type in_types[MOST], out_types[MOST];
    const ig_type *in[MOST] = {0}, *out[MOST] = {0};
    const ig_tensor *known[MOST] = {0};
    ig_layout layout[MOST] = {IG_PLAIN};
    const uint32_t n_in = IG_MIN(node->n_in, (uint32_t)MOST);
    const uint32_t n_out = IG_MIN(node->n_out, (uint32_t)MOST);
    for (uint32_t i = 0; i < n_in; i++) {
        if (!step->in[i]) continue;
        in_types[i] = ig_type_of(step->in[i]);
        in[i] = &in_types[i];
        layout[i] = x->g->values[node->in[i]].layout;
    }
    for (uint32_t o = 0; o < n_out; o++) {
        if (!step->out[o]) continue;
        out_types[o] = ig_type_of(step->out[o]);
        out[o] = &out_types[o];
    }
    t->node = node;
    t->device = step->taken ? x->latest->device.name : "cpu";
    t->why = step->why;
    t->kernel = step->kernel;
    t->out0 = out[0] ? *out[0] : (ig_type){.rank = IG_RANK_UNKNOWN};
    const ig_bind b = {.node = node,
                       .attrs = node->attrs,
                       .in = in,
                       .known = known,
                       .out = out,
                       .in_layout = layout,
                       .n_in = n_in,
                       .n_out = n_out,
                       .state = step->state};
    t->cost = (ig_cost){0};
    for (uint32_t i = 0; i < n_in; i++) {
        size_t bytes;
        if (in[i] && ig_type_bytes(in[i], &bytes)) t->cost.bytes += (double)bytes;
    }
    for (uint32_t o = 0; o < n_out; o++) {
        size_t bytes, n;
        if (out[o] && ig_type_bytes(out[o], &bytes)) t->cost.bytes += (double)bytes;
        if (out[o] && ig_type_elements(out[o], &n)) t->cost.flops += (double)n;
    }
    bool whole = n_in == node->n_in && n_out == node->n_out;
    for (uint32_t i = 0; i < n_in; i++) whole = whole && (!in[i] || ig_type_static(in[i]));
    for (uint32_t o = 0; o < n_out; o++) whole = whole && (!out[o] || ig_type_static(out[o]));
    if (node->op->cost && whole) node->op->cost(&t->cost, &b);
}

static void tell(const ig_exec *x, const ig_step *steps, size_t n,
                 void (*fn)(void *ud, const ig_step_trace *step), void *ud)
{
    for (size_t s = 0; s < n; s++) {
        if (steps[s].kind != IG_STEP_NODE || steps[s].node->op->flags & IG_OP_VIEW) continue;
        ig_step_trace t = {0};
        describe(x, &steps[s], &t);
        fn(ud, &t);
    }
}

void ig_exec_steps(const ig_exec *x, void (*fn)(void *ud, const ig_step_trace *step), void *ud)
{
    const ig_plan *p = x->latest;
    if (!p) return;
    tell(x, p->steps, p->n_steps, fn, ud);
    if (p->tail && p->tail->exec->latest)
        ig_exec_steps(p->tail->exec, fn, ud);
    else if (p->tail)
        tell(x, p->tail->steps, p->tail->n_steps, fn, ud);
}

ingot_status ig_exec_traced(ig_exec *x, const ig_step *step, ingot_error *err)
{
    const uint64_t begin = ig_now_ns();
    const char *kernel = step->kernel;
    IG_TRY(x->latest->n_on_device ? ig_exec_device_step(x, x->latest, step, &kernel, err)
                                  : ig_exec_step(x, step, &kernel, err));
    if (step->taken) IG_TRY(ig_exec_device_wait(x, err)); /* its own time, not the launch's */
    if (step->kind != IG_STEP_NODE || step->node->op->flags & IG_OP_VIEW) return INGOT_OK;
    ig_step_trace t = {0};
    describe(x, step, &t);
    t.begin_ns = begin;
    t.end_ns = ig_now_ns();
    t.kernel = kernel;
    x->options.trace(x->options.trace_ud, &t);
    return INGOT_OK;
}
