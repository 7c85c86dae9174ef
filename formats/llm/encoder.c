/* encoder.c - the graph of a text encoder; see encoder.h. */
#include "formats/llm/encoder.h"
#include "formats/llm/build.h"
#include "runtime/base/checked.h"

#include <math.h>

typedef struct {
    ig_build b;
    const ig_encoder *e;
    const ig_llm *m;
    ig_build_norm_rule norm;
    ig_id ids, mask, types; /* inputs; types IG_NO_VALUE: none */
    ig_id hidden;           /* what attention adds to scores, or the keys it may look at */
    ig_id cos[IG_LLM_ROPES], sin[IG_LLM_ROPES], first;
} encoder;

/* ---- inputs ---- */

static void open_inputs(encoder *d)
{
    ig_graph *g = d->b.g;
    const int64_t dims[] = {ig_graph_symbol(g, "batch"), ig_graph_symbol(g, "seq")};
    d->ids = ig_build_input(&d->b, "input_ids", INGOT_I64, 2, dims);
    d->mask = ig_build_input(&d->b, "attention_mask", INGOT_I64, 2, dims);
    d->types = IG_NO_VALUE;
    if (d->e->types.tensor) d->types = ig_build_input(&d->b, "token_type_ids", INGOT_I64, 2, dims);
    if (d->types != IG_NO_VALUE) g->values[d->types].type.optional = true;
}

static ig_id constant(encoder *d, const char *name, ingot_dtype dtype, int rank,
                      const int64_t *dims, const void *data)
{
    if (d->b.failed) return IG_NO_VALUE;
    const ig_id id = ig_graph_const_copy(d->b.g, name, dtype, rank, dims, data);
    if (id == IG_NO_VALUE)
        d->b.failed = ig_fail(d->b.err, INGOT_E_NOMEM, "making the graph of the model: no memory");
    return id;
}

static ig_id cast(encoder *d, const char *name, ig_id x, ingot_dtype to)
{
    ig_id out;
    ig_node *n = ig_build_node(&d->b, &out, "cast", name, &x, 1);
    ig_build_int(&d->b, n, "to", to);
    return out;
}

/* The keys that may be looked at, bool [batch, 1, 1, seq]; with a bias of distances, what is added
 * to the scores: f32 [batch, heads, seq, seq]. */
static void make_mask(encoder *d)
{
    ig_build *b = &d->b;
    const ig_id seen = cast(d, "mask.seen", d->mask, INGOT_BOOL);
    d->hidden = ig_build_reshape(b, seen, (const int64_t[]){0, 1, 1, -1}, 4);
    if (!d->e->distances.tensor) return;
    ig_weight table = {.id = IG_NO_VALUE};
    if (!b->failed)
        b->failed = ig_weight_table(&table, b->weights, IG_ROLE_EXACT, &d->e->distances, b->err);
    ig_id bias;
    ig_node *n = ig_build_node(b, &bias, "relative_bias", "mask.distances",
                               (ig_id[]){d->ids, cast(d, "mask.table", table.id, INGOT_F32)}, 2);
    ig_build_int(b, n, "buckets", IG_ENCODER_BUCKETS);
    ig_build_int(b, n, "max_distance", IG_ENCODER_FAR);
    const float zero = 0, never = -INFINITY;
    const ig_id choice[] = {d->hidden, constant(d, "zero", INGOT_F32, 0, NULL, &zero),
                            constant(d, "never", INGOT_F32, 0, NULL, &never)};
    const ig_id added = ig_build_op(b, "where", "mask.added", choice, IG_LEN(choice));
    d->hidden = ig_build_binary(b, "add", "mask.biased", bias, added);
}

/* Tables of cos and sin for the model's whole context. */
static void make_rope(encoder *d, size_t i)
{
    const ig_rope_rule *rule = &d->m->ropes[i];
    ig_arena *a = &d->b.g->arena;
    const size_t n = d->m->context;
    double *w = ig_new_n(a, double, rule->half);
    size_t count;
    float *cos = ig_mul_ok(n, rule->half, &count) ? ig_new_n(a, float, count) : NULL;
    float *sin = cos ? ig_new_n(a, float, count) : NULL;
    if (!w || !sin) {
        d->b.failed = ig_fail(d->b.err, INGOT_E_NOMEM, "tables of %zu positions: no memory", n);
        return;
    }
    ig_rope_frequencies(w, rule);
    ig_rope_table(cos, sin, w, rule, 0, n);
    const int64_t dims[] = {(int64_t)n, (int64_t)rule->half}, one = 1, zero = 0;
    d->cos[i] = ig_graph_const(d->b.g, "rope.cos", INGOT_F32, 2, dims, cos);
    d->sin[i] = ig_graph_const(d->b.g, "rope.sin", INGOT_F32, 2, dims, sin);
    d->first = constant(d, "rope.first", INGOT_I64, 1, &one, &zero);
}

