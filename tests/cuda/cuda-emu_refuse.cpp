// Data that point nowhere, known to a kernel only: the device's run ends with the CPU's error, word
// for word. Each case has one entry that is wrong; that nothing outside is touched the guard pages
// behind each tensor see.
#include "tests/cuda/op_check.hpp"

using namespace cuda_test;

// Indices [dims] in 0..most - 1 but for the one at `at`, which is `value`.
static Tensor indices(int dtype, std::vector<int64_t> dims, int most, size_t at, double value)
{
    Tensor t(dtype, dims);
    t.fill([&](size_t i) { return i == at ? value : (double)(i % (size_t)most); });
    return t;
}
static Tensor numbers(std::vector<int64_t> dims)
{
    Tensor t(INGOT_F32, dims);
    return t.random();
}

static void gathers()
{
    for (const int dtype : {INGOT_I32, INGOT_I64})
        for (const double value : {5., -6., 1e9, -2e9}) {
            const std::string v = describe("", dtype) + " " + std::to_string((long)value);
            op_refuses("gather" + v, "gather", {attribute("axis", 1)},
                       {numbers({3, 5, 7}), indices(dtype, {4, 3}, 5, 7, value)});
            op_refuses("gather_elements" + v, "gather_elements", {attribute("axis", 1)},
                       {numbers({3, 5, 7}), indices(dtype, {2, 9, 7}, 5, 50, value)});
            op_refuses("gather_nd" + v, "gather_nd", {},
                       {numbers({5, 5, 3}), indices(dtype, {2, 6, 2}, 5, 13, value)});
            op_refuses("gather_nd of batches" + v, "gather_nd", {attribute("batch_dims", 1)},
                       {numbers({2, 5, 3}), indices(dtype, {2, 6, 1}, 5, 9, value)});
        }
    op_refuses("gather, many", "gather", {},
               {numbers({1000, 2}), indices(INGOT_I32, {5000}, 1000, 4321, 1000)});
    op_refuses("gather of bytes", "gather", {},
               {numbers({5, 2}), indices(INGOT_I8, {5}, 5, 2, -6)});
}

static void scatters()
{
    for (const char *put : {"none", "add"}) {
        const std::string p = std::string(" ") + put;
        op_refuses("scatter_elements" + p, "scatter_elements",
                   {attribute("axis", 1), attribute("reduction", put)},
                   {numbers({4, 6}), indices(INGOT_I64, {4, 5}, 6, 11, 6), numbers({4, 5})});
        op_refuses("scatter_nd" + p, "scatter_nd", {attribute("reduction", put)},
                   {numbers({4, 6, 2}), indices(INGOT_I64, {3, 2}, 4, 3, -7), numbers({3, 2})});
    }
    op_refuses("tensor_scatter", "tensor_scatter", {attribute("axis", 1)},
               {numbers({3, 8, 2}), numbers({3, 2, 2}), indices(INGOT_I64, {3}, 3, 1, 7)});
    op_refuses("tensor_scatter, in a circle", "tensor_scatter",
               {attribute("axis", 1), attribute("mode", "circular")},
               {numbers({3, 8, 2}), numbers({3, 2, 2}), indices(INGOT_I64, {3}, 3, 2, -1)});
}

static void tables()
{
    for (const double value : {40., -1.})
        for (const int64_t size : {24, 5})
            op_refuses("embed " + std::to_string((int)value), "embed", {},
                       {indices(INGOT_I64, {2, 9}, 40, 12, value), numbers({40, size})});
    op_refuses("rope_table", "rope_table", {attribute("half", 8)},
               {indices(INGOT_I64, {20}, 20, 13, -3)});
    const Tensor x = numbers({2, 3, 6, 16}), turn = numbers({10, 8});
    for (const double value : {10., -1.})
        op_refuses("rotary_embedding", "rotary_embedding", {},
                   {x, turn, turn, indices(INGOT_I64, {2, 6}, 10, 8, value)});
    op_refuses("rotary_embedding from a position", "rotary_embedding", {},
               {x, turn, turn, indices(INGOT_I64, {1}, 1, 0, 5)});
}

