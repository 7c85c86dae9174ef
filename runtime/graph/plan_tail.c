/* plan_tail.c - the part of a plan that waits for sizes which only a run tells.
 *
 * A device takes steps of known sizes only. Without more, all that comes after a non_zero or a
 * non_max_suppression would run on the CPU: of a detector with two stages, half of it. So a plan
 * with a device ends with the first steps whose results have open sizes. What follows is a graph of
 * its own, the tail: its inputs are those results and what else it reads, their types are known
 * when it is run, and it is planned, offered to the device and cached for them like any other
 * graph. A tail can have a tail.
 *
 * It shares nodes and constants with the graph; contents that planning worked out (shapes) are
 * constants of it. Inputs that the device has are copied there, and come down only where a step of
 * the CPU reads them. */
#include "runtime/graph/exec_parts.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { TAILS_MOST = 8 /* one in another; each is planned anew for sizes that it has not seen */ };

typedef struct {
    ig_plan *p;
    bool *open;   /* [n_values] made by a step that the tail waits for, of open sizes */
    bool *later;  /* [n_values] made by a step of the tail */
    bool *taken;  /* [n_values] an input of the tail */
    bool *output; /* [n_values] an output of the graph that the tail makes */
    size_t n_later;
} cut;

static ingot_status no_memory(ingot_error *err)
{
    return ig_fail(err, INGOT_E_NOMEM, "planning: no memory");
}

/* ---- where to cut ---- */

static bool waits(const cut *c, const ig_step *step)
{
    for (uint32_t i = 0; i < step->node->n_in; i++) {
        const ig_id id = step->node->in[i];
        if (id != IG_NO_VALUE && (c->open[id] || c->later[id])) return true;
    }
    return false;
}

/* Steps are in order: those that read what has no size yet, and all that need them. */
static void mark(cut *c)
{
    const ig_plan *p = c->p;
    for (size_t s = 0; s < p->n_steps; s++) {
        const ig_step *step = &p->steps[s];
        const bool late = waits(c, step);
        c->n_later += late;
        for (uint32_t o = 0; o < step->node->n_out; o++) {
            const ig_id id = step->node->out[o];
            if (id == IG_NO_VALUE) continue;
            c->later[id] = late;
            c->open[id] = !late && !ig_type_static(&p->types[id]);
        }
    }
}

static bool device_has(const ig_exec_device *d, const char *name)
{
    const char *have;
    for (size_t i = 0; (have = d->api->op(i)) != NULL; i++)
        if (!strcmp(have, name)) return true;
    return false;
}

/* Has the device an op of the tail, and is all that the tail takes a tensor? */
static bool is_worth_it(cut *c)
{
    const ig_plan *p = c->p;
    bool has_op = false;
    for (size_t s = 0; s < p->n_steps; s++) {
        const ig_node *node = p->steps[s].node;
        if (!waits(c, &p->steps[s])) continue;
        has_op = has_op || (!node->n_sub && device_has(&p->device, node->op->name));
        for (uint32_t i = 0; i < node->n_in; i++) {
            const ig_id id = node->in[i];
            if (id == IG_NO_VALUE || c->later[id] || p->known[id]) continue;
            if (p->types[id].kind != IG_TENSOR || p->types[id].optional) return false;
            c->taken[id] = true;
        }
    }
    return has_op;
}

/* ---- the tail's graph ---- */

/* The values that are marked; *n of them. NULL: no memory. */
static ig_id *ids_of(ig_plan *p, const bool *marked, size_t *n)
{
    ig_id *ids = ig_new_n(&p->arena, ig_id, p->g->n_values);
    *n = 0;
    for (ig_id v = 0; ids && v < p->g->n_values; v++)
        if (marked[v]) ids[(*n)++] = v;
    return ids;
}

/* The graph's values, as the tail sees them. */
static ig_value *values_of(ig_plan *p, const bool *taken)
{
    ig_value *values = ig_arena_copy(&p->arena, p->g->values, p->g->n_values * sizeof *values);
    for (ig_id v = 0; values && v < p->g->n_values; v++) {
        if (taken[v]) values[v].type = p->types[v];
        if (values[v].is_const || !p->known[v]) continue;
        values[v].is_const = true;
        values[v].type = ig_type_of(&p->values[v]);
        values[v].data = p->values[v].data;
    }
    return values;
}

static bool make_graph(const cut *c, ig_graph *g)
{
    ig_plan *p = c->p;
    *g = (ig_graph){.name = p->g->name,
                    .parent = p->g->parent,
                    .n_values = p->g->n_values,
                    .symbols = p->g->symbols};
    g->values = values_of(p, c->taken);
    g->nodes = ig_new_n(&p->arena, ig_node *, c->n_later);
    g->inputs = ids_of(p, c->taken, &g->n_inputs);
    for (size_t i = 0; i < p->g->n_outputs; i++)
        c->output[p->g->outputs[i]] = c->later[p->g->outputs[i]];
    g->outputs = ids_of(p, c->output, &g->n_outputs);
    return g->values && g->nodes && g->inputs && g->outputs;
}

