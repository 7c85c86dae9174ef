/* llm.c - see llm.h. Sizes and rules come from keys, everything else from which tensors there are:
 * biases, norms, a gate, experts, products in one piece. A tensor that nothing here asks for is an
 * error, for the model would not be what it was trained to be. */
#include "formats/gguf/llm.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static ingot_status no_memory(const ig_gguf_reader *r)
{
    return ig_fail(r->err, INGOT_E_NOMEM, "GGUF: no memory for the model's description");
}

/* ---- keys ---- */

const ig_gguf_value *ig_gguf_arch_value(const ig_gguf_reader *r, const char *name)
{
    char key[128];
    snprintf(key, sizeof key, "%s.%s", r->arch->name, name);
    return ig_gguf_find(r->g, key);
}

/* A list of equal numbers, one a layer, counts as that number. */
int64_t ig_gguf_arch_int(const ig_gguf_reader *r, const char *name, int64_t otherwise)
{
    const ig_gguf_value *v = ig_gguf_arch_value(r, name);
    const bool number = v && v->n && v->kind != IG_GGUF_TEXT && v->kind != IG_GGUF_F32 &&
                        v->kind != IG_GGUF_F64 && v->kind != IG_GGUF_BOOL;
    if (!number) return otherwise;
    for (uint64_t i = 1; i < v->n; i++)
        if (ig_gguf_int_at(v, i) != ig_gguf_int_at(v, 0)) return otherwise;
    return ig_gguf_int_at(v, 0);
}

double ig_gguf_arch_real(const ig_gguf_reader *r, const char *name, double otherwise)
{
    const ig_gguf_value *v = ig_gguf_arch_value(r, name);
    return v && !v->is_array && v->kind != IG_GGUF_TEXT ? ig_gguf_real_at(v, 0) : otherwise;
}

static ingot_status need(size_t *to, const ig_gguf_reader *r, const char *name, int64_t otherwise)
{
    const int64_t v = ig_gguf_arch_int(r, name, otherwise);
    if (v < 1 || v > INT32_MAX)
        return ig_fail(
            r->err, INGOT_E_FORMAT,
            "GGUF: key %s.%s is missing, not one number from 1 to 2147483647, or differs "
            "from layer to layer",
            r->arch->name, name);
    *to = (size_t)v;
    return INGOT_OK;
}

static ingot_status read_sizes(ig_gguf_reader *r)
{
    ig_llm *m = r->m;
    IG_TRY(need(&m->width, r, "embedding_length", 0));
    IG_TRY(need(&m->n_layers, r, "block_count", 0));
    IG_TRY(need(&m->heads, r, "attention.head_count", 0));
    IG_TRY(need(&m->kv_heads, r, "attention.head_count_kv", (int64_t)m->heads));
    const int64_t usual = (int64_t)(m->width / m->heads);
    IG_TRY(need(&m->head_dim, r, "attention.key_length", usual));
    IG_TRY(need(&m->v_dim, r, "attention.value_length", (int64_t)m->head_dim));
    m->context = (size_t)IG_MAX(ig_gguf_arch_int(r, "context_length", 0), (int64_t)0);
    if (m->n_layers > r->c->n)
        return ig_fail(r->err, INGOT_E_FORMAT, "GGUF: %zu layers in %zu tensors", m->n_layers,
                       r->c->n);
    m->norm = r->arch->norm;
    m->norm_eps = ig_gguf_arch_real(r,
                                    m->norm == IG_NORM_RMS ? "attention.layer_norm_rms_epsilon"
                                                           : "attention.layer_norm_epsilon",
                                    -1);
    if (!(m->norm_eps >= 0 && m->norm_eps < 1))
        return ig_fail(r->err, INGOT_E_FORMAT,
                       "GGUF: the key of the norms' epsilon is missing or no small number");
    m->attn_scale = ig_gguf_arch_real(r, "attention.scale", 0);
    m->act = r->arch->act;
    m->interleaved = r->arch->interleaved;
    m->layers = ig_new_n(r->arena, ig_llm_layer, m->n_layers);
    return m->layers ? INGOT_OK : no_memory(r);
}

/* ---- rotation ---- */

