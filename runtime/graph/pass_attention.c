/* pass_attention.c - attention that exporters spell out becomes one node:
 *
 *     q, k, v = x W + b, split into heads by Reshape [B, T, H, D] and Transpose [B, H, T, D]
 *     k, v repeated for the query heads that share them
 *     s = q k^T, scaled before (both sides too) or after, capped by c tanh(s / c)
 *     s = s + mask, or Where(visible, s, -infinity), and so on
 *     y = softmax(s) v, then transposed back to [B, T, H, D]
 *
 * The Transposes go: the op reads [B, T, H, D] as it lies, of which the Reshapes are views. Where
 * a guard replaces the NaN of a query that sees nothing by 0 (PyTorch since 2.5) it goes as well;
 * without it the fused node gives that NaN. Scores or weights that others read too are left alone,
 * and so is everything whose shapes cannot be told to be equal: masks broadcast by rules of the op.
 */
#include "runtime/graph/match.h"
#include "runtime/graph/passes.h"
#include "runtime/graph/sizes.h"
#include "runtime/base/checked.h"

#include <math.h>
#include <string.h>

/* Numbers below this, put in the place of a score, hide a key as the same number added does: it
 * swallows the score. */
static const double hides = -1e30;

enum { MASKS = 4 };
enum { Q_FIRST = 1, K_FIRST = 2, V_FIRST = 4, Y_FIRST = 8 }; /* bits of tokens_first */

/* A mask to add, or one to make of a condition: where(id, yes, no). */
typedef struct {
    ig_id id;
    bool chosen;
    ig_id yes, no;
} mask;

typedef struct {
    const ig_match *m;
    const ig_sizes *sizes;
    ig_id q, k, v, scores; /* scores: q k^T */
    mask masks[MASKS];
    size_t n_masks;
    double scale, softcap;
    int64_t first;
    bool guarded;
} finder;

/* ---- small steps up the graph ---- */

/* What passes a value on unchanged. */
static ig_id plain(const finder *f, ig_id id)
{
    for (;;) {
        const ig_node *n = ig_maker(f->m, id, "identity", NULL);
        if (!n && (n = ig_maker(f->m, id, "dropout", NULL)) && (n->n_in > 2 || id != n->out[0]))
            n = NULL;
        if (!n && (n = ig_maker(f->m, id, "cast", NULL)) &&
            f->m->g->values[n->in[0]].type.dtype != f->m->g->values[id].type.dtype)
            n = NULL;
        if (!n) return id;
        id = n->in[0];
    }
}

/* id = x * number or x / number: x, and the number into *scale; else id itself. */
static ig_id unscaled(const finder *f, ig_id id, double *scale)
{
    double by;
    id = plain(f, id);
    const ig_node *mul = ig_maker(f->m, id, "binary", "mul");
    const ig_node *div = ig_maker(f->m, id, "binary", "div");
    const ig_id x = mul ? ig_with_scalar(f->m, mul, &by) : IG_NO_VALUE;
    if (x != IG_NO_VALUE && f->m->g->values[x].type.rank == f->m->g->values[id].type.rank) {
        *scale *= by;
        return unscaled(f, x, scale);
    }
    if (!div || !ig_scalar(f->m, div->in[1], &by) ||
        f->m->g->values[div->in[0]].type.rank != f->m->g->values[id].type.rank)
        return id;
    *scale /= by;
    return unscaled(f, div->in[0], scale);
}

/* The input of a transpose of rank 4 (or 3) with these dims; else IG_NO_VALUE. */
static ig_id turned(const finder *f, ig_id id, const int64_t *perm, size_t rank)
{
    const ig_node *t = ig_maker(f->m, id, "transpose", NULL);
    const ig_ints have = t ? ig_attr_ints(t, "perm") : (ig_ints){0};
    if (have.n != rank || memcmp(have.v, perm, rank * sizeof *perm)) return IG_NO_VALUE;
    return t->in[0];
}

static const int64_t heads_first[] = {0, 2, 1, 3}, keys_last[] = {0, 2, 3, 1},
                     swapped[] = {0, 1, 3, 2}, swapped_3[] = {0, 2, 1};

/* Key heads [B, H, T, D] repeated for the query heads that share them, by way of [B, H, 1, T, D]
 * and [B, H, n, T, D] to [B, H n, T, D]: the heads before; else id itself. */
