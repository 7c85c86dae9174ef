/* plan.c - from types and places to steps that are ready to run; see plan.h. */
#include "runtime/graph/exec_parts.h"
#include "runtime/base/checked.h"

#include <string.h>

static bool all_static(const ig_plan *p, const ig_id *ids, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (ids[i] != IG_NO_VALUE && !ig_type_static(&p->types[ids[i]])) return false;
    return true;
}

/* A node with subgraphs hands on what was left out, and is bound when it runs. */
static bool inputs_known(const ig_plan *p, const ig_node *node)
{
    for (uint32_t i = 0; i < node->n_in; i++) {
        const ig_id id = node->in[i];
        if (!(ig_plan_left_out(p, id) && !node->n_sub) && !all_static(p, &id, 1)) return false;
    }
    return true;
}

static ingot_status open_step(ig_plan *p, ig_step *step, const ig_node *node, ingot_error *err)
{
    step->node = node;
    step->kernel = node->op->name;
    step->in = ig_new_n(&p->arena, const ig_tensor *, node->n_in);
    step->out = ig_new_n(&p->arena, ig_tensor *, node->n_out);
    if (!step->in || !step->out) return ig_fail(err, INGOT_E_NOMEM, "planning: no memory");
    for (uint32_t i = 0; i < node->n_in; i++)
        step->in[i] = node->in[i] == IG_NO_VALUE ? NULL : &p->values[node->in[i]];
    for (uint32_t o = 0; o < node->n_out; o++)
        step->out[o] = node->out[o] == IG_NO_VALUE ? NULL : &p->values[node->out[o]];
    /* A step is bound now when all sizes are known; an op that allocates may leave its outputs
     * open. */
    step->dynamic = !inputs_known(p, node) || (!(node->op->flags & IG_OP_ALLOCATES) &&
                                               !all_static(p, node->out, node->n_out));
    return INGOT_OK;
}

bool ig_step_look(ig_step_view *v, const ig_plan *p, const ig_node *node, ig_arena *a)
{
    v->in = ig_new_n(a, const ig_type *, node->n_in);
    v->out = ig_new_n(a, const ig_type *, node->n_out);
    v->known = ig_new_n(a, const ig_tensor *, node->n_in);
    v->layout = ig_new_n(a, ig_layout, node->n_in);
    if (!v->in || !v->out || !v->known || !v->layout) return false;
    for (uint32_t i = 0; i < node->n_in; i++) {
        const ig_id id = node->in[i];
        if (id == IG_NO_VALUE) continue;
        v->in[i] = &p->types[id];
        v->known[i] = p->known[id] ? &p->values[id] : NULL;
        v->layout[i] = p->g->values[id].layout;
    }
    for (uint32_t o = 0; o < node->n_out; o++)
        v->out[o] = node->out[o] == IG_NO_VALUE ? NULL : &p->types[node->out[o]];
    return true;
}

static ingot_status bind_step(ig_plan *p, ig_exec *x, const ig_exec_options *options, ig_step *step,
                              ingot_error *err)
{
    ig_step_view v;
    ig_arena a;
    ig_arena_init(&a, p->arena.heap);
    if (!ig_step_look(&v, p, step->node, &a)) {
        ig_arena_clear(&a);
        return ig_fail(err, INGOT_E_NOMEM, "planning: no memory");
    }
    ig_bind b = {.node = step->node,
                 .in = v.in,
                 .known = v.known,
                 .out = v.out,
                 .in_layout = v.layout,
                 .n_threads = ig_pool_threads(options->pool),
                 .math = options->math,
                 .arena = &p->arena,
                 .exec = x,
                 .err = err};
    const ingot_status s = ig_node_bind(&b);
    step->state = b.state;
    step->kernel = b.kernel;
    step->scratch_place.bytes = b.scratch_bytes;
    ig_arena_clear(&a);
    return s;
}

static ingot_status make_steps(ig_plan *p, const bool *skip, ingot_error *err)
{
    p->steps = ig_new_n(&p->arena, ig_step, p->g->n_nodes);
    if (!p->steps) return ig_fail(err, INGOT_E_NOMEM, "planning: no memory");
    for (size_t i = 0; i < p->g->n_nodes; i++) {
        if (skip[i]) continue;
        ig_step *step = &p->steps[p->n_steps];
        IG_TRY(open_step(p, step, p->g->nodes[i], err));
        p->n_steps++; /* from here on closing the plan unbinds it */
        p->n_dynamic += step->dynamic;
        if (step->dynamic && step->node->op->flags & IG_OP_KEEP_BIND) {
            step->kept = ig_new(&p->arena, ig_kept);
            if (!step->kept) return ig_fail(err, INGOT_E_NOMEM, "planning: no memory");
            ig_arena_init(&step->kept->arena, p->arena.heap);
        }
    }
    return INGOT_OK;
}

