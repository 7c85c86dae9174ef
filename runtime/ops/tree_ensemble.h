/* tree_ensemble.h - the node table of op tree_ensemble; importers write it. */
#ifndef IG_OPS_TREE_ENSEMBLE_H
#define IG_OPS_TREE_ENSEMBLE_H

/* nodes[.][1]: the test that leads to the true child, and whether NaN leads there too. Stored in
 * files: never renumbered. */
enum {
    IG_TREE_LEAF = 0,
    IG_TREE_LEQ = 1,
    IG_TREE_LT = 2,
    IG_TREE_GTE = 3,
    IG_TREE_GT = 4,
    IG_TREE_EQ = 5,
    IG_TREE_NEQ = 6,
    IG_TREE_MODES = 7,
    IG_TREE_MISSING_TRUE = 8
};

#endif
