/* unit_attention.c - attention: both ways to store heads agree, the kernel and the row by row path
 * agree, threads change nothing, hidden queries give zeros, hostile inputs are refused. */
#include "tests/ops/call.h"

#include <math.h>

enum { B = 2, H = 4, TQ = 61, TK = 33, D = 8, HD = H * D };

static uint32_t seed = 7;

static ig_tensor *floats(caller *c, int rank, const int64_t *dims)
{
    ig_tensor shape = {.rank = rank};
    memcpy(shape.dims, dims, (size_t)rank * sizeof *dims);
    const size_t n = ig_tensor_elements(&shape);
    float *p = ig_arena_take(&c->arena, n * sizeof *p + 1);
    for (size_t i = 0; i < n; i++)
        p[i] = (float)((seed = seed * 1664525u + 1013904223u) >> 8) / 8388608.0f - 1;
    return caller_tensor(c, INGOT_F32, rank, dims, p);
}

/* [B, T, H * D] to [B, H, T, D]. */
static ig_tensor *apart(caller *c, const ig_tensor *x)
{
    const size_t tokens = (size_t)x->dims[1];
    ig_tensor *y = caller_tensor(c, INGOT_F32, 4, (int64_t[]){B, H, x->dims[1], D}, x->data);
    for (size_t i = 0; i < B * tokens * HD; i++) {
        const size_t at = ((i / (tokens * HD) * H + i / D % H) * tokens + i / HD % tokens) * D;
        ((float *)y->data)[at + i % D] = ((const float *)x->data)[i];
    }
    return y;
}

static ig_node *node_of(caller *c, size_t n_in, size_t n_out, int64_t heads)
{
    ig_node *node = caller_node(c, "attention", n_in, n_out);
    caller_int(c, node, "q_heads", heads);
    caller_int(c, node, "kv_heads", heads);
    return node;
}

static void layouts_agree(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    const ig_tensor *packed[3] = {floats(&c, 3, (int64_t[]){B, TQ, HD}),
                                  floats(&c, 3, (int64_t[]){B, TK, HD}),
                                  floats(&c, 3, (int64_t[]){B, TK, HD})};
    const ig_tensor *four[3];
    for (size_t i = 0; i < 3; i++) four[i] = apart(&c, packed[i]);
    ig_tensor a, b, threaded;
    assert_int_equal(call(&c, node_of(&c, 3, 1, H), packed, &a), INGOT_OK);
    assert_int_equal(call(&c, node_of(&c, 3, 1, 0), four, &b), INGOT_OK);
    assert_memory_equal(apart(&c, &a)->data, b.data, B * TQ * HD * sizeof(float));
    assert_int_equal(ig_pool_open(&c.pool, &c.heap, &(ig_pool_options){.n_threads = 8}, &c.err),
                     INGOT_OK);
    assert_int_equal(call(&c, node_of(&c, 3, 1, H), packed, &threaded), INGOT_OK);
    assert_memory_equal(a.data, threaded.data, B * TQ * HD * sizeof(float));
    caller_close(&c);
}

/* Asking for the scores takes the row by row path to the same result: sums of at most 33 terms
 * below 1 differ by some 33 roundings. */
static void paths_agree(void **state)
{
    (void)state;
    static const struct {
        int64_t causal, left, right;
        double softcap;
    } options[] = {{0, -1, -1, 0}, {1, -1, -1, 0},  {0, 7, 4, 0},
                   {1, 5, -1, 0},  {0, -1, 3, 0.5}, {1, INT64_MAX, INT64_MAX, 0}};
    caller c;
    caller_open(&c);
    const ig_tensor *in[4] = {
        floats(&c, 3, (int64_t[]){B, TQ, HD}), floats(&c, 3, (int64_t[]){B, TK, HD}),
        floats(&c, 3, (int64_t[]){B, TK, HD}), floats(&c, 3, (int64_t[]){H, 1, TK})};
    for (size_t o = 0; o < IG_LEN(options); o++) {
        ig_tensor a, b[4];
        for (size_t n_out = 1; n_out <= 4; n_out += 3) {
            ig_node *node = node_of(&c, 4, n_out, H);
            caller_int(&c, node, "causal", options[o].causal);
            caller_int(&c, node, "left_window", options[o].left);
            caller_int(&c, node, "right_window", options[o].right);
            caller_set(&c, node, "softcap",
                       (ig_attr_value){.kind = IG_ATTR_FLOAT, .f = options[o].softcap});
            assert_int_equal(call(&c, node, in, n_out == 1 ? &a : b), INGOT_OK);
        }
        for (size_t i = 0; i < B * TQ * HD; i++) {
            const float x = ((float *)a.data)[i], y = ((float *)b[0].data)[i];
            assert_true(fabsf(x - y) <= 64 * 1.2e-7f);
        }
    }
    caller_close(&c);
}

