// Copies, transposes, fills, picks, gathers and scatters on the emulator against plain loops.
#include "kernels/copy/copy_cuda.h"
#include "kernels/gather/gather_cuda.h"
#include "kernels/scatter/scatter_cuda.h"
#include "tests/cuda/harness.hpp"

#include "runtime/base/half.h"

#include <algorithm>
#include <numeric>

using namespace cuda_test;

static char *random_bytes(size_t n)
{
    char *p = buffer<char>(n);
    for (size_t i = 0; i < n; i++) p[i] = (char)bits();
    return p;
}

// ---- strided copies ----

struct loops {
    std::vector<int64_t> n, to, from; // innermost first, elements
    int64_t to_at = 0, from_at = 0;   // where index 0 lies
    size_t to_n = 0, from_n = 0;      // elements of the tensors
};

static void copy_like(const char *what, const loops &l, int bytes)
{
    cu_move_args a = {};
    std::vector<char> want(l.to_n * bytes, (char)0xff);
    const char *from = random_bytes(l.from_n * bytes);
    char *to = buffer<char>(l.to_n * bytes);
    cu_walk_begin(&a.walk, 2);
    for (size_t d = 0; d < l.n.size(); d++) {
        const int64_t step[2] = {l.to[d], l.from[d]};
        if (!check(cu_walk_dim(&a.walk, l.n[d], step), "%s: too many dimensions", what)) return;
    }
    const int64_t total =
        std::accumulate(l.n.begin(), l.n.end(), (int64_t)1, std::multiplies<int64_t>());
    for (int64_t i = 0; i < total; i++) {
        int64_t rest = i, t = l.to_at, f = l.from_at;
        for (size_t d = 0; d < l.n.size(); d++) {
            t += rest % l.n[d] * l.to[d];
            f += rest % l.n[d] * l.from[d];
            rest /= l.n[d];
        }
        memcpy(&want[t * bytes], from + f * bytes, bytes);
    }
    a.to = to + l.to_at * bytes;
    a.from = from + l.from_at * bytes;
    a.bytes = bytes;
    same_in_all_modes(what, to, l.to_n * bytes, [&] { return cu_move(&a, nullptr); });
    check(!memcmp(to, want.data(), want.size()), "%s of %d bytes: other elements", what, bytes);
}

// A permutation of dims; outermost first, as people write them.
static void transposed(std::vector<int64_t> dims, std::vector<int> perm, int bytes)
{
    const int rank = (int)dims.size();
    std::vector<int64_t> own(rank);
    int64_t s = 1;
    for (int d = rank - 1; d >= 0; d--) own[d] = s, s *= dims[d];
    loops l;
    int64_t t = 1;
    for (int d = rank - 1; d >= 0; d--) {
        l.n.push_back(dims[perm[d]]);
        l.from.push_back(own[perm[d]]);
        l.to.push_back(t);
        t *= dims[perm[d]];
    }
    l.to_n = l.from_n = s;
    copy_like("transpose", l, bytes);
}

static void copies()
{
    for (int bytes : {1, 2, 4, 8, 16}) {
        transposed({37, 70}, {1, 0}, bytes);
        transposed({2, 9, 5, 33}, {0, 3, 1, 2}, bytes);
        transposed({3, 4, 5, 2, 3}, {4, 2, 0, 3, 1}, bytes);
        transposed({6, 5, 8}, {1, 0, 2}, bytes);
        copy_like("flat", {{1003}, {1}, {1}, 0, 0, 1003, 1003}, bytes);
        copy_like("flat, aligned", {{1024}, {1}, {1}, 0, 0, 1024, 1024}, bytes);
        copy_like("reversed", {{40, 3}, {1, 40}, {-1, 40}, 0, 39, 120, 120}, bytes);
        copy_like("steps", {{7, 4}, {1, 7}, {3, 21}, 0, 1, 28, 88}, bytes);
        copy_like("repeated", {{8, 5, 6}, {1, 8, 40}, {1, 0, 8}, 0, 0, 240, 48}, bytes);
        copy_like("one element", {{300}, {1}, {0}, 0, 0, 300, 1}, bytes);
        copy_like("a part of a concat", {{12, 5}, {1, 20}, {1, 12}, 4, 0, 100, 60}, bytes);
    }
}

