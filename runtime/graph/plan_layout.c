/* plan_layout.c - where each value lives, from the steps between which it is needed.
 *
 * First fit, largest first (the greedy-by-size planner of Pisarchyk & Lee 2020): within a few
 * percent of the lower bound on real graphs. Values that share bytes (views, in-place results) are
 * one block. */
#include "runtime/graph/plan.h"
#include "runtime/base/checked.h"

#include <stdlib.h>
#include <string.h>

enum { DEVICE_ALIGN = 256 };

/* The host's memory or the device's: which steps read and write there. */
typedef struct {
    const ig_plan *p;
    ig_place *places;
    bool device;
} side;

static ig_id root_of(const side *m, ig_id id)
{
    while (m->places[id].kind == IG_PLACE_ALIAS) id = m->places[id].root;
    return id;
}

static void use(const side *m, ig_id id, uint32_t step)
{
    if (id == IG_NO_VALUE) return;
    ig_place *at = &m->places[root_of(m, id)];
    at->last = IG_MAX(at->last, step);
}

/* Does a step of a node read its input i in this memory? A view is one in both. */
static bool reads(const side *m, const ig_step *step, uint32_t i)
{
    if (step->node->in[i] == IG_NO_VALUE) return false;
    if (ig_step_is_view(step)) return true;
    if (step->stays && i == 0) return m->device;
    if (!step->taken) return !m->device;
    const bool host = i < 64 && step->taken->host_in >> i & 1;
    return m->device ? !host : host;
}

/* The last step that reads each value itself (not its aliases). After the last step outputs are
 * read where they are left, and what the tail takes where it is. */
static uint32_t *last_reads(const side *m, ig_arena *a)
{
    const ig_plan *p = m->p;
    uint32_t *last = ig_new_n(a, uint32_t, p->g->n_values);
    for (size_t s = 0; last && s < p->n_steps; s++) {
        const ig_step *step = &p->steps[s];
        if (step->kind != IG_STEP_NODE) {
            if (m->device == (step->kind == IG_STEP_DOWN)) last[step->value] = (uint32_t)s;
            continue;
        }
        for (uint32_t i = 0; i < step->node->n_in; i++)
            if (reads(m, step, i)) last[step->node->in[i]] = (uint32_t)s;
    }
    /* a body's inputs on the device stay: captured ones for more runs, others until a result that
     * was left takes their place */
    for (size_t i = 0; last && m->device && p->g->parent && i < p->g->n_inputs; i++)
        last[p->g->inputs[i]] = (uint32_t)p->n_steps;
    for (size_t i = 0; last && i < p->g->n_outputs; i++)
        if (m->device == (p->left && p->left[i])) last[p->g->outputs[i]] = (uint32_t)p->n_steps;
    for (size_t i = 0; last && p->tail && i < p->tail->g.n_inputs; i++)
        last[p->tail->g.inputs[i]] = (uint32_t)p->n_steps;
    return last;
}

/* May the step's output 0 take over the bytes of its input `at`? Only when nobody reads them later,
 * and no other input shares them. */
static bool may_overwrite(const side *m, const ig_step *step, uint32_t s, uint32_t at,
                          const uint32_t *last)
{
    const ig_plan *p = m->p;
    const ig_node *node = step->node;
    if (node->in[at] == IG_NO_VALUE) return false;
    const ig_id in = node->in[at], root = root_of(m, in);
    size_t in_bytes, out_bytes;
    if (m->places[root].kind != IG_PLACE_ARENA || m->places[root].last > s) return false;
    /* element by element: a broadcast i64 input can have the bytes of a bool output, but not its
     * elements */
    if (ig_dtype(p->types[in].dtype)->bytes != ig_dtype(p->types[node->out[0]].dtype)->bytes ||
        !ig_type_bytes(&p->types[in], &in_bytes) ||
        !ig_type_bytes(&p->types[node->out[0]], &out_bytes) || in_bytes != out_bytes ||
        in_bytes != m->places[root].bytes)
        return false;
    for (uint32_t i = 0; i < node->n_in; i++)
        if (i != at && node->in[i] != IG_NO_VALUE && root_of(m, node->in[i]) == root) return false;
    return last[in] <= s;
}

