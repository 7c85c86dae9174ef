// attention, relative_bias, rope_table and rotary_embedding on the device beside the CPU's:
// layouts, masks, past and present, counts of keys; types that the device widens.
#include "tests/cuda/op_check.hpp"

using namespace cuda_test;
typedef std::vector<op_attribute> attributes;

static void attention_masks()
{
    const attributes a = {attribute("causal", 0), attribute("hidden_nan", 1)};
    for (int dtype : {INGOT_F32, INGOT_F16, INGOT_BF16}) {
        const double t = dtype == INGOT_F32 ? 3e-6 : dtype == INGOT_F16 ? 1e-3 : 8e-3;
        Tensor q = Tensor(dtype, {2, 4, 9, 24}).random(),
               k = Tensor(dtype, {2, 2, 70, 24}).random();
        Tensor v = Tensor(dtype, {2, 2, 70, 20}).random();
        op_agrees(describe("no mask", dtype), "attention", {}, {q, k, v}, 1, t, 3);
        for (int m : {(int)INGOT_BOOL, dtype}) {
            Tensor mask(m, {1, 4, 9, 66});
            if (m == INGOT_BOOL)
                mask.fill([](size_t i) { return (double)(i / 66 % 5 != 2 && bits() % 3); });
            else
                mask.random(2);
            op_agrees(describe("mask", m), "attention", a, {q, k, v, mask}, 1, t, 3);
        }
        Tensor rows(dtype, {2, 1, 1, 70});
        rows.fill([](size_t i) { return i >= 70 ? -INFINITY : 0.5; });
        op_agrees(describe("a mask that hides all", dtype), "attention", a, {q, k, v, rows}, 1, t,
                  1);
        op_agrees(describe("a mask that hides all, zeros", dtype), "attention", {}, {q, k, v, rows},
                  1, t, 1);
    }
}

static void attention_layouts()
{
    Tensor q = Tensor(INGOT_F32, {2, 5, 6 * 16}).random(),
           k = Tensor(INGOT_F32, {2, 5, 3 * 16}).random();
    Tensor v = Tensor(INGOT_F32, {2, 5, 3 * 40}).random();
    const attributes heads = {attribute("q_heads", 6), attribute("kv_heads", 3),
                              attribute("causal", 1), attribute("softcap", 2.5)};
    op_agrees("heads side by side", "attention", heads, {q, k, v}, 1, 3e-6, 3);
    Tensor q4 = Tensor(INGOT_F32, {1, 33, 4, 32}).random(),
           k4 = Tensor(INGOT_F32, {1, 33, 2, 32}).random();
    Tensor v4 = Tensor(INGOT_F32, {1, 33, 2, 32}).random();
    op_agrees("tokens first", "attention",
              {attribute("tokens_first", 15), attribute("left_window", 7),
               attribute("right_window", 3), attribute("scale", 0.3)},
              {q4, k4, v4}, 1, 3e-6, 3);
    op_agrees("tokens first but for y", "attention", {attribute("tokens_first", 7)}, {q4, k4, v4},
              1, 3e-6, 1);
}

static void attention_past()
{
    for (int dtype : {INGOT_F32, INGOT_F16}) {
        const double t = dtype == INGOT_F32 ? 3e-6 : 1e-3;
        Tensor q = Tensor(dtype, {2, 3, 4, 8}).random(), k = Tensor(dtype, {2, 3, 4, 8}).random();
        Tensor v = Tensor(dtype, {2, 3, 4, 6}).random(), none;
        Tensor past_k = Tensor(dtype, {2, 3, 37, 8}).random(),
               past_v = Tensor(dtype, {2, 3, 37, 6}).random();
        const attributes causal = {attribute("causal", 1)};
        op_agrees(describe("past", dtype), "attention", causal, {q, k, v, none, past_k, past_v}, 3,
                  t, 3);
        op_agrees(describe("past, nothing kept", dtype), "attention", causal,
                  {q, k, v, none, past_k, past_v}, 1, t, 1);
        op_agrees(describe("present of keys only", dtype), "attention", causal, {q, k, v}, 2, t, 1);
        Tensor counts(INGOT_I64, {2});
        counts.set(0, 4), counts.set(1, 2);
        op_agrees(describe("counts of keys", dtype), "attention", causal,
                  {q, k, v, none, none, none, counts}, 1, t, 1);
    }
}

