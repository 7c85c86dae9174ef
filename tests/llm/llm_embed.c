/* llm_embed.c - embed: a row of each form of the table is the row of the plain one, bit for bit;
 * rope_table: what kernels/rope makes for these positions; ids, positions, shapes and attributes
 * that cannot be are refused. */
#include "tests/graph/small.h"
#include "tests/llm/low_bits.h"
#include "kernels/gemm/gemm.h"
#include "kernels/rope/rope.h"
#include "runtime/base/checked.h"
#include "runtime/base/half.h"

#include <stdlib.h>

enum { V = 53, D = 71, T = 40 };

static float table[V * D];
static int32_t ids[T];

static int fill_table(void **state)
{
    (void)state;
    uint32_t seed = 3;
    for (size_t i = 0; i < V * D; i++)
        table[i] = (float)((seed = seed * 1664525u + 1013904223u) >> 8) * 0x1p-23f - 1;
    for (size_t i = 0; i < T; i++) ids[i] = (int32_t)(i * 31 % V);
    return 0;
}

/* ---- a graph of one node ---- */

typedef struct {
    ig_heap heap;
    ig_graph *g;
    ig_node *node;
    ig_exec *x;
    ingot_error err;
} one;

static void open_one(one *o, const char *op, ig_id constant)
{
    const int64_t tokens = ig_graph_symbol(o->g, "tokens");
    const ig_type type = ig_type_tensor(INGOT_I32, 1, &tokens);
    const ig_id x = ig_graph_value(o->g, "ids", &type), y = ig_graph_value(o->g, "y", NULL);
    const ig_id in[2] = {x, constant};
    o->node = ig_graph_node(o->g, ig_op_find(op), op, in, 2, &y, 1, 0);
    assert_true(ig_graph_set_io(o->g, &x, 1, &y, 1));
    const ig_exec_options options = {.heap = &o->heap};
    ingot_error err;
    check_ok(ig_exec_open(&o->x, o->g, &options, &err));
}

static void open_graph(one *o)
{
    memset(o, 0, sizeof *o);
    ig_heap_init(&o->heap, NULL);
    o->g = ig_graph_open(&o->heap, NULL);
}

static void close_one(one *o)
{
    ig_exec_close(&o->x);
    ig_graph_close(&o->g);
    assert_int_equal(o->heap.live_bytes, 0);
}

static void set(one *o, const char *name, ig_attr_kind kind, int64_t i, double f, const char *s)
{
    ingot_error err;
    const ig_attr_value v = {.kind = kind, .i = i, .f = f, .s = s};
    check_ok(ig_attr_set(o->node->attrs, ig_attr_find(o->node->op->attrs, name), &v, &o->g->arena,
                         &err));
}

static ingot_status run_ids(one *o, ig_tensor *out, const int32_t *v, int64_t n)
{
    ig_tensor in = {.dtype = INGOT_I32, .rank = 1, .dims = {n}};
    in.data = malloc((size_t)n * sizeof *v + 1);
    memcpy(in.data, v, (size_t)n * sizeof *v);
    *out = (ig_tensor){0};
    const ingot_status s = ig_exec_run(o->x, out, &in, &o->err);
    free(in.data);
    return s;
}

/* The rows of `want` [V, D], times scale. */
static void expect_rows(one *o, const float *want, float scale)
{
    ig_tensor y;
    if (run_ids(o, &y, ids, T)) fail_msg("%s", o->err.text);
    assert_int_equal(y.dims[0], T);
    assert_int_equal(y.dims[1], D);
    for (size_t i = 0; i < T; i++)
        for (size_t k = 0; k < D; k++) {
            const float w = want[(size_t)ids[i] * D + k];
            const float got = ((const float *)y.data)[i * D + k];
            if (got != (scale == 1 ? w : w * scale)) fail_msg("row %zu, %zu: %g", i, k, got);
        }
}

static void expect_bad_id(one *o)
{
    ig_tensor y;
    static const int32_t bad[] = {V, -1, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < IG_LEN(bad); i++) {
        assert_int_equal(run_ids(o, &y, &bad[i], 1), INGOT_E_DATA);
        assert_non_null(strstr(o->err.text, "the table has 53 rows"));
    }
}

/* ---- embed ---- */

