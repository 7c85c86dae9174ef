/* map_trees.c - TreeEnsemble* as one table of nodes, children after their parents.
 *
 * The file gives nodes in any order, by ids. Here each tree is walked once from its root and
 * written in that order; a node that two others lead to, or a cycle, is refused. A test for
 * membership in a set becomes a chain of tests for equality. */
#include "formats/onnx/ml.h"
#include "formats/onnx/state.h"
#include "runtime/base/checked.h"
#include "runtime/ops/tree_ensemble.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MEMBER = 7 }; /* only here: a set */
#define NOBODY UINT32_MAX

/* A node as the file has it. */
typedef struct {
    int64_t feature;
    int mode; /* IG_TREE_*, or MEMBER */
    double threshold;
    uint32_t yes, no;
    bool missing_true, walked, child;
    uint32_t first, count; /* weights of a leaf; members of a set */
} source;

typedef struct {
    int64_t target;
    double weight;
    uint32_t node;
} weight;

typedef struct {
    source *nodes;
    size_t n;
    weight *weights; /* by node */
    size_t n_weights;
    const double *members;
    size_t n_members;
    uint32_t *roots;
    size_t n_roots;
    onnx_reals base;
    bool wide;
} trees;

/* ---- walking ---- */

typedef struct {
    uint32_t node, from, to; /* the true or false child of written nodes [from, to) */
    int slot;
} visit;

typedef struct {
    ig_import *c;
    const ig_onnx_node *n;
    const trees *t;
    int32_t (*rows)[4];
    double *thresholds;
    int32_t *roots, *targets;
    double *weights;
    size_t n_rows, cap_rows, n_weights, cap_weights;
    visit *stack;
    size_t n_stack;
} writer;

static bool writer_open(writer *w)
{
    const trees *t = w->t;
    w->cap_rows = t->n + t->n_members + 1;
    w->cap_weights = t->n_weights + 1;
    w->rows = onnx_ml_room(w->c, w->cap_rows, sizeof *w->rows);
    w->thresholds = onnx_ml_room(w->c, w->cap_rows, sizeof *w->thresholds);
    w->roots = onnx_ml_room(w->c, t->n_roots, sizeof *w->roots);
    w->targets = onnx_ml_room(w->c, w->cap_weights, sizeof *w->targets);
    w->weights = onnx_ml_room(w->c, w->cap_weights, sizeof *w->weights);
    w->stack = onnx_ml_room(w->c, t->n + 2, sizeof *w->stack);
    return !w->c->status;
}

static void push(writer *w, uint32_t node, uint32_t from, uint32_t to, int slot)
{
    w->stack[w->n_stack++] = (visit){node, from, to, slot};
}

static void write_leaf(writer *w, const source *s, int32_t row[4])
{
    row[2] = (int32_t)w->n_weights;
    row[3] = (int32_t)s->count;
    for (uint32_t k = 0; k < s->count; k++) {
        const weight *from = &w->t->weights[s->first + k];
        w->targets[w->n_weights] = (int32_t)from->target;
        w->weights[w->n_weights++] = from->weight;
    }
}

static ingot_status write_node(writer *w, const visit *v)
{
    source *s = &w->t->nodes[v->node];
    if (s->walked) return ig_onnx_bad(w->c, w->n, "tree node %u is reached in two ways", v->node);
    s->walked = true;
    const uint32_t at = (uint32_t)w->n_rows;
    for (uint32_t i = v->from; i < v->to; i++) w->rows[i][v->slot] = (int32_t)at;
    const uint32_t n = s->mode == MEMBER ? IG_MAX(s->count, 1u) : 1;
    if (n > w->cap_rows - w->n_rows) return ig_onnx_bad(w->c, w->n, "its sets overlap");
    w->n_rows += n;
    if (s->mode == IG_TREE_LEAF) {
        write_leaf(w, s, w->rows[at]);
        return INGOT_OK;
    }
    if (s->yes >= w->t->n || s->no >= w->t->n)
        return ig_onnx_bad(w->c, w->n, "tree node %u has no children", v->node);
    if (s->feature < 0 || s->feature > INT32_MAX)
        return ig_onnx_bad(w->c, w->n, "tree node %u looks at feature %lld", v->node,
                           (long long)s->feature);
    for (uint32_t i = 0; i < n; i++) {
        const int mode = s->mode == MEMBER ? IG_TREE_EQ : s->mode;
        w->rows[at + i][0] = (int32_t)s->feature;
        w->rows[at + i][1] = mode | (s->missing_true ? IG_TREE_MISSING_TRUE : 0);
        w->rows[at + i][3] =
            (int32_t)(at + i + 1); /* of a chain: the next; the last is set later */
        w->thresholds[at + i] = s->mode != MEMBER ? s->threshold
                                : s->count        ? w->t->members[s->first + i]
                                                  : (double)NAN;
    }
    push(w, s->no, at + n - 1, at + n, 3);
    push(w, s->yes, at, at + n, 2);
    return INGOT_OK;
}

