/* fp8.c - weights of 8-bit floats in checkpoints of the hub, with the scales that lie beside them:
 *
 *     X.weight            F8_E4M3 [n, k]
 *     X.weight_scale      one number (modelopt, compressed-tensors "tensor"), or [n] or [n, 1]
 *                         (fbgemm_fp8, compressed-tensors "channel")
 *     X.weight_scale_inv  [n / rows, k / cols], rounded up (DeepSeek, Qwen; compressed-tensors
 *                         "block" calls it weight_scale), where config.json says which blocks
 *
 * All of them multiply, whatever they are called. A tensor without scales has its plain values.
 * Scales of activations (input_scale) are not used: activations are rounded, where they are, with
 * scales of their own. */
#include "formats/hf/hub.h"
#include "runtime/base/checked.h"
#include "runtime/base/dtype.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
    ig_checkpoint *c;
    ig_arena *arena;
    size_t rows, cols; /* of a block, as config.json has them; 0: it says nothing */
    ingot_error *err;
} reader;

/* ---- config.json ---- */

static bool take_block(reader *r, const json_t *v)
{
    const json_int_t rows = json_integer_value(json_array_get(v, 0)),
                     cols = json_integer_value(json_array_get(v, 1));
    if (json_array_size(v) != 2 || rows < 1 || cols < 1) return false;
    r->rows = (size_t)rows;
    r->cols = (size_t)cols;
    return true;
}

/* quantization_config.weight_block_size, or compressed-tensors' block_structure of a group. */
static void find_block(reader *r, const json_t *config)
{
    const json_t *q = json_object_get(config, "quantization_config");
    if (take_block(r, json_object_get(q, "weight_block_size"))) return;
    json_t *groups = json_object_get(q, "config_groups"), *group;
    const char *name;
    json_object_foreach(groups, name, group)
    {
        const json_t *weights = json_object_get(group, "weights");
        if (take_block(r, json_object_get(weights, "block_structure"))) return;
    }
}

/* ---- scales ---- */

static size_t elements(const ig_stored *t)
{
    size_t n = 1;
    for (int d = 0; d < t->rank; d++) n *= (size_t)t->dims[d]; /* the tensor's bytes fit */
    return n;
}

static bool holds(size_t n, size_t block, int64_t blocks)
{
    return (size_t)blocks == n / block + (n % block != 0);
}

static ingot_status unknown_layout(const reader *r, const ig_stored *scale)
{
    if (!r->rows)
        return ig_fail(r->err, INGOT_E_UNSUPPORTED,
                       "tensor '%.90s': its %zu scales are neither one nor one a row, and "
                       "config.json has no weight_block_size",
                       scale->name, elements(scale));
    return ig_fail(
        r->err, INGOT_E_UNSUPPORTED,
        "tensor '%.90s': its %zu scales are neither one, nor one a row, nor one for each "
        "block of %zu by %zu (weight_block_size)",
        scale->name, elements(scale), r->rows, r->cols);
}

/* What scales of that shape go for. */
static ingot_status find_layout(ig_scales *s, const reader *r, const ig_stored *t,
                                const ig_stored *scale)
{
    const size_t n = t->rank == 2 ? (size_t)t->dims[0] : 0, k = (size_t)t->dims[t->rank - 1],
                 all = elements(scale);
    const bool column = scale->rank == 1 || (scale->rank == 2 && scale->dims[1] == 1);
    *s = (ig_scales){.rows = SIZE_MAX, .cols = SIZE_MAX, .across = 1};
    if (all == 1) return INGOT_OK;
    if (n && column && all == n) {
        s->rows = 1;
        return INGOT_OK;
    }
    if (!n || !r->rows || scale->rank != 2 || !holds(n, r->rows, scale->dims[0]) ||
        !holds(k, r->cols, scale->dims[1]))
        return unknown_layout(r, scale);
    if (r->cols < k && r->cols % 128)
        return ig_fail(r->err, INGOT_E_UNSUPPORTED,
                       "tensor '%.120s': scales for blocks of %zu columns; multiples of 128 are "
                       "supported",
                       scale->name, r->cols);
    *s = (ig_scales){.rows = r->rows, .cols = r->cols, .across = (size_t)scale->dims[1]};
    return INGOT_OK;
}

static bool read_number(float *v, const ig_stored *scale, size_t i)
{
    const unsigned char *at = scale->data + i * scale->type->block_bytes;
    if (scale->type->widen)
        scale->type->widen(v, at, 1);
    else if (!strcmp(scale->type->name, "F8_E8M0"))
        *v = ig_f8_to_f32(*at, INGOT_F8E8M0);
    else
        return false;
    return true;
}

static ingot_status attach(const reader *r, ig_stored *t, ig_stored *scale)
{
    const size_t n = elements(scale);
    ig_scales *s = ig_new(r->arena, ig_scales);
    float *v = ig_new_n(r->arena, float, n + 1);
    if (!s || !v) return ig_fail(r->err, INGOT_E_NOMEM, "reading the checkpoint: no memory");
    IG_TRY(find_layout(s, r, t, scale));
    for (size_t i = 0; i < n; i++) {
        if (!read_number(&v[i], scale, i))
            return ig_fail(r->err, INGOT_E_UNSUPPORTED,
                           "tensor '%.120s' is of type %s; scales must be floats", scale->name,
                           scale->type->name);
        if (!isfinite(v[i]))
            return ig_fail(r->err, INGOT_E_DATA, "tensor '%.120s': scale %zu is %g", scale->name, i,
                           (double)v[i]);
    }
    s->v = v;
    t->scales = s;
    if (s->cols < (size_t)t->dims[t->rank - 1]) t->type = &ig_stored_f8_blocks;
    scale->used = true;
    return INGOT_OK;
}

/* X of a tensor X.weight, with another ending; NULL: there is none. */
static ig_stored *beside(const reader *r, const ig_stored *t, const char *ending)
{
    static const char weight[] = "weight";
    const size_t n = strlen(t->name), cut = sizeof weight - 1;
    char name[300];
    if (n < cut || n > 250 || strcmp(t->name + n - cut, weight) != 0) return NULL;
    snprintf(name, sizeof name, "%.*s%s", (int)(n - cut), t->name, ending);
    return ig_checkpoint_find(r->c, name);
}

static ingot_status read_scales(const reader *r, ig_stored *t)
{
    static const char *const unused[] = {"input_scale", "activation_scale", "input_scale_ub"};
    ig_stored *scale = beside(r, t, "weight_scale_inv");
    if (!scale) scale = beside(r, t, "weight_scale");
    for (size_t i = 0; i < IG_LEN(unused); i++) {
        ig_stored *of_x = beside(r, t, unused[i]);
        if (of_x) of_x->used = true;
    }
    return scale ? attach(r, t, scale) : INGOT_OK;
}

ingot_status ig_hub_scales(ig_checkpoint *c, const json_t *config, ig_arena *arena,
                           ingot_error *err)
{
    reader r = {.c = c, .arena = arena, .err = err};
    find_block(&r, config);
    for (size_t i = 0; i < c->n; i++)
        if (c->tensors[i].type == &ig_stored_f8) IG_TRY(read_scales(&r, &c->tensors[i]));
    return INGOT_OK;
}