static ig_id unrepeated(const finder *f, ig_id id)
{
    const ig_node *flat = ig_maker(f->m, id, "reshape", NULL);
    const ig_node *spread = flat ? ig_maker(f->m, flat->in[0], "expand", NULL) : NULL;
    const ig_node *apart = spread ? ig_maker(f->m, spread->in[0], "unsqueeze", NULL) : NULL;
    if (!apart) return id;
    const ig_type *x = ig_sizes_type(f->sizes, apart->in[0]), *y = ig_sizes_type(f->sizes, id);
    const ig_type *one = ig_sizes_type(f->sizes, apart->out[0]);
    const ig_type *all = ig_sizes_type(f->sizes, spread->out[0]);
    if (x->rank != 4 || y->rank != 4 || one->rank != 5 || all->rank != 5) return id;
    static const int from[] = {0, 1, 3, 4}; /* of the five, those that x has */
    for (int d = 0; d < 4; d++)
        if (one->dims[from[d]] != x->dims[d] || all->dims[from[d]] != x->dims[d] ||
            (d != 1 && y->dims[d] != x->dims[d]))
            return id;
    const bool repeats = one->dims[2] == 1 && all->dims[2] >= 1 && x->dims[1] >= 1 &&
                         y->dims[1] / x->dims[1] == all->dims[2];
    return repeats ? apart->in[0] : id;
}

/* [B, H, T, D]: where it lies; sets the bit where that is [B, T, H, D]. */
static ig_id heads_of(finder *f, ig_id id, int64_t bit, double *scale)
{
    id = scale ? unscaled(f, id, scale) : plain(f, id);
    if (bit != Q_FIRST) id = plain(f, unrepeated(f, id));
    const ig_id tokens = turned(f, id, heads_first, 4);
    if (tokens == IG_NO_VALUE) return id;
    f->first |= bit;
    return scale ? unscaled(f, tokens, scale) : plain(f, tokens);
}

/* k^T of [B, H, D, T] by way of [B * H, T, D], as PyTorch exports it. */
static ig_id turned_flat(const finder *f, ig_id id)
{
    const ig_node *back = ig_maker(f->m, id, "reshape", NULL);
    const ig_id flat_t = back ? turned(f, back->in[0], swapped_3, 3) : IG_NO_VALUE;
    const ig_node *flat = ig_maker(f->m, flat_t, "reshape", NULL);
    if (!flat) return IG_NO_VALUE;
    const ig_type *x = ig_sizes_type(f->sizes, flat->in[0]), *y = ig_sizes_type(f->sizes, id);
    const ig_type *p = ig_sizes_type(f->sizes, flat_t);
    if (x->rank != 4 || p->rank != 3 || y->rank != 4) return IG_NO_VALUE;
    const bool ok = p->dims[1] == x->dims[2] && p->dims[2] == x->dims[3] &&
                    y->dims[0] == x->dims[0] && y->dims[1] == x->dims[1] &&
                    y->dims[2] == x->dims[3] && y->dims[3] == x->dims[2];
    return ok ? flat->in[0] : IG_NO_VALUE;
}

/* k^T: where k lies. */
static ig_id keys_of(finder *f, ig_id id, double *scale)
{
    id = unscaled(f, id, scale);
    ig_id k = turned(f, id, keys_last, 4);
    if (k != IG_NO_VALUE) {
        f->first |= K_FIRST;
        return unscaled(f, k, scale);
    }
    k = turned(f, id, swapped, 4);
    if (k == IG_NO_VALUE) k = turned_flat(f, id);
    return k == IG_NO_VALUE ? k : heads_of(f, k, K_FIRST, scale);
}

/* A product of two inputs and nothing else. */
static const ig_node *product(const finder *f, ig_id id)
{
    const ig_node *n = ig_maker(f->m, id, "matmul", NULL);
    return n && n->n_in == 2 && !ig_attr_int(n, "trans_a") &&
                   !strcmp(ig_attr_text(n, "act"), "none")
               ? n
               : NULL;
}

/* ---- scores ---- */

/* c tanh(s / c): s. */
static ig_id uncapped(const finder *f, ig_id id, double *cap)
{
    double c;
    const ig_node *mul = ig_maker(f->m, id, "binary", "mul");
    const ig_id t = mul ? ig_with_scalar(f->m, mul, cap) : IG_NO_VALUE;
    const ig_node *tanh = ig_maker(f->m, t, "unary", "tanh");
    const ig_node *div = tanh ? ig_maker(f->m, tanh->in[0], "binary", "div") : NULL;
    if (!div || !(*cap > 0) || !ig_scalar(f->m, div->in[1], &c) || c != *cap) return IG_NO_VALUE;
    return ig_read_once(f->m, t) && ig_read_once(f->m, tanh->in[0]) ? div->in[0] : IG_NO_VALUE;
}

