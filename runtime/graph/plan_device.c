/* plan_device.c - which steps run on the device, and what crosses the border to and from it.
 *
 * Every step whose sizes are known is offered. What is taken only in small islands between steps of
 * the CPU, while the bulk of the work lies elsewhere, goes back to the CPU: two copies would cost
 * more; of the body of a loop all that is small goes back, since each round copies again. A value
 * is copied to the other side once, as soon as it is made; outputs of the graph come down after the
 * last step, so that everything before them can be recorded. */
#include "runtime/graph/plan.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>

enum { ISLAND_BYTES = 64 << 10, BODY_WORTH = 4 };

static ingot_status no_memory(ingot_error *err)
{
    return ig_fail(err, INGOT_E_NOMEM, "planning: no memory");
}

static bool reads_host(const ig_on_device *t, uint32_t i) { return i < 64 && t->host_in >> i & 1; }
static bool is_taken(const ig_on_device *t, uint32_t i) { return i < 64 && t->taken >> i & 1; }

/* ---- offering ---- */

static bool plain_values(const ig_plan *p, const ig_id *ids, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (ids[i] == IG_NO_VALUE || ig_plan_left_out(p, ids[i])) continue;
        const ig_type *t = &p->types[ids[i]];
        size_t bytes;
        if (!ig_type_static(t) || t->dtype == INGOT_STR || !ig_type_bytes(t, &bytes)) return false;
    }
    return true;
}

/* Are the outputs of a step that sizes them itself tensors of one open dimension at most? */
static bool sizes_one_dim(const ig_plan *p, const ig_node *node)
{
    for (uint32_t o = 0; o < node->n_out; o++) {
        if (node->out[o] == IG_NO_VALUE) continue;
        const ig_type *t = &p->types[node->out[o]];
        int open = 0;
        for (int d = 0; d < t->rank; d++) open += t->dims[d] < 0;
        if (t->kind != IG_TENSOR || t->optional || t->dtype == INGOT_NONE ||
            t->dtype == INGOT_STR || t->rank < 0 || open > 1)
            return false;
    }
    return true;
}

static const char *never_offered(const ig_plan *p, const ig_step *step)
{
    const ig_node *node = step->node;
    if (node->n_sub) return "it runs subgraphs";
    const bool sizes = node->op->flags & IG_OP_ALLOCATES;
    if (step->dynamic || (sizes && !sizes_one_dim(p, node))) return "only the data tell its sizes";
    if (!plain_values(p, node->in, node->n_in) ||
        (!sizes && !plain_values(p, node->out, node->n_out)))
        return "its values are no plain tensors";
    return NULL;
}

/* The number of the open dimensions lies behind the step's scratch. */
static bool add_count(ig_on_device *t, const ig_device_bind *b)
{
    enum { ROOM = 256 };
    t->open = true;
    t->most = b->most;
    return ig_align_ok(b->scratch_bytes, (size_t)ROOM, &t->count_at) &&
           ig_add_ok(t->count_at, (size_t)ROOM, &t->scratch_place.bytes);
}

ingot_status ig_plan_adopt(ig_plan *p, ig_step *step, const ig_device_bind *b, ingot_error *err)
{
    const ig_node *node = step->node;
    ig_on_device *t = ig_new(&p->arena, ig_on_device);
    if (t) {
        *t = (ig_on_device){.state = b->state,
                            .host_in = b->host_in,
                            .taken = b->taken,
                            .in_place = b->in_place,
                            .in = ig_new_n(&p->arena, const void *, node->n_in),
                            .out = ig_new_n(&p->arena, void *, node->n_out),
                            .constants = ig_new_n(&p->arena, void *, node->n_in),
                            .scratch_place.bytes = b->scratch_bytes};
    }
    const bool sizes = node->op->flags & IG_OP_ALLOCATES;
    if (!t || !t->in || !t->out || !t->constants || (sizes && !add_count(t, b))) {
        p->device.api->unbind(p->device.device, node, b->state);
        return no_memory(err);
    }
    step->taken = t;
    step->kernel = b->kernel;
    p->n_on_device++;
    return INGOT_OK;
}