static ingot_status write_trees(writer *w)
{
    if (!writer_open(w)) return w->c->status;
    for (size_t r = 0; r < w->t->n_roots; r++) {
        w->roots[r] = (int32_t)w->n_rows;
        push(w, w->t->roots[r], 0, 0, 2);
        while (w->n_stack) {
            const visit v = w->stack[--w->n_stack];
            IG_TRY(write_node(w, &v));
        }
    }
    return INGOT_OK;
}

/* ---- emitting ---- */

static ig_id int_table(ig_import *c, const void *v, int rank, size_t n)
{
    const int64_t dims[2] = {(int64_t)n, 4};
    const ig_id id = ig_graph_const_copy(c->g, "", INGOT_I32, rank, dims, v);
    if (id == IG_NO_VALUE) c->status = onnx_no_memory(c);
    return id;
}

static ig_node *emit_trees(ig_import *c, const ig_onnx_node *n, const trees *t, ig_id scores,
                           ig_id index, int64_t n_targets)
{
    writer w = {.c = c, .n = n, .t = t};
    for (size_t i = 0; i < t->n_weights; i++)
        if (t->weights[i].target < 0 || t->weights[i].target >= n_targets) {
            ig_onnx_bad(c, n, "a leaf's target is %lld of %lld", (long long)t->weights[i].target,
                        (long long)n_targets);
            return NULL;
        }
    if (t->n >= INT32_MAX / 2 || t->n_members >= INT32_MAX / 2 || t->n_weights >= INT32_MAX) {
        ig_onnx_bad(c, n, "it has too many nodes");
        return NULL;
    }
    if (write_trees(&w)) return NULL;
    const int64_t n_rows = (int64_t)w.n_rows, n_weights = (int64_t)w.n_weights;
    const int64_t n_base = (int64_t)t->base.n;
    const ig_id in[] = {n->in[0],
                        int_table(c, w.rows, 2, w.n_rows),
                        onnx_ml_const(c, w.thresholds, 1, &n_rows, t->wide),
                        int_table(c, w.roots, 1, t->n_roots),
                        int_table(c, w.targets, 1, w.n_weights),
                        onnx_ml_const(c, w.weights, 1, &n_weights, t->wide),
                        onnx_ml_const(c, t->base.v, 1, &n_base, t->wide)};
    const ig_id out[] = {scores, index};
    ig_node *node =
        ig_emit(c, n, "tree_ensemble", in, IG_LEN(in), out, index == IG_NO_VALUE ? 1 : 2);
    ig_set_int(c, node, "n_targets", n_targets);
    return node;
}

/* ---- the first form: nodes and weights by ids of trees and nodes ---- */

typedef struct {
    int64_t tree, node;
    uint32_t at;
} key;

static int by_ids(const void *pa, const void *pb)
{
    const key *a = pa, *b = pb;
    if (a->tree != b->tree) return a->tree < b->tree ? -1 : 1;
    if (a->node != b->node) return a->node < b->node ? -1 : 1;
    return a->at < b->at ? -1 : a->at > b->at;
}