static void narrow(void *to, float *wide, const float *from, size_t n, ingot_dtype dtype)
{
    for (size_t i = 0; i < n; i++) {
        const uint16_t h = dtype == INGOT_BF16 ? ig_f32_to_bf16(from[i]) : ig_f32_to_f16(from[i]);
        if (dtype == INGOT_F32)
            ((float *)to)[i] = from[i];
        else
            ((uint16_t *)to)[i] = h;
        wide[i] = dtype == INGOT_F32    ? from[i]
                  : dtype == INGOT_BF16 ? ig_bf16_to_f32(h)
                                        : ig_f16_to_f32(h);
    }
}

/* [V, D] to [D, V]. */
static void turn(void *to, const void *from, ingot_dtype dtype)
{
    const size_t each = ig_dtype(dtype)->bytes;
    for (size_t v = 0; v < V; v++)
        for (size_t d = 0; d < D; d++)
            memcpy((char *)to + (d * V + v) * each, (const char *)from + (v * D + d) * each, each);
}

static void *panels_of(const void *rows, ingot_dtype dtype)
{
    void *p = calloc(ig_gemm_packed(D + 1, V), sizeof(float));
    if (dtype == INGOT_F32) ig_gemm_pack_f32()(p, rows, D, V, 1, D, 0, ig_gemm_panels(V));
    if (dtype == INGOT_F16) ig_gemm_pack_f16()(p, rows, D, V, 1, D, 0, ig_gemm_panels(V));
    if (dtype == INGOT_BF16) ig_gemm_pack_bf16()(p, rows, D, V, 1, D, 0, ig_gemm_panels(V));
    return p;
}

enum { ROWS, COLUMNS, PANELS, FORMS };

static void floats_in_every_form(void **state)
{
    (void)state;
    static const ingot_dtype types[] = {INGOT_F32, INGOT_F16, INGOT_BF16};
    static float rows[V * D], columns[V * D], wide[V * D];
    for (size_t t = 0; t < IG_LEN(types); t++)
        for (int form = 0; form < FORMS; form++) {
            one o;
            open_graph(&o);
            narrow(rows, wide, table, V * D, types[t]);
            turn(columns, rows, types[t]);
            void *panels = panels_of(rows, types[t]);
            const int64_t dims[] = {form ? D : V, form ? V : D};
            const ig_id c = ig_graph_const(o.g, "table", types[t], 2, dims,
                                           form == PANELS    ? panels
                                           : form == COLUMNS ? (void *)columns
                                                             : rows);
            o.g->values[c].layout = form == PANELS ? IG_P16 : IG_PLAIN;
            open_one(&o, "embed", c);
            set(&o, "turned", IG_ATTR_INT, form != ROWS, 0, NULL);
            expect_rows(&o, wide, 1);
            set(&o, "scale", IG_ATTR_FLOAT, 0, 8.485, NULL);
            expect_rows(&o, wide, (float)8.485);
            expect_bad_id(&o);
            close_one(&o);
            free(panels);
        }
}

static void low_bits_in_every_format(void **state)
{
    (void)state;
    static float wide[V * D];
    size_t n;
    const ig_q_format *all = ig_q_formats(&n);
    for (size_t i = 0; i < n; i++) {
        one o;
        ig_q_layout l;
        open_graph(&o);
        assert_true(ig_q_layout_of(&l, &all[i], D));
        uint8_t *panels = low_random(&all[i], V, D, (uint32_t)i);
        ig_q_unpack(wide, 1, D, panels, &all[i], V, D, 0, ig_q_panels(V));
        const int64_t dims[] = {(int64_t)ig_q_panels(V), (int64_t)l.panel_bytes};
        open_one(&o, "embed", ig_graph_const(o.g, "table", INGOT_U8, 2, dims, panels));
        set(&o, "n", IG_ATTR_INT, V, 0, NULL);
        set(&o, "k", IG_ATTR_INT, D, 0, NULL);
        set(&o, "format", IG_ATTR_TEXT, 0, 0, all[i].name);
        expect_rows(&o, wide, 1);
        expect_bad_id(&o);
        close_one(&o);
        free(panels);
    }
}

