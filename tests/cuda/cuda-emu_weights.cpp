// Weights as the device makes them from what lies in files: the bytes that the host would make.
#include "kernels/gemm/weight_rows_cuda.h"
#include "kernels/gemm_q/q_tiles_cuda.h"
#include "tests/cuda/harness.hpp"
#pragma GCC diagnostic ignored "-Wextra" // a C header that compares enums and numbers
extern "C" {
#include "kernels/gemm/gemm.h"
#include "kernels/gemm_q/q_tiles.h"
}

using namespace cuda_test;

// Bytes at the place that a launcher gets: 256-byte aligned, with a guard page behind.
static uint8_t *placed(const std::vector<uint8_t> &from)
{
    uint8_t *p = buffer<uint8_t>((from.size() + 255) / 256 * 256);
    if (!from.empty()) memcpy(p, from.data(), from.size());
    return p;
}

// What lies in a file comes in pieces of whole units, some at a time.
template <class Launch>
static void in_pieces(const char *what, const std::vector<uint8_t> &file, size_t units,
                      size_t unit_bytes, const std::vector<uint8_t> &want, Launch launch)
{
    check(file.size() == units * unit_bytes, "%s: %zu bytes", what, file.size());
    const size_t most = units < 3 ? units : 1 + (size_t)below((int)units);
    uint8_t *got = buffer<uint8_t>(want.size());
    std::vector<uint8_t *> raw;
    for (size_t at = 0; at < units; at += most) {
        const size_t n = most < units - at ? most : units - at;
        raw.push_back(placed(std::vector<uint8_t>(file.begin() + (long)(at * unit_bytes),
                                                  file.begin() + (long)((at + n) * unit_bytes))));
    }
    same_in_all_modes(what, got, want.size(), [&] {
        memset(got, 0, want.size());
        int status = 0;
        for (size_t i = 0; i < raw.size() && !status; i++) {
            const size_t at = i * most;
            status = launch(got, raw[i], at, most < units - at ? most : units - at);
        }
        return status;
    });
    size_t wrong = 0;
    for (size_t i = 0; i < want.size(); i++) wrong += got[i] != want[i];
    check(!wrong, "%s: %zu of %zu bytes are others, in pieces of %zu", what, wrong, want.size(),
          most);
}

// ---- tiles ----

// Scales of any size, zero and infinity among them; no NaN, whose bits nobody promises.
static float scale_like()
{
    const int kind = below(40);
    if (kind == 0) return 0;
    if (kind == 1) return INFINITY;
    return (float)(uniform() * exp2(below(kind < 8 ? 200 : 20) - (kind < 8 ? 140 : 10)));
}

static std::vector<uint8_t> panels(const ig_q_format *f, int n, int k)
{
    size_t bytes;
    check(ig_q_bytes(f, (size_t)n, (size_t)k, &bytes), "sizes");
    std::vector<uint8_t> p(bytes, 0), q((size_t)n * k);
    for (auto &x : q) x = (uint8_t)below(1 << f->bits);
    const bool two = f->scale_bytes == IG_Q_TWO_LEVELS;
    const size_t step = two ? (size_t)IG_Q_SUPER : f->group ? f->group : (size_t)k;
    const size_t groups = (k + step - 1) / step,
                 subs = f->group ? (k + f->group - 1) / f->group : 1;
    std::vector<float> d(n * groups), o(n * groups);
    std::vector<int8_t> s(n * subs), t(n * subs);
    for (auto &x : s) x = (int8_t)(below(255) - 127);
    for (auto &x : t) x = (int8_t)(below(255) - 127);
    for (size_t i = 0; i < d.size(); i++) {
        d[i] = scale_like();
        o[i] = f->offset == IG_Q_ZERO ? (float)below(1 << f->bits) : (float)uniform();
        if (d[i] > 1e38f && f->offset != IG_Q_CENTRED) d[i] = 1; // infinity less infinity
    }
    ig_q_source src = {};
    src.q = q.data();
    src.q_n = (size_t)k;
    src.q_k = 1;
    src.scale = d.data();
    src.scale_n = src.offset_n = groups;
    src.scale_g = src.offset_g = 1;
    src.offset = o.data();
    src.s = s.data();
    src.t = t.data();
    src.sub_n = subs;
    src.sub_g = 1;
    ig_q_pack(p.data(), f, &src, (size_t)n, (size_t)k, 0, ig_q_panels((size_t)n));
    return p;
}