static void rounded()
{
    Tensor q = Tensor(INGOT_F32, {2, 2, 70, 32}).random(),
           k = Tensor(INGOT_F32, {2, 2, 66, 32}).random();
    Tensor v = Tensor(INGOT_F32, {2, 2, 66, 40}).random(),
           mask = Tensor(INGOT_F32, {70, 66}).random();
    Tensor none, counts(INGOT_I64, {2});
    counts.set(0, 66), counts.set(1, 0);
    const attributes causal = {attribute("causal", 1)};
    op_agrees("f32 that may be rounded", "attention", {}, {q, k, v}, 1, 1e-2, 2, 0, 1);
    op_agrees("rounded, mask", "attention", {}, {q, k, v, mask}, 1, 1e-2, 2, 0, 1);
    op_agrees("rounded, counts", "attention", causal, {q, k, v, none, none, none, counts}, 1, 1e-2,
              1, 0, 1);
}

// What the kernel that takes a query at a time is for.
static void attention_by_rows()
{
    for (int dtype : {INGOT_F32, INGOT_F16, INGOT_BF16, INGOT_F64}) {
        const double t = dtype == INGOT_F64   ? 1e-12
                         : dtype == INGOT_F32 ? 3e-6
                         : dtype == INGOT_F16 ? 1e-3
                                              : 8e-3;
        Tensor q = Tensor(dtype, {2, 4, 9, 24}).random(), v = Tensor(dtype, {2, 2, 140, 20});
        Tensor k = Tensor(dtype, {2, 2, 140, 24}).random(), none, mask(INGOT_BOOL, {1, 4, 9, 66});
        v.random();
        mask.fill([](size_t i) { return (double)(i / 66 % 5 != 2 && bits() % 3); });
        const attributes a = {attribute("causal", 1), attribute("left_window", 30),
                              attribute("scores", ""), attribute("hidden_nan", 0)};
        for (const char *stage : {"raw", "capped", "masked", "softmax"})
            for (int hidden_nan : {0, 1}) {
                attributes with = a;
                with[2] = attribute("scores", stage);
                with[3] = attribute("hidden_nan", hidden_nan);
                with.push_back(attribute("softcap", 1.5));
                op_agrees(describe(stage, dtype), "attention", with, {q, k, v, mask}, 4, t, 2);
            }
        Tensor past_k = Tensor(dtype, {2, 2, 37, 24}).random(),
               past_v = Tensor(dtype, {2, 2, 37, 20}).random();
        op_agrees(describe("scores, past", dtype), "attention", {attribute("causal", 1)},
                  {q, k, v, none, past_k, past_v}, 4, t, 1, 6);
    }
    Tensor q = Tensor(INGOT_F32, {2, 3, 5, 8}).random(), k = Tensor(INGOT_F32, {2, 3, 7, 8});
    Tensor v = Tensor(INGOT_F32, {2, 3, 7, 6}).random(), none, counts(INGOT_I64, {2});
    k.random();
    counts.set(0, 7), counts.set(1, 3);
    op_agrees("scores, counts of keys", "attention", {attribute("causal", 1)},
              {q, k, v, none, none, none, counts}, 4, 3e-6, 3, 6);
    for (int m : {INGOT_I8, INGOT_U8, INGOT_I64, INGOT_U64, INGOT_F64, INGOT_F16}) {
        Tensor mask = Tensor(m, {3, 5, 7}).fill([](size_t) { return (double)below(4); });
        op_agrees(describe("a mask of", m), "attention", {}, {q, k, v, mask}, 1, 3e-6, 1);
    }
    Tensor far = Tensor(INGOT_F64, {5, 7}).fill([](size_t i) { return i % 3 ? -1e300 : 0; });
    op_agrees("a mask beyond f32", "attention", {}, {q, k, v, far}, 1, 3e-6, 1);
    op_agrees("a softmax in f64", "attention", {attribute("softmax_precision", (int)INGOT_F64)},
              {q, k, v}, 1, 3e-6, 1);
    Tensor wide = Tensor(INGOT_F64, {2, 3, 7, 6}).random();
    op_agrees("values of another type", "attention", {}, {q, k, wide}, 1, 3e-6, 1);
    Tensor no_k(INGOT_F32, {2, 3, 0, 8}), no_v(INGOT_F32, {2, 3, 0, 6});
    op_agrees("no keys", "attention", {}, {q, no_k, no_v}, 1, 0, 1);
    Tensor long_q = Tensor(INGOT_F32, {1, 1, 2, 9000}).random();
    Tensor long_k = Tensor(INGOT_F32, {1, 1, 3, 9000}).random();
    op_agrees("heads of 9000", "attention", {}, {long_q, long_k, long_k}, 1, 3e-6, 1);
}

