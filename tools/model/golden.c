/* golden.c - see golden.h. */
#include "tools/model/golden.h"
#include "runtime/base/checked.h"
#include "tools/data/npz.h"

#include <stdlib.h>
#include <string.h>

enum { CASES_MOST = 10000 };

static ig_tensor tensor_of(const ig_array *a)
{
    ig_tensor t = {.dtype = a->dtype, .rank = a->rank, .data = a->data};
    memcpy(t.dims, a->dims, sizeof t.dims);
    return t;
}

static ingot_status take_all(const char ***names, ig_tensor **tensors, size_t *n,
                             const ig_arrays *from, ig_arena *arena, ingot_error *err)
{
    *names = ig_new_n(arena, const char *, from->n);
    *tensors = ig_new_n(arena, ig_tensor, from->n);
    if (!*names || !*tensors) return ig_fail(err, INGOT_E_NOMEM, "golden: no memory");
    for (size_t i = 0; i < from->n; i++) {
        (*names)[i] = from->items[i].name;
        (*tensors)[i] = tensor_of(&from->items[i]);
    }
    *n = from->n;
    return INGOT_OK;
}

/* ---- two files: one case ------------------------------------------------------------------------
 */

static ingot_status read_pair(ig_golden_data *g, const char *spec, const char *comma,
                              ingot_error *err)
{
    const char *in = ig_arena_text(&g->arena, spec, (size_t)(comma - spec));
    ig_golden_case *c = ig_new(&g->arena, ig_golden_case);
    if (!in || !c) return ig_fail(err, INGOT_E_NOMEM, "golden: no memory");
    IG_TRY(ig_npz_read(&g->in, in, err));
    IG_TRY(ig_npz_read(&g->out, comma + 1, err));
    IG_TRY(take_all(&c->in_names, &c->in, &c->n_in, &g->in, &g->arena, err));
    IG_TRY(take_all(&c->out_names, &c->out, &c->n_out, &g->out, &g->arena, err));
    g->golden.cases = c;
    g->golden.n = 1;
    return INGOT_OK;
}

/* ---- one file: many cases -----------------------------------------------------------------------
 */

typedef struct {
    bool is_output;
    unsigned long case_no;
    const char *name;
} key;

/* "in0.image", "out0.scores", "out0.1.scores". A name that begins with digits and a dot keeps them
 * where they are not the index of an output. */
static bool read_key(key *k, const char *text)
{
    char *end;
    k->is_output = !strncmp(text, "out", 3);
    if (!k->is_output && strncmp(text, "in", 2) != 0) return false;
    text += k->is_output ? 3 : 2;
    if (*text < '0' || *text > '9') return false;
    k->case_no = strtoul(text, &end, 10);
    if (*end != '.' || k->case_no >= CASES_MOST) return false;
    k->name = end + 1;
    if (k->is_output && *k->name >= '0' && *k->name <= '9') {
        strtoul(k->name, &end, 10);
        if (*end == '.' && end[1]) k->name = end + 1;
    }
    return *k->name != 0;
}

static ingot_status count_cases(ig_golden_data *g, const char *path, ingot_error *err)
{
    for (size_t i = 0; i < g->in.n; i++) {
        key k;
        if (!read_key(&k, g->in.items[i].name))
            return ig_fail(err, INGOT_E_DATA,
                           "%s: key '%.80s' is neither inK.NAME nor outK.NAME (give in.npz,out.npz "
                           "for files keyed by plain names)",
                           path, g->in.items[i].name);
        g->golden.n = IG_MAX(g->golden.n, (size_t)k.case_no + 1);
    }
    g->golden.cases = ig_new_n(&g->arena, ig_golden_case, g->golden.n);
    if (!g->golden.cases) return ig_fail(err, INGOT_E_NOMEM, "golden: no memory");
    return INGOT_OK;
}

static ingot_status fill_cases(ig_golden_data *g, ingot_error *err)
{
    const size_t room = g->in.n;
    for (size_t i = 0; i < g->golden.n; i++) {
        ig_golden_case *c = &g->golden.cases[i];
        c->in_names = ig_new_n(&g->arena, const char *, room);
        c->out_names = ig_new_n(&g->arena, const char *, room);
        c->in = ig_new_n(&g->arena, ig_tensor, room);
        c->out = ig_new_n(&g->arena, ig_tensor, room);
        if (!c->in_names || !c->out_names || !c->in || !c->out)
            return ig_fail(err, INGOT_E_NOMEM, "golden: no memory");
    }
    for (size_t i = 0; i < room; i++) {
        key k;
        if (!read_key(&k, g->in.items[i].name)) continue;
        ig_golden_case *c = &g->golden.cases[k.case_no];
        const size_t at = k.is_output ? c->n_out++ : c->n_in++;
        (k.is_output ? c->out_names : c->in_names)[at] = k.name;
        (k.is_output ? c->out : c->in)[at] = tensor_of(&g->in.items[i]);
    }
    return INGOT_OK;
}

static ingot_status read_single(ig_golden_data *g, const char *path, ingot_error *err)
{
    IG_TRY(ig_npz_read(&g->in, path, err));
    IG_TRY(count_cases(g, path, err));
    IG_TRY(fill_cases(g, err));
    for (size_t i = 0; i < g->golden.n; i++)
        if (!g->golden.cases[i].n_out)
            return ig_fail(err, INGOT_E_DATA, "%s: case %zu has no outputs", path, i);
    return INGOT_OK;
}

ingot_status ig_golden_read(ig_golden_data *g, ig_heap *heap, const char *spec, double tolerance,
                            ingot_error *err)
{
    *g = (ig_golden_data){.golden.tolerance = tolerance};
    ig_arrays_init(&g->in, heap);
    ig_arrays_init(&g->out, heap);
    ig_arena_init(&g->arena, heap);
    const char *comma = strchr(spec, ',');
    const ingot_status s = comma ? read_pair(g, spec, comma, err) : read_single(g, spec, err);
    if (s || g->golden.cases[0].n_out) return s;
    return ig_fail(err, INGOT_E_DATA, "%s: there are no outputs to compare with", spec);
}

void ig_golden_clear(ig_golden_data *g)
{
    ig_arrays_clear(&g->in);
    ig_arrays_clear(&g->out);
    ig_arena_clear(&g->arena);
}