/* id = q k^T, scaled and capped? Fills q, k, scale, softcap. */
static bool find_core(finder *f, ig_id id)
{
    double scale = 1, cap = 0;
    const int64_t first = f->first;
    if (!ig_read_once(f->m, id)) return false;
    const ig_id raw = uncapped(f, plain(f, id), &cap);
    if (raw == IG_NO_VALUE) cap = 0;
    f->scores = unscaled(f, raw == IG_NO_VALUE ? id : raw, &scale);
    const ig_node *n = product(f, f->scores);
    if (!n || !ig_read_once(f->m, f->scores)) return false;
    scale *= ig_attr_double(n, "alpha");
    f->q = heads_of(f, n->in[0], Q_FIRST, &scale);
    f->k = ig_attr_int(n, "trans_b") ? heads_of(f, n->in[1], K_FIRST, &scale)
                                     : keys_of(f, n->in[1], &scale);
    f->scale = scale;
    f->softcap = cap;
    if (f->k != IG_NO_VALUE && isfinite(scale) && scale != 0) return true;
    f->first = first;
    return false;
}

static bool find_scores(finder *f, ig_id id);

/* where(condition, s, hidden) or where(condition, hidden, s). */
static bool find_where(finder *f, const ig_node *n)
{
    for (uint32_t side = 1; side < 3; side++) {
        double fill;
        if (!ig_scalar(f->m, n->in[3 - side], &fill) || !(fill <= hides)) continue;
        if (f->n_masks == MASKS || !find_scores(f, n->in[side])) continue;
        const ig_id hidden = n->in[3 - side];
        f->masks[f->n_masks++] = (mask){.id = n->in[0],
                                        .chosen = true,
                                        .yes = side == 1 ? IG_NO_VALUE : hidden,
                                        .no = side == 1 ? hidden : IG_NO_VALUE};
        return true;
    }
    return false;
}

/* Masks, the last one first, around the core. */
static bool find_scores(finder *f, ig_id id)
{
    id = plain(f, id);
    if (!ig_read_once(f->m, id)) return false;
    if (find_core(f, id)) return true;
    const ig_node *where = ig_maker(f->m, id, "where", NULL);
    if (where) return find_where(f, where);
    const ig_node *add = ig_maker(f->m, id, "binary", "add");
    for (int side = 0; add && side < 2; side++) {
        if (f->n_masks == MASKS || !find_scores(f, add->in[side])) continue;
        f->masks[f->n_masks++] = (mask){.id = add->in[1 - side]};
        return true;
    }
    return false;
}

/* softmax over the last axis: its input. */
static ig_id softmax_of(const finder *f, ig_id id)
{
    const ig_node *n = ig_maker(f->m, id, "softmax", "softmax");
    const int rank = n ? f->m->g->values[n->out[0]].type.rank : -1;
    const int64_t axis = n ? ig_attr_int(n, "axis") : 0;
    return n && (axis == -1 || (rank > 0 && axis == rank - 1)) ? n->in[0] : IG_NO_VALUE;
}

/* where(isnan(p), 0, p): p. */
static ig_id unguarded(finder *f, ig_id id)
{
    const ig_node *n = ig_maker(f->m, id, "where", NULL);
    const ig_node *nan = n ? ig_maker(f->m, n->in[0], "unary", "isnan") : NULL;
    double zero;
    if (!nan || nan->in[0] != n->in[2] || !ig_scalar(f->m, n->in[1], &zero) || zero != 0) return id;
    f->guarded = f->m->uses[n->in[2]] == 2 && ig_read_once(f->m, n->in[0]);
    return f->guarded ? n->in[2] : id;
}

/* ---- do the shapes say what the op takes them for? ---- */

static int64_t dim_of(const finder *f, ig_id id, int64_t bit, int d)
{
    if (f->first & bit && (d == 1 || d == 2)) d = 3 - d;
    return ig_sizes_type(f->sizes, id)->dims[d];
}

static bool shapes_fit(const finder *f)
{
    const ig_id ids[] = {f->q, f->k, f->v};
    for (size_t i = 0; i < IG_LEN(ids); i++)
        if (ig_sizes_type(f->sizes, ids[i])->rank != 4 ||
            f->m->g->values[ids[i]].type.dtype != INGOT_F32)
            return false;
    const int64_t heads = dim_of(f, f->q, Q_FIRST, 1), shared = dim_of(f, f->k, K_FIRST, 1);
    return dim_of(f, f->q, Q_FIRST, 0) == dim_of(f, f->k, K_FIRST, 0) &&
           dim_of(f, f->q, Q_FIRST, 0) == dim_of(f, f->v, V_FIRST, 0) &&
           (shared == heads || (shared >= 1 && heads >= shared && heads % shared == 0)) &&
           dim_of(f, f->v, V_FIRST, 1) == shared;
}

