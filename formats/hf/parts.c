/* parts.c - what the configs and tensors of many families have alike; see hub.h. */
#include "formats/hf/hub.h"
#include "runtime/base/checked.h"

#include <string.h>

void ig_hub_sizes(ig_hub *h, const ig_hub_heads *otherwise)
{
    const ig_hub_heads d = otherwise ? *otherwise : (ig_hub_heads){0};
    ig_llm *m = h->m;
    m->width = ig_hub_size(h, "hidden_size");
    m->heads = d.heads ? ig_hub_size_or(h, "num_attention_heads", d.heads)
                       : ig_hub_size(h, "num_attention_heads");
    if (!m->heads) ig_hub_fail(h, "config.json: num_attention_heads is 0");
    m->kv_heads = ig_hub_size_or(h, "num_key_value_heads", d.kv_heads ? d.kv_heads : m->heads);
    m->head_dim = ig_hub_size_or(h, "head_dim",
                                 d.head_dim ? d.head_dim
                                 : m->heads ? m->width / m->heads
                                            : 0);
    m->vocab = ig_hub_size_or(h, "vocab_size", 0);
    m->context = ig_hub_size_or(h, "max_position_embeddings", 2048);
    ig_hub_layers(h, ig_hub_size(h, "num_hidden_layers"));
}

void ig_hub_act(ig_hub *h, const char *key, const char *otherwise)
{
    static const char *const names[][2] = {
        {"silu", "silu"},           {"swish", "silu"},
        {"gelu", "gelu_erf"},       {"gelu_python", "gelu_erf"},
        {"gelu_new", "gelu_tanh"},  {"gelu_pytorch_tanh", "gelu_tanh"},
        {"gelu_fast", "gelu_tanh"}, {"gelu_python_tanh", "gelu_tanh"},
        {"relu", "relu"},           {"tanh", "tanh"},
        {"sigmoid", "sigmoid"},     {"mish", "mish"}};
    const char *name = ig_hub_text_or(h, key, otherwise);
    for (size_t i = 0; i < IG_LEN(names); i++)
        if (!strcmp(names[i][0], name)) {
            h->m->act = names[i][1];
            return;
        }
    ig_hub_lacks(h, "config.json: %s '%.40s' is an activation that this Ingot lacks", key, name);
}

void ig_hub_output(ig_hub *h, const char *name, bool tied_by_default)
{
    h->layer = "";
    if (ig_hub_bool_or(h, "tie_word_embeddings", tied_by_default)) {
        ig_stored *twin = ig_checkpoint_find(h->tensors, name);
        if (twin) twin->used = true; /* some checkpoints have the same table twice */
        return;
    }
    ig_stored *w = ig_hub_named(h, name);
    if (!w) ig_hub_fail(h, "the checkpoint has no tensor '%s'", name);
    h->m->output.w = ig_rows_of(w, false);
}

void ig_hub_attention(ig_hub *h, ig_llm_layer *l, const char *name, bool qkv_bias, bool o_bias)
{
    if (!l) return;
    l->q = ig_hub_linear(h, qkv_bias, "%s.q_proj", name);
    l->k = ig_hub_linear(h, qkv_bias, "%s.k_proj", name);
    l->v = ig_hub_linear(h, qkv_bias, "%s.v_proj", name);
    l->o = ig_hub_linear(h, o_bias, "%s.o_proj", name);
}

void ig_hub_mlp(ig_hub *h, ig_llm_mlp *f, const char *name, bool bias)
{
    f->gate = ig_hub_linear(h, bias, "%s.gate_proj", name);
    f->up = ig_hub_linear(h, bias, "%s.up_proj", name);
    f->down = ig_hub_linear(h, bias, "%s.down_proj", name);
}

