/* unit_pass_attention.c - attention as exporters spell it becomes one node and computes the same;
 * what only looks like it is left alone. Batch and sequence are symbols, as in real files. */
#include "tests/graph/small.h"
#include "runtime/graph/match.h"
#include "runtime/graph/sizes.h"

#include <math.h>

enum { B = 2, T = 5, H = 2, D = 8, W = H * D };

typedef struct {
    ig_heap heap;
    ig_graph *g;
    ig_id x, mask, seen; /* [batch, seq, W], [batch, 1, 1, seq], [batch, 1, seq, seq] bool */
    int64_t batch, seq;
} fixture;

/* What a spelling varies. */
typedef struct {
    enum { PERMUTED, SWAPPED, FLAT, TRANS_B } keys;
    enum { DIV, BOTH_SIDES, AFTER_MASK } scale;
    enum { NONE, ADDED, CHOSEN, GUARDED } mask;
    float fill, cap;
    int64_t axis;
    bool shared_key_head, repeated, scores_read, weights_read, wrong_turn;
} spelling;

static void begin(fixture *f)
{
    ig_heap_init(&f->heap, NULL);
    f->g = ig_graph_open(&f->heap, NULL);
    f->batch = ig_graph_symbol(f->g, "batch");
    f->seq = ig_graph_symbol(f->g, "seq");
    f->x = small_input(f->g, "x", 3, (int64_t[]){f->batch, f->seq, W});
    f->mask = small_input(f->g, "mask", 4, (int64_t[]){f->batch, 1, 1, f->seq});
    const ig_type seen = ig_type_tensor(INGOT_BOOL, 4, (int64_t[]){f->batch, 1, f->seq, f->seq});
    f->seen = ig_graph_value(f->g, "seen", &seen);
}

static ig_node *last(const fixture *f) { return f->g->nodes[f->g->n_nodes - 1]; }

static ig_id node(fixture *f, const char *op, const ig_id *in, size_t n_in)
{
    const ig_id out = ig_graph_value(f->g, "", NULL);
    assert_non_null(ig_graph_node(f->g, ig_op_find(op), op, in, n_in, &out, 1, 0));
    return out;
}

static ig_id ints(fixture *f, const int64_t *v, size_t n)
{
    return ig_graph_const_ints(f->g, "", v, n);
}

static ig_id scalar(fixture *f, float v) { return small_const(f->g, "", 0, NULL, &v); }

static ig_id transpose(fixture *f, ig_id x, const int64_t *perm, size_t rank)
{
    const ig_id y = node(f, "transpose", &x, 1);
    assert_true(ig_put_attr_ints(f->g, last(f), "perm", perm, rank));
    return y;
}

/* Dimension d of x as a vector of one, by Shape, Gather and Unsqueeze. */
static ig_id dim(fixture *f, ig_id x, int64_t d)
{
    const int64_t zero = 0;
    const ig_id at = ig_graph_const_copy(f->g, "", INGOT_I64, 0, NULL, &d);
    const ig_id one = node(f, "gather", (ig_id[]){node(f, "shape", &x, 1), at}, 2);
    return node(f, "unsqueeze", (ig_id[]){one, ints(f, &zero, 1)}, 2);
}

static ig_id reshape(fixture *f, ig_id x, const ig_id *parts, size_t n)
{
    return node(f, "reshape", (ig_id[]){x, node(f, "concat", parts, n)}, 2);
}

/* x W + b as [batch, seq, heads, D]. */
static ig_id projected(fixture *f, int64_t heads)
{
    static unsigned seed = 1;
    float w[W * W];
    const int64_t dims[2] = {W, heads * D};
    for (int i = 0; i < W * W; i++) {
        seed = seed * 1664525u + 1013904223u;
        w[i] = (float)(seed >> 8) / (float)(1 << 24) - 0.5f;
    }
    const ig_id y = small_op(f->g, "matmul", NULL, f->x, small_const(f->g, "", 2, dims, w));
    const ig_id b = small_const(f->g, "", 1, &dims[1], w);
    const ig_id sum = small_binary(f->g, "add", y, b);
    const ig_id parts[] = {dim(f, sum, 0), dim(f, sum, 1), ints(f, (int64_t[]){heads, D}, 2)};
    return reshape(f, sum, parts, 3);
}