static ingot_status offer(ig_plan *p, ig_step *step, ingot_error *err)
{
    step->why = never_offered(p, step);
    if (step->why) return INGOT_OK;
    ig_step_view v;
    ig_arena a;
    ig_arena_init(&a, p->arena.heap);
    ingot_status s = ig_step_look(&v, p, step->node, &a) ? INGOT_OK : no_memory(err);
    ig_device_bind b = {.node = step->node,
                        .in = v.in,
                        .known = v.known,
                        .out = v.out,
                        .in_layout = v.layout,
                        .log = p->log,
                        .fast = p->fast,
                        .arena = &p->arena,
                        .err = err};
    if (!s) s = p->device.api->bind(p->device.device, &b);
    ig_arena_clear(&a);
    if (s) return s;
    step->why = b.declined ? b.why : NULL;
    return b.declined ? INGOT_OK : ig_plan_adopt(p, step, &b, err);
}

void ig_plan_put_back(ig_plan *p, ig_step *step)
{
    if (!step->taken || !step->taken->state) return;
    p->device.api->unbind(p->device.device, step->node, step->taken->state);
    step->taken->state = NULL;
}

/* ---- islands: sets of device steps that values connect ---- */

/* The value whose bytes a view has. */
static ig_id content_of(const ig_id *view_of, ig_id id)
{
    while (view_of[id] != id) id = view_of[id];
    return id;
}

static ig_id *views(const ig_plan *p, ig_arena *a)
{
    ig_id *view_of = ig_new_n(a, ig_id, p->g->n_values);
    for (ig_id v = 0; view_of && v < p->g->n_values; v++) view_of[v] = v;
    for (size_t s = 0; view_of && s < p->n_steps; s++) {
        const ig_step *step = &p->steps[s];
        if (ig_step_is_view(step) && step->node->out[0] != IG_NO_VALUE)
            view_of[step->node->out[0]] = step->node->in[0];
    }
    return view_of;
}

static size_t island_of(size_t *parent, size_t s)
{
    while (parent[s] != s) s = parent[s] = parent[parent[s]];
    return s;
}

static double moved(const ig_plan *p, const ig_node *node)
{
    double total = 0;
    size_t bytes;
    for (uint32_t i = 0; i < node->n_in; i++)
        if (node->in[i] != IG_NO_VALUE && ig_type_bytes(&p->types[node->in[i]], &bytes))
            total += (double)bytes;
    for (uint32_t o = 0; o < node->n_out; o++)
        if (node->out[o] != IG_NO_VALUE && ig_type_bytes(&p->types[node->out[o]], &bytes))
            total += (double)bytes;
    return total;
}

static double type_bytes(const ig_plan *p, ig_id id)
{
    size_t bytes;
    return ig_type_bytes(&p->types[id], &bytes) ? (double)bytes : 0;
}

static bool may_stay(const ig_plan *p, size_t output)
{
    return output - p->leave_first < p->leave_n;
}

/* What a set of steps must move to be worth the copies. Each round of a body sends its fresh inputs
 * and gets its outputs; what is left on the device comes back as an input. */
static double least_bytes(const ig_plan *p)
{
    double in = 0, out = 0;
    if (!p->g->parent) return ISLAND_BYTES;
    for (size_t i = 0; i < p->n_fresh; i++) in += type_bytes(p, p->g->inputs[i]);
    for (size_t i = 0; i < p->g->n_outputs; i++) {
        const double bytes = type_bytes(p, p->g->outputs[i]);
        if (may_stay(p, i))
            in -= bytes;
        else
            out += bytes;
    }
    return IG_MAX((double)ISLAND_BYTES, BODY_WORTH * (IG_MAX(in, 0) + out));
}

