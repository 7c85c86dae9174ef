/* rnn, gru and lstm against their definitions in double: directions, layouts, sequences of
 * different lengths, dtypes; threads that change no bit; inputs that do not fit. */
#include "tests/ops/call.h"

#include <math.h>

enum { T = 5, B = 3, I = 7, H = 19, LSTM = 0, GRU = 1, RNN = 2, LINEAR_GRU = 3, KINDS = 4 };
enum { IN_X, IN_W, IN_R, IN_B, IN_LENS, IN_H0, IN_C0, IN_P, INPUTS };

static const char *const ops[] = {"lstm", "gru", "rnn", "gru"};
static const size_t gates[] = {4, 3, 1, 3};
static const char *const directions[] = {"forward", "reverse", "bidirectional"};
static const int32_t lens[B] = {5, 2, 0};

static double at(const ig_tensor *t, size_t i) { return ig_to_double(t->data, t->dtype, i); }
static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

typedef struct {
    int kind;
    size_t dirs;
    bool layout;
    const ig_tensor *in[INPUTS];
} model;

/* The sum before gate g of unit i, direction d: from input row x, and from the state h alone. */
static double from_input(const model *m, size_t d, size_t g, size_t i, size_t x)
{
    const size_t n = gates[m->kind] * H, row = d * n + g * H + i;
    double sum = at(m->in[IN_B], d * 2 * n + g * H + i);
    for (size_t k = 0; k < I; k++) sum += at(m->in[IN_X], x * I + k) * at(m->in[IN_W], row * I + k);
    return sum;
}

static double from_state(const model *m, size_t d, size_t g, size_t i, const double *h)
{
    const size_t n = gates[m->kind] * H, row = d * n + g * H + i;
    double sum = at(m->in[IN_B], d * 2 * n + n + g * H + i);
    for (size_t k = 0; k < H; k++) sum += h[k] * at(m->in[IN_R], row * H + k);
    return sum;
}

static void lstm_unit(const model *m, size_t d, const double *s, size_t i, double *h, double *c)
{
    const ig_tensor *p = m->in[IN_P];
    const size_t at_p = d * 3 * H + i;
    const double in = sigmoid(s[0] + at(p, at_p) * *c);
    const double forget = sigmoid(s[2] + at(p, at_p + 2 * H) * *c);
    *c = forget * *c + in * tanh(s[3]);
    *h = sigmoid(s[1] + at(p, at_p + H) * *c) * tanh(*c);
}

/* One step of one sequence. */
static void step(const model *m, size_t d, size_t x, double *h, double *c)
{
    double next[H], kept[H];
    memcpy(next, h, sizeof next);
    for (size_t k = 0; k < H && m->kind == GRU; k++)
        kept[k] = h[k] * sigmoid(from_input(m, d, 1, k, x) + from_state(m, d, 1, k, h));
    for (size_t i = 0; i < H; i++) {
        double s[4];
        for (size_t g = 0; g < gates[m->kind]; g++)
            s[g] = from_input(m, d, g, i, x) + from_state(m, d, g, i, h);
        if (m->kind == LSTM) lstm_unit(m, d, s, i, &next[i], &c[i]);
        if (m->kind == RNN) next[i] = tanh(s[0]);
        if (m->kind != GRU && m->kind != LINEAR_GRU) continue;
        const double z = sigmoid(s[0]);
        const double rest = m->kind == GRU ? from_state(m, d, 2, i, kept)
                                           : sigmoid(s[1]) * from_state(m, d, 2, i, h);
        next[i] = z * h[i] + (1 - z) * tanh(from_input(m, d, 2, i, x) + rest);
    }
    memcpy(h, next, sizeof next);
}