static void ropes()
{
    Tensor at(INGOT_I64, {7});
    const double where[] = {0, 1, 17, 4095, 131071, 1048573, 2147483647};
    at.fill([&](size_t i) { return where[i]; });
    for (const char *scaling : {"plain", "linear", "ntk", "yarn", "llama3"})
        op_agrees(scaling, "rope_table",
                  {attribute("half", 24), attribute("scaling", scaling), attribute("factor", 4.0),
                   attribute("context", 4096.0), attribute("base", 500000.0)},
                  {at}, 1, 6e-8, 1);
    Tensor divide = Tensor(INGOT_F32, {8}, true).fill([](size_t i) { return 1 + 0.1 * (double)i; });
    Tensor narrow(INGOT_I32, {3});
    narrow.fill([](size_t i) { return (double)i * 1000; });
    op_agrees("divided", "rope_table", {attribute("half", 8)}, {narrow, divide}, 1, 6e-8, 1);
    for (int dtype : {INGOT_F32, INGOT_F16, INGOT_BF16}) {
        const double t = dtype == INGOT_F32 ? 0 : dtype == INGOT_F16 ? 1e-3 : 8e-3;
        Tensor x = Tensor(dtype, {2, 3, 5, 12}).random(), cos = Tensor(dtype, {50, 4}).random();
        Tensor sin = Tensor(INGOT_F32, {50, 4}).random(), p(INGOT_I64, {2, 5}), one(INGOT_I64, {1});
        p.fill([](size_t) { return (double)below(50); });
        one.set(0, 40);
        const attributes part = {attribute("rotary_dim", 8), attribute("interleaved", 1)};
        op_agrees(describe("positions", dtype), "rotary_embedding", part, {x, cos, sin, p}, 1, t,
                  1);
        op_agrees(describe("from one", dtype), "rotary_embedding", {attribute("rotary_dim", 8)},
                  {x, cos, sin, one}, 1, t, 1);
        Tensor wide = Tensor(dtype, {2, 5, 24}).random(), c3 = Tensor(dtype, {2, 5, 4}).random();
        Tensor s3 = Tensor(dtype, {2, 5, 4}).random();
        op_agrees(describe("a row each", dtype), "rotary_embedding", {attribute("heads", 3)},
                  {wide, c3, s3}, 1, t, 1);
    }
}

static void biases()
{
    Tensor table = Tensor(INGOT_F32, {33, 3}).random();
    for (int64_t n : {1, 40, 300}) {
        Tensor x = Tensor(INGOT_F32, {2, n, 4}).random();
        op_agrees("relative_bias", "relative_bias",
                  {attribute("buckets", 32), attribute("max_distance", 100)}, {x, table}, 1, 0, 1);
    }
}

int main()
{
    biases();
    attention_masks();
    attention_layouts();
    attention_past();
    attention_by_rows();
    rounded();
    ropes();
    return done();
}
