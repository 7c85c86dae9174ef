/* unit_control.c - branches and loops: state that stays, swaps and grows, limits and cancelling. */
#include "tests/graph/small.h"

typedef struct {
    ig_heap heap;
    ig_graph *g, *body;
    ig_id trip, cond, go_in, round;
    atomic_bool cancel;
} fixture;

static ig_id scalar(ig_graph *g, const char *name, ingot_dtype dtype)
{
    const ig_type t = ig_type_tensor(dtype, 0, NULL);
    return ig_graph_value(g, name, &t);
}

static void begin(fixture *f)
{
    memset(f, 0, sizeof *f);
    ig_heap_init(&f->heap, NULL);
    f->g = ig_graph_open(&f->heap, NULL);
    f->body = ig_graph_open(&f->heap, f->g);
    f->trip = scalar(f->g, "n", INGOT_I64);
    f->cond = scalar(f->g, "go", INGOT_BOOL);
    f->round = scalar(f->body, "i", INGOT_I64);
    f->go_in = scalar(f->body, "go", INGOT_BOOL);
}

static void set_int(ig_graph *g, ig_node *n, const char *name, int64_t v)
{
    const ig_attr_value value = {.kind = IG_ATTR_INT, .i = v};
    assert_int_equal(
        ig_attr_set(n->attrs, ig_attr_find(n->op->attrs, name), &value, &g->arena, NULL), INGOT_OK);
}

/* The loop node over states (graph inputs too) with n_out outputs, which the graph gives. */
static void make_loop(fixture *f, const ig_id *states, size_t n_state, size_t n_out)
{
    ig_id in[8] = {f->trip, f->cond}, out[8];
    for (size_t i = 0; i < n_state; i++) in[2 + i] = states[i];
    for (size_t o = 0; o < n_out; o++) out[o] = ig_graph_value(f->g, "", NULL);
    ig_node *n = ig_graph_node(f->g, ig_op_find("loop"), "loop", in, 2 + n_state, out, n_out, 1);
    assert_non_null(n);
    n->sub[0] = f->body;
    set_int(f->g, n, "n_state", (int64_t)n_state);
    assert_true(ig_graph_set_io(f->g, in, 2 + n_state, out, n_out));
}

static ingot_status run(fixture *f, int64_t n, const ig_tensor *states, size_t n_state,
                        ig_tensor *out, ig_exec **x, ingot_error *err)
{
    *x = NULL;
    static uint8_t yes = 1;
    static int64_t trip;
    trip = n;
    ig_tensor in[8] = {{.dtype = INGOT_I64, .data = &trip}, {.dtype = INGOT_BOOL, .data = &yes}};
    for (size_t i = 0; i < n_state; i++) in[2 + i] = states[i];
    IG_TRY(ig_graph_check(f->g, err));
    IG_TRY(ig_infer_graph(f->g, &f->heap, err));
    const ig_exec_options options = {
        .heap = &f->heap, .cancel = &f->cancel, .side_limit_bytes = 64 << 20};
    IG_TRY(ig_exec_open(x, f->g, &options, err));
    return ig_exec_run(*x, out, in, err);
}

static void end(fixture *f, ig_exec **x)
{
    ig_exec_close(x);
    ig_graph_close(&f->g);
    assert_int_equal(atomic_load(&f->heap.live_bytes), 0);
}

static const int64_t two[] = {2};

/* a, b = b, a + b: each state becomes the other's buffer. */
static void states_may_change_places(void **unused)
{
    (void)unused;
    fixture f;
    ingot_error err;
    ig_exec *x;
    begin(&f);
    const ig_id states[] = {small_input(f.g, "a", 1, two), small_input(f.g, "b", 1, two)};
    const ig_id a = small_input(f.body, "a", 1, two), b = small_input(f.body, "b", 1, two);
    const ig_id in[] = {f.round, f.go_in, a, b};
    const ig_id out[] = {f.go_in, b, small_binary(f.body, "add", a, b), a};
    assert_true(ig_graph_set_io(f.body, in, 4, out, 4));
    make_loop(&f, states, 2, 3);
    float va[] = {0, 1}, vb[] = {1, 1};
    const ig_tensor given[] = {small_tensor(va, 1, two), small_tensor(vb, 1, two)};
    ig_tensor got[3] = {{0}};
    check_ok(run(&f, 10, given, 2, got, &x, &err));
    assert_true(((float *)got[0].data)[0] == 55 && ((float *)got[1].data)[0] == 89);
    assert_int_equal(got[2].rank, 2);
    assert_int_equal(got[2].dims[0], 10); /* what a was in each round */
    static const float fibonacci[] = {0, 1, 1, 2, 3, 5, 8, 13, 21, 34};
    for (size_t i = 0; i < 10; i++) assert_true(((float *)got[2].data)[2 * i] == fibonacci[i]);
    assert_true(va[0] == 0 && vb[0] == 1); /* the caller's memory is not touched */
    end(&f, &x);
}

