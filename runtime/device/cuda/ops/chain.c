/* chain.c - elementwise steps that the executor joined to one (ig_chain): a list for one kernel.
 *
 * Floats of 32 and 16 bits, and bools between a comparison and what asks it. Constants of one
 * element become numbers of the list; up to four other operands are read. A result that is not used
 * by the next step at once is kept in one of two places until it is. */
#include "kernels/binary/binary_cuda.h"
#include "kernels/chain/chain_cuda.h"
#include "kernels/unary/unary_cuda.h"
#include "runtime/base/checked.h"
#include "runtime/device/cuda/chain.h"
#include "runtime/device/cuda/ops/elementwise.h"
#include "runtime/device/cuda/ops/walk.h"
#include "runtime/graph/op.h"

#include <stdio.h>
#include <string.h>

typedef struct {
    cu_chain_args args;
    uint32_t inputs[CU_OPERANDS]; /* of the node */
} state;

/* The list as it is made. */
typedef struct {
    ig_device_bind *b;
    state *s;
    int n_in;
    int place[CU_CHAIN_STEPS];        /* where the result of a step is kept: 0 or 1; -1: nowhere */
    size_t busy_until[CU_CHAIN_KEPT]; /* the step that uses what is kept */
    const ig_type *in_types[CU_OPERANDS];
} maker;

static bool is_value(ingot_dtype d) { return d == INGOT_F32 || d == INGOT_F16 || d == INGOT_BF16; }

/* The step of the chain that makes value id; b->chain->n: none does. */
static size_t made_by(const ig_chain *c, ig_id id)
{
    size_t j = 0;
    while (j < c->n && c->nodes[j]->out[0] != id) j++;
    return j;
}

/* The last step that reads what step j makes; j: none but whoever reads the chain. */
static size_t used_by(const ig_chain *c, size_t j)
{
    size_t last = j;
    for (size_t i = j + 1; i < c->n; i++)
        for (uint32_t k = 0; k < c->nodes[i]->n_in; k++)
            if (c->nodes[i]->in[k] == c->nodes[j]->out[0]) last = i;
    return last;
}

static bool known_number(const ig_device_bind *b, uint32_t e, float *number)
{
    const ig_tensor *t = b->known[e];
    if (!t || ig_tensor_elements(t) != 1 || !(is_value(t->dtype) || t->dtype == INGOT_BOOL))
        return false;
    *number = (float)ig_to_double(t->data, t->dtype, 0);
    return true;
}

/* Where value id is found by step i. -1: there are too many operands. */
static int find(maker *m, size_t i, ig_id id, float *number)
{
    ig_device_bind *b = m->b;
    const size_t j = made_by(b->chain, id);
    if (j + 1 == i) return CU_CHAIN_LAST;
    if (j < b->chain->n) return CU_CHAIN_KEPT_FIRST + m->place[j];
    uint32_t e = 0;
    while (b->node->in[e] != id) e++;
    if (known_number(b, e, number)) {
        b->taken |= UINT64_C(1) << e;
        return CU_CHAIN_NUMBER;
    }
    for (int k = 0; k < m->n_in; k++)
        if (m->s->inputs[k] == e) return k;
    const ingot_dtype d = b->in[e]->dtype;
    if (m->n_in == CU_OPERANDS || !(is_value(d) || d == INGOT_BOOL)) return -1;
    m->s->inputs[m->n_in] = e;
    m->s->args.in_dtype[m->n_in] = (uint8_t)d;
    m->in_types[m->n_in] = b->in[e];
    return m->n_in++;
}

/* Puts the result of step i where a later step than the next finds it; false: no place is free. */
static bool keep(maker *m, size_t i, cu_chain_step *to)
{
    const size_t until = used_by(m->b->chain, i);
    m->place[i] = -1;
    if (until <= i + 1) return true;
    for (int k = 0; k < CU_CHAIN_KEPT; k++) {
        if (m->busy_until[k] > i) continue;
        m->busy_until[k] = until;
        m->place[i] = k;
        to->keep = (uint8_t)(k + 1);
        return true;
    }
    return false;
}

/* ---- one step ---- */

static ingot_dtype dtype_of(const maker *m, ig_id id) { return m->b->chain->types[id].dtype; }

static bool set_operands(maker *m, size_t i, cu_chain_step *to, const ig_id *ids, int n)
{
    uint8_t *const places[3] = {&to->a, &to->b, &to->c};
    float *const numbers[2] = {&to->p, &to->q};
    for (int k = 0; k < n; k++) {
        float number = 0;
        const int at = find(m, i, ids[k], &number);
        if (at < 0 || (at == CU_CHAIN_NUMBER && k > 1)) return false;
        *places[k] = (uint8_t)at;
        if (at == CU_CHAIN_NUMBER) *numbers[k] = number;
    }
    return true;
}

static bool set_unary(maker *m, size_t i, cu_chain_step *to, const ig_device_bind *one)
{
    const int fn = ig_el_unary_fn(ig_cu_text(one, "fn"));
    to->kind = CU_CHAIN_UNARY;
    to->fn = (uint8_t)fn;
    if (fn < 0 || fn == CU_UNARY_isnan || fn == CU_UNARY_isinf || fn == CU_UNARY_not ||
        fn == CU_UNARY_bitwise_not || !is_value(dtype_of(m, one->node->in[0])) ||
        !set_operands(m, i, to, one->node->in, 1) || to->a == CU_CHAIN_NUMBER)
        return false;
    to->p = (float)ig_cu_float(one, "alpha");
    to->q = (float)ig_cu_float(one, "beta");
    return true;
}