static uint32_t find(const key *keys, size_t n, int64_t tree, int64_t node)
{
    size_t low = 0, high = n;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (keys[mid].tree < tree || (keys[mid].tree == tree && keys[mid].node < node))
            low = mid + 1;
        else
            high = mid;
    }
    return low < n && keys[low].tree == tree && keys[low].node == node ? keys[low].at : NOBODY;
}

static int mode_named(ingot_str s)
{
    static const char *const names[] = {"LEAF",      "BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                        "BRANCH_GT", "BRANCH_EQ",  "BRANCH_NEQ"};
    for (size_t i = 0; i < IG_LEN(names); i++)
        if (s.n == strlen(names[i]) && !memcmp(s.p, names[i], s.n)) return (int)i;
    return -1;
}

/* The nodes' columns. */
typedef struct {
    ig_ints tree, node, feature, yes, no, missing;
    ig_texts mode;
    onnx_reals value;
    key *keys;
} columns;

static ingot_status read_nodes(ig_import *c, const ig_onnx_node *n, trees *t, columns *k)
{
    k->tree = onnx_ints(c, n, "nodes_treeids"), k->node = onnx_ints(c, n, "nodes_nodeids");
    k->feature = onnx_ints(c, n, "nodes_featureids");
    k->yes = onnx_ints(c, n, "nodes_truenodeids"), k->no = onnx_ints(c, n, "nodes_falsenodeids");
    k->missing = onnx_ints(c, n, "nodes_missing_value_tracks_true");
    k->mode = onnx_texts(c, n, "nodes_modes");
    k->value = onnx_ml_reals(c, n, "nodes_values", "nodes_values_as_tensor");
    IG_TRY(c->status);
    t->n = k->tree.n;
    t->wide |= k->value.wide;
    if (!t->n || k->node.n != t->n || k->feature.n != t->n || k->yes.n != t->n || k->no.n != t->n ||
        k->mode.n != t->n || k->value.n != t->n || (k->missing.n && k->missing.n != t->n))
        return ig_onnx_bad(c, n, "its lists of nodes do not have one length");
    t->nodes = onnx_ml_room(c, t->n, sizeof *t->nodes);
    k->keys = onnx_ml_room(c, t->n, sizeof *k->keys);
    t->roots = onnx_ml_room(c, t->n, sizeof *t->roots);
    IG_TRY(c->status);
    for (size_t i = 0; i < t->n; i++) k->keys[i] = (key){k->tree.v[i], k->node.v[i], (uint32_t)i};
    qsort(k->keys, t->n, sizeof *k->keys, by_ids);
    for (size_t i = 1; i < t->n; i++)
        if (k->keys[i].tree == k->keys[i - 1].tree && k->keys[i].node == k->keys[i - 1].node)
            return ig_onnx_bad(c, n, "tree %lld has two nodes %lld", (long long)k->keys[i].tree,
                               (long long)k->keys[i].node);
    return INGOT_OK;
}

static ingot_status link_nodes(ig_import *c, const ig_onnx_node *n, trees *t, const columns *k)
{
    for (size_t i = 0; i < t->n; i++) {
        source *s = &t->nodes[i];
        s->mode = mode_named(k->mode.v[i]);
        if (s->mode < 0)
            return ig_onnx_fail(c, n, "node mode '%.*s' is not known",
                                (int)IG_MIN(k->mode.v[i].n, (size_t)40), k->mode.v[i].p);
        s->feature = k->feature.v[i];
        s->threshold = k->value.v[i];
        s->missing_true = k->missing.n && k->missing.v[i];
        s->yes = s->no = NOBODY;
        if (s->mode == IG_TREE_LEAF) continue;
        s->yes = find(k->keys, t->n, k->tree.v[i], k->yes.v[i]);
        s->no = find(k->keys, t->n, k->tree.v[i], k->no.v[i]);
        if (s->yes != NOBODY) t->nodes[s->yes].child = true;
        if (s->no != NOBODY) t->nodes[s->no].child = true;
    }
    for (size_t i = 0; i < t->n; i++)
        if (!t->nodes[i].child) t->roots[t->n_roots++] = (uint32_t)i;
    return INGOT_OK;
}

/* Weights, by node and then in the order of the file. */
static ingot_status read_weights(ig_import *c, const ig_onnx_node *n, trees *t, const columns *k,
                                 const char *prefix)
{
    char name[4][40];
    static const char *const parts[] = {"treeids", "nodeids", "ids", "weights"};
    for (int i = 0; i < 4; i++) snprintf(name[i], sizeof name[i], "%s_%s", prefix, parts[i]);
    char tensor[48];
    snprintf(tensor, sizeof tensor, "%s_weights_as_tensor", prefix);
    const ig_ints tree = onnx_ints(c, n, name[0]), node = onnx_ints(c, n, name[1]);
    const ig_ints id = onnx_ints(c, n, name[2]);
    const onnx_reals v = onnx_ml_reals(c, n, name[3], tensor);
    IG_TRY(c->status);
    t->wide |= v.wide;
    t->n_weights = tree.n;
    if (node.n != tree.n || id.n != tree.n || v.n != tree.n)
        return ig_onnx_bad(c, n, "its lists of weights do not have one length");
    weight *list = onnx_ml_room(c, tree.n, sizeof *list);
    t->weights = onnx_ml_room(c, tree.n, sizeof *list);
    IG_TRY(c->status);
    for (size_t i = 0; i < tree.n; i++) {
        list[i] = (weight){id.v[i], v.v[i], find(k->keys, t->n, tree.v[i], node.v[i])};
        if (list[i].node == NOBODY)
            return ig_onnx_bad(c, n, "weight %zu is for node %lld of tree %lld, which is not there",
                               i, (long long)node.v[i], (long long)tree.v[i]);
        t->nodes[list[i].node].count++;
    }
    uint32_t at = 0;
    for (size_t i = 0; i < t->n; at += t->nodes[i++].count) t->nodes[i].first = at;
    for (size_t i = 0; i < t->n; i++) t->nodes[i].count = 0;
    for (size_t i = 0; i < tree.n; i++) {
        source *s = &t->nodes[list[i].node];
        t->weights[s->first + s->count++] = list[i];
    }
    return INGOT_OK;
}

static ingot_status read_by_ids(ig_import *c, const ig_onnx_node *n, trees *t, const char *prefix)
{
    columns k = {0};
    if (n->n_in < 1) return ig_onnx_bad(c, n, "input 0 is missing");
    t->wide = onnx_type(c, n->in[0])->dtype == INGOT_F64;
    t->base = onnx_ml_reals(c, n, "base_values", "base_values_as_tensor");
    t->wide |= t->base.wide;
    IG_TRY(read_nodes(c, n, t, &k));
    IG_TRY(link_nodes(c, n, t, &k));
    return read_weights(c, n, t, &k, prefix);
}

static ingot_status map_regressor(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    trees t = {0};
    IG_TRY(read_by_ids(c, n, &t, "target"));
    ig_node *node = emit_trees(c, n, &t, n->out[0], IG_NO_VALUE, onnx_int(c, n, "n_targets", 1));
    ig_set_text(c, node, "aggregate", onnx_text(c, n, "aggregate_function", "SUM"));
    onnx_ml_post(c, n, node);
    return c->status;
}

/* "half": all weights speak for one of two classes and none is negative, so that scores are taken
 * for probabilities; "sign": for one of two classes, with negative weights among them. */
static const char *binary_kind(const trees *t, size_t n_classes)
{
    if (n_classes != 2) return "none";
    bool positive = true;
    for (size_t i = 0; i < t->n_weights; i++) {
        if (t->weights[i].target != t->weights[0].target) return "none";
        if (t->weights[i].weight < 0) positive = false;
    }
    return positive ? "half" : "sign";
}

static ingot_status map_classifier(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    trees t = {0};
    IG_TRY(read_by_ids(c, n, &t, "class"));
    ig_ints ints = onnx_ints(c, n, "classlabels_int64s");
    ig_texts texts = onnx_texts(c, n, "classlabels_strings");
    IG_TRY(c->status);
    const size_t n_classes = texts.n ? texts.n : ints.n;
    if (!n_classes || (texts.n && ints.n))
        return ig_onnx_bad(c, n, "it has %zu and %zu class labels", ints.n, texts.n);
    if (t.base.n > 1 && t.base.n != n_classes)
        return ig_onnx_bad(c, n, "%zu base values for %zu classes", t.base.n, n_classes);
    const char *binary = binary_kind(&t, n_classes);
    const ig_id index = ig_graph_value(c->g, "", NULL);
    if (index == IG_NO_VALUE) return c->status = onnx_no_memory(c);
    ig_id scores = n->n_out > 1 ? n->out[1] : IG_NO_VALUE;
    if (scores == IG_NO_VALUE) scores = ig_graph_value(c->g, "", NULL);
    ig_node *node = emit_trees(c, n, &t, scores, index, (int64_t)n_classes);
    ig_set_int(c, node, "classifier", 1);
    ig_set_text(c, node, "binary", binary);
    onnx_ml_post(c, n, node);
    /* Where it is not known which of two classes weights mean, the answer is 1 or 0 itself. */
    static const int64_t signs[] = {0, 1};
    if (ints.n && ints.n <= 2 && !strcmp(binary, "none")) ints = (ig_ints){signs, 2};
    if (texts.n == 1) texts = (ig_texts){(ingot_str[]){texts.v[0], texts.v[0]}, 2};
    onnx_ml_labels(c, n, n->out[0], index, ints, texts);
    return c->status;
}

/* ---- the newest form: one list of nodes, leaves apart, children by index ---- */

typedef struct {
    ig_ints feature, yes, no, yes_leaf, no_leaf, missing, roots, targets;
    onnx_reals split, mode, weights, members;
} lists;

static ingot_status read_lists(ig_import *c, const ig_onnx_node *n, lists *k)
{
    k->feature = onnx_ints(c, n, "nodes_featureids");
    k->yes = onnx_ints(c, n, "nodes_truenodeids"), k->no = onnx_ints(c, n, "nodes_falsenodeids");
    k->yes_leaf = onnx_ints(c, n, "nodes_trueleafs");
    k->no_leaf = onnx_ints(c, n, "nodes_falseleafs");
    k->missing = onnx_ints(c, n, "nodes_missing_value_tracks_true");
    k->roots = onnx_ints(c, n, "tree_roots"), k->targets = onnx_ints(c, n, "leaf_targetids");
    k->split = onnx_ml_reals(c, n, NULL, "nodes_splits");
    k->mode = onnx_ml_reals(c, n, NULL, "nodes_modes");
    k->weights = onnx_ml_reals(c, n, NULL, "leaf_weights");
    k->members = onnx_ml_reals(c, n, NULL, "membership_values");
    IG_TRY(c->status);
    const size_t count = k->feature.n;
    if (k->yes.n != count || k->no.n != count || k->yes_leaf.n != count || k->no_leaf.n != count ||
        k->split.n != count || k->mode.n != count || (k->missing.n && k->missing.n != count) ||
        k->weights.n != k->targets.n || !k->roots.n)
        return ig_onnx_bad(c, n, "its lists of nodes do not have one length");
    return INGOT_OK;
}

/* Leaves may be shared, so every use gets a leaf of its own: node i's are n + 2 i and n + 2 i + 1.
 */
static uint32_t child_of(trees *t, size_t n, size_t slot, int64_t id, bool leaf, const lists *k)
{
    if (!leaf) return id >= 0 && (uint64_t)id < n ? (uint32_t)id : NOBODY;
    if (id < 0 || (uint64_t)id >= k->targets.n) return NOBODY;
    source *s = &t->nodes[n + slot];
    *s = (source){.mode = IG_TREE_LEAF, .first = (uint32_t)(slot), .count = 1};
    t->weights[slot] = (weight){k->targets.v[id], k->weights.v[id], 0};
    return (uint32_t)(n + slot);
}

/* The next set of members; sets end with NaN. */
static void take_set(source *s, const lists *k, size_t *at)
{
    s->first = (uint32_t)*at;
    while (*at < k->members.n && !isnan(k->members.v[*at])) (*at)++;
    s->count = (uint32_t)(*at - s->first);
    (*at)++;
}

static ingot_status fill_lists(ig_import *c, const ig_onnx_node *n, trees *t, const lists *k)
{
    const size_t count = k->feature.n;
    size_t member = 0;
    t->n = 3 * count;
    t->n_weights = 2 * count;
    t->nodes = onnx_ml_room(c, t->n, sizeof *t->nodes);
    t->weights = onnx_ml_room(c, t->n_weights, sizeof *t->weights);
    t->roots = onnx_ml_room(c, k->roots.n, sizeof *t->roots);
    IG_TRY(c->status);
    for (size_t i = 0; i < count; i++) {
        source *s = &t->nodes[i];
        const double mode = k->mode.v[i];
        if (!(mode >= 0 && mode <= 6)) return ig_onnx_bad(c, n, "node %zu has mode %g", i, mode);
        s->mode = (int)mode + IG_TREE_LEQ;
        s->feature = k->feature.v[i];
        s->threshold = k->split.v[i];
        s->missing_true = k->missing.n && k->missing.v[i];
        s->yes = child_of(t, count, 2 * i, k->yes.v[i], k->yes_leaf.v[i] != 0, k);
        s->no = child_of(t, count, 2 * i + 1, k->no.v[i], k->no_leaf.v[i] != 0, k);
        if (s->mode == MEMBER) take_set(s, k, &member);
    }
    t->members = k->members.v;
    t->n_members = k->members.n;
    for (size_t r = 0; r < k->roots.n; r++) {
        if (k->roots.v[r] < 0 || (uint64_t)k->roots.v[r] >= count)
            return ig_onnx_bad(c, n, "root %zu is node %lld of %zu", r, (long long)k->roots.v[r],
                               count);
        t->roots[t->n_roots++] = (uint32_t)k->roots.v[r];
    }
    return INGOT_OK;
}

static const char *chosen(ig_import *c, const ig_onnx_node *n, const char *attr, int64_t def,
                          const char *const *names, int64_t count)
{
    const int64_t v = onnx_int(c, n, attr, def);
    if (v >= 0 && v < count) return names[v];
    ig_onnx_bad(c, n, "attribute '%s' is %lld", attr, (long long)v);
    return names[0];
}

static ingot_status map_ensemble(ig_import *c, const ig_onnx_node *n, const char *arg)
{
    (void)arg;
    static const char *const aggregates[] = {"AVERAGE", "SUM", "MIN", "MAX"};
    static const char *const posts[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
    trees t = {0};
    lists k = {0};
    if (n->n_in < 1) return ig_onnx_bad(c, n, "input 0 is missing");
    IG_TRY(read_lists(c, n, &k));
    const ingot_dtype dtype = onnx_type(c, n->in[0])->dtype;
    t.wide = dtype == INGOT_F64 || k.split.wide || k.weights.wide;
    t.base.v = onnx_ml_room(c, 1, sizeof(double));
    IG_TRY(fill_lists(c, n, &t, &k));
    ig_node *node = emit_trees(c, n, &t, n->out[0], IG_NO_VALUE, onnx_int(c, n, "n_targets", 1));
    ig_set_int(c, node, "dtype",
               dtype == INGOT_F64 || dtype == INGOT_F16 ? dtype
               : dtype == INGOT_NONE && t.wide          ? INGOT_F64
                                                        : INGOT_F32);
    ig_set_text(c, node, "aggregate", chosen(c, n, "aggregate_function", 1, aggregates, 4));
    ig_set_text(c, node, "post", chosen(c, n, "post_transform", 0, posts, 5));
    return c->status;
}

const ig_onnx_map ig_onnx_map_trees[] = {
    {"ai.onnx.ml", "TreeEnsembleClassifier", 1, 0, map_classifier, NULL},
    {"ai.onnx.ml", "TreeEnsembleRegressor", 1, 0, map_regressor, NULL},
    {"ai.onnx.ml", "TreeEnsemble", 5, 0, map_ensemble, NULL},
    {0},
};
