/* build.c - see build.h. */
#include "formats/llm/build.h"
#include "runtime/base/checked.h"
#include "runtime/graph/match.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void no_memory(ig_build *b)
{
    if (!b->failed)
        b->failed = ig_fail(b->err, INGOT_E_NOMEM, "making the graph of the model: no memory");
}

void ig_build_in(ig_build *b, const char *format, ...)
{
    char text[64];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    b->where = ig_arena_text(&b->g->arena, text, strlen(text));
    if (!b->where) no_memory(b);
}

ig_node *ig_build_node(ig_build *b, ig_id *out, const char *op, const char *name, const ig_id *in,
                       size_t n_in)
{
    *out = IG_NO_VALUE;
    if (b->failed) return NULL;
    const ig_op *found = ig_op_find(op);
    if (!found) {
        b->failed = ig_fail(b->err, INGOT_E_UNSUPPORTED, "this Ingot has no op '%s'", op);
        return NULL;
    }
    while (n_in && in[n_in - 1] == IG_NO_VALUE) n_in--;
    const char *full = ig_arena_printf(&b->g->arena, "%s%s", b->where ? b->where : "", name);
    const ig_id id = full ? ig_graph_value(b->g, full, NULL) : IG_NO_VALUE;
    ig_node *node =
        id != IG_NO_VALUE ? ig_graph_node(b->g, found, full, in, n_in, &id, 1, 0) : NULL;
    if (!node)
        no_memory(b);
    else
        *out = id;
    return node;
}

ig_id ig_build_op(ig_build *b, const char *op, const char *name, const ig_id *in, size_t n_in)
{
    ig_id out;
    ig_build_node(b, &out, op, name, in, n_in);
    return out;
}

static void refused(ig_build *b, const ig_node *node, const char *attr)
{
    if (!b->failed)
        b->failed = ig_fail(b->err, INGOT_E_UNSUPPORTED, "op '%s' takes no such attribute '%s'",
                            node->op->name, attr);
}

void ig_build_int(ig_build *b, ig_node *node, const char *attr, int64_t v)
{
    if (node && !ig_put_attr_int(b->g, node, attr, v)) refused(b, node, attr);
}

void ig_build_real(ig_build *b, ig_node *node, const char *attr, double v)
{
    if (node && !ig_put_attr_double(b->g, node, attr, v)) refused(b, node, attr);
}

void ig_build_text(ig_build *b, ig_node *node, const char *attr, const char *v)
{
    if (node && !ig_put_attr_text(b->g, node, attr, v)) refused(b, node, attr);
}

ig_id ig_build_input(ig_build *b, const char *name, ingot_dtype dtype, int rank,
                     const int64_t *dims)
{
    if (b->failed) return IG_NO_VALUE;
    const ig_type type = ig_type_tensor(dtype, rank, dims);
    const ig_id id = ig_graph_value(b->g, name, &type);
    if (id == IG_NO_VALUE) no_memory(b);
    return id;
}

ig_id ig_build_vector(ig_build *b, const ig_rows *rows, float add)
{
    ig_id id = IG_NO_VALUE;
    if (b->failed || !rows->tensor) return id;
    b->failed = ig_weight_vector(&id, b->weights, rows, 1, add, false, b->err);
    return id;
}

/* ---- small nodes ---- */

ig_id ig_build_binary(ig_build *b, const char *fn, const char *name, ig_id x, ig_id y)
{
    ig_id out;
    ig_node *n = ig_build_node(b, &out, "binary", name, (ig_id[]){x, y}, 2);
    ig_build_text(b, n, "fn", fn);
    return out;
}

ig_id ig_build_unary(ig_build *b, const char *fn, const char *name, ig_id x)
{
    ig_id out;
    ig_node *n = ig_build_node(b, &out, "unary", name, &x, 1);
    ig_build_text(b, n, "fn", fn);
    return out;
}

ig_id ig_build_scaled(ig_build *b, ig_id x, double factor)
{
    if (b->failed || factor == 0 || factor == 1) return x;
    const float v = (float)factor;
    const ig_id by = ig_graph_const_copy(b->g, "scale", INGOT_F32, 0, NULL, &v);
    if (by == IG_NO_VALUE) no_memory(b);
    return ig_build_binary(b, "mul", "scaled", x, by);
}

ig_id ig_build_reshape(ig_build *b, ig_id x, const int64_t *dims, size_t rank)
{
    if (b->failed) return IG_NO_VALUE;
    const ig_id shape = ig_graph_const_ints(b->g, "shape", dims, rank);
    if (shape == IG_NO_VALUE) no_memory(b);
    return ig_build_op(b, "reshape", "reshape", (ig_id[]){x, shape}, 2);
}

ig_id ig_build_norm(ig_build *b, const char *name, ig_id x, const ig_build_norm_rule *rule,
                    const ig_llm_norm *norm)
{
    ig_id out;
    if (!norm->gamma.tensor) return x;
    const ig_id in[] = {x, ig_build_vector(b, &norm->gamma, (float)rule->add),
                        ig_build_vector(b, &norm->beta, 0)};
    ig_node *n = ig_build_node(b, &out, rule->kind == IG_NORM_RMS ? "rms_norm" : "layer_norm", name,
                               in, IG_LEN(in));
    ig_build_real(b, n, "epsilon", rule->eps);
    return out;
}

static void set_act(ig_build *b, ig_node *n, const char *act)
{
    ig_build_text(b, n, "act", act);
    if (!strcmp(act, "silu")) ig_build_real(b, n, "act_a", 1);
}

