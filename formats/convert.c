/* convert.c - see convert.h. */
#include "formats/convert.h"
#include "formats/onnx/onnx.h"
#include "runtime/base/checked.h"
#include "runtime/base/fault.h"
#include "runtime/graph/exec.h"
#include "runtime/graph/pass.h"

#include <stdio.h>
#include <string.h>

enum { META_MOST = 16 };

typedef struct {
    const ig_convert_options *o;
    ig_map map;
    ig_graph *graph;
    ig_onnx_meta onnx;
    ig_meta_entry meta[META_MOST];
    size_t n_meta;
} job;

/* ---- golden
 * --------------------------------------------------------------------------------------- */

static double largest(const ig_tensor *t)
{
    double most = 0;
    const size_t n = ig_tensor_elements(t);
    for (size_t i = 0; i < n; i++) {
        const double v = ig_to_double(t->data, t->dtype, i), a = v < 0 ? -v : v;
        if (a > most) most = a;
    }
    return most;
}

static bool same_dims(const ig_tensor *a, const ig_tensor *b)
{
    return a->kind == b->kind && a->rank == b->rank &&
           !memcmp(a->dims, b->dims, (size_t)a->rank * sizeof *a->dims);
}

static bool same_strings(const ig_tensor *a, const ig_tensor *b)
{
    const ingot_str *x = a->data, *y = b->data;
    for (size_t i = 0, n = ig_tensor_elements(a); i < n; i++)
        if (x[i].n != y[i].n || (x[i].n && memcmp(x[i].p, y[i].p, x[i].n))) return false;
    return true;
}

/* The error of one output relative to the largest magnitude wanted; < 0: not comparable at all. */
static double relative_error(const ig_tensor *got, const ig_tensor *want)
{
    if (got->dtype != want->dtype || !same_dims(got, want)) return -1;
    if (got->dtype == INGOT_STR) return same_strings(got, want) ? 0 : -1;
    const bool exact = ig_dtype(got->dtype)->class_ != IG_CLASS_FLOAT;
    const double scale = IG_MAX(largest(want), 1e-6);
    double worst = 0;
    for (size_t i = 0, n = ig_tensor_elements(got); i < n; i++) {
        const double g = ig_to_double(got->data, got->dtype, i);
        const double w = ig_to_double(want->data, want->dtype, i);
        if (g == w || (g != g && w != w)) continue;
        const double e = (g > w ? g - w : w - g) / scale;
        if (exact || e != e) return -1;
        worst = IG_MAX(worst, e);
    }
    return worst;
}

static ingot_status find_value(ig_id *at, const ig_graph *g, const ig_id *ids, size_t n,
                               const char *name, ingot_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(g->values[ids[i]].name, name)) {
            *at = (ig_id)i;
            return INGOT_OK;
        }
    return ig_fail(err, INGOT_E_DATA, "golden: the model has no input or output called '%.80s'",
                   name);
}

static ingot_status run_case(ig_exec *x, const ig_golden_case *c, double tolerance, double *worst,
                             ig_arena *a, ingot_error *err)
{
    const ig_graph *g = ig_exec_graph(x);
    ig_tensor *in = ig_new_n(a, ig_tensor, g->n_inputs),
              *out = ig_new_n(a, ig_tensor, g->n_outputs);
    if (!in || !out) return ig_fail(err, INGOT_E_NOMEM, "golden: no memory");
    for (size_t i = 0; i < g->n_inputs; i++) in[i] = (ig_tensor){.absent = true};
    for (size_t i = 0; i < c->n_in; i++) {
        ig_id at = 0;
        IG_TRY(find_value(&at, g, g->inputs, g->n_inputs, c->in_names[i], err));
        in[at] = c->in[i];
    }
    IG_TRY(ig_exec_run(x, out, in, err));
    for (size_t i = 0; i < c->n_out; i++) {
        ig_id at = 0;
        IG_TRY(find_value(&at, g, g->outputs, g->n_outputs, c->out_names[i], err));
        const double e = relative_error(&out[at], &c->out[i]);
        if (e < 0)
            return ig_fail(err, INGOT_E_DATA,
                           "golden: output '%.80s' differs in type or exact value",
                           c->out_names[i]);
        if (worst) *worst = IG_MAX(*worst, e);
        if (e > tolerance)
            return ig_fail(err, INGOT_E_DATA,
                           "golden: output '%.80s' is off by %.2e of its scale (%.2e allowed)",
                           c->out_names[i], e, tolerance);
    }
    return INGOT_OK;
}

ingot_status ig_golden_check(double *worst, const ig_graph *g, const ig_golden *golden,
                             ig_heap *heap, ig_pool *pool, ingot_error *err)
{
    const ig_exec_options o = {.heap = heap, .pool = pool};
    ig_exec *x;
    ig_arena a;
    if (worst) *worst = 0;
    IG_TRY(ig_exec_open(&x, g, &o, err));
    ig_arena_init(&a, heap);
    ingot_status s = INGOT_OK;
    for (size_t i = 0; !s && i < golden->n; i++) {
        s = run_case(x, &golden->cases[i], golden->tolerance, worst, &a, err);
        ig_arena_reset(&a);
    }
    ig_arena_clear(&a);
    ig_exec_close(&x);
    return s;
}

/* ---- META
 * ------------------------------------------------------------------------------------------- */

static void meta_text(job *j, const char *key, const char *text)
{
    if (text && *text && j->n_meta < META_MOST)
        j->meta[j->n_meta++] = (ig_meta_entry){.key = key, .kind = IG_ATTR_TEXT, .s = text};
}

