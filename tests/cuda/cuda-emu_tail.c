/* cuda-emu_tail.c - steps behind results whose sizes only a run tells: they are planned then, run
 * on the device and give the CPU's results; a device that fails there leaves a working exec. */
#include "tests/cuda/device.h"
#include "tests/graph/small.h"
#include "runtime/base/checked.h"

#include <math.h>

enum { ROWS = 96, COLUMNS = 192, SIZE = ROWS * COLUMNS, OUTPUTS = 6, STEPS = 14 };

static const ig_device_api *api;

/* bitcast f32 to f32: a copy on the device. */
static ig_id small_copy(ig_graph *g, ig_id a)
{
    const ig_id out = small_op(g, "bitcast", NULL, a, IG_NO_VALUE);
    *(int64_t *)g->nodes[g->n_nodes - 1]->attrs = INGOT_F32;
    return out;
}

static void set_int(ig_graph *g, const char *name, int64_t v)
{
    ingot_error err;
    ig_node *n = g->nodes[g->n_nodes - 1];
    const ig_attr_value value = {.kind = IG_ATTR_INT, .i = v};
    check_ok(ig_attr_set(n->attrs, ig_attr_find(n->op->attrs, name), &value, &g->arena, &err));
}

/* Rows of x that a mask keeps, worked on; then where the result is not zero, worked on: two steps
 * after which sizes are open. Between them a step of the device and one of the CPU read what was
 * made on the device before the first. */
static ig_graph *two_tails(ig_heap *heap)
{
    ig_graph *g = ig_graph_open(heap, NULL);
    const int64_t dims[] = {ROWS, COLUMNS}, mask_dims[] = {ROWS}, row[] = {COLUMNS};
    static float weights[COLUMNS];
    for (int i = 0; i < COLUMNS; i++) weights[i] = (float)(i % 3) - 1;
    const ig_id x = small_input(g, "x", 2, dims);
    const ig_type mask_type = ig_type_tensor(INGOT_BOOL, 1, mask_dims);
    const ig_id mask = ig_graph_value(g, "mask", &mask_type), in[] = {x, mask};
    const ig_id before = small_copy(g, x), there = small_unary(g, "neg", before);
    const ig_id also_there = small_copy(g, there);
    const ig_id kept = small_op(g, "compress", NULL, before, mask);
    set_int(g, "axis", 0);

    const ig_id w = small_const(g, "w", 1, row, weights), minus = small_unary(g, "neg", kept);
    const ig_id between = small_binary(g, "max", minus, w);
    const ig_id both = small_op(g, "concat", NULL, between, there);
    set_int(g, "axis", 0);
    /* as many rows as there are elements above w, which the CPU takes */
    small_op(g, "cast", NULL, small_binary(g, "greater", between, w), IG_NO_VALUE);
    set_int(g, "to", INGOT_I64);
    const ig_id above = small_op(g, "reduce", "sum", g->nodes[g->n_nodes - 1]->out[0], IG_NO_VALUE);
    const ig_id one = ig_graph_const_ints(g, "", (int64_t[]){1}, 1);
    const ig_id zero = ig_graph_const_ints(g, "", (int64_t[]){0}, 1);
    const ig_id end = small_op(g, "reshape", NULL, above, one), some = ig_graph_value(g, "", NULL);
    const ig_id sliced[] = {also_there, zero, end, zero};
    assert_non_null(ig_graph_node(g, ig_op_find("slice"), "some", sliced, 4, &some, 1, 0));

    const ig_id at = small_op(g, "non_zero", NULL, between, IG_NO_VALUE);
    const ig_id wide = small_op(g, "cast", NULL, at, IG_NO_VALUE);
    set_int(g, "to", INGOT_F32);
    const ig_id outs[OUTPUTS] = {before, small_copy(g, wide), between, between, both, some};
    assert_true(ig_graph_set_io(g, in, 2, outs, OUTPUTS));
    return g;
}

/* The graph on the device and on the CPU, and inputs. */
typedef struct {
    ig_heap heap;
    ig_device *d;
    ig_graph *g;
    ig_exec *x, *cpu;
    ig_tensor in[2];
    float data[SIZE];
    uint8_t mask[ROWS];
} bench;