/* Along each axis a mask is as long as the scores, or 1; along the keys one of them must be. */
static bool masks_fit(const finder *f)
{
    const ig_type *s = ig_sizes_type(f->sizes, f->scores);
    bool all_keys = f->n_masks == 0;
    for (size_t i = 0; i < f->n_masks; i++) {
        const ig_type *t = ig_sizes_type(f->sizes, f->masks[i].id);
        if (t->kind != IG_TENSOR || t->rank < 1 || t->rank > 4) return false;
        for (int d = 1; d <= t->rank; d++)
            if (t->dims[t->rank - d] != 1 && t->dims[t->rank - d] != s->dims[4 - d]) return false;
        all_keys = all_keys || t->dims[t->rank - 1] == s->dims[3];
    }
    return all_keys;
}

/* ---- the pass ---- */

static bool find(finder *f, const ig_node *n)
{
    if (!ig_is(n, "matmul", NULL) || n->n_in != 2 || product(f, n->out[0]) != n ||
        ig_attr_int(n, "trans_b") || ig_attr_double(n, "alpha") != 1 ||
        !ig_read_once(f->m, n->in[0]))
        return false;
    const ig_id weights = unguarded(f, plain(f, n->in[0]));
    const ig_id s = softmax_of(f, weights);
    if (s == IG_NO_VALUE || (!f->guarded && !ig_read_once(f->m, weights)) || !find_scores(f, s))
        return false;
    f->v = heads_of(f, n->in[1], V_FIRST, NULL);
    return shapes_fit(f) && masks_fit(f);
}

static ig_id emit(ig_graph *g, const char *op, const char *fn, const ig_id *in, size_t n_in)
{
    const ig_id out = ig_graph_value(g, "", NULL);
    ig_node *n =
        out == IG_NO_VALUE ? NULL : ig_graph_node(g, ig_op_find(op), "", in, n_in, &out, 1, 0);
    return n && (!fn || ig_put_attr_text(g, n, "fn", fn)) ? out : IG_NO_VALUE;
}

/* The masks as one to add; nodes made here are sorted in later. IG_NO_VALUE: no memory. */
static ig_id joined_mask(ig_graph *g, const finder *f)
{
    const float nothing = 0;
    ig_id all = IG_NO_VALUE;
    for (size_t i = 0; i < f->n_masks; i++) {
        const mask *k = &f->masks[i];
        ig_id one = k->id;
        if (k->chosen) {
            const ig_id zero = ig_graph_const_copy(g, "", INGOT_F32, 0, NULL, &nothing);
            const ig_id in[3] = {k->id, k->yes == IG_NO_VALUE ? zero : k->yes,
                                 k->no == IG_NO_VALUE ? zero : k->no};
            if (zero == IG_NO_VALUE) return zero;
            one = emit(g, "where", NULL, in, 3);
        }
        if (all != IG_NO_VALUE && one != IG_NO_VALUE)
            one = emit(g, "binary", "add", (ig_id[]){all, one}, 2);
        if (one == IG_NO_VALUE) return one;
        all = one;
    }
    return all;
}

static bool fuse(ig_graph *g, finder *f, ig_node *n)
{
    ig_node *back = ig_only_reader(f->m, n->out[0]);
    if (back && turned(f, back->out[0], heads_first, 4) == n->out[0]) {
        f->first |= Y_FIRST;
        n = back;
    }
    ig_id in[4] = {f->q, f->k, f->v, IG_NO_VALUE};
    if (f->n_masks && (in[3] = joined_mask(g, f)) == IG_NO_VALUE) return false;
    return ig_become(g, n, "attention", in, f->n_masks ? 4 : 3) &&
           ig_put_attr_double(g, n, "scale", f->scale) &&
           ig_put_attr_double(g, n, "softcap", f->softcap) &&
           ig_put_attr_int(g, n, "tokens_first", f->first) &&
           ig_put_attr_int(g, n, "hidden_nan", !f->guarded);
}

ingot_status ig_pass_attention(ig_graph *g, ig_pass_context *c, ingot_error *err)
{
    ig_match m;
    const ig_sizes *sizes = NULL;
    bool ok = true;
    const size_t n_nodes = g->n_nodes;
    for (size_t i = 0; ok && i < n_nodes; i++) {
        if (!ig_is(g->nodes[i], "softmax", NULL)) continue;
        ok = ig_match_open(&m, g, c->scratch) && (sizes = ig_sizes_open(g, c->scratch, c->heap));
        break;
    }
    for (size_t i = 0; ok && sizes && i < n_nodes; i++) {
        ig_node *n = g->nodes[i];
        finder f = {.m = &m, .sizes = sizes};
        if (find(&f, n)) ok = fuse(g, &f, n);
    }
    if (!ok) return ig_fail(err, INGOT_E_NOMEM, "fusing attention: no memory");
    return g->n_nodes > n_nodes ? ig_graph_sort(g, err) : INGOT_OK;
}