static const int64_t heads_first[] = {0, 2, 1, 3}, keys_last[] = {0, 2, 3, 1};
static const int64_t swapped[] = {0, 1, 3, 2}, swapped_3[] = {0, 2, 1};

/* [batch, 1, seq, D] of one head as [batch, H, seq, D]. */
static ig_id repeated(fixture *f, ig_id x)
{
    const int64_t two = 2, heads = H, both[] = {1, H};
    const ig_id apart = node(f, "unsqueeze", (ig_id[]){x, ints(f, &two, 1)}, 2);
    const ig_id to[] = {dim(f, x, 0), ints(f, both, 2), dim(f, x, 2), dim(f, x, 3)};
    const ig_id spread = node(f, "expand", (ig_id[]){apart, node(f, "concat", to, 4)}, 2);
    return reshape(f, spread, (ig_id[]){dim(f, x, 0), ints(f, &heads, 1), to[2], to[3]}, 4);
}

static ig_id key_columns(fixture *f, const spelling *s)
{
    const ig_id k = projected(f, s->shared_key_head || s->repeated ? 1 : H);
    if (s->keys == PERMUTED) return transpose(f, k, keys_last, 4);
    ig_id t = transpose(f, k, heads_first, 4);
    if (s->repeated) t = repeated(f, t);
    if (s->keys == TRANS_B) return t;
    if (s->keys == SWAPPED) return transpose(f, t, swapped, 4);
    const int64_t rest = -1;
    const ig_id flat[] = {ints(f, &rest, 1), dim(f, t, 2), dim(f, t, 3)};
    const ig_id y = transpose(f, reshape(f, t, flat, 3), swapped_3, 3);
    const ig_id back[] = {dim(f, t, 0), dim(f, t, 1), dim(f, t, 3), dim(f, t, 2)};
    return reshape(f, y, back, 4);
}

static ig_id weights(fixture *f, const spelling *s, ig_id scores)
{
    ig_id z = scores;
    if (s->mask == ADDED) z = small_binary(f->g, "add", f->mask, z);
    if (s->mask >= CHOSEN) z = node(f, "where", (ig_id[]){f->seen, z, scalar(f, s->fill)}, 3);
    if (s->scale == AFTER_MASK) z = small_binary(f->g, "div", z, scalar(f, 2.0f));
    const ig_id p = node(f, "softmax", &z, 1);
    assert_true(ig_put_attr_int(f->g, last(f), "axis", s->axis ? s->axis : -1));
    if (s->mask != GUARDED) return p;
    const ig_id nan = small_unary(f->g, "isnan", p);
    return node(f, "where", (ig_id[]){nan, scalar(f, 0), p}, 3);
}

