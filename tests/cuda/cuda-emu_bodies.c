/* cuda-emu_bodies.c - bodies of loops and branches with a device: the bits of the CPU however their
 * steps lie, states that stay on the device from round to round, captured values that go there
 * once, small bodies that stay on the CPU, and a device that is lost in a round. */
#include "tests/cuda/device.h"
#include "tests/graph/small.h"
#include "runtime/base/checked.h"

enum { ROWS = 96, COLUMNS = 192, SIZE = ROWS * COLUMNS, NODES = 14, STATES = 2, ROUNDS = 5 };

static const int64_t dims[] = {ROWS, COLUMNS};

/* ---- the device, with its copies counted by where they go ---- */

static const ig_device_api *api;
static ig_device_api counting;
static size_t copied[3];

static ingot_status counted_copy(ig_device_stream *stream, void *to, const void *from, size_t bytes,
                                 ig_device_way way, ingot_error *err)
{
    if (bytes >= SIZE) copied[way]++; /* not the counter of rounds */
    return api->copy(stream, to, from, bytes, way, err);
}

/* ---- graphs ---- */

static unsigned pick(unsigned *seed, unsigned n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % n;
}

static ig_id small_view(ig_graph *g, ig_id a)
{
    const ig_id out = ig_graph_value(g, "", NULL);
    assert_non_null(ig_graph_node(g, ig_op_find("identity"), "view", &a, 1, &out, 1, 0));
    return out;
}

static ig_id scalar(ig_graph *g, const char *name, ingot_dtype dtype)
{
    const ig_type t = ig_type_tensor(dtype, 0, NULL);
    return ig_graph_value(g, name, &t);
}

static void set_int(ig_graph *g, ig_node *n, const char *name, int64_t v)
{
    const ig_attr_value value = {.kind = IG_ATTR_INT, .i = v};
    assert_int_equal(
        ig_attr_set(n->attrs, ig_attr_find(n->op->attrs, name), &value, &g->arena, NULL), INGOT_OK);
}

/* v[0..n) and NODES more, made of them at random; host: of eight, how many the CPU has to run. */
static void random_steps(ig_graph *g, ig_id *v, unsigned n, unsigned seed, unsigned host)
{
    for (unsigned i = n; i < n + NODES; i++) {
        const ig_id a = pick(&seed, 3) ? v[i - 1] : v[pick(&seed, i)], b = v[pick(&seed, i)];
        const unsigned what = pick(&seed, 8);
        v[i] = what < host      ? small_host(g, a)
               : what == 7      ? small_view(g, a)
               : what & 1       ? small_unary(g, "neg", a)
               : pick(&seed, 2) ? small_binary(g, "max", a, b)
                                : small_binary(g, "add", a, b);
    }
}

/* loop(n, go, a, b, captured w) with states a and b and one value of each round. */
static ig_graph *random_loop(ig_heap *heap, unsigned seed, unsigned host, bool scans)
{
    ig_graph *g = ig_graph_open(heap, NULL), *body = ig_graph_open(heap, g);
    const ig_id in[] = {scalar(g, "n", INGOT_I64), scalar(g, "go", INGOT_BOOL),
                        small_input(g, "a", 2, dims), small_input(g, "b", 2, dims),
                        small_input(g, "w", 2, dims)};
    const ig_id inside[] = {scalar(body, "i", INGOT_I64), scalar(body, "go", INGOT_BOOL),
                            small_input(body, "a", 2, dims), small_input(body, "b", 2, dims),
                            small_input(body, "w", 2, dims)};
    ig_id v[3 + NODES] = {inside[2], inside[3], inside[4]}, out[3];
    random_steps(body, v, 3, seed, host);
    const ig_id gives[] = {inside[1], v[2 + NODES], v[pick(&seed, 3 + NODES)],
                           v[pick(&seed, 3 + NODES)]};
    assert_true(ig_graph_set_io(body, inside, 5, gives, 3 + scans));
    for (size_t o = 0; o < STATES + (size_t)scans; o++) out[o] = ig_graph_value(g, "", NULL);
    ig_node *n = ig_graph_node(g, ig_op_find("loop"), "loop", in, 5, out, STATES + scans, 1);
    assert_non_null(n);
    n->sub[0] = body;
    set_int(g, n, "n_state", STATES);
    assert_true(ig_graph_set_io(g, in, 5, out, STATES + scans));
    return g;
}