/* The input whose bytes the step's output 0 takes over; IG_NO_VALUE: none. */
static ig_id overwritten(const side *m, const ig_step *step, uint32_t s, const uint32_t *last)
{
    const ig_node *node = step->node;
    const uint32_t flags =
        step->taken ? step->taken->in_place ? IG_OP_INPLACE : 0 : node->op->flags;
    const uint32_t n = flags & IG_OP_INPLACE_ANY ? node->n_in : flags & IG_OP_INPLACE ? 1 : 0;
    for (uint32_t i = 0; i < IG_MIN(n, node->n_in); i++)
        if (may_overwrite(m, step, s, i, last)) return node->in[i];
    return IG_NO_VALUE;
}

/* The bytes of a step's output; false: they are made in a run. */
static bool output_bytes(const side *m, const ig_step *step, ig_id id, size_t *bytes)
{
    ig_type t = m->p->types[id];
    if (m->device && step->taken && step->taken->open) {
        for (int d = 0; d < t.rank; d++)
            if (t.dims[d] < 0) t.dims[d] = step->taken->most;
    } else if (step->dynamic || step->node->op->flags & IG_OP_ALLOCATES) {
        return false;
    }
    return ig_type_bytes(&t, bytes);
}

static void assign_output(const side *m, uint32_t s, uint32_t o, const uint32_t *last)
{
    const ig_step *step = &m->p->steps[s];
    const ig_node *node = step->node;
    const ig_id id = node->out[o];
    ig_place *at = &m->places[id];
    const ig_id taken = o == 0 ? overwritten(m, step, s, last) : IG_NO_VALUE;
    size_t bytes;
    const bool stays = m->device && step->stays;
    if (!stays && !output_bytes(m, step, id, &bytes)) {
        at->kind = IG_PLACE_SIDE;
    } else if (o == 0 && node->op->flags & IG_OP_VIEW) {
        at->kind = IG_PLACE_ALIAS;
        at->root = node->in[0];
    } else if (taken != IG_NO_VALUE) {
        at->kind = IG_PLACE_ALIAS;
        at->root = root_of(m, taken);
        use(m, id, last[id]);
    } else {
        *at = (ig_place){.kind = IG_PLACE_ARENA, .bytes = bytes, .first = s, .last = s};
    }
    use(m, id, last[id]);
}

/* Forward over the steps: new bytes, or those of an input (a view, an in-place result). */
static void assign(const side *m, const uint32_t *last)
{
    for (uint32_t s = 0; s < m->p->n_steps; s++) {
        const ig_step *step = &m->p->steps[s];
        if (step->kind != IG_STEP_NODE) {
            if (m->device != (step->kind == IG_STEP_UP)) continue;
            m->places[step->value] = (ig_place){
                .kind = IG_PLACE_ARENA, .bytes = step->copy_bytes, .first = s, .last = s};
            use(m, step->value, last[step->value]);
            continue;
        }
        const bool both = ig_step_is_view(step) || step->stays;
        if (!both && m->device != (step->taken != NULL)) continue;
        for (uint32_t o = 0; o < step->node->n_out; o++)
            if (step->node->out[o] != IG_NO_VALUE) assign_output(m, s, o, last);
    }
}

/* A value's own last read, extended by the reads of every view that will be made of it. Steps are
 * in order, so going backwards sees a view before its source. */
static void extend_by_views(const ig_plan *p, uint32_t *last)
{
    for (size_t s = p->n_steps; s-- > 0;) {
        const ig_node *node = p->steps[s].node;
        if (p->steps[s].kind != IG_STEP_NODE || !(node->op->flags & IG_OP_VIEW) ||
            node->n_in == 0 || node->in[0] == IG_NO_VALUE || node->out[0] == IG_NO_VALUE)
            continue;
        last[node->in[0]] = IG_MAX(last[node->in[0]], last[node->out[0]]);
    }
}

