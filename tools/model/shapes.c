/* shapes.c - see shapes.h. */
#include "tools/model/shapes.h"
#include "runtime/base/checked.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char *const batch_names[] = {"batch", "batch_size", "batchsize",  "n", "b",
                                          "bs",    "batch_dim",  "batch_axis", NULL};
static const char *const context_names[] = {
    "seq",     "sequence", "seq_len", "seq_length", "sequence_length", "tokens", "t",
    "context", "length",   "len",     "time",       "steps",           NULL};

typedef struct {
    const ig_graph *g;
    ig_arena *arena;
    ig_shapes *out;
    ingot_error *err;
} job;

static bool is_one_of(const char *name, const char *const *names)
{
    for (size_t i = 0; names[i]; i++)
        if (!strcasecmp(name, names[i])) return true;
    return false;
}

static ingot_status no_memory(const job *j)
{
    return ig_fail(j->err, INGOT_E_NOMEM, "shapes: no memory");
}

/* The name by which a dimension is chosen; NULL: its size is fixed, or there is no memory. */
static const char *open_name(const job *j, size_t input, int axis)
{
    const ig_value *v = &j->g->values[j->g->inputs[input]];
    const int64_t dim = v->type.dims[axis];
    if (dim >= 0) return NULL;
    if (IG_DIM_IS_SYMBOL(dim)) return ig_graph_symbol_name(j->g, dim);
    return ig_arena_printf(j->arena, "%s.%d", v->name, axis);
}

static ig_shape_choice *find_choice(const ig_shapes *s, const char *name)
{
    for (size_t i = 0; i < s->n_choices; i++)
        if (!strcmp(s->choices[i].name, name)) return &s->choices[i];
    return NULL;
}

static ingot_status collect(job *j)
{
    const ig_graph *g = j->g;
    size_t room;
    if (!ig_mul_ok(g->n_inputs, (size_t)IG_MAX_RANK, &room)) return no_memory(j);
    j->out->choices = ig_new_n(j->arena, ig_shape_choice, room);
    if (!j->out->choices) return no_memory(j);
    for (size_t i = 0; i < g->n_inputs; i++) {
        const ig_type *type = &g->values[g->inputs[i]].type;
        for (int d = 0; d < type->rank; d++) {
            if (type->dims[d] >= 0) continue;
            const char *name = open_name(j, i, d);
            if (!name) return no_memory(j);
            if (!find_choice(j->out, name))
                j->out->choices[j->out->n_choices++] = (ig_shape_choice){.name = name, .size = 1};
        }
    }
    return INGOT_OK;
}

static ingot_status nothing_called(const job *j, const char *option, const char *what)
{
    char names[300] = "";
    size_t used = 0;
    for (size_t i = 0; i < j->out->n_choices && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%.60s", i ? ", " : "",
                                 j->out->choices[i].name);
    return ig_fail(j->err, INGOT_E_ARG, "%s: %s (open dimensions of the inputs: %s)", option, what,
                   used ? names : "none");
}

/* Every choice with a name of the list; without one, the first dimensions of the inputs. */
static size_t set_named(ig_shapes *s, const char *const *names, int64_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_choices; i++)
        if (is_one_of(s->choices[i].name, names)) {
            s->choices[i].size = size;
            s->choices[i].given = true;
            n++;
        }
    return n;
}

static size_t set_first(job *j, int64_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < j->g->n_inputs; i++) {
        const ig_type *type = &j->g->values[j->g->inputs[i]].type;
        const char *name = type->rank > 0 ? open_name(j, i, 0) : NULL;
        ig_shape_choice *c = name ? find_choice(j->out, name) : NULL;
        if (!c) continue;
        c->size = size;
        c->given = true;
        n++;
    }
    return n;
}

/* A batch that the model has anyway needs no choosing. */
static bool is_fixed_batch(const job *j, int64_t size)
{
    const ig_graph *g = j->g;
    for (size_t i = 0; i < g->n_inputs; i++)
        if (g->values[g->inputs[i]].type.rank > 0 && g->values[g->inputs[i]].type.dims[0] == size)
            return true;
    return false;
}

static ingot_status set_dim(job *j, const char *text)
{
    char name[200], *end;
    const char *eq = strrchr(text, '=');
    const size_t n = eq ? (size_t)(eq - text) : 0;
    if (!eq || n == 0 || n >= sizeof name)
        return ig_fail(j->err, INGOT_E_ARG, "--dim %.60s: it has the form NAME=N", text);
    memcpy(name, text, n);
    name[n] = 0;
    const long long size = strtoll(eq + 1, &end, 10);
    if (end == eq + 1 || *end || size < 0 || size > INT32_MAX)
        return ig_fail(j->err, INGOT_E_ARG, "--dim %.60s: the size is a number from 0 to %d", text,
                       INT32_MAX);
    ig_shape_choice *c = find_choice(j->out, name);
    if (!c) {
        char option[230];
        snprintf(option, sizeof option, "--dim %.200s", text);
        return nothing_called(j, option, "no such dimension");
    }
    c->size = size;
    c->given = true;
    return INGOT_OK;
}

static ingot_status apply(job *j, const ig_shape_wishes *w)
{
    if (w->batch && !set_named(j->out, batch_names, w->batch) && !is_fixed_batch(j, w->batch) &&
        !set_first(j, w->batch))
        return nothing_called(j, "--batch", "the inputs' first dimensions are fixed");
    if (w->context && !set_named(j->out, context_names, w->context))
        return nothing_called(j, "--context", "no dimension is called a sequence's length");
    for (size_t i = 0; i < w->dims.n; i++) IG_TRY(set_dim(j, w->dims.items[i]));
    return INGOT_OK;
}

static ingot_status make_inputs(job *j)
{
    const ig_graph *g = j->g;
    j->out->in = ig_new_n(j->arena, ingot_tensor, g->n_inputs);
    if (!j->out->in) return no_memory(j);
    j->out->n_in = g->n_inputs;
    for (size_t i = 0; i < g->n_inputs; i++) {
        const ig_value *v = &g->values[g->inputs[i]];
        ingot_tensor *t = &j->out->in[i];
        t->dtype = v->type.dtype ? v->type.dtype : INGOT_F32;
        t->rank = IG_MAX(v->type.rank, 0);
        t->absent = v->type.optional;
        t->is_sequence = v->type.kind == IG_SEQUENCE;
        for (int d = 0; d < v->type.rank; d++) {
            const char *name = open_name(j, i, d);
            t->dims[d] = name ? find_choice(j->out, name)->size : v->type.dims[d];
            if (t->dims[d] < 0) return no_memory(j);
        }
    }
    return INGOT_OK;
}

ingot_status ig_shapes_choose(ig_shapes *out, const ig_graph *g, const ig_shape_wishes *wishes,
                              ig_arena *arena, ingot_error *err)
{
    job j = {.g = g, .arena = arena, .out = out, .err = err};
    *out = (ig_shapes){0};
    IG_TRY(collect(&j));
    IG_TRY(apply(&j, wishes));
    return make_inputs(&j);
}

const char *ig_shapes_text(char *text, size_t room, const ig_shapes *s, bool only_defaults)
{
    size_t used = 0;
    text[0] = 0;
    for (size_t i = 0; i < s->n_choices && used < room; i++) {
        if (only_defaults && s->choices[i].given) continue;
        used += (size_t)snprintf(text + used, room - used, "%s%.60s=%" PRId64, used ? ", " : "",
                                 s->choices[i].name, s->choices[i].size);
    }
    return text;
}
