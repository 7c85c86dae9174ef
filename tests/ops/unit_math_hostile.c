/* Types and attributes as a broken file may have them: inference answers with a type that makes
 * sense or with an error, whatever it is given. Seeded; worth most under the sanitizers. */
#include "tests/ops/call.h"

#include <math.h>

static const char *const ops[] = {
    "arg_reduce", "binary", "bitcast",  "cast", "clip",        "cumulate", "det",    "dft",
    "dropout",    "einsum", "eye_like", "fill", "mel_weights", "nll_loss", "random", "range",
    "reduce",     "sample", "softmax",  "stft", "unary",       "where",    "window",
};

static uint32_t seed = 12345;
static uint32_t dice(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static int64_t any_int(void)
{
    static const int64_t list[] = {0, 1,  2,  -1,        -2,        3,         7,
                                   8, -9, 64, INT32_MAX, INT64_MAX, INT64_MIN, INT64_C(1) << 40};
    return list[dice(IG_LEN(list))];
}

static ig_type any_type(void)
{
    ig_type t = {.dtype = (ingot_dtype)dice(27), .rank = (int)dice(10) - 1};
    static const int64_t dims[] = {
        0, 1, 2, 3, 4, 5, IG_DIM_UNKNOWN, IG_DIM_SYMBOL(3), INT64_MAX, INT64_C(1) << 33};
    if (t.rank > IG_MAX_RANK) t.rank = 1;
    for (int d = 0; d < t.rank; d++) t.dims[d] = dims[dice(dice(3) ? 4 : IG_LEN(dims))];
    return t;
}

/* Content for small types, of hostile numbers; NULL: not known. */
static ig_tensor *any_content(caller *c, const ig_type *t)
{
    size_t n;
    if (dice(2) || !ig_type_static(t) || !ig_type_elements(t, &n) || n > 64) return NULL;
    if (t->dtype == INGOT_STR || !ig_dtype_valid((int)t->dtype)) return NULL;
    char zeros[64 * 16] = {0};
    ig_tensor *x = caller_tensor(c, t->dtype, t->rank, t->dims, zeros);
    for (size_t i = 0; i < n; i++)
        if (t->dtype == INGOT_I64)
            ((int64_t *)x->data)[i] = any_int();
        else
            ig_from_double(x->data, t->dtype, i, dice(9) ? (double)any_int() : (double)NAN);
    return x;
}

static void any_attrs(caller *c, ig_node *node)
{
    static const char *const equations[] = {"ij,jk->ik", "...", "ii->", "a", "", ",,", "ab,ab"};
    for (const ig_attr *f = node->op->attrs; f && f->kind != IG_ATTR_END; f++) {
        int64_t ints[12];
        for (size_t i = 0; i < IG_LEN(ints); i++) ints[i] = any_int();
        size_t n_choices = 0;
        while (f->kind == IG_ATTR_ENUM && f->choices[n_choices]) n_choices++;
        ig_attr_value v = {.kind = f->kind == IG_ATTR_ENUM ? IG_ATTR_TEXT : f->kind,
                           .i = dice(2) ? any_int() : dice(28),
                           .f = dice(2) ? (double)NAN : (double)any_int(),
                           .ints = {ints, dice(IG_LEN(ints))}};
        v.s = f->kind == IG_ATTR_ENUM ? f->choices[dice((uint32_t)n_choices)]
                                      : equations[dice(IG_LEN(equations))];
        if (dice(3)) caller_set(c, node, f->name, v);
    }
}

static void infer_once(const char *name)
{
    caller c;
    caller_open(&c);
    const ig_op *op = ig_op_find(name);
    assert_non_null(op);
    const size_t n_in = op->min_in + dice((uint32_t)(IG_MIN(op->max_in, 5) - op->min_in + 1));
    ig_node *node = caller_node(&c, name, n_in, op->max_out);
    ig_type in[8], out[4] = {{.rank = IG_RANK_UNKNOWN}, {.rank = IG_RANK_UNKNOWN}};
    const ig_type *types[8] = {0};
    const ig_tensor *known[8] = {0};
    for (size_t i = 0; i < n_in; i++) {
        in[i] = any_type();
        if (i && dice(2)) in[i].dtype = in[0].dtype;
        if (i >= op->min_in && !dice(3)) continue;
        types[i] = &in[i];
        known[i] = any_content(&c, &in[i]);
    }
    any_attrs(&c, node);
    const ingot_status s = ig_node_infer(node, types, known, out, &c.err);
    if (s != INGOT_OK && s != INGOT_E_FORMAT) fail_msg("%s: %d, %s", name, s, c.err.text);
    for (int o = 0; s == INGOT_OK && o < op->max_out; o++) {
        assert_in_range(out[o].rank + 1, 0, IG_MAX_RANK + 1);
        assert_true(out[o].dtype == INGOT_NONE || ig_dtype_valid((int)out[o].dtype));
    }
    caller_close(&c);
}

static void inference_survives_anything(void **state)
{
    (void)state;
    for (int round = 0; round < 2000; round++)
        for (size_t i = 0; i < IG_LEN(ops); i++) infer_once(ops[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(inference_survives_anything)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
