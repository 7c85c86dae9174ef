/* feed.c - see feed.h. */
#include "tools/model/feed.h"
#include "runtime/base/checked.h"
#include "tools/data/npy.h"
#include "tools/data/npz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- --input
 * ------------------------------------------------------------------------------------- */

static const ig_value *find_input(const ig_graph *g, const char *name, size_t len)
{
    for (size_t i = 0; i < g->n_inputs; i++) {
        const ig_value *v = &g->values[g->inputs[i]];
        if (strlen(v->name) == len && !memcmp(v->name, name, len)) return v;
    }
    return NULL;
}

static ingot_status unknown_input(const ig_graph *g, const char *text, ingot_error *err)
{
    char names[300] = "";
    size_t used = 0;
    for (size_t i = 0; i < g->n_inputs && used < sizeof names; i++)
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%.60s", i ? ", " : "",
                                 g->values[g->inputs[i]].name);
    return ig_fail(err, INGOT_E_DATA, "--input %.80s: no such input (the model has: %s)", text,
                   names);
}

/* Names may hold '=' themselves: the first one behind a name that the model has counts. */
static ingot_status split(const ig_value **input, const char **value, const ig_graph *g,
                          const char *text, ingot_error *err)
{
    for (const char *eq = strchr(text, '='); eq; eq = strchr(eq + 1, '='))
        if ((*input = find_input(g, text, (size_t)(eq - text)))) {
            *value = eq + 1;
            return INGOT_OK;
        }
    if (g->n_inputs != 1 || (strchr(text, '=') && access(text, F_OK) != 0))
        return unknown_input(g, text, err);
    *input = &g->values[g->inputs[0]];
    *value = text;
    return INGOT_OK;
}

static bool is_literal(const char *text)
{
    char *end;
    if (strchr("[\"", *text) || !strcmp(text, "true") || !strcmp(text, "false")) return true;
    strtod(text, &end);
    return end != text && !*end;
}

/* "data.npz:KEY": the archive is read whole, the one array moves over. */
static ingot_status read_member(ig_arrays *list, const char *name, const char *path,
                                const char *colon, ingot_error *err)
{
    char file[4096];
    ig_arrays all;
    ig_array *to;
    const size_t n = (size_t)(colon - path);
    if (n >= sizeof file) return ig_fail(err, INGOT_E_DATA, "%.80s...: too long a path", path);
    memcpy(file, path, n);
    file[n] = 0;
    ig_arrays_init(&all, list->heap);
    ingot_status s = ig_npz_read(&all, file, err);
    ig_array *from = s ? NULL : ig_arrays_find(&all, colon + 1);
    if (!s && !from)
        s = ig_fail(err, INGOT_E_DATA, "%s has no array '%.60s'; the first of %zu is '%.60s'", file,
                    colon + 1, all.n, all.n ? all.items[0].name : "");
    if (!s) s = ig_arrays_add(&to, list, name, strlen(name), err);
    if (!s) {
        char *const kept = to->name;
        *to = *from;
        to->name = kept;
        from->data = NULL;
    }
    ig_arrays_clear(&all);
    return s;
}

static ingot_status read_literal(ig_arrays *list, const ig_value *input, const char *text,
                                 ingot_error *err)
{
    ig_array *to;
    IG_TRY(ig_arrays_add(&to, list, input->name, strlen(input->name), err));
    const ingot_status s = ig_literal_read(to, list->heap, &input->type, text, err);
    return ig_wrap(err, s, "input '%.60s'", input->name);
}

ingot_status ig_feed_option(ig_arrays *list, const ig_graph *g, const char *text, ingot_error *err)
{
    const ig_value *input = NULL;
    const char *value = NULL;
    IG_TRY(split(&input, &value, g, text, err));
    if (is_literal(value)) return read_literal(list, input, value, err);
    const char *colon = strstr(value, ".npz:");
    if (colon) return read_member(list, input->name, value, colon + 4, err);
    return ig_npy_read(list, input->name, value, err);
}

/* ---- tensors
 * ------------------------------------------------------------------------------------- */

static ingot_tensor view_of(const ig_array *a, const ig_type *want)
{
    ingot_tensor t = ingot_view(a->dtype, a->data, a->rank, a->dims);
    t.name = a->name;
    if (want && want->dtype != a->dtype && ig_numpy_carrier(want->dtype) == a->dtype)
        t.dtype = want->dtype;
    return t;
}

/* The sequence that "NAME.3" belongs to, and its place there. */
static const ig_value *sequence_of(const ig_graph *g, const char *name, size_t *index)
{
    const char *dot = strrchr(name, '.');
    char *end;
    if (!dot || dot[1] < '0' || dot[1] > '9') return NULL;
    *index = strtoul(dot + 1, &end, 10);
    const ig_value *v = *end ? NULL : find_input(g, name, (size_t)(dot - name));
    return v && v->type.kind == IG_SEQUENCE ? v : NULL;
}

static ingot_status add_item(ingot_tensor *tensors, size_t *n, const ig_array *a,
                             const ig_value *sequence, size_t index, size_t room, ig_arena *arena,
                             ingot_error *err)
{
    size_t at = 0;
    while (at < *n && (!tensors[at].is_sequence || tensors[at].name != sequence->name)) at++;
    if (at == *n) {
        ingot_tensor *items = ig_new_n(arena, ingot_tensor, room);
        if (!items) return ig_fail(err, INGOT_E_NOMEM, "input '%.60s'", sequence->name);
        tensors[(*n)++] =
            (ingot_tensor){.name = sequence->name, .is_sequence = true, .items = items};
    }
    if (index != tensors[at].n_items)
        return ig_fail(err, INGOT_E_DATA, "input '%.60s': item %zu comes where %zu should",
                       sequence->name, index, tensors[at].n_items);
    ((ingot_tensor *)(uintptr_t)tensors[at].items)[tensors[at].n_items++] =
        view_of(a, &sequence->type);
    return INGOT_OK;
}

ingot_status ig_feed_tensors(ingot_tensor **out, size_t *n, const ig_arrays *list,
                             const ig_graph *g, ig_arena *arena, ingot_error *err)
{
    *n = 0;
    *out = ig_new_n(arena, ingot_tensor, list->n);
    if (!*out) return ig_fail(err, INGOT_E_NOMEM, "inputs: no memory");
    for (size_t i = 0; i < list->n; i++) {
        const ig_array *a = &list->items[i];
        size_t index = 0;
        const ig_value *v = find_input(g, a->name, strlen(a->name));
        const ig_value *sequence = v ? NULL : sequence_of(g, a->name, &index);
        if (sequence)
            IG_TRY(add_item(*out, n, a, sequence, index, list->n, arena, err));
        else
            (*out)[(*n)++] = view_of(a, v ? &v->type : NULL);
    }
    return INGOT_OK;
}
