/* exec_step.c - one step on the CPU: bound beforehand, or inferred and bound when it runs. */
#include "runtime/graph/exec_parts.h"
#include "runtime/base/checked.h"

#include <string.h>

static ig_run run_of(ig_exec *x, const ig_step *step, ingot_error *err)
{
    return (ig_run){.node = step->node,
                    .attrs = step->node->attrs,
                    .state = step->state,
                    .in = step->in,
                    .out = step->out,
                    .n_in = step->node->n_in,
                    .n_out = step->node->n_out,
                    .scratch = step->scratch,
                    .pool = x->options.pool,
                    .side = &x->side,
                    .brief = &x->brief,
                    .cancel = x->options.cancel,
                    .kv = x->kv,
                    .comm = x->options.comm,
                    .err = err};
}

static ingot_status no_side_memory(const ig_exec *x, const ig_step *step, ingot_error *err)
{
    const bool full = x->side.total_bytes > x->side.limit_bytes / 2;
    return ig_node_fail(err, full ? INGOT_E_FULL : INGOT_E_NOMEM, step->node,
                        "no memory for results whose size only the data tells (%zu bytes in use, "
                        "the bound is %zu)",
                        x->side.total_bytes, x->side.limit_bytes);
}

/* What infer and bind of a dynamic step see: the actual inputs. */
typedef struct {
    const ig_type **in, **out;
    ig_type *in_types, *out_types;
    const ig_tensor **known;
    ig_layout *layout;
} live_view;

static bool live_open(live_view *v, ig_exec *x, const ig_step *step)
{
    ig_arena *a = &x->side;
    const ig_node *node = step->node;
    v->in = ig_new_n(a, const ig_type *, node->n_in);
    v->in_types = ig_new_n(a, ig_type, node->n_in);
    v->known = ig_new_n(a, const ig_tensor *, node->n_in);
    v->layout = ig_new_n(a, ig_layout, node->n_in);
    v->out = ig_new_n(a, const ig_type *, node->n_out);
    v->out_types = ig_new_n(a, ig_type, node->n_out);
    if (!v->in || !v->in_types || !v->known || !v->layout || !v->out || !v->out_types) return false;
    for (uint32_t i = 0; i < node->n_in; i++) {
        if (!step->in[i]) continue;
        v->in_types[i] = ig_type_of(step->in[i]);
        v->in[i] = &v->in_types[i];
        v->known[i] = step->in[i];
        v->layout[i] = x->g->values[node->in[i]].layout;
    }
    for (uint32_t o = 0; o < node->n_out; o++)
        v->out[o] = node->out[o] == IG_NO_VALUE ? NULL : &v->out_types[o];
    return true;
}

static ingot_status make_live_outputs(ig_exec *x, const ig_step *step, const live_view *v,
                                      ingot_error *err)
{
    for (uint32_t o = 0; o < step->node->n_out; o++) {
        if (!step->out[o]) continue;
        const ig_type *type = &v->out_types[o];
        size_t bytes;
        if (!ig_type_static(type) || !ig_type_bytes(type, &bytes))
            return ig_node_fail(err, INGOT_E_DATA, step->node,
                                "the size of output %u cannot be told from its inputs", o);
        *step->out[o] = (ig_tensor){.dtype = type->dtype, .rank = type->rank};
        memcpy(step->out[o]->dims, type->dims, sizeof type->dims);
        step->out[o]->data = ig_arena_take(&x->side, IG_MAX(bytes, (size_t)IG_ALIGN));
        if (!step->out[o]->data) return no_side_memory(x, step, err);
    }
    return INGOT_OK;
}

static ingot_status run_view(const ig_step *step, const ig_type *type)
{
    ig_tensor *out = step->out[0];
    if (!out) return INGOT_OK;
    if (type && step->in[0]->kind == IG_TENSOR && !step->in[0]->absent) {
        *out = (ig_tensor){.dtype = type->dtype, .rank = type->rank};
        memcpy(out->dims, type->dims, sizeof out->dims);
    } else if (type) {
        *out = *step->in[0]; /* a sequence or an empty optional passes whole */
    }
    out->data = step->in[0]->data;
    return INGOT_OK;
}

static ig_bind bind_of(ig_exec *x, const ig_step *step, const live_view *v, ig_arena *arena,
                       ingot_error *err)
{
    return (ig_bind){.node = step->node,
                     .in = v->in,
                     .known = v->known,
                     .out = v->out,
                     .in_layout = v->layout,
                     .n_threads = ig_pool_threads(x->options.pool),
                     .math = x->options.math,
                     .arena = arena,
                     .exec = x,
                     .err = err};
}