static void fills()
{
    for (int bytes : {1, 2, 4, 8, 16})
        for (int n : {1, 5, 64, 1999}) {
            char *to = buffer<char>((size_t)n * bytes);
            cu_fill_args a = {to, bytes, n, {0x0123456789abcdefull, 0xfedcba9876543210ull}};
            same_in_all_modes("fill", to, (size_t)n * bytes, [&] { return cu_fill(&a, nullptr); });
            bool right = true;
            for (int i = 0; i < n; i++) right &= !memcmp(to + (size_t)i * bytes, a.value, bytes);
            check(right, "fill of %d x %d bytes", n, bytes);
        }
}

static void picks(int bytes, bool table_inside)
{
    const int in[3] = {8, 5, 4}, out[3] = {table_inside ? 11 : 8, 7, 4}; // innermost first
    int32_t *tables[3] = {};
    for (int d = 0; d < 2; d++) {
        if (d == 0 && !table_inside) continue;
        tables[d] = buffer<int32_t>(out[d]);
        for (int i = 0; i < out[d]; i++) tables[d][i] = below(in[d] + 1) - 1;
    }
    const char *from = random_bytes((size_t)in[0] * in[1] * in[2] * bytes);
    const size_t n = (size_t)out[0] * out[1] * out[2];
    char *to = buffer<char>(n * bytes);
    cu_pick_args a = {};
    a.to = to;
    a.from = from;
    a.bytes = bytes;
    a.rank = 3;
    a.outside[0] = 0x1122334455667788ull;
    for (int d = 0, s = 1; d < 3; s *= in[d++]) {
        a.size[d] = out[d];
        a.stride[d] = s;
        a.table[d] = tables[d];
    }
    same_in_all_modes("pick", to, n * bytes, [&] { return cu_pick(&a, nullptr); });
    for (size_t i = 0; i < n; i++) {
        int64_t at = 0;
        size_t rest = i;
        bool inside = true;
        for (int d = 0; d < 3; rest /= out[d++]) {
            const int k = (int)(rest % out[d]), p = tables[d] ? tables[d][k] : k;
            inside &= p >= 0;
            at += p * a.stride[d];
        }
        const void *want = inside ? from + at * bytes : (const char *)a.outside;
        if (!check(!memcmp(to + i * bytes, want, bytes), "pick of %d bytes: element %zu", bytes, i))
            return;
    }
}

// ---- gathers ----

static void rows_of_tuples()
{
    const int64_t sizes[2] = {6, 5};
    const int n = 300, k = 2;
    int32_t *index = buffer<int32_t>(n * k), *row = buffer<int32_t>(n);
    cu_fault *fault = zeros<cu_fault>(1);
    for (int i = 0; i < n; i++)
        for (int d = 0; d < k; d++) index[i * k + d] = below(2 * (int)sizes[d]) - (int)sizes[d];
    index[16] = 5; // the last one
    index[40] = 6; // dimension 0 has 6
    cu_rows_args a = {};
    a.row = row;
    a.index = {index, 4, true};
    a.k = k;
    a.fault = {fault, 77};
    for (int d = 0; d < k; d++) a.size[d] = sizes[d], a.step[d] = d ? 1 : sizes[1];
    cu_walk_begin(&a.walk, 2);
    const int64_t inner[2] = {0, k}, outer[2] = {30, k * n / 3};
    cu_walk_dim(&a.walk, n / 3, inner);
    cu_walk_dim(&a.walk, 3, outer);
    same_in_all_modes("rows", row, n * 4, [&] { return cu_rows(&a, nullptr); });
    check(fault->owner == 77 && fault->at == 40 && fault->value == 6,
          "rows: an index outside is not told");
    for (int i = 0; i < n; i++) {
        int64_t want = i / (n / 3) * 30;
        for (int d = 0; d < k; d++) {
            int64_t v = index[i * k + d];
            if (v < 0) v += sizes[d];
            want += v * a.step[d];
        }
        if (i == 20) want = -1;
        if (!check(row[i] == want, "row %d is %d, not %d", i, row[i], (int)want)) return;
    }
}

