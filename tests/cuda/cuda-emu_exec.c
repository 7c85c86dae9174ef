/* cuda-emu_exec.c - the executor with a device: random graphs give the bits of the CPU however
 * their steps lie, whole plans are recorded, and data that a step refuses ends a run. */
#include "tests/cuda/exec_bench.h"

#include <math.h>

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

enum { ROUNDS = 25 };

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

/* Zeros in place of an input that a run leaves out: plans with and without it lie on the device
 * whole, and are recorded. */
static void an_input_left_out_is_zeros_there(void **state)
{
    (void)state;
    ingot_error err;
    bench b;
    open_bench(&b, 0);
    ig_graph *g = ig_graph_open(&b.heap, NULL);
    const int64_t dims[] = {ROWS, COLUMNS};
    ig_type maybe = ig_type_tensor(INGOT_F32, 2, dims);
    maybe.optional = true;
    const ig_id in[2] = {small_input(g, "x", 2, dims), ig_graph_value(g, "maybe", &maybe)};
    const ig_id pair[2] = {in[1], in[0]}, filled = ig_graph_value(g, "", NULL);
    ig_node *n = ig_graph_node(g, ig_op_find("or_zeros"), "fill", pair, 2, &filled, 1, 0);
    *(int64_t *)n->attrs = INGOT_F32;
    const ig_id y = small_copy(g, small_binary(g, "max", in[0], filled));
    assert_true(ig_graph_set_io(g, in, 2, &y, 1));
    ig_exec *x = open_exec(&b, g, false);
    for (int run = 0; run < 8; run++) {
        ig_tensor given[2] = {b.in[0], b.in[1]}, out = {0};
        const bool left_out = run % 2 == 0;
        ig_plan_info info;
        if (left_out) given[1] = (ig_tensor){.absent = true};
        for (int i = 0; i < SIZE; i++) b.x[i] = (float)((i + run) % 9 - 4), b.y[i] = (float)(i % 5);
        if (run == 6) set_fault("launch:3"); /* two replays are two calls */
        check_ok(ig_exec_run(x, &out, given, &err));
        for (int i = 0; i < SIZE; i++)
            assert_true(((float *)out.data)[i] == fmaxf(b.x[i], left_out ? 0 : b.y[i]));
        assert_true(ig_exec_info(&info, x));
        assert_int_equal(info.n_on_device, info.n_steps);
        assert_int_equal(info.n_copies, left_out ? 2 : 3);
    }
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

int main(void)
{
    api = ingot_cuda_plugin_v1();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_graphs_give_the_same_bits),
        cmocka_unit_test(a_whole_plan_is_recorded),
        cmocka_unit_test(an_input_left_out_is_zeros_there),
        cmocka_unit_test(shapes_are_not_copied),
        cmocka_unit_test(wrong_indices_are_refused),
        cmocka_unit_test(outputs_stay_where_they_are_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