/* The plan keeps its own steps; the tail has those that wait. */
static void share_steps(const cut *c, ig_tail *t)
{
    ig_plan *p = c->p;
    size_t n = 0;
    for (size_t s = 0; s < p->n_steps; s++) {
        ig_step step = p->steps[s];
        if (!waits(c, &step)) {
            p->steps[n++] = step;
            continue;
        }
        step.why = "planned once a run has told its sizes";
        t->steps[t->n_steps++] = step;
        t->g.nodes[t->g.n_nodes++] = (ig_node *)(uintptr_t)step.node; /* read only */
    }
    p->n_steps = n;
}

static ingot_status make_tail(const cut *c, ig_exec *x, ingot_error *err)
{
    ig_plan *p = c->p;
    ig_tail *t = ig_new(&p->arena, ig_tail);
    if (!t || !make_graph(c, &t->g)) return no_memory(err);
    t->steps = ig_new_n(&p->arena, ig_step, c->n_later);
    t->in = ig_new_n(&p->arena, ig_tensor, t->g.n_inputs);
    t->out = ig_new_n(&p->arena, ig_tensor, t->g.n_outputs);
    t->there = ig_new_n(&p->arena, const void *, t->g.n_values);
    if (!t->steps || !t->in || !t->out || !t->there) return no_memory(err);
    ig_exec_options o = x->options;
    o.leave = false; /* its outputs are the plan's */
    IG_TRY(ig_exec_open(&t->exec, &t->g, &o, err));
    t->exec->before = x;
    t->exec->there = t->there;
    p->tail = t; /* from here on closing the plan closes it */
    share_steps(c, t);
    return INGOT_OK;
}

ingot_status ig_plan_cut(ig_plan *p, ig_exec *x, ingot_error *err)
{
    const size_t n = p->g->n_values;
    int n_before = 0;
    if (!p->device.api || !p->n_dynamic) return INGOT_OK;
    for (const ig_exec *b = x->before; b; b = b->before) n_before++;
    if (n_before == TAILS_MOST) return INGOT_OK;
    ig_arena a;
    ig_arena_init(&a, p->arena.heap);
    cut c = {.p = p,
             .open = ig_new_n(&a, bool, n),
             .later = ig_new_n(&a, bool, n),
             .taken = ig_new_n(&a, bool, n),
             .output = ig_new_n(&a, bool, n)};
    ingot_status s = c.open && c.later && c.taken && c.output ? INGOT_OK : no_memory(err);
    if (!s) mark(&c);
    if (!s && c.n_later && is_worth_it(&c)) s = make_tail(&c, x, err);
    ig_arena_clear(&a);
    return s;
}

/* ---- running it ---- */

ingot_status ig_tail_run(ig_exec *x, ig_plan *p, ingot_error *err)
{
    ig_tail *t = p->tail;
    ingot_error own = {0}, *e = err ? err : &own;
    for (size_t i = 0; i < t->g.n_inputs; i++) {
        const ig_id id = t->g.inputs[i];
        t->in[i] = p->values[id];
        t->there[id] = p->n_on_device ? p->device_at[id] : NULL;
    }
    memset(t->out, 0, t->g.n_outputs * sizeof *t->out);
    ig_exec_kv(t->exec, x->kv);
    const ingot_status s = ig_exec_run(t->exec, t->out, t->in, e);
    const ig_exec_device *d = &x->options.device;
    if (s == INGOT_E_DEVICE && d->api->lost(d->device)) {
        ig_exec_fall(x, e->text); /* the plan is gone */
        return s;
    }
    for (size_t i = 0; !s && i < t->g.n_outputs; i++) p->values[t->g.outputs[i]] = t->out[i];
    return s;
}

ingot_status ig_tail_bring(ig_exec *x, ig_plan *p, ingot_error *err)
{
    const ig_exec_device *d = &x->before->options.device;
    bool any = false;
    for (size_t i = 0; i < x->g->n_inputs; i++) {
        const ig_id id = x->g->inputs[i];
        ig_tensor *t = &p->values[id];
        size_t bytes;
        if (t->data || !x->there[id] || (p->needed_here && !p->needed_here[id])) continue;
        if (!ig_type_bytes(&p->types[id], &bytes) || !(t->data = ig_arena_take(&x->side, bytes)))
            return ig_fail(err, INGOT_E_NOMEM, "no memory for value '%.80s'",
                           x->g->values[id].name);
        IG_TRY(d->api->copy(d->stream, t->data, x->there[id], bytes, IG_TO_HOST, err));
        any = true;
    }
    return any ? d->api->wait(d->stream, err) : INGOT_OK;
}

void ig_tail_close(ig_tail *t)
{
    if (t && t->exec) ig_exec_close(&t->exec);
}