static void tiles(const ig_q_format *f, int n, int k, int matrices)
{
    ig_q_tiles t;
    ig_q_layout l;
    check(ig_q_tiles_of(&t, f, (size_t)n, (size_t)k) && ig_q_layout_of(&l, f, (size_t)k), "sizes");
    std::vector<uint8_t> file, want;
    for (int i = 0; i < matrices; i++) {
        const std::vector<uint8_t> p = panels(f, n, k);
        std::vector<uint8_t> one(t.bytes, 0);
        ig_q_tiles_fill(one.data(), &t, p.data(), f, (size_t)n, (size_t)k, 0, t.n / IG_Q_TILE);
        file.insert(file.end(), p.begin(), p.end());
        want.insert(want.end(), one.begin(), one.end());
    }
    cu_q_tiles_args a = {};
    a.per_matrix = (int)ig_q_panels((size_t)n);
    a.panel_bytes = (int64_t)l.panel_bytes;
    a.matrix_bytes = (int64_t)t.bytes;
    a.n = n, a.k = k, a.tiles_n = (int)t.n, a.tiles_k = (int)t.k;
    a.row = (int64_t)t.row;
    a.bits = (int)f->bits, a.group = (int)f->group, a.scale_bytes = (int)f->scale_bytes;
    a.offset = (int)f->offset;
    a.groups = (int)l.groups, a.per_block = (int)l.per_block, a.per_scale = (int)l.per_scale;
    a.quant_bytes = (int)l.quant_bytes, a.scale_step = (int)l.scale_step;
    a.super_bytes = (int)l.super_bytes, a.block_bytes = (int64_t)l.block_bytes;
    a.scale_groups = (int)t.groups;
    a.scales = (int64_t)t.scales, a.offsets = (int64_t)t.offsets;
    char what[96];
    snprintf(what, sizeof what, "tiles of %s %dx%d, %d of them", f->name, n, k, matrices);
    in_pieces(what, file, (size_t)(matrices * a.per_matrix), l.panel_bytes, want,
              [&](uint8_t *to, const uint8_t *raw, size_t first, size_t count) {
                  cu_q_tiles_args g = a;
                  g.tiles = to, g.panels = raw, g.first = (int64_t)first, g.count = (int)count;
                  return cu_q_tiles(&g, nullptr);
              });
}

static uint16_t half_like(bool bf16)
{
    const uint16_t h = (uint16_t)bits();
    const uint16_t top = bf16 ? 0x7f80 : 0x7c00;
    return (h & top) == top ? (uint16_t)(h & 0x8000 ? 0x8000 : top) : h; // no NaN
}

static void tiles16(bool bf16, int n, int k, int matrices)
{
    ig_q_tiles t;
    check(ig_q_tiles16_of(&t, (size_t)n, (size_t)k), "sizes");
    const size_t depth = bf16 ? ig_gemm_even((size_t)k) : (size_t)k,
                 per = ig_gemm_panels((size_t)n);
    std::vector<uint8_t> file, want;
    for (int m = 0; m < matrices; m++) {
        std::vector<uint16_t> p(per * depth * IG_PANEL, 0);
        for (size_t i = 0; i < (size_t)n; i++)
            for (size_t c = 0; c < (size_t)k; c++) {
                uint16_t *at = &p[i / IG_PANEL * depth * IG_PANEL];
                const bool endless = below(500) == 0;
                uint16_t h = half_like(bf16);
                if (!endless && (h & 0x7fff) == (bf16 ? 0x7f80 : 0x7c00)) h = 0x3c00;
                at[bf16 ? c / 2 * 32 + i % 16 * 2 + c % 2 : c * 16 + i % 16] = h;
            }
        std::vector<uint8_t> one(t.bytes);
        const size_t bytes =
            ig_q_tiles16_fill(one.data(), &t, p.data(), bf16, (size_t)n, (size_t)k);
        check(bytes == p.size() * 2, "panels of 16 bits");
        file.insert(file.end(), (uint8_t *)p.data(), (uint8_t *)p.data() + bytes);
        want.insert(want.end(), one.begin(), one.end());
    }
    cu_q_tiles_args a = {};
    a.per_matrix = (int)per;
    a.panel_bytes = (int64_t)depth * IG_PANEL * 2;
    a.matrix_bytes = (int64_t)t.bytes;
    a.n = n, a.k = k, a.tiles_n = (int)t.n, a.tiles_k = (int)t.k;
    a.row = (int64_t)t.row;
    a.bf16 = bf16;
    char what[96];
    snprintf(what, sizeof what, "tiles of %s %dx%d, %d of them", bf16 ? "bf16" : "f16", n, k,
             matrices);
    in_pieces(what, file, (size_t)matrices * per, (size_t)a.panel_bytes, want,
              [&](uint8_t *to, const uint8_t *raw, size_t first, size_t count) {
                  cu_q_tiles_args g = a;
                  g.tiles = to, g.panels = raw, g.first = (int64_t)first, g.count = (int)count;
                  return cu_q_tiles16(&g, nullptr);
              });
}

