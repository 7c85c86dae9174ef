/* exec_bench.h - executors on an emulated device beside those of the CPU, and graphs for them. */
#ifndef IG_TESTS_EXEC_BENCH_H
#define IG_TESTS_EXEC_BENCH_H

#include "runtime/graph/match.h"
#include "tests/cuda/device.h"
#include "tests/graph/small.h"
#include "runtime/base/checked.h"
#include "runtime/graph/plan.h"

enum { ROWS = 96, COLUMNS = 192, SIZE = ROWS * COLUMNS, NODES = 24, OUTPUTS = 3 };

static const ig_device_api *api; /* main asks for it */

static inline unsigned pick(unsigned *seed, unsigned n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % n;
}

/* bitcast f32 to f32, which any device has: a copy. */
static inline ig_id small_copy(ig_graph *g, ig_id a)
{
    const ig_id out = ig_graph_value(g, "", NULL);
    ig_node *n = ig_graph_node(g, ig_op_find("bitcast"), "copy", &a, 1, &out, 1, 0);
    *(int64_t *)n->attrs = INGOT_F32;
    return out;
}

static inline ig_id small_view(ig_graph *g, ig_id a)
{
    const ig_id out = ig_graph_value(g, "", NULL);
    assert_non_null(ig_graph_node(g, ig_op_find("identity"), "view", &a, 1, &out, 1, 0));
    return out;
}

static inline ig_graph *random_graph(ig_heap *heap, unsigned seed)
{
    ig_graph *g = ig_graph_open(heap, NULL);
    const int64_t dims[] = {ROWS, COLUMNS};
    static float weights[SIZE];
    for (int i = 0; i < SIZE; i++) weights[i] = (float)(i % 17) - 8;
    ig_id v[NODES + 3], outs[OUTPUTS];
    v[0] = small_input(g, "x", 2, dims);
    v[1] = small_input(g, "y", 2, dims);
    v[2] = small_const(g, "w", 2, dims, weights);
    for (unsigned i = 3; i < NODES + 3; i++) {
        const ig_id a = pick(&seed, 3) ? v[i - 1] : v[pick(&seed, i)], b = v[pick(&seed, i)];
        switch (pick(&seed, 6)) {
        case 0:
            v[i] = small_binary(g, "max", a, b);
            break;
        case 1:
            v[i] = small_unary(g, "neg", a);
            break;
        case 2:
            v[i] = small_host(g, a);
            break;
        case 3:
            v[i] = small_view(g, a);
            break;
        default:
            v[i] = small_copy(g, a);
        }
    }
    outs[0] = v[NODES + 2];
    for (int i = 1; i < OUTPUTS; i++) outs[i] = v[pick(&seed, NODES + 3)];
    assert_true(ig_graph_set_io(g, v, 2, outs, OUTPUTS));
    return g;
}

typedef struct {
    ig_heap heap;
    ig_device *d;
    float *x, *y;
    ig_tensor in[2];
} bench;

static inline void open_bench(bench *b, size_t budget)
{
    ig_heap_init(&b->heap, NULL);
    b->d = open_device(budget);
    b->x = malloc(SIZE * sizeof *b->x);
    b->y = malloc(SIZE * sizeof *b->y);
    for (int i = 0; i < SIZE; i++) b->x[i] = (float)(i % 7) - 3.5f, b->y[i] = (float)(i % 5);
    const int64_t dims[] = {ROWS, COLUMNS};
    b->in[0] = small_tensor(b->x, 2, dims);
    b->in[1] = small_tensor(b->y, 2, dims);
}

static inline void close_bench(bench *b)
{
    free(b->x), free(b->y);
    ig_device_memory m;
    api->memory(b->d, &m);
    for (int use = 0; use < IG_DEVICE_USES; use++) assert_int_equal(m.used_bytes[use], 0);
    api->close(&b->d);
    assert_int_equal(b->heap.live_bytes, 0);
}

static inline ig_exec *open_exec(bench *b, const ig_graph *g, bool may_fall_back)
{
    ingot_error err;
    ig_exec *x;
    static const ig_log quiet = {.level = IG_LOG_ERROR};
    const ig_exec_options o = {
        .heap = &b->heap,
        .log = &quiet,
        .device = {.api = api, .device = b->d, .name = "cuda:0", .may_fall_back = may_fall_back}};
    check_ok(ig_exec_open(&x, g, &o, &err));
    return x;
}

static inline void expect_same(bench *b, ig_exec *x, ig_exec *cpu, bool own_memory)
{
    ingot_error err;
    static float mine[OUTPUTS][SIZE];
    ig_tensor want[OUTPUTS] = {0}, got[OUTPUTS] = {0};
    for (int i = 0; own_memory && i < OUTPUTS; i++)
        got[i] = small_tensor(mine[i], 2, (int64_t[]){ROWS, COLUMNS});
    memset(mine, 0, sizeof mine);
    check_ok(ig_exec_run(cpu, want, b->in, &err));
    check_ok(ig_exec_run(x, got, b->in, &err));
    for (int i = 0; i < OUTPUTS; i++)
        assert_memory_equal(got[i].data, want[i].data, SIZE * sizeof(float));
}

static inline ig_graph *copies_only(ig_heap *heap)
{
    ig_graph *g = ig_graph_open(heap, NULL);
    const int64_t dims[] = {ig_graph_symbol(g, "rows"), COLUMNS};
    const ig_id x = small_input(g, "x", 2, dims);
    ig_id v = x;
    for (int i = 0; i < 5; i++) v = small_copy(g, i == 2 ? small_view(g, v) : v);
    assert_true(ig_graph_set_io(g, &x, 1, &v, 1));
    return g;
}

#endif