void ig_build_format(ig_build *b, ig_node *n, const ig_weight *w)
{
    if (!w->format) return;
    ig_build_text(b, n, "format", w->format->name);
    if (w->format->offset != IG_Q_E4M3)
        ig_build_text(b, n, "acts", "a8");
    else if (b->weights->round_f8)
        ig_build_text(b, n, "acts", "f8");
}

/* ---- products ---- */

bool ig_build_can_join(const ig_llm_linear *parts, size_t n_parts)
{
    for (size_t p = 1; p < n_parts; p++)
        if (parts[p].w.tensor->type != parts[0].w.tensor->type ||
            !parts[p].bias.tensor != !parts[0].bias.tensor)
            return false;
    return true;
}

enum { PARTS_MOST = 4 };

static ig_id bias_of(ig_build *b, const ig_llm_linear *parts, size_t n_parts, bool gated)
{
    ig_rows rows[PARTS_MOST];
    ig_id id = IG_NO_VALUE;
    for (size_t p = 0; p < n_parts; p++) rows[p] = parts[p].bias;
    if (b->failed || !rows[0].tensor) return id;
    b->failed = ig_weight_vector(&id, b->weights, rows, n_parts, 0, gated, b->err);
    return id;
}

ig_id ig_build_with(ig_build *b, const char *name, ig_id x, const ig_weight *w, ig_id bias,
                    const char *act, ig_id residual)
{
    ig_id out;
    const ig_id in[] = {x, w->id, bias, residual};
    ig_node *n = ig_build_node(b, &out, w->format ? "matmul_q" : "matmul", name, in, IG_LEN(in));
    if (w->format) {
        ig_build_int(b, n, "n", (int64_t)w->n);
        ig_build_int(b, n, "k", (int64_t)w->k);
        ig_build_format(b, n, w);
    }
    if (act) set_act(b, n, act);
    return out;
}

ig_id ig_build_linear(ig_build *b, const char *name, ig_id x, const ig_build_product *p)
{
    ig_rows rows[PARTS_MOST];
    ig_weight w = {.id = IG_NO_VALUE};
    for (size_t i = 0; i < p->n_parts; i++) rows[i] = p->parts[i].w;
    if (!b->failed)
        b->failed = ig_weight_product(&w, b->weights, p->role, rows, p->n_parts, b->err);
    return ig_build_with(b, name, x, &w, bias_of(b, p->parts, p->n_parts, false), p->act,
                         p->residual);
}

ig_id ig_build_table(ig_build *b, const char *name, ig_id ids, const ig_rows *table,
                     ig_weight_role role, double scale)
{
    ig_weight w = {.id = IG_NO_VALUE};
    ig_id out;
    if (!b->failed) b->failed = ig_weight_table(&w, b->weights, role, table, b->err);
    ig_node *n = ig_build_node(b, &out, "embed", name, (ig_id[]){ids, w.id}, 2);
    if (w.format) {
        ig_build_int(b, n, "n", (int64_t)w.n);
        ig_build_int(b, n, "k", (int64_t)w.k);
        ig_build_text(b, n, "format", w.format->name);
    }
    if (scale != 0) ig_build_real(b, n, "scale", scale);
    return out;
}

/* Gate and up that are stored differently keep their types as two products. */
static ig_id gated_apart(ig_build *b, ig_id x, const ig_llm_mlp *mlp, const char *act)
{
    const ig_build_product gate = {
        .parts = &mlp->gate, .n_parts = 1, .act = act, .residual = IG_NO_VALUE};
    const ig_build_product up = {.parts = &mlp->up, .n_parts = 1, .residual = IG_NO_VALUE};
    const ig_id g = ig_build_linear(b, "mlp.gate", x, &gate);
    return ig_build_binary(b, "mul", "mlp.gated", g, ig_build_linear(b, "mlp.up", x, &up));
}

static ig_id gated(ig_build *b, ig_id x, const ig_llm_mlp *mlp, const char *act)
{
    if (!ig_weight_same((ig_rows[]){mlp->gate.w, mlp->up.w}, 2)) return gated_apart(b, x, mlp, act);
    const ig_llm_linear parts[] = {mlp->gate, mlp->up};
    ig_weight w = {.id = IG_NO_VALUE};
    ig_id out;
    if (!b->failed) b->failed = ig_weight_gated(&w, b->weights, &mlp->gate.w, &mlp->up.w, b->err);
    const ig_id in[] = {x, w.id, bias_of(b, parts, IG_LEN(parts), true)};
    ig_node *n = ig_build_node(b, &out, "glu", "mlp.gated", in, IG_LEN(in));
    ig_build_int(b, n, "n", (int64_t)w.n);
    ig_build_int(b, n, "k", (int64_t)w.k);
    ig_build_format(b, n, &w);
    set_act(b, n, act);
    return out;
}

ig_id ig_build_mlp(ig_build *b, ig_id x, const ig_llm_mlp *mlp, const char *act, ig_id residual)
{
    const ig_build_product up = {
        .parts = &mlp->up, .n_parts = 1, .act = act, .residual = IG_NO_VALUE};
    const ig_build_product down = {.parts = &mlp->down, .n_parts = 1, .residual = residual};
    const ig_id inner =
        mlp->gate.w.tensor ? gated(b, x, mlp, act) : ig_build_linear(b, "mlp.up", x, &up);
    return ig_build_linear(b, "mlp.down", inner, &down);
}