static void tables_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        int64_t n, k, turned;
    } bad[] = {{"i4g31", V, D, 0},      {"i8g32", 0, D, 0}, {"i8g32", V, INT64_MAX, 0},
               {"i8g32", V + 16, D, 0}, {"i8g32", V, D, 1}, {"i8g32", -V, -D, 0}};
    ig_q_layout l;
    const ig_q_format *f = ig_q_format_named("i8g32");
    assert_true(ig_q_layout_of(&l, f, D));
    uint8_t *panels = low_random(f, V, D, 1);
    for (size_t i = 0; i < IG_LEN(bad); i++) {
        one o;
        open_graph(&o);
        const int64_t dims[] = {(int64_t)ig_q_panels(V), (int64_t)l.panel_bytes};
        open_one(&o, "embed", ig_graph_const(o.g, "table", INGOT_U8, 2, dims, panels));
        set(&o, "n", IG_ATTR_INT, bad[i].n, 0, NULL);
        set(&o, "k", IG_ATTR_INT, bad[i].k, 0, NULL);
        set(&o, "turned", IG_ATTR_INT, bad[i].turned, 0, NULL);
        set(&o, "format", IG_ATTR_TEXT, 0, 0, bad[i].format);
        ig_tensor y;
        if (run_ids(&o, &y, ids, T) != INGOT_E_FORMAT) fail_msg("case %zu was taken", i);
        close_one(&o);
    }
    free(panels);
}

/* ---- rope_table ---- */

enum { HALF = 12 };

static void tables_are_those_of_the_kernel(void **state)
{
    (void)state;
    static const char *const names[] = {"plain", "linear", "ntk", "yarn", "llama3"};
    float divide[HALF], want[2 * HALF];
    for (size_t i = 0; i < HALF; i++) divide[i] = 1 + (float)i / 4;
    for (size_t i = 0; i < 2 * IG_LEN(names); i++) {
        one o;
        open_graph(&o);
        const bool divided = i % 2;
        const ig_rope_scaling scaling = (ig_rope_scaling)(i / 2);
        const ig_id d = small_const(o.g, "divide", 1, (int64_t[]){HALF}, divide);
        open_one(&o, "rope_table", divided ? d : IG_NO_VALUE);
        set(&o, "half", IG_ATTR_INT, HALF, 0, NULL);
        set(&o, "base", IG_ATTR_FLOAT, 0, 5000, NULL);
        set(&o, "factor", IG_ATTR_FLOAT, 0, 4, NULL);
        set(&o, "context", IG_ATTR_FLOAT, 0, 128, NULL);
        set(&o, "scaling", IG_ATTR_TEXT, 0, 0, names[i / 2]);
        const bool llama3 = scaling == IG_ROPE_LLAMA3;
        const ig_rope_rule rule = {.base = 5000,
                                   .half = HALF,
                                   .scaling = scaling,
                                   .factor = 4,
                                   .context = 128,
                                   .fast = llama3 ? 4 : 32,
                                   .slow = 1,
                                   .divide = divided ? divide : NULL};
        double w[HALF];
        ig_rope_frequencies(w, &rule);
        ig_tensor y;
        if (run_ids(&o, &y, ids, T)) fail_msg("%s", o.err.text);
        assert_int_equal(y.dims[1], 2);
        for (size_t t = 0; t < T; t++) {
            ig_rope_table(want, want + HALF, w, &rule, (size_t)ids[t], 1);
            assert_memory_equal(want, (float *)y.data + t * 2 * HALF, sizeof want);
        }
        assert_int_equal(run_ids(&o, &y, &(int32_t){-1}, 1), INGOT_E_DATA);
        close_one(&o);
    }
}

static void rules_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *scaling;
        double v;
    } bad[] = {{"half", "plain", 0},  {"half", "plain", -3}, {"half", "plain", 1e15},
               {"base", "plain", -1}, {"base", "yarn", 1},   {"factor", "linear", 0},
               {"fast", "yarn", 0.5}, {"slow", "llama3", 9}, {"context", "llama3", 0}};
    for (size_t i = 0; i < IG_LEN(bad); i++) {
        one o;
        open_graph(&o);
        open_one(&o, "rope_table", IG_NO_VALUE);
        set(&o, "half", IG_ATTR_INT, HALF, 0, NULL);
        set(&o, "context", IG_ATTR_FLOAT, 0, 128, NULL);
        set(&o, "scaling", IG_ATTR_TEXT, 0, 0, bad[i].scaling);
        const bool whole = !strcmp(bad[i].name, "half");
        set(&o, bad[i].name, whole ? IG_ATTR_INT : IG_ATTR_FLOAT, (int64_t)bad[i].v, bad[i].v, 0);
        ig_tensor y;
        if (run_ids(&o, &y, ids, T) != INGOT_E_FORMAT) fail_msg("case %zu was taken", i);
        close_one(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_in_every_form),
        cmocka_unit_test(low_bits_in_every_format),
        cmocka_unit_test(tables_that_cannot_be_are_refused),
        cmocka_unit_test(tables_are_those_of_the_kernel),
        cmocka_unit_test(rules_that_cannot_be_are_refused),
    };
    return cmocka_run_group_tests(tests, fill_table, NULL);
}