static ig_id build(fixture *f, const spelling *s)
{
    ig_id q = transpose(f, projected(f, H), heads_first, 4), k = key_columns(f, s);
    if (s->scale == BOTH_SIDES) {
        q = small_binary(f->g, "mul", q, scalar(f, 0.5f));
        k = small_binary(f->g, "mul", k, scalar(f, 0.5f));
    }
    ig_id z = small_op(f->g, "matmul", NULL, q, k);
    if (s->keys == TRANS_B) assert_true(ig_put_attr_int(f->g, last(f), "trans_b", 1));
    const ig_id raw = z;
    if (s->scale == DIV) z = small_binary(f->g, "div", z, scalar(f, 2.8284f));
    if (s->cap > 0) {
        z = small_unary(f->g, "tanh", small_binary(f->g, "div", z, scalar(f, s->cap)));
        z = small_binary(f->g, "mul", z, scalar(f, s->cap));
    }
    const ig_id p = weights(f, s, z);
    ig_id v = projected(f, s->shared_key_head || s->repeated ? 1 : H);
    v = transpose(f, v, heads_first, 4);
    if (s->repeated) v = repeated(f, v);
    ig_id y = small_op(f->g, "matmul", NULL, p, v);
    y = transpose(f, y, s->wrong_turn ? keys_last : heads_first, 4);
    const ig_id parts[] = {dim(f, f->x, 0), dim(f, f->x, 1), ints(f, (int64_t[]){W}, 1)};
    y = reshape(f, y, parts, 3);
    const ig_id outputs[2] = {y, s->weights_read ? p : raw};
    const bool two = s->scores_read || s->weights_read;
    assert_true(ig_graph_set_io(f->g, (ig_id[]){f->x, f->mask, f->seen}, 3, outputs, two ? 2 : 1));
    return y;
}

static size_t count(const ig_graph *g, const char *op)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n_nodes; i++) n += ig_is(g->nodes[i], op, NULL);
    return n;
}

static void run(const fixture *f, float *y)
{
    static float x[B * T * W], mask[B * T];
    static uint8_t seen[B * T * T];
    ingot_error err;
    for (int i = 0; i < B * T * W; i++) x[i] = (float)((i * 37) % 23 - 11) * 0.11f;
    for (int i = 0; i < B * T; i++) mask[i] = i % 4 == 3 ? -10000.0f : 0;
    for (int i = 0; i < B * T * T; i++) seen[i] = i % T <= i / T % T && i >= T;
    ig_heap heap;
    ig_heap_init(&heap, NULL);
    const ig_exec_options o = {.heap = &heap};
    ig_exec *e;
    check_ok(ig_exec_open(&e, f->g, &o, &err));
    ig_tensor in[3] = {small_tensor(x, 3, (int64_t[]){B, T, W}),
                       small_tensor(mask, 4, (int64_t[]){B, 1, 1, T}),
                       {.dtype = INGOT_BOOL, .rank = 4, .dims = {B, 1, T, T}, .data = seen}};
    ig_tensor out[2] = {{0}};
    check_ok(ig_exec_run(e, out, in, &err));
    assert_int_equal(ig_tensor_elements(&out[0]), B * T * W);
    memcpy(y, out[0].data, B * T * W * sizeof *y);
    ig_exec_close(&e);
}

/* Before and after the passes the results agree within the roundings of a few dozen terms; NaN
 * stays NaN. Returns whether it fused. */
static bool fuses(const spelling *s)
{
    fixture f;
    static float before[B * T * W], after[B * T * W];
    begin(&f);
    build(&f, s);
    run(&f, before);
    small_passes(f.g, &f.heap);
    run(&f, after);
    for (int i = 0; i < B * T * W; i++)
        if (isnan(before[i]) != isnan(after[i]) || fabsf(before[i] - after[i]) > 4e-6f)
            fail_msg("[%d] %g became %g:\n%s", i, (double)before[i], (double)after[i],
                     small_text(f.g));
    const bool fused = count(f.g, "attention") == 1;
    if (fused && (count(f.g, "softmax") || count(f.g, "transpose") != (size_t)s->wrong_turn))
        fail_msg("left:\n%s", small_text(f.g));
    ig_graph_close(&f.g);
    assert_int_equal(f.heap.live_bytes, 0);
    return fused;
}

static void all_spellings_fuse(void **state)
{
    (void)state;
    for (int keys = PERMUTED; keys <= TRANS_B; keys++)
        for (int scale = DIV; scale <= BOTH_SIDES; scale++)
            for (int mask = NONE; mask <= GUARDED; mask++) {
                const spelling s = {.keys = keys, .scale = scale, .mask = mask, .fill = -INFINITY};
                assert_true(fuses(&s));
            }
}