static int by_size(const void *a, const void *b)
{
    const ig_place *x = *(ig_place *const *)a, *y = *(ig_place *const *)b;
    if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
    return x->first < y->first ? -1 : x->first > y->first;
}

/* placed: [n] sorted by offset. The lowest gap that no block alive at the same time fills. */
static bool fit(ig_place **placed, size_t n, ig_place *one, size_t align, size_t *top)
{
    size_t at = 0, bytes;
    if (!ig_align_ok(IG_MAX(one->bytes, (size_t)1), align, &bytes)) return false;
    for (size_t i = 0; i < n; i++) {
        const ig_place *other = placed[i];
        if (other->first > one->last || one->first > other->last) continue;
        size_t end;
        if (other->offset >= at && other->offset - at >= bytes) break;
        if (!ig_align_ok(IG_MAX(other->bytes, (size_t)1), align, &end)) return false;
        at = IG_MAX(at, other->offset + end);
    }
    one->offset = at;
    size_t end;
    if (!ig_add_ok(at, bytes, &end)) return false;
    *top = IG_MAX(*top, end);
    size_t where = n;
    while (where > 0 && placed[where - 1]->offset > at) where--;
    memmove(placed + where + 1, placed + where, (n - where) * sizeof *placed);
    placed[where] = one;
    return true;
}

static ig_place *scratch_of(const side *m, size_t s)
{
    ig_step *step = &m->p->steps[s];
    ig_place *at = !m->device    ? &step->scratch_place
                   : step->taken ? &step->taken->scratch_place
                                 : NULL;
    if (at) at->first = at->last = (uint32_t)s;
    return at && at->bytes ? at : NULL;
}

static ingot_status pack(const side *m, ig_arena *a, size_t *total, size_t *naive, ingot_error *err)
{
    const ig_plan *p = m->p;
    const size_t most = p->g->n_values + p->n_steps;
    ig_place **blocks = ig_new_n(a, ig_place *, most), **placed = ig_new_n(a, ig_place *, most);
    if (!blocks || !placed) return ig_fail(err, INGOT_E_NOMEM, "planning: no memory");
    size_t n = 0;
    for (size_t v = 0; v < p->g->n_values; v++)
        if (m->places[v].kind == IG_PLACE_ARENA) blocks[n++] = &m->places[v];
    for (size_t s = 0; s < p->n_steps; s++) {
        ig_place *scratch = scratch_of(m, s);
        if (scratch) blocks[n++] = scratch;
    }
    qsort(blocks, n, sizeof *blocks, by_size);
    const size_t align = m->device ? (size_t)DEVICE_ALIGN : IG_ALIGN;
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++)
        ok = fit(placed, i, blocks[i], align, total) && ig_add_ok(*naive, blocks[i]->bytes, naive);
    return ok ? INGOT_OK
              : ig_fail(err, INGOT_E_NOMEM, "planning: activations are larger than memory");
}

static ingot_status lay_out(const side *m, size_t *total, size_t *naive, ingot_error *err)
{
    ig_arena a;
    ig_arena_init(&a, m->p->arena.heap);
    uint32_t *last = last_reads(m, &a);
    ingot_status s = INGOT_OK;
    if (!last) {
        s = ig_fail(err, INGOT_E_NOMEM, "planning: no memory");
    } else {
        extend_by_views(m->p, last);
        assign(m, last);
        s = pack(m, &a, total, naive, err);
    }
    ig_arena_clear(&a);
    return s;
}

ingot_status ig_plan_layout(ig_plan *p, ingot_error *err)
{
    const side host = {.p = p, .places = p->places};
    const side device = {.p = p, .places = p->device_places, .device = true};
    size_t unshared = 0;
    if (p->device.api) IG_TRY(lay_out(&device, &p->device_bytes, &unshared, err));
    return lay_out(&host, &p->arena_bytes, &p->naive_bytes, err);
}
