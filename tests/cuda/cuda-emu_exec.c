/* cuda-emu_exec.c - the executor with a device: random graphs give the bits of the CPU however
 * their steps lie, whole plans are recorded, data that a step refuses give the CPU's error, and a
 * device that fails or is full leaves a working exec. */
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

/* A step that no device takes: dropout that is training, of nothing. */
static ig_id small_host(ig_graph *g, ig_id a)
{
    const float ratio = 0;
    const uint8_t training = 1;
    const ig_id out = ig_graph_value(g, "", NULL);
    const ig_id in[] = {a, small_const(g, "", 0, NULL, &ratio),
                        ig_graph_const_copy(g, "", INGOT_BOOL, 0, NULL, &training)};
    assert_non_null(ig_graph_node(g, ig_op_find("dropout"), "host", in, 3, &out, 1, 0));
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
    b->d = open_device(&b->heap, budget);
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

/* What only gives its shape stays on the host. */
static void shapes_are_not_copied(void **state)
{
    (void)state;
    ingot_error err;
    bench b;
    open_bench(&b, 0);
    ig_graph *g = ig_graph_open(&b.heap, NULL);
    const int64_t dims[] = {ROWS, COLUMNS};
    const ig_id x = small_input(g, "x", 2, dims), y = ig_graph_value(g, "y", NULL);
    assert_non_null(ig_graph_node(g, ig_op_find("eye_like"), "eye", &x, 1, &y, 1, 0));
    assert_true(ig_graph_set_io(g, &x, 1, &y, 1));
    ig_exec *e = open_exec(&b, g, false);
    ig_tensor out = {0};
    ig_plan_info info;
    check_ok(ig_exec_run(e, &out, b.in, &err));
    assert_true(ig_exec_info(&info, e));
    assert_int_equal(info.n_on_device, 1);
    assert_int_equal(info.n_copies, 1); /* the result */
    for (int i = 0; i < SIZE; i++)
        assert_true(((const float *)out.data)[i] == (i % COLUMNS == i / COLUMNS ? 1 : 0));
    ig_exec_close(&e);
    ig_graph_close(&g);
    close_bench(&b);
}

/* ---- data that a step refuses ---- */

enum { IDS = 64 };

/* Rows of x by two lists of ids; `mixed`: with a step of the CPU between and behind. */
static ig_graph *rows_of_rows(ig_heap *heap, bool mixed)
{
    ig_graph *g = ig_graph_open(heap, NULL);
    const ig_type list = ig_type_tensor(INGOT_I64, 1, (const int64_t[]){IDS});
    const ig_id in[3] = {small_input(g, "x", 2, (const int64_t[]){ROWS, COLUMNS}),
                         ig_graph_value(g, "first", &list), ig_graph_value(g, "second", &list)};
    ig_id v = in[0];
    for (int i = 1; i < 3; i++) {
        const ig_id pair[2] = {v, in[i]}, out = ig_graph_value(g, "", NULL);
        assert_non_null(
            ig_graph_node(g, ig_op_find("gather"), i == 1 ? "one" : "two", pair, 2, &out, 1, 0));
        v = mixed ? small_host(g, out) : small_copy(g, out);
    }
    assert_true(ig_graph_set_io(g, in, 3, &v, 1));
    return g;
}

/* Runs 0 and 2 launch and replay good data; those between and after have an id that is wrong in one
 * of the lists, which no device survives that reads where it points. */
static void wrong_indices_are_refused(void **state)
{
    (void)state;
    static const int64_t wrong[] = {0, ROWS, 0, -ROWS - 1, INT64_MAX, 0, INT64_MIN, 0};
    for (int mixed = 0; mixed < 2; mixed++) {
        ingot_error err, want;
        bench b;
        open_bench(&b, 0);
        ig_graph *g = rows_of_rows(&b.heap, mixed);
        ig_exec *x = open_exec(&b, g, false), *cpu;
        const ig_exec_options o = {.heap = &b.heap};
        check_ok(ig_exec_open(&cpu, g, &o, &err));
        for (size_t run = 0; run < 2 * IG_LEN(wrong); run++) {
            int64_t ids[2][IDS];
            const int64_t bad = wrong[run / 2];
            for (int i = 0; i < IDS; i++) ids[0][i] = ids[1][i] = i * 7 % IDS - (int64_t)run;
            if (bad) ids[run % 2][11] = bad;
            const ig_tensor in[3] = {
                b.in[0],
                {.dtype = INGOT_I64, .rank = 1, .dims = {IDS}, .data = ids[0]},
                {.dtype = INGOT_I64, .rank = 1, .dims = {IDS}, .data = ids[1]}};
            ig_tensor out = {0}, out_cpu = {0};
            const ingot_status s = ig_exec_run(cpu, &out_cpu, in, &want);
            assert_int_equal(s, bad ? INGOT_E_DATA : INGOT_OK);
            assert_int_equal(ig_exec_run(x, &out, in, &err), s);
            if (bad) assert_string_equal(err.text, want.text);
            if (bad) assert_non_null(strstr(err.text, run % 2 ? "'two'" : "'one'"));
            if (!bad) assert_memory_equal(out.data, out_cpu.data, IDS * COLUMNS * sizeof(float));
            assert_string_equal(ig_exec_device_name(x), "cuda:0"); /* nothing is lost */
        }
        ig_exec_close(&x);
        ig_exec_close(&cpu);
        ig_graph_close(&g);
        close_bench(&b);
    }
}

/* ---- outputs that are left there ---- */

static void expect_left(bench *b, ig_exec *x, ig_exec *cpu, size_t *left)
{
    ingot_error err;
    static float mine[SIZE];
    ig_tensor want[OUTPUTS] = {0}, got[OUTPUTS] = {0};
    const ig_exec_device *d = &ig_exec_opts(x)->device;
    check_ok(ig_exec_run(cpu, want, b->in, &err));
    check_ok(ig_exec_run(x, got, b->in, &err));
    for (size_t i = 0; i < OUTPUTS; i++) {
        const void *there = ig_exec_output_there(x, i);
        assert_true((there == NULL) == (got[i].data != NULL));
        *left += there != NULL;
        if (there) check_ok(d->api->copy(d->stream, mine, there, sizeof mine, IG_TO_HOST, &err));
        check_ok(ig_exec_wait(x, &err));
        assert_memory_equal(there ? mine : got[i].data, want[i].data, sizeof mine);
    }
}

static void outputs_stay_where_they_are_made(void **state)
{
    (void)state;
    ingot_error err;
    size_t left = 0;
    for (unsigned seed = 1; seed <= ROUNDS; seed++) {
        bench b;
        open_bench(&b, 0);
        ig_graph *g = random_graph(&b.heap, seed);
        ig_exec *x, *cpu;
        const ig_exec_options o = {.heap = &b.heap};
        const ig_exec_options stay = {.heap = &b.heap,
                                      .device = {.api = api, .device = b.d, .name = "cuda:0"},
                                      .leave = true};
        check_ok(ig_exec_open(&x, g, &stay, &err));
        check_ok(ig_exec_open(&cpu, g, &o, &err));
        for (int run = 0; run < 3; run++) {
            for (int i = 0; i < SIZE; i++) b.x[i] += 1;
            expect_left(&b, x, cpu, &left);
        }
        ig_exec_close(&x);
        ig_exec_close(&cpu);
        ig_graph_close(&g);
        close_bench(&b);
    }
    assert_true(left > ROUNDS);
}

/* ---- failures ---- */

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
        cmocka_unit_test(shapes_are_not_copied),
        cmocka_unit_test(wrong_indices_are_refused),
        cmocka_unit_test(outputs_stay_where_they_are_made),
        cmocka_unit_test(a_lost_device_leaves_the_cpu),
        cmocka_unit_test(a_full_device_is_an_error_or_a_fall),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