static void no_round_gives_the_state_and_nothing(void **unused)
{
    (void)unused;
    fixture f;
    ingot_error err;
    ig_exec *x;
    begin(&f);
    const ig_id state = small_input(f.g, "a", 1, two), a = small_input(f.body, "a", 1, two);
    const ig_id in[] = {f.round, f.go_in, a}, out[] = {f.go_in, a, a};
    assert_true(ig_graph_set_io(f.body, in, 3, out, 3));
    make_loop(&f, &state, 1, 2);
    float v[] = {3, 4};
    const ig_tensor given = small_tensor(v, 1, two);
    ig_tensor got[2] = {{0}};
    check_ok(run(&f, 0, &given, 1, got, &x, &err));
    assert_true(((float *)got[0].data)[1] == 4);
    assert_int_equal(got[1].dims[0], 0);
    assert_int_equal(got[1].dims[1], 2);
    end(&f, &x);
}

/* A sequence that gets one item a round: the items stay, their memory does not grow with the
 * square.
 */
static void a_sequence_grows_in_linear_memory(void **unused)
{
    (void)unused;
    enum { ROUNDS = 2000, ITEM = 256 };
    static const int64_t dims[] = {ITEM};
    fixture f;
    ingot_error err;
    ig_exec *x;
    begin(&f);
    const ig_type list = {.kind = IG_SEQUENCE, .dtype = INGOT_F32, .rank = IG_RANK_UNKNOWN};
    const ig_id states[] = {ig_graph_value(f.g, "list", &list), small_input(f.g, "a", 1, dims)};
    const ig_id l = ig_graph_value(f.body, "list", &list), a = small_input(f.body, "a", 1, dims);
    const ig_id more = small_op(f.body, "sequence_insert", NULL, l, a);
    const ig_id next = small_binary(f.body, "add", a, a);
    const ig_id in[] = {f.round, f.go_in, l, a}, out[] = {f.go_in, more, next};
    assert_true(ig_graph_set_io(f.body, in, 4, out, 3));
    make_loop(&f, states, 2, 2);
    static float v[ITEM];
    v[0] = 1;
    ig_tensor none,
        given[2] = {{.kind = IG_SEQUENCE, .dtype = INGOT_F32, .rank = 1}, small_tensor(v, 1, dims)};
    given[0].data = &none;
    ig_tensor got[2] = {{0}};
    check_ok(run(&f, ROUNDS, given, 2, got, &x, &err)); /* 2 MB of items within 64 MB */
    assert_int_equal(got[0].dims[0], ROUNDS);
    const ig_tensor *items = got[0].data;
    assert_true(((float *)items[0].data)[0] == 1 && ((float *)items[20].data)[0] == 1 << 20);
    end(&f, &x);
}

static void a_cancelled_loop_ends(void **unused)
{
    (void)unused;
    fixture f;
    ingot_error err;
    ig_exec *x;
    begin(&f);
    const ig_id state = small_input(f.g, "a", 1, two), a = small_input(f.body, "a", 1, two);
    const ig_id in[] = {f.round, f.go_in, a};
    const ig_id out[] = {f.go_in, a};
    assert_true(ig_graph_set_io(f.body, in, 3, out, 2));
    make_loop(&f, &state, 1, 1);
    float v[] = {3, 4};
    const ig_tensor given = small_tensor(v, 1, two);
    ig_tensor got = {0};
    atomic_store(&f.cancel, true);
    assert_int_equal(run(&f, INT64_MAX, &given, 1, &got, &x, &err), INGOT_E_CANCELLED);
    end(&f, &x);
}

