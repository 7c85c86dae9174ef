/* unit_past_caches.c - ops whose result is larger than the last cache send it past the caches: the
 * same bits as where it is not, and every element of it, with two threads. */
#include "tests/ops/call.h"
#include "runtime/base/topology.h"

enum { COLS = 1040, MOST = 80 << 20 };

/* Rows of COLS floats of which the whole is past the caches; of a cache beyond MOST bytes no more
 * than that, where nothing is proved but that the ops run. */
static size_t many_rows(void)
{
    size_t rows = 0;
    while (!ig_past_caches(4.0 * COLS * (double)rows) && rows < MOST / (4 * COLS)) rows += 1000;
    return rows + 3;
}

typedef struct {
    caller c;
    size_t rows, n;
    float *x;
} fixture;

static void open_fixture(fixture *f)
{
    caller_open(&f->c);
    assert_int_equal(
        ig_pool_open(&f->c.pool, &f->c.heap, &(ig_pool_options){.n_threads = 2}, &f->c.err),
        INGOT_OK);
    f->rows = many_rows();
    f->n = f->rows * COLS;
    f->x = malloc(f->n * sizeof *f->x);
    assert_non_null(f->x);
    uint32_t seed = 1;
    for (size_t i = 0; i < f->n; i++) {
        seed = seed * 1664525 + 1013904223;
        f->x[i] = (float)(int32_t)seed * 0x1p-29f;
    }
}

static void close_fixture(fixture *f)
{
    free(f->x);
    caller_close(&f->c);
}

static ig_tensor *tensor_of(fixture *f, size_t first, size_t rows)
{
    return caller_tensor(&f->c, INGOT_F32, 2, (int64_t[]){(int64_t)rows, COLS},
                         f->x + first * COLS);
}

static const float *run_node(fixture *f, const ig_node *node, const ig_tensor *a,
                             const ig_tensor *b)
{
    static ig_tensor out;
    const ig_tensor *in[] = {a, b};
    if (call(&f->c, node, in, &out)) fail_msg("%s: %s", node->op->name, f->c.err.text);
    return out.data;
}

/* All rows at once against some of them alone, which stay in the caches. */
static void compare_rows(fixture *f, const ig_node *node, const ig_tensor *b)
{
    const float *all = run_node(f, node, tensor_of(f, 0, f->rows), b);
    const size_t part = 37, firsts[] = {0, f->rows / 2 - 3, f->rows - part};
    for (size_t i = 0; i < IG_LEN(firsts); i++) {
        const float *some = run_node(f, node, tensor_of(f, firsts[i], part), b);
        assert_memory_equal(all + firsts[i] * COLS, some, part * COLS * sizeof *some);
    }
}

static void elementwise(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f);
    ig_node *unary = caller_node(&f.c, "unary", 1, 1), *binary = caller_node(&f.c, "binary", 2, 1);
    caller_text(&f.c, unary, "fn", "leaky_relu");
    compare_rows(&f, unary, NULL);
    caller_text(&f.c, binary, "fn", "sub");
    compare_rows(&f, binary, caller_tensor(&f.c, INGOT_F32, 0, NULL, f.x));
    compare_rows(&f, binary, caller_tensor(&f.c, INGOT_F32, 1, (int64_t[]){COLS}, f.x));
    close_fixture(&f);
}

static void softmax(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f);
    compare_rows(&f, caller_node(&f.c, "softmax", 1, 1), NULL);
    close_fixture(&f);
}

static void transpose(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f);
    const float *y =
        run_node(&f, caller_node(&f.c, "transpose", 1, 1), tensor_of(&f, 0, f.rows), NULL);
    size_t wrong = 0;
    for (size_t c = 0; c < COLS; c++)
        for (size_t r = 0; r < f.rows; r++) wrong += y[c * f.rows + r] != f.x[r * COLS + c];
    assert_int_equal(wrong, 0);
    close_fixture(&f);
}

/* [n] by [n] along the second axis: runs of a row each. */
static void concat(void **state)
{
    (void)state;
    fixture f;
    open_fixture(&f);
    ig_node *node = caller_node(&f.c, "concat", 2, 1);
    caller_int(&f.c, node, "axis", 1);
    const ig_tensor *x = tensor_of(&f, 0, f.rows);
    const float *y = run_node(&f, node, x, x);
    for (size_t r = 0; r < f.rows; r++) {
        assert_memory_equal(y + 2 * r * COLS, f.x + r * COLS, COLS * sizeof *y);
        assert_memory_equal(y + (2 * r + 1) * COLS, f.x + r * COLS, COLS * sizeof *y);
    }
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elementwise),
        cmocka_unit_test(softmax),
        cmocka_unit_test(transpose),
        cmocka_unit_test(concat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
