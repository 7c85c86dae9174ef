// Products of f64 and integers, and sums of products over named dimensions, on the emulated device
// against the CPU's ops.
#include "tests/cuda/op_check.hpp"

using namespace cuda_test;

static const int types[] = {INGOT_F32, INGOT_F16, INGOT_BF16, INGOT_F64, INGOT_I8, INGOT_U8,
                            INGOT_I16, INGOT_I32, INGOT_U32,  INGOT_I64, INGOT_U64};

// Of products of k numbers below 1: f32 in another order, narrower floats rounded once.
static double tolerance_of(int dtype)
{
    return dtype == INGOT_F64   ? 1e-13
           : dtype == INGOT_F32 ? 1e-5
           : dtype == INGOT_F16 ? 2e-3
                                : 2e-2;
}

static Tensor operand(int dtype, std::vector<int64_t> dims, bool constant = false)
{
    Tensor t(dtype, dims, constant);
    return op_is_float(dtype) ? t.random() : t.any_bits(); // of integers any bits: they wrap
}

// ---- matmul of what has no fast kernel ----

static void matmul(int dtype, std::vector<int64_t> a, std::vector<int64_t> b, int turns = 0,
                   int n_modes = 1)
{
    op_agrees(describe("matmul", dtype), "matmul",
              {attribute("trans_a", turns & 1), attribute("trans_b", turns >> 1)},
              {operand(dtype, a), operand(dtype, b, turns == 2)}, 1, tolerance_of(dtype), n_modes);
}

static void finished(double alpha, bool bias, bool residual)
{
    std::vector<Tensor> in = {operand(INGOT_F64, {5, 17}), operand(INGOT_F64, {17, 66})};
    in.push_back(bias ? operand(INGOT_F64, {66}) : Tensor());
    if (residual) in.push_back(operand(INGOT_F64, {5, 66}));
    op_agrees("matmul f64 with an epilogue", "matmul", {attribute("alpha", alpha)}, in, 1, 1e-13,
              2);
}

static void matmuls()
{
    for (int dtype : types) {
        if (tolerance_of(dtype) < 1e-13 || dtype == INGOT_F16 || dtype == INGOT_BF16) continue;
        for (int turns : {0, 1, 2, 3})
            matmul(dtype, turns & 1 ? std::vector<int64_t>{19, 7} : std::vector<int64_t>{7, 19},
                   turns & 2 ? std::vector<int64_t>{9, 19} : std::vector<int64_t>{19, 9}, turns);
        matmul(dtype, {2, 3, 5, 8}, {3, 8, 6});
        matmul(dtype, {31}, {31, 3});
        matmul(dtype, {4, 33}, {33});
    }
    matmul(INGOT_F64, {65, 33}, {33, 130}, 0, 10);
    matmul(INGOT_I32, {65, 33}, {33, 65}, 0, 3);
    matmul(INGOT_I64, {2, 1, 3, 4}, {1, 5, 4, 2}); // batches of both
    matmul(INGOT_F64, {3, 0}, {0, 4});
    finished(1, false, false);
    finished(0.5, true, false);
    finished(-2, true, true);
    finished(1, false, true);
}

// ---- einsum ----

static void einsum(const char *equation, std::vector<std::vector<int64_t>> dims, int dtype,
                   int n_modes = 1, bool constant = false)
{
    std::vector<Tensor> in;
    for (const auto &d : dims) in.push_back(operand(dtype, d, constant && in.size() == 1));
    op_agrees(describe(equation, dtype), "einsum", {attribute("equation", equation)}, in, 1,
              tolerance_of(dtype), n_modes);
}

static void einsums(int dtype)
{
    einsum("ij,jk->ik", {{5, 7}, {7, 9}}, dtype, 2);
    einsum("ij,kj->ik", {{5, 7}, {9, 7}}, dtype); // turned on the right
    einsum("ji,jk->ki", {{7, 5}, {7, 9}}, dtype); // on the left, and the result
    einsum("bij,bjk->bik", {{2, 3, 4}, {2, 4, 5}}, dtype);
    einsum("bqhd,bkhd->bhqk", {{2, 3, 2, 4}, {2, 5, 2, 4}}, dtype); // heads inside: copied
    einsum("bhqk,bkhd->bqhd", {{2, 2, 3, 5}, {2, 5, 2, 4}}, dtype);
    einsum("...ij,...jk->...ik", {{2, 3, 4}, {1, 4, 2}}, dtype); // one is repeated
    einsum("i,j->ij", {{6}, {5}}, dtype);
    einsum("i,i->", {{40}, {40}}, dtype);
    einsum("ij->ji", {{4, 9}}, dtype);
    einsum("ij->", {{4, 9}}, dtype);
    einsum("ii->i", {{6, 6}}, dtype);
    einsum("ii->", {{6, 6}}, dtype);
    einsum("ij,k->i", {{3, 4}, {5}}, dtype); // both summed alone
    einsum("ij,jk,kl->il", {{3, 4}, {4, 5}, {5, 2}}, dtype);
    einsum("ij,ij,ij->ij", {{3, 4}, {3, 4}, {3, 4}}, dtype);
    einsum("ij,jk", {{3, 1}, {4, 5}}, dtype); // a 1 that is repeated
}

int main()
{
    matmuls();
    for (int dtype : {INGOT_F32, INGOT_F16, INGOT_F64, INGOT_I32, INGOT_U64, INGOT_I8})
        einsums(dtype);
    einsum("ij,jk->ik", {{5, 7}, {7, 9}}, INGOT_BF16);
    einsum("bsd,dhk->bshk", {{2, 3, 8}, {8, 2, 5}}, INGOT_F32, 4, true); // weights as they are
    einsum("bsd,hkd->bshk", {{2, 3, 8}, {2, 5, 8}}, INGOT_F16, 2, true);
    einsum("bsd,hdk->bshk", {{1, 9, 8}, {2, 8, 5}}, INGOT_F32, 1, true); // and moved
    einsum("abc,cde,ebf->afd", {{2, 3, 4}, {4, 2, 3}, {3, 3, 5}}, INGOT_F32, 10);
    return done();
}
