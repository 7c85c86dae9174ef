/* fuzz_ingot.c - .ingot bytes from anywhere, with their digests put right: an error, or a model
 * that is planned and run on zeros; all memory back. */
#include "formats/ingot/ingot_file.h"
#include "runtime/graph/exec.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

const char *const fuzz_endings = ".ingot";
long fuzz_taken;

enum { MEMORY = 64 << 20, SIDE = 16 << 20, INPUT_MOST = 1 << 20 };

/* Inputs of ones for open dims; false: too large to try. */
static bool make_input(ig_tensor *t, const ig_type *type, ig_arena *a)
{
    size_t bytes;
    if (type->kind != IG_TENSOR || type->optional || type->rank < 0 || type->dtype == INGOT_NONE)
        return false;
    *t = (ig_tensor){.dtype = type->dtype, .rank = type->rank};
    for (int d = 0; d < type->rank; d++) t->dims[d] = type->dims[d] < 0 ? 1 : type->dims[d];
    const ig_type made = ig_type_of(t);
    if (!ig_type_bytes(&made, &bytes) || bytes > INPUT_MOST) return false;
    t->data = ig_arena_take(a, bytes);
    return t->data;
}

static void run(const ig_graph *g, ig_heap *heap)
{
    ingot_error err;
    ig_arena a;
    ig_arena_init(&a, heap);
    ig_tensor *in = ig_new_n(&a, ig_tensor, g->n_inputs),
              *out = ig_new_n(&a, ig_tensor, g->n_outputs);
    bool ready = in && out;
    for (size_t i = 0; ready && i < g->n_inputs; i++)
        ready = make_input(&in[i], &g->values[g->inputs[i]].type, &a);
    const ig_exec_options o = {.heap = heap, .side_limit_bytes = SIDE};
    ig_exec *x = NULL;
    if (ready && ig_exec_open(&x, g, &o, &err) == INGOT_OK)
        fuzz_taken += ig_exec_run(x, out, in, &err) == INGOT_OK;
    ig_exec_close(&x);
    ig_arena_clear(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_bound b = {MEMORY};
    ig_heap heap;
    ig_heap_init(&heap, &(ingot_alloc){fuzz_alloc, &b});
    unsigned char *bytes = aligned_alloc(64, (size + 64) / 64 * 64);
    if (!bytes) return 0;
    if (size) memcpy(bytes, data, size);
    if (size && data[size - 1] % 4)
        ig_ingot_fix_digests(bytes, size); /* else the digests are on trial */
    ig_ingot *f;
    ingot_error err = {0};
    if (ig_ingot_open_memory(&f, &heap, bytes, size, &err) == INGOT_OK)
        run(f->graph, &heap);
    else if (!err.text[0])
        abort(); /* a failure says what is wrong */
    ig_ingot_close(&f);
    if (atomic_load(&heap.live_bytes)) abort();
    free(bytes);
    return 0;
}