static bool set_binary(maker *m, size_t i, cu_chain_step *to, const ig_device_bind *one)
{
    const int fn = ig_el_binary_fn(ig_cu_text(one, "fn"));
    const ingot_dtype d = dtype_of(m, one->node->in[0]);
    const bool test = fn >= CU_BINARY_equal;
    to->kind = test ? CU_CHAIN_TEST : CU_CHAIN_BINARY;
    to->fn = (uint8_t)fn;
    return fn >= 0 && (test || fn <= CU_BINARY_prelu) && is_value(d) &&
           dtype_of(m, one->node->in[1]) == d && set_operands(m, i, to, one->node->in, 2);
}

static bool set_clip(maker *m, size_t i, cu_chain_step *to, const ig_device_bind *one)
{
    const ig_node *node = one->node;
    float *const limits[2] = {&to->p, &to->q};
    to->kind = CU_CHAIN_CLIP;
    if (!is_value(dtype_of(m, node->in[0])) || !set_operands(m, i, to, node->in, 1) ||
        to->a == CU_CHAIN_NUMBER)
        return false;
    for (uint32_t k = 1; k < node->n_in; k++) {
        float number = 0;
        if (node->in[k] == IG_NO_VALUE) continue;
        if (made_by(m->b->chain, node->in[k]) < m->b->chain->n ||
            find(m, i, node->in[k], &number) != CU_CHAIN_NUMBER)
            return false;
        *limits[k - 1] = number;
        to->fn |= (uint8_t)(1u << (k - 1));
    }
    return true;
}

static bool set_where(maker *m, size_t i, cu_chain_step *to, const ig_device_bind *one)
{
    const ig_id *in = one->node->in, ids[3] = {in[1], in[2], in[0]};
    to->kind = CU_CHAIN_WHERE;
    return is_value(dtype_of(m, in[1])) && set_operands(m, i, to, ids, 3);
}

static bool set_cast(maker *m, size_t i, cu_chain_step *to, const ig_device_bind *one)
{
    const ig_id id = one->node->in[0];
    const ingot_dtype from = dtype_of(m, id);
    to->kind = CU_CHAIN_CAST;
    return (is_value(from) || from == INGOT_BOOL) && is_value(dtype_of(m, one->node->out[0])) &&
           set_operands(m, i, to, &id, 1);
}

static bool set_step(maker *m, size_t i)
{
    static const struct {
        const char *op;
        bool (*set)(maker *m, size_t i, cu_chain_step *to, const ig_device_bind *one);
    } kinds[] = {{"unary", set_unary},
                 {"binary", set_binary},
                 {"clip", set_clip},
                 {"where", set_where},
                 {"cast", set_cast}};
    cu_chain_step *to = &m->s->args.steps[i];
    const ig_device_bind one = {.node = m->b->chain->nodes[i]}; /* its attributes */
    const ingot_dtype d = dtype_of(m, one.node->out[0]);
    *to = (cu_chain_step){.a = CU_CHAIN_LAST, .b = CU_CHAIN_LAST, .c = CU_CHAIN_LAST};
    to->dtype = (uint8_t)d;
    for (size_t k = 0; k < IG_LEN(kinds); k++)
        if (!strcmp(one.node->op->name, kinds[k].op))
            return (is_value(d) || d == INGOT_BOOL) && kinds[k].set(m, i, to, &one) &&
                   keep(m, i, to);
    return false;
}

/* ---- all of them ---- */

/* "mul+add+tanh", as far as it fits. */
static const char *name_of(const ig_device_bind *b)
{
    char text[64];
    size_t n = 0;
    for (size_t i = 0; i < b->chain->n && n < sizeof text; i++) {
        const ig_device_bind one = {.node = b->chain->nodes[i]};
        const char *op = one.node->op->name;
        const bool has_fn = !strcmp(op, "unary") || !strcmp(op, "binary");
        const int put = snprintf(text + n, sizeof text - n, "%s%s", i ? "+" : "",
                                 has_fn ? ig_cu_text(&one, "fn") : op);
        n += (size_t)IG_MAX(put, 0);
    }
    const char *copy = ig_arena_copy(b->arena, text, strlen(text) + 1);
    return copy ? copy : "chain";
}

static ingot_status bind(ig_device *d, ig_device_bind *b)
{
    (void)d;
    maker m = {.b = b, .s = ig_el_state(b, sizeof(state))};
    if (!m.s) return INGOT_E_NOMEM;
    cu_chain_args *a = &m.s->args;
    if (b->chain->n > CU_CHAIN_STEPS) return IG_CU_DECLINE(b, "a chain of too many steps");
    for (size_t i = 0; i < b->chain->n; i++)
        if (!set_step(&m, i)) return IG_CU_DECLINE(b, "a chain of other steps or operands");
    a->n_steps = (int)b->chain->n;
    a->y_dtype = (uint8_t)b->out[0]->dtype;
    if (!ig_el_walk(&a->walk, b->out[0], m.in_types, m.n_in))
        return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    b->kernel = name_of(b);
    return INGOT_OK;
}

static ingot_status launch(ig_device_stream *s, const ig_device_run *r)
{
    const state *of = r->state;
    cu_chain_args a = of->args;
    for (int k = 0; k < a.walk.n; k++) a.in[k] = r->in[of->inputs[k]];
    a.y = r->out[0];
    return ig_cu_done(s, r, cu_chain(&a, ig_cu_stream(s)));
}

const ig_cu_op ig_cu_chain = {.name = "chain", .bind = bind, .launch = launch};