static void give_up_islands(ig_plan *p, bool is_tail, const ig_id *view_of, size_t *parent,
                            size_t *maker, double *size)
{
    for (size_t s = 0; s < p->n_steps; s++) {
        const ig_step *step = &p->steps[s];
        parent[s] = s;
        if (!step->taken) continue;
        for (uint32_t i = 0; i < step->node->n_in; i++) {
            if (step->node->in[i] == IG_NO_VALUE) continue;
            const size_t from = maker[content_of(view_of, step->node->in[i])];
            if (from) parent[island_of(parent, from - 1)] = s;
        }
        for (uint32_t o = 0; o < step->node->n_out; o++)
            if (step->node->out[o] != IG_NO_VALUE) maker[step->node->out[o]] = s + 1;
    }
    const double least = least_bytes(p);
    /* of a tail the bulk lies before it */
    double most = is_tail ? (double)INFINITY : 0;
    for (size_t s = 0; s < p->n_steps; s++) {
        if (!p->steps[s].taken) continue;
        double *island = &size[island_of(parent, s)];
        *island += moved(p, p->steps[s].node);
        most = IG_MAX(most, *island);
    }
    for (size_t s = 0; s < p->n_steps; s++) {
        const double bytes = size[island_of(parent, s)];
        if (!p->steps[s].taken || bytes >= least || (bytes >= most && !p->g->parent)) continue;
        ig_plan_put_back(p, &p->steps[s]);
        p->steps[s].taken = NULL;
        p->steps[s].kernel = p->steps[s].node->op->name;
        p->steps[s].why = "too little work for two copies";
        p->n_on_device--;
    }
}

ingot_status ig_plan_offer(ig_plan *p, bool is_tail, ingot_error *err)
{
    for (size_t s = 0; s < p->n_steps; s++)
        if (!(p->steps[s].node->op->flags & IG_OP_VIEW)) IG_TRY(offer(p, &p->steps[s], err));
    ig_arena a;
    ig_arena_init(&a, p->arena.heap);
    const ig_id *view_of = views(p, &a);
    size_t *parent = ig_new_n(&a, size_t, p->n_steps);
    size_t *maker = ig_new_n(&a, size_t, p->g->n_values);
    double *size = ig_new_n(&a, double, p->n_steps);
    const bool ok = view_of && parent && maker && size;
    if (ok) give_up_islands(p, is_tail, view_of, parent, maker, size);
    ig_arena_clear(&a);
    return ok ? INGOT_OK : no_memory(err);
}

/* ---- borders ---- */

typedef struct {
    ig_plan *p;
    const ig_id *view_of;
    bool *there;      /* [n_values] a device step makes it */
    bool *read_there; /* a device step reads it in device memory */
    bool *read_here;  /* a step reads it on the host */
    bool *comes_down; /* an output, after the last step */
    ig_step *steps;   /* the new list */
    size_t n;
} border;

static ingot_status take_constant(border *b, const ig_step *step, uint32_t i, ingot_error *err)
{
    const ig_id id = content_of(b->view_of, step->node->in[i]);
    const ig_plan *p = b->p;
    size_t bytes;
    if (!ig_layout_bytes(&p->types[id], p->g->values[id].layout, &bytes))
        return ig_node_fail(err, INGOT_E_INTERNAL, step->node, "input %u has no size", i);
    if (!bytes) return INGOT_OK;
    return p->device.api->constant(p->device.device, p->values[id].data, bytes,
                                   &step->taken->constants[i], err);
}

/* What waits for a dynamic view's sizes is the tail, which takes inputs where they lie: the bytes
 * need not come down, unless the view is a result of the graph. */
static bool stays(const border *b, const ig_step *step)
{
    const ig_node *node = step->node;
    if (!b->p->tail || !step->dynamic || !(node->op->flags & IG_OP_VIEW)) return false;
    const ig_type *from = &b->p->types[node->in[0]];
    for (size_t o = 0; o < b->p->g->n_outputs; o++)
        if (b->p->g->outputs[o] == node->out[0]) return false;
    return from->kind == IG_TENSOR && !from->optional &&
           b->there[content_of(b->view_of, node->in[0])];
}

static ingot_status note_reads(border *b, ig_step *step, ingot_error *err)
{
    step->stays = stays(b, step);
    for (uint32_t i = 0; i < step->node->n_in; i++) {
        if (step->node->in[i] == IG_NO_VALUE || (step->stays && i == 0)) continue;
        const ig_id id = content_of(b->view_of, step->node->in[i]);
        const bool constant = b->p->places[id].kind == IG_PLACE_CONST;
        if (!step->taken || reads_host(step->taken, i))
            b->read_here[id] = true;
        else if (constant && !is_taken(step->taken, i))
            IG_TRY(take_constant(b, step, i, err));
        else if (!constant && !is_taken(step->taken, i))
            b->read_there[id] = true;
    }
    return INGOT_OK;
}