static void meta_int(job *j, const char *key, int64_t v)
{
    if (j->n_meta < META_MOST)
        j->meta[j->n_meta++] = (ig_meta_entry){.key = key, .kind = IG_ATTR_INT, .i = v};
}

/* "dir/mnist.onnx" -> "mnist"; "dir/mnist/model.onnx" -> "mnist", for folders of one model. */
static const char *name_of(ig_arena *a, const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    const char *dot = strrchr(base, '.');
    const size_t n = dot && dot != base ? (size_t)(dot - base) : strlen(base);
    if (n != 5 || strncmp(base, "model", 5) || !slash || slash == path)
        return ig_arena_text(a, base, n);
    const char *folder = slash;
    while (folder > path && folder[-1] != '/') folder--;
    const size_t length = (size_t)(slash - folder);
    return length && folder[0] != '.' ? ig_arena_text(a, folder, length)
                                      : ig_arena_text(a, base, n);
}

static ingot_status fill_meta(job *j, const char *src, ingot_error *err)
{
    ig_arena *a = &j->graph->arena;
    const ig_hash128 digest = ig_hash(j->map.data, j->map.size);
    const char *slash = strrchr(src, '/');
    char text[33];
    const char *hash = ig_arena_text(a, ig_hash_text(text, digest), 32);
    const char *name = j->o->name ? j->o->name : name_of(a, src);
    const char *producer =
        ig_arena_printf(a, "%s %s", j->onnx.producer ? j->onnx.producer : "",
                        j->onnx.producer_version ? j->onnx.producer_version : "");
    if (!hash || !name || !producer) return ig_fail(err, INGOT_E_NOMEM, "converting: no memory");
    meta_text(j, "name", name);
    meta_text(j, "version", j->o->version ? j->o->version : "1.0.0");
    meta_text(j, "source.format", "onnx");
    meta_text(j, "source.file", slash ? slash + 1 : src);
    meta_text(j, "source.xxh3", hash);
    meta_text(j, "source.producer", strcmp(producer, " ") ? producer : NULL);
    meta_text(j, "source.opsets", j->onnx.opsets);
    meta_text(j, "source.graph", j->onnx.graph_name);
    meta_int(j, "source.ir_version", j->onnx.ir_version);
    meta_text(j, "convert.options", j->o->command);
    meta_text(j, "ingot.version", ingot_version());
    return INGOT_OK;
}

/* ---- the job
 * ------------------------------------------------------------------------------------------ */

static ingot_status read_source(job *j, const char *src, ingot_error *err)
{
    const char *from = j->o->from ? j->o->from : "onnx";
    if (strcmp(from, "onnx"))
        return ig_fail(err, INGOT_E_ARG, "--from %.40s: this Ingot converts from onnx", from);
    if (j->map.size >= 8 && !memcmp(j->map.data, IG_FILE_MAGIC, 8))
        return ig_fail(err, INGOT_E_ARG, "%s is an .ingot file already", src);
    const char *slash = strrchr(src, '/');
    char folder[4096] = ".";
    const size_t n = slash ? (size_t)(slash - src) : 0;
    if (n >= sizeof folder) return ig_fail(err, INGOT_E_ARG, "%.80s…: the path is too long", src);
    if (slash) memcpy(folder, src, n), folder[n] = 0;
    if (slash && n == 0) strcpy(folder, "/");
    const ig_onnx_options o = {.log = j->o->log};
    const ingot_status s =
        ig_onnx_read(&j->graph, &j->onnx, j->o->heap, j->map.data, j->map.size, folder, &o, err);
    return ig_wrap(err, s, "%s", src);
}

static ingot_status transform(job *j, ingot_error *err)
{
    ig_pass_context c = {
        .heap = j->o->heap, .pool = j->o->pool, .log = j->o->log, .keep_plain = j->o->plain};
    IG_TRY(ig_graph_check(j->graph, err));
    IG_TRY(ig_passes_run(j->graph, &c, j->o->after_pass, j->o->after_ud, err));
    IG_TRY(ig_graph_check(j->graph, err));
    if (!j->o->golden) return INGOT_OK;
    return ig_golden_check(NULL, j->graph, j->o->golden, j->o->heap, j->o->pool, err);
}

/* Zeros that a fault guard put in the place of missing pages must not become weights. */
static ingot_status source_intact(const job *j, const char *src, ingot_error *err)
{
    if (!atomic_load(&j->map.bad)) return INGOT_OK;
    return ig_fail(err, INGOT_E_IO, "%s was cut off while it was read", src);
}

ingot_status ig_convert_file(const char *out, const char *src, const ig_convert_options *options,
                             ingot_error *err)
{
    job j = {.o = options};
    IG_TRY(ig_map_open(&j.map, options->heap, src, err));
    ingot_status s = INGOT_OK;
    if (ig_fault_guard_installed()) s = ig_fault_watch(j.map.data, j.map.size, &j.map.bad, err);
    if (!s) s = read_source(&j, src, err);
    if (!s) s = transform(&j, err);
    if (!s) s = fill_meta(&j, src, err);
    if (!s) s = source_intact(&j, src, err); /* hashing has read every byte of it */
    const ig_meta meta = {j.meta, j.n_meta};
    if (!s) s = ig_ingot_write(out, j.graph, &meta, options->golden, options->heap, err);
    ig_graph_close(&j.graph);
    ig_fault_unwatch(j.map.data);
    ig_map_close(&j.map);
    return s;
}
