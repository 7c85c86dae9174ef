// Searches in tables on the emulated device against the CPU's ops: encoders of labels and
// categories, counts of n-grams.
#include "tests/cuda/op_check.hpp"

using namespace cuda_test;

static Tensor list(int dtype, std::vector<double> v)
{
    return Tensor(dtype, {(int64_t)v.size()}, true).fill([&](size_t i) { return v[i]; });
}

// ---- label_encoder ----
static void labels(int dtype, int value_dtype, int64_t n, int n_keys, int n_modes)
{
    const bool reals = op_is_float(dtype);
    Tensor keys(dtype, {n_keys}, true), values(value_dtype, {n_keys}, true);
    // some keys twice: the first counts
    keys.fill([&](size_t i) { return i % 5 == 4 ? keys.get(i - 3) : (double)(i % 100) - 7; });
    if (reals && n_keys > 5) keys.set(5, NAN), keys.set(6, -0.0);
    values.any_bits();
    Tensor other(value_dtype, {}, true), x(dtype, {n / 2, 2});
    other.any_bits();
    x.fill([&](size_t i) { return i % 3 ? keys.get((size_t)below(n_keys)) : below(200) - 100; });
    if (reals) x.set(1, NAN), x.set(2, 0.0), x.set(3, -0.0), x.set(4, 0.5), x.set(5, INFINITY);
    op_agrees(describe("labels", dtype), "label_encoder", {}, {x, keys, values, other}, 1, 0,
              n_modes);
}

// ---- one_hot_encoder ----
static void one_hot(int dtype, int64_t n, std::vector<double> keys)
{
    Tensor x(dtype, {n, 1});
    x.fill([&](size_t i) { return i % 4 ? keys[(size_t)below((int)keys.size())] : below(50); });
    if (op_is_float(dtype)) {
        const double odd[] = {2.9, -2.9, NAN, INFINITY, -INFINITY, 1e19, -1e19, -0.0};
        for (size_t i = 0; i < x.n() && i < 8; i++) x.set(i, odd[i]);
    }
    op_agrees(describe("one hot", dtype), "one_hot_encoder", {}, {x, list(INGOT_I64, keys)}, 1, 0,
              2);
}

// ---- tfidf ----
static void grams(const char *mode, int dtype, std::vector<int64_t> dims, int least, int most,
                  int skip, bool weighted)
{
    // n-grams of 1, 2 and 3 items, some twice, over items 0..5; 6 and 7 are in none
    const std::vector<double> pool = {0, 1, 2, 5, 0, 1, 1, 0, 2, 2, 3, 4, 0, 1, 0, 1, 2, 1, 1, 0};
    Tensor columns = list(INGOT_I64, {0, 3, 2, 1, 4, 6, 5, 8, 10, 3, 7, 9});
    Tensor x(dtype, dims);
    x.fill([](size_t) { return (double)below(8) - (below(9) == 0 ? 20 : 0); });
    Tensor weights(INGOT_F32, {weighted ? 11 : 0}, true);
    op_attribute counts = attribute("ngram_counts", "");
    counts.kind = op_attribute::OP_INTS;
    static const int64_t starts[] = {0, 4, 14};
    counts.ints = starts, counts.n_ints = 3;
    op_agrees(std::string("tfidf ") + mode, "tfidf",
              {attribute("mode", mode), attribute("min_gram_length", least),
               attribute("max_gram_length", most), attribute("max_skip_count", skip), counts},
              {x, list(INGOT_I64, pool), columns, weights.random()}, 1, 0, 3);
}

int main()
{
    for (int dtype : {INGOT_F32, INGOT_F64, INGOT_F16, INGOT_BF16, INGOT_I64, INGOT_I32, INGOT_U8,
                      INGOT_I8, INGOT_U64, INGOT_F8E4M3FN})
        labels(dtype, INGOT_F32, 20, 9, 1);
    for (int dtype : {INGOT_I64, INGOT_F64, INGOT_U8, INGOT_F16, INGOT_BOOL})
        labels(INGOT_I64, dtype, 600, 300, 2);
    labels(INGOT_I64, INGOT_I64, 0, 1, 1);
    labels(INGOT_F32, INGOT_I64, 10, 1, 1);
    for (int dtype : {INGOT_F32, INGOT_F64, INGOT_F16, INGOT_I64, INGOT_I32, INGOT_BOOL})
        one_hot(dtype, 70, {3, 0, 2, -2, 1, 9223372036854775807.0});
    one_hot(INGOT_I64, 300, {7});
    for (const char *mode : {"TF", "IDF", "TFIDF"})
        for (bool weighted : {false, true}) {
            grams(mode, INGOT_I64, {3, 40}, 1, 3, 0, weighted);
            grams(mode, INGOT_I32, {50}, 2, 2, 5, weighted);
            grams(mode, INGOT_I32, {5, 7}, 1, 2, 1000000, weighted);
        }
    grams("TF", INGOT_I64, {2, 300}, 3, 3, 2, false);
    grams("TF", INGOT_I64, {2, 0}, 1, 1, 0, false);
    grams("TF", INGOT_I64, {0, 3}, 1, 1, 0, false);
    return done();
}
