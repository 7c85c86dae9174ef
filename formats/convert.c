/* convert.c - see convert.h. */
#include "formats/convert.h"
#include "formats/import.h"
#include "formats/tokenizer/import.h"
#include "runtime/base/checked.h"
#include "runtime/base/fault.h"
#include "runtime/graph/exec.h"
#include "runtime/graph/match.h"
#include "runtime/graph/pass.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

typedef struct {
    const ig_convert_options *o;
    const ig_importer *importer;
    ig_source src;
    ig_map map;
    ig_import im;
} job;

#define IMPORTER(name) extern const ig_importer ig_importer_##name;
#include "formats/importers.def"
#undef IMPORTER
const ig_importer *const ig_importers[] = {
#define IMPORTER(name) &ig_importer_##name,
#include "formats/importers.def"
#undef IMPORTER
    NULL};

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

void ig_import_text(ig_import *im, const char *key, const char *text)
{
    if (text && *text && im->n_meta < IG_LEN(im->meta))
        im->meta[im->n_meta++] = (ig_meta_entry){.key = key, .kind = IG_ATTR_TEXT, .s = text};
}

void ig_import_int(ig_import *im, const char *key, int64_t v)
{
    if (im->n_meta < IG_LEN(im->meta))
        im->meta[im->n_meta++] = (ig_meta_entry){.key = key, .kind = IG_ATTR_INT, .i = v};
}

