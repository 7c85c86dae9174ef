// Decision trees and linear models on the emulated device against the CPU's ops: the same bits of
// sums.
#include "tests/cuda/op_check.hpp"

using namespace cuda_test;

enum { LEAF, LEQ, LT, GTE, GT, EQ, NEQ, MISSING = 8 };

enum Leaves { ONE, ALL, ANY }; // what a leaf adds: one weight, one to every target, some

struct Forest {
    std::vector<int32_t> nodes, roots, targets;
    std::vector<double> thresholds, weights;
    int cols, n_targets;
    bool plain;
    Leaves leaves;

    int leaf()
    {
        const int n = leaves == ANY ? below(3) : leaves == ALL ? n_targets : 1;
        const int first = (int)weights.size();
        for (int i = 0; i < n; i++) {
            targets.push_back(leaves == ALL ? i : below(n_targets));
            weights.push_back(uniform());
        }
        return put(0, LEAF, first, n, 0);
    }
    int put(int feature, int mode, int yes, int no, double threshold)
    {
        nodes.insert(nodes.end(), {feature, mode, yes, no});
        thresholds.push_back(threshold);
        return (int)thresholds.size() - 1;
    }
    int grow(int depth)
    {
        if (!depth || below(8) == 0) return leaf();
        const int mode = plain ? LEQ : LEQ + below(6) + (below(3) ? 0 : MISSING);
        const int at = put(below(cols), mode, 0, 0, below(3) ? uniform() : 0.25);
        const int yes = grow(depth - 1), no = grow(depth - 1);
        nodes[4 * at + 2] = yes, nodes[4 * at + 3] = no;
        return at;
    }
};

static Tensor table(int dtype, std::vector<int64_t> dims, const std::vector<double> &v)
{
    Tensor t(dtype, dims, true);
    return t.fill([&](size_t i) { return v[i]; });
}
static Tensor table(std::vector<int64_t> dims, const std::vector<int32_t> &v)
{
    Tensor t(INGOT_I32, dims, true);
    return t.fill([&](size_t i) { return (double)v[i]; });
}

static void forest(const char *what, int real, int x_dtype, int64_t rows, int cols, int trees,
                   int n_targets, int n_base, bool plain, Leaves leaves,
                   std::vector<op_attribute> how, bool classifier, int n_modes,
                   unsigned omitted = 0)
{
    Forest f{{}, {}, {}, {}, {}, cols, n_targets, plain, leaves};
    for (int t = 0; t < trees; t++) f.roots.push_back(f.grow(4));
    Tensor x(x_dtype, {rows, cols});
    x.random();
    if (op_is_float(x_dtype))
        for (size_t i = 0; i < x.n(); i += 5) x.set(i, i % 2 ? 0.25 : NAN);
    if (!op_is_float(x_dtype)) x.fill([](size_t) { return (double)below(3) - 1; });
    const int64_t n = (int64_t)f.thresholds.size(), w = (int64_t)f.weights.size();
    std::vector<double> base;
    for (int i = 0; i < n_base; i++) base.push_back(uniform());
    how.push_back(attribute("n_targets", n_targets));
    how.push_back(attribute("classifier", (int)classifier));
    op_agrees(what, "tree_ensemble", how,
              {x, table({n, 4}, f.nodes), table(real, {n}, f.thresholds),
               table({(int64_t)trees}, f.roots), table({w}, f.targets), table(real, {w}, f.weights),
               table(real, {n_base}, base)},
              classifier ? 2 : 1, 1e-7, n_modes, omitted);
}

static void linear(int64_t rows, int64_t cols, int64_t scores, const char *post, int classifier,
                   int pair)
{
    Tensor x(INGOT_F32, {rows, cols}), w(INGOT_F32, {scores, cols}, true),
        b(INGOT_F32, {scores}, true);
    op_agrees(
        std::string("linear_model ") + post, "linear_model",
        {attribute("post", post), attribute("classifier", classifier), attribute("pair", pair)},
        {x.random(), w.random(), b.random()}, 2, 1e-7, 2);
}

int main()
{
    forest("regression", INGOT_F32, INGOT_F32, 70, 9, 13, 1, 1, true, ONE, {}, false, 3);
    forest("one row", INGOT_F32, INGOT_F32, 1, 9, 100, 1, 0, true, ONE, {}, false, 3);
    forest("every test", INGOT_F32, INGOT_F32, 40, 6, 12, 3, 3, false, ANY, {}, false, 2);
    forest("doubles", INGOT_F64, INGOT_F64, 40, 6, 12, 2, 0, false, ANY, {}, false, 1);
    forest("integers", INGOT_F32, INGOT_I64, 33, 6, 12, 1, 0, true, ONE, {}, false, 1);
    for (int dtype : {INGOT_F64, INGOT_F16, INGOT_BF16, INGOT_U8})
        forest("other features", INGOT_F32, dtype, 5, 6, 12, 1, 0, false, ONE, {}, false, 1);
    forest("the class alone", INGOT_F32, INGOT_F32, 9, 6, 12, 3, 0, true, ONE, {}, true, 1, 1);
    forest("scores alone", INGOT_F64, INGOT_F32, 9, 6, 12, 3, 0, true, ONE, {}, true, 1, 2);
    // sums of a single row over more trees than a block keeps, of more targets than it has threads
    for (Leaves leaves : {ONE, ALL, ANY}) {
        forest("one row, many trees", INGOT_F32, INGOT_F32, 1, 3, 2100, 3, 0, true, leaves, {},
               false, 2);
        forest("two rows, many targets", INGOT_F64, INGOT_F32, 2, 3, 5, 300, 0, true, leaves, {},
               true, 1);
        forest("many rows", INGOT_F32, INGOT_F32, 67, 3, 40, 10, 0, true, leaves, {}, true, 2);
    }
    for (const char *how : {"AVERAGE", "MIN", "MAX"})
        for (Leaves leaves : {ONE, ALL, ANY})
            forest(how, INGOT_F32, INGOT_F32, 35, 6, 9, 2, 2, true, leaves,
                   {attribute("aggregate", how)}, false, 1);
    for (const char *post : {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"}) {
        for (int targets : {1, 2, 4})
            for (int base : {0, 1, targets})
                for (const char *binary : {"none", "sign", "half"})
                    forest(post, INGOT_F32, INGOT_F32, 34, 6, 8, targets, base, true,
                           targets != 2 ? ANY : ONE,
                           {attribute("post", post), attribute("binary", binary)}, true, 1);
        linear(37, 11, 4, post, 1, 0);
        linear(5, 11, 1, post, 1, 1);
    }
    linear(9, 300, 1, "NONE", 0, 0);
    return done();
}
