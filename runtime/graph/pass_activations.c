/* pass_activations.c - activations that exporters spell out become one node:
 *
 *     gelu        x * 0.5 * (1 + erf(x / sqrt(2))), factors in any order
 *     gelu_tanh   x * 0.5 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 * x^3))), likewise
 *     swish       x * sigmoid(x)
 *     hard_swish  x * hard_sigmoid(x),  x * clip(x + 3, 0, 6) / 6
 *     clip        min and max with constants are left alone: NaN rules differ */
#include "runtime/graph/match.h"
#include "runtime/graph/passes.h"
#include "runtime/base/checked.h"

#include <math.h>

static ingot_status no_memory(ingot_error *err)
{
    return ig_fail(err, INGOT_E_NOMEM, "fusing activations: no memory");
}

static bool become_unary(ig_graph *g, ig_node *n, ig_id x, const char *fn)
{
    return ig_become(g, n, "unary", &x, 1) && ig_put_attr_text(g, n, "fn", fn);
}

/* one = 1 + erf(x / sqrt(2)): x, or IG_NO_VALUE. */
static ig_id erf_argument(const ig_match *m, ig_id one)
{
    double v;
    const ig_node *add = ig_maker(m, one, "binary", "add");
    const ig_id e = add ? ig_with_scalar(m, add, &v) : IG_NO_VALUE;
    if (e == IG_NO_VALUE || v != 1) return IG_NO_VALUE;
    const ig_node *erf = ig_maker(m, e, "unary", "erf");
    if (!erf) return IG_NO_VALUE;
    const ig_node *div = ig_maker(m, erf->in[0], "binary", "div");
    if (div && ig_scalar_is(m, div->in[1], sqrt(2))) return div->in[0];
    const ig_node *mul = ig_maker(m, erf->in[0], "binary", "mul");
    const ig_id x = mul ? ig_with_scalar(m, mul, &v) : IG_NO_VALUE;
    return x != IG_NO_VALUE && fabs(v - sqrt(0.5)) < 1e-4 ? x : IG_NO_VALUE;
}

/* id as a product of powers of x and numbers: their count and the product of the numbers. */
typedef struct {
    ig_id x;
    double factor;
    int power;
} monomial;

static bool add_factor(const ig_match *m, ig_id id, monomial *p, int deep)
{
    double v;
    const ig_node *mul = ig_maker(m, id, "binary", "mul"), *pow = ig_maker(m, id, "binary", "pow");
    if (id == p->x) {
        p->power++;
        return true;
    }
    if (ig_scalar(m, id, &v)) {
        p->factor *= v;
        return true;
    }
    if (pow && pow->in[0] == p->x && ig_scalar_is(m, pow->in[1], 3)) {
        p->power += 3;
        return true;
    }
    return mul && deep < 3 && add_factor(m, mul->in[0], p, deep + 1) &&
           add_factor(m, mul->in[1], p, deep + 1);
}

/* one = 1 + tanh(sqrt(2/pi) * (x + 0.044715 * x^3)): x, or IG_NO_VALUE. */
static ig_id tanh_argument(const ig_match *m, ig_id one)
{
    double v;
    const ig_node *add = ig_maker(m, one, "binary", "add");
    const ig_id t = add ? ig_with_scalar(m, add, &v) : IG_NO_VALUE;
    const ig_node *tanh = t != IG_NO_VALUE && v == 1 ? ig_maker(m, t, "unary", "tanh") : NULL;
    const ig_node *mul = tanh ? ig_maker(m, tanh->in[0], "binary", "mul") : NULL;
    const ig_id sum = mul ? ig_with_scalar(m, mul, &v) : IG_NO_VALUE;
    if (sum == IG_NO_VALUE || fabs(v - 0.7978845608) > 1e-5) return IG_NO_VALUE;
    const ig_node *terms = ig_maker(m, sum, "binary", "add");
    for (int side = 0; terms && side < 2; side++) {
        monomial cube = {terms->in[side], 1, 0};
        if (add_factor(m, terms->in[1 - side], &cube, 0) && cube.power == 3 &&
            fabs(cube.factor - 0.044715) < 1e-6)
            return cube.x;
    }
    return IG_NO_VALUE;
}

typedef ig_id argument_fn(const ig_match *m, ig_id one);

/* last = a product of three: x, 0.5 and 1 + erf(..) or 1 + tanh(..), bracketed in any way. */
static ig_id gelu_argument(const ig_match *m, const ig_node *last, argument_fn *argument)
{
    for (int side = 0; side < 2; side++) {
        const ig_id p = last->in[side], q = last->in[1 - side];
        const ig_node *inner = ig_maker(m, p, "binary", "mul");
        double v;
        if (ig_scalar_is(m, q, 0.5) && inner) /* (x * (1 + erf)) * 0.5 */
            for (int s = 0; s < 2; s++) {
                const ig_id x = argument(m, inner->in[s]);
                if (x != IG_NO_VALUE && x == inner->in[1 - s]) return x;
            }
        if (!inner) continue;
        const ig_id half_of = ig_with_scalar(m, inner, &v);
        if (half_of == IG_NO_VALUE || v != 0.5) continue;
        const ig_id x = argument(m, q); /* (x * 0.5) * (1 + erf) */
        if (x != IG_NO_VALUE && x == half_of) return x;
        const ig_id other = argument(m, half_of); /* x * (0.5 * (1 + erf)) */
        if (other != IG_NO_VALUE && other == q) return other;
    }
    return IG_NO_VALUE;
}

