/* trees.c - decision trees on the device: tree_ensemble.
 *
 * The tables come from a file: bind checks them as the CPU's op does, and packs each node with its
 * threshold in 16 bytes. */
#include "kernels/trees/trees_cuda.h"
#include "runtime/base/checked.h"
#include "runtime/device/cuda/ops/walk.h"

#include <stdio.h>
#include <string.h>

enum { X, NODES, THRESHOLDS, ROOTS, TARGETS, WEIGHTS, BASE, N_INPUTS };
/* Fields of a node in the table, and its tests (runtime/ops/tree_ensemble.h). */
enum { FEATURE, MODE, YES, NO, FIELDS };
enum { LEAF = 0, LEQ = 1, NEQ = 6, MODES = 7, MISSING_TRUE = 8 };
enum { LEAVES_MOST = 1 << 24 /* of a chunk of rows */ };

typedef struct {
    cu_trees_args args;
    size_t leaves, values, seen;
    cu_tree_node *nodes; /* on the device */
} trees_state;

typedef struct {
    const int32_t *nodes, *roots, *targets;
    size_t n_nodes, n_roots, n_weights;
    int64_t cols, n_targets;
    const ig_device_bind *b;
} tables;

static ingot_status bad(const tables *t, const char *what, size_t i)
{
    return ig_fail(t->b->err, INGOT_E_FORMAT,
                   "%s (tree_ensemble): the trees' tables are damaged: %s %zu", t->b->node->name,
                   what, i);
}

/* Does leaf v add one weight to each target, in their order? */
static bool adds_to_all(const tables *t, const int32_t *v)
{
    bool all = v[NO] == t->n_targets;
    for (int64_t k = 0; all && k < t->n_targets; k++) all = t->targets[v[YES] + k] == k;
    return all;
}

static int form_of(const tables *t)
{
    bool one = true, all = true;
    for (size_t i = 0; i < t->n_nodes; i++) {
        const int32_t *v = t->nodes + FIELDS * i;
        if ((v[MODE] & MODES) != LEAF) continue;
        one = one && v[NO] == 1;
        all = all && adds_to_all(t, v);
    }
    return one ? CU_TREE_ONE : all ? CU_TREE_ALL : CU_TREE_ANY;
}

static ingot_status check_node(const tables *t, size_t i)
{
    const int32_t *v = t->nodes + FIELDS * i;
    const int mode = v[MODE] & MODES;
    if (mode == LEAF) {
        if (v[YES] < 0 || v[NO] < 0 || (size_t)v[YES] > t->n_weights ||
            (size_t)v[NO] > t->n_weights - (size_t)v[YES])
            return bad(t, "weights of node", i);
        return INGOT_OK;
    }
    if (v[MODE] < 0 || v[MODE] > (MODES | MISSING_TRUE) || mode > NEQ)
        return bad(t, "mode of node", i);
    for (int k = YES; k <= NO; k++)
        if (v[k] < 0 || (size_t)v[k] <= i || (size_t)v[k] >= t->n_nodes)
            return bad(t, "children of node", i);
    if (v[FEATURE] < 0 || v[FEATURE] >= t->cols)
        return ig_fail(t->b->err, INGOT_E_DATA,
                       "%s (tree_ensemble): the trees look at feature %d, x has %lld features",
                       t->b->node->name, v[FEATURE], (long long)t->cols);
    return INGOT_OK;
}

static ingot_status check_tables(const tables *t)
{
    for (size_t i = 0; i < t->n_nodes; i++) IG_TRY(check_node(t, i));
    for (size_t i = 0; i < t->n_roots; i++)
        if (t->roots[i] < 0 || (size_t)t->roots[i] >= t->n_nodes) return bad(t, "root", i);
    for (size_t i = 0; i < t->n_weights; i++)
        if (t->targets[i] < 0 || t->targets[i] >= t->n_targets) return bad(t, "target", i);
    return INGOT_OK;
}

typedef struct {
    const int32_t *nodes;
    const float *thresholds; /* NULL: f64 ones, apart */
    size_t n;
} pack_job;

static ingot_status pack(const void *ud, void *dst, ingot_error *err)
{
    const pack_job *j = ud;
    cu_tree_node *to = dst;
    (void)err;
    for (size_t i = 0; i < j->n; i++) {
        const int32_t *v = j->nodes + FIELDS * i;
        const bool leaf = (v[MODE] & MODES) == LEAF;
        const uint32_t feature = leaf ? 0 : (uint32_t)v[FEATURE];
        to[i] = (cu_tree_node){.feature_mode = feature | (uint32_t)(leaf ? LEAF : v[MODE])
                                                             << CU_TREE_MODE_SHIFT,
                               .yes = v[YES],
                               .no = v[NO]};
        if (j->thresholds) memcpy(&to[i].threshold, &j->thresholds[i], sizeof(float));
    }
    return INGOT_OK;
}

static ingot_status upload(ig_device *d, ig_device_bind *b, trees_state *s, const tables *t)
{
    char form[64];
    const void *thresholds = b->known[THRESHOLDS]->data;
    const pack_job job = {t->nodes, s->args.wide ? NULL : thresholds, t->n_nodes};
    void *nodes;
    snprintf(form, sizeof form, "tree nodes with %p", thresholds);
    IG_TRY(ig_cu_pack(d, t->nodes, form, t->n_nodes * sizeof(cu_tree_node), pack, &job, &nodes,
                      b->err));
    s->nodes = nodes;
    b->taken = UINT64_C(1) << NODES;
    if (!s->args.wide) b->taken |= UINT64_C(1) << THRESHOLDS;
    return INGOT_OK;
}

