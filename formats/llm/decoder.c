/* decoder.c - the graph of a decoder; see model.h. The inputs are `tokens`, `positions` (both i32
 * [tokens]: all sequences of a step in one flat dimension) and `rows` (i32 [rows]: which of them
 * want logits); the output is `logits` f32 [rows, vocab]. */
#include "formats/llm/build.h"
#include "runtime/base/checked.h"

typedef struct {
    ig_build b;
    const ig_llm *m;
    ig_build_norm_rule norm;
    ig_id tokens, positions, rows;
    ig_id ropes[IG_LLM_ROPES]; /* tables of this step */
    ig_weight tied;            /* the output projection that is the embedding too */
} decoder;

/* ---- inputs ---- */

static void open_inputs(decoder *d)
{
    const int64_t tokens = ig_graph_symbol(d->b.g, "tokens"),
                  rows = ig_graph_symbol(d->b.g, "rows");
    d->tokens = ig_build_input(&d->b, "tokens", INGOT_I32, 1, &tokens);
    d->positions = ig_build_input(&d->b, "positions", INGOT_I32, 1, &tokens);
    d->rows = ig_build_input(&d->b, "rows", INGOT_I32, 1, &rows);
}

static void make_rope(decoder *d, size_t i)
{
    static const char *const names[] = {[IG_ROPE_PLAIN] = "plain",
                                        [IG_ROPE_LINEAR] = "linear",
                                        [IG_ROPE_NTK] = "ntk",
                                        [IG_ROPE_YARN] = "yarn",
                                        [IG_ROPE_LLAMA3] = "llama3"};
    const ig_rope_rule *r = &d->m->ropes[i];
    ig_id divide = IG_NO_VALUE;
    if (r->divide)
        divide = ig_graph_const_copy(d->b.g, "rope.divide", INGOT_F32, 1,
                                     &(int64_t){(int64_t)r->half}, r->divide);
    ig_node *n = ig_build_node(&d->b, &d->ropes[i], "rope_table", "rope",
                               (ig_id[]){d->positions, divide}, 2);
    ig_build_int(&d->b, n, "half", (int64_t)r->half);
    ig_build_real(&d->b, n, "base", r->base);
    ig_build_text(&d->b, n, "scaling", names[r->scaling]);
    if (r->factor > 0) ig_build_real(&d->b, n, "factor", r->factor);
    ig_build_real(&d->b, n, "context", r->context);
    ig_build_real(&d->b, n, "fast", r->fast);
    ig_build_real(&d->b, n, "slow", r->slow);
    ig_build_real(&d->b, n, "magnitude", r->magnitude);
}

/* The embedding of the tokens. A tied table is the output's weight, stored once. */
static ig_id embed(decoder *d)
{
    const ig_llm *m = d->m;
    ig_build *b = &d->b;
    ig_id h;
    if (m->output.w.tensor) {
        h = ig_build_table(b, "embedding", d->tokens, &m->embedding, IG_ROLE_VOCABULARY,
                           m->embed_scale);
    } else {
        if (!b->failed)
            b->failed = ig_weight_product(&d->tied, b->weights, IG_ROLE_VOCABULARY, &m->embedding,
                                          1, b->err);
        ig_node *n =
            ig_build_node(b, &h, "embed", "embedding", (ig_id[]){d->tokens, d->tied.id}, 2);
        if (m->embed_scale != 0) ig_build_real(b, n, "scale", m->embed_scale);
        if (d->tied.format) {
            ig_build_int(b, n, "n", (int64_t)d->tied.n);
            ig_build_int(b, n, "k", (int64_t)d->tied.k);
            ig_build_text(b, n, "format", d->tied.format->name);
        } else {
            ig_build_int(b, n, "turned", 1);
        }
    }
    if (!m->positions.tensor) return h;
    const ig_id at =
        ig_build_table(b, "positions.rows", d->positions, &m->positions, IG_ROLE_EXACT, 0);
    return ig_build_binary(b, "add", "positioned", h, at);
}

/* ---- attention ---- */