/* norm(x + residual) in one node; the sum where the model has no such norm. */
static ig_id norm_sum(encoder *d, const char *name, ig_id x, ig_id residual,
                      const ig_llm_norm *norm)
{
    ig_build *b = &d->b;
    ig_id out;
    if (residual == IG_NO_VALUE) return ig_build_norm(b, name, x, &d->norm, norm);
    if (!norm->gamma.tensor) return ig_build_binary(b, "add", name, x, residual);
    const ig_id in[] = {x, ig_build_vector(b, &norm->gamma, 0), ig_build_vector(b, &norm->beta, 0),
                        residual};
    ig_node *n = ig_build_node(b, &out, "layer_norm", name, in, IG_LEN(in));
    ig_build_real(b, n, "epsilon", d->norm.eps);
    return out;
}

static ig_id embed(encoder *d)
{
    const ig_llm *m = d->m;
    ig_build *b = &d->b;
    ig_build_in(b, "embedding.");
    ig_id h = ig_build_table(b, "words", d->ids, &m->embedding, IG_ROLE_VOCABULARY, 0);
    if (m->positions.tensor) {
        ig_id at;
        ig_node *n = ig_build_node(b, &at, "token_positions", "at", &d->ids, 1);
        ig_build_int(b, n, "pad", d->e->position_pad);
        const ig_id rows = ig_build_table(b, "positions", at, &m->positions, IG_ROLE_EXACT, 0);
        h = ig_build_binary(b, "add", "placed", h, rows);
    }
    ig_id type = IG_NO_VALUE;
    if (d->types != IG_NO_VALUE) {
        const ig_id given =
            ig_build_op(b, "or_zeros", "types.given", (ig_id[]){d->types, d->ids}, 2);
        type = ig_build_table(b, "types", given, &d->e->types, IG_ROLE_EXACT, 0);
    }
    return norm_sum(d, "norm", h, type, &d->e->embed_norm);
}

/* ---- layers ---- */

static ig_id project(encoder *d, const char *name, ig_id x, const ig_llm_linear *w, ig_id residual)
{
    const ig_build_product p = {.parts = w, .n_parts = 1, .residual = residual};
    return ig_build_linear(&d->b, name, x, &p);
}

static ig_id turn(encoder *d, const char *name, ig_id x, int rope)
{
    ig_id out;
    if (rope < 0) return x;
    const ig_id in[] = {x, d->cos[rope], d->sin[rope], d->first};
    ig_node *n = ig_build_node(&d->b, &out, "rotary_embedding", name, in, IG_LEN(in));
    ig_build_int(&d->b, n, "heads", (int64_t)d->m->heads);
    ig_build_int(&d->b, n, "rotary_dim", (int64_t)(2 * d->m->ropes[rope].half));
    return out;
}

static ig_id attend(encoder *d, ig_id x, const ig_llm_layer *l)
{
    const ig_llm *m = d->m;
    ig_build *b = &d->b;
    const ig_id q = turn(d, "q_turned", project(d, "q", x, &l->q, IG_NO_VALUE), l->rope);
    const ig_id k = turn(d, "k_turned", project(d, "k", x, &l->k, IG_NO_VALUE), l->rope);
    const ig_id v = project(d, "v", x, &l->v, IG_NO_VALUE);
    ig_id out;
    ig_node *n = ig_build_node(b, &out, "attention", "attention", (ig_id[]){q, k, v, d->hidden}, 4);
    ig_build_int(b, n, "q_heads", (int64_t)m->heads);
    ig_build_int(b, n, "kv_heads", (int64_t)m->kv_heads);
    ig_build_real(b, n, "scale", m->attn_scale);
    if (l->window) {
        ig_build_int(b, n, "left_window", l->window - 1);
        ig_build_int(b, n, "right_window", l->window - 1);
    }
    return out;
}