// ---- rows ----

static void rows(cu_rows_type type, int matrices, int n, int k, int ld, int width, bool turned)
{
    const size_t each = type == CU_ROWS_16 ? 2 : 4, to_each = type == CU_ROWS_32 ? 4 : 2;
    const int deep = turned ? k : n, blocks = turned ? (n + width - 1) / width : 1;
    const size_t lines = (size_t)matrices * blocks * deep;
    std::vector<uint8_t> file(lines * width * each), want((size_t)matrices * n * ld * to_each, 0);
    for (size_t e = 0; e < lines * width; e++) {
        const float v = (float)(uniform() * exp2(below(200) - 100));
        memcpy(&file[e * each], &v, each);
        const uint16_t rounded = px_f2bf(v);
        const size_t line = e / width, block = line / deep, col = e % width;
        const size_t row = turned ? block % blocks * width + col : line % deep;
        const size_t i = turned ? line % deep : col, m = block / blocks;
        if (row >= (size_t)n) continue;
        memcpy(&want[((m * n + row) * ld + i) * to_each],
               type == CU_ROWS_TO_BF16 ? (const void *)&rounded : (const void *)&file[e * each],
               to_each);
    }
    cu_weight_rows_args a = {};
    a.type = type;
    a.width = width, a.deep = deep, a.blocks = blocks, a.n = n, a.ld = ld, a.turned = turned;
    char what[96];
    snprintf(what, sizeof what, "rows, type %d, %d of %dx%d, ld %d, lines of %d%s", (int)type,
             matrices, n, k, ld, width, turned ? ", turned" : "");
    in_pieces(what, file, lines, width * each, want,
              [&](uint8_t *to, const uint8_t *raw, size_t first, size_t count) {
                  cu_weight_rows_args g = a;
                  g.y = to, g.x = raw, g.first = (int64_t)first, g.count = (int)count;
                  return cu_weight_rows(&g, nullptr);
              });
}

int main()
{
    size_t formats;
    const ig_q_format *f = ig_q_formats(&formats);
    check(formats == 39, "there are other formats: extend the kernels");
    for (size_t i = 0; i < formats; i++) {
        tiles(&f[i], 16 + below(70), 32 * (1 + below(20)), 1);
        tiles(&f[i], 1 + below(40), 1 + below(600), 1 + below(3));
    }
    tiles(ig_q_format_named("i4g32"), 64, 2048, 1);
    for (const bool bf16 : {false, true})
        for (int i = 0; i < 6; i++) tiles16(bf16, 1 + below(140), 1 + below(200), 1 + below(3));
    for (const cu_rows_type type : {CU_ROWS_16, CU_ROWS_32, CU_ROWS_TO_BF16})
        for (int i = 0; i < 4; i++) {
            const int n = 1 + below(100), k = 1 + below(150), m = 1 + below(3);
            rows(type, m, n, k, k + below(9), 16, true); // panels
            rows(type, m, n, k, k + below(9), n, true);  // [k, n]
            rows(type, m, n, k, k + below(9), k, false); // [n, k]
        }
    return done();
}
