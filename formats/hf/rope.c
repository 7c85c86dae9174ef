/* rope.c - the rule of rotary embedding that a config.json asks for; see hub.h.
 *
 * The older form has rope_theta, partial_rotary_factor and, for long contexts, rope_scaling; the
 * newer one has all of it in rope_parameters, one object for the model or one for each type of
 * layers. Frequencies of `dynamic` scaling are those of no scaling within the model's context, and
 * LongRoPE has two tables, of which contexts up to the original one use the short: such models are
 * converted with that context. */
#include "formats/hf/hub.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>

typedef struct {
    ig_hub *h;
    const json_t *v; /* rope_parameters or rope_scaling; may be NULL */
    double original; /* the original context when nothing names it; 0: the context */
} reader;

static const json_t *member(const reader *r, const char *key)
{
    const json_t *v = json_object_get(r->v, key);
    return json_is_null(v) ? NULL : v;
}

static double real_or(reader *r, const char *key, double otherwise)
{
    const json_t *v = member(r, key);
    if (v && !json_is_number(v)) ig_hub_fail(r->h, "config.json: rope's %s is no number", key);
    return json_is_number(v) ? json_number_value(v) : otherwise;
}

/* The object that speaks of these layers. */
static const json_t *find_parameters(ig_hub *h, const ig_hub_rope_rule *rule)
{
    const json_t *v = json_object_get(h->config, "rope_parameters");
    if (!json_is_object(v)) {
        v = rule->unscaled ? NULL : json_object_get(h->config, "rope_scaling");
        return json_is_object(v) ? v : NULL;
    }
    const char *type = rule->layer_type ? rule->layer_type : "full_attention";
    const json_t *own = json_object_get(v, type);
    return json_is_object(own) ? own : v;
}

static double original_context(reader *r)
{
    const double whole = ig_hub_real_or(r->h, "max_position_embeddings", 2048);
    const double inner =
        real_or(r, "original_max_position_embeddings", r->original != 0 ? r->original : whole);
    return ig_hub_real_or(r->h, "original_max_position_embeddings", inner);
}

static double ratio(reader *r, double original)
{
    const double whole = ig_hub_real_or(r->h, "max_position_embeddings", 2048);
    return real_or(r, "factor", original > 0 ? whole / original : 0);
}

/* ---- kinds of scaling ---- */

static double yarn_magnitude(double factor, double by)
{
    return factor <= 1 ? 1 : 0.1 * by * log(factor) + 1;
}

static void read_yarn(reader *r, ig_rope_rule *out)
{
    out->scaling = IG_ROPE_YARN;
    out->context = original_context(r);
    out->factor = ratio(r, out->context);
    out->fast = real_or(r, "beta_fast", 32);
    out->slow = real_or(r, "beta_slow", 1);
    const double one = real_or(r, "mscale", 0), all = real_or(r, "mscale_all_dim", 0);
    const double magnitude =
        one != 0 && all != 0 ? yarn_magnitude(out->factor, one) / yarn_magnitude(out->factor, all)
                             : yarn_magnitude(out->factor, 1);
    out->magnitude = real_or(r, "attention_factor", magnitude);
    if (json_is_false(member(r, "truncate")))
        ig_hub_lacks(r->h, "config.json: YaRN with truncate false");
}

static void read_llama3(reader *r, ig_rope_rule *out)
{
    out->scaling = IG_ROPE_LLAMA3;
    out->context = original_context(r);
    out->factor = real_or(r, "factor", 0);
    out->fast = real_or(r, "high_freq_factor", 4);
    out->slow = real_or(r, "low_freq_factor", 1);
    if (out->fast == out->slow)
        ig_hub_fail(r->h, "config.json: rope's high_freq_factor and low_freq_factor are equal");
}