static ig_id make_layer(encoder *d, ig_id h, size_t i)
{
    const ig_llm_layer *l = &d->m->layers[i];
    ig_build *b = &d->b;
    ig_build_in(b, "%zu.", i);
    if (d->e->norm_behind) {
        const ig_id a = project(d, "o", attend(d, h, l), &l->o, IG_NO_VALUE);
        h = norm_sum(d, "attn_norm", a, h, &l->attn_post);
        const ig_id f = ig_build_mlp(b, h, &l->mlp, d->m->act, IG_NO_VALUE);
        return norm_sum(d, "mlp_norm", f, h, &l->mlp_post);
    }
    const ig_id x = ig_build_norm(b, "attn_norm", h, &d->norm, &l->attn_norm);
    h = project(d, "o", attend(d, x, l), &l->o, h);
    return ig_build_mlp(b, ig_build_norm(b, "mlp_norm", h, &d->norm, &l->mlp_norm), &l->mlp,
                        d->m->act, h);
}

/* ---- heads ---- */

/* The mean over the tokens that the mask shows: [batch, width]. */
static ig_id mean(encoder *d, ig_id h)
{
    ig_build *b = &d->b;
    const int64_t one = 1, axis = 1;
    const ig_id weights =
        ig_build_reshape(b, cast(d, "weights", d->mask, INGOT_F32), (const int64_t[]){0, -1, 1}, 3);
    const ig_id axes = constant(d, "axes", INGOT_I64, 1, &one, &axis);
    const ig_id terms[] = {ig_build_binary(b, "mul", "weighted", h, weights), weights};
    ig_id sums[2];
    for (size_t i = 0; i < IG_LEN(terms); i++) {
        ig_node *n =
            ig_build_node(b, &sums[i], "reduce", i ? "count" : "sum", (ig_id[]){terms[i], axes}, 2);
        ig_build_text(b, n, "fn", "sum");
        ig_build_int(b, n, "keepdims", 0);
    }
    return ig_build_binary(b, "div", "mean", sums[0], sums[1]);
}

static ig_id classify(encoder *d, ig_id h)
{
    const ig_encoder *e = d->e;
    ig_build *b = &d->b;
    ig_build_in(b, "head.");
    const int64_t zero = 0;
    if (e->head == IG_HEAD_FIRST) {
        const ig_id in[] = {h, constant(d, "zero", INGOT_I64, 0, NULL, &zero)};
        ig_node *n = ig_build_node(b, &h, "gather", "first", in, IG_LEN(in));
        ig_build_int(b, n, "axis", 1);
    }
    if (e->head == IG_HEAD_MEAN) h = mean(d, h);
    ig_build_product p = {
        .parts = &e->dense, .n_parts = 1, .role = IG_ROLE_EXACT, .residual = IG_NO_VALUE};
    p.act = e->dense_act;
    if (e->dense.w.tensor) h = ig_build_linear(b, "dense", h, &p);
    h = ig_build_norm(b, "norm", h, &d->norm, &e->head_norm);
    p.parts = &e->classifier;
    p.act = NULL;
    return ig_build_linear(b, "classifier", h, &p);
}

/* ---- the whole ---- */

static ingot_status set_io(encoder *d, ig_import *im, ig_id out)
{
    const bool typed = d->types != IG_NO_VALUE;
    const ig_id in[] = {d->ids, d->mask, d->types};
    im->graph->values[out].name = d->e->head == IG_HEAD_NONE ? "last_hidden_state" : "logits";
    im->finished = true;
    return ig_graph_set_io(im->graph, in, typed ? 3 : 2, &out, 1)
               ? INGOT_OK
               : ig_fail(d->b.err, INGOT_E_NOMEM, "making the graph of the model: no memory");
}

ingot_status ig_llm_encoder(ig_import *im, const ig_encoder *e, const ig_weights *c,
                            ingot_error *err)
{
    const ig_llm *m = &e->base;
    encoder d = {.b = {.g = im->graph, .weights = c, .err = err},
                 .e = e,
                 .m = m,
                 .norm = {m->norm, m->norm_eps, 0}};
    IG_TRY(ig_encoder_check(e, err));
    open_inputs(&d);
    make_mask(&d);
    for (size_t i = 0; i < m->n_ropes; i++) make_rope(&d, i);
    ig_id h = embed(&d);
    for (size_t i = 0; i < m->n_layers; i++) h = make_layer(&d, h, i);
    ig_build_in(&d.b, "output.");
    h = ig_build_norm(&d.b, "norm", h, &d.norm, &m->final_norm);
    if (e->head != IG_HEAD_NONE) h = classify(&d, h);
    IG_TRY(d.b.failed);
    return set_io(&d, im, h);
}