/* scan(a, b, slices of x, captured w), likewise. */
static ig_graph *random_scan(ig_heap *heap, unsigned seed, unsigned host)
{
    ig_graph *g = ig_graph_open(heap, NULL), *body = ig_graph_open(heap, g);
    const int64_t slices[] = {ROUNDS, ROWS, COLUMNS};
    const ig_id in[] = {small_input(g, "a", 2, dims), small_input(g, "b", 2, dims),
                        small_input(g, "x", 3, slices), small_input(g, "w", 2, dims)};
    ig_id v[4 + NODES], out[3];
    static const char *const names[] = {"a", "b", "x", "w"};
    for (int i = 0; i < 4; i++) v[i] = small_input(body, names[i], 2, dims);
    random_steps(body, v, 4, seed, host);
    const ig_id gives[] = {v[3 + NODES], v[pick(&seed, 4 + NODES)], v[pick(&seed, 4 + NODES)]};
    assert_true(ig_graph_set_io(body, v, 4, gives, 3));
    for (int o = 0; o < 3; o++) out[o] = ig_graph_value(g, "", NULL);
    ig_node *n = ig_graph_node(g, ig_op_find("scan"), "scan", in, 4, out, 3, 1);
    assert_non_null(n);
    n->sub[0] = body;
    set_int(g, n, "n_state", STATES);
    set_int(g, n, "n_scan", 1);
    assert_true(ig_graph_set_io(g, in, 4, out, 3));
    return g;
}

/* ---- running them ---- */

typedef struct {
    ig_heap heap;
    ig_device *d;
    float *data[3];
    int64_t rounds;
    uint8_t go;
    ig_tensor in[5];
    size_t there, here; /* steps of bodies, traced */
} bench;

static void open_bench(bench *b)
{
    memset(b, 0, sizeof *b);
    ig_heap_init(&b->heap, NULL);
    b->d = open_device(0);
    b->rounds = ROUNDS;
    b->go = 1;
    b->in[0] = (ig_tensor){.dtype = INGOT_I64, .data = &b->rounds};
    b->in[1] = (ig_tensor){.dtype = INGOT_BOOL, .data = &b->go};
    for (int k = 0; k < 3; k++) {
        b->data[k] = malloc(SIZE * sizeof(float));
        for (int i = 0; i < SIZE; i++) b->data[k][i] = (float)((i * (k + 3)) % 23 - 11);
        b->in[2 + k] = small_tensor(b->data[k], 2, dims);
    }
}

static void close_bench(bench *b)
{
    for (int k = 0; k < 3; k++) free(b->data[k]);
    ig_device_memory m;
    api->memory(b->d, &m);
    for (int use = 0; use < IG_DEVICE_USES; use++) assert_int_equal(m.used_bytes[use], 0);
    api->close(&b->d);
    assert_int_equal(b->heap.live_bytes, 0);
}

static void count_step(void *ud, const ig_step_trace *t)
{
    bench *b = ud;
    if (!t->node->n_sub) *(strcmp(t->device, "cpu") ? &b->there : &b->here) += 1;
}

static ig_exec *open_exec(bench *b, const ig_graph *g, bool device, bool traced)
{
    ingot_error err;
    ig_exec *x;
    static const ig_log quiet = {.level = IG_LOG_ERROR};
    ig_exec_options o = {.heap = &b->heap, .log = &quiet};
    if (device) o.device = (ig_exec_device){.api = &counting, .device = b->d, .name = "cuda:0"};
    if (traced) o.trace = count_step, o.trace_ud = b;
    check_ok(ig_exec_open(&x, g, &o, &err));
    return x;
}