static void picked_rows(int64_t bytes, int shift)
{
    const int n = 37, all = 21;
    int32_t *row = buffer<int32_t>(n);
    for (int i = 0; i < n; i++) row[i] = below(all + 1) - 1;
    const char *from = random_bytes((size_t)all * bytes + shift) + shift;
    char *to = buffer<char>(n * bytes);
    cu_pick_rows_args a = {to, from, row, n, bytes};
    same_in_all_modes("pick rows", to, n * bytes, [&] { return cu_pick_rows(&a, nullptr); });
    const std::vector<char> zero(bytes, 0);
    for (int i = 0; i < n; i++) {
        const char *want = row[i] < 0 ? zero.data() : from + row[i] * bytes;
        if (!check(!memcmp(to + i * bytes, want, bytes), "row %d of %d bytes", i, (int)bytes))
            return;
    }
}

static void embedding(int type, int size)
{
    const int n = 13, rows = 40;
    const float *f = random_f32((size_t)rows * size);
    uint16_t *h = buffer<uint16_t>((size_t)rows * size);
    for (int i = 0; i < rows * size; i++)
        h[i] = type == CU_TABLE_F16 ? ig_f32_to_f16(f[i]) : ig_f32_to_bf16(f[i]);
    int64_t *id = buffer<int64_t>(n);
    for (int i = 0; i < n; i++) id[i] = below(rows);
    id[3] = rows;
    float *y = buffer<float>((size_t)n * size);
    cu_embed_args a = {
        y, type == CU_TABLE_F32 ? (const void *)f : h, type, {id, 8, true}, n, size, rows, 0.5f,
        {}};
    same_in_all_modes("embed", y, (size_t)n * size * 4, [&] { return cu_embed(&a, nullptr); });
    for (int i = 0; i < n * size; i++) {
        const int64_t at = id[i / size] * size + i % size;
        float want = 0;
        if (i / size != 3)
            want = 0.5f * (type == CU_TABLE_F32   ? f[at]
                           : type == CU_TABLE_F16 ? ig_f16_to_f32(h[at])
                                                  : ig_bf16_to_f32(h[at]));
        if (!check(y[i] == want, "embed: element %d is %g, not %g", i, y[i], want)) return;
    }
}

static void reversed(bool time_first)
{
    const int time = 7, batch = 5;
    int32_t *row = buffer<int32_t>(time * batch);
    int64_t len[batch] = {0, 1, 3, 7, 6};
    cu_reverse_rows_args a = {row, {len, 8, true}, time, batch, time_first, {}};
    same_in_all_modes("reverse", row, sizeof(int32_t) * time * batch,
                      [&] { return cu_reverse_rows(&a, nullptr); });
    for (int t = 0; t < time; t++)
        for (int b = 0; b < batch; b++) {
            const int from = t < len[b] ? (int)len[b] - 1 - t : t;
            const int at = time_first ? t * batch + b : b * time + t;
            const int want = time_first ? from * batch + b : b * time + from;
            check(row[at] == want, "reversed step %d of %d: %d, not %d", t, b, row[at], want);
        }
}

// ---- scatters ----

static std::vector<uint64_t> ordered(const int32_t *row, int n, uint64_t *key)
{
    const cu_order_args a = {key, row, n};
    same_in_all_modes("order", key, (size_t)cu_order_room(n) * 8,
                      [&] { return cu_order(&a, nullptr); });
    std::vector<uint64_t> want(n);
    for (int i = 0; i < n; i++) want[i] = (uint64_t)(uint32_t)row[i] << 32 | (uint32_t)i;
    std::sort(want.begin(), want.end());
    check(!memcmp(want.data(), key, n * 8), "order of %d keys", n);
    return want;
}

static int32_t *some_rows(int n, int rows)
{
    int32_t *row = buffer<int32_t>(n);
    for (int i = 0; i < n; i++) row[i] = below(rows + 1) - 1;
    return row;
}