/* Queries or keys with their own norm, as [tokens, heads, head_dim] where it is made head by head.
 */
static ig_id norm_heads(decoder *d, const char *name, ig_id x, const ig_llm_norm *norm,
                        size_t heads)
{
    const ig_llm *m = d->m;
    ig_build *b = &d->b;
    if (m->qk_norm == IG_QK_NONE || (!norm->gamma.tensor && !norm->gammas)) return x;
    if (m->qk_norm == IG_QK_WHOLE) return ig_build_norm(b, name, x, &d->norm, norm);
    const int64_t dims[] = {0, (int64_t)heads, (int64_t)m->head_dim};
    x = ig_build_reshape(b, x, dims, IG_LEN(dims));
    if (m->qk_norm == IG_QK_HEAD) return ig_build_norm(b, name, x, &d->norm, norm);
    ig_id gamma = IG_NO_VALUE, out;
    if (!b->failed)
        b->failed = ig_weight_vector(&gamma, b->weights, norm->gammas, heads, 0, false, b->err);
    if (b->failed) return IG_NO_VALUE;
    gamma = ig_graph_const(b->g, b->g->values[gamma].name, INGOT_F32, 2, dims + 1,
                           b->g->values[gamma].data);
    const bool rms = d->norm.kind == IG_NORM_RMS;
    ig_node *n =
        ig_build_node(b, &out, rms ? "rms_norm" : "layer_norm", name, (ig_id[]){x, gamma}, 2);
    ig_build_real(b, n, "epsilon", d->norm.eps);
    return out;
}

static ig_id project(decoder *d, const char *name, ig_id x, const ig_llm_linear *parts,
                     size_t n_parts, ig_id residual)
{
    const ig_build_product p = {.parts = parts, .n_parts = n_parts, .residual = residual};
    return ig_build_linear(&d->b, name, x, &p);
}

/* in[0..2] of paged_attention: q, k, v, or the three side by side when one product can make them.
 */
static void make_qkv(decoder *d, ig_id in[3], ig_id x, const ig_llm_layer *l)
{
    const ig_llm *m = d->m;
    const ig_llm_linear parts[] = {l->q, l->k, l->v};
    if (m->qk_norm == IG_QK_NONE && ig_build_can_join(parts, IG_LEN(parts))) {
        in[0] = project(d, "qkv", x, parts, IG_LEN(parts), IG_NO_VALUE);
        in[1] = in[2] = IG_NO_VALUE;
        return;
    }
    in[0] = project(d, "q", x, &l->q, 1, IG_NO_VALUE);
    in[1] = project(d, "k", x, &l->k, 1, IG_NO_VALUE);
    in[2] = project(d, "v", x, &l->v, 1, IG_NO_VALUE);
    in[0] = norm_heads(d, "q_norm", in[0], &l->q_norm, m->heads);
    in[1] = norm_heads(d, "k_norm", in[1], &l->k_norm, m->kv_heads);
}

static ig_id attend(decoder *d, ig_id x, const ig_llm_layer *l, size_t layer)
{
    const ig_llm *m = d->m;
    ig_build *b = &d->b;
    ig_id in[4], out;
    make_qkv(d, in, x, l);
    in[3] = l->rope >= 0 ? d->ropes[l->rope] : IG_NO_VALUE;
    ig_node *n = ig_build_node(b, &out, "paged_attention", "attention", in, IG_LEN(in));
    ig_build_int(b, n, "layer", (int64_t)layer);
    ig_build_int(b, n, "heads", (int64_t)m->heads);
    ig_build_int(b, n, "kv_heads", (int64_t)m->kv_heads);
    if (m->v_dim && m->v_dim != m->head_dim) ig_build_int(b, n, "dv", (int64_t)m->v_dim);
    ig_build_real(b, n, "scale", l->attn_scale != 0 ? l->attn_scale : m->attn_scale);
    ig_build_real(b, n, "softcap", m->attn_softcap);
    ig_build_int(b, n, "window", l->window ? l->window - 1 : -1);
    ig_build_int(b, n, "interleaved", m->interleaved);
    return out;
}

/* ---- experts ---- */

