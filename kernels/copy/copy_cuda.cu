// copy_cuda.cu - instances and launchers of copies, fills and picks: how wide the units are and
// which kernel moves them is chosen here, from the strides and the alignment of the pointers.
#include "kernels/copy/copy_sm80.cuh"
#include "kernels/cuda/launch.cuh"

enum {
    TURN_LEAST = 8, /* a side of a transpose that is worth a tile */
    INVALID = 1     /* cudaErrorInvalidValue */
};

static unsigned blocks_of(uint32_t n, uint32_t each) { return n / each + (n % each != 0); }

// Calls f with an element of that size.
template <class F> static int by_size(int bytes, F f)
{
    switch (bytes) {
    case 1:
        return f(uint8_t());
    case 2:
        return f(uint16_t());
    case 4:
        return f(uint32_t());
    case 8:
        return f(uint64_t());
    default:
        return f(uint4());
    }
}

static bool aligned(const void *p, int bytes) { return (uintptr_t)p % (uintptr_t)bytes == 0; }

// ---- transposes ----

// Takes the innermost dimension and the one that is contiguous in the source out of the walk.
static bool find_turn(copy_turn *t, const cu_walk *w)
{
    if (w->stride[0][0] != 1 || w->stride[1][0] == 1 || w->dims[0].d < TURN_LEAST) return false;
    int r = 1;
    while (r < w->rank && (w->stride[1][r] != 1 || w->dims[r].d < TURN_LEAST)) r++;
    if (r == w->rank) return false;
    t->cols = w->dims[0].d;
    t->rows = w->dims[r].d;
    t->from_col = w->stride[1][0];
    t->to_row = w->stride[0][r];
    t->col_tiles = cu_div_of(blocks_of(t->cols, TURN_TILE));
    t->row_tiles = cu_div_of(blocks_of(t->rows, TURN_TILE));
    cu_walk_begin(&t->rest, 2);
    for (int d = 1; d < w->rank; d++) {
        const int64_t step[2] = {w->stride[0][d], w->stride[1][d]};
        if (d != r && !cu_walk_dim(&t->rest, w->dims[d].d, step)) return false;
    }
    const uint64_t blocks = (uint64_t)t->col_tiles.d * t->row_tiles.d * t->rest.total;
    return blocks <= CU_MOST;
}

template <class T> static int turned(const cu_move_args *a, const copy_turn &t, cu_stream s)
{
    const unsigned blocks = t.col_tiles.d * t.row_tiles.d * t.rest.total;
    return cu_start(copy_turned<T>, blocks, COPY_THREADS, TURN_TILE * (TURN_TILE + 1) * sizeof(T),
                    s, (char *)a->to, (const char *)a->from, t);
}

// ---- strided ----

// The widest unit that both sides can be moved in.
static int widen(cu_walk *w, const cu_move_args *a)
{
    if (w->stride[0][0] != 1 || w->stride[1][0] != 1) return a->bytes;
    for (int v = 16 / a->bytes; v > 1; v /= 2) {
        const int bytes = v * a->bytes;
        if (aligned(a->to, bytes) && aligned(a->from, bytes) && cu_walk_runs(w, (uint32_t)v))
            return bytes;
    }
    return a->bytes;
}

extern "C" int cu_move(const cu_move_args *a, cu_stream s)
{
    cu_walk w = a->walk;
    copy_turn t;
    if (!w.total) return 0;
    if (a->bytes <= 8 && find_turn(&t, &w))
        return by_size(a->bytes, [&](auto e) { return turned<decltype(e)>(a, t, s); });
    const int bytes = widen(&w, a);
    return by_size(bytes, [&](auto e) {
        return cu_start(copy_strided<decltype(e)>, blocks_of(w.total, COPY_THREADS * COPY_EACH),
                        COPY_THREADS, 0, s, (char *)a->to, (const char *)a->from, w, a->bytes);
    });
}

extern "C" int cu_fill(const cu_fill_args *a, cu_stream s)
{
    uint64_t wide[2] = {a->value[0], a->value[1]};
    int bytes = a->bytes;
    int64_t n = a->n;
    while (bytes < 16 && n % 2 == 0 && aligned(a->to, 2 * bytes)) { // pairs of equal elements
        memcpy((char *)wide + bytes, wide, (size_t)bytes);
        bytes *= 2;
        n /= 2;
    }
    return by_size(bytes, [&](auto e) {
        typedef decltype(e) T;
        T value;
        memcpy(&value, wide, sizeof value);
        const int64_t each = COPY_THREADS * COPY_EACH, blocks = n / each + (n % each != 0);
        if (blocks > INT32_MAX) return (int)INVALID;
        return cu_start(fill_elements<T>, (unsigned)blocks, COPY_THREADS, 0, s, (T *)a->to, value,
                        n);
    });
}

extern "C" int cu_pick(const cu_pick_args *a, cu_stream s)
{
    copy_tables t = {};
    int bytes = a->bytes, run = 1;
    t.rank = a->rank;
    t.total = 1;
    if (!a->table[0] && a->stride[0] == 1) // whole runs of the innermost dimension
        for (int v = 16 / bytes; v > 1 && run == 1; v /= 2) {
            bool fits =
                a->size[0] % v == 0 && aligned(a->to, v * bytes) && aligned(a->from, v * bytes);
            for (int d = 1; d < a->rank; d++) fits = fits && a->stride[d] % v == 0;
            if (fits) run = v;
        }
    uint64_t outside[2] = {a->outside[0], a->outside[1]};
    for (int v = 1; v < run; v++) memcpy((char *)outside + v * bytes, outside, (size_t)bytes);
    for (int d = 0; d < a->rank; d++) {
        const uint32_t size = (uint32_t)a->size[d] / (d == 0 ? (uint32_t)run : 1);
        t.total *= size;
        t.size[d] = cu_div_of(size ? size : 1);
        t.stride[d] = d == 0 ? a->stride[0] : a->stride[d] / run;
        t.table[d] = a->table[d];
    }
    return by_size(bytes * run, [&](auto e) {
        typedef decltype(e) T;
        T value;
        memcpy(&value, outside, sizeof value);
        return cu_start(pick_elements<T>, blocks_of(t.total, COPY_THREADS), COPY_THREADS, 0, s,
                        (T *)a->to, (const T *)a->from, t, value);
    });
}