static void expect_same(bench *b, ig_exec *x, ig_exec *cpu)
{
    ingot_error err;
    ig_tensor want[STATES + 1] = {0}, got[STATES + 1] = {0};
    check_ok(ig_exec_run(cpu, want, b->in, &err));
    check_ok(ig_exec_run(x, got, b->in, &err));
    for (size_t o = 0; o < ig_exec_graph(x)->n_outputs; o++) {
        const size_t n = ig_tensor_elements(&want[o]);
        assert_int_equal(ig_tensor_elements(&got[o]), n);
        assert_memory_equal(got[o].data, want[o].data, n * sizeof(float));
    }
}

static void prepare(ig_graph *g, ig_heap *heap)
{
    ingot_error err;
    check_ok(ig_graph_check(g, &err));
    check_ok(ig_infer_graph(g, heap, &err));
}

/* ---- tests ---- */

static void random_bodies_give_the_same_bits(void **state)
{
    (void)state;
    size_t there = 0, here = 0;
    for (unsigned seed = 1; seed <= 24; seed++) {
        bench b;
        open_bench(&b);
        ig_graph *g = random_loop(&b.heap, seed, seed % 3, seed & 1);
        prepare(g, &b.heap);
        ig_exec *x = open_exec(&b, g, true, seed % 4 == 0), *cpu = open_exec(&b, g, false, false);
        for (int run = 0; run < 3; run++) {
            for (int i = 0; i < SIZE; i++) b.data[run][i] += 1;
            b.rounds = run == 1 ? 1 : ROUNDS;
            expect_same(&b, x, cpu);
        }
        b.rounds = 0;
        if (!(seed & 1)) expect_same(&b, x, cpu);
        there += b.there, here += b.here;
        ig_exec_close(&x);
        ig_exec_close(&cpu);
        ig_graph_close(&g);
        close_bench(&b);
    }
    assert_true(there > 100 && here > 10); /* it did mix them */
}

static void random_scans_give_the_same_bits(void **state)
{
    (void)state;
    static float slices[ROUNDS * SIZE];
    const int64_t shape[] = {ROUNDS, ROWS, COLUMNS};
    size_t there = 0;
    for (int i = 0; i < ROUNDS * SIZE; i++) slices[i] = (float)(i % 29 - 14);
    for (unsigned seed = 1; seed <= 10; seed++) {
        bench b;
        open_bench(&b);
        ig_graph *g = random_scan(&b.heap, seed, seed % 2);
        prepare(g, &b.heap);
        b.in[0] = b.in[2], b.in[1] = b.in[3], b.in[3] = b.in[4];
        b.in[2] = small_tensor(slices, 3, shape);
        ig_exec *x = open_exec(&b, g, true, seed % 4 == 0), *cpu = open_exec(&b, g, false, false);
        for (int run = 0; run < 2; run++) expect_same(&b, x, cpu);
        there += b.there;
        ig_exec_close(&x);
        ig_exec_close(&cpu);
        ig_graph_close(&g);
        close_bench(&b);
    }
    assert_true(there > 20);
}