static ig_weight stack_experts(decoder *d, const ig_llm_layer *l, bool down)
{
    const size_t n = d->m->n_experts;
    ig_build *b = &d->b;
    ig_weight w = {.id = IG_NO_VALUE};
    ig_rows *first = ig_new_n(&b->g->arena, ig_rows, n),
            *second = ig_new_n(&b->g->arena, ig_rows, n);
    if (!first || !second) b->failed = ig_fail(b->err, INGOT_E_NOMEM, "experts: no memory");
    if (b->failed) return w;
    for (size_t e = 0; e < n; e++) {
        first[e] = down ? l->experts[e].down.w : l->experts[e].gate.w;
        second[e] = l->experts[e].up.w;
    }
    b->failed = ig_weight_experts(&w, b->weights, first, down ? NULL : second, n, b->err);
    return w;
}

static ig_id route(decoder *d, ig_id x, const ig_llm_layer *l)
{
    static const char *const scores[] = {[IG_SCORES_SOFTMAX] = "softmax",
                                         [IG_SCORES_TOP_SOFTMAX] = "top_softmax",
                                         [IG_SCORES_SIGMOID] = "sigmoid"};
    const ig_llm *m = d->m;
    ig_build *b = &d->b;
    const ig_build_product router = {
        .parts = &l->router, .n_parts = 1, .role = IG_ROLE_EXACT, .residual = IG_NO_VALUE};
    const ig_id logits = ig_build_linear(b, "router", x, &router);
    const ig_weight gated = stack_experts(d, l, false), down = stack_experts(d, l, true);
    ig_id out;
    ig_node *n =
        ig_build_node(b, &out, "moe", "experts", (ig_id[]){x, logits, gated.id, down.id}, 4);
    ig_build_int(b, n, "n", (int64_t)gated.n);
    ig_build_int(b, n, "k", (int64_t)m->width);
    ig_build_int(b, n, "top_k", (int64_t)m->top_k);
    ig_build_text(b, n, "scores", scores[m->scores]);
    ig_build_int(b, n, "renormalise", m->renormalise);
    if (m->expert_scale != 0) ig_build_real(b, n, "scale", m->expert_scale);
    ig_build_text(b, n, "act", m->act);
    ig_build_format(b, n, &gated);
    if (down.format) ig_build_text(b, n, "down_format", down.format->name);
    return out;
}

/* The expert that every token meets, beside the chosen ones. */
static ig_id share(decoder *d, ig_id x, ig_id routed, const ig_llm_layer *l)
{
    ig_build *b = &d->b;
    if (!l->mlp.down.w.tensor) return routed;
    ig_id y = ig_build_mlp(b, x, &l->mlp, d->m->act, IG_NO_VALUE);
    if (l->shared_gate.w.tensor) {
        const ig_build_product gate = {
            .parts = &l->shared_gate, .n_parts = 1, .role = IG_ROLE_EXACT, .residual = IG_NO_VALUE};
        const ig_id weight =
            ig_build_unary(b, "sigmoid", "shared.gate", ig_build_linear(b, "shared", x, &gate));
        y = ig_build_binary(b, "mul", "shared.gated", y, weight);
    }
    return ig_build_binary(b, "add", "experts.all", routed, y);
}

/* ---- layers ---- */

/* residual + mlp(x), or mlp(x) alone where nothing can be added yet. */
static ig_id feed_forward(decoder *d, ig_id x, const ig_llm_layer *l, ig_id residual)
{
    if (!l->router.w.tensor) return ig_build_mlp(&d->b, x, &l->mlp, d->m->act, residual);
    const ig_id y = share(d, x, route(d, x, l), l);
    return residual == IG_NO_VALUE ? y : ig_build_binary(&d->b, "add", "residual", y, residual);
}

/* h + residual_scale * norm(y) */
static ig_id add_branch(decoder *d, const char *name, ig_id h, ig_id y, const ig_llm_norm *post)
{
    y = ig_build_norm(&d->b, name, y, &d->norm, post);
    y = ig_build_scaled(&d->b, y, d->m->residual_scale);
    return ig_build_binary(&d->b, "add", "residual", h, y);
}

