/* einsum against brute force over all labels, and equations that are wrong. */
#include "tests/ops/call.h"

#include <math.h>

/* Dimension sizes of the letters a, b, c, ... */
static const int64_t sizes[] = {2, 3, 4, 5, 3, 2};
enum { LETTERS = 6 };

static size_t fill_dims(int64_t *dims, const char *term, size_t len)
{
    size_t n = 1;
    for (size_t i = 0; i < len; i++) n *= (size_t)(dims[i] = sizes[term[i] - 'a']);
    return n;
}

static size_t offset(const char *term, size_t len, const size_t *index)
{
    size_t at = 0;
    for (size_t i = 0; i < len; i++) at = at * (size_t)sizes[term[i] - 'a'] + index[term[i] - 'a'];
    return at;
}

/* terms: of the inputs, then of the result. */
static void brute_force(double *want, const char **terms, const size_t *lens, size_t n,
                        const ig_tensor *const *in)
{
    bool used[LETTERS] = {false};
    size_t index[LETTERS] = {0};
    for (size_t t = 0; t < n; t++)
        for (size_t i = 0; i < lens[t]; i++) used[terms[t][i] - 'a'] = true;
    for (int l = 0; l >= 0;) {
        double product = 1;
        for (size_t t = 0; t < n; t++)
            product *= (double)((const float *)in[t]->data)[offset(terms[t], lens[t], index)];
        want[offset(terms[n], lens[n], index)] += product;
        for (l = LETTERS - 1; l >= 0; l--) {
            if (used[l] && ++index[l] < (size_t)sizes[l]) break;
            index[l] = 0;
        }
    }
}

static void check_equation(const char *equation)
{
    caller c;
    const char *terms[5];
    size_t lens[5], n = 0;
    const ig_tensor *in[4];
    double want[4096] = {0};
    ig_tensor out;
    caller_open(&c);
    for (const char *p = equation;; p++) {
        terms[n] = p;
        lens[n] = strcspn(p, ",-");
        p += lens[n++];
        if (!*p) break;
        if (*p == '-') p++;
    }
    n--;
    for (size_t t = 0; t < n; t++) {
        int64_t dims[IG_MAX_RANK];
        const size_t count = fill_dims(dims, terms[t], lens[t]);
        float *v = ig_new_n(&c.arena, float, count);
        for (size_t i = 0; i < count; i++) v[i] = (float)((i * 7 + t * 5) % 11) - 4;
        in[t] = caller_tensor(&c, INGOT_F32, (int)lens[t], dims, v);
    }
    brute_force(want, terms, lens, n, in);
    ig_node *node = caller_node(&c, "einsum", n, 1);
    caller_text(&c, node, "equation", equation);
    if (call(&c, node, in, &out)) fail_msg("%s: %s", equation, c.err.text);
    assert_int_equal(out.rank, lens[n]);
    for (size_t i = 0; i < ig_tensor_elements(&out); i++)
        if ((double)((float *)out.data)[i] != want[i]) /* small whole numbers: exact */
            fail_msg("%s: element %zu is %g, not %g", equation, i, (double)((float *)out.data)[i],
                     want[i]);
    caller_close(&c);
}

static void equations_match_brute_force(void **state)
{
    (void)state;
    static const char *const equations[] = {
        "ab->ba",         "ab->",       "ab->a",          "aa->a",          "aa->",
        "ab,bc->ac",      "ab,cb->ac",  "ba,bc->ac",      "abc,acd->abd",   "a,b->ab",
        "ab,ab->ab",      "ab,ab->",    "ab,cd->",        "abc,cd,de->abe", "ab,b,b->a",
        "abcd,acde->abe", "aab,bc->ac", "abc,abc,abc->b", "ab,cd->acbd",    "a,a->a",
        "abe,abc->ec",    "ae,ab->be",  ",ab->ab",        "abcdef->fedcba",
    };
    for (size_t i = 0; i < IG_LEN(equations); i++) check_equation(equations[i]);
}

static ingot_status try_equation(const char *equation, ig_tensor *out, caller *c)
{
    ig_node *node = caller_node(c, "einsum", 2, 1);
    static const float v[24] = {1, 2, 3, 4, 5, 6};
    const ig_tensor *in[] = {caller_tensor(c, INGOT_F32, 3, (int64_t[]){2, 2, 3}, v),
                             caller_tensor(c, INGOT_F32, 2, (int64_t[]){3, 4}, v)};
    caller_text(c, node, "equation", equation);
    return call(c, node, in, out);
}

static void ellipses_and_implied_results(void **state)
{
    (void)state;
    caller c;
    ig_tensor a, b;
    caller_open(&c);
    assert_int_equal(try_equation("...ij, jk -> ...ik", &a, &c), INGOT_OK);
    assert_int_equal(a.rank, 3);
    assert_int_equal(a.dims[2], 4);
    assert_int_equal(try_equation("...ij,jk", &b, &c), INGOT_OK);
    assert_memory_equal(a.data, b.data, 16 * sizeof(float));
    assert_int_equal(try_equation("aij,...j->ai...", &b, &c), INGOT_E_FORMAT); /* 3 is not 4 */
    caller_close(&c);
}

static void wrong_equations_are_errors(void **state)
{
    (void)state;
    static const char *const equations[] = {
        "",         "ab,bc->ac",   "abc",     "abc,cd,de",  "abc,cd->ax",  "abc,cd->aa",
        "abc,c1",   "a...b...,cd", "abc,cd-", "abc,cd->a,", "abc,cd->a->", "abcdefghi,cd->a",
        "abc,bd->", "abc->abc",
    };
    caller c;
    ig_tensor out;
    caller_open(&c);
    for (size_t i = 0; i < IG_LEN(equations); i++)
        if (try_equation(equations[i], &out, &c) != INGOT_E_FORMAT)
            fail_msg("\"%s\" was accepted", equations[i]);
    caller_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equations_match_brute_force),
        cmocka_unit_test(ellipses_and_implied_results),
        cmocka_unit_test(wrong_equations_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
