/* parity_invariance.c - one model, one answer: the same bits for a row alone and among neighbours,
 * for 1, 2 and 3 threads and for every instruction set that this CPU has.
 *
 * The models are those of examples/models, and those of ../shared/models/onnx (or of the folder in
 * INGOT_MODELS) where they are there. Inputs are made up: what is asked is not whether an answer is
 * right but whether it is the same one. */
#include "tests/check.h"
#include "formats/onnx/onnx.h"
#include "kernels/cpu.h"
#include "runtime/base/checked.h"
#include "runtime/base/clock.h"
#include "runtime/base/file.h"
#include "runtime/graph/exec.h"
#include "runtime/graph/passes.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 5, ROW = 2, MOST_INPUTS = 16 };
#define REF_MOST_NS UINT64_C(3000000) /* the scalar truth takes some hundred times as long */

typedef struct {
    ig_heap heap;
    ig_arena arena; /* inputs, and the answers that are kept */
    ig_map file;
    ig_graph *g;
    const char *path;
    ig_tensor in[MOST_INPUTS], batch_in[MOST_INPUTS];
    ig_tensor *want;
    uint64_t took_ns;
    uint64_t seed;
} model;

static ingot_error err;

static unsigned below(model *m, unsigned n)
{
    m->seed = m->seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)(m->seed >> 33) % n;
}

/* ---- inputs ---- */

static void fill(model *m, const char *name, ig_tensor *t, size_t begin, size_t end, float scale)
{
    const bool mask = strstr(name, "mask") != NULL;
    for (size_t i = begin; i < end; i++) {
        const double v = ig_dtype(t->dtype)->class_ == IG_CLASS_FLOAT
                             ? (double)(scale * (float)below(m, 1000) / 1000)
                             : (double)(mask ? 1 : below(m, 2));
        if (t->dtype == INGOT_STR)
            ((ingot_str *)t->data)[i] = (ingot_str){"red", 3};
        else
            ig_from_double(t->data, t->dtype, i, v);
    }
}

/* Room for an input with dims[0] = batch where the model leaves it open, and `side` for other dims
 * that it leaves open; false: the batch is not open. */
static bool shape(model *m, ig_tensor *t, const ig_type *type, int64_t batch, int64_t side)
{
    const bool open = type->rank > 0 && type->dims[0] < 0;
    *t = (ig_tensor){.dtype = type->dtype, .rank = IG_MAX(type->rank, 0)};
    for (int d = 0; d < t->rank; d++)
        t->dims[d] = type->dims[d] >= 0 ? type->dims[d] : d ? side : batch;
    t->data = ig_arena_take(&m->arena, ig_tensor_elements(t) * ig_dtype(t->dtype)->bytes + 1);
    assert_non_null(t->data);
    return open;
}

/* One row, and the same row amid neighbours of all sizes; false: the model has no open batch. */
static bool make_inputs(model *m, int64_t side)
{
    static const float sizes[BATCH] = {1, 1000, 1, 0, 1e-6f};
    bool open = true;
    for (size_t i = 0; i < m->g->n_inputs; i++) {
        const ig_value *v = &m->g->values[m->g->inputs[i]];
        ig_tensor *one = &m->in[i], *all = &m->batch_in[i];
        open = shape(m, one, &v->type, 1, side) && open;
        shape(m, all, &v->type, BATCH, side);
        const size_t row = ig_tensor_elements(one), bytes = row * ig_dtype(one->dtype)->bytes;
        fill(m, v->name, one, 0, row, 1);
        if (!open) continue;
        for (size_t b = 0; b < BATCH; b++) fill(m, v->name, all, b * row, (b + 1) * row, sizes[b]);
        memcpy((char *)all->data + ROW * bytes, one->data, bytes);
    }
    return open;
}

/* ---- runs ---- */

/* Run anew with so many threads; *out is a copy. */
static ingot_status answer(model *m, const ig_tensor *in, size_t threads, ig_tensor **out)
{
    ig_pool *pool = NULL;
    ig_exec *exec = NULL;
    const size_t n = m->g->n_outputs;
    ig_tensor *got = ig_new_n(&m->arena, ig_tensor, n);
    *out = ig_new_n(&m->arena, ig_tensor, n);
    assert_true(got && *out);
    check_ok(ig_pool_open(&pool, &m->heap, &(ig_pool_options){.n_threads = threads}, &err));
    check_ok(ig_exec_open(&exec, m->g, &(ig_exec_options){.heap = &m->heap, .pool = pool}, &err));
    const ingot_status s = ig_exec_run(exec, got, in, &err);
    for (size_t i = 0; i < n && !s; i++)
        assert_true(ig_tensor_copy(&(*out)[i], &got[i], &m->arena));
    ig_exec_close(&exec);
    ig_pool_close(&pool);
    return s;
}