static void put(int bytes, int slice)
{
    const int n = 90, rows = 40;
    const int32_t *row = some_rows(n, rows);
    uint64_t *key = buffer<uint64_t>(cu_order_room(n));
    ordered(row, n, key);
    const size_t row_bytes = (size_t)slice * bytes;
    const char *x = random_bytes(n * row_bytes), *before = random_bytes(rows * row_bytes);
    char *y = buffer<char>(rows * row_bytes);
    std::vector<char> want(before, before + rows * row_bytes);
    for (int i = 0; i < n; i++)
        if (row[i] >= 0) memcpy(&want[row[i] * row_bytes], x + i * row_bytes, row_bytes);
    const cu_scatter_args a = {y, x, key, n, slice, CU_PUT, 0, bytes};
    same_in_all_modes("scatter", y, rows * row_bytes, [&] {
        memcpy(y, before, rows * row_bytes);
        return cu_scatter(&a, nullptr);
    });
    check(!memcmp(y, want.data(), want.size()), "scatter of %d x %d bytes", slice, bytes);
}

template <class T> static T combined(cu_put put, T a, T b)
{
    switch (put) {
    case CU_PUT_ADD:
        return (T)(a + b);
    case CU_PUT_MUL:
        return (T)(a * b);
    case CU_PUT_MIN:
        return a < b ? a : b;
    default:
        return a > b ? a : b;
    }
}

template <class T> static void reduced(cu_put put, int type, int n, int slice)
{
    const int rows = 23;
    const int32_t *row = some_rows(n, rows);
    uint64_t *key = buffer<uint64_t>(cu_order_room(n));
    ordered(row, n, key);
    T *x = buffer<T>((size_t)n * slice), *before = buffer<T>((size_t)rows * slice),
      *y = buffer<T>((size_t)rows * slice);
    for (int i = 0; i < n * slice; i++) x[i] = (T)(uniform() * 100);
    for (int i = 0; i < rows * slice; i++) before[i] = (T)(uniform() * 100);
    std::vector<T> want(before, before + rows * slice);
    for (int i = 0; i < n; i++)
        for (int e = 0; e < slice && row[i] >= 0; e++) {
            T &w = want[row[i] * slice + e];
            w = combined(put, w, x[i * slice + e]);
        }
    const cu_scatter_args a = {y, x, key, n, slice, put, type, sizeof(T)};
    same_in_all_modes("scatter", y, want.size() * sizeof(T), [&] {
        memcpy(y, before, want.size() * sizeof(T));
        return cu_scatter(&a, nullptr);
    });
    check(!memcmp(y, want.data(), want.size() * sizeof(T)), "scatter %d of type %d, %d x %d", put,
          type, n, slice);
}

static void scatters()
{
    put(1, 3);
    put(2, 1);
    put(4, 5);
    put(8, 2);
    put(4, 8);
    for (cu_put p : {CU_PUT_ADD, CU_PUT_MUL, CU_PUT_MIN, CU_PUT_MAX}) {
        reduced<float>(p, NB_F32, 200, 3);
        reduced<double>(p, NB_F64, 50, 1);
        reduced<int8_t>(p, NB_I8, 70, 2);
        reduced<uint16_t>(p, NB_U16, 70, 1);
        reduced<int64_t>(p, NB_I64, 70, 1);
    }
    const int32_t *row = some_rows(5000, 300); // more than a chunk
    ordered(row, 5000, buffer<uint64_t>(cu_order_room(5000)));
}

int main()
{
    copies();
    fills();
    for (int bytes : {1, 2, 4, 8, 16}) {
        picks(bytes, true);
        picks(bytes, false);
    }
    rows_of_tuples();
    for (int bytes : {1, 2, 3, 4, 8, 12, 16, 48, 10}) picked_rows(bytes, 0);
    picked_rows(16, 4);
    for (int type : {CU_TABLE_F32, CU_TABLE_F16, CU_TABLE_BF16}) {
        embedding(type, 24);
        embedding(type, 7);
    }
    reversed(true);
    reversed(false);
    scatters();
    return done();
}