static ig_id pick_rows(decoder *d, const char *name, ig_id x)
{
    return ig_build_op(&d->b, "gather", name, (ig_id[]){x, d->rows}, 2);
}

/* Behind the attention of the last layer only those rows go on whose logits are wanted. */
static ig_id make_layer(decoder *d, ig_id h, size_t i)
{
    const ig_llm_layer *l = &d->m->layers[i];
    const double scale = d->m->residual_scale;
    const bool plain = scale == 0 || scale == 1, own_norm = l->mlp_norm.gamma.tensor != NULL;
    ig_build *b = &d->b;
    ig_build_in(b, "%zu.", i);
    ig_id x = ig_build_norm(b, "attn_norm", h, &d->norm, &l->attn_norm);
    ig_id a = attend(d, x, l, i);
    if (i + 1 == d->m->n_layers) {
        a = pick_rows(d, "attention.rows", a);
        h = pick_rows(d, "rows", h);
        if (d->m->parallel && !own_norm) x = pick_rows(d, "attn_norm.rows", x);
    }
    const bool join_attn = plain && !l->attn_post.gamma.tensor;
    ig_id now = project(d, "o", a, &l->o, 1, join_attn ? h : IG_NO_VALUE);
    if (!join_attn) now = add_branch(d, "attn_post", h, now, &l->attn_post);
    const ig_id from = !d->m->parallel ? now : own_norm ? h : x;
    const ig_id y = ig_build_norm(b, "mlp_norm", from, &d->norm, &l->mlp_norm);
    const bool join_mlp = plain && !l->mlp_post.gamma.tensor;
    const ig_id f = feed_forward(d, y, l, join_mlp ? now : IG_NO_VALUE);
    return join_mlp ? f : add_branch(d, "mlp_post", now, f, &l->mlp_post);
}

/* ---- the end ---- */

static ig_id make_logits(decoder *d, ig_id h)
{
    const ig_llm *m = d->m;
    ig_build *b = &d->b;
    ig_build_in(b, "output.");
    h = ig_build_norm(b, "norm", h, &d->norm, &m->final_norm);
    ig_id y;
    if (m->output.w.tensor) {
        const ig_build_product p = {
            .parts = &m->output, .n_parts = 1, .role = IG_ROLE_VOCABULARY, .residual = IG_NO_VALUE};
        y = ig_build_linear(b, "logits", h, &p);
    } else {
        const ig_id bias = ig_build_vector(b, &m->output.bias, 0);
        y = ig_build_with(b, "logits", h, &d->tied, bias, NULL, IG_NO_VALUE);
    }
    y = ig_build_scaled(b, y, m->logit_scale);
    if (m->final_softcap == 0) return y;
    y = ig_build_unary(b, "tanh", "capped", ig_build_scaled(b, y, 1 / m->final_softcap));
    return ig_build_scaled(b, y, m->final_softcap);
}

ingot_status ig_llm_decoder(ig_import *im, const ig_llm *m, const ig_weights *c, ingot_error *err)
{
    decoder d = {.b = {.g = im->graph, .weights = c, .err = err},
                 .m = m,
                 .norm = {m->norm, m->norm_eps, m->norm_add},
                 .tied = {.id = IG_NO_VALUE}};
    IG_TRY(ig_llm_check(m, err));
    open_inputs(&d);
    for (size_t i = 0; i < m->n_ropes; i++) make_rope(&d, i);
    ig_id h = embed(&d);
    for (size_t i = 0; i < m->n_layers; i++) h = make_layer(&d, h, i);
    const ig_id logits = make_logits(&d, h);
    IG_TRY(d.b.failed);
    im->graph->values[logits].name = "logits";
    im->finished = true;
    const ig_id in[] = {d.tokens, d.positions, d.rows};
    return ig_graph_set_io(im->graph, in, IG_LEN(in), &logits, 1)
               ? INGOT_OK
               : ig_fail(err, INGOT_E_NOMEM, "making the graph of the model: no memory");
}