/* The bytes of `want` are those of got, from row `row` on where got has more rows. */
static void same(const model *m, const ig_tensor *got, bool of_batch, const char *what)
{
    for (size_t i = 0; i < m->g->n_outputs; i++) {
        const ig_tensor *a = &m->want[i], *b = &got[i];
        if (a->kind != IG_TENSOR || a->dtype == INGOT_STR) continue;
        const size_t bytes = ig_tensor_elements(a) * ig_dtype(a->dtype)->bytes;
        const size_t rows = of_batch ? BATCH : 1, at = of_batch ? ROW * bytes : 0;
        if (ig_tensor_elements(b) != rows * ig_tensor_elements(a)) continue; /* not by rows */
        if (memcmp(a->data, (const char *)b->data + at, bytes))
            fail_msg("%s: output %zu differs: %s", m->path, i, what);
    }
}

static void check_levels(model *m)
{
    static const uint32_t flags[] = {IG_CPU_AVX2,       IG_CPU_AVXVNNI,    IG_CPU_AVX512,
                                     IG_CPU_AVX512VNNI, IG_CPU_AVX512BF16, IG_CPU_NEON,
                                     IG_CPU_DOTPROD,    IG_CPU_I8MM,       IG_CPU_ARMBF16};
    uint32_t allow = 0;
    for (size_t i = 0; i <= IG_LEN(flags); i++) {
        if (allow ? (ig_cpu_detected() & allow) != 0 : m->took_ns < REF_MOST_NS) {
            ig_tensor *got;
            ig_cpu_mask(allow);
            check_ok(answer(m, m->in, 2, &got));
            same(m, got, false, ig_cpu_level());
        }
        if (i < IG_LEN(flags)) allow |= flags[i];
    }
    ig_cpu_mask(UINT32_MAX);
}

static void check_threads(model *m)
{
    ig_tensor *got;
    check_ok(answer(m, m->in, 2, &got));
    same(m, got, false, "2 threads");
    check_ok(answer(m, m->in, 3, &got));
    same(m, got, false, "3 threads");
}

static void check_batch(model *m)
{
    for (size_t threads = 1; threads <= 3; threads++) {
        ig_tensor *got;
        check_ok(answer(m, m->batch_in, threads, &got));
        same(m, got, true, "a row among neighbours");
    }
}

/* ---- models ---- */

static void open_model(model *m, const char *path)
{
    *m = (model){.path = path, .seed = 1};
    ig_heap_init(&m->heap, NULL);
    ig_arena_init(&m->arena, &m->heap);
    check_ok(ig_map_open(&m->file, &m->heap, path, &err));
    check_ok(ig_onnx_read(&m->g, NULL, &m->heap, m->file.data, m->file.size, NULL, NULL, &err));
    check_ok(ig_infer_graph(m->g, &m->heap, &err));
    ig_arena scratch;
    ig_arena_init(&scratch, &m->heap);
    ig_pass_context c = {.heap = &m->heap, .scratch = &scratch};
    check_ok(ig_passes_run(m->g, &c, NULL, NULL, &err));
    ig_arena_clear(&scratch);
    assert_true(m->g->n_inputs <= MOST_INPUTS);
}

static void close_model(model *m)
{
    ig_arena_clear(&m->arena);
    ig_graph_close(&m->g);
    ig_map_close(&m->file);
}

/* false: it takes none of the inputs that are made up. */
static bool check_model(const char *path)
{
    static const int64_t sides[] = {32, 64, 224}; /* the first that the model takes */
    model m;
    bool open = false, ran = false;
    open_model(&m, path);
    for (size_t i = 0; i < IG_LEN(sides) && !ran; i++) {
        open = make_inputs(&m, sides[i]);
        const uint64_t start = ig_now_ns();
        ran = answer(&m, m.in, 1, &m.want) == INGOT_OK;
        m.took_ns = ig_now_ns() - start;
    }
    if (ran) {
        check_threads(&m);
        if (open) check_batch(&m);
        check_levels(&m);
    }
    printf("%s: %s\n", path, !ran ? err.text : open ? "threads, levels, batch" : "threads, levels");
    close_model(&m);
    return ran;
}

/* How many were there; nine of ten must have run. */
static size_t check_all(const char *pattern)
{
    size_t ran = 0;
    glob_t found;
    if (glob(pattern, 0, NULL, &found)) return 0;
    const size_t n = found.gl_pathc;
    for (size_t i = 0; i < n; i++) ran += check_model(found.gl_pathv[i]);
    globfree(&found);
    assert_true(10 * ran >= 9 * n);
    return n;
}

static void examples_have_one_answer(void **state)
{
    (void)state;
    assert_true(check_all("examples/models/*.onnx") >= 5);
}

static void shared_models_have_one_answer(void **state)
{
    (void)state;
    char pattern[1024];
    const char *folder = getenv("INGOT_MODELS");
    snprintf(pattern, sizeof pattern, "%s/*/model.onnx", folder ? folder : "../shared/models/onnx");
    if (!check_all(pattern)) skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_have_one_answer),
        cmocka_unit_test(shared_models_have_one_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