static bench *open_bench(void)
{
    ingot_error err;
    static const ig_log quiet = {.level = IG_LOG_ERROR};
    bench *b = calloc(1, sizeof *b);
    assert_non_null(b);
    ig_heap_init(&b->heap, NULL);
    b->d = open_device(0);
    b->g = two_tails(&b->heap);
    ig_exec_options o = {.heap = &b->heap, .log = &quiet};
    check_ok(ig_exec_open(&b->cpu, b->g, &o, &err));
    o.device = (ig_exec_device){.api = api, .device = b->d, .name = "cuda:0"};
    check_ok(ig_exec_open(&b->x, b->g, &o, &err));
    b->in[0] = small_tensor(b->data, 2, (int64_t[]){ROWS, COLUMNS});
    b->in[1] = (ig_tensor){.dtype = INGOT_BOOL, .rank = 1, .dims = {ROWS}, .data = b->mask};
    return b;
}

static void close_bench(bench *b)
{
    ig_device_memory m;
    ig_exec_close(&b->x);
    ig_exec_close(&b->cpu);
    ig_graph_close(&b->g);
    api->memory(b->d, &m);
    for (int use = 0; use < IG_DEVICE_USES; use++) assert_int_equal(m.used_bytes[use], 0);
    api->close(&b->d);
    assert_int_equal(b->heap.live_bytes, 0);
    free(b);
}

/* Masks of several lengths, one of them empty. */
static void set_inputs(bench *b, int run)
{
    static const int every[] = {2, 3, ROWS + 1, 1};
    for (int i = 0; i < ROWS; i++) b->mask[i] = i % every[run % 4] == every[run % 4] - 1;
    for (int i = 0; i < SIZE; i++) b->data[i] = (float)((i + run) % 7) - 3;
}

static void expect_same(bench *b)
{
    ingot_error err;
    ig_tensor want[OUTPUTS] = {0}, got[OUTPUTS] = {0};
    check_ok(ig_exec_run(b->cpu, want, b->in, &err));
    check_ok(ig_exec_run(b->x, got, b->in, &err));
    for (int i = 0; i < OUTPUTS; i++) {
        const size_t n = ig_tensor_elements(&want[i]);
        assert_int_equal(got[i].rank, want[i].rank);
        assert_memory_equal(got[i].dims, want[i].dims, (size_t)got[i].rank * sizeof *got[i].dims);
        if (n) assert_memory_equal(got[i].data, want[i].data, n * sizeof(float));
    }
}

static void count_on_device(void *ud, const ig_step_trace *step)
{
    *(size_t *)ud += strcmp(step->device, "cpu") != 0;
}

static void what_waits_for_sizes_runs_there_too(void **state)
{
    (void)state;
    ingot_error err;
    bench *b = open_bench();
    ig_device_memory before, after;
    ig_plan_info info;
    const ig_type types[2] = {ig_type_of(&b->in[0]), ig_type_of(&b->in[1])};
    check_ok(ig_exec_plan(b->x, types, &info, &err));
    assert_int_equal(info.n_steps, STEPS); /* those of the tails are known by name */
    assert_int_equal(info.n_on_device, 4);
    for (int run = 0; run < 12; run++) {
        set_inputs(b, run);
        if (run == 8) api->memory(b->d, &before); /* plans of these sizes are there */
        expect_same(b);
    }
    api->memory(b->d, &after);
    assert_int_equal(before.allocations, after.allocations);
    /* all but the slice */
    size_t there = 0;
    ig_exec_steps(b->x, count_on_device, &there);
    assert_true(ig_exec_info(&info, b->x));
    assert_int_equal(info.n_steps, STEPS - 1); /* two of a tail are one chain */
    assert_int_equal(there, info.n_on_device);
    assert_int_equal(there, STEPS - 2);
    /* x and the mask go up, four outputs come down and the slice's end; `kept`, `there` and the
     * places move from one plan's memory to the next's */
    assert_int_equal(info.n_copies, 10);
    close_bench(b);
}

/* Of bytes that the device made in a shape that only a run tells nothing comes down but what the
 * host reads; host: a step of the CPU does, result: the graph gives them. */
