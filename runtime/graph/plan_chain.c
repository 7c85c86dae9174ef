/* plan_chain.c - elementwise steps on the device that become one.
 *
 * A step joins the one that alone reads its result, when both are elementwise, lie on the device
 * and have the same dims: what is between them is never written. The device says whether it can run
 * the chain; where it cannot, shorter ones are tried. The new step takes the place
 * of the last: all that the others read is there by then. */
#include "runtime/graph/plan.h"
#include "runtime/base/checked.h"

#include <string.h>

enum { MOST = 16 }; /* nodes of a chain */

static const ig_op chain_op = {.name = "chain", .min_in = 1, .max_in = IG_MANY, .max_out = 1};

typedef struct {
    ig_plan *p;
    ig_arena *a;
    size_t *maker;     /* [n_values] 1 + the step that makes it */
    uint32_t *readers; /* [n_values] steps that read it, whoever takes the graph's outputs, the
                         tail */
    bool *gone;        /* [n_steps] part of a chain that ends later */
} chains;

static bool is_elementwise(const ig_step *step)
{
    static const char *const ops[] = {"unary", "binary", "clip", "where", "cast"};
    if (!step->taken || step->node->n_out != 1 || step->node->out[0] == IG_NO_VALUE) return false;
    for (size_t i = 0; i < IG_LEN(ops); i++)
        if (!strcmp(step->node->op->name, ops[i])) return true;
    return false;
}

static void note(chains *c)
{
    const ig_plan *p = c->p;
    for (size_t s = 0; s < p->n_steps; s++) {
        const ig_node *node = p->steps[s].node;
        for (uint32_t i = 0; i < node->n_in; i++) {
            bool again = node->in[i] == IG_NO_VALUE;
            for (uint32_t k = 0; k < i; k++) again = again || node->in[k] == node->in[i];
            if (!again) c->readers[node->in[i]]++;
        }
        for (uint32_t o = 0; o < node->n_out; o++)
            if (node->out[o] != IG_NO_VALUE) c->maker[node->out[o]] = s + 1;
    }
    for (size_t i = 0; i < p->g->n_outputs; i++) c->readers[p->g->outputs[i]]++;
    for (size_t i = 0; p->tail && i < p->tail->g.n_inputs; i++) c->readers[p->tail->g.inputs[i]]++;
}

static bool same_dims(const ig_type *a, const ig_type *b)
{
    return a->rank == b->rank && !memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims);
}

/* ---- one chain ---- */

typedef struct {
    size_t steps[MOST]; /* in an order that runs; the last is the chain's end */
    size_t n, room;
    const ig_node *nodes[MOST];
} members;

/* The step s and what may join it, operands first. */
static void collect(chains *c, members *m, size_t s, const ig_type *dims)
{
    const ig_plan *p = c->p;
    const ig_node *node = p->steps[s].node;
    for (uint32_t i = 0; i < node->n_in; i++) {
        const ig_id id = node->in[i];
        if (id == IG_NO_VALUE || !c->maker[id] || c->readers[id] != 1 || !m->room ||
            !same_dims(&p->types[id], dims))
            continue;
        const size_t from = c->maker[id] - 1;
        bool there = c->gone[from] || !is_elementwise(&p->steps[from]);
        for (size_t k = 0; k < m->n; k++) there = there || m->steps[k] == from;
        if (there) continue;
        m->room--;
        collect(c, m, from, dims);
    }
    m->nodes[m->n] = node;
    m->steps[m->n++] = s;
}

/* What stands for the chain: its inputs are those of all nodes that none of them makes. */
static ig_node *node_of(const chains *c, const members *m)
{
    const ig_node *last = m->nodes[m->n - 1];
    ig_node *node = ig_new(&c->p->arena, ig_node);
    size_t most = 0;
    for (size_t k = 0; k < m->n; k++) most += m->nodes[k]->n_in;
    ig_id *in = ig_new_n(&c->p->arena, ig_id, most);
    if (!node || !in) return NULL;
    *node = *last;
    node->op = &chain_op;
    node->in = in;
    node->n_in = 0;
    for (size_t k = 0; k < m->n; k++)
        for (uint32_t i = 0; i < m->nodes[k]->n_in; i++) {
            const ig_id id = m->nodes[k]->in[i];
            bool known = id == IG_NO_VALUE;
            for (size_t j = 0; j < k; j++) known = known || m->nodes[j]->out[0] == id;
            for (uint32_t j = 0; j < node->n_in; j++) known = known || in[j] == id;
            if (!known) in[node->n_in++] = id;
        }
    return node;
}