/* States and what was captured go to the device once, and the states come back once. */
static void states_stay_on_the_device(void **state)
{
    (void)state;
    bench b;
    open_bench(&b);
    ig_graph *g = ig_graph_open(&b.heap, NULL), *body = ig_graph_open(&b.heap, g);
    const ig_id in[] = {scalar(g, "n", INGOT_I64), scalar(g, "go", INGOT_BOOL),
                        small_input(g, "a", 2, dims), small_input(g, "b", 2, dims),
                        small_input(g, "w", 2, dims)};
    const ig_id inside[] = {scalar(body, "i", INGOT_I64), scalar(body, "go", INGOT_BOOL),
                            small_input(body, "a", 2, dims), small_input(body, "b", 2, dims),
                            small_input(body, "w", 2, dims)};
    const ig_id sum =
        small_binary(body, "add", inside[2], inside[4]); /* a, b = b' , max(a + w, b) */
    const ig_id gives[] = {inside[1], small_unary(body, "neg", inside[3]),
                           small_binary(body, "max", sum, inside[3])};
    assert_true(ig_graph_set_io(body, inside, 5, gives, 3));
    ig_id out[STATES] = {ig_graph_value(g, "", NULL), ig_graph_value(g, "", NULL)};
    ig_node *n = ig_graph_node(g, ig_op_find("loop"), "loop", in, 5, out, STATES, 1);
    assert_non_null(n);
    n->sub[0] = body;
    set_int(g, n, "n_state", STATES);
    assert_true(ig_graph_set_io(g, in, 5, out, STATES));
    prepare(g, &b.heap);
    ig_exec *x = open_exec(&b, g, true, false), *cpu = open_exec(&b, g, false, false);
    for (int run = 0; run < 3; run++) {
        memset(copied, 0, sizeof copied);
        expect_same(&b, x, cpu);
        assert_int_equal(copied[IG_TO_DEVICE], STATES + 1);
        assert_int_equal(copied[IG_ON_DEVICE], STATES * (ROUNDS - 1));
        assert_int_equal(copied[IG_TO_HOST], STATES);
    }
    ig_exec_close(&x);
    ig_exec_close(&cpu);
    ig_graph_close(&g);
    close_bench(&b);
}

/* What follows sizes that only a round tells is planned in the round, a state before it stays. */
static void sizes_may_come_from_a_round(void **state)
{
    (void)state;
    bench b;
    open_bench(&b);
    ig_graph *g = ig_graph_open(&b.heap, NULL), *body = ig_graph_open(&b.heap, g);
    const ig_id in[] = {scalar(g, "n", INGOT_I64), scalar(g, "go", INGOT_BOOL),
                        small_input(g, "a", 2, dims), small_input(g, "w", 2, dims)};
    const ig_id inside[] = {scalar(body, "i", INGOT_I64), scalar(body, "go", INGOT_BOOL),
                            small_input(body, "a", 2, dims), small_input(body, "w", 2, dims)};
    const ig_id sum = small_binary(body, "add", inside[2], inside[3]);
    const ig_id places = small_op(body, "non_zero", NULL, sum, IG_NO_VALUE);
    const ig_id twice = small_binary(body, "add", places, places);
    const ig_id real = ig_graph_value(body, "", NULL);
    ig_node *cast = ig_graph_node(body, ig_op_find("cast"), "cast", &twice, 1, &real, 1, 0);
    set_int(body, cast, "to", INGOT_F32);
    const ig_id gives[] = {inside[1], sum, small_op(body, "reduce", "sum", real, IG_NO_VALUE)};
    assert_true(ig_graph_set_io(body, inside, 4, gives, 3));
    ig_id out[2] = {ig_graph_value(g, "", NULL), ig_graph_value(g, "", NULL)};
    ig_node *n = ig_graph_node(g, ig_op_find("loop"), "loop", in, 4, out, 2, 1);
    assert_non_null(n);
    n->sub[0] = body;
    set_int(g, n, "n_state", 1);
    assert_true(ig_graph_set_io(g, in, 4, out, 2));
    prepare(g, &b.heap);
    b.in[3] = b.in[4];
    ig_exec *x = open_exec(&b, g, true, true), *cpu = open_exec(&b, g, false, false);
    for (int run = 0; run < 2; run++) expect_same(&b, x, cpu);
    assert_true(b.there >= 4 * ROUNDS); /* add, and of what follows at least one step */
    ig_exec_close(&x);
    ig_exec_close(&cpu);
    ig_graph_close(&g);
    close_bench(&b);
}