static void reshaped(bool host, bool result, size_t n_copies)
{
    static const int64_t shapes[][2] = {
        {ROWS, COLUMNS}, {COLUMNS, ROWS}, {-1, 64}, {ROWS, COLUMNS}};
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_device *d = open_device(0);
    ig_graph *g = ig_graph_open(&heap, NULL);
    const ig_type two = ig_type_tensor(INGOT_I64, 1, (const int64_t[]){2});
    const ig_id in[2] = {small_input(g, "x", 2, (const int64_t[]){ROWS, COLUMNS}),
                         ig_graph_value(g, "shape", &two)};
    const ig_id made = small_unary(g, "neg", in[0]);
    const ig_id turned = small_op(g, "reshape", NULL, made, in[1]);
    const ig_id outs[3] = {small_copy(g, turned),
                           host ? small_host(g, turned) : small_unary(g, "abs", turned),
                           result ? turned : small_copy(g, turned)};
    assert_true(ig_graph_set_io(g, in, 2, outs, 3));
    static const ig_log quiet = {.level = IG_LOG_ERROR};
    const ig_exec_options o = {
        .heap = &heap, .log = &quiet, .device = {.api = api, .device = d, .name = "cuda:0"}};
    ig_exec *x;
    check_ok(ig_exec_open(&x, g, &o, &err));
    float *data = malloc(SIZE * sizeof *data);
    assert_non_null(data);
    for (size_t run = 0; run < 2 * IG_LEN(shapes); run++) {
        int64_t shape[2] = {shapes[run / 2][0], shapes[run / 2][1]};
        const ig_tensor given[2] = {small_tensor(data, 2, (int64_t[]){ROWS, COLUMNS}),
                                    {.dtype = INGOT_I64, .rank = 1, .dims = {2}, .data = shape}};
        ig_tensor out[3] = {0};
        ig_plan_info info;
        for (int i = 0; i < SIZE; i++) data[i] = (float)(i % 11) - (float)run;
        check_ok(ig_exec_run(x, out, given, &err));
        for (int k = 0; k < 3; k++)
            assert_int_equal(out[k].dims[0], shape[0] < 0 ? SIZE / shape[1] : shape[0]);
        for (int i = 0; i < SIZE; i++) {
            assert_true(((float *)out[0].data)[i] == -data[i]);
            assert_true(((float *)out[1].data)[i] == (host ? -data[i] : fabsf(data[i])));
            assert_true(((float *)out[2].data)[i] == -data[i]);
        }
        assert_true(ig_exec_info(&info, x));
        assert_int_equal(info.n_copies, n_copies);
    }
    free(data);
    ig_exec_close(&x);
    ig_graph_close(&g);
    api->close(&d);
    assert_int_equal(heap.live_bytes, 0);
}

static void what_is_reshaped_stays_there(void **state)
{
    (void)state;
    reshaped(false, false, 5); /* x; what the tail begins with, on the device; three results */
    reshaped(true, false, 4);
    reshaped(false, true, 5); /* ... and `made` down, which is the third */
}

static void a_lost_device_leaves_the_cpu(void **state)
{
    (void)state;
    int losses = 0;
    bool lost = true;
    for (int n = 1; lost; n += 1 + n / 8) {
        ingot_error err;
        bench *b = open_bench();
        char fault[32];
        int failed = 0;
        snprintf(fault, sizeof fault, "lost:%d", n);
        set_fault(fault);
        /* lost while the last run's tail was planned, which the CPU then ran: the next one tells */
        for (int run = 0; run < 6 || (api->lost(b->d) && !ig_exec_fallen(b->x)); run++) {
            ig_tensor out[OUTPUTS] = {0};
            set_inputs(b, run);
            const ingot_status s = ig_exec_run(b->x, out, b->in, &err);
            if (s != INGOT_OK && s != INGOT_E_DEVICE) fail_msg("%s", err.text);
            failed += s != INGOT_OK;
        }
        lost = api->lost(b->d);
        assert_true(failed <= 1 && lost == (ig_exec_fallen(b->x) != NULL));
        losses += failed;
        set_fault(NULL);
        expect_same(b);
        assert_string_equal(ig_exec_device_name(b->x), lost ? "cpu" : "cuda:0");
        close_bench(b);
    }
    assert_true(losses > 5);
}

int main(void)
{
    api = ingot_cuda_plugin_v1();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_for_sizes_runs_there_too),
        cmocka_unit_test(what_is_reshaped_stays_there),
        cmocka_unit_test(a_lost_device_leaves_the_cpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