static void hidden_queries_give_zeros(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    const uint8_t mask[] = {1, 1, 0, 0};
    const ig_tensor *in[4] = {floats(&c, 4, (int64_t[]){1, 1, 2, 3}),
                              floats(&c, 4, (int64_t[]){1, 1, 2, 3}),
                              floats(&c, 4, (int64_t[]){1, 1, 2, 3}),
                              caller_tensor(&c, INGOT_BOOL, 2, (int64_t[]){2, 2}, mask)};
    ig_tensor y;
    assert_int_equal(call(&c, node_of(&c, 4, 1, 0), in, &y), INGOT_OK);
    assert_true(((float *)y.data)[0] != 0);
    for (size_t i = 3; i < 6; i++) assert_true(((float *)y.data)[i] == 0);
    caller_close(&c);
}

static ingot_status attend(caller *c, const ig_tensor *q, const ig_tensor *k, const ig_tensor *mask,
                           const ig_tensor *len, int64_t heads)
{
    ig_tensor y;
    const ig_tensor *in[7] = {q, k, k, mask, NULL, NULL, len};
    return call(c, node_of(c, 7, 1, heads), in, &y);
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    const ig_tensor *q = floats(&c, 3, (int64_t[]){1, 2, 12}),
                    *k = floats(&c, 3, (int64_t[]){1, 5, 12});
    const int64_t many = 6, none = 0, negative = -1;
    assert_int_equal(attend(&c, q, k, NULL, NULL, 3), INGOT_OK);
    assert_int_equal(attend(&c, q, k, NULL, NULL, 0), INGOT_E_FORMAT);
    assert_int_equal(attend(&c, q, k, NULL, NULL, 5), INGOT_E_FORMAT);
    assert_int_equal(attend(&c, q, k, NULL, NULL, -1), INGOT_E_FORMAT);
    assert_int_equal(attend(&c, q, k, NULL, NULL, INT64_MAX), INGOT_E_FORMAT);
    assert_int_equal(attend(&c, q, k, floats(&c, 2, (int64_t[]){2, 5}), NULL, 3), INGOT_OK);
    assert_int_equal(attend(&c, q, k, floats(&c, 2, (int64_t[]){2, 4}), NULL, 3), INGOT_OK);
    assert_int_equal(attend(&c, q, k, floats(&c, 2, (int64_t[]){2, 0}), NULL, 3), INGOT_OK);
    assert_int_equal(attend(&c, q, k, floats(&c, 2, (int64_t[]){2, 6}), NULL, 3), INGOT_E_FORMAT);
    assert_int_equal(attend(&c, q, k, floats(&c, 2, (int64_t[]){3, 5}), NULL, 3), INGOT_E_FORMAT);
    assert_int_equal(attend(&c, q, k, NULL, caller_ints(&c, 1, &none), 3), INGOT_OK);
    assert_int_equal(attend(&c, q, k, NULL, caller_ints(&c, 1, &many), 3), INGOT_E_DATA);
    assert_int_equal(attend(&c, q, k, NULL, caller_ints(&c, 1, &negative), 3), INGOT_E_DATA);
    assert_int_equal(attend(&c, q, floats(&c, 3, (int64_t[]){1, 0, 12}), NULL, NULL, 3), INGOT_OK);
    assert_int_equal(attend(&c, floats(&c, 3, (int64_t[]){1, 0, 12}), k, NULL, NULL, 3), INGOT_OK);
    assert_int_equal(attend(&c, q, floats(&c, 3, (int64_t[]){2, 5, 12}), NULL, NULL, 3),
                     INGOT_E_FORMAT);
    caller_close(&c);
}

static void positions_stay_in_the_table(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    const int64_t good[] = {0, 4}, high[] = {0, 5}, low[] = {-1, 0};
    const int64_t *const lists[] = {good, high, low};
    for (size_t i = 0; i < 3; i++) {
        ig_tensor y;
        const ig_tensor *in[4] = {floats(&c, 4, (int64_t[]){1, 3, 2, 4}),
                                  floats(&c, 2, (int64_t[]){5, 2}),
                                  floats(&c, 2, (int64_t[]){5, 2}),
                                  caller_tensor(&c, INGOT_I64, 2, (int64_t[]){1, 2}, lists[i])};
        assert_int_equal(call(&c, caller_node(&c, "rotary_embedding", 4, 1), in, &y),
                         i ? INGOT_E_DATA : INGOT_OK);
    }
    caller_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts_agree),
        cmocka_unit_test(paths_agree),
        cmocka_unit_test(hidden_queries_give_zeros),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(positions_stay_in_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
