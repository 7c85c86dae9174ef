/* cuda-emu_exec.c - the executor with a device: random graphs give the bits of the CPU however
 * their steps lie, whole plans are recorded, and a device that fails or is full leaves a working
 * exec. */
#include "runtime/graph/match.h"
#include "tests/cuda/device.h"
#include "tests/graph/small.h"
#include "runtime/base/checked.h"
#include "runtime/graph/plan.h"

enum { ROWS = 96, COLUMNS = 192, SIZE = ROWS * COLUMNS, NODES = 24, ROUNDS = 25, OUTPUTS = 3 };

static const ig_device_api *api;

static unsigned pick(unsigned *seed, unsigned n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % n;
}

/* bitcast f32 to f32, which any device has: a copy. */
static ig_id small_copy(ig_graph *g, ig_id a)
{
    const ig_id out = ig_graph_value(g, "", NULL);
    ig_node *n = ig_graph_node(g, ig_op_find("bitcast"), "copy", &a, 1, &out, 1, 0);
    *(int64_t *)n->attrs = INGOT_F32;
    return out;
}

static ig_id small_view(ig_graph *g, ig_id a)
{
    const ig_id out = ig_graph_value(g, "", NULL);
    assert_non_null(ig_graph_node(g, ig_op_find("identity"), "view", &a, 1, &out, 1, 0));
    return out;
}

/* A step that no device takes. */
static ig_id small_host(ig_graph *g, ig_id a)
{
    const ig_id out = ig_graph_value(g, "", NULL);
    ig_node *n = ig_graph_node(g, ig_op_find("einsum"), "host", &a, 1, &out, 1, 0);
    assert_non_null(n);
    assert_true(ig_put_attr_text(g, n, "equation", "ij->ij"));
    return out;
}

static ig_graph *random_graph(ig_heap *heap, unsigned seed)
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

static void open_bench(bench *b, size_t budget)
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

static void close_bench(bench *b)
{
    free(b->x), free(b->y);
    ig_device_memory m;
    api->memory(b->d, &m);
    for (int use = 0; use < IG_DEVICE_USES; use++) assert_int_equal(m.used_bytes[use], 0);
    api->close(&b->d);
    assert_int_equal(b->heap.live_bytes, 0);
}

static ig_exec *open_exec(bench *b, const ig_graph *g, bool may_fall_back)
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

static void expect_same(bench *b, ig_exec *x, ig_exec *cpu, bool own_memory)
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

/* No two blocks of the device that are needed at the same time overlap. */
static void places_are_apart(const ig_plan *p)
{
    for (size_t a = 0; a < p->g->n_values; a++)
        for (size_t c = 0; c < a; c++) {
            const ig_place *x = &p->device_places[a], *y = &p->device_places[c];
            if (x->kind != IG_PLACE_ARENA || y->kind != IG_PLACE_ARENA) continue;
            if (x->first > y->last || y->first > x->last) continue;
            assert_true(x->offset + x->bytes <= y->offset || y->offset + y->bytes <= x->offset);
        }
}

static void random_graphs_give_the_same_bits(void **state)
{
    (void)state;
    ingot_error err;
    size_t on_device = 0, on_host = 0, copies = 0;
    for (unsigned seed = 1; seed <= ROUNDS; seed++) {
        bench b;
        open_bench(&b, 0);
        ig_graph *g = random_graph(&b.heap, seed);
        ig_exec *x = open_exec(&b, g, false), *cpu;
        const ig_exec_options o = {.heap = &b.heap};
        check_ok(ig_exec_open(&cpu, g, &o, &err));
        const ig_type types[2] = {ig_type_of(&b.in[0]), ig_type_of(&b.in[1])};
        ig_plan *p;
        check_ok(ig_plan_open(&p, x, g, ig_exec_opts(x), types, &err));
        places_are_apart(p);
        ig_plan_close(&p);
        ig_plan_info info;
        check_ok(ig_exec_plan(x, types, &info, &err));
        on_device += info.n_on_device;
        on_host += info.n_steps - info.n_on_device;
        copies += info.n_copies;
        for (int run = 0; run < 4; run++) {
            for (int i = 0; i < SIZE; i++) b.x[i] += 1;
            expect_same(&b, x, cpu, run & 1);
        }
        ig_device_memory before, after;
        api->memory(b.d, &before);
        expect_same(&b, x, cpu, true);
        api->memory(b.d, &after);
        assert_int_equal(before.allocations, after.allocations);
        ig_exec_close(&x);
        ig_exec_close(&cpu);
        ig_graph_close(&g);
        close_bench(&b);
    }
    assert_true(on_device > ROUNDS && on_host > ROUNDS && copies > ROUNDS); /* it did mix them */
}

/* ---- a plan that lies on the device whole ---- */

