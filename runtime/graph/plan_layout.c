/* plan_layout.c - where each value lives, from the steps between which it is needed.
 *
 * First fit, largest first (the greedy-by-size planner of Pisarchyk & Lee 2020): within a few
 * percent of the lower bound on real graphs. Values that share bytes (views, in-place results) are
 * one block. */
#include "runtime/graph/plan.h"
#include "runtime/base/checked.h"

#include <stdlib.h>
#include <string.h>

static ig_id root_of(const ig_plan *p, ig_id id)
{
    while (p->places[id].kind == IG_PLACE_ALIAS) id = p->places[id].root;
    return id;
}

static void use(ig_plan *p, ig_id id, uint32_t step)
{
    if (id == IG_NO_VALUE) return;
    ig_place *at = &p->places[root_of(p, id)];
    at->last = IG_MAX(at->last, step);
}

/* The last step that reads each value itself (not its aliases); outputs are read after the last
 * step. */
static uint32_t *last_reads(const ig_plan *p, ig_arena *a)
{
    uint32_t *last = ig_new_n(a, uint32_t, p->g->n_values);
    for (size_t s = 0; last && s < p->n_steps; s++)
        for (uint32_t i = 0; i < p->steps[s].node->n_in; i++)
            if (p->steps[s].node->in[i] != IG_NO_VALUE) last[p->steps[s].node->in[i]] = (uint32_t)s;
    for (size_t i = 0; last && i < p->g->n_outputs; i++)
        last[p->g->outputs[i]] = (uint32_t)p->n_steps;
    return last;
}

/* May the step's output 0 take over the bytes of its input 0? Only when nobody reads them later,
 * and no other input shares them. */
static bool may_overwrite(const ig_plan *p, const ig_step *step, uint32_t s, const uint32_t *last)
{
    const ig_node *node = step->node;
    if (!(node->op->flags & IG_OP_INPLACE) || node->n_in == 0 || node->in[0] == IG_NO_VALUE)
        return false;
    const ig_id in = node->in[0], root = root_of(p, in);
    size_t in_bytes, out_bytes;
    if (p->places[root].kind != IG_PLACE_ARENA || p->places[root].last > s) return false;
    /* element by element: a broadcast i64 input can have the bytes of a bool output, but not its
     * elements */
    if (ig_dtype(p->types[in].dtype)->bytes != ig_dtype(p->types[node->out[0]].dtype)->bytes ||
        !ig_type_bytes(&p->types[in], &in_bytes) ||
        !ig_type_bytes(&p->types[node->out[0]], &out_bytes) || in_bytes != out_bytes ||
        in_bytes != p->places[root].bytes)
        return false;
    for (uint32_t i = 1; i < node->n_in; i++)
        if (node->in[i] != IG_NO_VALUE && root_of(p, node->in[i]) == root) return false;
    return last[in] <= s;
}

/* Forward over the steps: new bytes, or those of an input (a view, an in-place result). */
static void assign(ig_plan *p, const uint32_t *last)
{
    for (uint32_t s = 0; s < p->n_steps; s++) {
        const ig_step *step = &p->steps[s];
        const ig_node *node = step->node;
        for (uint32_t o = 0; o < node->n_out; o++) {
            const ig_id id = node->out[o];
            if (id == IG_NO_VALUE) continue;
            ig_place *at = &p->places[id];
            size_t bytes;
            if (step->dynamic || node->op->flags & IG_OP_ALLOCATES ||
                !ig_type_bytes(&p->types[id], &bytes)) {
                at->kind = IG_PLACE_SIDE;
            } else if (o == 0 && node->op->flags & IG_OP_VIEW) {
                at->kind = IG_PLACE_ALIAS;
                at->root = node->in[0];
            } else if (o == 0 && may_overwrite(p, step, s, last)) {
                at->kind = IG_PLACE_ALIAS;
                at->root = root_of(p, node->in[0]);
                use(p, id, last[id]);
            } else {
                *at = (ig_place){.kind = IG_PLACE_ARENA, .bytes = bytes, .first = s, .last = s};
            }
            use(p, id, last[id]);
        }
    }
}

/* A value's own last read, extended by the reads of every view that will be made of it. Steps are
 * in order, so going backwards sees a view before its source. */
static void extend_by_views(const ig_plan *p, uint32_t *last)
{
    for (size_t s = p->n_steps; s-- > 0;) {
        const ig_node *node = p->steps[s].node;
        if (!(node->op->flags & IG_OP_VIEW) || node->n_in == 0 || node->in[0] == IG_NO_VALUE ||
            node->out[0] == IG_NO_VALUE)
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
static bool fit(ig_place **placed, size_t n, ig_place *one, size_t *top)
{
    size_t at = 0, bytes;
    if (!ig_align_ok(IG_MAX(one->bytes, (size_t)1), IG_ALIGN, &bytes)) return false;
    for (size_t i = 0; i < n; i++) {
        const ig_place *other = placed[i];
        if (other->first > one->last || one->first > other->last) continue;
        size_t end;
        if (other->offset >= at && other->offset - at >= bytes) break;
        if (!ig_align_ok(IG_MAX(other->bytes, (size_t)1), IG_ALIGN, &end)) return false;
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

static ingot_status pack(ig_plan *p, ig_arena *a, ingot_error *err)
{
    const size_t most = p->g->n_values + p->n_steps;
    ig_place **blocks = ig_new_n(a, ig_place *, most), **placed = ig_new_n(a, ig_place *, most);
    if (!blocks || !placed) return ig_fail(err, INGOT_E_NOMEM, "planning: no memory");
    size_t n = 0;
    for (size_t v = 0; v < p->g->n_values; v++)
        if (p->places[v].kind == IG_PLACE_ARENA) blocks[n++] = &p->places[v];
    for (size_t s = 0; s < p->n_steps; s++)
        if (p->steps[s].scratch_place.bytes) blocks[n++] = &p->steps[s].scratch_place;
    qsort(blocks, n, sizeof *blocks, by_size);
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++)
        ok = fit(placed, i, blocks[i], &p->arena_bytes) &&
             ig_add_ok(p->naive_bytes, blocks[i]->bytes, &p->naive_bytes);
    return ok ? INGOT_OK
              : ig_fail(err, INGOT_E_NOMEM, "planning: activations are larger than memory");
}

ingot_status ig_plan_layout(ig_plan *p, ingot_error *err)
{
    ig_arena a;
    ig_arena_init(&a, p->arena.heap);
    uint32_t *last = last_reads(p, &a);
    ingot_status s = INGOT_OK;
    if (!last)
        s = ig_fail(err, INGOT_E_NOMEM, "planning: no memory");
    else {
        extend_by_views(p, last);
        assign(p, last);
        s = pack(p, &a, err);
    }
    ig_arena_clear(&a);
    return s;
}