static ingot_status bind_steps(ig_plan *p, ig_exec *x, const ig_exec_options *options,
                               ingot_error *err)
{
    for (size_t s = 0; s < p->n_steps; s++) {
        ig_step *step = &p->steps[s];
        const bool view = step->node->op->flags & IG_OP_VIEW;
        if (!step->dynamic && !view && !step->taken) IG_TRY(bind_step(p, x, options, step, err));
    }
    return INGOT_OK;
}

static void describe_values(ig_plan *p)
{
    for (size_t v = 0; v < p->g->n_values; v++) {
        if (p->places[v].kind == IG_PLACE_CONST) continue;
        const ig_type *type = &p->types[v];
        ig_tensor *t = &p->values[v];
        *t = (ig_tensor){.kind = type->kind, .dtype = type->dtype, .rank = type->rank};
        memcpy(t->dims, type->dims, sizeof t->dims);
    }
}

void ig_plan_place(ig_plan *p, void *block)
{
    p->block = block;
    p->placed = true;
    for (size_t v = 0; v < p->g->n_values; v++) {
        const ig_place *at = &p->places[v];
        if (at->kind == IG_PLACE_CONST) continue;
        while (at->kind == IG_PLACE_ALIAS) at = &p->places[at->root];
        if (at->kind == IG_PLACE_ARENA) p->values[v].data = (char *)block + at->offset;
        if (at->kind == IG_PLACE_CONST) p->values[v].data = p->values[at - p->places].data;
    }
    for (size_t s = 0; s < p->n_steps; s++)
        if (p->steps[s].scratch_place.bytes)
            p->steps[s].scratch = (char *)block + p->steps[s].scratch_place.offset;
}

static ingot_status fill(ig_plan *p, ig_exec *x, const ig_exec_options *options, const ig_type *in,
                         ingot_error *err)
{
    const ig_graph *g = p->g;
    bool *skip = ig_new_n(&p->arena, bool, g->n_nodes);
    p->in_types = ig_arena_copy(&p->arena, in, g->n_inputs * sizeof *in);
    p->types = ig_new_n(&p->arena, ig_type, g->n_values);
    p->values = ig_new_n(&p->arena, ig_tensor, g->n_values);
    p->known = ig_new_n(&p->arena, bool, g->n_values);
    p->places = ig_new_n(&p->arena, ig_place, g->n_values);
    if (!skip || !p->in_types || !p->types || !p->values || !p->known || !p->places)
        return ig_fail(err, INGOT_E_NOMEM, "planning: no memory");
    IG_TRY(ig_plan_types(p, x, skip, err));
    IG_TRY(make_steps(p, skip, err));
    IG_TRY(ig_plan_cut(p, x, err));
    if (p->device.api) {
        IG_TRY(ig_plan_offer(p, x->before != NULL, err));
        IG_TRY(ig_plan_chains(p, err));
    }
    IG_TRY(bind_steps(p, x, options, err));
    if (p->device.api) IG_TRY(ig_plan_borders(p, err));
    IG_TRY(ig_plan_layout(p, err));
    describe_values(p);
    return INGOT_OK;
}

ingot_status ig_plan_open(ig_plan **out, ig_exec *x, const ig_graph *g,
                          const ig_exec_options *options, const ig_type *in, ingot_error *err)
{
    *out = NULL;
    ig_plan *p = ig_take0(options->heap, sizeof *p);
    if (!p) return ig_fail(err, INGOT_E_NOMEM, "planning: no memory");
    p->g = g;
    p->device = options->device;
    p->log = options->log;
    p->fast = options->math == IG_MATH_FAST;
    p->n_fresh = g->n_inputs;
    if (x) {
        p->leave_first = x->body.leave_first, p->leave_n = x->body.leave_n;
        p->n_fresh = x->body.captured ? x->body.captured : g->n_inputs;
    }
    ig_arena_init(&p->arena, options->heap);
    const ingot_status s = fill(p, x, options, in, err);
    if (s) ig_plan_close(&p);
    *out = p;
    return s;
}

void ig_kept_drop(ig_kept *kept, const ig_op *op)
{
    if (!kept) return;
    if (kept->state && op->unbind) op->unbind(kept->state);
    ig_arena_clear(&kept->arena);
    kept->state = NULL;
    kept->valid = false;
}

void ig_plan_close(ig_plan **plan)
{
    ig_plan *p = *plan;
    *plan = NULL;
    if (!p) return;
    ig_tail_close(p->tail);
    if (p->device.api) ig_plan_leave_device(p);
    for (size_t s = 0; s < p->n_steps; s++) {
        if (p->steps[s].kind != IG_STEP_NODE) continue;
        if (p->steps[s].state && p->steps[s].node->op->unbind)
            p->steps[s].node->op->unbind(p->steps[s].state);
        ig_kept_drop(p->steps[s].kept, p->steps[s].node->op);
    }
    ig_heap *heap = p->arena.heap;
    ig_arena_clear(&p->arena);
    ig_give(heap, p, sizeof *p);
}