void ig_import_real(ig_import *im, const char *key, double v)
{
    if (im->n_meta < IG_LEN(im->meta))
        im->meta[im->n_meta++] = (ig_meta_entry){.key = key, .kind = IG_ATTR_FLOAT, .f = v};
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

static ingot_status fill_meta(job *j, ingot_error *err)
{
    ig_arena *a = &j->im.graph->arena;
    const char *path = j->src.path, *slash = strrchr(path, '/');
    const char *name = j->o->name ? j->o->name : name_of(a, path);
    char text[33];
    const char *hash =
        j->src.is_folder
            ? ""
            : ig_arena_text(a, ig_hash_text(text, ig_hash(j->map.data, j->map.size)), 32);
    if (!hash || !name) return ig_fail(err, INGOT_E_NOMEM, "converting: no memory");
    ig_import_text(&j->im, "name", name);
    ig_import_text(&j->im, "version", j->o->version ? j->o->version : "1.0.0");
    ig_import_text(&j->im, "source.format", j->importer->name);
    ig_import_text(&j->im, "source.file", slash ? slash + 1 : path);
    ig_import_text(&j->im, "source.xxh3", hash);
    ig_import_text(&j->im, "convert.options", j->o->command);
    ig_import_text(&j->im, "ingot.version", ingot_version());
    return INGOT_OK;
}

/* ---- the job
 * ------------------------------------------------------------------------------------------ */

static ingot_status find_importer(job *j, ingot_error *err)
{
    char names[128] = "";
    size_t at = 0;
    for (const ig_importer *const *i = ig_importers; *i; i++) {
        const bool asked = j->o->from && !strcmp(j->o->from, (*i)->name);
        if (asked || (!j->o->from && (*i)->is(&j->src))) {
            j->importer = *i;
            return INGOT_OK;
        }
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", at ? ", " : "", (*i)->name);
    }
    if (j->o->from)
        return ig_fail(err, INGOT_E_ARG, "--from %.40s: this Ingot converts from %s", j->o->from,
                       names);
    if (j->src.is_folder)
        return ig_fail(err, INGOT_E_FORMAT,
                       "a folder without a model.onnx, a config.json or a tokenizer.json (name the "
                       "file)");
    return ig_fail(err, INGOT_E_FORMAT, "not a model of a format that Ingot knows (%s)", names);
}

static int64_t meta_int(const ig_import *im, const char *key, int64_t otherwise)
{
    for (size_t i = 0; i < im->n_meta; i++)
        if (!strcmp(im->meta[i].key, key)) return im->meta[i].i;
    return otherwise;
}

/* --tokenizer: in the place of the source's own, if that has one. */
static ingot_status take_tokenizer(job *j, ingot_error *err)
{
#if IG_HAVE_TEXT
    size_t n;
    const int64_t rows = meta_int(&j->im, "llm.vocab", INT64_MAX);
    ig_bytes_clear(&j->im.tokenizer);
    ig_bytes_init(&j->im.tokenizer, j->o->heap);
    IG_TRY(ig_tokenizer_from_file(&j->im.tokenizer, &n, j->o->heap, j->o->tokenizer, err));
    if (n <= (uint64_t)rows) return INGOT_OK;
    return ig_fail(err, INGOT_E_FORMAT,
                   "--tokenizer %.200s: %zu pieces, but the model's vocabulary has %lld rows",
                   j->o->tokenizer, n, (long long)rows);
#else
    return ig_fail(err, INGOT_E_UNSUPPORTED, "--tokenizer %.200s: this build has no tokenizers",
                   j->o->tokenizer);
#endif
}

static ingot_status read_source(job *j, ingot_error *err)
{
    if (j->map.size >= 8 && !memcmp(j->map.data, IG_FILE_MAGIC, 8))
        return ig_fail(err, INGOT_E_ARG, "%s is an .ingot file already", j->src.path);
    ingot_status s = find_importer(j, err);
    if (!s) s = j->importer->read(&j->im, &j->src, err);
    if (!s && j->o->tokenizer) return take_tokenizer(j, err);
    return ig_wrap(err, s, "%s", j->src.path);
}

/* A graph that its importer made in final form has only its types to be told. */
static ingot_status finish(job *j, ingot_error *err)
{
    IG_TRY(ig_infer_graph(j->im.graph, j->o->heap, err));
    if (j->o->after_pass) j->o->after_pass(j->o->after_ud, "import", j->im.graph);
    return INGOT_OK;
}

static ingot_status optimise(job *j, ingot_error *err)
{
    ig_pass_context c = {
        .heap = j->o->heap, .pool = j->o->pool, .log = j->o->log, .keep_plain = j->o->plain};
    IG_TRY(ig_passes_run(j->im.graph, &c, j->o->after_pass, j->o->after_ud, err));
    return ig_graph_check(j->im.graph, err);
}

static bool is_f8(const char *acts) { return acts && !strcmp(acts, "f8"); }

static bool any_rounds_f8(const ig_graph *g)
{
    for (size_t i = 0; i < g->n_nodes; i++)
        if (is_f8(ig_attr_text(g->nodes[i], "acts"))) return true;
    return false;
}

/* What the importer does not heed must not be asked for in vain. */
static ingot_status check_wishes(const job *j, ingot_error *err)
{
    const bool finished = j->im.finished;
    if (finished && j->o->plain)
        return ig_fail(err, INGOT_E_ARG,
                       "--layout plain: the weights of a language model are always packed");
    if (!finished && j->im.graph->n_nodes && j->o->target != IG_KEEP)
        return ig_fail(err, INGOT_E_ARG,
                       "--dtype converts the weights of language models; `ingot quantize` those of "
                       "other models");
    if (j->o->round_f8 && !any_rounds_f8(j->im.graph))
        return ig_fail(err, INGOT_E_ARG,
                       "--activations fp8 needs weights of fp8: a checkpoint that has them, or "
                       "--dtype fp8 or fp8-block");
    return INGOT_OK;
}

static ingot_status transform(job *j, ingot_error *err)
{
    IG_TRY(check_wishes(j, err));
    IG_TRY(ig_graph_check(j->im.graph, err));
    IG_TRY(j->im.finished ? finish(j, err) : optimise(j, err));
    if (!j->o->golden) return INGOT_OK;
    IG_TRY(ig_graph_fill(j->im.graph, err)); /* a run needs the weights */
    return ig_golden_check(NULL, j->im.graph, j->o->golden, j->o->heap, j->o->pool, err);
}

/* Zeros that a fault guard put in the place of missing pages must not become weights. */
static ingot_status source_intact(const job *j, const char *src, ingot_error *err)
{
    if (!atomic_load(&j->map.bad)) return INGOT_OK;
    return ig_fail(err, INGOT_E_IO, "%s was cut off while it was read", src);
}

static ingot_status map_source(job *j, const char *path, ingot_error *err)
{
    struct stat st;
    j->src = (ig_source){.path = path,
                         .heap = j->o->heap,
                         .log = j->o->log,
                         .target = j->o->target,
                         .round_f8 = j->o->round_f8};
    j->src.is_folder = !stat(path, &st) && S_ISDIR(st.st_mode);
    if (j->src.is_folder) return INGOT_OK;
    IG_TRY(ig_map_open(&j->map, j->o->heap, path, err));
    j->src.bytes = j->map.data;
    j->src.n_bytes = j->map.size;
    return ig_fault_guard_installed() ? ig_fault_watch(j->map.data, j->map.size, &j->map.bad, err)
                                      : INGOT_OK;
}

ingot_status ig_convert_file(const char *out, const char *src, const ig_convert_options *options,
                             ingot_error *err)
{
    job j = {.o = options};
    ig_bytes_init(&j.im.tokenizer, options->heap);
    ingot_status s = map_source(&j, src, err);
    if (!s) s = read_source(&j, err);
    if (!s) s = transform(&j, err);
    if (!s) s = fill_meta(&j, err);
    if (!s) s = source_intact(&j, src, err); /* hashing has read every byte of it */
    const ig_contents contents = {.graph = j.im.graph,
                                  .meta = {j.im.meta, j.im.n_meta},
                                  .golden = options->golden,
                                  .tokenizer = &j.im.tokenizer,
                                  .template = j.im.template};
    if (!s) s = ig_ingot_write(out, &contents, options->heap, err);
    ig_graph_close(&j.im.graph);
    ig_bytes_clear(&j.im.tokenizer);
    ig_fault_unwatch(j.map.data);
    ig_map_close(&j.map);
    return s;
}
