// Support vector machines on the emulated device against the CPU's op.
#include "tests/cuda/op_check.hpp"

using namespace cuda_test;

static Tensor values(int dtype, std::vector<int64_t> dims, bool constant = true)
{
    return Tensor(dtype, dims, constant).random();
}

static std::vector<op_attribute> how(const char *kernel, const char *post)
{
    return {attribute("kernel", kernel), attribute("post", post), attribute("gamma", 0.3),
            attribute("coef0", 0.2), attribute("degree", 3.0)};
}

static void regressor(const char *kernel, int x_dtype, int64_t rows, int64_t cols, int64_t vectors,
                      int one_class, int n_modes)
{
    std::vector<op_attribute> a = how(kernel, one_class ? "NONE" : "LOGISTIC");
    a.push_back(attribute("one_class", one_class));
    Tensor x = values(x_dtype, {rows, cols}, false);
    if (!op_is_float(x_dtype)) x.fill([](size_t) { return (double)below(7) - 3; });
    op_agrees(std::string("regressor ") + kernel, "svm", a,
              {x, values(INGOT_F32, {vectors, cols}), values(INGOT_F32, {vectors ? vectors : cols}),
               values(INGOT_F32, {1}), values(INGOT_F32, {2, 0}), values(INGOT_I64, {0})},
              1, 1e-6, n_modes);
}

// proba: with sigmoids; unused: vectors of no class behind the last one's.
static void classifier(const char *kernel, const char *post, int64_t rows, int classes,
                       std::vector<int> per_class, bool proba, int n_modes, unsigned omitted = 0)
{
    const int64_t cols = 9, pairs = classes * (classes - 1) / 2;
    int64_t vectors = 0;
    for (int n : per_class) vectors += n;
    std::vector<op_attribute> a = how(kernel, post);
    a.push_back(attribute("n_classes", classes));
    Tensor count(INGOT_I64, {(int64_t)per_class.size()}, true);
    count.fill([&](size_t i) { return (double)per_class[i]; });
    Tensor sigmoids = values(INGOT_F32, {2, proba ? pairs : 0});
    for (size_t i = 0; proba && i < (size_t)pairs; i++) sigmoids.set(i, -1 - uniform() / 2);
    op_agrees(std::string("classifier ") + kernel + " " + post, "svm", a,
              {values(INGOT_F32, {rows, cols}, false), values(INGOT_F32, {vectors, cols}),
               values(INGOT_F32, {vectors ? (classes - 1) * vectors : classes * cols}),
               values(INGOT_F32, {vectors ? pairs : 1}), sigmoids, count},
              2, 1e-6, n_modes, omitted);
}

int main()
{
    for (const char *kernel : {"LINEAR", "POLY", "RBF", "SIGMOID"}) {
        regressor(kernel, INGOT_F32, 35, 37, 41, 0, 3);
        regressor(kernel, INGOT_F32, 1, 5, 100, 1, 1);
        classifier(kernel, "NONE", 34, 3, {5, 40, 2}, true, 2);
        classifier(kernel, "NONE", 6, 4, {5, 0, 33, 2}, false, 1);
    }
    for (int dtype : {INGOT_F64, INGOT_F16, INGOT_BF16, INGOT_I64, INGOT_U8})
        regressor("RBF", dtype, 3, 33, 7, 0, 1);
    regressor("LINEAR", INGOT_F32, 40, 33, 0, 0, 2);
    regressor("LINEAR", INGOT_F32, 4, 3, 0, 1, 1);
    for (const char *post : {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"}) {
        classifier("RBF", post, 5, 2, {3, 6}, false, 1);
        classifier("RBF", post, 5, 2, {3, 6}, true, 1);
        classifier("RBF", post, 5, 3, {3, 6, 1}, false, 1);
        classifier("LINEAR", post, 5, 4, {}, false, 1);
    }
    classifier("LINEAR", "NONE", 20, 2, {}, false, 1);
    classifier("RBF", "NONE", 3, 40, std::vector<int>(40, 2), true, 2);
    classifier("RBF", "NONE", 3, 5, std::vector<int>(5, 2), true, 1, 1); // the class alone
    classifier("RBF", "NONE", 0, 3, {1, 1, 1}, true, 1);
    return done();
}