static ig_id swish_argument(const ig_match *m, const ig_node *mul, const char *gate)
{
    for (int side = 0; side < 2; side++) {
        const ig_node *g = ig_maker(m, mul->in[side], "unary", gate);
        if (g && g->in[0] == mul->in[1 - side]) return g->in[0];
    }
    return IG_NO_VALUE;
}

/* clip(x + 3, 0, 6): x. */
static ig_id ramp_argument(const ig_match *m, ig_id id)
{
    double low, high, v;
    const ig_node *clip = ig_maker(m, id, "clip", NULL);
    if (!clip || clip->n_in != 3 || !ig_scalar(m, clip->in[1], &low) ||
        !ig_scalar(m, clip->in[2], &high) || low != 0 || high != 6)
        return IG_NO_VALUE;
    const ig_node *add = ig_maker(m, clip->in[0], "binary", "add");
    const ig_id x = add ? ig_with_scalar(m, add, &v) : IG_NO_VALUE;
    return x != IG_NO_VALUE && v == 3 ? x : IG_NO_VALUE;
}

/* (x * clip(x + 3, 0, 6)) / 6, or times 1/6, or x * (clip / 6). */
static ig_id hard_swish_argument(const ig_match *m, const ig_node *last)
{
    double v;
    const ig_id inner_id = ig_with_scalar(m, last, &v);
    const bool sixth =
        inner_id != IG_NO_VALUE && fabs(ig_is(last, "binary", "div") ? v - 6 : v - 1 / 6.0) < 1e-5;
    const ig_node *mul = sixth ? ig_maker(m, inner_id, "binary", "mul") : NULL;
    for (int s = 0; mul && s < 2; s++) {
        const ig_id x = ramp_argument(m, mul->in[s]);
        if (x != IG_NO_VALUE && x == mul->in[1 - s]) return x;
    }
    if (!ig_is(last, "binary", "mul")) return IG_NO_VALUE;
    for (int s = 0; s < 2; s++) {
        const ig_node *div = ig_maker(m, last->in[s], "binary", "div");
        const ig_id x =
            div && ig_scalar_is(m, div->in[1], 6) ? ramp_argument(m, div->in[0]) : IG_NO_VALUE;
        if (x != IG_NO_VALUE && x == last->in[1 - s]) return x;
    }
    return IG_NO_VALUE;
}

static bool fuse(ig_match *m, ig_node *n)
{
    ig_graph *g = m->g;
    ig_id x = hard_swish_argument(m, n);
    if (x != IG_NO_VALUE)
        return become_unary(g, n, x, "hard_swish") && ig_put_attr_double(g, n, "alpha", 1.0 / 6) &&
               ig_put_attr_double(g, n, "beta", 0.5);
    if (!ig_is(n, "binary", "mul")) return true;
    if ((x = gelu_argument(m, n, erf_argument)) != IG_NO_VALUE)
        return become_unary(g, n, x, "gelu");
    if ((x = gelu_argument(m, n, tanh_argument)) != IG_NO_VALUE)
        return become_unary(g, n, x, "gelu_tanh");
    if ((x = swish_argument(m, n, "sigmoid")) != IG_NO_VALUE) return become_unary(g, n, x, "swish");
    if ((x = swish_argument(m, n, "hard_sigmoid")) == IG_NO_VALUE) return true;
    const ig_node *gate = ig_maker(m, ig_other(n, x), "unary", "hard_sigmoid");
    if (!gate) gate = ig_maker(m, n->in[0], "unary", "hard_sigmoid");
    const double a = ig_attr_double(gate, "alpha"), b = ig_attr_double(gate, "beta");
    return become_unary(g, n, x, "hard_swish") && ig_put_attr_double(g, n, "alpha", a) &&
           ig_put_attr_double(g, n, "beta", b);
}

ingot_status ig_pass_activations(ig_graph *g, ig_pass_context *c, ingot_error *err)
{
    ig_match m;
    if (!ig_match_open(&m, g, c->scratch)) return no_memory(err);
    for (size_t i = 0; i < g->n_nodes; i++) {
        ig_node *n = g->nodes[i];
        if (!ig_is(n, "binary", "mul") && !ig_is(n, "binary", "div")) continue;
        const ig_dtype_class class_ = ig_dtype(g->values[n->out[0]].type.dtype)->class_;
        if (class_ == IG_CLASS_FLOAT && !fuse(&m, n)) return no_memory(err);
    }
    return INGOT_OK;
}
