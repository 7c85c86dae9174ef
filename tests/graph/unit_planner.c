/* unit_planner.c - properties of plans on random graphs: no two values that are needed at the same
 * time share memory (unless they are one), and the results equal those of a run without any
 * sharing. */
#include "tests/graph/small.h"
#include "runtime/graph/plan.h"

#include <math.h>
#include <stdlib.h>

enum { ROWS = 4, COLUMNS = 8, SIZE = ROWS * COLUMNS, NODES = 40, ROUNDS = 60 };

static unsigned pick(unsigned *seed, unsigned n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % n;
}

typedef struct {
    int kind; /* 0 unary, 1 binary, 2 view */
    unsigned a, b;
    const char *fn;
} recipe;

/* Values 0..1 are inputs; value i + 2 is made by recipe i. */
static void random_recipes(recipe *r, unsigned *seed)
{
    static const char *const unary[] = {"neg", "relu", "abs"}, *const binary[] = {"add", "sub",
                                                                                  "max"};
    for (unsigned i = 0; i < NODES; i++) {
        r[i] = (recipe){.kind = (int)pick(seed, 2), .a = pick(seed, i + 2), .b = pick(seed, i + 2)};
        if (pick(seed, 3))
            r[i].a = i + 1; /* often the newest value: chains invite in-place results */
        r[i].fn = r[i].kind ? binary[pick(seed, 3)] : unary[pick(seed, 3)];
    }
}

static float apply(const recipe *r, float a, float b)
{
    if (!strcmp(r->fn, "neg")) return -a;
    if (!strcmp(r->fn, "relu")) return a > 0 ? a : 0;
    if (!strcmp(r->fn, "abs")) return fabsf(a);
    if (!strcmp(r->fn, "add")) return a + b;
    if (!strcmp(r->fn, "sub")) return a - b;
    return a > b ? a : b;
}

static ig_id root_of(const ig_plan *p, ig_id id)
{
    while (p->places[id].kind == IG_PLACE_ALIAS) id = p->places[id].root;
    return id;
}

static void no_two_live_blocks_overlap(const ig_plan *p)
{
    for (size_t a = 0; a < p->g->n_values; a++)
        for (size_t b = 0; b < a; b++) {
            const ig_place *x = &p->places[a], *y = &p->places[b];
            if (x->kind != IG_PLACE_ARENA || y->kind != IG_PLACE_ARENA) continue;
            if (x->first > y->last || y->first > x->last) continue;
            assert_true(x->offset + x->bytes <= y->offset || y->offset + y->bytes <= x->offset);
        }
    for (size_t s = 0; s < p->n_steps; s++) /* every read happens while the block is kept */
        for (uint32_t i = 0; i < p->steps[s].node->n_in; i++) {
            const ig_place *at = &p->places[root_of(p, p->steps[s].node->in[i])];
            if (at->kind == IG_PLACE_ARENA) assert_in_range(s, at->first, at->last);
        }
}

static void one_round(unsigned seed)
{
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    recipe r[NODES];
    random_recipes(r, &seed);
    ig_graph *g = ig_graph_open(&heap, NULL);
    const int64_t dims[] = {ROWS, COLUMNS};
    ig_id v[NODES + 2], outs[3];
    v[0] = small_input(g, "x", 2, dims);
    v[1] = small_input(g, "y", 2, dims);
    for (unsigned i = 0; i < NODES; i++)
        v[i + 2] = r[i].kind ? small_binary(g, r[i].fn, v[r[i].a], v[r[i].b])
                             : small_unary(g, r[i].fn, v[r[i].a]);
    const unsigned chosen[3] = {NODES + 1, 2 + pick(&seed, NODES), 2 + pick(&seed, NODES)};
    for (int i = 0; i < 3; i++) outs[i] = v[chosen[i]];
    assert_true(ig_graph_set_io(g, v, 2, outs, 3));

    float data[NODES + 2][SIZE];
    for (int i = 0; i < SIZE; i++) {
        data[0][i] = (float)(i % 7) - 3.5f;
        data[1][i] = (float)(i % 5) - 1.25f;
    }
    for (unsigned n = 0; n < NODES; n++)
        for (int i = 0; i < SIZE; i++)
            data[n + 2][i] = apply(&r[n], data[r[n].a][i], data[r[n].b][i]);

    const ig_exec_options o = {.heap = &heap};
    const ig_type types[2] = {ig_type_tensor(INGOT_F32, 2, dims),
                              ig_type_tensor(INGOT_F32, 2, dims)};
    ig_plan *p;
    check_ok(ig_plan_open(&p, NULL, g, &o, types, &err));
    no_two_live_blocks_overlap(p);
    assert_true(p->arena_bytes <= p->naive_bytes + 64 * p->n_steps);
    ig_plan_close(&p);

    ig_exec *x;
    check_ok(ig_exec_open(&x, g, &o, &err));
    ig_tensor in[2] = {small_tensor(data[0], 2, dims), small_tensor(data[1], 2, dims)}, out[3];
    memset(out, 0, sizeof out);
    check_ok(ig_exec_run(x, out, in, &err));
    for (int i = 0; i < 3; i++) /* by value: kernels may choose either zero */
        for (int k = 0; k < SIZE; k++) assert_true(((float *)out[i].data)[k] == data[chosen[i]][k]);
    ig_exec_close(&x);
    ig_graph_close(&g);
    assert_int_equal(heap.live_bytes, 0);
}

static void random_graphs(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= ROUNDS; seed++) one_round(seed);
}

/* neg(y - relu(x)): the difference takes over its second operand, as the first is the caller's. */
static void a_second_operand_is_overwritten(void **state)
{
    (void)state;
    ingot_error err;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    ig_graph *g = ig_graph_open(&heap, NULL);
    const int64_t dims[] = {ROWS, COLUMNS};
    const ig_id in[2] = {small_input(g, "x", 2, dims), small_input(g, "y", 2, dims)};
    const ig_id relu = small_unary(g, "relu", in[0]);
    const ig_id less = small_binary(g, "sub", in[1], relu), out = small_unary(g, "neg", less);
    assert_true(ig_graph_set_io(g, in, 2, &out, 1));
    const ig_exec_options o = {.heap = &heap};
    const ig_type types[2] = {ig_type_tensor(INGOT_F32, 2, dims),
                              ig_type_tensor(INGOT_F32, 2, dims)};
    ig_plan *p;
    check_ok(ig_plan_open(&p, NULL, g, &o, types, &err));
    assert_int_equal(p->places[less].kind, IG_PLACE_ALIAS);
    assert_int_equal(root_of(p, less), root_of(p, relu));
    ig_plan_close(&p);
    ig_graph_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_graphs),
                                       cmocka_unit_test(a_second_operand_is_overwritten)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