static bool is_text(ingot_str s, const char *text)
{
    return s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

static ingot_status read_scaling(ig_rope_rule *rule, const ig_gguf_reader *r)
{
    char key[128];
    snprintf(key, sizeof key, "%s.rope.scaling.type", r->arch->name);
    const double old = ig_gguf_arch_real(r, "rope.scale_linear", 1); /* of older files */
    const ingot_str type = ig_gguf_text(r->g, key, old != 1 ? "linear" : "none");
    rule->factor = ig_gguf_arch_real(r, "rope.scaling.factor", old);
    rule->context =
        ig_gguf_arch_real(r, "rope.scaling.original_context_length", (double)r->m->context);
    if (is_text(type, "none") || is_text(type, "longrope")) return INGOT_OK;
    if (is_text(type, "linear")) {
        rule->scaling = IG_ROPE_LINEAR;
    } else if (is_text(type, "yarn")) {
        rule->scaling = IG_ROPE_YARN;
        rule->fast = ig_gguf_arch_real(r, "rope.scaling.yarn_beta_fast", 32);
        rule->slow = ig_gguf_arch_real(r, "rope.scaling.yarn_beta_slow", 1);
        const double more = ig_gguf_arch_real(r, "rope.scaling.attn_factor", 1);
        if (rule->factor > 0) rule->magnitude = more * (0.1 * log(rule->factor) + 1);
    } else {
        return ig_fail(r->err, INGOT_E_UNSUPPORTED,
                       "GGUF: rope scaling '%.*s' is unknown (known: none, linear, yarn, longrope)",
                       (int)IG_MIN(type.n, 40), type.p);
    }
    return INGOT_OK;
}

/* Divisors of the frequencies, as Llama 3 and LongRoPE have them. */
static ingot_status read_divisors(ig_rope_rule *rule, const ig_gguf_reader *r)
{
    const int64_t old = ig_gguf_arch_int(r, "rope.scaling.original_context_length", 0);
    ig_stored *all = ig_checkpoint_find(r->c, "rope_freqs.weight");
    ig_stored *near = ig_checkpoint_find(r->c, "rope_factors_short.weight");
    ig_stored *far = ig_checkpoint_find(r->c, "rope_factors_long.weight");
    ig_stored *t = all ? all : near; /* what texts within the old context have */
    if (near) near->used = true;
    if (far) far->used = true;
    if (!t) return INGOT_OK;
    t->used = true;
    if (t->rank != 1 || t->dims[0] != (int64_t)rule->half || t->type != &ig_stored_f32)
        return ig_fail(r->err, INGOT_E_FORMAT, "GGUF: tensor %s is no f32 vector of %zu", t->name,
                       rule->half);
    rule->divide = ig_arena_copy(r->arena, t->data, rule->half * sizeof(float));
    rule->magnitude = t == all ? 0 : ig_gguf_arch_real(r, "rope.scaling.attn_factor", 0);
    if (!all && old > 0 && r->m->context > (size_t)old) {
        r->m->context = (size_t)old;
        ig_log_say(r->log, IG_LOG_WARN,
                   "LongRoPE: converted with its short factors, for up to %zu tokens",
                   r->m->context);
    }
    return rule->divide ? INGOT_OK : no_memory(r);
}

static ingot_status read_rope(ig_gguf_reader *r)
{
    ig_llm *m = r->m;
    ig_rope_rule *rule = &m->ropes[0];
    size_t turned = 0;
    if (ig_checkpoint_find(r->c, "position_embd.weight")) return INGOT_OK; /* learned */
    IG_TRY(need(&turned, r, "rope.dimension_count", (int64_t)m->head_dim));
    if (turned % 2 || turned > m->head_dim)
        return ig_fail(r->err, INGOT_E_FORMAT, "GGUF: %zu of a head's %zu elements cannot turn",
                       turned, m->head_dim);
    m->n_ropes = 1;
    rule->half = turned / 2;
    rule->base = ig_gguf_arch_real(r, "rope.freq_base", 10000);
    IG_TRY(read_scaling(rule, r));
    return read_divisors(rule, r);
}

/* ---- tensors ---- */

/* "blk.3.attn_q.weight", or without a layer (-1) "output.weight"; NULL: not there. */
static ig_stored *find(const ig_gguf_reader *r, int64_t layer, const char *name, const char *part)
{
    char full[128];
    if (layer < 0)
        snprintf(full, sizeof full, "%s.%s", name, part);
    else
        snprintf(full, sizeof full, "blk.%lld.%s.%s", (long long)layer, name, part);
    return ig_checkpoint_find(r->c, full);
}

static ingot_status missing(const ig_gguf_reader *r, int64_t layer, const char *name)
{
    return layer < 0 ? ig_fail(r->err, INGOT_E_FORMAT, "GGUF: tensor %s is missing", name)
                     : ig_fail(r->err, INGOT_E_FORMAT, "GGUF: tensor blk.%lld.%s is missing",
                               (long long)layer, name);
}

static ig_llm_linear linear(const ig_gguf_reader *r, int64_t layer, const char *name)
{
    return (ig_llm_linear){ig_rows_of(find(r, layer, name, "weight"), false),
                           ig_rows_of(find(r, layer, name, "bias"), false)};
}

static ig_llm_norm norm(const ig_gguf_reader *r, int64_t layer, const char *name)
{
    return (ig_llm_norm){.gamma = ig_rows_of(find(r, layer, name, "weight"), false),
                         .beta = ig_rows_of(find(r, layer, name, "bias"), false)};
}

/* Of queries or keys: where heads have weights of their own, [heads, head_dim]. */
static ingot_status head_norm(ig_llm_norm *to, const ig_gguf_reader *r, int64_t layer,
                              const char *name, size_t heads)
{
    const size_t d = r->m->head_dim;
    ig_stored *t = find(r, layer, name, "weight");
    *to = norm(r, layer, name);
    if (!t || r->arch->qk_norm != IG_QK_HEADS) return INGOT_OK;
    if (t->rank != 2 || t->dims[0] != (int64_t)heads || t->dims[1] != (int64_t)d)
        return ig_fail(r->err, INGOT_E_FORMAT, "GGUF: tensor %s is not [%zu, %zu]", t->name, heads,
                       d);
    t->rank = 1; /* one vector after the other */
    t->dims[0] *= t->dims[1];
    ig_rows *each = ig_new_n(r->arena, ig_rows, heads);
    if (!each) return no_memory(r);
    for (size_t h = 0; h < heads; h++) each[h] = ig_rows_cut(ig_rows_of(t, false), h * d, d);
    *to = (ig_llm_norm){.gammas = each};
    return INGOT_OK;
}

static ig_llm_linear cut(const ig_llm_linear *l, size_t first, size_t n)
{
    ig_llm_linear part = {.w = ig_rows_cut(l->w, first, n)};
    if (l->bias.tensor) part.bias = ig_rows_cut(l->bias, first, n);
    return part;
}

/* Of a linear that holds `n` rows and as many biases, or none. */
static bool is_whole(const ig_llm_linear *l, size_t n)
{
    return l->w.tensor && ig_rows_n(&l->w) == n && (!l->bias.tensor || ig_rows_n(&l->bias) == n);
}

static ingot_status read_attention(ig_gguf_reader *r, ig_llm_layer *l, int64_t i)
{
    const ig_llm *m = r->m;
    size_t q, k, v, all;
    const ig_llm_linear qkv = linear(r, i, "attn_qkv");
    l->o = linear(r, i, "attn_output");
    if (!l->o.w.tensor) return missing(r, i, "attn_output.weight");
    if (!ig_mul_ok(m->heads, m->head_dim, &q) || !ig_mul_ok(m->kv_heads, m->head_dim, &k) ||
        !ig_mul_ok(m->kv_heads, m->v_dim, &v) || !ig_add_ok(q, k, &all) || !ig_add_ok(all, v, &all))
        return ig_fail(r->err, INGOT_E_FORMAT, "GGUF: %zu heads of %zu", m->heads, m->head_dim);
    if (qkv.w.tensor) {
        if (!is_whole(&qkv, all))
            return ig_fail(r->err, INGOT_E_FORMAT,
                           "GGUF: tensor blk.%lld.attn_qkv has not the %zu rows of all heads",
                           (long long)i, all);
        l->q = cut(&qkv, 0, q);
        l->k = cut(&qkv, q, k);
        l->v = cut(&qkv, q + k, v);
    } else {
        l->q = linear(r, i, "attn_q");
        l->k = linear(r, i, "attn_k");
        l->v = linear(r, i, "attn_v");
    }
    if (!l->q.w.tensor) return missing(r, i, "attn_q.weight");
    if (!l->k.w.tensor) return missing(r, i, "attn_k.weight");
    return l->v.w.tensor ? INGOT_OK : missing(r, i, "attn_v.weight");
}

/* ---- the MLP ---- */

static ingot_status read_mlp(ig_gguf_reader *r, ig_llm_layer *l, int64_t i)
{
    l->mlp = (ig_llm_mlp){.gate = linear(r, i, "ffn_gate"),
                          .up = linear(r, i, "ffn_up"),
                          .down = linear(r, i, "ffn_down")};
    if (!l->mlp.up.w.tensor) return missing(r, i, "ffn_up.weight");
    if (!l->mlp.down.w.tensor) return missing(r, i, "ffn_down.weight");
    const size_t inner = ig_rows_k(&l->mlp.down.w);
    if (!l->mlp.gate.w.tensor && inner <= SIZE_MAX / 2 && is_whole(&l->mlp.up, 2 * inner)) {
        const ig_llm_linear both = l->mlp.up; /* Phi 3: gate, then up */
        l->mlp.gate = cut(&both, 0, inner);
        l->mlp.up = cut(&both, inner, inner);
    }
    return INGOT_OK;
}

/* The n experts of one product: a tensor [n, rows, columns], or a tensor each. */
static ingot_status read_experts(ig_gguf_reader *r, ig_llm_linear *to, size_t step, int64_t i,
                                 const char *name)
{
    const size_t n = r->m->n_experts;
    char full[64];
    snprintf(full, sizeof full, "%s_exps", name);
    ig_stored *all = find(r, i, full, "weight");
    if (all && (all->rank != 3 || all->dims[0] != (int64_t)n))
        return ig_fail(r->err, INGOT_E_FORMAT, "GGUF: tensor %s does not hold %zu experts",
                       all->name, n);
    for (size_t e = 0; e < n; e++) {
        ig_llm_linear *one = (ig_llm_linear *)(void *)((char *)to + e * step);
        if (all) {
            const size_t rows = (size_t)all->dims[1];
            one->w = ig_rows_cut(ig_rows_of(all, false), e * rows, rows);
            continue;
        }
        snprintf(full, sizeof full, "%s.%zu", name, e);
        one->w = ig_rows_of(find(r, i, full, "weight"), false);
        if (!one->w.tensor) {
            snprintf(full, sizeof full, "%s_exps.weight", name);
            return missing(r, i, full);
        }
    }
    return INGOT_OK;
}

/* The expert that all tokens meet, where there is one. */
static void read_shared(ig_gguf_reader *r, ig_llm_layer *l, int64_t i)
{
    ig_stored *gate = find(r, i, "ffn_gate_inp_shexp", "weight");
    if (gate && gate->rank == 1) { /* one row */
        gate->rank = 2;
        gate->dims[1] = gate->dims[0];
        gate->dims[0] = 1;
    }
    l->shared_gate.w = ig_rows_of(gate, false);
    l->mlp = (ig_llm_mlp){.gate = linear(r, i, "ffn_gate_shexp"),
                          .up = linear(r, i, "ffn_up_shexp"),
                          .down = linear(r, i, "ffn_down_shexp")};
}

static ingot_status read_mixture(ig_gguf_reader *r, ig_llm_layer *l, int64_t i)
{
    const size_t n = r->m->n_experts, step = sizeof *l->experts;
    if (!l->router.w.tensor || ig_rows_n(&l->router.w) != n)
        return ig_fail(r->err, INGOT_E_FORMAT,
                       "GGUF: tensor blk.%lld.ffn_gate_inp.weight is missing or has no row for "
                       "each of %zu experts",
                       (long long)i, n);
    l->experts = ig_new_n(r->arena, ig_llm_mlp, n);
    if (!l->experts) return no_memory(r);
    IG_TRY(read_experts(r, &l->experts->gate, step, i, "ffn_gate"));
    IG_TRY(read_experts(r, &l->experts->up, step, i, "ffn_up"));
    IG_TRY(read_experts(r, &l->experts->down, step, i, "ffn_down"));
    read_shared(r, l, i);
    return INGOT_OK;
}

static ingot_status read_expert_keys(ig_gguf_reader *r)
{
    ig_llm *m = r->m;
    const int64_t n = ig_gguf_arch_int(r, "expert_count", 0);
    const int64_t of = ig_gguf_arch_int(r, "expert_used_count", 0);
    if (!n) return INGOT_OK;
    if (n < 0 || n > IG_LLM_EXPERTS_MOST || of < 1 || of > n)
        return ig_fail(r->err, INGOT_E_FORMAT, "GGUF: %lld of %lld experts", (long long)of,
                       (long long)n);
    const ig_gguf_value *norm_key = ig_gguf_arch_value(r, "expert_weights_norm");
    m->n_experts = (size_t)n;
    m->top_k = (size_t)of;
    m->scores = r->arch->scores;
    m->renormalise = r->arch->renormalise;
    if (norm_key && !norm_key->is_array && norm_key->kind == IG_GGUF_BOOL)
        m->renormalise = norm_key->p[0] != 0;
    m->expert_scale = ig_gguf_arch_real(r, "expert_weights_scale", 0);
    return INGOT_OK;
}

/* ---- the whole ---- */

static ingot_status read_layer(ig_gguf_reader *r, ig_llm_layer *l, int64_t i)
{
    l->attn_norm = norm(r, i, "attn_norm");
    l->attn_post = norm(r, i, "post_attention_norm");
    l->mlp_norm = norm(r, i, "ffn_norm");
    l->mlp_post = norm(r, i, "post_ffw_norm");
    if (r->arch->qk_norm != IG_QK_NONE && find(r, i, "attn_q_norm", "weight")) {
        r->m->qk_norm = r->arch->qk_norm;
        IG_TRY(head_norm(&l->q_norm, r, i, "attn_q_norm", r->m->heads));
        IG_TRY(head_norm(&l->k_norm, r, i, "attn_k_norm", r->m->kv_heads));
    }
    if (!l->attn_norm.gamma.tensor && !l->attn_post.gamma.tensor)
        return missing(r, i, "attn_norm.weight");
    l->rope = r->m->n_ropes ? 0 : -1;
    IG_TRY(read_attention(r, l, i));
    l->router = linear(r, i, "ffn_gate_inp");
    return r->m->n_experts ? read_mixture(r, l, i) : read_mlp(r, l, i);
}

static ingot_status read_ends(ig_gguf_reader *r)
{
    ig_llm *m = r->m;
    m->embedding = ig_rows_of(find(r, -1, "token_embd", "weight"), false);
    m->positions = ig_rows_of(find(r, -1, "position_embd", "weight"), false);
    m->final_norm = norm(r, -1, "output_norm");
    m->output = linear(r, -1, "output");
    if (!m->embedding.tensor) return missing(r, -1, "token_embd.weight");
    if (!m->final_norm.gamma.tensor) return missing(r, -1, "output_norm.weight");
    m->vocab = ig_rows_n(&m->embedding);
    return INGOT_OK;
}

static void set_windows(ig_gguf_reader *r)
{
    const int64_t global = r->arch->global,
                  window = ig_gguf_arch_int(r, "attention.sliding_window", r->arch->window);
    if (!global || window <= 0) return;
    const int64_t every = ig_gguf_arch_int(r, "attention.sliding_window_pattern", global);
    for (size_t i = 0; i < r->m->n_layers; i++)
        if (every <= 1 || (int64_t)i % every < every - 1) r->m->layers[i].window = window;
}

/* A weight that has no place in the graph would be lost in silence. */
static ingot_status all_used(const ig_gguf_reader *r)
{
    size_t n = 0;
    const char *first = NULL;
    for (size_t i = 0; i < r->c->n; i++) {
        const ig_stored *t = &r->c->tensors[i];
        const size_t length = strlen(t->name);
        const bool derived =
            length > 12 && (strstr(t->name, "rot_embd.") || strstr(t->name, "rope_freqs"));
        if (t->used || derived) continue; /* tables of angles, in older files of each layer */
        if (!n++) first = t->name;
    }
    return n ? ig_fail(r->err, INGOT_E_UNSUPPORTED,
                       "GGUF: %zu tensors have no place in Ingot's %s, the first is %.80s", n,
                       r->arch->name, first)
             : INGOT_OK;
}

ingot_status ig_gguf_llm(ig_llm *m, ig_arena *arena, const ig_gguf *g, const ig_checkpoint *c,
                         const ig_log *log, ingot_error *err)
{
    const ingot_str name = ig_gguf_text(g, "general.architecture", "");
    ig_gguf_reader r = {.m = m, .g = g, .c = c, .arena = arena, .log = log, .err = err};
    r.arch = ig_gguf_arch_find(name);
    if (!r.arch) {
        char names[200];
        ig_gguf_arch_names(names, sizeof names);
        return ig_fail(err, INGOT_E_UNSUPPORTED, "GGUF: architecture '%.*s' is unknown (known: %s)",
                       (int)IG_MIN(name.n, 40), name.p, names);
    }
    m->family = r.arch->name;
    IG_TRY(read_sizes(&r));
    IG_TRY(read_rope(&r));
    IG_TRY(read_expert_keys(&r));
    IG_TRY(read_ends(&r));
    for (size_t i = 0; i < m->n_layers; i++) IG_TRY(read_layer(&r, &m->layers[i], (int64_t)i));
    set_windows(&r);
    if (r.arch->adjust) IG_TRY(r.arch->adjust(&r));
    return all_used(&r);
}
