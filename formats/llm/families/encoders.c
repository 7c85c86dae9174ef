/* encoders.c - see encoders.h. */
#include "formats/llm/families/encoders.h"
#include "runtime/base/checked.h"

#include <stdio.h>
#include <string.h>

const ig_encoder_names ig_bert_names = {.layers = "encoder.layer",
                                        .q = "attention.self.query",
                                        .k = "attention.self.key",
                                        .v = "attention.self.value",
                                        .o = "attention.output.dense",
                                        .attn_norm = "attention.output.LayerNorm",
                                        .up = "intermediate.dense",
                                        .down = "output.dense",
                                        .mlp_norm = "output.LayerNorm"};

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && !strcmp(text + n - m, end);
}

ig_encoder_head ig_hub_task(ig_hub *h)
{
    static const struct {
        const char *end;
        ig_encoder_head head;
    } tasks[] = {{"Model", IG_HEAD_NONE},
                 {"ForMaskedLM", IG_HEAD_NONE},
                 {"ForPreTraining", IG_HEAD_NONE},
                 {"ForSequenceClassification", IG_HEAD_FIRST},
                 {"ForTokenClassification", IG_HEAD_TOKENS}};
    const char *name =
        json_string_value(json_array_get(json_object_get(h->config, "architectures"), 0));
    for (size_t i = 0; name && i < IG_LEN(tasks); i++)
        if (ends_with(name, tasks[i].end)) return tasks[i].head;
    if (name)
        ig_hub_lacks(h,
                     "config.json: %.60s (of encoders, the bare model and those ForMaskedLM, "
                     "ForSequenceClassification and ForTokenClassification are known)",
                     name);
    return IG_HEAD_NONE;
}

/* Old checkpoints call a norm's vectors gamma and beta. */
static ig_llm_norm norm_of(ig_hub *h, const char *name)
{
    const ig_rows gamma = ig_hub_rows_maybe(h, "%s.gamma", name);
    if (!gamma.tensor) return ig_hub_norm(h, "%s", name);
    return (ig_llm_norm){.gamma = gamma, .beta = ig_hub_rows_maybe(h, "%s.beta", name)};
}

void ig_hub_bert_embeddings(ig_hub *h)
{
    ig_encoder *e = h->encoder;
    h->layer = "";
    h->m->embedding = ig_hub_rows(h, "embeddings.word_embeddings.weight");
    h->m->positions = ig_hub_rows(h, "embeddings.position_embeddings.weight");
    e->types = ig_hub_rows_maybe(h, "embeddings.token_type_embeddings.weight");
    e->embed_norm = norm_of(h, "embeddings.LayerNorm");
}

void ig_hub_bert_layers(ig_hub *h, const ig_encoder_names *n)
{
    for (size_t i = 0; !h->failed && i < h->m->n_layers; i++) {
        ig_llm_layer *l = ig_hub_layer(h, n->layers, i);
        if (!l) return;
        l->q = ig_hub_linear(h, true, "%s", n->q);
        l->k = ig_hub_linear(h, true, "%s", n->k);
        l->v = ig_hub_linear(h, true, "%s", n->v);
        l->o = ig_hub_linear(h, true, "%s", n->o);
        l->attn_post = norm_of(h, n->attn_norm);
        l->mlp.up = ig_hub_linear(h, true, "%s", n->up);
        l->mlp.down = ig_hub_linear(h, true, "%s", n->down);
        l->mlp_post = norm_of(h, n->mlp_norm);
    }
    h->encoder->norm_behind = true;
    h->m->norm = IG_NORM_LAYER;
    h->layer = "";
}

void ig_hub_bert(ig_hub *h, const char *root_of, const ig_encoder_names *names)
{
    const char *const roots[] = {"", root_of, NULL};
    ig_hub_root(h, roots, "embeddings.word_embeddings.weight");
    ig_hub_sizes(h, 0);
    ig_hub_act(h, "hidden_act", "gelu");
    h->m->norm_eps = ig_hub_real_or(h, "layer_norm_eps", 1e-12);
    const char *kind = ig_hub_text_or(h, "position_embedding_type", "absolute");
    if (strcmp(kind, "absolute"))
        ig_hub_lacks(h, "config.json: position_embedding_type '%.40s'", kind);
    if (ig_hub_bool_or(h, "is_decoder", false))
        ig_hub_lacks(h, "config.json: is_decoder; only encoders of this family are known");
    ig_hub_bert_embeddings(h);
    ig_hub_bert_layers(h, names);
    ig_hub_rows_maybe(h, "pooler.dense.weight"); /* known, though only BERT's classifiers read it */
    ig_hub_rows_maybe(h, "pooler.dense.bias");
}

void ig_hub_classifier(ig_hub *h, ig_encoder_head task, const char *dense, const char *act,
                       const char *out)
{
    ig_encoder *e = h->encoder;
    e->head = task;
    if (task == IG_HEAD_NONE) return;
    h->layer = h->root = "";
    if (task != IG_HEAD_TOKENS) {
        e->dense = ig_hub_linear(h, true, "%s", dense);
        e->dense_act = act;
    }
    e->classifier = ig_hub_linear(h, true, "%s", task == IG_HEAD_TOKENS ? "classifier" : out);
    ig_hub_labels(h);
}

/* "0": "NAME" and so on; without all of them there are no labels. */
void ig_hub_labels(ig_hub *h)
{
    const json_t *names = json_object_get(h->config, "id2label");
    const size_t n = h->failed ? 0 : ig_rows_n(&h->encoder->classifier.w);
    const char *all = "";
    for (size_t i = 0; n && i < n; i++) {
        char key[24];
        snprintf(key, sizeof key, "%zu", i);
        const char *name = json_string_value(json_object_get(names, key));
        if (!name || strchr(name, '\n') || strlen(all) > 1 << 16) return;
        all = ig_arena_printf(h->arena, "%s%s%s", all, i ? "\n" : "", name);
        if (!all) {
            h->failed = ig_fail(h->err, INGOT_E_NOMEM, "reading the labels: no memory");
            return;
        }
    }
    h->encoder->labels = n ? all : NULL;
}