static ig_graph *copies_only(ig_heap *heap)
{
    ig_graph *g = ig_graph_open(heap, NULL);
    const int64_t dims[] = {ig_graph_symbol(g, "rows"), COLUMNS};
    const ig_id x = small_input(g, "x", 2, dims);
    ig_id v = x;
    for (int i = 0; i < 5; i++) v = small_copy(g, i == 2 ? small_view(g, v) : v);
    assert_true(ig_graph_set_io(g, &x, 1, &v, 1));
    return g;
}

static void a_whole_plan_is_recorded(void **state)
{
    (void)state;
    ingot_error err;
    bench b;
    open_bench(&b, 0);
    ig_graph *g = copies_only(&b.heap);
    ig_exec *x = open_exec(&b, g, false);
    for (int run = 0; run < 12; run++) { /* plans of several sizes in one block, which grows */
        ig_tensor in = small_tensor(b.x, 2, (int64_t[]){run < 6 ? 1 + run % 3 : ROWS, COLUMNS});
        ig_tensor out = {0};
        for (int i = 0; i < SIZE; i++) b.x[i] = (float)(i * (run + 1));
        check_ok(ig_exec_run(x, &out, &in, &err));
        assert_memory_equal(out.data, b.x, (size_t)in.dims[0] * COLUMNS * sizeof(float));
    }
    assert_string_equal(ig_exec_device_name(x), "cuda:0");
    /* replays are one call: a fault at the third launch from now never comes in two runs */
    set_fault("launch:3");
    ig_tensor in = small_tensor(b.x, 2, (int64_t[]){ROWS, COLUMNS}), out = {0};
    check_ok(ig_exec_run(x, &out, &in, &err));
    check_ok(ig_exec_run(x, &out, &in, &err));
    set_fault(NULL);
    ig_exec_close(&x);
    ig_graph_close(&g);
    close_bench(&b);
}

/* ---- failures ---- */

/* A step that the device refuses ends its run, and says which it was; the exec stays there. */
static void a_refused_step_ends_one_run(void **state)
{
    (void)state;
    ingot_error err;
    bench b;
    open_bench(&b, 0);
    ig_graph *g = copies_only(&b.heap);
    ig_exec *x = open_exec(&b, g, false);
    const ig_tensor in = small_tensor(b.x, 2, (int64_t[]){ROWS, COLUMNS});
    int refused = 0, named = 0;
    for (int n = 1; n < 60; n++) {
        ig_tensor out = {0};
        char fault[40];
        snprintf(fault, sizeof fault, "lost:%d,error:801", n);
        if (n % 7 == 1) { /* planning, first runs, recorded runs */
            ig_exec_close(&x);
            x = open_exec(&b, g, false);
        }
        set_fault(fault);
        if (ig_exec_run(x, &out, &in, &err)) {
            assert_int_equal(err.status, INGOT_E_DEVICE);
            assert_non_null(strstr(err.text, "operation not supported (error 801)"));
            refused++;
            named += strstr(err.text, "copy (bitcast)") != NULL;
        }
        set_fault(NULL);
        check_ok(ig_exec_run(x, &out, &in, &err));
        assert_memory_equal(out.data, b.x, SIZE * sizeof(float));
        assert_string_equal(ig_exec_device_name(x), "cuda:0");
    }
    assert_true(refused > 10 && named > 1);
    ig_exec_close(&x);
    ig_graph_close(&g);
    close_bench(&b);
}

/* ---- recordings ---- */

static ig_device_api watched; /* the plugin's, and */
static uint64_t form;         /* the form of the next run, */
static int recordings;        /* how many were begun */

static ingot_status watched_kv(ig_device_stream *s, const ig_kv_step *kv, uint64_t *out,
                               ingot_error *err)
{
    (void)s, (void)kv, (void)err;
    *out = form;
    return INGOT_OK;
}

static ingot_status watched_record(ig_device_stream *s, ingot_error *err)
{
    recordings++;
    return api->record_begin(s, err);
}

static ig_exec *open_watched(bench *b, const ig_graph *g)
{
    ingot_error err;
    ig_exec *x;
    watched = *api;
    watched.kv = watched_kv;
    watched.record_begin = watched_record;
    recordings = 0;
    static const ig_log quiet = {.level = IG_LOG_ERROR};
    const ig_exec_options o = {.heap = &b->heap,
                               .log = &quiet,
                               .device = {.api = &watched, .device = b->d, .name = "cuda:0"}};
    check_ok(ig_exec_open(&x, g, &o, &err));
    return x;
}

static void run_watched(bench *b, ig_exec *x, uint64_t as, int want_recordings)
{
    ingot_error err;
    ig_tensor in = small_tensor(b->x, 2, (int64_t[]){ROWS, COLUMNS}), out = {0};
    for (int i = 0; i < SIZE; i++) b->x[i] += 1;
    form = as;
    check_ok(ig_exec_run(x, &out, &in, &err));
    assert_memory_equal(out.data, b->x, SIZE * sizeof(float));
    assert_int_equal(recordings, want_recordings);
}