static ingot_status no_memory(ingot_error *err)
{
    return ig_fail(err, INGOT_E_NOMEM, "planning: no memory");
}

/* The last step becomes the chain, the others go. */
static ingot_status join(chains *c, const members *m, const ig_node *node, const ig_device_bind *b,
                         ingot_error *err)
{
    ig_plan *p = c->p;
    ig_step *end = &p->steps[m->steps[m->n - 1]];
    for (size_t k = 0; k < m->n; k++) {
        c->gone[m->steps[k]] = k + 1 < m->n;
        ig_plan_put_back(p, &p->steps[m->steps[k]]);
    }
    p->n_on_device -= m->n; /* one of them comes again */
    end->node = node;
    end->in = ig_new_n(&p->arena, const ig_tensor *, node->n_in);
    if (!end->in) {
        p->device.api->unbind(p->device.device, node, b->state);
        return no_memory(err);
    }
    for (uint32_t i = 0; i < node->n_in; i++) end->in[i] = &p->values[node->in[i]];
    return ig_plan_adopt(p, end, b, err);
}

/* The chain of at most `room` more steps that ends with s. *n: how many it would have, 1 where
 * there is none; 0: the device took it. */
static ingot_status try_chain(chains *c, size_t s, size_t room, size_t *n, ingot_error *err)
{
    ig_plan *p = c->p;
    members m = {.room = room};
    collect(c, &m, s, &p->types[p->steps[s].node->out[0]]);
    *n = m.n;
    if (m.n < 2) return INGOT_OK;
    const ig_node *node = node_of(c, &m);
    ig_step_view v;
    if (!node || !ig_step_look(&v, p, node, c->a)) return no_memory(err);
    const ig_chain chain = {.nodes = m.nodes, .n = m.n, .types = p->types};
    ig_device_bind b = {.node = node,
                        .in = v.in,
                        .known = v.known,
                        .out = v.out,
                        .in_layout = v.layout,
                        .chain = &chain,
                        .log = p->log,
                        .fast = p->fast,
                        .arena = &p->arena,
                        .err = err};
    IG_TRY(p->device.api->bind(p->device.device, &b));
    if (b.declined) return INGOT_OK;
    *n = 0;
    return join(c, &m, node, &b, err);
}

/* The longest chain that ends with s and that the device runs. */
static ingot_status end_with(chains *c, size_t s, ingot_error *err)
{
    for (size_t n, room = MOST - 1; room > 0; room = n - 2) {
        IG_TRY(try_chain(c, s, room, &n, err));
        if (n < 2) break;
    }
    return INGOT_OK;
}

ingot_status ig_plan_chains(ig_plan *p, ingot_error *err)
{
    ig_arena a;
    ig_arena_init(&a, p->arena.heap);
    chains c = {.p = p,
                .a = &a,
                .maker = ig_new_n(&a, size_t, p->g->n_values),
                .readers = ig_new_n(&a, uint32_t, p->g->n_values),
                .gone = ig_new_n(&a, bool, p->n_steps)};
    ingot_status s = c.maker && c.readers && c.gone ? INGOT_OK : no_memory(err);
    if (!s) note(&c);
    for (size_t k = p->n_steps; !s && k-- > 0;)
        if (!c.gone[k] && is_elementwise(&p->steps[k])) s = end_with(&c, k, err);
    size_t n = 0;
    for (size_t k = 0; c.gone && k < p->n_steps; k++)
        if (!c.gone[k]) p->steps[n++] = p->steps[k];
    if (c.gone) p->n_steps = n;
    ig_arena_clear(&a);
    return s;
}
