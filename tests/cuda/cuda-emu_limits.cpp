// More of a thing than a grid has blocks along y or z, which is 65535: work is done in several
// launches or other dimensions, or the step stays on the CPU.
#include "tests/cuda/op_check.hpp"

using namespace cuda_test;

static const int64_t MANY = 65537;

static bool declined(const char *op, std::vector<op_attribute> attributes,
                     std::vector<Tensor> tensors)
{
    std::vector<op_input> in;
    for (Tensor &t : tensors) {
        t.in.data = t.bytes.data();
        in.push_back(t.in);
    }
    const op_case c = {op, attributes.data(), attributes.size(), in.data(), in.size(), 1, 0, 0};
    op_output out[OP_CASE_MOST] = {};
    char text[256] = "";
    const op_result r = op_on_device(&c, out, text, sizeof text);
    op_case_clear();
    return check(r == OP_DECLINED, "%s is not declined: %s", op, text);
}

static Tensor numbers(int dtype, std::vector<int64_t> dims) { return Tensor(dtype, dims).random(); }

static void attention()
{
    const Tensor q = numbers(INGOT_F32, {MANY, 1, 1, 4}), k = numbers(INGOT_F32, {MANY, 1, 2, 4});
    Tensor mask(INGOT_BOOL, {MANY, 1, 1, 2});
    mask.fill([](size_t i) { return i % 3 ? 1. : 0.; });
    op_agrees("attention of many batches", "attention", {}, {q, k, k, mask}, 1, 1e-5, 1);
    const Tensor heads = numbers(INGOT_F32, {1, MANY, 1, 4});
    declined("attention", {}, {heads, heads, heads});
}

static void bytes()
{
    const Tensor a(INGOT_I8, {MANY, 1, 16}), b(INGOT_I8, {MANY, 16, 1});
    declined("matmul_integer", {}, {a, b});
    Tensor tall(INGOT_U8, {MANY, 2, 3}), one(INGOT_I8, {3, 2}, true);
    op_agrees("products of bytes by one matrix", "matmul_integer", {},
              {tall.any_bits(), one.any_bits()}, 1, 0, 1);
}

int main()
{
    attention();
    bytes();
    return done();
}
