/* hub.h - a checkpoint as Hugging Face's hub has it: config.json, and tensors by their names there.
 *
 * What the files of families (formats/llm/families) see. An ig_hub is sticky: after the first
 * failure every call gives nothing, so that a family reads as the list of what it takes and is
 * checked once, at its end. */
#ifndef IG_HUB_H
#define IG_HUB_H

#include "formats/llm/model.h"

#include <jansson.h>

typedef struct {
    const json_t *config; /* the decoder's part of config.json */
    const ig_checkpoint *tensors;
    const ig_log *log;
    ig_arena *arena;
    ig_llm *m;
    struct ig_encoder *encoder; /* for families of encoders: m is its base */
    const char *root;           /* begins the names of the decoder's tensors: "model.", "" */
    const char *layer;          /* .. of a layer's: "model.layers.3."; "" outside */
    ingot_error *err;
    ingot_status failed;
} ig_hub;

/* A family: model_type values of config.json, and what fills h->m. */
typedef struct {
    const char *names[8]; /* NULL ends them */
    void (*describe)(ig_hub *h);
    bool encoder; /* fills h->encoder */
} ig_family;

/* ig_hub_fail - the first failure stays; E_FORMAT but for ig_hub_lacks, which is E_UNSUPPORTED. */
void ig_hub_fail(ig_hub *h, const char *format, ...) __attribute__((format(printf, 2, 3)));
void ig_hub_lacks(ig_hub *h, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- config.json. A member that is absent or null counts as `otherwise`; one of another kind or
 * out of range is a failure. ---- */
enum { IG_HUB_MOST = 1 << 24 };
size_t ig_hub_size(ig_hub *h, const char *key); /* 1 .. IG_HUB_MOST, required */
size_t ig_hub_size_or(ig_hub *h, const char *key, size_t otherwise); /* 0 .. IG_HUB_MOST */
double ig_hub_real_or(ig_hub *h, const char *key, double otherwise);
/* ig_hub_real - the same of a member that the caller has found: NULL is absent; `of` and key name
 * it in errors. A number that no float holds is a failure. */
double ig_hub_real(ig_hub *h, const char *of, const char *key, const json_t *v, double otherwise);
bool ig_hub_bool_or(ig_hub *h, const char *key, bool otherwise);
const char *ig_hub_text_or(ig_hub *h, const char *key, const char *otherwise);

/* ---- tensors: NAME is a format; the name sought is h->layer + NAME, or h->root + NAME outside of
 * layers. ---- */

/* ig_hub_root - sets h->root to the first of the prefixes (NULL ends them) under which the tensor
 * is. */
void ig_hub_root(ig_hub *h, const char *const *prefixes, const char *tensor);
/* ig_hub_layers - room for the layers; ig_hub_layer - names are of layer i from now on, which is
 * returned: NAME is "layers" or what stands for it, h->root + NAME + "." + i + ".". NULL: failed.
 */
void ig_hub_layers(ig_hub *h, size_t n);
ig_llm_layer *ig_hub_layer(ig_hub *h, const char *name, size_t i);

/* A tensor that must be there, or may. By the whole name: ig_hub_named, which gives NULL too. */
ig_rows ig_hub_rows(ig_hub *h, const char *name, ...) __attribute__((format(printf, 2, 3)));
ig_rows ig_hub_rows_maybe(ig_hub *h, const char *name, ...) __attribute__((format(printf, 2, 3)));
ig_stored *ig_hub_named(ig_hub *h, const char *name);

/* NAME.weight and NAME.bias. A bias counts where it is there; `bias`: it must be. */
ig_llm_linear ig_hub_linear(ig_hub *h, bool bias, const char *name, ...)
    __attribute__((format(printf, 3, 4)));
ig_llm_norm ig_hub_norm(ig_hub *h, const char *name, ...) __attribute__((format(printf, 2, 3)));
/* ig_hub_cut - rows [first, first + n) of a linear layer that is several in one. */
ig_llm_linear ig_hub_cut(ig_llm_linear l, size_t first, size_t n);

/* ---- what many families have alike ---- */

/* ig_hub_sizes - hidden_size, num_hidden_layers, max_position_embeddings, vocab_size (the rows of
 * the embedding when absent), num_attention_heads, num_key_value_heads (heads when absent),
 * head_dim (width / heads when absent). `otherwise` (may be NULL): what counts when they are
 * absent; 0: as said, and heads must be there. */
typedef struct {
    size_t heads, kv_heads, head_dim;
} ig_hub_heads;
void ig_hub_sizes(ig_hub *h, const ig_hub_heads *otherwise);
/* ig_hub_act - m->act from the first of the keys that is there. */
void ig_hub_act(ig_hub *h, const char *key, const char *otherwise);
/* ig_hub_output - lm_head, unless tied (tie_word_embeddings). */
void ig_hub_output(ig_hub *h, const char *name, bool tied_by_default);
/* ig_hub_attention - q_proj, k_proj, v_proj, o_proj beneath `name`. */
void ig_hub_attention(ig_hub *h, ig_llm_layer *l, const char *name, bool qkv_bias, bool o_bias);
/* ig_hub_mlp - gate_proj, up_proj, down_proj beneath `name`. */
void ig_hub_mlp(ig_hub *h, ig_llm_mlp *f, const char *name, bool bias);
/* ig_hub_experts - n of `name`.E with the three products' names, or one tensor for all. */
void ig_hub_experts(ig_hub *h, ig_llm_layer *l, const char *name, const char *const products[3]);

/* ig_hub_windows - a layer's window by config: layer_types where it is there; else sliding_window
 * for the layers that `slides` names; 0 for all others. */
void ig_hub_windows(ig_hub *h, size_t sliding_window,
                    bool (*slides)(const ig_hub *h, size_t layer));
/* ig_hub_window - sliding_window, which may be null: 0. absent: when it is not there at all.
 * ig_hub_window_if_used - of Qwen: 0 unless use_sliding_window. ig_hub_cap - a limit of scores,
 * likewise. */
size_t ig_hub_window(ig_hub *h, size_t absent);
size_t ig_hub_window_if_used(ig_hub *h);
double ig_hub_cap(ig_hub *h, const char *key, double absent);
bool ig_hub_slides_always(const ig_hub *h, size_t layer);
/* of Qwen: from max_window_layers on */
bool ig_hub_slides_late(const ig_hub *h, size_t layer);
/* ig_hub_is_sliding - by layer_types; otherwise: when there is none. */
bool ig_hub_is_sliding(const ig_hub *h, size_t layer, bool otherwise);

/* ---- rotary embedding (rope.c) ---- */

typedef struct {
    double theta, partial;       /* when config.json says nothing; 0: 10000 and 1 */
    const char *old_theta_key;   /* of the older form; NULL: rope_theta */
    const char *old_partial_key; /* .. NULL: partial_rotary_factor */
    const char *layer_type;      /* rope_parameters of such layers, where they differ; NULL: all */
    bool unscaled;               /* the older rope_scaling is not for these layers */
    double original;             /* original_max_position_embeddings when absent; 0: the context */
} ig_hub_rope_rule;

/* ig_hub_rope - the rule that config.json asks for, both in its older form (rope_theta,
 * rope_scaling) and its newer (rope_parameters). Returns its index in m->ropes. */
int ig_hub_rope(ig_hub *h, const ig_hub_rope_rule *rule);

/* ig_hub_scales - gives every tensor of 8-bit floats (fp8.c) its scales. config: the root. E_DATA:
 * a scale that is no number; E_UNSUPPORTED: scales whose layout is not known. */
ingot_status ig_hub_scales(ig_checkpoint *c, const json_t *config, ig_arena *arena,
                           ingot_error *err);

extern const ig_family *const ig_families[]; /* NULL-terminated */

/* ig_hub_describe - the model that config.json (root) and tensors make. *is_encoder: e is one, else
 * e->base is a decoder. Texts and tables go to the arena; e refers to c. Errors: E_FORMAT,
 * E_UNSUPPORTED (a family that is not known: lists those that are), E_NOMEM. */
ingot_status ig_hub_describe(struct ig_encoder *e, bool *is_encoder, const ig_checkpoint *c,
                             const json_t *root, ig_arena *arena, const ig_log *log,
                             ingot_error *err);

#endif
