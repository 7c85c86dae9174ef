/* hub.c - config.json and tensors by name; see hub.h. */
#include "formats/hf/hub.h"
#include "runtime/base/checked.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void fail(ig_hub *h, ingot_status status, const char *format, va_list args)
{
    char text[200];
    if (h->failed) return;
    vsnprintf(text, sizeof text, format, args);
    h->failed = ig_fail(h->err, status, "%s", text);
}

void ig_hub_fail(ig_hub *h, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail(h, INGOT_E_FORMAT, format, args);
    va_end(args);
}

void ig_hub_lacks(ig_hub *h, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fail(h, INGOT_E_UNSUPPORTED, format, args);
    va_end(args);
}

static void no_memory(ig_hub *h)
{
    if (!h->failed) h->failed = ig_fail(h->err, INGOT_E_NOMEM, "reading the checkpoint: no memory");
}

/* ---- config.json ---- */

static const json_t *member(const ig_hub *h, const char *key)
{
    const json_t *v = json_object_get(h->config, key);
    return json_is_null(v) ? NULL : v;
}

static size_t size_in(ig_hub *h, const char *key, size_t least, size_t otherwise)
{
    const json_t *v = member(h, key);
    if (!v) return otherwise;
    const json_int_t n = json_is_real(v) ? (json_int_t)-1 : json_integer_value(v);
    if (json_is_integer(v) && n >= (json_int_t)least && n <= IG_HUB_MOST) return (size_t)n;
    if (json_is_integer(v))
        ig_hub_fail(h, "config.json: %s is %lld (%zu to %d)", key, (long long)n, least,
                    (int)IG_HUB_MOST);
    else
        ig_hub_fail(h, "config.json: %s is no whole number", key);
    return otherwise;
}

size_t ig_hub_size(ig_hub *h, const char *key)
{
    if (!member(h, key)) ig_hub_fail(h, "config.json has no %s", key);
    return size_in(h, key, 1, 1);
}

size_t ig_hub_size_or(ig_hub *h, const char *key, size_t otherwise)
{
    return size_in(h, key, 0, otherwise);
}

double ig_hub_real(ig_hub *h, const char *of, const char *key, const json_t *v, double otherwise)
{
    if (!v) return otherwise;
    const double x = json_number_value(v);
    if (!json_is_number(v)) ig_hub_fail(h, "config.json: %s%s is no number", of, key);
    if (fabs(x) > (double)FLT_MAX)
        ig_hub_fail(h, "config.json: %s%s is %g, more than a float holds", of, key, x);
    return json_is_number(v) ? x : otherwise;
}

double ig_hub_real_or(ig_hub *h, const char *key, double otherwise)
{
    return ig_hub_real(h, "", key, member(h, key), otherwise);
}

bool ig_hub_bool_or(ig_hub *h, const char *key, bool otherwise)
{
    const json_t *v = member(h, key);
    if (v && !json_is_boolean(v)) ig_hub_fail(h, "config.json: %s is neither true nor false", key);
    return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

const char *ig_hub_text_or(ig_hub *h, const char *key, const char *otherwise)
{
    const json_t *v = member(h, key);
    if (v && !json_is_string(v)) ig_hub_fail(h, "config.json: %s is no text", key);
    return json_is_string(v) ? json_string_value(v) : otherwise;
}

/* ---- tensors ---- */

ig_stored *ig_hub_named(ig_hub *h, const char *name)
{
    ig_stored *t = h->failed ? NULL : ig_checkpoint_find(h->tensors, name);
    if (t && !t->type->widen) {
        ig_hub_lacks(h, "tensor '%.120s' is of type %s; weights must be floats", name,
                     t->type->name);
        return NULL;
    }
    return t;
}

static ig_stored *find(ig_hub *h, char name[256], const char *format, va_list args)
{
    const char *begin = *h->layer ? h->layer : h->root;
    const size_t n = strlen(begin) < 128 ? strlen(begin) : 128;
    memcpy(name, begin, n);
    vsnprintf(name + n, 256 - n, format, args);
    return ig_hub_named(h, name);
}

ig_rows ig_hub_rows_maybe(ig_hub *h, const char *format, ...)
{
    char name[256];
    va_list args;
    va_start(args, format);
    ig_stored *t = find(h, name, format, args);
    va_end(args);
    return ig_rows_of(t, false);
}

ig_rows ig_hub_rows(ig_hub *h, const char *format, ...)
{
    char name[256];
    va_list args;
    va_start(args, format);
    ig_stored *t = find(h, name, format, args);
    va_end(args);
    if (!t) ig_hub_fail(h, "the checkpoint has no tensor '%.160s'", name);
    return ig_rows_of(t, false);
}

ig_llm_linear ig_hub_linear(ig_hub *h, bool bias, const char *format, ...)
{
    char name[200];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    return (ig_llm_linear){.w = ig_hub_rows(h, "%s.weight", name),
                           .bias = bias ? ig_hub_rows(h, "%s.bias", name)
                                        : ig_hub_rows_maybe(h, "%s.bias", name)};
}

ig_llm_norm ig_hub_norm(ig_hub *h, const char *format, ...)
{
    char name[200];
    va_list args;
    va_start(args, format);
    vsnprintf(name, sizeof name, format, args);
    va_end(args);
    return (ig_llm_norm){.gamma = ig_hub_rows(h, "%s.weight", name),
                         .beta = ig_hub_rows_maybe(h, "%s.bias", name)};
}

ig_llm_linear ig_hub_cut(ig_llm_linear l, size_t first, size_t n)
{
    if (l.w.tensor) l.w = ig_rows_cut(l.w, first, n);
    if (l.bias.tensor) l.bias = ig_rows_cut(l.bias, first, n);
    return l;
}

void ig_hub_root(ig_hub *h, const char *const *prefixes, const char *tensor)
{
    char name[256];
    for (const char *const *p = prefixes; *p; p++) {
        snprintf(name, sizeof name, "%s%s", *p, tensor);
        h->root = *p;
        if (ig_checkpoint_find(h->tensors, name)) return;
    }
    ig_hub_fail(h, "the checkpoint has no tensor '%s%s'", prefixes[0], tensor);
}

void ig_hub_layers(ig_hub *h, size_t n)
{
    if (n > IG_LLM_LAYERS_MOST) ig_hub_lacks(h, "a model of %zu layers", n);
    if (h->failed) return;
    h->m->layers = ig_new_n(h->arena, ig_llm_layer, n);
    if (!h->m->layers) no_memory(h);
    h->m->n_layers = n;
    for (size_t i = 0; !h->failed && i < n; i++) h->m->layers[i].rope = -1;
}

ig_llm_layer *ig_hub_layer(ig_hub *h, const char *name, size_t i)
{
    if (h->failed) return NULL;
    const char *layer = ig_arena_printf(h->arena, "%s%s.%zu.", h->root, name, i);
    if (!layer) no_memory(h);
    h->layer = layer ? layer : "";
    return h->failed ? NULL : &h->m->layers[i];
}