static ingot_status note_all(border *b, ingot_error *err)
{
    ig_plan *p = b->p;
    for (size_t s = 0; s < p->n_steps; s++) {
        ig_step *step = &p->steps[s];
        if (ig_step_is_view(step)) continue;
        IG_TRY(note_reads(b, step, err));
        for (uint32_t o = 0; step->taken && o < step->node->n_out; o++)
            if (step->node->out[o] != IG_NO_VALUE) b->there[step->node->out[o]] = true;
    }
    return INGOT_OK;
}

/* Which outputs come down, which are left, and what somebody misses on the host. */
static void note_ends(border *b)
{
    const ig_plan *p = b->p;
    const ig_graph *g = p->g;
    for (ig_id v = 0; v < g->n_values; v++) p->needed_here[v] = b->read_here[v];
    for (size_t o = 0; o < g->n_outputs; o++) {
        const ig_id id = content_of(b->view_of, g->outputs[o]);
        const bool down = b->there[id] && !b->read_here[id];
        if (may_stay(p, o))
            p->left[o] = down && ig_type_static(&p->types[g->outputs[o]]);
        else
            b->comes_down[id] = down;
        p->needed_here[id] = true;
    }
}

/* Empty values have nothing to copy. */
static void add_copy(border *b, ig_step_kind kind, ig_id id)
{
    size_t bytes;
    if (!ig_type_bytes(&b->p->types[id], &bytes) || !bytes) return;
    b->steps[b->n++] = (ig_step){.kind = (uint8_t)kind, .value = id, .copy_bytes = bytes};
    b->p->n_copies++;
}

static void add_steps(border *b)
{
    const ig_plan *p = b->p;
    const ig_graph *g = p->g;
    for (size_t i = 0; i < g->n_inputs; i++) {
        const size_t n = b->n;
        if (b->read_there[g->inputs[i]]) add_copy(b, IG_STEP_UP, g->inputs[i]);
        if (b->n > n) b->steps[n].input = (uint32_t)i + 1;
    }
    for (size_t s = 0; s < p->n_steps; s++) {
        const ig_step *step = &p->steps[s];
        b->steps[b->n++] = *step;
        if (ig_step_is_view(step)) continue;
        for (uint32_t o = 0; o < step->node->n_out; o++) {
            const ig_id id = step->node->out[o];
            if (id == IG_NO_VALUE) continue;
            if (step->taken && b->read_here[id]) add_copy(b, IG_STEP_DOWN, id);
            if (!step->taken && b->read_there[id]) add_copy(b, IG_STEP_UP, id);
        }
    }
    for (ig_id v = 0; v < g->n_values; v++)
        if (b->comes_down[v]) add_copy(b, IG_STEP_DOWN, v);
}

/* A step waits when something that it reads came down since the last wait. */
static bool add_waits(const border *b, ig_arena *a)
{
    ig_plan *p = b->p;
    size_t *down = ig_new_n(a, size_t, p->g->n_values), waited = 0;
    if (!down) return false;
    for (size_t s = 0; s < p->n_steps; s++) {
        ig_step *step = &p->steps[s];
        if (step->kind == IG_STEP_DOWN) down[step->value] = s + 1;
        if (step->kind != IG_STEP_NODE || ig_step_is_view(step)) continue;
        for (uint32_t i = 0; i < step->node->n_in; i++) {
            if (step->node->in[i] == IG_NO_VALUE) continue;
            const size_t came = down[content_of(b->view_of, step->node->in[i])];
            if ((step->taken && !reads_host(step->taken, i)) || (step->stays && i == 0)) continue;
            if (came > waited) step->wait = true;
        }
        if (step->wait) waited = s + 1;
    }
    return true;
}