/* if(go, a captured twice): a branch of so many steps over a matrix of so many rows. */
static void branch(size_t rows, unsigned steps, bool *there)
{
    bench b;
    ingot_error err;
    open_bench(&b);
    const int64_t shape[] = {(int64_t)rows, COLUMNS};
    ig_graph *g = ig_graph_open(&b.heap, NULL);
    const ig_id in[] = {scalar(g, "go", INGOT_BOOL), small_input(g, "a", 2, shape)};
    const ig_id captured[] = {in[0], in[1], in[1]}, out = ig_graph_value(g, "", NULL);
    ig_node *n = ig_graph_node(g, ig_op_find("if"), "if", captured, 3, &out, 1, 2);
    assert_non_null(n);
    for (int k = 0; k < 2; k++) {
        ig_graph *body = n->sub[k] = ig_graph_open(&b.heap, g);
        const ig_id a = small_input(body, "a", 2, shape);
        ig_id v = a;
        for (unsigned i = 0; i < steps; i++)
            v = k ? small_unary(body, "neg", v) : small_binary(body, "add", v, a);
        assert_true(ig_graph_set_io(body, &a, 1, &v, 1));
    }
    assert_true(ig_graph_set_io(g, in, 2, &out, 1));
    prepare(g, &b.heap);
    ig_exec *x = open_exec(&b, g, true, true), *cpu = open_exec(&b, g, false, false);
    for (int run = 0; run < 4; run++) {
        const uint8_t go = run & 1;
        const ig_tensor given[] = {{.dtype = INGOT_BOOL, .data = (void *)(uintptr_t)&go},
                                   small_tensor(b.data[run % 3], 2, shape)};
        ig_tensor want = {0}, got = {0};
        check_ok(ig_exec_run(cpu, &want, given, &err));
        check_ok(ig_exec_run(x, &got, given, &err));
        assert_memory_equal(got.data, want.data, rows * COLUMNS * sizeof(float));
    }
    *there = b.there > 0;
    assert_true(!b.there || !b.here);
    ig_exec_close(&x);
    ig_exec_close(&cpu);
    ig_graph_close(&g);
    close_bench(&b);
}

static void branches_go_there_when_it_is_worth_it(void **state)
{
    (void)state;
    bool there;
    branch(ROWS, 12, &there);
    assert_true(there);
    branch(ROWS, 2, &there); /* as much to copy as to do */
    assert_false(there);
    branch(1, 12, &there); /* small */
    assert_false(there);
}

static void a_device_lost_in_a_round_leaves_the_cpu(void **state)
{
    (void)state;
    bool failed = true;
    int n = 1, losses = 0;
    for (; failed && n < 2000; n += 1 + n / 6) {
        ingot_error err;
        bench b;
        char fault[32];
        open_bench(&b);
        ig_graph *g = random_loop(&b.heap, 5, 1, true);
        prepare(g, &b.heap);
        ig_exec *x = open_exec(&b, g, true, false), *cpu = open_exec(&b, g, false, false);
        snprintf(fault, sizeof fault, "lost:%d", n);
        set_fault(fault);
        failed = false;
        for (int run = 0; run < 3; run++) {
            ig_tensor out[STATES + 1] = {0};
            const ingot_status s = ig_exec_run(x, out, b.in, &err);
            if (!s) continue;
            assert_int_equal(s, INGOT_E_DEVICE);
            assert_false(failed); /* at most one run */
            failed = true;
            losses++;
        }
        set_fault(NULL);
        expect_same(&b, x, cpu);
        const bool lost = api->lost(b.d);
        assert_true(lost == (ig_exec_fallen(x) != NULL));
        failed = failed || lost;
        ig_exec_close(&x);
        ig_exec_close(&cpu);
        ig_graph_close(&g);
        close_bench(&b);
    }
    assert_true(losses > 3 && !failed);
}

int main(void)
{
    api = ingot_cuda_plugin_v1();
    counting = *api;
    counting.copy = counted_copy;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_bodies_give_the_same_bits),
        cmocka_unit_test(random_scans_give_the_same_bits),
        cmocka_unit_test(states_stay_on_the_device),
        cmocka_unit_test(sizes_may_come_from_a_round),
        cmocka_unit_test(branches_go_there_when_it_is_worth_it),
        cmocka_unit_test(a_device_lost_in_a_round_leaves_the_cpu),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
