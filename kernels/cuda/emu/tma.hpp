// tma.hpp - bulk copies between global and shared memory: runs of bytes, and boxes of tensors with
// zeros outside and swizzled rows.
#pragma once
#include "kernels/cuda/emu/copies.hpp"
#include "kernels/cuda/emu/mbarrier.hpp"

#include <memory>

namespace emu
{

// An address with the 16-byte units of a row of `span` bytes (128, 64, 32; 0: none) exchanged, as
// the copy engine and wgmma do it: address bits from 7 up go over those from 4 up.
inline uint32_t swizzled(uint32_t at, uint32_t span)
{
    return span ? at ^ ((at >> 7 & (span / 16 - 1)) << 4) : at;
}

// What a tensor map says: dimensions (the fastest first), bytes from row to row, the box.
struct TMap {
    char *base;
    int rank;
    uint64_t dim[5], pitch[5]; // pitch[0] is the bytes of an element
    uint32_t box[5], swizzle;  // swizzle: span in bytes
};
struct Place {
    int at[5];
};
inline uint32_t box_bytes(const TMap &t)
{
    auto n = (uint32_t)t.pitch[0];
    for (int i = 0; i < t.rank; i++) n *= t.box[i];
    return n;
}
inline uint32_t tile_base(const void *tile, const TMap &t)
{
    const uint32_t at = smem_u32(tile), unit = t.swizzle ? t.swizzle * 8 : 128;
    if (at & (unit - 1)) die("TMA: tile base not aligned");
    smem_at(at, box_bytes(t));
    return at;
}
// Calls visit(place of 16 bytes in shared memory, column, address of the row in global memory or
// nullptr where it lies outside the tensor) for all of the box.
template <class F> inline void for_box(const TMap &t, Place p, uint32_t base, F visit)
{
    const uint32_t es = (uint32_t)t.pitch[0], inner = t.box[0] * es, rows = box_bytes(t) / inner;
    for (uint32_t row = 0; row < rows; row++) {
        char *from = t.base;
        uint32_t rest = row;
        bool inside = true;
        for (int i = 1; i < t.rank; i++) {
            const int64_t x = (int64_t)p.at[i] + rest % t.box[i];
            rest /= t.box[i];
            inside &= x >= 0 && x < (int64_t)t.dim[i];
            from += x * (int64_t)t.pitch[i];
        }
        for (uint32_t j = 0; j < inner; j += 16)
            visit(swizzled(base + row * inner + j, t.swizzle), (int64_t)p.at[0] + j / es,
                  inside ? from : nullptr);
    }
}
// Calls move(byte in the unit, element in global memory) for elements of a unit inside the tensor.
template <class F> inline void for_elements(const TMap &t, int64_t column, char *row, F move)
{
    const auto es = (uint32_t)t.pitch[0];
    for (uint32_t e = 0; row && e < 16 / es; e++) {
        const int64_t x = column + e;
        if (x >= 0 && x < (int64_t)t.dim[0]) move(e * es, row + x * es);
    }
}
inline void later_or_now(std::function<void()> op)
{
    if (copies_are_late())
        block->late.push_back(std::move(op));
    else
        op();
}
// A copy into shared memory is seen by who waits for its mbarrier.
inline void announce(void *to, size_t bytes, uint64_t *bar)
{
    race_write(to, bytes);
    const Quiet quiet;
    race_release(phase_name(bar, mbarrier(bar)->phase));
}
inline void tma_load(void *tile, const TMap *map, uint64_t *bar, Place p)
{
    const TMap t = *map;
    const uint32_t base = tile_base(tile, t);
    announce(tile, box_bytes(t), bar);
    const Quiet quiet;
    later_or_now([=] {
        for_box(t, p, base, [&](uint32_t to, int64_t column, char *row) {
            char unit[16] = {0};
            for_elements(t, column, row,
                         [&](uint32_t at, char *x) { memcpy(unit + at, x, t.pitch[0]); });
            write_async(to, unit, sizeof unit);
        });
        st_tma++;
        mb_complete(bar, box_bytes(t));
    });
}
inline void tma_store(const TMap *map, const void *tile, Place p)
{
    const TMap t = *map;
    const uint32_t base = tile_base(tile, t);
    race_read(tile, box_bytes(t));
    const Quiet quiet;
    auto taken = std::make_shared<std::vector<char>>();
    bulk_store({[=] {
                    for_box(t, p, base, [&](uint32_t from, int64_t, char *) {
                        const char *unit = smem_async(from, 16);
                        taken->insert(taken->end(), unit, unit + 16);
                    });
                },
                [=] {
                    const char *unit = taken->data();
                    for_box(t, p, base, [&](uint32_t, int64_t column, char *row) {
                        for_elements(t, column, row, [&](uint32_t at, char *x) {
                            memcpy(x, unit + at, t.pitch[0]);
                        });
                        unit += 16;
                    });
                    st_tma++;
                }});
}
inline void check_bulk(const void *shared, const void *global, uint32_t bytes)
{
    smem_at(smem_u32(shared), bytes);
    if (((uintptr_t)shared | (uintptr_t)global | bytes) & 15)
        die("cp.async.bulk: addresses and size must be multiples of 16");
}
inline void bulk_load(void *to, const void *from, uint32_t bytes, uint64_t *bar)
{
    check_bulk(to, from, bytes);
    race_read(from, bytes);
    announce(to, bytes, bar);
    const Quiet quiet;
    later_or_now([=] {
        write_async(smem_u32(to), from, bytes);
        st_tma++;
        mb_complete(bar, bytes);
    });
}
inline void bulk_write(void *to, const void *from, uint32_t bytes)
{
    check_bulk(from, to, bytes);
    race_read(from, bytes);
    race_write(to, bytes);
    const Quiet quiet;
    auto taken = std::make_shared<std::vector<char>>();
    bulk_store({[=] {
                    const char *p = smem_async(smem_u32(from), bytes);
                    taken->assign(p, p + bytes);
                },
                [=] { memcpy(to, taken->data(), bytes); }});
}

} // namespace emu