static void read_longrope(reader *r, ig_rope_rule *out)
{
    const double original = original_context(r), factor = ratio(r, original);
    const json_t *list = member(r, "short_factor");
    float *divide = ig_new_n(r->h->arena, float, out->half);
    if (json_array_size(list) != out->half || !divide) {
        ig_hub_fail(r->h, "config.json: rope's short_factor has %zu numbers for %zu pairs",
                    json_array_size(list), out->half);
        return;
    }
    for (size_t i = 0; i < out->half; i++) {
        divide[i] = (float)json_number_value(json_array_get(list, i));
        if (!(divide[i] > 0) || !isfinite(divide[i]))
            ig_hub_fail(r->h, "config.json: rope's short_factor %zu is %g", i, (double)divide[i]);
    }
    out->divide = divide;
    const double by = factor <= 1 || original <= 1 ? 1 : sqrt(1 + log(factor) / log(original));
    out->magnitude = real_or(r, "attention_factor", by);
    if ((double)r->h->m->context > original && original >= 1) {
        r->h->m->context = (size_t)original;
        ig_log_say(r->h->log, IG_LOG_WARN,
                   "LongRoPE: converted with its short factors, for up to %zu tokens",
                   r->h->m->context);
    }
}

static void read_scaling(reader *r, ig_rope_rule *out)
{
    const json_t *v = member(r, "rope_type");
    if (!v) v = member(r, "type");
    const char *type = json_is_string(v) ? json_string_value(v) : "default";
    if (!strcmp(type, "default") || !strcmp(type, "dynamic")) return;
    if (!strcmp(type, "linear")) {
        out->scaling = IG_ROPE_LINEAR;
        out->factor = real_or(r, "factor", 0);
    } else if (!strcmp(type, "llama3")) {
        read_llama3(r, out);
    } else if (!strcmp(type, "longrope") || !strcmp(type, "su") || member(r, "short_factor")) {
        read_longrope(r, out);
        return;
    } else if (!strcmp(type, "yarn")) {
        read_yarn(r, out);
    } else {
        ig_hub_lacks(r->h,
                     "config.json: rope_type '%.40s' (default, linear, dynamic, llama3, yarn and "
                     "longrope are known)",
                     type);
    }
    if (!r->h->failed && !(out->factor > 0))
        ig_hub_fail(r->h, "config.json: rope's factor is %g", out->factor);
}

int ig_hub_rope(ig_hub *h, const ig_hub_rope_rule *rule)
{
    reader r = {h, find_parameters(h, rule), rule->original};
    ig_llm *m = h->m;
    const double theta = ig_hub_real_or(h, rule->old_theta_key ? rule->old_theta_key : "rope_theta",
                                        rule->theta != 0 ? rule->theta : 10000);
    const double usual =
        ig_hub_real_or(h, "partial_rotary_factor", rule->partial != 0 ? rule->partial : 1);
    const double partial =
        rule->old_partial_key ? ig_hub_real_or(h, rule->old_partial_key, usual) : usual;
    const double part = real_or(&r, "partial_rotary_factor", partial);
    ig_rope_rule out = {.base = real_or(&r, "rope_theta", theta)};
    if (!(part > 0) || part > 1) ig_hub_fail(h, "config.json: partial_rotary_factor is %g", part);
    const size_t turning = h->failed ? 2 : (size_t)((double)m->head_dim * part);
    out.half = turning / 2 + turning % 2;
    if (!turning || 2 * out.half > m->head_dim)
        ig_hub_lacks(h, "%zu of the %zu elements of a head turn; they turn in pairs", turning,
                     m->head_dim);
    /* An odd number is rounded up, but the frequencies stay those of the odd number. */
    if (turning % 2 && turning) out.base = pow(out.base, (double)(turning + 1) / (double)turning);
    if (!h->failed) read_scaling(&r, &out);
    if (m->n_ropes == IG_LLM_ROPES) ig_hub_lacks(h, "more than %d rotary rules", IG_LLM_ROPES);
    if (h->failed) return -1;
    m->ropes[m->n_ropes] = out;
    return (int)m->n_ropes++;
}