static bool kept_fits(const ig_kept *kept, const ig_node *node, const live_view *v)
{
    if (!kept->valid) return false;
    for (uint32_t i = 0; i < node->n_in; i++)
        if (!ig_same_type(&kept->in[i], &v->in_types[i])) return false;
    for (uint32_t o = 0; o < node->n_out; o++)
        if (!ig_same_type(&kept->out[o], &v->out_types[o])) return false;
    return true;
}

/* Bind into memory of its own, seeing the content of constants only. */
static ingot_status keep_bind(ig_exec *x, const ig_step *step, live_view *v, ingot_error *err)
{
    ig_kept *kept = step->kept;
    const ig_node *node = step->node;
    ig_kept_drop(kept, node->op);
    kept->in = ig_arena_copy(&kept->arena, v->in_types, node->n_in * sizeof *kept->in);
    kept->out = ig_arena_copy(&kept->arena, v->out_types, node->n_out * sizeof *kept->out);
    if (!kept->in || !kept->out)
        return ig_node_fail(err, INGOT_E_NOMEM, node, "no memory to bind it");
    for (uint32_t i = 0; i < node->n_in; i++)
        if (node->in[i] != IG_NO_VALUE && !x->latest->known[node->in[i]]) v->known[i] = NULL;
    ig_bind b = bind_of(x, step, v, &kept->arena, err);
    const ingot_status s = ig_node_bind(&b);
    kept->state = b.state;
    kept->scratch_bytes = b.scratch_bytes;
    kept->kernel = b.kernel;
    kept->valid = s == INGOT_OK;
    return s;
}

/* The op's own memory of this run, used up. */
static ingot_status run_op(ig_exec *x, const ig_node *node, ig_run *r)
{
    const ingot_status s = node->op->run(r);
    if (x->brief.chunks) ig_arena_reset(&x->brief);
    return s;
}

static ingot_status run_bound(ig_exec *x, const ig_step *step, void *state, size_t scratch_bytes,
                              ingot_error *err)
{
    ig_run r = run_of(x, step, err);
    r.state = state;
    r.scratch = scratch_bytes ? ig_arena_take(&x->side, scratch_bytes) : NULL;
    if (scratch_bytes && !r.scratch) return no_side_memory(x, step, err);
    return run_op(x, step->node, &r);
}

static ingot_status run_dynamic(ig_exec *x, const ig_step *step, const char **kernel,
                                ingot_error *err)
{
    const ig_node *node = step->node;
    live_view v;
    if (!live_open(&v, x, step)) return no_side_memory(x, step, err);
    IG_TRY(ig_node_infer(node, v.in, v.known, v.out_types, err));
    if (node->op->flags & IG_OP_VIEW) return run_view(step, &v.out_types[0]);
    if (!(node->op->flags & IG_OP_ALLOCATES)) IG_TRY(make_live_outputs(x, step, &v, err));
    if (step->kept) {
        if (!kept_fits(step->kept, node, &v)) IG_TRY(keep_bind(x, step, &v, err));
        *kernel = step->kept->kernel;
        return run_bound(x, step, step->kept->state, step->kept->scratch_bytes, err);
    }
    ig_bind b = bind_of(x, step, &v, &x->side, err);
    ingot_status s = ig_node_bind(&b);
    if (!s) {
        *kernel = b.kernel;
        s = run_bound(x, step, b.state, b.scratch_bytes, err);
    }
    if (b.state && node->op->unbind) node->op->unbind(b.state);
    return s;
}

/* An op that makes its own outputs must make what later steps were bound for. */
static ingot_status check_made(const ig_exec *x, const ig_step *step, ingot_error *err)
{
    for (uint32_t o = 0; o < step->node->n_out; o++) {
        if (!step->out[o]) continue;
        const ig_type *planned = &x->latest->types[step->node->out[o]];
        const ig_type made = ig_type_of(step->out[o]);
        if (!ig_type_static(planned) || ig_same_type(planned, &made)) continue;
        char a[128], b[128];
        ig_type_print(a, sizeof a, planned, NULL);
        ig_type_print(b, sizeof b, &made, NULL);
        return ig_node_fail(err, INGOT_E_DATA, step->node, "output %u is %s, declared as %s", o, b,
                            a);
    }
    return INGOT_OK;
}

ingot_status ig_exec_step(ig_exec *x, const ig_step *step, const char **kernel, ingot_error *err)
{
    const uint32_t flags = step->node->op->flags;
    if (step->dynamic) {
        IG_TRY(run_dynamic(x, step, kernel, err));
        return check_made(x, step, err);
    }
    if (flags & IG_OP_VIEW) return run_view(step, NULL);
    ig_run r = run_of(x, step, err);
    IG_TRY(run_op(x, step->node, &r));
    return flags & IG_OP_ALLOCATES ? check_made(x, step, err) : INGOT_OK;
}