static void options_fuse(void **state)
{
    (void)state;
    assert_true(fuses(&(spelling){.cap = 0.5f}));
    assert_true(fuses(&(spelling){.mask = CHOSEN, .fill = -3.4028235e38f}));
    assert_true(fuses(&(spelling){.mask = ADDED, .shared_key_head = true}));
    assert_true(fuses(&(spelling){.keys = SWAPPED, .repeated = true}));
    assert_true(fuses(&(spelling){.keys = TRANS_B, .mask = ADDED, .repeated = true}));
    assert_true(fuses(&(spelling){.axis = 3}));
    assert_true(fuses(&(spelling){.wrong_turn = true})); /* the last transpose stays */
}

static void what_only_looks_like_it_stays(void **state)
{
    (void)state;
    assert_false(fuses(&(spelling){.mask = CHOSEN, .fill = -10000}));
    assert_false(fuses(&(spelling){.mask = CHOSEN, .fill = 0}));
    assert_false(fuses(&(spelling){.mask = ADDED, .scale = AFTER_MASK}));
    assert_false(fuses(&(spelling){.axis = 2}));
    assert_false(fuses(&(spelling){.scores_read = true}));
    assert_false(fuses(&(spelling){.weights_read = true}));
}

/* A mask that is the same for all keys would be read as one that hides all but the first. */
static void a_mask_of_one_column_stays(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    f.mask = small_input(f.g, "column", 4, (int64_t[]){f.batch, 1, f.seq, 1});
    build(&f, &(spelling){.mask = ADDED});
    small_passes(f.g, &f.heap);
    assert_int_equal(count(f.g, "attention"), 0);
    ig_graph_close(&f.g);
}

/* Positions are taken from a table, [0 : seq] of 64, and added: what comes out is seq long. */
static void sizes_follow_shapes(void **state)
{
    (void)state;
    fixture f;
    begin(&f);
    float table[64];
    for (int i = 0; i < 64; i++) table[i] = (float)i;
    const int64_t zero = 0, one = 1;
    const ig_id all = small_const(f.g, "", 3, (int64_t[]){1, 64, 1}, table);
    const ig_id cut[] = {all, ints(&f, &zero, 1), dim(&f, f.x, 1), ints(&f, &one, 1)};
    const ig_id rows = node(&f, "slice", cut, 4), sum = small_binary(f.g, "add", f.x, rows);
    const ig_id flat = reshape(&f, sum, (ig_id[]){ints(&f, (int64_t[]){-1, 4}, 2)}, 1);
    const ig_id parts[] = {dim(&f, sum, 0), ints(&f, (int64_t[]){-1, W}, 2)};
    const ig_id back = reshape(&f, f.x, parts, 2);
    assert_true(ig_graph_set_io(f.g, &f.x, 1, (ig_id[]){flat, back}, 2));
    ingot_error err;
    check_ok(ig_infer_graph(f.g, &f.heap, &err));
    ig_arena a;
    ig_arena_init(&a, &f.heap);
    const ig_sizes *s = ig_sizes_open(f.g, &a, &f.heap);
    assert_non_null(s);
    assert_true(ig_sizes_same(s, sum, f.x));
    assert_true(ig_sizes_same(s, back, f.x));
    assert_false(ig_sizes_same(s, rows, f.x));
    assert_false(ig_sizes_same(s, flat, f.x));
    assert_int_equal(ig_sizes_type(s, flat)->dims[1], 4);
    assert_true(IG_DIM_IS_SYMBOL(ig_sizes_type(s, flat)->dims[0]));
    ig_arena_clear(&a);
    ig_graph_close(&f.g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_spellings_fuse),
        cmocka_unit_test(options_fuse),
        cmocka_unit_test(what_only_looks_like_it_stays),
        cmocka_unit_test(a_mask_of_one_column_stays),
        cmocka_unit_test(sizes_follow_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