static void sequences()
{
    for (const double value : {8., -1.}) {
        op_refuses("reverse_sequence", "reverse_sequence", {},
                   {numbers({7, 4, 3}), indices(INGOT_I64, {4}, 8, 2, value)});
        for (const int dtype : {INGOT_I32, INGOT_I64})
            op_refuses(describe("lstm", dtype), "lstm", {attribute("hidden_size", 4)},
                       {numbers({7, 3, 5}), numbers({1, 16, 5}), numbers({1, 16, 4}), Tensor(),
                        indices(dtype, {3}, 8, 1, value)});
        op_refuses("lengths of a byte", "rnn", {attribute("hidden_size", 4)},
                   {numbers({7, 3, 5}), numbers({1, 4, 5}), numbers({1, 4, 4}), Tensor(),
                    indices(INGOT_I8, {3}, 8, 2, value)});
    }
    op_refuses("attention", "attention", {},
               {numbers({2, 2, 4, 8}), numbers({2, 2, 6, 8}), numbers({2, 2, 6, 8}), Tensor(),
                Tensor(), Tensor(), indices(INGOT_I64, {2}, 6, 1, 7)});
    op_refuses("attention with scores", "attention", {},
               {numbers({2, 2, 4, 8}), numbers({2, 2, 6, 8}), numbers({2, 2, 6, 8}), Tensor(),
                Tensor(), Tensor(), indices(INGOT_I64, {2}, 6, 1, -7)},
               4);
}

static void regions()
{
    Tensor x = numbers({2, 3, 8, 8}), boxes(INGOT_F32, {4, 4}), rois(INGOT_F32, {4, 5});
    boxes.fill([](size_t i) { return (double)(i % 4) * 1.5; });
    rois.fill([](size_t i) { return i % 5 ? (double)(i % 5) * 1.5 : (double)(i % 2); });
    const std::vector<op_attribute> align = {attribute("output_height", 2),
                                             attribute("output_width", 3)};
    std::vector<int64_t> two = {2, 2}, cells = {2, 3};
    const std::vector<op_attribute> pool = {attribute("pooled_shape", cells)};
    op_agrees("roi_align", "roi_align", align, {x, boxes, indices(INGOT_I64, {4}, 2, 0, 1)}, 1,
              1e-5);
    op_agrees("max_roi_pool", "max_roi_pool", pool, {x, rois}, 1, 0);
    for (const double batch : {2., -1.}) {
        op_refuses("roi_align", "roi_align", align,
                   {x, boxes, indices(INGOT_I64, {4}, 2, 3, batch)});
        Tensor bad = rois;
        bad.set(15, batch);
        op_refuses("max_roi_pool", "max_roi_pool", pool, {x, bad});
    }
    for (const double box : {INFINITY, NAN}) {
        Tensor bad = boxes;
        bad.set(6, box);
        op_refuses("roi_align, no box", "roi_align", align,
                   {x, bad, indices(INGOT_I64, {4}, 2, 0, 0)});
        bad = rois;
        bad.set(12, box);
        op_refuses("max_roi_pool, no box", "max_roi_pool", pool, {x, bad});
    }
    const std::vector<op_attribute> window = {attribute("kernel_shape", two),
                                              attribute("strides", two)};
    for (const double value : {64., -1.})
        op_refuses("max_unpool", "max_unpool", window,
                   {numbers({1, 1, 4, 4}), indices(INGOT_I64, {1, 1, 4, 4}, 64, 5, value)});
    op_agrees("max_unpool", "max_unpool", window,
              {numbers({1, 1, 4, 4}), indices(INGOT_I64, {1, 1, 4, 4}, 64, 5, 63)}, 1, 0);
}

static void categories()
{
    Tensor keys(INGOT_I64, {5}, true);
    keys.fill([](size_t i) { return (double)i * 3; });
    for (const int dtype : {INGOT_F32, INGOT_I64})
        op_refuses(describe("one_hot_encoder", dtype), "one_hot_encoder", {attribute("zeros", 0)},
                   {Tensor(dtype, {40}).fill([](size_t i) { return i == 33 ? 4. : 6.; }), keys});
    op_agrees("one_hot_encoder", "one_hot_encoder", {attribute("zeros", 0)},
              {Tensor(INGOT_I64, {40}).fill([](size_t i) { return (double)(i % 5) * 3; }), keys}, 1,
              0);
}

// Wrong values that the CPU does not look at are not refused either.
static void silent()
{
    op_agrees("no steps", "tensor_scatter", {attribute("axis", 1)},
              {numbers({2, 8, 2}), numbers({2, 0, 2}), indices(INGOT_I64, {2}, 3, 1, 99)}, 1, 0);
    op_agrees("lengths of 64 bits", "gru", {attribute("hidden_size", 4)},
              {numbers({7, 3, 5}), numbers({1, 12, 5}), numbers({1, 12, 4}), Tensor(),
               indices(INGOT_I64, {3}, 8, 1, 7)},
              2, 1e-5);
}

int main()
{
    gathers();
    scatters();
    tables();
    sequences();
    regions();
    categories();
    silent();
    return done();
}