static void expect(const ig_tensor *y, size_t i, double want)
{
    const double error = y->dtype == INGOT_F64 ? 1e-13 : y->dtype == INGOT_F32 ? 4e-6 : 0x1p-11;
    const double got = at(y, i);
    if (!(fabs(got - want) <= error))
        fail_msg("%s: element %zu is %.17g, not %.17g", ig_dtype(y->dtype)->name, i, got, want);
}

static void expect_sequence(const model *m, size_t d, size_t b, bool reverse, const ig_tensor *y)
{
    double h[H], c[H];
    const size_t state = (m->layout ? b * m->dirs + d : d * B + b) * H;
    const size_t n = (size_t)lens[b];
    for (size_t i = 0; i < H; i++) {
        h[i] = at(m->in[IN_H0], state + i);
        c[i] = m->kind == LSTM ? at(m->in[IN_C0], state + i) : 0;
    }
    for (size_t s = 0; s < T; s++) {
        const size_t t = reverse && s < n ? n - 1 - s : s;
        const size_t outer = m->layout ? (b * T + t) * m->dirs + d : (t * m->dirs + d) * B + b;
        if (s < n) step(m, d, m->layout ? b * T + t : t * B + b, h, c);
        for (size_t i = 0; i < H; i++) expect(&y[0], outer * H + i, s < n ? h[i] : 0);
    }
    for (size_t i = 0; i < H; i++) {
        expect(&y[1], state + i, h[i]);
        if (m->kind == LSTM) expect(&y[2], state + i, c[i]);
    }
}

static ig_tensor *noise(caller *c, ingot_dtype dtype, int rank, const int64_t *dims, double size)
{
    static unsigned seed = 1;
    size_t n = 1;
    for (int d = 0; d < rank; d++) n *= (size_t)dims[d];
    void *data = ig_arena_take(&c->arena, n * 8 + 64);
    for (size_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        ig_from_double(data, dtype, i, size * ((double)(seed >> 8) / 0x1p23 - 1));
    }
    return caller_tensor(c, dtype, rank, dims, data);
}

static void make(caller *c, model *m, ingot_dtype dtype, int64_t t, int64_t b, int64_t i, int64_t h)
{
    const int64_t d = (int64_t)m->dirs, g = (int64_t)gates[m->kind] * h;
    const bool l = m->layout;
    m->in[IN_X] = noise(c, dtype, 3, (int64_t[]){l ? b : t, l ? t : b, i}, 1);
    m->in[IN_W] = noise(c, dtype, 3, (int64_t[]){d, g, i}, 0.5);
    m->in[IN_R] = noise(c, dtype, 3, (int64_t[]){d, g, h}, 0.3);
    m->in[IN_B] = noise(c, dtype, 2, (int64_t[]){d, 2 * g}, 0.5);
    m->in[IN_H0] = noise(c, dtype, 3, (int64_t[]){l ? b : d, l ? d : b, h}, 1);
    if (m->kind != LSTM) return;
    m->in[IN_C0] = noise(c, dtype, 3, (int64_t[]){l ? b : d, l ? d : b, h}, 1);
    m->in[IN_P] = noise(c, dtype, 2, (int64_t[]){d, 3 * h}, 0.5);
}

static ig_node *node_for(caller *c, const model *m)
{
    ig_node *node =
        caller_node(c, ops[m->kind], m->kind == LSTM ? INPUTS : IN_H0 + 1, m->kind == LSTM ? 3 : 2);
    caller_int(c, node, "layout", m->layout);
    if (m->kind == LINEAR_GRU) caller_int(c, node, "linear_before_reset", 1);
    return node;
}

