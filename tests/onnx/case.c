/* case.c - see case.h. Import, run every data set, compare; all in this process. */
#include "tests/onnx/case.h"
#include "formats/onnx/model.h"
#include "formats/onnx/onnx.h"
#include "formats/onnx/state.h"
#include "formats/onnx/tensor.h"
#include "runtime/base/file.h"
#include "runtime/graph/exec.h"
#include "runtime/graph/pass.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { VALUES_DEEP = 8, PATH_ROOM = 4096 };

/* Everything of one case that must be given back. */
typedef struct {
    case_result *out;
    const char *folder;
    const case_options *options;
    ig_heap heap;
    ig_arena arena, data; /* the model's messages; one data set */
    ig_map file;
    onnx_model model;
    ig_graph *g;
    ig_exec *exec;
    ig_pool *pool; /* may be NULL */
    ig_map *maps;  /* of the data set */
    size_t n_maps;
    size_t *number; /* [n_inputs] of the graph's inputs among the case's */
    ig_exec_device device;
    ingot_dtype from; /* retyped: the type that the first input has in the case */
    ig_exec *cpu;     /* ... and what says what is right */
} run;

static bool fail(run *r, case_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static bool fail(run *r, case_kind kind, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    r->out->kind = kind;
    vsnprintf(r->out->why, sizeof r->out->why, format, args);
    va_end(args);
    return false;
}

/* ---- values in .pb files ---- */

typedef struct {
    onnx_store store;
    ingot_error *err;
} reader;

static ingot_status read_value(reader *r, ig_tensor *out, ig_span m, const ig_type *type, int deep);

/* SequenceProto: tensor_values = 3, sequence_values = 5, optional_values = 7. */
static ingot_status read_sequence(reader *r, ig_tensor *out, ig_span m, int deep)
{
    static const ig_type tensor = {.kind = IG_TENSOR}, sequence = {.kind = IG_SEQUENCE};
    size_t n = 0;
    ig_field f;
    for (ig_wire w = ig_wire_open(m); ig_wire_next(&w, &f);)
        n += ig_wire_is(&f, 3, IG_WIRE_BYTES) || ig_wire_is(&f, 5, IG_WIRE_BYTES);
    ig_tensor *items = ig_new_n(r->store.arena, ig_tensor, n);
    if (!items) return ig_fail(r->err, INGOT_E_NOMEM, "no memory for %zu items", n);
    *out = (ig_tensor){.kind = IG_SEQUENCE, .rank = 1, .dims = {(int64_t)n}, .data = items};
    n = 0;
    ig_wire w = ig_wire_open(m);
    while (ig_wire_next(&w, &f))
        if (ig_wire_is(&f, 3, IG_WIRE_BYTES) || ig_wire_is(&f, 5, IG_WIRE_BYTES))
            IG_TRY(read_value(r, &items[n++], f.bytes, f.number == 3 ? &tensor : &sequence, deep));
    if (n) out->dtype = items[0].dtype;
    return ig_wire_end(&w, "a sequence", r->err);
}

/* OptionalProto: tensor_value = 3, sequence_value = 5. */
static ingot_status read_optional(reader *r, ig_tensor *out, ig_span m, const ig_type *type,
                                  int deep)
{
    ig_type inner = *type;
    inner.optional = false;
    *out = (ig_tensor){.kind = type->kind, .absent = true, .dtype = type->dtype};
    ig_field f;
    for (ig_wire w = ig_wire_open(m); ig_wire_next(&w, &f);) {
        if (!ig_wire_is(&f, 3, IG_WIRE_BYTES) && !ig_wire_is(&f, 5, IG_WIRE_BYTES)) continue;
        inner.kind = f.number == 3 ? IG_TENSOR : IG_SEQUENCE;
        return read_value(r, out, f.bytes, &inner, deep);
    }
    return INGOT_OK;
}

static ingot_status read_value(reader *r, ig_tensor *out, ig_span m, const ig_type *type, int deep)
{
    if (deep > VALUES_DEEP) return ig_fail(r->err, INGOT_E_FORMAT, "values are nested too deeply");
    if (type->optional) return read_optional(r, out, m, type, deep + 1);
    if (type->kind == IG_SEQUENCE) return read_sequence(r, out, m, deep + 1);
    return onnx_tensor_read(out, m, &r->store, "the tensor", r->err);
}

/* A file of a data set; false: it is not there, or an error is told in r->out. */
static bool load(run *r, ig_tensor *out, const char *path, const onnx_named *as)
{
    ingot_error err = {0};
    ig_type type;
    ig_map *map = &r->maps[r->n_maps];
    reader in = {.store = {.arena = &r->data, .dense_left = ONNX_DENSE_MOST}, .err = &err};
    struct stat st;
    if (!stat(path, &st) && st.st_size == 0) { /* an empty message: a tensor of nothing */
        *out = (ig_tensor){.absent = true};
        return true;
    }
    if (ig_map_open(map, &r->heap, path, &err)) return fail(r, CASE_DRIVER, "%s", err.text);
    r->n_maps++;
    ingot_status s = onnx_type_read(&type, as->body, NULL, &r->data, as->name, &err);
    if (!s) s = read_value(&in, out, (ig_span){map->data, map->size}, &type, 0);
    return s ? fail(r, CASE_DRIVER, "%.300s: %.200s", path, err.text) : true;
}

/* ---- one data set ---- */

static bool exists(char path[PATH_ROOM], const run *r, int set, const char *what, size_t i)
{
    struct stat st;
    snprintf(path, PATH_ROOM, "%s/test_data_set_%d/%s_%zu.pb", r->folder, set, what, i);
    return stat(path, &st) == 0;
}

static const onnx_named *input_of(const run *r, const char *name)
{
    for (size_t i = 0; i < r->model.graph.n_inputs; i++)
        if (!strcmp(r->model.graph.inputs[i].name, name)) return &r->model.graph.inputs[i];
    return NULL;
}

/* A device multiplies weights of few bits with operands of 16. */
static double wide_of(const run *r)
{
    bool few = false;
    for (size_t i = 0; i < r->g->n_nodes; i++)
        few = few || !strcmp(r->g->nodes[i]->op->name, "matmul_q");
    return few && r->options->device ? 2e-3 : 0;
}

/* The case with another type, on the CPU and on the device. */
static bool run_beside(run *r, ig_tensor *in, ig_tensor *out)
{
    ingot_error err = {0};
    char why[360];
    const ingot_dtype as = r->options->as;
    const size_t n_out = r->g->n_outputs;
    ig_tensor *want = ig_new_n(&r->data, ig_tensor, n_out);
    if (!want) return fail(r, CASE_DRIVER, "no memory");
    for (size_t i = 0; i < r->g->n_inputs; i++)
        if (!case_retype(&in[i], r->from, as, &r->data)) return fail(r, CASE_DRIVER, "no memory");
    if (ig_exec_run(r->cpu, want, in, &err)) return fail(r, CASE_APART, "%s", err.text);
    if (ig_exec_run(r->exec, out, in, &err)) return fail(r, CASE_RUN, "%s", err.text);
    /* floats of a byte are an eighth apart; functions made of several ops round in between */
    const size_t bytes = ig_dtype(as)->bytes;
    const double wide = bytes == 1 ? 0.13 : bytes == 2 ? 1e-2 : wide_of(r);
    for (size_t i = 0; i < n_out; i++)
        if (!case_compare(why, sizeof why, &out[i], &want[i], wide))
            return fail(r, CASE_VALUE, "output %zu: %s", i, why);
    return true;
}

static bool run_set(run *r, int set)
{
    char path[PATH_ROOM], why[360];
    ingot_error err = {0};
    const size_t n_in = r->g->n_inputs, n_out = r->g->n_outputs;
    ig_tensor *in = ig_new_n(&r->data, ig_tensor, n_in),
              *out = ig_new_n(&r->data, ig_tensor, n_out);
    r->maps = ig_new_n(&r->data, ig_map, n_in + n_out);
    if (!in || !out || !r->maps) return fail(r, CASE_DRIVER, "no memory");
    for (size_t i = 0; i < n_in; i++) {
        const char *name = r->g->values[r->g->inputs[i]].name;
        const onnx_named *as = input_of(r, name);
        if (!as || !exists(path, r, set, "input", r->number[i]))
            return fail(r, CASE_DRIVER, "no file for input %zu '%.80s'", r->number[i], name);
        if (!load(r, &in[i], path, as)) return false;
    }
    if (r->cpu) return run_beside(r, in, out);
    if (ig_exec_run(r->exec, out, in, &err)) return fail(r, CASE_RUN, "%s", err.text);
    for (size_t i = 0; i < n_out && exists(path, r, set, "output", i); i++) {
        ig_tensor want;
        if (!load(r, &want, path, &r->model.graph.outputs[i])) return false;
        if (!case_compare(why, sizeof why, &out[i], &want, wide_of(r)))
            return fail(r, CASE_VALUE, "output '%.80s': %s", r->model.graph.outputs[i].name, why);
    }
    return true;
}

static bool run_sets(run *r)
{
    int set = 0;
    for (;; set++) {
        char path[PATH_ROOM];
        struct stat st;
        snprintf(path, sizeof path, "%s/test_data_set_%d", r->folder, set);
        if (stat(path, &st)) break;
        const bool ok = run_set(r, set);
        for (size_t i = 0; i < r->n_maps; i++) ig_map_close(&r->maps[i]);
        r->n_maps = 0;
        ig_arena_clear(&r->data);
        if (!ok) return false;
    }
    return set ? true : fail(r, CASE_DRIVER, "no test_data_set_0");
}

/* ---- the case ---- */

static bool as_optional(const run *r, ig_id id) { return r->g->values[id].type.optional; }

/* All inputs but the first as constants, where there is one data set: sizes that hang on them are
 * known then, and weights can be packed. The first keeps its number. */
static bool fix_inputs(run *r)
{
    char path[PATH_ROOM];
    size_t n = 0;
    r->maps = ig_new_n(&r->arena, ig_map, r->g->n_inputs);
    r->number = ig_new_n(&r->arena, size_t, r->g->n_inputs + 1);
    if (!r->maps || !r->number) return fail(r, CASE_DRIVER, "no memory");
    for (size_t i = 0; i < r->g->n_inputs; i++) {
        const ig_id id = r->g->inputs[i];
        const char *name = r->g->values[id].name;
        const onnx_named *as = input_of(r, name);
        ig_tensor t = {.absent = true};
        const bool may = r->options->fixed && i > 0 && !exists(path, r, 1, "input", 0);
        if (may && as && exists(path, r, 0, "input", i) && !load(r, &t, path, as)) return false;
        if (!t.absent && t.kind == IG_TENSOR && t.dtype != INGOT_STR && !as_optional(r, id)) {
            ig_graph_replace(r->g, id,
                             ig_graph_const_copy(r->g, name, t.dtype, t.rank, t.dims, t.data));
            continue;
        }
        r->g->inputs[n] = id;
        r->number[n++] = i;
    }
    r->g->n_inputs = n;
    for (size_t i = 0; i < r->n_maps; i++) ig_map_close(&r->maps[i]);
    r->n_maps = 0;
    ig_arena_clear(&r->data);
    return true;
}

static bool retype(run *r)
{
    const ingot_dtype as = r->options->as;
    if (!as) return true;
    if (!r->g->n_inputs) return fail(r, CASE_APART, "no inputs");
    r->from = r->g->values[r->g->inputs[0]].type.dtype;
    const ig_dtype_class k = ig_dtype(r->from)->class_;
    if (r->from == INGOT_NONE || (k != IG_CLASS_FLOAT && k != IG_CLASS_INT && k != IG_CLASS_UINT))
        return fail(r, CASE_APART, "the first input is no number");
    return case_retype_graph(r->g, r->from, as) || fail(r, CASE_DRIVER, "no memory");
}

static bool convert(run *r)
{
    char path[PATH_ROOM];
    ingot_error err = {0};
    snprintf(path, sizeof path, "%s/model.onnx", r->folder);
    if (ig_map_open(&r->file, &r->heap, path, &err)) return fail(r, CASE_DRIVER, "%s", err.text);
    const ig_span file = {r->file.data, r->file.size};
    if (onnx_model_read(&r->model, file, &r->arena, &err) ||
        ig_onnx_read(&r->g, NULL, &r->heap, file.p, file.n, r->folder, NULL, &err))
        return fail(r, CASE_CONVERT, "%s", err.text);
    if (!fix_inputs(r) || !retype(r)) return false;
    if (ig_infer_graph(r->g, &r->heap, &err))
        return fail(r, r->options->as ? CASE_APART : CASE_CONVERT, "%s", err.text);
    if (!r->options->passes) return true;
    ig_arena scratch;
    ig_arena_init(&scratch, &r->heap);
    ig_pass_context c = {.heap = &r->heap, .pool = r->pool, .scratch = &scratch};
    const ingot_status s = ig_passes_run(r->g, &c, NULL, NULL, &err);
    ig_arena_clear(&scratch);
    return s ? fail(r, CASE_CONVERT, "%s", err.text) : true;
}

/* The plugin stays loaded. */
static bool open_device(run *r)
{
    ingot_error err = {0};
    const ig_device_options options = {0};
    void *library = dlopen(r->options->device, RTLD_NOW | RTLD_LOCAL);
    const ig_device_api *(*entry)(void) = NULL;
    if (library) *(void **)&entry = dlsym(library, "ingot_cuda_plugin_v1");
    if (!entry) return fail(r, CASE_DRIVER, "%s", dlerror());
    r->device = (ig_exec_device){.api = entry(), .name = "device"};
    if (r->device.api->open(&r->device.device, 0, &options, &err))
        return fail(r, CASE_DRIVER, "%s", err.text);
    return true;
}

static void count_step(void *ud, const ig_step_trace *step)
{
    case_result *out = ud;
    if (strcmp(step->device, "cpu") != 0) {
        out->on_device++;
        return;
    }
    out->on_cpu++;
    if (step->why)
        snprintf(out->declined, sizeof out->declined, "%s: %s", step->node->op->name, step->why);
}

static bool execute(run *r)
{
    ingot_error err = {0};
    if (r->options->device && !open_device(r)) return false;
    const ig_exec_options options = {.heap = &r->heap,
                                     .pool = r->pool,
                                     .device = r->device,
                                     .trace = r->device.api ? count_step : NULL,
                                     .trace_ud = r->out};
    const ig_exec_options plain = {.heap = &r->heap, .pool = r->pool};
    if (ig_exec_open(&r->exec, r->g, &options, &err) ||
        (r->options->as && ig_exec_open(&r->cpu, r->g, &plain, &err)))
        return fail(r, CASE_RUN, "%s", err.text);
    return run_sets(r);
}

void case_run(case_result *out, const char *folder, const case_options *options)
{
    *out = (case_result){.kind = CASE_PASS};
    run r = {.out = out, .folder = folder, .options = options};
    ig_heap_init(&r.heap, NULL);
    ig_arena_init(&r.arena, &r.heap);
    ig_arena_init(&r.data, &r.heap);
    const ig_pool_options pool = {.n_threads = options->threads};
    ingot_error err = {0};
    const bool ok = options->threads < 2 || !ig_pool_open(&r.pool, &r.heap, &pool, &err);
    if (!ok) fail(&r, CASE_DRIVER, "%s", err.text);
    if (ok && convert(&r)) execute(&r);
    ig_exec_close(&r.exec);
    ig_exec_close(&r.cpu);
    if (r.device.device) r.device.api->close(&r.device.device);
    ig_pool_close(&r.pool);
    ig_graph_close(&r.g);
    ig_arena_clear(&r.arena);
    ig_map_close(&r.file);
    const size_t left = atomic_load(&r.heap.live_bytes);
    if (left && out->kind == CASE_PASS) fail(&r, CASE_LEAK, "%zu bytes were not given back", left);
}
