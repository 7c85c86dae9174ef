/* unit_trees.c - tree ensembles: walks, damaged tables, and the same bits in any batch. */
#include "tests/ops/call.h"
#include "runtime/ops/tree_ensemble.h"

#include <math.h>

enum { TABLES = 7 };

typedef struct {
    caller c;
    ig_node *node;
    const ig_tensor *in[TABLES];
    int32_t (*rows)[4];
} fixture;

/* x[0] <= 0.5 (NaN: yes) ? 1 : (x[1] > 2 ? 10 : 100), twice. */
static void begin(fixture *f, size_t n_rows, const float *x)
{
    static const int32_t rows[5][4] = {{0, IG_TREE_LEQ | IG_TREE_MISSING_TRUE, 1, 2},
                                       {0, IG_TREE_LEAF, 0, 1},
                                       {1, IG_TREE_GT, 3, 4},
                                       {0, IG_TREE_LEAF, 1, 1},
                                       {0, IG_TREE_LEAF, 2, 1}};
    static const float thresholds[] = {0.5f, 0, 2, 0, 0}, weights[] = {1, 10, 100}, base[1] = {0};
    static const int32_t roots[] = {0, 0}, targets[] = {0, 0, 0};
    caller_open(&f->c);
    f->node = caller_node(&f->c, "tree_ensemble", TABLES, 1);
    f->in[0] = caller_tensor(&f->c, INGOT_F32, 2, (int64_t[]){(int64_t)n_rows, 2}, x);
    ig_tensor *nodes = caller_tensor(&f->c, INGOT_I32, 2, (int64_t[]){5, 4}, rows);
    f->rows = nodes->data;
    f->in[1] = nodes;
    f->in[2] = caller_tensor(&f->c, INGOT_F32, 1, (int64_t[]){5}, thresholds);
    f->in[3] = caller_tensor(&f->c, INGOT_I32, 1, (int64_t[]){2}, roots);
    f->in[4] = caller_tensor(&f->c, INGOT_I32, 1, (int64_t[]){3}, targets);
    f->in[5] = caller_tensor(&f->c, INGOT_F32, 1, (int64_t[]){3}, weights);
    f->in[6] = caller_tensor(&f->c, INGOT_F32, 1, (int64_t[]){0}, base);
}

static void walks_end_in_the_right_leaf(void **unused)
{
    (void)unused;
    static const float x[] = {0.5f, 0, 0.6f, 3, 0.6f, 2, NAN, 9};
    static const float want[] = {2, 20, 200, 2};
    fixture f;
    begin(&f, 4, x);
    ig_tensor out;
    if (call(&f.c, f.node, f.in, &out)) fail_msg("%s", f.c.err.text);
    for (int i = 0; i < 4; i++) assert_true(((float *)out.data)[i] == want[i]);
    caller_close(&f.c);
}

/* Each a single change that would read outside, or walk for ever. */
static void damaged_tables_are_refused(void **unused)
{
    (void)unused;
    static const struct {
        int row, column, value;
    } damage[] = {{0, 2, 0}, {0, 3, 0},  {2, 2, 2},         {2, 3, 1},        {0, 2, 5}, {0, 2, -1},
                  {1, 2, 3}, {1, 3, 4},  {1, 2, -1},        {1, 3, -1},       {2, 0, 2}, {2, 0, -1},
                  {2, 1, 7}, {0, 1, -1}, {4, 2, INT32_MAX}, {4, 3, INT32_MAX}};
    static const float x[] = {0, 0};
    for (size_t k = 0; k < IG_LEN(damage); k++) {
        fixture f;
        begin(&f, 1, x);
        f.rows[damage[k].row][damage[k].column] = damage[k].value;
        ig_tensor out;
        const ingot_status s = call(&f.c, f.node, f.in, &out);
        if (s != INGOT_E_FORMAT && s != INGOT_E_DATA) fail_msg("damage %zu: %d", k, s);
        caller_close(&f.c);
    }
}

static void wrong_roots_and_targets_are_refused(void **unused)
{
    (void)unused;
    static const float x[] = {0, 0};
    for (int k = 3; k < 5; k++) {
        fixture f;
        begin(&f, 1, x);
        ((int32_t *)f.in[k]->data)[1] = k == 3 ? 5 : 1;
        ig_tensor out;
        assert_int_equal(call(&f.c, f.node, f.in, &out), INGOT_E_FORMAT);
        caller_close(&f.c);
    }
}

static void a_row_does_not_depend_on_its_batch(void **unused)
{
    (void)unused;
    enum { ROWS = 20000 };
    static float x[2 * ROWS], alone[ROWS];
    for (size_t i = 0; i < 2 * ROWS; i++) x[i] = (float)(i * 7919 % 1000) / 250;
    for (int threads = 1; threads <= 4; threads += 3) {
        fixture f;
        begin(&f, ROWS, x);
        const ig_pool_options options = {.n_threads = (size_t)threads};
        assert_int_equal(ig_pool_open(&f.c.pool, &f.c.heap, &options, &f.c.err), INGOT_OK);
        ig_tensor out;
        if (call(&f.c, f.node, f.in, &out)) fail_msg("%s", f.c.err.text);
        if (threads == 1) memcpy(alone, out.data, sizeof alone);
        assert_memory_equal(alone, out.data, sizeof alone);
        caller_close(&f.c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walks_end_in_the_right_leaf),
        cmocka_unit_test(damaged_tables_are_refused),
        cmocka_unit_test(wrong_roots_and_targets_are_refused),
        cmocka_unit_test(a_row_does_not_depend_on_its_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