static void every_form_follows_its_definition(void **state)
{
    (void)state;
    static const ingot_dtype dtypes[] = {INGOT_F32, INGOT_F64, INGOT_F16};
    for (size_t k = 0; k < KINDS * 3 * 2 * IG_LEN(dtypes); k++) {
        caller c;
        caller_open(&c);
        const size_t direction = k / KINDS % 3;
        model m = {
            .kind = (int)(k % KINDS), .dirs = direction == 2 ? 2 : 1, .layout = k / KINDS / 3 % 2};
        make(&c, &m, dtypes[k / KINDS / 6], T, B, I, H);
        m.in[IN_LENS] = caller_tensor(&c, INGOT_I32, 1, (int64_t[]){B}, lens);
        ig_node *node = node_for(&c, &m);
        caller_text(&c, node, "direction", directions[direction]);
        ig_tensor y[3];
        if (call(&c, node, m.in, y)) fail_msg("%s", c.err.text);
        for (size_t b = 0; b < B; b++)
            for (size_t d = 0; d < m.dirs; d++)
                expect_sequence(&m, d, b, direction == 1 || d == 1, y);
        caller_close(&c);
    }
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    for (int i = 0; i < 2 * KINDS; i++) { /* large steps of one direction; two directions at once */
        caller c;
        caller_open(&c);
        model m = {.kind = i % KINDS, .dirs = i < KINDS ? 1 : 2};
        const int64_t batch = i < KINDS ? 40 : 2, hidden = i < KINDS ? 200 : 100;
        make(&c, &m, INGOT_F32, 3, batch, 300, hidden);
        ig_node *node = node_for(&c, &m);
        if (m.dirs == 2) caller_text(&c, node, "direction", "bidirectional");
        ig_tensor one[3], four[3];
        assert_int_equal(call(&c, node, m.in, one), 0);
        assert_int_equal(ig_pool_open(&c.pool, &c.heap, &(ig_pool_options){.n_threads = 4}, &c.err),
                         0);
        assert_int_equal(call(&c, node, m.in, four), 0);
        assert_memory_equal(one[0].data, four[0].data,
                            3 * m.dirs * (size_t)(batch * hidden) * sizeof(float));
        caller_close(&c);
    }
}

static void misfits_are_refused(void **state)
{
    (void)state;
    caller c;
    caller_open(&c);
    model m = {.kind = GRU, .dirs = 1};
    ig_tensor y[3];
    make(&c, &m, INGOT_F32, T, B, I, H);
    ig_node *node = node_for(&c, &m);
    m.in[IN_LENS] = caller_tensor(&c, INGOT_I32, 1, (int64_t[]){B}, (int32_t[]){1, 2, T + 1});
    assert_int_equal(call(&c, node, m.in, y), INGOT_E_DATA);
    m.in[IN_LENS] = caller_tensor(&c, INGOT_I32, 1, (int64_t[]){B}, (int32_t[]){1, 2, -1});
    assert_int_equal(call(&c, node, m.in, y), INGOT_E_DATA);
    m.in[IN_LENS] = NULL;
    const ig_tensor *right = m.in[IN_R];
    m.in[IN_R] = noise(&c, INGOT_F32, 3, (int64_t[]){1, 3 * H, H + 1}, 1);
    assert_int_equal(call(&c, node, m.in, y), INGOT_E_FORMAT);
    m.in[IN_R] = right;
    caller_int(&c, node, "hidden_size", H + 1);
    assert_int_equal(call(&c, node, m.in, y), INGOT_E_FORMAT);
    caller_int(&c, node, "hidden_size", H);
    const ingot_str names[] = {{"Sigmoid", 7}, {"Tonh", 4}};
    caller_set(&c, node, "activations",
               (ig_attr_value){.kind = IG_ATTR_TEXTS, .texts = {names, 2}});
    assert_int_equal(call(&c, node, m.in, y), INGOT_E_FORMAT);
    caller_set(&c, node, "activations",
               (ig_attr_value){.kind = IG_ATTR_TEXTS, .texts = {names, 1}});
    assert_int_equal(call(&c, node, m.in, y), INGOT_E_FORMAT);
    caller_text(&c, node, "direction", "bidirectional");
    assert_int_equal(call(&c, node, m.in, y), INGOT_E_FORMAT);
    caller_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_follows_its_definition),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(misfits_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