static int choice(const char *text, const char *const *list)
{
    int i = 0;
    while (list[i] && strcmp(text, list[i])) i++;
    return i;
}

static void read_attributes(cu_trees_args *a, const ig_device_bind *b)
{
    static const char *const aggregates[] = {"SUM", "AVERAGE", "MIN", "MAX", NULL};
    static const char *const posts[] = {"NONE",         "SOFTMAX", "LOGISTIC",
                                        "SOFTMAX_ZERO", "PROBIT",  NULL};
    static const char *const binaries[] = {"none", "sign", "half", NULL};
    a->aggregate = choice(ig_cu_text(b, "aggregate"), aggregates);
    a->post = choice(ig_cu_text(b, "post"), posts);
    a->binary = choice(ig_cu_text(b, "binary"), binaries);
    a->classifier = ig_cu_int(b, "classifier") != 0;
    a->n_targets = ig_cu_int(b, "n_targets");
}

static ingot_status bind(ig_device *d, ig_device_bind *b)
{
    const ig_type *x = b->in[X];
    int64_t n;
    for (int i = NODES; i < N_INPUTS; i++)
        if (!b->known[i]) return IG_CU_DECLINE(b, "tables that are no constants");
    if (!ig_el_number(x->dtype)) return IG_CU_DECLINE(b, IG_EL_NO_NUMBER);
    if (!ig_el_count(x, &n) || (b->out[0] && !ig_el_count(b->out[0], &n)))
        return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    trees_state *s = ig_el_state(b, sizeof *s);
    if (!s) return INGOT_E_NOMEM;
    cu_trees_args *a = &s->args;
    read_attributes(a, b);
    a->rows = x->rank == 2 ? x->dims[0] : 1;
    a->cols = x->dims[x->rank - 1];
    a->n_roots = b->in[ROOTS]->dims[0];
    a->n_base = b->in[BASE]->dims[0];
    a->x_dtype = (int)x->dtype;
    a->scores_dtype = (int)ig_cu_int(b, "dtype");
    a->wide = b->in[THRESHOLDS]->dtype == INGOT_F64;
    const tables t = {b->known[NODES]->data,
                      b->known[ROOTS]->data,
                      b->known[TARGETS]->data,
                      (size_t)b->in[NODES]->dims[0],
                      (size_t)a->n_roots,
                      (size_t)b->in[WEIGHTS]->dims[0],
                      a->cols,
                      a->n_targets,
                      b};
    if (b->in[NODES]->dims[1] != FIELDS || (size_t)b->in[THRESHOLDS]->dims[0] != t.n_nodes ||
        (size_t)b->in[TARGETS]->dims[0] != t.n_weights || t.n_nodes > INT32_MAX ||
        (a->n_base > 1 && a->n_base != a->n_targets))
        return bad(&t, "sizes, nodes:", t.n_nodes);
    if (a->cols >= CU_TREE_FEATURES_MOST) return IG_CU_DECLINE(b, "2^26 features or more");
    IG_TRY(check_tables(&t));
    a->form = form_of(&t);
    const int64_t most = LEAVES_MOST / IG_MAX(a->n_roots, (int64_t)1);
    a->chunk = IG_MIN(IG_MAX(most, (int64_t)1), IG_MAX(a->rows, (int64_t)1));
    const int64_t each = a->n_targets + 1;
    if (!ig_el_piece(b, a->chunk * IG_MAX(a->n_roots, (int64_t)1), sizeof(int32_t), &s->leaves) ||
        !ig_el_piece(b, a->chunk * each, sizeof(double), &s->values) ||
        !ig_el_piece(b, a->chunk * each, 1, &s->seen))
        return IG_CU_DECLINE(b, IG_EL_TOO_LARGE);
    b->kernel = a->wide ? "trees f64" : "trees f32";
    return upload(d, b, s, &t);
}

static ingot_status launch(ig_device_stream *s, const ig_device_run *r)
{
    const trees_state *state = r->state;
    char *room = r->scratch;
    cu_trees_args a = state->args;
    a.x = r->in[X], a.nodes = state->nodes, a.thresholds = a.wide ? r->in[THRESHOLDS] : NULL;
    a.roots = r->in[ROOTS], a.targets = r->in[TARGETS];
    a.weights = r->in[WEIGHTS], a.base = r->in[BASE];
    a.scores = r->out[0], a.index = r->node->n_out > 1 ? r->out[1] : NULL;
    a.leaves = (int32_t *)(void *)(room + state->leaves);
    a.values = (double *)(void *)(room + state->values);
    a.seen = (uint8_t *)(room + state->seen);
    return ig_cu_done(s, r, cu_trees(&a, ig_cu_stream(s)));
}

static void unbind(ig_device *d, void *state)
{
    trees_state *s = state;
    if (s && s->nodes) ig_cu_unpack(d, s->nodes);
}

const ig_cu_op ig_cu_op_tree_ensemble = {
    .name = "tree_ensemble", .bind = bind, .launch = launch, .unbind = unbind};