/* Endless, and every round leaves something: the side memory's bound ends it. */
static void memory_bounds_a_loop(void **unused)
{
    (void)unused;
    fixture f;
    ingot_error err;
    ig_exec *x;
    begin(&f);
    static const int64_t dims[] = {4096};
    const ig_id state = small_input(f.g, "a", 1, dims), a = small_input(f.body, "a", 1, dims);
    const ig_id in[] = {f.round, f.go_in, a}, out[] = {f.go_in, a, a};
    assert_true(ig_graph_set_io(f.body, in, 3, out, 3));
    make_loop(&f, &state, 1, 2);
    static float v[4096];
    const ig_tensor given = small_tensor(v, 1, dims);
    ig_tensor got[2] = {{0}};
    const ingot_status s = run(&f, INT64_MAX, &given, 1, got, &x, &err);
    assert_true(s == INGOT_E_NOMEM || s == INGOT_E_FULL);
    end(&f, &x);
}

/* if(true) with one captured value: the branch's node moves into the graph. */
static void a_decided_branch_is_inlined(void **unused)
{
    (void)unused;
    ig_heap heap;
    ingot_error err;
    ig_heap_init(&heap, NULL);
    ig_graph *g = ig_graph_open(&heap, NULL);
    const ig_id x = small_input(g, "x", 1, two);
    const uint8_t yes = 1;
    const ig_id cond = ig_graph_const_copy(g, "", INGOT_BOOL, 0, NULL, &yes);
    const ig_id in[] = {cond, x, x};
    const ig_id out = ig_graph_value(g, "y", NULL);
    ig_node *n = ig_graph_node(g, ig_op_find("if"), "if", in, 3, &out, 1, 2);
    for (int k = 0; k < 2; k++) {
        ig_graph *sub = n->sub[k] = ig_graph_open(&heap, g);
        const float one[] = {1, 1};
        const ig_id a = small_input(sub, "a", 1, two), c = small_const(sub, "c", 1, two, one);
        const ig_id y = small_binary(sub, k ? "sub" : "add", a, c);
        assert_true(ig_graph_set_io(sub, &a, 1, &y, 1));
    }
    assert_true(ig_graph_set_io(g, &x, 1, &out, 1));
    small_passes(g, &heap);
    check_ok(ig_graph_check(g, &err));
    assert_int_equal(g->n_nodes, 1);
    assert_string_equal(g->nodes[0]->op->name, "binary");
    assert_string_equal(g->values[g->outputs[0]].name, "y");
    assert_int_equal(g->values[g->outputs[0]].type.dims[0], 2);
    ig_graph_close(&g);
    assert_int_equal(atomic_load(&heap.live_bytes), 0);
}

/* Counts that a file may claim. */
static void wrong_counts_are_refused(void **unused)
{
    (void)unused;
    static const int64_t wrong[] = {-1, 0, 2, INT64_MAX};
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        fixture f;
        ingot_error err;
        begin(&f);
        const ig_id state = small_input(f.g, "a", 1, two), a = small_input(f.body, "a", 1, two);
        const ig_id in[] = {f.round, f.go_in, a}, out[] = {f.go_in, a};
        assert_true(ig_graph_set_io(f.body, in, 3, out, 2));
        make_loop(&f, &state, 1, 1);
        set_int(f.g, f.g->nodes[0], "n_state", wrong[k]);
        /* 0 would make the state a captured value, which the body takes as well */
        const ingot_status s = ig_infer_graph(f.g, &f.heap, &err);
        assert_int_equal(s, wrong[k] == 0 ? INGOT_OK : INGOT_E_FORMAT);
        ig_exec *x = NULL;
        end(&f, &x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_may_change_places),
        cmocka_unit_test(no_round_gives_the_state_and_nothing),
        cmocka_unit_test(a_sequence_grows_in_linear_memory),
        cmocka_unit_test(a_cancelled_loop_ends),
        cmocka_unit_test(memory_bounds_a_loop),
        cmocka_unit_test(a_decided_branch_is_inlined),
        cmocka_unit_test(wrong_counts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