/* Launches only, once inputs went up and until outputs come down. */
static bool is_whole(const ig_plan *p)
{
    size_t launches = 0;
    bool ended = false;
    for (size_t s = 0; s < p->n_steps; s++) {
        const ig_step *step = &p->steps[s];
        if (step->kind == IG_STEP_UP && launches) return false;
        if (step->kind == IG_STEP_DOWN) ended = true;
        if (step->kind != IG_STEP_NODE || ig_step_is_view(step)) continue;
        if (!step->taken || step->taken->open || ended || step->wait) return false;
        for (uint32_t i = 0; i < step->node->n_in; i++)
            if (reads_host(step->taken, i) && step->node->in[i] != IG_NO_VALUE &&
                !p->known[step->node->in[i]])
                return false;
        launches++;
    }
    return launches > 0;
}

ingot_status ig_plan_borders(ig_plan *p, ingot_error *err)
{
    const size_t n = p->g->n_values;
    ig_arena a;
    ig_arena_init(&a, p->arena.heap);
    border b = {.p = p,
                .view_of = views(p, &a),
                .there = ig_new_n(&a, bool, n),
                .read_there = ig_new_n(&a, bool, n),
                .read_here = ig_new_n(&a, bool, n),
                .comes_down = ig_new_n(&a, bool, n)};
    p->needed_here = ig_new_n(&p->arena, bool, n);
    p->device_places = ig_new_n(&p->arena, ig_place, n);
    p->device_at = ig_new_n(&p->arena, void *, n);
    b.steps = ig_new_n(&p->arena, ig_step, p->n_steps + n);
    if (p->leave_n) p->left = ig_new_n(&p->arena, bool, p->g->n_outputs);
    ingot_status s = INGOT_OK;
    if ((p->leave_n && !p->left) || !p->needed_here || !b.view_of || !b.there || !b.read_there ||
        !b.read_here || !b.comes_down || !b.steps || !p->device_places || !p->device_at)
        s = no_memory(err);
    if (!s) s = note_all(&b, err);
    if (!s) {
        note_ends(&b);
        add_steps(&b);
        p->steps = b.steps;
        p->n_steps = b.n;
        if (!add_waits(&b, &a)) s = no_memory(err);
        p->whole = is_whole(p);
    }
    ig_arena_clear(&a);
    return s;
}

/* ---- placing ---- */

static void *address_of(const ig_plan *p, ig_id id)
{
    while (p->device_places[id].kind == IG_PLACE_ALIAS) id = p->device_places[id].root;
    const ig_place *at = &p->device_places[id];
    return at->kind == IG_PLACE_ARENA ? (char *)p->device_block + at->offset : NULL;
}

void ig_plan_forget(ig_plan *p)
{
    for (size_t i = 0; i < IG_RECORDINGS; i++)
        if (p->recorded[i].graph) p->device.api->graph_close(&p->recorded[i].graph);
}

void ig_plan_place_device(ig_plan *p, void *block)
{
    p->device_block = block;
    p->device_placed = true;
    ig_plan_forget(p); /* they have the old addresses */
    for (ig_id v = 0; v < p->g->n_values; v++) p->device_at[v] = address_of(p, v);
    for (size_t s = 0; s < p->n_steps; s++) {
        const ig_step *step = &p->steps[s];
        ig_on_device *t = step->taken;
        if (!t) continue;
        for (uint32_t i = 0; i < step->node->n_in; i++)
            if (step->node->in[i] != IG_NO_VALUE)
                t->in[i] = t->constants[i] ? t->constants[i] : p->device_at[step->node->in[i]];
        for (uint32_t o = 0; o < step->node->n_out; o++)
            if (step->node->out[o] != IG_NO_VALUE) t->out[o] = p->device_at[step->node->out[o]];
        t->scratch = t->scratch_place.bytes ? (char *)block + t->scratch_place.offset : NULL;
    }
}

void ig_plan_leave_device(ig_plan *p)
{
    const ig_exec_device *d = &p->device;
    ig_plan_forget(p);
    for (size_t s = 0; s < p->n_steps; s++) {
        ig_step *step = &p->steps[s];
        if (!step->taken) continue;
        ig_plan_put_back(p, step);
        for (uint32_t i = 0; i < step->node->n_in; i++)
            if (step->taken->constants[i])
                d->api->give_constant(d->device, step->taken->constants[i]);
    }
}