/* One tensor for all experts: gate and up [E, 2 n, k], down [E, k, n]. */
static void cut_experts(ig_hub *h, ig_llm_layer *l, ig_rows both, const char *name)
{
    const ig_rows down = ig_hub_rows(h, "%s.down_proj", name);
    const size_t n = h->m->n_experts;
    if (!both.tensor || !down.tensor || ig_rows_n(&both) % (2 * n) || ig_rows_n(&down) % n) {
        ig_hub_fail(h, "the stacked tensors of the experts are not those of %zu", n);
        return;
    }
    const size_t inner = ig_rows_n(&both) / n / 2, width = ig_rows_n(&down) / n;
    for (size_t e = 0; e < n; e++)
        l->experts[e] = (ig_llm_mlp){.gate.w = ig_rows_cut(both, 2 * e * inner, inner),
                                     .up.w = ig_rows_cut(both, (2 * e + 1) * inner, inner),
                                     .down.w = ig_rows_cut(down, e * width, width)};
}

void ig_hub_experts(ig_hub *h, ig_llm_layer *l, const char *name, const char *const products[3])
{
    const size_t n = h->m->n_experts;
    if (h->failed) return;
    if (n > IG_LLM_EXPERTS_MOST) {
        ig_hub_lacks(h, "%zu experts", n);
        return;
    }
    l->experts = ig_new_n(h->arena, ig_llm_mlp, n);
    if (!l->experts) h->failed = ig_fail(h->err, INGOT_E_NOMEM, "experts: no memory");
    const ig_rows both = ig_hub_rows_maybe(h, "%s.gate_up_proj", name);
    if (both.tensor) {
        cut_experts(h, l, both, name);
        return;
    }
    for (size_t e = 0; !h->failed && e < n; e++) {
        l->experts[e].gate = ig_hub_linear(h, false, "%s.%zu.%s", name, e, products[0]);
        l->experts[e].up = ig_hub_linear(h, false, "%s.%zu.%s", name, e, products[1]);
        l->experts[e].down = ig_hub_linear(h, false, "%s.%zu.%s", name, e, products[2]);
    }
}

/* ---- windows ---- */

static bool is_there(const ig_hub *h, const char *key)
{
    return json_object_get(h->config, key) != NULL;
}

size_t ig_hub_window(ig_hub *h, size_t absent)
{
    return ig_hub_size_or(h, "sliding_window", is_there(h, "sliding_window") ? 0 : absent);
}

size_t ig_hub_window_if_used(ig_hub *h)
{
    return ig_hub_bool_or(h, "use_sliding_window", false) ? ig_hub_window(h, 4096) : 0;
}

double ig_hub_cap(ig_hub *h, const char *key, double absent)
{
    return ig_hub_real_or(h, key, is_there(h, key) ? 0 : absent);
}

bool ig_hub_slides_always(const ig_hub *h, size_t layer)
{
    (void)h, (void)layer;
    return true;
}

bool ig_hub_slides_late(const ig_hub *h, size_t layer)
{
    const json_t *first = json_object_get(h->config, "max_window_layers");
    return layer >= (json_is_integer(first) ? (size_t)json_integer_value(first) : 28);
}

bool ig_hub_is_sliding(const ig_hub *h, size_t layer, bool otherwise)
{
    const char *type =
        json_string_value(json_array_get(json_object_get(h->config, "layer_types"), layer));
    return type ? !strcmp(type, "sliding_attention") : otherwise;
}

/* What a list of layer types says must be of two kinds, and of every layer. */
static void check_types(ig_hub *h)
{
    const json_t *types = json_object_get(h->config, "layer_types");
    if (!types || json_is_null(types)) return;
    if (json_array_size(types) < h->m->n_layers)
        ig_hub_fail(h, "config.json: layer_types names %zu of %zu layers", json_array_size(types),
                    h->m->n_layers);
    for (size_t i = 0; !h->failed && i < h->m->n_layers; i++) {
        const char *type = json_string_value(json_array_get(types, i));
        if (!type || (strcmp(type, "sliding_attention") && strcmp(type, "full_attention")))
            ig_hub_lacks(h,
                         "config.json: layer %zu is of type '%.40s' (full_attention and "
                         "sliding_attention are known)",
                         i, type ? type : "");
    }
}

void ig_hub_windows(ig_hub *h, size_t sliding_window, bool (*slides)(const ig_hub *h, size_t layer))
{
    check_types(h);
    for (size_t i = 0; !h->failed && i < h->m->n_layers; i++)
        if (sliding_window && ig_hub_is_sliding(h, i, slides(h, i)))
            h->m->layers[i].window = (int64_t)sliding_window;
}