/* Every form is run step by step before it is recorded, also when it comes again. */
static void a_new_form_is_not_recorded_at_once(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, 0);
    ig_graph *g = copies_only(&b.heap);
    ig_exec *x = open_watched(&b, g);
    static const struct {
        uint64_t form;
        int recordings;
    } runs[] = {{4, 0}, {4, 1}, {4, 1}, {8, 1}, {8, 2}, {5, 2}, {8, 2},
                {5, 3}, {8, 3}, {5, 3}, {4, 3}, {4, 4}, {4, 4}};
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
        run_watched(&b, x, runs[i].form, runs[i].recordings);
    ig_exec_close(&x);
    ig_graph_close(&g);
    close_bench(&b);
}

/* What cannot be recorded is launched step by step, and not tried again. */
static void a_recording_may_be_refused(void **state)
{
    (void)state;
    bench b;
    open_bench(&b, 0);
    ig_graph *g = copies_only(&b.heap);
    ig_exec *x = open_watched(&b, g);
    run_watched(&b, x, 0, 0);
    set_fault("record:1");
    run_watched(&b, x, 0, 1);
    set_fault(NULL);
    for (int i = 0; i < 3; i++) run_watched(&b, x, 0, 1);
    assert_string_equal(ig_exec_device_name(x), "cuda:0");
    ig_exec_close(&x);
    ig_graph_close(&g);
    close_bench(&b);
}

/* ---- losses ---- */

static void a_lost_device_leaves_the_cpu(void **state)
{
    (void)state;
    bool failed = true;
    int n = 1, losses = 0;
    for (; failed && n < 2000; n += 1 + n / 8) {
        ingot_error err;
        bench b;
        char fault[32];
        open_bench(&b, 0);
        ig_graph *g = random_graph(&b.heap, 3);
        ig_exec *x = open_exec(&b, g, false), *cpu;
        const ig_exec_options o = {.heap = &b.heap};
        check_ok(ig_exec_open(&cpu, g, &o, &err));
        snprintf(fault, sizeof fault, "lost:%d", n);
        set_fault(fault);
        failed = false;
        for (int run = 0; run < 3; run++) {
            ig_tensor out[OUTPUTS] = {0};
            const ingot_status s = ig_exec_run(x, out, b.in, &err);
            if (s) {
                assert_int_equal(s, INGOT_E_DEVICE);
                assert_non_null(strstr(err.text, "is lost"));
                assert_false(failed); /* at most one run */
                failed = true;
                losses++;
            }
        }
        const bool lost = api->lost(b.d);
        assert_true(lost == (ig_exec_fallen(x) != NULL));
        failed = failed || lost;
        set_fault(NULL);
        expect_same(&b, x, cpu, true);
        assert_string_equal(ig_exec_device_name(x), lost ? "cpu" : "cuda:0");
        ig_exec_close(&x);
        ig_exec_close(&cpu);
        ig_graph_close(&g);
        close_bench(&b);
    }
    assert_false(failed);
    assert_true(losses > 3);
}

static void a_full_device_is_an_error_or_a_fall(void **state)
{
    (void)state;
    ingot_error err;
    bench b;
    open_bench(&b, 100000); /* more than the constant, less than the activations */
    ig_graph *g = random_graph(&b.heap, 3);
    ig_exec *x = open_exec(&b, g, false), *cpu;
    const ig_exec_options o = {.heap = &b.heap};
    check_ok(ig_exec_open(&cpu, g, &o, &err));
    ig_tensor out[OUTPUTS] = {0};
    assert_int_equal(ig_exec_run(x, out, b.in, &err), INGOT_E_NOMEM);
    assert_non_null(strstr(err.text, "the budget is spent"));
    assert_non_null(strstr(err.text, "--device cpu"));
    ig_exec_close(&x);
    x = open_exec(&b, g, true);
    expect_same(&b, x, cpu, false);
    assert_non_null(strstr(ig_exec_fallen(x), "the budget is spent"));
    assert_string_equal(ig_exec_device_name(x), "cpu");
    ig_exec_close(&x);
    ig_exec_close(&cpu);
    ig_graph_close(&g);
    close_bench(&b);
}

int main(void)
{
    api = ingot_cuda_plugin_v1();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_graphs_give_the_same_bits),
        cmocka_unit_test(a_whole_plan_is_recorded),
        cmocka_unit_test(a_refused_step_ends_one_run),
        cmocka_unit_test(a_new_form_is_not_recorded_at_once),
        cmocka_unit_test(a_recording_may_be_refused),
        cmocka_unit_test(a_lost_device_leaves_the_cpu),
        cmocka_unit_test(a_full_device_is_an_error_or_a_fall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
